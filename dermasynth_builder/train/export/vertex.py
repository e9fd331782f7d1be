"""The format `vertex`: JSON lines for supervised tuning of Gemini on Vertex, with pictures in a bucket."""

import mimetypes
from collections.abc import Iterator

from dermasynth_builder.core.records import Split
from dermasynth_builder.train.export import Output
from dermasynth_builder.train.export.lines import write_lines
from dermasynth_builder.train.pictures import Picture
from dermasynth_builder.train.turns import Example

_ROLES = {"user": "user", "assistant": "model"}


def write_vertex(examples: Iterator[tuple[Example, Picture]], split: Split, output: Output) -> int:
    """`<split>.jsonl`; copy the folder `images` to `<uri>/images` before tuning."""
    return write_lines(output.folder / f"{split}.jsonl", (_line(*each, output=output) for each in examples))


def _line(example: Example, picture: Picture, *, output: Output) -> dict[str, object]:
    path = output.place(example, picture)
    file = {"mimeType": mimetypes.guess_type(path)[0], "fileUri": f"{output.uri}/{path}"}
    turns: list[dict[str, object]] = [
        {"role": _ROLES[turn.role], "parts": [{"text": turn.content}]} for turn in example.messages
    ]
    first = [{"fileData": file}, {"text": example.messages[0].content}]
    return {"contents": [{"role": "user", "parts": first}, *turns[1:]]}
