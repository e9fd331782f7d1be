"""Spoils drawn releases the way downloads, other programs and people do, and reads what is left."""

import csv
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from dermasynth_builder.core.records import ClinicalImage, Problem, ProblemKind
from dermasynth_builder.invented.specimens.pad_ufes import COLUMNS, TABLE_NAME
from dermasynth_builder.read.sources.pad_ufes import PadUfes

Cells = dict[str, str]
PNG_START = b"\x89PNG\r\n\x1a\n"


def read(root: Path) -> tuple[list[ClinicalImage], list[Problem]]:
    """What the source gives for a folder: its images, and what is wrong with them."""
    items = list(PadUfes().read(root))
    images = [item for item in items if isinstance(item, ClinicalImage)]
    return images, [item for item in items if isinstance(item, Problem)]


def kinds(problems: Sequence[Problem]) -> list[ProblemKind]:
    return [problem.kind for problem in problems]


def edit_table(root: Path, edit: Callable[[list[Cells]], object]) -> None:
    """Lets `edit` change the rows of the table in place."""
    path = root / TABLE_NAME
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    edit(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def set_cells(root: Path, line: int, **cells: str) -> None:
    """Changes cells of the row in that line; the header is line 1."""
    edit_table(root, lambda rows: rows[line - 2].update(cells))


def edit_lines(root: Path, edit: Callable[[list[str]], object]) -> None:
    """Lets `edit` change the raw lines of the table in place, the header being the first."""
    path = root / TABLE_NAME
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    edit(lines)
    path.write_text("".join(lines), encoding="utf-8")


def pictures(root: Path) -> list[Path]:
    """The release's image files by name."""
    return sorted(root.rglob("*.png"), key=lambda path: path.name)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file with its length and a right checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_claiming(width_px: int, height_px: int, *, pixels: bytes | None = b"") -> bytes:
    """A small PNG file of right checksums whose header claims any size; `pixels=None` leaves out the pixel chunk."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0))
    body = b"" if pixels is None else png_chunk(b"IDAT", zlib.compress(pixels))
    return PNG_START + header + body + png_chunk(b"IEND", b"")
