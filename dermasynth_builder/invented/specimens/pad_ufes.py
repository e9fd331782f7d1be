"""Writes a small invented release in the exact layout of PAD-UFES-20, for demos and tests.

Nothing in it is taken from anybody: the pictures are drawn, the table is made up, and every picture says so.
Patients are numbered from 9001 and lesions from 7001, which the real release does not reach. Its oddities are
kept: two ways to say missing, two spellings of Brazil, lesion numbers that two patients share, patients of
whom only the age is known.

Equal arguments write equal bytes, on every platform.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

from PIL.PngImagePlugin import PngInfo

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.invented.specimens.lesions import Look
from dermasynth_builder.invented.specimens.photograph import Specimen, Told, draw
from dermasynth_builder.invented.specimens.truth import truth_of, write_truth

Layout = Literal["parts", "doubled", "images", "beside"]
Code = Literal["NEV", "BCC", "SCC", "ACK", "SEK", "MEL"]
Cell = str | bool | int | float

TABLE_NAME = "metadata.csv"
PNG_TEXT = "drawn specimen: invented by dermasynth, shows nobody"  # in every picture's tEXt chunk
COLUMNS = (
    *("patient_id", "lesion_id", "smoke", "drink", "background_father", "background_mother", "age"),
    *("pesticide", "gender", "skin_cancer_history", "cancer_history", "has_piped_water"),
    *("has_sewage_system", "fitspatrick", "region", "diameter_1", "diameter_2", "diagnostic", "itch"),
    *("grew", "hurt", "changed", "bleed", "elevation", "img_id", "biopsed"),
)

_FOLDERS: Mapping[Layout, tuple[str, ...]] = {
    "parts": ("imgs_part_1", "imgs_part_2", "imgs_part_3"),
    "doubled": ("imgs_part_1/imgs_part_1", "imgs_part_2/imgs_part_2", "imgs_part_3/imgs_part_3"),
    "images": ("images",),
    "beside": (".",),
}
_SMALLEST_SIDE_PX = 16


@dataclass(frozen=True, slots=True)
class TableDialect:
    """How the table is spelled: as released, or as a round trip through other programs leaves it."""

    newline: Literal["\n", "\r\n"] = "\n"
    true: Literal["True", "TRUE"] = "True"  # false is spelled alike
    byte_order_mark: bool = False


RELEASED = TableDialect()


def write_pad_ufes(
    root: Path, *, images: int = 18, layout: Layout = "parts", side_px: int = 320, seed: int = 0
) -> Path:
    """Draws a small PAD-UFES-20 release under `root` and gives `root` back.

    Sides are 0.75 to 1.5 times `side_px`. The caption inside a picture needs 96 pixels; the PNG's own text is
    always there. Raises UsageError for fewer images than one or a side under 16 pixels.
    """
    if side_px < _SMALLEST_SIDE_PX:
        raise UsageError(f"side_px is {side_px}: a specimen needs {_SMALLEST_SIDE_PX} pixels or more")
    write_pad_ufes_table(root, images=images, seed=seed)
    folders = [root / name for name in _FOLDERS[layout]]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    truth = {}
    for shot in _shots(images, seed):
        part = shot.index + shot.index // 18  # the codes come round every 18: none keeps to one part
        path = folders[part % len(folders)] / shot.name
        truth[path.relative_to(root).as_posix()] = _write_picture(shot, path, side_px=side_px, seed=seed)
    write_truth(root, truth)
    return root


def write_pad_ufes_table(root: Path, *, images: int = 18, seed: int = 0, dialect: TableDialect = RELEASED) -> Path:
    """Writes the table alone, in place of the one under `root`, and gives its path."""
    if images < 1:
        raise UsageError(f"images is {images}: a release has one or more")
    root.mkdir(parents=True, exist_ok=True)
    rows = sorted((_row(shot, seed) for shot in _shots(images, seed)), key=lambda row: _place(row, seed))
    path = root / TABLE_NAME
    encoding = "utf-8-sig" if dialect.byte_order_mark else "utf-8"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, lineterminator=dialect.newline)
        writer.writerow(COLUMNS)
        writer.writerows([_spelled(row.get(column, ""), dialect) for column in COLUMNS] for row in rows)
    return path


# --- who has what ---


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a diagnostic code brings with it. Pairs are ranges; shares are of 1."""

    look: Look
    age_years: tuple[int, int]
    diameter_mm: tuple[int, int]
    is_cancer: bool  # always biopsied and always described
    symptoms: tuple[float, ...]  # the share that itches, grew, hurts, changed, bleeds, is raised


# The order matters: patients get lesions in turn, and ACK, NEV and SEK must not always come with a cancer.
_KINDS: Mapping[Code, _Kind] = {
    "NEV": _Kind("nevus", (8, 55), (2, 9), False, (0.1, 0.6, 0.1, 0.1, 0.05, 0.6)),
    "BCC": _Kind("basal_cell_carcinoma", (38, 89), (4, 20), True, (0.75, 0.7, 0.35, 0.15, 0.55, 0.85)),
    "SCC": _Kind("squamous_cell_carcinoma", (45, 89), (6, 35), True, (0.75, 0.65, 0.25, 0.25, 0.3, 0.8)),
    "ACK": _Kind("actinic_keratosis", (40, 89), (4, 25), False, (0.8, 0.2, 0.1, 0.05, 0.1, 0.3)),
    "SEK": _Kind("seborrheic_keratosis", (35, 89), (5, 22), False, (0.3, 0.5, 0.05, 0.05, 0.05, 0.8)),
    "MEL": _Kind("melanoma", (28, 85), (6, 30), True, (0.2, 0.9, 0.05, 0.8, 0.1, 0.3)),
}
_SYMPTOMS = ("itch", "grew", "hurt", "changed", "bleed", "elevation")
_REGIONS = (
    *("FACE", "BACK", "FOREARM", "CHEST", "NOSE", "THIGH", "HAND"),
    *("SCALP", "ARM", "EAR", "ABDOMEN", "NECK", "FOOT", "LIP"),
)
_BACKGROUNDS = (
    *("POMERANIA", "BRASIL", "UNK", "BRAZIL", "ITALY", "GERMANY", "PORTUGAL", "POLAND"),
    *("NETHERLANDS", "SPAIN", "CZECH", "AUSTRIA", "ISRAEL", "NORWAY", "FRANCE"),
)
_PHOTOTYPES = (4, 5, 6, 2, 1, 2, 3)  # patient by patient; seven, so that no code keeps to its own
_LESIONS_OF_PATIENTS = (1, 2, 1, 1)  # patient by patient
_IMAGES_OF_LESIONS = (1, 2)  # lesion by lesion of a code
_UNMEASURED_LESION = 2  # its diameters are 0.0, as a few of the real ones are


@dataclass(frozen=True, slots=True)
class _Patient:
    index: int
    age_years: int
    phototype: int
    is_described: bool  # whether the table tells more of them than the age

    @property
    def id(self) -> str:
        return f"PAT_{9001 + self.index}"


@dataclass(frozen=True, slots=True)
class _Lesion:
    index: int
    code: Code
    images: int

    @property
    def number(self) -> int:
        """The number in the table; every seventh has one that another patient's lesion has too."""
        return 7001 + (self.index - 3 if self.index % 7 == 5 else self.index)


@dataclass(frozen=True, slots=True)
class _Shot:
    """One picture."""

    index: int
    patient: _Patient
    lesion: _Lesion

    @property
    def name(self) -> str:
        return f"{self.patient.id}_{self.lesion.number}_{self.index * 37 % 997 + 1}.png"


def _draws(*identity: object) -> Random:
    """Draws that belong to the thing itself: another thing more or less changes none of them."""
    return Random("/".join(map(str, ("pad_ufes", *identity))))  # noqa: S311 - specimens, not secrets


def _lesions(images: int) -> list[_Lesion]:
    """Lesions with `images` images in all, the codes in turn and their images as even as can be."""
    left = {code: images // 6 + (place < images % 6) for place, code in enumerate(_KINDS)}
    lesions: list[_Lesion] = []
    turn = 0
    while any(left.values()):
        for code in (code for code in _KINDS if left[code]):
            taken = min(left[code], _IMAGES_OF_LESIONS[turn % len(_IMAGES_OF_LESIONS)])
            left[code] -= taken
            lesions.append(_Lesion(len(lesions), code, taken))
        turn += 1
    return lesions


def _shots(images: int, seed: int) -> Iterator[_Shot]:
    """Every picture, patient by patient."""
    waiting = _lesions(images)[::-1]
    patients = shots = 0
    while waiting:
        wanted = _LESIONS_OF_PATIENTS[patients % len(_LESIONS_OF_PATIENTS)]
        lesions = [waiting.pop() for _ in range(min(wanted, len(waiting)))]
        patient = _patient(patients, lesions, seed)
        patients += 1
        for lesion in lesions:
            for _ in range(lesion.images):
                yield _Shot(shots, patient, lesion)
                shots += 1


def _patient(index: int, lesions: Sequence[_Lesion], seed: int) -> _Patient:
    """As in the real release, whoever has a cancer is described, and one in three of the others."""
    kinds = [_KINDS[lesion.code] for lesion in lesions]
    youngest = max(kind.age_years[0] for kind in kinds)
    oldest = min(kind.age_years[1] for kind in kinds)
    age_years = _draws(seed, "age", index).randint(youngest, oldest)
    is_described = any(kind.is_cancer for kind in kinds) or lesions[0].index // len(_KINDS) % 3 == 1
    return _Patient(index, age_years, _PHOTOTYPES[index % len(_PHOTOTYPES)], is_described)


# --- the table ---


def _row(shot: _Shot, seed: int) -> dict[str, Cell]:
    """The picture's line; what is empty for an undescribed patient is left out."""
    patient, lesion = shot.patient, shot.lesion
    kind = _KINDS[lesion.code]
    draws = _draws(seed, "lesion", lesion.index)
    row: dict[str, Cell] = {
        "patient_id": patient.id,
        "lesion_id": lesion.number,
        "age": patient.age_years + (patient.index % 8 == 1) * (lesion.index % 2),  # some came twice
        "region": _REGIONS[(lesion.index + lesion.index // len(_REGIONS)) % len(_REGIONS)],
        "diagnostic": lesion.code,
        "biopsed": kind.is_cancer or draws.random() < 0.25,
        "img_id": shot.name,
    }
    row |= _symptoms(lesion, draws)
    if patient.is_described:
        row |= _demographics(patient, seed) | _diameters(lesion, draws)
    return row


def _symptoms(lesion: _Lesion, draws: Random) -> dict[str, Cell]:
    """What the patient answered; about every second lesion there is one thing they did not know."""
    shares = zip(_SYMPTOMS, _KINDS[lesion.code].symptoms, strict=True)
    answers: dict[str, Cell] = {name: draws.random() < share for name, share in shares}
    if lesion.index % 2:
        answers[_SYMPTOMS[lesion.index // 2 % len(_SYMPTOMS)]] = "UNK"
    return answers


def _demographics(patient: _Patient, seed: int) -> dict[str, Cell]:
    draws = _draws(seed, "patient", patient.index)
    habits = ("smoke", "drink", "pesticide", "skin_cancer_history", "cancer_history")
    services = ("has_piped_water", "has_sewage_system")
    row: dict[str, Cell] = {
        "gender": draws.choice(("FEMALE", "MALE")),
        "fitspatrick": float(patient.phototype),
    }
    row |= {name: draws.random() < 0.35 for name in habits}
    row |= {name: draws.random() < 0.8 for name in services}
    if patient.index % 9 != 8:  # a few described patients still do not tell
        row["background_father"] = _BACKGROUNDS[patient.index % len(_BACKGROUNDS)]
        row["background_mother"] = _BACKGROUNDS[patient.index * 2 % len(_BACKGROUNDS)]
    return row


def _diameters(lesion: _Lesion, draws: Random) -> dict[str, Cell]:
    if lesion.index == _UNMEASURED_LESION:
        return {"diameter_1": 0.0, "diameter_2": 0.0}
    longest = draws.randint(*_KINDS[lesion.code].diameter_mm)
    return {"diameter_1": float(longest), "diameter_2": float(max(1, longest - draws.randint(0, 4)))}


def _place(row: Mapping[str, Cell], seed: int) -> float:
    """Where in the table: patients lie scattered, as in the real one."""
    return _draws(seed, "place", row["img_id"]).random()


def _spelled(cell: Cell, dialect: TableDialect) -> str:
    text = str(cell)
    return text.upper() if isinstance(cell, bool) and dialect.true == "TRUE" else text


# --- the pictures ---


def _write_picture(shot: _Shot, path: Path, *, side_px: int, seed: int) -> dict[str, str | float]:
    """Draws the picture, and says what is so on it."""
    lesion = f"pad_ufes/{seed}/{shot.lesion.index}"
    look, phototype = _KINDS[shot.lesion.code].look, shot.patient.phototype
    size_px = _size_px(shot, side_px, seed)
    specimen = Specimen(look, phototype, lesion, f"{lesion}/{shot.index}", size_px, _told(_row(shot, seed), shot))
    drawn = draw(specimen)
    if shot.index % 5 < 3:  # the real release has both modes, RGBA more often
        drawn.picture.putalpha(255)
    text = PngInfo()
    text.add_text("Description", PNG_TEXT)
    # Stored, not deflated: what zlib makes of the same pixels changes from build to build.
    drawn.picture.save(path, pnginfo=text, compress_level=0)
    return truth_of(specimen, drawn)


def _told(row: Mapping[str, Cell], shot: _Shot) -> Told:
    """What of the picture's row shows on it."""
    change = [row["grew"], row["changed"]]
    return Told(
        age_years=float(row["age"]),
        is_malignant=_KINDS[shot.lesion.code].is_cancer,
        diameter_mm=float(row.get("diameter_1", 0)) or None,
        has_changed=True if True in change else None if "UNK" in change else False,
    )


def _size_px(shot: _Shot, side_px: int, seed: int) -> tuple[int, int]:
    """Width and height; most pictures are square."""
    draws = _draws(seed, "size", shot.index)
    width, height = (round(side_px * draws.uniform(0.75, 1.5)) for _ in range(2))
    return width, width if draws.random() < 0.6 else height
