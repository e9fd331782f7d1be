"""The format `llamafactory`: JSON lines of messages with their pictures, and the dataset_info.json beside them."""

import json
from collections.abc import Iterator

from dermasynth_builder.core.records import Split
from dermasynth_builder.train.export import Output
from dermasynth_builder.train.export.lines import IMAGE_MARK, messages_of, write_lines
from dermasynth_builder.train.pictures import Picture
from dermasynth_builder.train.turns import Example

_INFO = "dataset_info.json"


def write_llamafactory(examples: Iterator[tuple[Example, Picture]], split: Split, output: Output) -> int:
    """`<split>.jsonl`, known to LLaMA-Factory as `dermasynth_<split>`; run it with dataset_dir and media_dir here."""
    path = output.folder / _INFO
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    known[f"dermasynth_{split}"] = {
        "file_name": f"{split}.jsonl",
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "images": "images"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
        },
    }
    path.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    return write_lines(
        output.folder / f"{split}.jsonl",
        (
            {
                "id": example.name,
                "messages": messages_of(example, mark=IMAGE_MARK),
                "images": [output.place(example, picture)],
            }
            for example, picture in examples
        ),
    )
