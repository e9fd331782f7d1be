"""Facts in words: for prompts, for the slots of questions, for the template engine. Pure.

No code of a release (`BCC`, `FST2`) ever leaves this module, and nothing is said of a missing fact.
"""

from collections.abc import Iterable
from dataclasses import fields

from dermasynth_builder.records import Facts, Modality

# What was asked about the lesion -> its noun.
SIGNS = {
    "itches": "itching",
    "hurts": "pain",
    "bleeds": "bleeding",
    "has_grown": "growth",
    "has_changed": "change",
    "is_elevated": "elevation",
}
_HISTORY = {
    "smokes": ("smokes", "does not smoke"),
    "drinks_alcohol": ("drinks alcohol", "drinks no alcohol"),
    "uses_pesticide": ("uses pesticides", "uses no pesticides"),
    "has_skin_cancer_history": ("has a history of skin cancer", "has no history of skin cancer"),
    "has_cancer_history": ("has a history of cancer", "has no history of cancer"),
}
_LABELS = {
    "diagnosis": "Diagnosis on record",
    "confirmation": "The diagnosis, not named here, was",
    "malignancy": "Class of that diagnosis in the ISIC taxonomy",
    "site": "Place on the body",
    "age_years": "Age of the patient in years",
    "sex": "Sex of the patient",
    "phototype": "Fitzpatrick skin phototype",
    "size": "Recorded diameters",
    "present": "Recorded as present",
    "absent": "Recorded as not present",
    "history": "The patient",
}
_ROMAN = ("I", "II", "III", "IV", "V", "VI")
# Published as columns but told to no engine: the code of the diagnosis, and facts about the household and
# the family's origin, which say nothing of a lesion and would invite stereotypes.
UNTOLD = frozenset(
    {"diagnosis_published", "has_piped_water", "has_sewage_system", "background_father", "background_mother"}
)

# Phrase -> the facts that it is made of; it exists where all of them are known. Questions may use these as slots.
PHRASES: dict[str, tuple[str, ...]] = {
    "diagnosis": ("diagnosis",),
    "a_diagnosis": ("diagnosis",),
    "malignancy": ("malignancy",),
    "confirmation": ("is_biopsied",),
    "site": ("body_site",),
    "age_years": ("age_years",),
    "person": ("age_years",),
    "sex": ("sex",),
    "phototype": ("fitzpatrick",),
    "size": ("diameter_1_mm", "diameter_2_mm"),
}
IMAGES: dict[Modality, str] = {"clinical": "clinical photograph", "dermoscopic": "dermoscopic image"}


def told(facts: Facts) -> Facts:
    """The facts that an engine may be told."""
    return Facts(**{f.name: getattr(facts, f.name) for f in fields(Facts) if f.name not in UNTOLD})


def phrases(facts: Facts) -> dict[str, str]:
    """The facts as pieces of a sentence; what is not known has no entry.

    Beside `PHRASES`: `present`, `absent` and `unrecorded` (lists of signs: "itching and growth"), `history`
    ("smokes and has a history of cancer"), and the marks `proven`, `clinical_only`, `raised`, `not_raised`.
    """
    made = {name: _phrase(name, facts) for name, needed in PHRASES.items() if _all_known(facts, needed)}
    for phrase, answer, last in (
        ("present", True, "and"),
        ("absent", False, "or"),
        ("unrecorded", None, "or"),
    ):
        nouns = [noun for name, noun in SIGNS.items() if getattr(facts, name) is answer]
        if nouns:
            made[phrase] = join_words(nouns, last)
    history = [
        told_as[0 if getattr(facts, name) else 1]
        for name, told_as in _HISTORY.items()
        if getattr(facts, name) is not None
    ]
    if history:
        made["history"] = join_words(history)
    marks = {
        "proven": facts.is_biopsied is True,
        "clinical_only": facts.is_biopsied is False,
        "raised": facts.is_elevated is True,
        "not_raised": facts.is_elevated is False,
    }
    return made | {name: name for name, is_set in marks.items() if is_set}


def metadata_lines(facts: Facts) -> list[str]:
    """One line of words for each thing that is known and may be told."""
    known = phrases(facts)
    if "diagnosis" in known and "confirmation" in known:
        known["diagnosis"] += f", {known.pop('confirmation')}"
    if "size" not in known and (facts.diameter_1_mm or facts.diameter_2_mm):
        known["size"] = _millimetres(facts.diameter_1_mm or facts.diameter_2_mm or 0)
    return [f"{label}: {known[name]}" for name, label in _LABELS.items() if name in known]


def join_words(words: Iterable[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    *front, end = list(words)
    return f"{', '.join(front)} {last} {end}" if front else end


def with_article(noun: str) -> str:
    """ "a nevus", "an actinic keratosis"."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _all_known(facts: Facts, names: Iterable[str]) -> bool:
    return all(getattr(facts, name) is not None for name in names)


def _phrase(name: str, facts: Facts) -> str:
    match name:
        case "a_diagnosis":
            return with_article(facts.diagnosis or "")
        case "confirmation":
            return "proven by biopsy" if facts.is_biopsied else "made clinically, without a biopsy"
        case "person":
            return _person(facts)
        case "phototype":
            return _ROMAN[(facts.fitzpatrick or 1) - 1]
        case "size":
            return f"{_millimetres(facts.diameter_1_mm or 0)} by {_millimetres(facts.diameter_2_mm or 0)}"
        case _:
            return str(getattr(facts, PHRASES[name][0]))


def _person(facts: Facts) -> str:
    """ "a 79-year-old man", "an 8-year-old girl", "a person aged 61"."""
    age = facts.age_years or 0
    if facts.sex is None:
        return f"a person aged {age}"
    words = ("woman", "man") if age >= 18 else ("girl", "boy")
    article = "an" if str(age).startswith("8") or age in (11, 18) else "a"
    return f"{article} {age}-year-old {words[0] if facts.sex == 'female' else words[1]}"


def _millimetres(length: float) -> str:
    return f"{length:g} mm"
