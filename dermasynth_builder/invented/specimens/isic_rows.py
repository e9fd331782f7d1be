"""What the invented releases of BCN20000 and HIBA tell: lesions, patients and the cells of their rows.

Images, lesions and patients are numbered from 9990001, which the real sets do not use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeVar

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.invented.specimens.lesions import Look

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
