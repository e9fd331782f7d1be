"""JSON lines of chat turns, as several trainers read them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dermasynth_builder.train.turns import Example

IMAGE_MARK = "<image>"  # where the picture stands, for trainers that ask for a mark


def messages_of(example: Example, *, mark: str = "") -> list[dict[str, str]]:
    """The turns as role and content, the first with the mark before it."""
    found = [{"role": turn.role, "content": turn.content} for turn in example.messages]
    found[0]["content"] = f"{mark}{found[0]['content']}"
    return found


def write_lines(path: Path, values: Iterable[Mapping[str, Any]]) -> int:
    """One JSON object a line; gives how many there were."""
    count = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for value in values:
            file.write(json.dumps(value, ensure_ascii=False) + "\n")
            count += 1
    return count


def write_array(path: Path, values: Iterator[Mapping[str, Any]]) -> int:
    """One JSON array, an object a line; gives how many there were."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for value in values:
            file.write(("[\n" if not count else ",\n") + json.dumps(value, ensure_ascii=False))
            count += 1
        file.write("[]\n" if not count else "\n]\n")
    return count
