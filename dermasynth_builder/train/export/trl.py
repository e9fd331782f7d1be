"""The format `trl`: a folder that `datasets` opens as images with messages; for TRL, unsloth and axolotl.

No mark stands in the text: these trainers put the picture before the first user turn themselves.
"""

from collections.abc import Iterator

from dermasynth_builder.core.records import Split
from dermasynth_builder.train.export import Output
from dermasynth_builder.train.export.lines import messages_of, write_lines
from dermasynth_builder.train.pictures import Picture
from dermasynth_builder.train.turns import Example


def write_trl(examples: Iterator[tuple[Example, Picture]], split: Split, output: Output) -> int:
    """`<split>/metadata.jsonl` and its pictures beside it; `images_file_names` becomes the column `images`."""
    return write_lines(
        output.folder / split / "metadata.jsonl",
        (
            {
                "images_file_names": [_in_split(output.place(example, picture, f"{split}/images"), split)],
                "id": example.name,
                "messages": messages_of(example),
            }
            for example, picture in examples
        ),
    )


def _in_split(path: str, split: Split) -> str:
    return path.removeprefix(f"{split}/")
