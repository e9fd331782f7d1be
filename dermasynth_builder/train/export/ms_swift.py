"""The format `ms_swift`: JSON lines of messages with the whole paths of their pictures.

ms-swift takes a relative path from the folder that it is run in, so the files name whole ones: export again after a
move. It reads the format `trl` without a word and without a picture.
"""

from collections.abc import Iterator

from dermasynth_builder.core.records import Split
from dermasynth_builder.train.export import Output
from dermasynth_builder.train.export.lines import IMAGE_MARK, messages_of, write_lines
from dermasynth_builder.train.pictures import Picture
from dermasynth_builder.train.turns import Example


def write_ms_swift(examples: Iterator[tuple[Example, Picture]], split: Split, output: Output) -> int:
    """`<split>.jsonl`."""
    return write_lines(
        output.folder / f"{split}.jsonl",
        (
            {
                "id": example.name,
                "messages": messages_of(example, mark=IMAGE_MARK),
                "images": [str(output.home / output.place(example, picture))],
            }
            for example, picture in examples
        ),
    )
