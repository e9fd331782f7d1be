"""Reads and changes the CSV tables of drawn releases."""

import csv
from collections.abc import Callable
from pathlib import Path

Cells = dict[str, str]


def rows_of(path: Path) -> list[Cells]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def edit_table(path: Path, edit: Callable[[list[Cells]], object]) -> None:
    """Lets `edit` change the rows of a table; columns that the first row has lost are gone."""
    rows = rows_of(path)
    edit(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
