"""Effect: reads the tables in this folder: where a source's release is to be had, under which terms, and how by hand.

`<source>.toml` names one place or more; the first is the default. Which code speaks to a place is its `kind`, a name in
`registry.PLACES`.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dermasynth_builder.errors import UsageError

_FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Licence:
    """The terms that somebody who downloads a release agrees to."""

    name: str  # as published: "CC-BY-4.0"
    link: str
    terms: str  # what it asks for, in a few sentences

    @property
    def notice(self) -> str:
        """What to show before the first byte is fetched."""
        return f"licence: {self.name}, {self.link}\n{self.terms.strip()}"


@dataclass(frozen=True, slots=True)
class Address:
    """One official place of one release."""

    name: str  # as in `--from`: "dataverse"
    title: str  # for people: "Harvard Dataverse"
    kind: str  # a name in `registry.PLACES`
    url: str  # the base of all its addresses, without a slash at its end
    by_hand: str  # how to fetch the release without this program
    images: int  # how many the release has, as published
    details: Mapping[str, Any]  # ids, file names, sizes and hashes, as the kind reads them


@cache
def licence(source: str) -> Licence:
    """The licence of the source's release."""
    return Licence(**_load(source)["licence"])


def address(source: str, name: str = "", environment: Mapping[str, str] = os.environ) -> Address:
    """The place of that name, or the source's default.

    A variable of the environment, `DERMASYNTH_<NAME>_URL`, replaces the base of its addresses: a mirror, say.
    Raises UsageError where the source is not to be had there.
    """
    tables = _load(source)["places"]
    name = name or next(iter(tables))
    if name not in tables:
        raise UsageError(f"{source} is not to be had from {name!r}, but from: {', '.join(tables)}")
    entry = dict(tables[name])
    url = environment.get(url_variable(name)) or entry.pop("url")
    known = {key: entry.pop(key) for key in ("title", "kind", "by_hand", "images")}
    return Address(name=name, url=url.rstrip("/"), details=entry, **known)


def url_variable(name: str) -> str:
    """The variable of the environment that holds another base for the place's addresses."""
    return f"DERMASYNTH_{name.upper()}_URL"


@cache
def _load(source: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / f"{source}.toml").read_text(encoding="utf-8"))
