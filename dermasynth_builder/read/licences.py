"""Reads licences.toml, what is known of the licences of images."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.files import read_toml


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence; the head of licences.toml says what each field means."""

    name: str
    url: str | None
    hub: str
    permits_commerce_with_attribution: bool
    asks: str
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Licences:
    """The file."""

    licence: tuple[Licence, ...]


@cache
def known_licences() -> tuple[Licence, ...]:
    """All licences of licences.toml, from the freest to the strictest."""
    return read_toml(Path(__file__).with_suffix(".toml"), _Licences, SourceError).licence


def licence_of(name: str) -> Licence:
    """The licence that rows call by that name; one that is not known permits nothing and asks to be read."""
    known = {licence.name: licence for licence in known_licences()}
    return known.get(name) or Licence(
        name, None, "other", False, "Not known here: find and read its text before any use."
    )


def by_strictness(names: Iterable[str]) -> list[Licence]:
    """The licences of these names, the freest first; those that are not known count as strictest."""
    order = [licence.name for licence in known_licences()]
    ranked = sorted(set(names), key=lambda name: (order.index(name) if name in order else len(order), name))
    return [licence_of(name) for name in ranked]
