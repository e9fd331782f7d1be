"""Writes small invented releases in the layouts of BCN20000 and HIBA, for demos and tests.

Nothing in them is taken from anybody: the pictures are drawn, the tables are made up, and every picture says so.
Images, lesions and patients are numbered from 9990001, which the real sets do not use. What is odd in the real ones is
kept: an age of 0, rows without age, sex, site or diagnosis, a diagnosis that ends a level early.

Equal arguments write equal tables on every platform, and equal pictures with every build of one JPEG library. The
training set of the ISIC 2019 challenge mixes images of BCN20000 with those of other sets, as the real one does: some
have no lesion, some a suffix behind their name.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal, TypeVar

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.invented.specimens.lesions import Look
from dermasynth_builder.invented.specimens.pad_ufes import PNG_TEXT
from dermasynth_builder.invented.specimens.photograph import Specimen, Told, draw, draw_through_dermoscope
from dermasynth_builder.invented.specimens.truth import truth_of, write_truth

Cell = str | bool | int | float
Turn = TypeVar("Turn")

FIRST_ID = 9990001

# --- who has what ---


@dataclass(frozen=True, slots=True)
class Kind:
    """A diagnosis in its three forms; all are empty for a lesion that nobody has named."""

    look: Look
    code: str  # on figshare
    old_name: str  # in the column `diagnosis` of exports until 2025
    levels: tuple[str, ...]  # in the ISIC taxonomy


@dataclass(frozen=True, slots=True)
class Collection:
    """What all images of a set have in common."""

    name: str
    attribution: str
    licence: str
    kinds: Sequence[Kind]
    image_types: Sequence[str]  # in turn, image by image
    confirmations: Sequence[str]  # in turn, lesion by lesion
    newborn_lesion: int | None = None  # the age in its row is 0, as in 13 of the real ones


_BENIGN_EPIDERMAL = ("Benign", "Benign epidermal proliferations")
_UNNAMED = Kind("nevus", "", "", ())
_NAMED = (
    Kind("nevus", "NV", "nevus", ("Benign", "Benign melanocytic proliferations", "Nevus")),
    Kind(
        *("melanoma", "MEL", "melanoma"),
        ("Malignant", "Malignant melanocytic proliferations (Melanoma)", "Melanoma, NOS"),
    ),
    Kind(
        *("basal_cell_carcinoma", "BCC", "basal cell carcinoma"),
        ("Malignant", "Malignant adnexal epithelial proliferations - Follicular", "Basal cell carcinoma"),
    ),
    Kind("nevus", "VASC", "vascular lesion", ("Benign", "Benign soft tissue proliferations - Vascular")),
    Kind(
        *("actinic_keratosis", "AK", "actinic keratosis"),
        ("Indeterminate", "Indeterminate epidermal proliferations", "Solar or actinic keratosis"),
    ),
    Kind("seborrheic_keratosis", "BKL", "seborrheic keratosis", (*_BENIGN_EPIDERMAL, "Seborrheic keratosis")),
    Kind(
        *("squamous_cell_carcinoma", "SCC", "squamous cell carcinoma"),
        ("Malignant", "Malignant epidermal proliferations", "Squamous cell carcinoma, NOS"),
    ),
    Kind("seborrheic_keratosis", "BKL", "solar lentigo", (*_BENIGN_EPIDERMAL, "Solar lentigo")),
    Kind(
        *("nevus", "DF", "dermatofibroma"),
        ("Benign", "Benign soft tissue proliferations - Fibro-histiocytic", "Dermatofibroma"),
    ),
)
_LICHENOID = Kind(
    *("seborrheic_keratosis", "", "lichenoid keratosis"), (*_BENIGN_EPIDERMAL, "Lichen planus like keratosis")
)
BCN = Collection(
    *("bcn20000", "Hospital Clínic de Barcelona", "CC-BY-NC"),
    (*_NAMED[:3], _UNNAMED, *_NAMED[3:]),
    ("dermoscopic",),
    ("histopathology", "", "histopathology", "confocal microscopy with consensus dermoscopy"),
    newborn_lesion=3,
)
HIBA = Collection(
    *("hiba", "Hospital Italiano de Buenos Aires", "CC-BY"),
    (*_NAMED, _LICHENOID),
    ("dermoscopic", "clinical: overview", "dermoscopic", "dermoscopic", "clinical: close-up"),
    ("histopathology", "", "histopathology", "single image expert consensus"),
)
# Old word for the site, its special name, and its first two levels in the tree.
_SITES: Sequence[tuple[str, str, tuple[str, ...]]] = (
    ("anterior torso", "", ("Trunk", "Anterior trunk")),
    ("head/neck", "", ("Head and neck", "Head")),
    ("lower extremity", "", ("Lower extremity", "Thigh")),
    ("", "", ()),
    ("upper extremity", "", ("Upper extremity",)),
    ("palms/soles", "acral palms or soles", ("Lower extremity", "Foot")),
    ("oral/genital", "oral or genital", ("Anogenital region", "Genital region")),
)
_PHOTOTYPES = ("II", "III", "", "I", "IV")  # patient by patient
_LESIONS_A_PATIENT = 2
_UNTOLD_PATIENT = 2  # neither age nor sex


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: every second lesion is shown twice."""

    collection: Collection
    index: int
    seed: int

    @property
    def lesion(self) -> int:
        return self.index // 3 * 2 + (self.index % 3 > 0)

    @property
    def patient(self) -> int:
        return self.lesion // _LESIONS_A_PATIENT

    @property
    def kind(self) -> Kind:
        return self.of_lesion(self.collection.kinds)

    @property
    def image_type(self) -> str:
        return self.collection.image_types[self.index % len(self.collection.image_types)]

    @property
    def split(self) -> Literal["train", "test"]:
        """A lesion without a name is in the test part; so is one in four of the others."""
        return "test" if not self.kind.code or self.lesion % 4 == 1 else "train"

    @property
    def isic_id(self) -> str:
        return f"ISIC_{FIRST_ID + self.index}"

    @property
    def bcn_name(self) -> str:
        return f"BCN_{FIRST_ID + self.index:010}.jpg"

    def of_lesion(self, turns: Sequence[Turn]) -> Turn:
        """What the lesion has of things that come in turn."""
        return turns[self.lesion % len(turns)]

    def draws(self, about: str, number: int) -> Random:
        """Draws that belong to the thing itself."""
        return Random(f"{self.collection.name}/{self.seed}/{about}/{number}")  # noqa: S311 - specimens, not secrets


def shots_of(collection: Collection, images: int, seed: int) -> list[Shot]:
    """The first `images` pictures of a set. Raises UsageError for fewer than one."""
    if images < 1:
        raise UsageError(f"images is {images}: a release has one or more")
    return [Shot(collection, index, seed) for index in range(images)]


# --- the cells ---


def figshare_row(shot: Shot) -> dict[str, Cell]:
    """The picture's cells on figshare; a test row names no diagnosis."""
    row = isic_row(shot)
    age = row.get("age_approx", "")
    return row | {
        "bcn_filename": shot.bcn_name,
        "diagnosis": "" if shot.split == "test" else shot.kind.code,
        "lesion_id": f"BCN_{FIRST_ID + shot.lesion}",
        "age_approx": float(age) if age != "" else "",
        "capture_date": f"2012-05-{1 + shot.lesion % 28:02}",
        "split": shot.split,
    }


def isic_row(shot: Shot) -> dict[str, Cell]:
    """The cells of all generations; each takes those that it has columns for."""
    site, special, site_levels = shot.of_lesion(_SITES)
    confirmation = shot.of_lesion(shot.collection.confirmations)
    levels = shot.kind.levels
    row: dict[str, Cell] = {
        "isic_id": shot.isic_id,
        "attribution": shot.collection.attribution,
        "copyright_license": shot.collection.licence,
        "anatom_site_general": site,
        "anatom_site_special": special,
        "benign_malignant": "malignant" if levels[:1] == ("Malignant",) else "benign",
        "concomitant_biopsy": confirmation == "histopathology",
        "dermoscopic_type": "contact polarized" if shot.image_type == "dermoscopic" else "",
        "diagnosis": shot.kind.old_name,
        "diagnosis_confirm_type": confirmation,
        "image_type": shot.image_type,
        "lesion_id": f"IL_{FIRST_ID + shot.lesion}",
        "melanocytic": "melanocytic" in levels[1] if levels else "",
    }
    row |= {f"anatom_site_{n}": level for n, level in enumerate(site_levels, 1)}
    row |= {f"diagnosis_{n}": level for n, level in enumerate(levels, 1)}
    return row | _patient_cells(shot)


def _patient_cells(shot: Shot) -> dict[str, Cell]:
    draws = shot.draws("patient", shot.patient)
    age, sex = 5 * draws.randint(4, 17), draws.choice(("female", "male"))
    row: dict[str, Cell] = {
        "patient_id": f"IP_{FIRST_ID + shot.patient}",
        "fitzpatrick_skin_type": _PHOTOTYPES[shot.patient % len(_PHOTOTYPES)],
        "personal_hx_mm": draws.choice((True, False, "")),
        "family_hx_mm": draws.choice((True, False, "")),
    }
    if shot.patient == _UNTOLD_PATIENT:
        return row
    return row | {"age_approx": 0 if shot.lesion == shot.collection.newborn_lesion else age, "sex": sex}


IsicLayout = Literal["flat", "ISIC-images", "images", "capitals"]
BcnLayout = Literal["flat", "ISIC-images", "images", "capitals", "figshare"]
SpecimenLayout = Literal[BcnLayout, "isic2019"]
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
        pictures: dict[Path, Shot] = {}
        for split, folder in (("train", "BCN_20k_train/bcn_20k_train"), ("test", "BCN_20k_test/bcn_20k_test")):
            part = [shot for shot in shots if shot.split == split]
            write_table(root / f"bcn_20k_{split}.csv", FIGSHARE_COLUMNS, [figshare_row(shot) for shot in part])
            pictures |= {root / folder / shot.bcn_name: shot for shot in part}
        write_pictures(root, pictures, side_px)
        return root
    rows = [isic_row(shot) for shot in shots]
    write_table(root / (_BCN_TABLE if layout == "ISIC-images" else "metadata.csv"), BCN_COLUMNS, rows)
    write_pictures(root, {root / _FOLDERS[layout] / _file_name(shot, layout): shot for shot in shots}, side_px)
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
    write_pictures(root, {root / _FOLDERS[layout] / _file_name(shot, layout): shot for shot in shots}, side_px)
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


def write_pictures(root: Path, shots: Mapping[Path, Shot], side_px: int) -> None:
    """Draws the pictures, squares of `side_px`, and a table of what is so on them under `root`.

    Raises UsageError for a side under 16 pixels.
    """
    if side_px < _SMALLEST_SIDE_PX:
        raise UsageError(f"side_px is {side_px}: a specimen needs {_SMALLEST_SIDE_PX} pixels or more")
    truth = {}
    for path, shot in shots.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        lesion = f"{shot.collection.name}/{shot.seed}/{shot.lesion}"
        size_px, told = (side_px, side_px), _told(shot)
        specimen = Specimen(shot.kind.look, _phototype(shot), lesion, f"{lesion}/{shot.index}", size_px, told)
        drawn = (draw_through_dermoscope if shot.image_type == "dermoscopic" else draw)(specimen)
        drawn.picture.save(path, quality=90, comment=PNG_TEXT)
        truth[path.relative_to(root).as_posix()] = truth_of(specimen, drawn)
    write_truth(root, truth)


def _phototype(shot: Shot) -> int:
    """That of the patient's row, or a drawn one where it says none."""
    told = str(isic_row(shot)["fitzpatrick_skin_type"])
    return ("I", "II", "III", "IV").index(told) + 1 if told else 1 + shot.draws("skin", shot.patient).randrange(4)


def _told(shot: Shot) -> Told:
    """What of the picture's row shows on it."""
    age, levels = isic_row(shot).get("age_approx"), shot.kind.levels
    return Told(
        age_years=None if age is None else float(age), is_malignant=levels[0] == "Malignant" if levels else None
    )


METADATA_COLUMNS = ("image", "age_approx", "anatom_site_general", "lesion_id", "sex")
GROUND_TRUTH_COLUMNS = ("image", "MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
# Images of other sets: what stands behind the name, and the lesion.
STRANGERS = (("", f"HAM_{FIRST_ID}"), ("", f"MSK4_{FIRST_ID}"), ("_downsampled", ""))


def write_isic2019(root: Path, *, images: int = 12, side_px: int = 320, seed: int = 0) -> Path:
    """Draws `images` training images of BCN20000 and those of `STRANGERS` under `root`, and gives `root` back.

    Raises UsageError for fewer images than one or a side under 16 pixels.
    """
    shots = [shot for shot in shots_of(BCN, 4 * images, seed) if shot.split == "train"][:images]
    named = {shot.isic_id: (shot, figshare_row(shot)) for shot in shots}
    for number, (suffix, lesion_id) in enumerate(STRANGERS):
        shot = Shot(BCN, 4 * images + number, seed)
        named[shot.isic_id + suffix] = (shot, figshare_row(shot) | {"lesion_id": lesion_id, "diagnosis": "NV"})
    rows = [row | {"image": name} | _marks(row) for name, (_, row) in named.items()]
    write_table(root / "ISIC_2019_Training_Metadata.csv", METADATA_COLUMNS, rows)
    write_table(root / "ISIC_2019_Training_GroundTruth.csv", GROUND_TRUTH_COLUMNS, rows)
    folder = root / "ISIC_2019_Training_Input"
    write_pictures(root, {folder / f"{name}.jpg": shot for name, (shot, _) in named.items()}, side_px)
    return root


def _marks(row: dict[str, Cell]) -> dict[str, Cell]:
    return {code: float(code == row["diagnosis"]) for code in GROUND_TRUTH_COLUMNS[1:]}


def write_bcn20000_images(root: Path, *, images: int = 12, layout: SpecimenLayout = "flat", side_px: int = 320) -> Path:
    """Draws a small BCN20000 release in any form that people have; see `write_bcn20000` and `write_isic2019`."""
    if layout == "isic2019":
        return write_isic2019(root, images=images, side_px=side_px)
    return write_bcn20000(root, images=images, layout=layout, side_px=side_px)
