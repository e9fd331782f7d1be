"""Lays out the real tables of all sources as their releases have them, with a small drawn picture for each image."""

import csv
import shutil
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from pathlib import Path

from PIL import Image

from dermasynth_builder.core import registry
from dermasynth_builder.core.records import ClinicalImage
from dermasynth_builder.invented.specimens.lesions import FORMS
from dermasynth_builder.invented.specimens.photograph import Specimen, draw

TABLES: Mapping[str, Mapping[str, tuple[str, ...]]] = {  # source -> file in the layout -> real tables, joined to it
    "pad_ufes": {"metadata.csv": ("metadata.csv",)},
    "bcn20000": {"metadata.csv": ("bcn20000_metadata_2025-07-22.csv",)},
    "hiba": {
        "metadata.csv": (
            "hiba_rows_2023-08_from_official_notebooks.csv",
            "hiba_rows_2025-01_from_dermasynth_notebook.csv",
        ),
        "SupplementaryData.csv": ("SupplementaryData.csv",),
    },
    "derm12345": {"derm12345_metadata_train.csv": ("derm12345_metadata_sample.csv",)},
    "scin": {f"dataset/{name}": (f"dataset/{name}",) for name in ("scin_cases.csv", "scin_labels.csv")},
}
_SIZE_PX = (64, 48)
_BLOCK_PX = 8  # as JPEG parts a picture: a black or white block of it keeps its level
_BITS = 16


def lay_out(real: Path, root: Path, images: int | None) -> Iterator[tuple[str, int]]:
    """Writes `root`/SOURCE for each source, with `images` rows of each table at most; gives name and image files.

    A real image is taken where there is one. No two drawn pictures have the same bytes.
    """
    pictures = _pictures()
    for name, tables in TABLES.items():
        for target, parts in tables.items():
            _write_table(root / name / target, [real / name / part for part in parts], images)
        there = {path.name: path for path in (real / name).rglob("*.png")}
        count = 0
        for item in registry.source(name).read(root / name):
            if isinstance(item, ClinicalImage):
                _add_image(root / name / "images", Path(item.file_name).name, pictures, there=there)
                count += 1
        yield name, count


def _write_table(target: Path, parts: list[Path], most_rows: int | None) -> None:
    """The first rows of tables under the columns of all; a cell that a table does not have is empty."""
    rows: list[dict[str, str]] = []
    for part in parts:
        with part.open(encoding="utf-8-sig", newline="") as file:
            rows += islice(csv.DictReader(file), most_rows)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)), restval="")
        writer.writeheader()
        writer.writerows(rows)


def _add_image(folder: Path, name: str, pictures: Iterator[Image.Image], *, there: Mapping[str, Path]) -> None:
    folder.mkdir(exist_ok=True)
    if name in there:
        shutil.copyfile(there[name], folder / name)
    else:
        next(pictures).save(folder / (name if Path(name).suffix else f"{name}.jpg"))


def _pictures() -> Iterator[Image.Image]:
    """Drawn lesions over and over, each with its number in black and white blocks along its upper edge."""
    drawn = [
        draw(Specimen(look, phototype, f"lesion {look}", f"shot {phototype}", _SIZE_PX)).picture
        for look in FORMS
        for phototype in range(1, 7)
    ]
    for number, picture in enumerate(islice(cycle(drawn), 1 << _BITS)):
        for bit in range(_BITS):
            row, column = divmod(bit, _SIZE_PX[0] // _BLOCK_PX)
            x, y = column * _BLOCK_PX, row * _BLOCK_PX
            level = 255 if number >> bit & 1 else 0
            picture.paste((level, level, level), (x, y, x + _BLOCK_PX, y + _BLOCK_PX))
        yield picture
