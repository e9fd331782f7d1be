"""Chooses a part of a source's images: those with certain facts, and a few that show what it has."""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import chain, zip_longest

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.options import PlanOptions
from dermasynth_builder.core.records import ClinicalImage, Facts
from dermasynth_builder.core.wording import did_you_mean, join_words

FIELDS = ("source", "modality", *(field.name for field in fields(Facts)))
"""What an image can be chosen by."""
_SHOWN_VALUES = 12


@dataclass(frozen=True, slots=True)
class Condition:
    """A field that has to have one of some values; upper and lower case are the same."""

    field: str
    values: tuple[str, ...]

    def holds(self, found: object) -> bool:
        """Whether what was found in the field is one of the values, or holds one; what is not recorded never does."""
        return bool({value.casefold() for value in self.values} & {text.casefold() for text in _texts(found)})

    def unknown(self, found: Iterable[object]) -> Iterator[str]:
        """A sentence for each value that is not among those found, with the nearest that is."""
        known = sorted({text for each in found for text in _texts(each)})
        lower = {text.casefold() for text in known}
        more = [f"{len(known) - _SHOWN_VALUES} more"] if len(known) > _SHOWN_VALUES else []
        has = f"there is {join_words([*known[:_SHOWN_VALUES], *more])}" if known else "none is recorded"
        for value in self.values:
            if value.casefold() not in lower:
                yield f"no {self.field} {value!r}; {has}{did_you_mean(value, known)}"

    def __str__(self) -> str:
        """ "diagnosis is melanoma or nevus"."""
        return f"{self.field.replace('_', ' ')} is {join_words(self.values, 'or')}"


def conditions_of(where: Iterable[str], names: Sequence[str] = FIELDS) -> list[Condition]:
    """The conditions of "diagnosis=melanoma,nevus" and the like; a value with a comma stands in double quotes.

    Raises UsageError for a field that is not among `names`, and for no value.
    """
    found = []
    for text in where:
        name, _, listed = text.partition("=")
        name = name.strip()
        if name not in names:
            raise UsageError(f"--where {text}: there is no field {name!r}{did_you_mean(name, names)}")
        values = tuple(value.strip() for value in next(csv.reader([listed], skipinitialspace=True), []))
        if not any(values):
            raise UsageError(f"--where {text}: write which values, as {name}=VALUE or {name}=VALUE,VALUE")
        found.append(Condition(name, tuple(filter(None, values))))
    return found


def chosen(images: Sequence[ClinicalImage], conditions: Iterable[Condition]) -> list[ClinicalImage]:
    """The images for which all conditions hold."""
    kept = list(images)
    for condition in conditions:
        kept = [image for image in kept if condition.holds(value_of(image, condition.field))]
    return kept


def value_of(image: ClinicalImage, name: str) -> object:
    """What the image has in a field of `FIELDS`."""
    return getattr(image if name in ("source", "modality") else image.facts, name)


def sample(images: Sequence[ClinicalImage], count: int | None = None) -> list[ClinicalImage]:
    """`count` of the images, or all: one of each diagnosis in turn, those without a diagnosis last of a turn.

    The choice depends on the ids and diagnoses alone; a larger sample holds every smaller one.
    """
    classes: dict[str, list[ClinicalImage]] = {}
    for image in sorted(images, key=_rank):
        classes.setdefault(image.facts.diagnosis_published or "", []).append(image)
    turns = zip_longest(*(classes[name] for name in sorted(classes, key=lambda name: (not name, name))))
    return [image for image in chain.from_iterable(turns) if image is not None][:count]


def part_text(options: PlanOptions) -> str:
    """By what images are chosen, in words; "" where all are."""
    told = [str(condition) for condition in conditions_of(options.where)]
    told += [f"at most {options.limit:,} of each source, over as many diagnoses as can be"] if options.limit else []
    return "; ".join(told)


def _texts(found: object) -> list[str]:
    """What a field holds, as texts; nothing where it is not recorded."""
    if isinstance(found, bool):
        return [str(found).lower()]
    if isinstance(found, float):
        return [f"{found:g}"]
    if isinstance(found, list | tuple):
        return [text for each in found for text in _texts(each)]
    return [] if found is None else [str(found)]


def _rank(image: ClinicalImage) -> str:
    """An order that has nothing to do with patients, as that of the tables has."""
    return hashlib.sha256(f"{image.source}/{image.image_id}".encode()).hexdigest()
