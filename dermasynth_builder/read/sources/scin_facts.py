"""What SCIN's two tables say of a case, as facts.

Answers of the patients are `YES` or empty, never `NO`: what was not ticked is not known, not denied. The columns on
race and ethnicity are not read: they are sensitive, and a text about what an image shows has no use for them; skin is
told by phototype and Monk tone.
"""

import ast
import math
from collections.abc import Mapping
from dataclasses import replace

from dermasynth_builder.core.records import Facts, Sex
from dermasynth_builder.core.wording import join_words
from dermasynth_builder.read import vocabulary
from dermasynth_builder.read.tables import CellReader, Row

MISSING = frozenset({"", "AGE_UNKNOWN", "NONE_IDENTIFIED", "NONE_SELECTED", "OTHER_OR_UNSPECIFIED", "UNKNOWN"})
YES = {"YES": True}
AGE_BANDS = {
    "AGE_18_TO_29": "18 to 29",
    "AGE_30_TO_39": "30 to 39",
    "AGE_40_TO_49": "40 to 49",
    "AGE_50_TO_59": "50 to 59",
    "AGE_60_TO_69": "60 to 69",
    "AGE_70_TO_79": "70 to 79",
    "AGE_80_OR_ABOVE": "80 or above",
}
SEXES: dict[str, Sex] = {"FEMALE": "female", "MALE": "male"}
PHOTOTYPES = {f"FST{number}": number for number in range(1, 7)}
BODY_PARTS = {
    "head_or_neck": "head or neck",
    "arm": "arm",
    "palm": "palm of the hand",
    "back_of_hand": "back of the hand",
    "torso_front": "front of the torso",
    "torso_back": "back of the torso",
    "genitalia_or_groin": "genitalia or groin",
    "buttocks": "buttocks",
    "leg": "leg",
    "foot_top_or_side": "top or side of the foot",
    "foot_sole": "sole of the foot",
    "other": None,  # says nothing that could be put into words
}
TEXTURES = {
    "raised_or_bumpy": "raised or bumpy",
    "flat": "flat",
    "rough_or_flaky": "rough or flaky",
    "fluid_filled": "filled with fluid",
}
# Complaints that have no sign of their own in `Facts`; `no_relevant_*` says that there is none, and is none.
SYMPTOMS = {
    "condition_symptoms_bothersome_appearance": "bothersome appearance",
    "condition_symptoms_darkening": "darkening",
    "condition_symptoms_burning": "burning",
    "other_symptoms_fever": "fever",
    "other_symptoms_chills": "chills",
    "other_symptoms_fatigue": "fatigue",
    "other_symptoms_joint_pain": "joint pain",
    "other_symptoms_mouth_sores": "mouth sores",
    "other_symptoms_shortness_of_breath": "shortness of breath",
}
DURATIONS = {
    "ONE_DAY": "one day",
    "LESS_THAN_ONE_WEEK": "less than one week",
    "ONE_TO_FOUR_WEEKS": "one to four weeks",
    "ONE_TO_THREE_MONTHS": "one to three months",
    "THREE_TO_TWELVE_MONTHS": "three to twelve months",
    "MORE_THAN_ONE_YEAR": "more than one year",
    "MORE_THAN_FIVE_YEARS": "more than five years",
    "SINCE_CHILDHOOD": "since childhood",
}
SHOT_TYPES = {"CLOSE_UP": "close-up", "AT_AN_ANGLE": "at an angle", "AT_DISTANCE": "at a distance"}
CONDITIONS = "weighted_skin_condition_label"
RETIRED = "Remove from labeling tool"  # stands where a condition's name was taken out of the list after it was chosen


def of_case(case: CellReader) -> Facts:
    """What the person said; what dermatologists said is not in it."""
    ticked = [part for part in BODY_PARTS if _is_ticked(case, f"body_parts_{part}")]
    words = [word for part in ticked if (word := BODY_PARTS[part])]
    phototype = case.choice("fitzpatrick_skin_type", PHOTOTYPES)
    return Facts(
        body_site=join_words(words) if words else None,
        body_site_published=", ".join(ticked) or None,
        age_band=case.choice("age_group", AGE_BANDS),
        sex=case.choice("sex_at_birth", SEXES),
        fitzpatrick=phototype,
        fitzpatrick_rater="patient" if phototype else None,
        itches=_is_ticked(case, "condition_symptoms_itching"),
        hurts=_is_ticked(case, "condition_symptoms_pain"),
        bleeds=_is_ticked(case, "condition_symptoms_bleeding"),
        has_grown=_is_ticked(case, "condition_symptoms_increasing_size"),
        symptoms=tuple(word for column, word in SYMPTOMS.items() if _is_ticked(case, column)),
        textures=tuple(word for texture, word in TEXTURES.items() if _is_ticked(case, f"textures_{texture}")),
        duration=case.choice("condition_duration", DURATIONS),
    )


def shot_type(case: CellReader, shot: int) -> str | None:
    """How the image of that number, 1 to 3, was taken."""
    return case.choice(f"image_{shot}_shot_type", SHOT_TYPES)


def with_labels(facts: Facts, labels: CellReader) -> Facts:
    """The facts with what dermatologists said of the case.

    The diagnosis is the condition of the greatest weight; where several share it, there is none, for nobody chose. A
    phototype is taken from the patient first and from the first dermatologist who gave one after that.
    """
    weighed = _weighed(labels)
    rated = _rated_phototype(labels)
    facts = replace(
        facts,
        differential=tuple(_in_words(name, labels) for name in weighed if name != RETIRED),
        differential_weights=tuple(weight for name, weight in weighed.items() if name != RETIRED),
        monk_tone_india=labels.whole("monk_skin_tone_label_india", 1, 10),
        monk_tone_us=labels.whole("monk_skin_tone_label_us", 1, 10),
    )
    if facts.fitzpatrick is None and rated is not None:
        facts = replace(facts, fitzpatrick=rated, fitzpatrick_rater="dermatologist")
    return _with_diagnosis(facts, weighed)


def weighted_conditions(text: str) -> dict[str, float]:
    """The published dict, a Python literal: condition -> weight, in its own order. Raises ValueError for any other."""
    try:
        conditions = ast.literal_eval(text)
    except (SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if not isinstance(conditions, dict):
        raise ValueError("it is no dict")
    for name, weight in conditions.items():
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not isinstance(name, str) or not name.strip() or not is_number or not 0 < weight < math.inf:
            raise ValueError(f"{name!r}: {weight!r} is no condition with a weight above 0")
    return {name.strip(): float(weight) for name, weight in conditions.items()}


def conditions_named(labels: Row) -> frozenset[str]:
    """The names of all conditions of a row of labels as published; none where they cannot be read."""
    try:
        return frozenset(weighted_conditions(labels.cells.get(CONDITIONS) or "{}"))
    except ValueError:
        return frozenset()


def _weighed(labels: CellReader) -> Mapping[str, float]:
    """The conditions, weightiest first, ties in their published order."""
    text = labels.text(CONDITIONS)
    if text is None:
        return {}
    try:
        conditions = weighted_conditions(text)
    except ValueError as error:
        labels.unknown(CONDITIONS, text, f"expected a dict of conditions and weights: {error}")
        return {}
    if RETIRED in conditions:
        labels.unknown(CONDITIONS, RETIRED, "a note about a tool and no condition", taken="left out")
    return dict(sorted(conditions.items(), key=lambda item: -item[1]))


def _in_words(name: str, labels: CellReader) -> str:
    known = vocabulary.diagnoses("scin")
    if name in known:
        return known[name].name
    labels.unknown(CONDITIONS, name, "a name that scin.toml does not list", taken="kept as published")
    return name


def _with_diagnosis(facts: Facts, weighed: Mapping[str, float]) -> Facts:
    first, *others = weighed.items() if weighed else [(RETIRED, 0.0)]
    if first[0] == RETIRED or (others and others[0][1] == first[1]):
        return facts
    known = vocabulary.diagnoses("scin").get(first[0])
    return replace(
        facts,
        diagnosis=facts.differential[0],
        diagnosis_published=first[0],
        diagnosis_isic=known.isic if known else None,
        malignancy=known.malignancy if known else None,
    )


def _rated_phototype(labels: CellReader) -> int | None:
    columns = [f"dermatologist_fitzpatrick_skin_type_label_{number}" for number in (1, 2, 3)]
    return next((rated for column in columns if (rated := labels.choice(column, PHOTOTYPES))), None)


def _is_ticked(cells: CellReader, column: str) -> bool | None:
    """True, or None where the box is empty."""
    return cells.choice(column, YES)
