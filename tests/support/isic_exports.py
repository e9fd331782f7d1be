"""Reads sources over invented exports of the ISIC archive, and changes the exports' tables."""

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

from dermasynth_builder.core.protocols import Source
from dermasynth_builder.core.records import ClinicalImage, Problem
from dermasynth_builder.invented.specimens.isic import BcnLayout, Generation, IsicLayout, write_bcn20000, write_hiba
from dermasynth_builder.read.sources.bcn20000 import Bcn20000
from dermasynth_builder.read.sources.hiba import Hiba
from dermasynth_builder.read.sources.pad_ufes import PadUfes

Cells = dict[str, str]
Release = tuple[Source, Callable[..., Path]]
UFES = "Hospital-school of the Universidade Federal do Espírito Santo"


def write_mirror(root: Path, *, side_px: int = 16) -> Path:
    """Draws a release as the mirror of PAD-UFES-20 in the ISIC archive has it."""
    write_hiba(root, generation="2025-07", side_px=side_px)
    edit_rows(root / "metadata.csv", lambda rows: [row.update(attribution=UFES) for row in rows])
    return root


# Every form of the two sources, and the mirror of a third, by name: its source, and what writes it.
RELEASES: dict[str, Release] = {
    **{f"bcn20000 {layout}": (Bcn20000(), partial(write_bcn20000, layout=layout)) for layout in get_args(BcnLayout)},
    **{f"hiba {month}": (Hiba(), partial(write_hiba, generation=month)) for month in get_args(Generation)},
    **{f"hiba {layout}": (Hiba(), partial(write_hiba, layout=layout)) for layout in get_args(IsicLayout)},
    "pad_ufes mirror": (PadUfes(), write_mirror),
}


def read(source: Source, root: Path) -> tuple[list[ClinicalImage], list[Problem]]:
    """What the source gives for a folder: its images, and what is wrong with them."""
    items = list(source.read(root))
    images = [item for item in items if isinstance(item, ClinicalImage)]
    return images, [item for item in items if isinstance(item, Problem)]


def rows_of(table: Path) -> list[Cells]:
    """The rows of a table."""
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def edit_rows(table: Path, edit: Callable[[list[Cells]], object]) -> None:
    """Lets `edit` change the rows of a table in place; columns may come and go."""
    rows = rows_of(table)
    edit(rows)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def set_cells(root: Path, line: int, **cells: str) -> None:
    """Changes cells of the row in that line of `metadata.csv`; the header is line 1."""
    edit_rows(root / "metadata.csv", lambda rows: rows[line - 2].update(cells))


def drop_columns(root: Path, *columns: str) -> None:
    """Takes columns out of `metadata.csv`."""
    edit_rows(root / "metadata.csv", lambda rows: [row.pop(column, None) for row in rows for column in columns])
