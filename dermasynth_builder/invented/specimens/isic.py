"""Writes small invented releases in the layouts of BCN20000 and HIBA, for demos and tests.

Nothing in them is taken from anybody: the pictures are drawn, the tables are made up, and every picture says so.
Images, lesions and patients are numbered from 9990001, which the real sets do not use. What is odd in the real ones is
kept: an age of 0, rows without age, sex, site or diagnosis, a diagnosis that ends a level early.

Equal arguments write equal tables on every platform, and equal pictures with every build of one JPEG library.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.invented.specimens.isic_rows import BCN, HIBA, Cell, Shot, figshare_row, isic_row, shots_of
from dermasynth_builder.invented.specimens.pad_ufes import PNG_TEXT
from dermasynth_builder.invented.specimens.photograph import Specimen, draw, draw_through_dermoscope

IsicLayout = Literal["flat", "ISIC-images", "images", "capitals"]
BcnLayout = Literal["flat", "ISIC-images", "images", "capitals", "figshare"]
Generation = Literal["2023-08", "2025-01", "2025-07", "2026-05"]

_ALWAYS = ("isic_id", "attribution", "copyright_license", "age_approx")
_DIAGNOSES = ("diagnosis_1", "diagnosis_2", "diagnosis_3")
BCN_COLUMNS = (
    *(*_ALWAYS, "anatom_site_general", "anatom_site_special", "concomitant_biopsy", *_DIAGNOSES),
    *("diagnosis_confirm_type", "image_type", "lesion_id", "melanocytic", "sex"),
)
FIGSHARE_COLUMNS = (
    *("bcn_filename", "age_approx", "anatom_site_general", "diagnosis"),
    *("lesion_id", "capture_date", "sex", "split"),
)
HIBA_COLUMNS: Mapping[Generation, tuple[str, ...]] = {
    "2023-08": (
        *(*_ALWAYS, "anatom_site_general", "benign_malignant", "dermoscopic_type", "diagnosis"),
        *("diagnosis_confirm_type", "family_hx_mm", "image_type", "lesion_id", "patient_id", "personal_hx_mm"),
        *("pixels_x", "pixels_y", "sex"),
    ),
    "2025-01": (
        *(*_ALWAYS, "anatom_site_general", "anatom_site_special", "benign_malignant", "concomitant_biopsy"),
        *("dermoscopic_type", "diagnosis", *_DIAGNOSES, "diagnosis_confirm_type", "family_hx_mm"),
        *("fitzpatrick_skin_type", "image_type", "lesion_id", "patient_id", "personal_hx_mm", "sex"),
    ),
    "2025-07": (
        *(*_ALWAYS, "anatom_site_general", "anatom_site_special", "concomitant_biopsy", "dermoscopic_type"),
        *(*_DIAGNOSES, "diagnosis_confirm_type", "family_hx_mm", "fitzpatrick_skin_type", "image_type"),
        *("lesion_id", "melanocytic", "patient_id", "personal_hx_mm", "sex"),
    ),
    "2026-05": (
        *(*_ALWAYS, "anatom_site_1", "anatom_site_2", "concomitant_biopsy", "dermoscopic_type", *_DIAGNOSES),
        *("diagnosis_confirm_type", "family_hx_mm", "fitzpatrick_skin_type", "image_type"),
        *("lesion_id", "melanocytic", "patient_id", "personal_hx_mm", "sex"),
    ),
}
SUPPLEMENT_NAME = "SupplementaryData.csv"

_FOLDERS: Mapping[IsicLayout, str] = {"flat": ".", "ISIC-images": "ISIC-images", "images": "images", "capitals": "."}
_BCN_TABLE = "bcn20000_metadata_2025-07-22.csv"
_SMALLEST_SIDE_PX = 16


def write_bcn20000(
    root: Path, *, images: int = 12, layout: BcnLayout = "flat", side_px: int = 320, seed: int = 0
) -> Path:
    """Draws a small BCN20000 release under `root` and gives `root` back. All pictures are square, of `side_px`.

    "figshare" has its own names, codes and splits; the other layouts are exports of the ISIC archive.
    Raises UsageError for fewer images than one or a side under 16 pixels.
    """
    shots = shots_of(BCN, images, seed)
    if layout == "figshare":
        for split, folder in (("train", "BCN_20k_train/bcn_20k_train"), ("test", "BCN_20k_test/bcn_20k_test")):
            part = [shot for shot in shots if shot.split == split]
            write_table(root / f"bcn_20k_{split}.csv", FIGSHARE_COLUMNS, [figshare_row(shot) for shot in part])
            write_pictures({root / folder / shot.bcn_name: shot for shot in part}, side_px)
        return root
    rows = [isic_row(shot) for shot in shots]
    write_table(root / (_BCN_TABLE if layout == "ISIC-images" else "metadata.csv"), BCN_COLUMNS, rows)
    write_pictures({root / _FOLDERS[layout] / _file_name(shot, layout): shot for shot in shots}, side_px)
    return root


def write_hiba(
    root: Path,
    *,
    images: int = 12,
    layout: IsicLayout = "flat",
    generation: Generation = "2025-01",
    side_px: int = 320,
    seed: int = 0,
) -> Path:
    """Draws a small HIBA release under `root` and gives `root` back, its table in the columns of that month.

    The first generation has the phototypes in a table of their own. Raises UsageError as `write_bcn20000`.
    """
    shots = shots_of(HIBA, images, seed)
    rows = [isic_row(shot) | {"pixels_x": side_px, "pixels_y": side_px} for shot in shots]
    write_table(root / "metadata.csv", HIBA_COLUMNS[generation], rows)
    if generation == "2023-08":
        phototypes = [{"isic_id": row["isic_id"], "skin_type": row.get("fitzpatrick_skin_type", "")} for row in rows]
        write_table(root / SUPPLEMENT_NAME, ("isic_id", "skin_type"), phototypes)
    write_pictures({root / _FOLDERS[layout] / _file_name(shot, layout): shot for shot in shots}, side_px)
    return root


def _file_name(shot: Shot, layout: BcnLayout) -> str:
    return shot.isic_id + (".JPG" if layout == "capitals" else ".jpg")


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Cell]]) -> None:
    """Writes a CSV table; a row without one of the columns has an empty cell there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([row.get(column, "") for column in columns] for row in rows)


def write_pictures(shots: Mapping[Path, Shot], side_px: int) -> None:
    """Draws the pictures, squares of `side_px`. Raises UsageError for a side under 16 pixels."""
    if side_px < _SMALLEST_SIDE_PX:
        raise UsageError(f"side_px is {side_px}: a specimen needs {_SMALLEST_SIDE_PX} pixels or more")
    for path, shot in shots.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        lesion = f"{shot.collection.name}/{shot.seed}/{shot.lesion}"
        phototype = 1 + shot.draws("skin", shot.patient).randrange(4)
        specimen = Specimen(shot.kind.look, phototype, lesion, f"{lesion}/{shot.index}", (side_px, side_px))
        picture = (draw_through_dermoscope if shot.image_type == "dermoscopic" else draw)(specimen)
        picture.save(path, quality=90, comment=PNG_TEXT)
