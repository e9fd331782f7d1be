"""Writes small invented releases of sets that are read by a mapping: HAM10000, Fitzpatrick17k, own images.

Nothing in them is taken from anybody: the pictures are drawn, the tables are made up, and every picture says so.
"""

from collections.abc import Mapping
from hashlib import md5
from pathlib import Path
from typing import Literal

from dermasynth_builder.invented.specimens.isic import (
    BCN,
    BCN_COLUMNS,
    FIRST_ID,
    HIBA,
    Cell,
    Collection,
    Shot,
    isic_row,
    shots_of,
    write_pictures,
    write_table,
)

HamLayout = Literal["kaggle", "isic"]
FolderLayout = Literal["files", "imagefolder"]
HAM_COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "dataset")
FITZPATRICK_COLUMNS = (
    *("md5hash", "fitzpatrick_scale", "fitzpatrick_centaur", "label", "nine_partition_label"),
    *("three_partition_label", "qc", "url", "url_alphanum"),
)
_CODES = {
    "NV": "nv",
    "MEL": "mel",
    "BCC": "bcc",
    "VASC": "vasc",
    "AK": "akiec",
    "SCC": "akiec",
    "BKL": "bkl",
    "DF": "df",
}
_HAM = Collection(
    *("ham10000", "ViDIR Group, Department of Dermatology, Medical University of Vienna", "CC-BY-NC"),
    tuple(kind for kind in BCN.kinds if kind.code),
    ("dermoscopic",),
    ("histopathology", "single image expert consensus", "", "serial imaging showing no change"),
)
_FITZPATRICK = Collection(
    *("fitzpatrick17k", "Fitzpatrick17k", "CC-BY-NC-SA"), HIBA.kinds, ("clinical: close-up",), ("",)
)  # fmt: skip
_OWN = Collection(
    *("folder", "A clinic that does not exist", "CC-BY"), HIBA.kinds, HIBA.image_types, HIBA.confirmations
)
_TYPES = ("histo", "consensus", "follow_up", "confocal")
_PLACES = ("back", "face", "unknown", "lower extremity", "acral")
RECIPE = """\
[folder]
title = "Drawn images of a clinic that does not exist"
licence = "CC0-1.0"
attribution = "drawn by a script of dermasynth"
image = "{image}"
group = "patient"
lesion = "lesion"
modality = "column:kind"
split = "part"
missing = ["not asked"]
facts.diagnosis = "finding"
facts.age_years = "age"
facts.sex = "sex"
facts.fitzpatrick = "skin"
facts.body_site = "site"
facts.itches = "itching"
diagnoses.NAEV = "Benign:Benign melanocytic proliferations:Nevus"
words.weiblich = "female"
words.maennlich = "male"
"""


def write_ham10000(root: Path, *, images: int = 12, layout: HamLayout = "kaggle", side_px: int = 320) -> Path:
    """Draws a small HAM10000 release under `root` and gives `root` back: "isic" is an export of the archive.

    Raises UsageError for fewer images than one or a side under 16 pixels.
    """
    shots = shots_of(_HAM, images, 0)
    if layout == "isic":
        write_table(root / "metadata.csv", BCN_COLUMNS, [isic_row(shot) for shot in shots])
        write_pictures(root, {root / f"{shot.isic_id}.jpg": shot for shot in shots}, side_px)
        return root
    write_table(root / "HAM10000_metadata.csv", HAM_COLUMNS, [_ham_row(shot) for shot in shots])
    parts = {root / f"HAM10000_images_part_{1 + shot.index % 2}" / f"{shot.isic_id}.jpg": shot for shot in shots}
    write_pictures(root, parts, side_px)
    return root


def _ham_row(shot: Shot) -> dict[str, Cell]:
    told = isic_row(shot)
    age = told.get("age_approx", "")
    return {
        "lesion_id": f"HAM_{FIRST_ID + shot.lesion}",
        "image_id": shot.isic_id,
        "dx": _CODES[shot.kind.code],
        "dx_type": shot.of_lesion(_TYPES),
        "age": float(age) if age != "" else "",
        "sex": told.get("sex", "unknown"),
        "localization": shot.of_lesion(_PLACES),
        "dataset": "specimen",
    }


def write_fitzpatrick17k(root: Path, *, images: int = 12, side_px: int = 320) -> Path:
    """Draws a small Fitzpatrick17k under `root` and gives `root` back. Raises UsageError as `write_ham10000`."""
    shots = shots_of(_FITZPATRICK, images, 0)
    names = {shot: md5(f"specimen {shot.index}".encode(), usedforsecurity=False).hexdigest() for shot in shots}
    rows: list[Mapping[str, Cell]] = [
        {
            "md5hash": names[shot],
            "fitzpatrick_scale": (1, 2, 3, 4, 5, 6, -1)[shot.index % 7],
            "label": shot.kind.old_name,
            "three_partition_label": (shot.kind.levels or ("non-neoplastic",))[0].lower(),
            "url": f"https://example.org/{shot.index}.jpg",
        }
        for shot in shots
    ]
    write_table(root / "fitzpatrick17k.csv", FITZPATRICK_COLUMNS, rows)
    write_pictures(root, {root / "images" / f"{names[shot]}.jpg": shot for shot in shots}, side_px)
    return root


def write_folder(root: Path, *, images: int = 12, layout: FolderLayout = "files", side_px: int = 320) -> Path:
    """Draws a small folder of own images under `root`, with the recipe that maps its table, and gives `root` back.

    "imagefolder" has the same names in two folders. Raises UsageError as `write_ham10000`.
    """
    shots = shots_of(_OWN, images, 0)
    column = "image" if layout == "files" else "file_name"
    places = {shot: _place(number, shot, layout) for number, shot in enumerate(shots)}
    rows = [_own_row(shot) | {column: places[shot]} for shot in shots]
    write_table(root / ("patients.csv" if layout == "files" else "metadata.csv"), tuple(rows[0]), rows)
    write_pictures(root, {root / places[shot]: shot for shot in shots}, side_px)
    (root / "recipe.toml").write_text(RECIPE.format(image=column), encoding="utf-8")
    return root


def _place(number: int, shot: Shot, layout: FolderLayout) -> str:
    return f"photo_{number:03}.jpg" if layout == "files" else f"{'ab'[number % 2]}/{number // 2:03}.jpg"


def _own_row(shot: Shot) -> dict[str, Cell]:
    told = isic_row(shot)
    sex = {"female": "weiblich", "male": "maennlich"}
    return {
        "patient": f"P{shot.patient}",
        "lesion": f"L{shot.lesion}",
        "kind": "dermoscopic" if shot.image_type == "dermoscopic" else "photograph",
        "part": "",
        "finding": "NAEV" if shot.kind.code == "NV" else shot.kind.old_name,
        "age": told.get("age_approx", ""),
        "sex": sex.get(str(told.get("sex")), ""),
        "skin": told["fitzpatrick_skin_type"],
        "site": told["anatom_site_general"] or "not asked",
        "itching": ("ja", "")[shot.index % 2] and "yes",
        "internal_note": f"note {shot.index}",
    }
