"""The one gate for text from tables: what a source read goes on if it is text, on one line, not too long."""

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from dermasynth_builder.core.plain import hostile_in, one_line, printable
from dermasynth_builder.core.protocols import Source
from dermasynth_builder.core.records import ClinicalImage, Facts, Problem, ProblemKind
from dermasynth_builder.read.groups import joined

_LONGEST_FACT = 250  # the longest that is published, a list of body parts, has 173 letters
_LONGEST_NAME = 200  # of files, images and groups
_LONGEST_NOTICE = 1000  # an attribution
_NAMES = ("image_id", "file_name", "group_id", "lesion_id", "official_split")
_NOTICES = ("licence", "attribution")
_TEXT_FACTS = tuple(each.name for each in fields(Facts) if "str" in str(each.type) or "Literal" in str(each.type))
_WHOLES = (
    {"differential", "differential_weights"},
    {"diagnosis", "diagnosis_published", "diagnosis_isic", "malignancy"},
)
_Record = TypeVar("_Record", ClinicalImage, Facts)
_Text = str | tuple[str, ...] | None


def images_of(source: Source, root: Path) -> Iterator[ClinicalImage | Problem]:
    """What the source reads from its folder, through the gate, images of one lesion in one group.

    Raises SourceError as the source does.
    """
    return joined(gated(source.read(root)))


def gated(items: Iterable[ClinicalImage | Problem]) -> Iterator[ClinicalImage | Problem]:
    """The items: images without the facts that are no fit text, each with a problem; none whose names are not."""
    for item in items:
        if isinstance(item, Problem):
            yield replace(item, location=printable(item.location), detail=printable(item.detail))
        else:
            yield from _gated(item)


def _gated(image: ClinicalImage) -> Iterator[ClinicalImage | Problem]:
    location = printable(image.row_location)
    for names, most in ((_NAMES, _LONGEST_NAME), (_NOTICES, _LONGEST_NOTICE)):
        for name in names:
            text = getattr(image, name)
            if fault := _fault(text, most) or ("is blank" if text is not None and not text.strip() else None):
                yield Problem(ProblemKind.BROKEN_ROW, location, f"{name.replace('_', ' ')}: {fault}")
                return
    facts = image.facts
    unfit = {name: fault for name in _TEXT_FACTS if (fault := _fault(getattr(facts, name), _LONGEST_FACT))}
    for name, fault in unfit.items():
        yield Problem(ProblemKind.UNKNOWN_VALUE, location, f"{name.replace('_', ' ')}: {fault}")
    kept = _spaced(_without(facts, unfit) if unfit else facts, _TEXT_FACTS)
    whole = _spaced(image, (*_NAMES, *_NOTICES))
    yield whole if kept is facts else replace(whole, facts=kept)


def _spaced(record: _Record, names: Iterable[str]) -> _Record:
    """The record with plain spaces in place of all other kinds."""
    changes: dict[str, Any] = {}
    for name in names:
        value = getattr(record, name)
        if isinstance(value, str) and not value.isprintable():
            changes[name] = one_line(value) or None
        elif isinstance(value, tuple) and not all(map(str.isprintable, value)):
            changes[name] = tuple(map(one_line, value))
    return replace(record, **changes) if changes else record


def _without(facts: Facts, unfit: Iterable[str]) -> Facts:
    """The facts less those; what is known of a diagnosis is kept or goes as a whole."""
    gone = set(unfit)
    for whole in _WHOLES:
        gone |= whole if gone & whole else set()
    changes: dict[str, Any] = {name: () if isinstance(getattr(facts, name), tuple) else None for name in gone}
    return replace(facts, **changes)


def _fault(value: _Text, most: int) -> str | None:
    """Why a value cannot be taken over; None where it can."""
    if value is None:
        return None
    for text in (value,) if isinstance(value, str) else value:
        if len(text) > most:
            return f"{len(text):,} characters, at most {most} are taken: {printable(text[:40])!r}..."
        if hostile := hostile_in(text):
            return f"holds {hostile}: {printable(text)!r}"
    return None
