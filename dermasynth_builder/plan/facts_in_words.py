"""Facts in words: for prompts, for the slots of questions, for the template engine.

No code of a release (`BCC`, `FST2`) ever leaves this module, and nothing is said of a missing fact.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from functools import cache, lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from dermasynth_builder.core.records import Confirmation, Facts, Modality
from dermasynth_builder.core.wording import join_words

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
    # PAD-UFES-20's tables do not say whose these are, and those who use it read them in both ways.
    "has_skin_cancer_history": (
        "has a personal or family history of skin cancer",
        "has no personal or family history of skin cancer",
    ),
    "has_cancer_history": (
        "has a personal or family history of cancer",
        "has no personal or family history of cancer",
    ),
    "has_melanoma_history": ("has had melanoma before", "has had no melanoma before"),
    "has_family_melanoma_history": ("has melanoma in the family", "has no melanoma in the family"),
}
_CONFIRMED: dict[Confirmation, str] = {
    "histopathology": "proven by biopsy",
    "clinical assessment": "made clinically, without a biopsy",
    "expert consensus": "agreed on by experts from the image",
    "serial imaging": "supported by unchanged images over time",
    "confocal microscopy": "made by confocal microscopy together with dermoscopy",
}
_LABELS = {
    "diagnosis": "Diagnosis on record",
    "confirmation": "The diagnosis, not named here, was",
    "malignancy": "Class of that diagnosis in the ISIC taxonomy",
    "site": "Place on the body",
    "age_years": "Age of the patient in years",
    "age_band": "Age of the patient in years, as a band",
    "sex": "Sex of the patient",
    "phototype": "Fitzpatrick skin phototype",
    "tone_india": "Monk skin tone as rated in India, 1 to 10",
    "tone_us": "Monk skin tone as rated in the United States, 1 to 10",
    "size": "Recorded diameters",
    "one_diameter": "Recorded diameters",
    "present": "Recorded as present",
    "absent": "Recorded as not present",
    "textures": "Texture as the patient reports it",
    "duration": "Duration as the patient reports it",
    "differential": (
        "Dermatologists considered, weightiest first (a weight is the share of a condition in the opinions of those "
        "who saw the photographs, and no probability)"
    ),
    "shot": "Taken as",
    "dermoscopy": "Kind of dermoscopy",
    "lineage": "Cell lineage",
    "history": "The patient",
}
_DENYING = frozenset({"absent", "unrecorded"})
_SYMPTOM_IN_SENTENCE = {"bothersome appearance": "a bothersome appearance"}
_ROMAN = ("I", "II", "III", "IV", "V", "VI")
# Published as columns but told to no engine: codes, doubled forms of other facts, and facts about the household and
# the family's origin, which say nothing of a lesion and would invite stereotypes.
UNTOLD = frozenset(
    {
        *("diagnosis_published", "diagnosis_isic", "malignancy_published", "body_site_published"),
        "body_sites",
        *("has_piped_water", "has_sewage_system", "background_father", "background_mother"),
    }
)

# Source -> facts that give the label away by how its data came about, as measured on its whole table by
# `read.giveaways` (Cramér's V of 0.5 or more with malignancy): PAD-UFES-20 recorded them of patients who came for
# surgery, and no lesion that was confirmed in the clinic alone is malignant. HIBA's whole table was not at hand.
GIVEAWAYS: Mapping[str, frozenset[str]] = {
    "pad_ufes": frozenset(
        {
            *("confirmation", "sex", "fitzpatrick", "diameter_1_mm", "diameter_2_mm"),
            *("smokes", "drinks_alcohol", "uses_pesticide", "has_skin_cancer_history", "has_cancer_history"),
            *("has_piped_water", "has_sewage_system", "background_father", "background_mother"),
        }
    ),
}
# What says how dark somebody's skin is. Told without need it moves what is said of the case.
TONES = frozenset({"fitzpatrick", "fitzpatrick_rater", "monk_tone_india", "monk_tone_us"})

# Phrase -> the facts that it is made of; it exists where all of them are known. Questions may use these as slots.
PHRASES: dict[str, tuple[str, ...]] = {
    "diagnosis": ("diagnosis",),
    "a_diagnosis": ("diagnosis",),
    "malignancy": ("malignancy",),
    "confirmation": ("confirmation",),
    "site": ("body_site",),
    "age_years": ("age_years",),
    "age_band": ("age_band",),
    "person": ("age_years",),
    "sex": ("sex",),
    "phototype": ("fitzpatrick",),
    "tone_india": ("monk_tone_india",),
    "tone_us": ("monk_tone_us",),
    "size": ("diameter_1_mm", "diameter_2_mm"),
    "duration": ("duration",),
    "lasting": ("duration",),
    "shot": ("shot_type",),
    "dermoscopy": ("dermoscopic_type",),
}
# The same for lists: the phrase exists where at least one of the facts has something for it.
LISTS: dict[str, tuple[str, ...]] = {
    "complaints": (*(name for name in SIGNS if name != "is_elevated"), "symptoms"),
    "textures": ("textures",),
    "history": tuple(_HISTORY),
    # What a counterfactual question presumes: a place that is not the one shown, a complaint that was denied.
    "other_site": ("body_site",),
    "denied_sign": ("itches", "hurts", "bleeds"),
}
# Words for places on a part of the body -> places on it that a question may name about another part.
_PARTS: Mapping[str, tuple[str, ...]] = {
    r"\b(?:legs?|thigh|foot|feet|soles?|toes?|knee|lower extremity)\b": ("thigh", "sole of the foot", "knee"),
    r"\b(?:head|neck|face|scalp|ear|nose|lip|cheek|oral|mouth)\b": ("scalp", "forehead", "cheek"),
    r"\b(?:arms?|forearm|hands?|palms?|fingers?|elbow|wrist|upper extremity|acral)\b": ("elbow", "palm of the hand"),
    r"\b(?:trunk|torso|chest|back|abdomen)\b": ("chest", "abdomen"),
}
_PLACES = tuple(place for places in _PARTS.values() for place in places)
_BETWEEN = re.compile(
    r"genital|groin|buttock|shoulder|armpit|palms? or soles?|acral|other"
)  # places between two parts, or on several
IMAGES: dict[Modality, str] = {"clinical": "clinical photograph", "dermoscopic": "dermoscopic image"}


_ALL = tuple(field.name for field in fields(Facts))
_TOLD = tuple(name for name in _ALL if name not in UNTOLD)
_all_of = attrgetter(*_ALL)
_told_of = attrgetter(*_TOLD)
_FEW = 16  # images at hand; each is put into words several times over


@lru_cache(maxsize=_FEW)
def facts_for_engine(facts: Facts) -> Facts:
    """The facts that an engine may be told."""
    return Facts(**dict(zip(_TOLD, _told_of(facts), strict=True)))


@cache
def kept_back(source: str, asked: tuple[str, ...]) -> frozenset[str]:
    """The facts that no engine is told for questions about those: what gives the label away, and tones of the skin."""
    return (GIVEAWAYS.get(source, frozenset()) | TONES) - {fact for name in asked for fact in LISTS.get(name, (name,))}


def facts_for_question(source: str, facts: Facts, asked: Iterable[str]) -> Facts:
    """The facts that an engine may be told for questions about those."""
    told = facts_for_engine(facts)
    gone: dict[str, Any] = dict.fromkeys(kept_back(source, tuple(asked)) & _known(told))
    return replace(told, **gone) if gone else told


@lru_cache(maxsize=_FEW)
def phrases(facts: Facts) -> Mapping[str, str]:
    """The facts as pieces of a sentence; what is not known has no entry.

    Beside `PHRASES` and `LISTS` ("smokes and drinks alcohol"): `present`, `absent` and `unrecorded` (lists of
    signs: "itching and growth"), `differential` ("eczema (weight 0.6) and psoriasis (weight 0.4)"), `lineage`,
    `one_diameter` where only one is known, and the marks of `_marks`, whose words say nothing.
    """
    known = _known(facts)
    made = {name: _phrase(name, facts) for name, needed in PHRASES.items() if known.issuperset(needed)}
    considered = zip(facts.differential, facts.differential_weights, strict=True)
    lists = _signs(facts) | {
        "differential": [f"{condition} (weight {weight:g})" for condition, weight in considered],
        "history": _history(facts),
    }
    made |= {name: join_words(words, "or" if name in _DENYING else "and") for name, words in lists.items() if words}
    if facts.textures:
        made["textures"] = _join_alternatives(facts.textures)
    made |= _premises(facts)
    if "size" not in made and (facts.diameter_1_mm or facts.diameter_2_mm):
        made["one_diameter"] = _millimetres(facts.diameter_1_mm or facts.diameter_2_mm or 0)
    if facts.is_melanocytic is not None:
        made["lineage"] = "melanocytic" if facts.is_melanocytic else "not melanocytic"
    return MappingProxyType(made | {name: name for name, is_set in _marks(facts).items() if is_set})


def knows(facts: Facts, names: Iterable[str]) -> bool:
    """Whether each of these facts is known and each of these `LISTS` has something to say."""
    return _known_lists(facts).issuperset(names)


@lru_cache(maxsize=_FEW)
def _known_lists(facts: Facts) -> frozenset[str]:
    """The names of the facts that are known, and of the `LISTS` that have something to say."""
    return (_known(facts) - LISTS.keys()) | (LISTS.keys() & phrases(facts).keys())


def metadata_lines(facts: Facts) -> list[str]:
    """One line of words for each thing that is known and may be told."""
    known = dict(phrases(facts))
    if "diagnosis" in known and "confirmation" in known:
        known["diagnosis"] += f", {known.pop('confirmation')}"
    return [f"{label}: {known[name]}" for name, label in _LABELS.items() if name in known]


def _join_alternatives(words: Sequence[str]) -> str:
    """ "flat", "raised or bumpy, and rough or flaky"."""
    *front, end = words
    return f"{', '.join(front)}, and {end}" if front else end


_OF_WHAT = re.compile(r" (?:of|on|due to|caused by)\b.*")
_PLURAL = re.compile(r"(?:[^aiuns]s|[^aeiu]ns|ae|phi)(?<!oides)(?<!herpes)(?<!scabies)$")  # "migrans", "cutis", "lupus"


def with_article(noun: str) -> str:
    """ "a nevus", "an actinic keratosis"; of several things none: "follicular pustules"."""
    if _PLURAL.search(_OF_WHAT.sub("", noun)):
        return noun
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


@lru_cache(maxsize=_FEW)
def _known(facts: Facts) -> frozenset[str]:
    return frozenset(name for name, value in zip(_ALL, _all_of(facts), strict=True) if value not in (None, ()))


def _signs(facts: Facts) -> dict[str, Sequence[str]]:
    """The signs that are recorded as present, as absent, and, where any is recorded, those that are not."""
    by_answer = {
        answer: [noun for name, noun in SIGNS.items() if getattr(facts, name) is answer]
        for answer in (True, False, None)
    }
    is_any_asked = bool(by_answer[True] or by_answer[False])
    symptoms = [_SYMPTOM_IN_SENTENCE.get(symptom, symptom) for symptom in facts.symptoms]
    present = [*by_answer[True], *symptoms]
    return {
        "present": present,
        "complaints": [noun for noun in present if noun != SIGNS["is_elevated"]],
        "absent": by_answer[False],
        "unrecorded": by_answer[None] if is_any_asked else [],
    }


def _premises(facts: Facts) -> dict[str, str]:
    """What a question may name although it is not so: a place elsewhere on the body, a complaint that was denied."""
    site = facts.body_site or ""
    elsewhere = [place for words, places in _PARTS.items() if not re.search(words, site) for place in places]
    is_elsewhere = 0 < len(elsewhere) < len(_PLACES) and not _BETWEEN.search(site)
    denied = denied_sign(facts)
    return {
        **({"other_site": elsewhere[(facts.age_years or len(site)) % len(elsewhere)]} if is_elsewhere else {}),
        **({"denied_sign": SIGNS[denied]} if denied else {}),
    }


def denied_sign(facts: Facts) -> str | None:
    """The column of the complaint that a question presumes although it was denied; None where none was."""
    return next((name for name in LISTS["denied_sign"] if getattr(facts, name) is False), None)


def _marks(facts: Facts) -> dict[str, bool]:
    """What has no words of its own but decides which sentences apply."""
    diameters = [mm for mm in (facts.diameter_1_mm, facts.diameter_2_mm) if mm is not None]
    return {
        "proven": facts.confirmation == "histopathology",
        "clinical_only": facts.confirmation == "clinical assessment",
        "raised": facts.is_elevated is True,
        "not_raised": facts.is_elevated is False,
        "grown": facts.has_grown is True,
        "not_grown": facts.has_grown is False,
        "changed": facts.has_changed is True,
        "not_changed": facts.has_changed is False,
        "darkened": "darkening" in facts.symptoms,
        "over_6_mm": any(mm > 6 for mm in diameters),
        "within_6_mm": len(diameters) == 2 and max(diameters) <= 6,
        "equal_diameters": len(diameters) == 2 and diameters[0] == diameters[1],
        "unequal_diameters": len(diameters) == 2 and diameters[0] != diameters[1],
        "one_opinion": len(facts.differential) == 1,
        "several_opinions": len(facts.differential) > 1,
        "several_sites": " and " in (facts.body_site or ""),
    }


def _history(facts: Facts) -> list[str]:
    known = {name: getattr(facts, name) for name in _HISTORY}
    return [_HISTORY[name][0 if value else 1] for name, value in known.items() if value is not None]


def _phrase(name: str, facts: Facts) -> str:
    match name:
        case "a_diagnosis":
            # A lesion has an article, a disease of the skin ("eczema") has none; lesions have a place in the taxonomy.
            return with_article(facts.diagnosis or "") if facts.malignancy else facts.diagnosis or ""
        case "confirmation":
            return _CONFIRMED[facts.confirmation] if facts.confirmation else ""
        case "age_years":
            return _age(facts)
        case "lasting":
            return _lasting(facts.duration or "")
        case "person":
            return _person(facts)
        case "phototype":
            return _phototype(facts)
        case "size":
            return f"{_millimetres(facts.diameter_1_mm or 0)} by {_millimetres(facts.diameter_2_mm or 0)}"
        case _:
            return str(getattr(facts, PHRASES[name][0]))


def _age(facts: Facts) -> str:
    """ "81", "about 55"; in steps of five years, 0 stands for the ages that are nearest to it."""
    if not facts.is_age_rounded:
        return str(facts.age_years)
    return f"about {facts.age_years}" if facts.age_years else "0 to 2"


def _person(facts: Facts) -> str:
    """ "a 79-year-old man", "an 8-year-old girl", "a woman aged about 55", "a person aged 61"."""
    age = facts.age_years or 0
    if facts.sex is None:
        return f"a person aged {_age(facts)}"
    words = ("woman", "man") if age >= 18 else ("girl", "boy")
    word = words[0] if facts.sex == "female" else words[1]
    if facts.is_age_rounded:
        return f"a {word} aged {_age(facts)}"
    article = "an" if str(age).startswith("8") or age in (11, 18) else "a"
    return f"{article} {age}-year-old {word}"


def _lasting(duration: str) -> str:
    """ "for one day", "since childhood"."""
    return duration if duration.startswith("since") else f"for {duration}"


def _phototype(facts: Facts) -> str:
    """ "II", "II (as the patient rates it)"."""
    rated = {"patient": " (as the patient rates it)", "dermatologist": " (as a dermatologist rates it)", None: ""}
    return _ROMAN[(facts.fitzpatrick or 1) - 1] + rated[facts.fitzpatrick_rater]


def _millimetres(length: float) -> str:
    return f"{length:g} mm"
