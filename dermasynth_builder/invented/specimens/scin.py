"""Writes a small invented release in the layouts of SCIN, for demos and tests.

Nothing in it is taken from anybody: the pictures are drawn, the tables are made up, and every picture says so. Ids
are numbers of nine digits, which the real release's are not. Its oddities are kept: ids that begin with a hyphen, one
file of two cases, one file that is not there, weights that tie and are not in order, cases without a label.

Equal arguments write equal bytes, on every platform.
"""

import csv
import re
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

Layout = Literal["dataset", "flat"]

PNG_TEXT = "drawn specimen: invented by dermasynth, shows nobody"  # in every picture's tEXt chunk
_RACES = (
    *("american_indian_or_alaska_native", "asian", "black_or_african_american", "hispanic_latino_or_spanish_origin"),
    *("middle_eastern_or_north_african", "native_hawaiian_or_pacific_islander", "white", "other_race"),
    "prefer_not_to_answer",
)
_TEXTURES = ("raised_or_bumpy", "flat", "rough_or_flaky", "fluid_filled")
_BODY_PARTS = (
    *("head_or_neck", "arm", "palm", "back_of_hand", "torso_front", "torso_back", "genitalia_or_groin"),
    *("buttocks", "leg", "foot_top_or_side", "foot_sole", "other"),
)
_CONDITION_SYMPTOMS = (
    *("bothersome_appearance", "bleeding", "increasing_size", "darkening", "itching", "burning", "pain"),
    "no_relevant_experience",
)
_OTHER_SYMPTOMS = (
    *("fever", "chills", "fatigue", "joint_pain", "mouth_sores", "shortness_of_breath", "no_relevant_symptoms"),
)
CASE_COLUMNS = (
    *("case_id", "source", "release", "year", "age_group", "sex_at_birth", "fitzpatrick_skin_type"),
    *(f"race_ethnicity_{race}" for race in _RACES),
    *(f"textures_{texture}" for texture in _TEXTURES),
    *(f"body_parts_{part}" for part in _BODY_PARTS),
    *(f"condition_symptoms_{symptom}" for symptom in _CONDITION_SYMPTOMS),
    *(f"other_symptoms_{symptom}" for symptom in _OTHER_SYMPTOMS),
    *("related_category", "condition_duration"),
    *(f"image_{shot}_path" for shot in (1, 2, 3)),
    *(f"image_{shot}_shot_type" for shot in (1, 2, 3)),
    *("combined_race", "race_ethnicity_two_or_more_after_mitigation"),
)
LABEL_COLUMNS = (
    "case_id",
    *(f"dermatologist_gradable_for_skin_condition_{grader}" for grader in (1, 2, 3)),
    *("dermatologist_skin_condition_on_label_name", "dermatologist_skin_condition_confidence"),
    "weighted_skin_condition_label",
    *(f"dermatologist_gradable_for_fitzpatrick_skin_type_{grader}" for grader in (1, 2, 3)),
    *(f"dermatologist_fitzpatrick_skin_type_label_{grader}" for grader in (1, 2, 3)),
    *(
        f"{column}_{place}"
        for column in ("gradable_for_monk_skin_tone", "monk_skin_tone_label")
        for place in ("india", "us")
    ),
)
_SMALLEST_SIDE_PX = 16
_SHOT_TYPES = ("CLOSE_UP", "AT_AN_ANGLE", "AT_DISTANCE")
_DURATIONS = (
    *("ONE_DAY", "LESS_THAN_ONE_WEEK", "ONE_TO_FOUR_WEEKS", "ONE_TO_THREE_MONTHS", "THREE_TO_TWELVE_MONTHS"),
    *("MORE_THAN_ONE_YEAR", "MORE_THAN_FIVE_YEARS", "SINCE_CHILDHOOD", "UNKNOWN", ""),
)
_AGES = ("AGE_18_TO_29", "AGE_UNKNOWN", "AGE_40_TO_49", "AGE_30_TO_39", "AGE_70_TO_79", "")
_SEXES = ("FEMALE", "OTHER_OR_UNSPECIFIED", "MALE")
_OWN_PHOTOTYPES = ("FST3", "", "NONE_IDENTIFIED", "FST5", "FST1")


@dataclass(frozen=True, slots=True)
class _Label:
    """What dermatologists said, and what is drawn for it."""

    look: Look
    conditions: Mapping[str, float]  # in the order that is written


_LABELS = (
    _Label("seborrheic_keratosis", {"Psoriasis": 0.3, "Eczema": 0.7}),
    _Label("seborrheic_keratosis", {"SK/ISK": 1.0}),
    _Label("actinic_keratosis", {"Tinea": 0.18, "Insect Bite": 0.41, "Urticaria": 0.41}),
    _Label("nevus", {}),
    _Label("melanoma", {"Melanocytic Nevus": 0.25, "Melanoma": 0.75}),
    _Label("squamous_cell_carcinoma", {"Kaposi's sarcoma of skin": 0.33, "SCC/SCCIS": 0.67}),
    _Label("basal_cell_carcinoma", {"Basal Cell Carcinoma": 0.5, "Cyst": 0.5}),
)
_SHARING_CASES = (2, 5)  # the second names the first one's first file
_CASE_WITH_AN_ABSENT_FILE = 4


def write_scin_images(root: Path, *, images: int = 12, layout: Layout = "dataset", side_px: int = 320) -> Path:
    """Draws a small SCIN release of about `images` images; see `write_scin`."""
    return write_scin(root, cases=(images + 1) // 2, layout=layout, side_px=side_px)


def write_scin(root: Path, *, cases: int = 8, layout: Layout = "dataset", side_px: int = 320, seed: int = 0) -> Path:
    """Draws a small SCIN release of one to three images a case under `root` and gives `root` back.

    From five cases on a file is absent, from six on two cases share one. Raises UsageError for fewer cases than one
    or a side under 16 pixels.
    """
    if side_px < _SMALLEST_SIDE_PX:
        raise UsageError(f"side_px is {side_px}: a specimen needs {_SMALLEST_SIDE_PX} pixels or more")
    if cases < 1:
        raise UsageError(f"cases is {cases}: a release has one or more")
    tables = root / "dataset" if layout == "dataset" else root
    _write_table(tables / "scin_cases.csv", CASE_COLUMNS, [_case_row(case, seed) for case in range(cases)])
    _write_table(tables / "scin_labels.csv", LABEL_COLUMNS, [_label_row(case, seed) for case in range(cases)])
    folder = tables / "images" if layout == "dataset" else root
    folder.mkdir(parents=True, exist_ok=True)
    shots = {
        folder / name: (case, shot)
        for case in range(cases)
        for shot, name in _files(case)
        if shot != 1 or case not in (_CASE_WITH_AN_ABSENT_FILE, _SHARING_CASES[1])
    }
    truth = {
        path.relative_to(root).as_posix(): _write_picture(path, shot, side_px=side_px, seed=seed)
        for path, shot in shots.items()
    }
    write_truth(root, truth)
    return root


def _draws(*identity: object) -> Random:
    """Draws that belong to the thing itself: another thing more or less changes none of them."""
    return Random("/".join(map(str, ("scin", *identity))))  # noqa: S311 - specimens, not secrets


def _number(name: str, *identity: int) -> str:
    """Nine digits; every other one is negative."""
    number = _draws(name, *identity).randrange(900_000_000, 1_000_000_000)
    return str(-number if sum(identity) % 2 else number)


def _files(case: int) -> Iterator[tuple[int, str]]:
    """The files that a case names, with the number of the shot."""
    for shot in range(1, case % 3 + 2):
        owner = _SHARING_CASES[0] if case == _SHARING_CASES[1] and shot == 1 else case
        yield shot, f"{_number('image', owner, shot)}.png"


def _case_row(case: int, seed: int) -> Mapping[str, str]:
    draws = _draws(seed, "case", case)
    row = {
        "case_id": _number("case", case),
        "source": "SCIN",
        "release": "1.0.0",
        "year": "2023",
        "age_group": _AGES[case % len(_AGES)],
        "sex_at_birth": _SEXES[case % len(_SEXES)],
        "fitzpatrick_skin_type": _OWN_PHOTOTYPES[case % len(_OWN_PHOTOTYPES)],
        "related_category": "RASH",
        "condition_duration": _DURATIONS[case % len(_DURATIONS)],
    }
    row |= {f"textures_{texture}": "YES" for texture in _TEXTURES if draws.random() < 0.3}
    row |= {f"body_parts_{part}": "YES" for part in draws.sample(_BODY_PARTS, case % 3)}
    row |= {f"condition_symptoms_{name}": "YES" for name in draws.sample(_CONDITION_SYMPTOMS[:-1], case % 4)}
    row |= {f"other_symptoms_{name}": "YES" for name in draws.sample(_OTHER_SYMPTOMS[:-1], case % 2)}
    for shot, name in _files(case):
        row |= {
            f"image_{shot}_path": f"dataset/images/{name}",
            f"image_{shot}_shot_type": _SHOT_TYPES[(case + shot) % len(_SHOT_TYPES)],
        }
    if case % 4 == 0:
        row["condition_symptoms_no_relevant_experience"] = "YES"
    if case % 2 == 0:
        row["other_symptoms_no_relevant_symptoms"] = "YES"
    return row


def _label_row(case: int, seed: int) -> Mapping[str, str]:
    conditions = _LABELS[case % len(_LABELS)].conditions
    draws = _draws(seed, "label", case)
    gradable = "DEFAULT_YES_IMAGE_QUALITY_SUFFICIENT" if conditions else "NO_IMAGE_QUALITY_INSUFFICIENT"
    return {
        "case_id": _number("case", case),
        "dermatologist_gradable_for_skin_condition_1": gradable,
        "dermatologist_skin_condition_on_label_name": str(list(conditions)),
        "dermatologist_skin_condition_confidence": str([draws.randint(1, 5) for _ in conditions]),
        "weighted_skin_condition_label": str(dict(conditions)),
        "dermatologist_gradable_for_fitzpatrick_skin_type_1": "YES",
        "dermatologist_fitzpatrick_skin_type_label_1": f"FST{_phototype(case)}",
        "gradable_for_monk_skin_tone_india": "True",
        "gradable_for_monk_skin_tone_us": "True",
        "monk_skin_tone_label_india": str(draws.randint(1, 10)),
        "monk_skin_tone_label_us": str(draws.randint(1, 10)),
    }


def _phototype(case: int) -> int:
    return case % 6 + 1


def _told(row: Mapping[str, str]) -> Told:
    """What of the case's row shows on its pictures."""
    youngest = re.search(r"\d+", row["age_group"])
    return Told(
        age_years=float(youngest[0]) if youngest else None,
        has_changed="condition_symptoms_increasing_size" in row,
    )


def _write_table(path: Path, columns: Sequence[str], rows: list[Mapping[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_picture(path: Path, shot: tuple[int, int], *, side_px: int, seed: int) -> dict[str, str | float]:
    """Draws the picture, and says what is so on it."""
    case, number = shot
    lesion = f"scin/{seed}/{case}"
    look = _LABELS[case % len(_LABELS)].look
    size_px = (side_px, round(side_px * 4 / 3))  # telephones are held upright
    specimen = Specimen(look, _phototype(case), lesion, f"{lesion}/{number}", size_px, _told(_case_row(case, seed)))
    drawn = draw(specimen)
    text = PngInfo()
    text.add_text("Description", PNG_TEXT)
    # Stored, not deflated: what zlib makes of the same pixels changes from build to build.
    drawn.picture.save(path, pnginfo=text, compress_level=0)
    return truth_of(specimen, drawn)
