"""Pure. Which facts about people a release keeps, and how many people these single out.

A person of whom a table holds a combination of facts that nobody else in it shares can be recognised by whoever knows
these facts (k-anonymity: Sweeney 2002). Ages from 90 on are one class, as under the Safe Harbor rule of HIPAA (45 CFR
164.514); those of minors are in the classes of ICH E11.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from dermasynth_builder.core.records import ClinicalImage, Facts

HOUSEHOLD = ("has_piped_water", "has_sewage_system", "background_father", "background_mother")
"""Facts that say nothing of a lesion, and much of where somebody comes from and lives."""
_OLD_YEARS, _OLD = 90, "90 or older"
_MINOR_BANDS = {2: "under 2", 12: "2 to 11", 18: "12 to 17"}  # below these years
_PERSON = ("age_years", "age_band", "sex")
_ALL_OF_PERSON = (
    *(*_PERSON, "fitzpatrick", "monk_tone_india", "monk_tone_us", *HOUSEHOLD),
    *("smokes", "drinks_alcohol", "uses_pesticide", "has_skin_cancer_history", "has_cancer_history"),
    *("has_melanoma_history", "has_family_melanoma_history"),
)
_SETS: Mapping[str, tuple[str, ...]] = {
    "age, sex, phototype": (*_PERSON, "fitzpatrick"),
    "age, sex, phototype, place": (*_PERSON, "fitzpatrick", "body_site"),
    "all about the person": _ALL_OF_PERSON,
    "all about the person, place, diagnosis": (*_ALL_OF_PERSON, "body_site", "diagnosis", "differential"),
}
"""What somebody may know of a person -> the facts."""


def at_standard(facts: Facts) -> Facts:
    """The facts at the level `standard`: none of `HOUSEHOLD`, and bands for the ages of the young and the old."""
    kept = facts
    if any(getattr(facts, name) is not None for name in HOUSEHOLD):
        kept = replace(
            kept, has_piped_water=None, has_sewage_system=None, background_father=None, background_mother=None
        )
    if band := _band(facts.age_years):
        kept = replace(kept, age_years=None, is_age_rounded=None, age_band=band)
    return kept


def _band(age_years: int | None) -> str | None:
    if age_years is None:
        return None
    young = next((band for below, band in _MINOR_BANDS.items() if age_years < below), None)
    return _OLD if age_years >= _OLD_YEARS else young


@dataclass(frozen=True, slots=True)
class SingledOut:
    """How many people, or lesions where no person is known, share their facts with few others or nobody."""

    known: str  # what somebody may know of them, a key of the sets above
    people: int
    alone_percent: float  # share with nobody, 0 to 100
    few_percent: float  # in a class of fewer than five


@dataclass(frozen=True, slots=True)
class People:
    """How easily a table's people are recognised."""

    minors: int
    from_90: int
    singled_out: Sequence[SingledOut]  # by all that the source publishes
    singled_out_at_standard: Sequence[SingledOut]  # by what a release keeps unless it is asked for all


def people_of(images: Iterable[ClinicalImage]) -> People:
    """Counts over the groups (people, or lesions and cases where no person is known) of the images of one source.

    A group is taken with the facts of its first image. Where the place on the body counts, each lesion is one.
    """
    listed = list(images)
    firsts = list({image.group_id: image.facts for image in reversed(listed)}.values())
    lesions = list({image.lesion_id or image.image_id: image.facts for image in reversed(listed)}.values())
    ages = [facts.age_years for facts in firsts if facts.age_years is not None]
    return People(
        minors=sum(age < max(_MINOR_BANDS) for age in ages),
        from_90=sum(age >= _OLD_YEARS for age in ages),
        singled_out=_singled_out(firsts, lesions),
        singled_out_at_standard=_singled_out([*map(at_standard, firsts)], [*map(at_standard, lesions)]),
    )


def _singled_out(people: Sequence[Facts], lesions: Sequence[Facts]) -> list[SingledOut]:
    found = []
    for known, names in _SETS.items():
        units = lesions if "body_site" in names else people
        classes = Counter(map(attrgetter(*names), units))
        alone = sum(size for size in classes.values() if size == 1)
        few = sum(size for size in classes.values() if size < 5)
        total = len(units) or 1
        found.append(SingledOut(known, len(units), round(100 * alone / total, 1), round(100 * few / total, 1)))
    return found
