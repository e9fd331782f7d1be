"""A case as the template engine words it: its facts as slots of sentences, and as marks that decide which apply."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType

from dermasynth_builder.core.records import Facts, Measured, Modality
from dermasynth_builder.core.wording import join_words
from dermasynth_builder.plan import facts_in_words

_FEW = 64
# Share of the raters' weight, from here on -> its words.
_SHARES = (
    (0.9, "nearly all"),
    (0.7, "about three quarters"),
    (0.58, "about two thirds"),
    (0.45, "about half"),
    (0.29, "about a third"),
    (0.22, "about a quarter"),
    (0.15, "about a fifth"),
    (0.0, "a small part"),
)
_SUNNY = re.compile(r"\b(?:face|nose|ear|lip|scalp|head or neck|neck|forearm|hand|upper extremity)\b")
_PALMS_AND_SOLES = re.compile(r"\b(?:palms? or soles?|palm|sole)\b")
_ACUTE = frozenset({"one day", "less than one week", "one to four weeks"})
_CHRONIC = frozenset({"three to twelve months", "more than one year", "more than five years", "since childhood"})
_ONE_THING = re.compile(  # names of what can be counted
    r"\b(?:bite|rash|exanthem|eruption|reaction|ulcer|cyst|keratocyst|abscess|scar|nevus|furuncle|lipoma|fissure|erosion"
    r"|(?:actinic|seborrheic) keratosis|carcinoma|melanoma|lymphoma|abrasion|scab|granuloma|dermatofibroma|tumou?r|hair"
    r"|fibrokeratoma|ha?emangioma|blister|neoplasm|metastasis|wound|injury|nodule|foreign body|comedone|ha?ematoma"
    r"|xanthoma|mastocytoma)(?= of | due | caused | related |$)"
)
_OLD, _YOUNG, _CHILD = 60, 30, 18  # years
_BREATHLESS = "shortness of breath"
_AGREED, _HALF = 0.9, 0.5  # of the raters' weight
# A mark -> the columns of the facts that set it.
MARKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys(("proven", "clinical_only", "consensus", "imaged"), ("confirmation",)),
        **dict.fromkeys(("benign", "malignant", "indeterminate", "unclassed"), ("malignancy",)),
        **dict.fromkeys(("dermoscopic", "clinical"), ("modality",)),
        **dict.fromkeys(("raised", "not_raised"), ("is_elevated", "textures")),
        **dict.fromkeys(("grown", "not_grown"), ("has_grown",)),
        **dict.fromkeys(("changed", "not_changed"), ("has_changed",)),
        **dict.fromkeys(("bleeding", "not_bleeding"), ("bleeds",)),
        **dict.fromkeys(("itching", "not_itching"), ("itches",)),
        **dict.fromkeys(("hurting", "not_hurting"), ("hurts",)),
        **dict.fromkeys(("over_6_mm", "within_6_mm", "equal_diameters"), ("diameter_1_mm", "diameter_2_mm")),
        "unequal_diameters": ("diameter_1_mm", "diameter_2_mm"),
        **dict.fromkeys(("child", "adult", "young", "old"), ("age_years", "age_band")),
        **dict.fromkeys(("sunny", "palms_or_soles", "several_sites", "one_site", "covered"), ("body_site",)),
        **dict.fromkeys(("acute", "subacute", "chronic"), ("duration",)),
        **dict.fromkeys(("weighted", "agreed", "leading", "undecided", "tied"), ("differential",)),
        **dict.fromkeys(("one_opinion", "several_opinions", "unweighted"), ("differential",)),
        **dict.fromkeys(("labelled", "unlabelled"), ("diagnosis",)),
        **dict.fromkeys(("melanocytic", "not_melanocytic"), ("is_melanocytic",)),
        **dict.fromkeys(("feverish", "breathless", "alarming", "burning", "joint_pain", "darkened"), ("symptoms",)),
        **dict.fromkeys(("skin_cancer_before", "no_skin_cancer_before"), ("has_skin_cancer_history",)),
        **dict.fromkeys(("cancer_before", "no_cancer_before"), ("has_cancer_history",)),
        **dict.fromkeys(("melanoma_before", "no_melanoma_before"), ("has_melanoma_history",)),
        **dict.fromkeys(("family_melanoma", "no_family_melanoma"), ("has_family_melanoma_history",)),
        **dict.fromkeys(("measured",), ("measured",)),
        "lesion": ("malignancy",),
        **dict.fromkeys(("growth_unknown",), ("has_grown",)),
        "restless": ("has_grown", "has_changed", "bleeds"),
    }
)
# A slot -> the columns of the facts that it words, beside those that `facts_in_words` knows.
_COLUMNS = {
    **facts_in_words.PHRASES,
    **facts_in_words.LISTS,
    "dx": ("diagnosis",),
    "a_dx": ("diagnosis",),
    "confirmed": ("confirmation",),
    "class": ("malignancy",),
    **dict.fromkeys(("first", "a_first", "second", "others", "opinions", "conditions"), ("differential",)),
    **dict.fromkeys(("weight", "second_weight", "share"), ("differential", "differential_weights")),
    "person": ("age_years", "sex"),
    "present": ("itches", "hurts", "bleeds", "has_grown", "has_changed", "is_elevated", "symptoms"),
    "absent": ("itches", "hurts", "bleeds", "has_grown", "has_changed", "is_elevated"),
    "felt": ("itches", "hurts", "bleeds", "symptoms"),
    "unrecorded": ("itches", "hurts", "bleeds", "has_grown", "has_changed", "is_elevated"),
    "denied": ("itches", "hurts", "bleeds"),
    **dict.fromkeys(("alarms", "no_alarms"), ("has_grown", "has_changed", "bleeds")),
    "larger": ("diameter_1_mm", "diameter_2_mm"),
    "smaller": ("diameter_1_mm", "diameter_2_mm"),
    "one_diameter": ("diameter_1_mm", "diameter_2_mm"),
    "lineage": ("is_melanocytic",),
    "a_man": ("sex",),
    "years": ("age_years", "age_band"),
    "sites": ("body_site",),
    "span": ("duration",),
    "at_age": ("age_years", "age_band"),
    **dict.fromkeys(("image", "an_image", "finding", "a_finding"), ("modality",)),
}


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of one image, ready for sentences."""

    slots: Mapping[str, str]
    marks: frozenset[str]
    facts: Facts
    measured: Mapping[str, Measured]  # by slot
    possible: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)  # parts -> whether they apply

    def without(self, slot: str) -> "Case":
        """The case to sentences that are not to speak of one thing."""
        known = {name: words for name, words in self.slots.items() if name != slot}
        return replace(self, slots=MappingProxyType(known), possible={})

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions in question, the leading one first."""
        return self.facts.differential or ((self.facts.diagnosis,) if self.facts.diagnosis else ())


@lru_cache(maxsize=_FEW)
def case_of(facts: Facts, modality: Modality, measured: tuple[Measured, ...] = ()) -> Case:
    """The case of an image. Each measured fact is a slot `measured_<name>`, blanks as underscores."""
    of_slot = {f"measured_{each.name.replace(' ', '_')}": each for each in measured}
    values = {
        slot: f"{each.value:g}" if isinstance(each.value, float) else each.value for slot, each in of_slot.items()
    }
    slots = {**facts_in_words.phrases(facts), **_own_slots(facts, modality), **values}
    if (facts.body_site or "").count(",") > 1:  # too many to name in passing
        slots.pop("site")
    return Case(MappingProxyType(slots), _marks(facts, modality, measured), facts, MappingProxyType(of_slot))


def columns_of(slot: str) -> tuple[str, ...]:
    """The columns of the facts that a slot words."""
    return _COLUMNS.get(slot, ())


def _own_slots(facts: Facts, modality: Modality) -> dict[str, str]:
    """The slots beside the phrases of `facts_in_words`."""
    phrases = facts_in_words.phrases(facts)
    finding = _finding(facts, modality)
    image = facts_in_words.IMAGES[modality]
    made: dict[str, str | None] = {
        "dx": facts.diagnosis,
        "a_dx": _with_article(facts),
        "confirmed": phrases.get("confirmation", "").replace("made ", "established "),  # nobody makes a lesion
        "class": facts.malignancy,
        "image": image,
        "an_image": facts_in_words.with_article(image),
        "finding": finding,
        "a_finding": facts_in_words.with_article(finding),
        "a_man": {"female": "a woman", "male": "a man"}.get(facts.sex or ""),
        "years": _years(facts),
        "sites": facts.body_site,
        "span": facts.duration if facts.duration and not facts.duration.startswith("since") else None,
        "history": _history(facts),
        "at_age": _at_age(facts),
        **_sizes(facts),
        **_signs(facts),
        **_opinions(facts),
    }
    return {name: words for name, words in made.items() if words}


def _with_article(facts: Facts) -> str | None:
    """A lesion has an article, a disease of the skin has none: "a nevus", "eczema", "Bowen's disease"."""
    is_lesion = facts.malignancy or facts.is_melanocytic is not None
    if not facts.diagnosis or not is_lesion or facts.diagnosis.endswith("disease"):
        return _as_one(facts.diagnosis) if facts.diagnosis else None
    return facts_in_words.with_article(facts.diagnosis)


def _as_one(condition: str) -> str:
    """A condition with an article where its name is that of one thing: "an insect bite"; "eczema"."""
    return facts_in_words.with_article(condition) if _ONE_THING.search(condition) else condition


def _finding(facts: Facts, modality: Modality) -> str:
    """What the image shows, as far as the facts allow a word: skin that nobody called diseased may be healthy."""
    if facts.malignancy or modality == "dermoscopic":
        return "lesion"
    return "skin change" if facts.diagnosis or facts.differential else "skin finding"


def _years(facts: Facts) -> str | None:
    """ "about 55", "30 to 39"."""
    return facts_in_words.phrases(facts).get("age_years") or facts.age_band


def _at_age(facts: Facts) -> str | None:
    """ "at 61", "at about 55", "between 30 and 39"."""
    if facts.age_years is not None:
        return f"at {facts_in_words.phrases(facts)['age_years']}" if facts.age_years else "in the first years of life"
    return f"between {facts.age_band.replace(' to ', ' and ')}" if facts.age_band and " to " in facts.age_band else None


def _history(facts: Facts) -> str | None:
    """The history, with the two columns on cancer as one phrase where they would seem to contradict each other."""
    words = facts_in_words.phrases(facts).get("history")
    if words and facts.has_skin_cancer_history is not None and facts.has_cancer_history is not None:
        told = facts_in_words.phrases(replace(facts, has_skin_cancer_history=None, has_cancer_history=None))
        both = _CANCERS[facts.has_skin_cancer_history, facts.has_cancer_history]
        return f"{told['history']}; there is {both}" if "history" in told else f"has {both}"
    return words


_CANCERS = {
    (True, True): "a personal or family history of skin cancer and of another cancer",
    (True, False): "a personal or family history of skin cancer, but of no other cancer",
    (False, True): "a personal or family history of cancer, but not of skin cancer",
    (False, False): "no personal or family history of skin cancer or of another cancer",
}


def _sizes(facts: Facts) -> dict[str, str | None]:
    both = [mm for mm in (facts.diameter_1_mm, facts.diameter_2_mm) if mm]
    if len(both) < 2:
        return {}
    return {"larger": f"{max(both):g} mm", "smaller": f"{min(both):g} mm"}


def _signs(facts: Facts) -> dict[str, str | None]:
    felt = {"itches": "itching", "hurts": "pain", "bleeds": "bleeding"}
    alarms = {"has_grown": "growth", "has_changed": "change", "bleeds": "bleeding"}
    reported = [symptom for symptom in facts.symptoms if symptom not in ("bothersome appearance", "darkening")]
    return {
        "felt": _joined([*_with(facts, felt, answer=True), *reported], "and"),
        "denied": _joined(_with(facts, felt, answer=False), "or"),
        "alarms": _joined(_with(facts, alarms, answer=True), "and"),
        "no_alarms": _joined(_with(facts, alarms, answer=False), "or"),
    }


def _with(facts: Facts, nouns: Mapping[str, str], *, answer: bool) -> list[str]:
    """The nouns of the columns that have this answer."""
    return [noun for column, noun in nouns.items() if getattr(facts, column) is answer]


def _joined(words: Sequence[str], last: str) -> str | None:
    return join_words(words, last) if words else None


def _opinions(facts: Facts) -> dict[str, str | None]:
    """The conditions that dermatologists weighed, with their weights in words."""
    weighted = list(zip(facts.differential, facts.differential_weights, strict=True))
    if not weighted:
        return {}
    told = [f"{name} ({_share(weight)})" for name, weight in weighted]
    told[0] = f"{told[0][:-1]} of the weight of opinion)"
    return {
        "first": weighted[0][0],
        "a_first": _with_article(facts) if weighted[0][0] == facts.diagnosis else _as_one(weighted[0][0]),
        "weight": f"{_share(weighted[0][1])} of the weight of opinion",
        "share": _share(weighted[0][1]),
        "second": weighted[1][0] if len(weighted) > 1 else None,
        "second_weight": _share(weighted[1][1]) if len(weighted) > 1 else None,
        "others": join_words(facts.differential[1:4]) if len(weighted) > 1 else None,
        "opinions": join_words(told[:4]),
        "conditions": join_words(facts.differential[:4]),
    }


def _share(weight: float) -> str:
    return next(words for least, words in _SHARES if weight >= least)


def _marks(facts: Facts, modality: Modality, measured: Sequence[Measured]) -> frozenset[str]:
    told = {
        **_marks_of_person(facts),
        **_marks_of_opinions(facts),
        "proven": facts.confirmation == "histopathology",
        "clinical_only": facts.confirmation == "clinical assessment",
        "consensus": facts.confirmation == "expert consensus",
        "imaged": facts.confirmation in ("serial imaging", "confocal microscopy"),
        "unclassed": facts.malignancy is None,
        "acute": facts.duration in _ACUTE,
        "chronic": facts.duration in _CHRONIC,
        "subacute": facts.duration == "one to three months",
        "feverish": bool({"fever", "chills"} & {*facts.symptoms}),
        "breathless": _BREATHLESS in facts.symptoms,
        "alarming": bool({"fever", "chills", _BREATHLESS} & {*facts.symptoms}),
        "burning": "burning" in facts.symptoms,
        "joint_pain": "joint pain" in facts.symptoms,
        "measured": bool(measured),
        "lesion": not facts.differential and (modality == "dermoscopic" or facts.malignancy is not None),
        "not_raised": facts.is_elevated is False or facts.textures == ("flat",),
        "growth_unknown": facts.has_changed is not None and facts.has_grown is None,
        # Tissue has answered what growth, change or bleeding asks; the eye alone has not.
        "restless": facts.confirmation != "histopathology"
        and True in (facts.has_grown, facts.has_changed, facts.bleeds),
    }
    words = frozenset(MARKS.keys() & facts_in_words.phrases(facts).keys())
    classes = {facts.malignancy} if facts.malignancy else set()
    return words | {modality, *classes} | _answered(facts) | {mark for mark, is_set in told.items() if is_set}


def _marks_of_person(facts: Facts) -> dict[str, bool]:
    site, age = facts.body_site or "", _least_age(facts)
    return {
        "child": age is not None and age < _CHILD,
        "adult": age is not None and age >= _CHILD,
        "young": age is not None and age < _YOUNG,
        "old": age is not None and age >= _OLD,
        "sunny": bool(_SUNNY.search(site)),
        "covered": bool(site) and not _SUNNY.search(site),
        "palms_or_soles": bool(_PALMS_AND_SOLES.search(site)),
        "one_site": bool(site) and " and " not in site,
    }


def _marks_of_opinions(facts: Facts) -> dict[str, bool]:
    weights, is_led = facts.differential_weights, bool(facts.differential_weights and facts.diagnosis)
    return {
        "weighted": bool(weights),
        "unweighted": not weights,
        "agreed": bool(weights) and weights[0] >= _AGREED,
        "leading": is_led and _HALF <= weights[0] < _AGREED,
        "undecided": is_led and weights[0] < _HALF,
        "tied": bool(weights) and not facts.diagnosis,
        "labelled": bool(facts.diagnosis),
        "unlabelled": not facts.diagnosis and not weights,
    }


_ANSWERED = {
    "bleeds": ("bleeding", "not_bleeding"),
    "itches": ("itching", "not_itching"),
    "hurts": ("hurting", "not_hurting"),
    "is_melanocytic": ("melanocytic", "not_melanocytic"),
    "has_skin_cancer_history": ("skin_cancer_before", "no_skin_cancer_before"),
    "has_cancer_history": ("cancer_before", "no_cancer_before"),
    "has_melanoma_history": ("melanoma_before", "no_melanoma_before"),
    "has_family_melanoma_history": ("family_melanoma", "no_family_melanoma"),
}


def _answered(facts: Facts) -> set[str]:
    known = {name: getattr(facts, name) for name in _ANSWERED}
    return {_ANSWERED[name][0 if value else 1] for name, value in known.items() if value is not None}


def _least_age(facts: Facts) -> int | None:
    if facts.age_years is not None:
        return facts.age_years
    number = re.search(r"\d+", facts.age_band or "")
    return int(number.group()) if number else None
