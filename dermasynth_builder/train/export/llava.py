"""The format `llava`: a JSON array of conversations between human and gpt, one file a split."""

from collections.abc import Iterator

from dermasynth_builder.core.records import Split
from dermasynth_builder.train.export import Output
from dermasynth_builder.train.export.lines import IMAGE_MARK, messages_of, write_array
from dermasynth_builder.train.pictures import Picture
from dermasynth_builder.train.turns import Example

_SPEAKERS = {"user": "human", "assistant": "gpt"}


def write_llava(examples: Iterator[tuple[Example, Picture]], split: Split, output: Output) -> int:
    """`<split>.json`; pictures are named by their path in the folder."""
    return write_array(
        output.folder / f"{split}.json",
        (
            {
                "id": example.name,
                "image": output.place(example, picture),
                "conversations": [
                    {"from": _SPEAKERS[turn["role"]], "value": turn["content"]}
                    for turn in messages_of(example, mark=f"{IMAGE_MARK}\n")
                ],
            }
            for example, picture in examples
        ),
    )
