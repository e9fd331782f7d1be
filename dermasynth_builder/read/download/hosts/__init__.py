"""Reads the tables in this folder: where a source's release is to be had, and how by hand.

`<source>.toml` names one host or more; the first is the default. Which code speaks to a host is its `kind`, a name in
`registry.HOSTS`. A source of another package brings the same as `hosts.toml`. One that this program cannot download has
no table, or one with nothing but `by_hand`.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import UsageError

_FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class HostEntry:
    """One official host of one release."""

    name: str  # as in `--from`: "dataverse"
    title: str  # for people: "Harvard Dataverse"
    kind: str  # a name in `registry.HOSTS`
    url: str  # the base of all its addresses, without a slash at its end
    by_hand: str  # how to fetch the release without this program
    images: int  # how many the release has, as published
    details: Mapping[str, Any]  # ids, file names, sizes and hashes, as the kind reads them


def host_entry(source: str, name: str = "", environment: Mapping[str, str] = os.environ) -> HostEntry:
    """The host of that name, or the source's default.

    A variable of the environment, `DERMASYNTH_<NAME>_URL`, replaces the base of its addresses: a mirror, say.
    Raises UsageError where the source is not to be had there, or not by this program at all.
    """
    tables = _load(source).get("hosts") or {}
    if not tables:
        raise UsageError(_by_hand_alone(source))
    name = name or next(iter(tables))
    if name not in tables:
        raise UsageError(f"{source} is not to be had from {name!r}, but from: {', '.join(tables)}")
    entry = dict(tables[name])
    url = environment.get(url_variable(name)) or entry.pop("url")
    known = {key: entry.pop(key) for key in ("title", "kind", "by_hand", "images")}
    return HostEntry(name=name, url=url.rstrip("/"), details=entry, **known)


def url_variable(name: str) -> str:
    """The variable of the environment that holds another base for the host's addresses."""
    return f"DERMASYNTH_{name.upper()}_URL"


def _by_hand_alone(source: str) -> str:
    told = _load(source).get("by_hand", "").rstrip()
    return (
        f"{source} cannot be downloaded by this program. Get it by hand from {registry.source(source).homepage}"
        f"{f':{chr(10)}{told}{chr(10)}' if told else ', put it into one folder, '}"
        f"then give the folder: dermasynth build {source} --raw DIR"
    )


@cache
def _load(source: str) -> dict[str, Any]:
    """The source's table; empty where it has none."""
    table = registry.resource(source, "hosts.toml") or _FOLDER / f"{source}.toml"
    return tomllib.loads(table.read_text(encoding="utf-8")) if table.is_file() else {}
