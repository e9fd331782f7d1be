"""Puts beside the items what harnesses of others need to run them: inspect_ai, lmms-eval, VLMEvalKit."""

import base64
import csv
import shutil
from collections.abc import Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dermasynth_builder.core.closed import Item

TASKS = Path(__file__).with_name("tasks")
_COPIED = ("inspect_dermasynth.py", "lmms_utils.py", "dermasynth_closed.yaml")
LETTERS = "ABCD"


def write_tasks(folder: Path, items: Sequence[Item]) -> None:
    """Writes `tasks/`: an inspect_ai task, an lmms-eval task with its table, and VLMEvalKit's TSV of lettered items."""
    tasks = folder / "tasks"
    tasks.mkdir()
    for name in _COPIED:
        shutil.copyfile(TASKS / name, tasks / name)
    closed = pq.read_table(folder / "closed" / "test.parquet")
    golds = {item.item_id: item.gold for item in items}
    asked: list[Any] = closed["item_id"].to_pylist()
    known = pa.array([golds[name] for name in asked], pa.string())
    pq.write_table(closed.append_column("gold", known), tasks / "lmms_test.parquet", row_group_size=100)
    lettered = [item for item in items if item.form == "lettered"]
    if lettered:
        _write_tsv(tasks / "dermasynth.tsv", lettered, closed)


def _write_tsv(path: Path, items: Sequence[Item], closed: pa.Table) -> None:
    images = {row["item_id"]: row["image"]["bytes"] for row in closed.select(["item_id", "image"]).to_pylist()}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["index", "item_id", "category", "question", *LETTERS, "answer", "image"])
        for number, item in enumerate(items):
            options = [*item.options, *[""] * (len(LETTERS) - len(item.options))]
            letter = ascii_uppercase[item.options.index(item.gold)]
            picture = base64.b64encode(images[item.item_id]).decode()
            asked = item.question.partition("\n")[0]
            writer.writerow([number, item.item_id, item.task, asked, *options, letter, picture])
