"""Reads the tables in this folder: where a source's release is to be had, and how by hand.

`<source>.toml` names one host or more; the first is the default. Which code speaks to a host is its `kind`, a name in
`registry.HOSTS`. A source of another package brings the same as `hosts.toml`. One that this program cannot download has
no table, or one with nothing but `by_hand`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import DownloadError, UsageError
from dermasynth_builder.core.files import Form, as_form, read_toml

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
    details: Mapping[str, Any]  # all else in the file: ids, file names, sizes and hashes; its kind has a form for it
    absent: tuple[str, ...] = ()  # names of images that the release's own tables name and the host lacks
    path: Path = _FOLDER  # of the file that names it

    def details_as(self, form: type[Form]) -> Form:
        """The details in the form of the host's kind. Raises DownloadError where they break it."""
        forms = dict[str, dict[str, form]]  # type: ignore[valid-type]  # so that messages name the whole key
        table = {"hosts": {self.name: self.details}}
        return as_form(table, forms, path=self.path, fault=DownloadError)["hosts"][self.name]


@dataclass(frozen=True, slots=True)
class _Hosts:
    """A file of this folder, or `hosts.toml` of a source's own package."""

    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_hand: str = ""  # where there is no host


_COMMON = frozenset(each.name for each in fields(HostEntry)) - {"name", "details", "path"}


def host_entry(source: str, name: str = "", environment: Mapping[str, str] = os.environ) -> HostEntry:
    """The host of that name, or the source's default.

    A variable of the environment, `DERMASYNTH_<NAME>_URL`, replaces the base of its addresses: a mirror, say.
    Raises UsageError where the source is not to be had there, or not by this program at all, DownloadError where the
    file of its hosts is broken.
    """
    path = _path_of(source)
    tables = _load(path).hosts
    if not tables:
        raise UsageError(_by_hand_alone(source))
    name = name or next(iter(tables))
    if name not in tables:
        raise UsageError(f"--from {name}: {source} is not there; choose from: {', '.join(tables)}")
    common = {key: value for key, value in tables[name].items() if key in _COMMON}
    details = {key: value for key, value in tables[name].items() if key not in _COMMON}
    entries = {"hosts": {name: {**common, "name": name, "details": details}}}
    entry = as_form(entries, dict[str, dict[str, HostEntry]], path=path, fault=DownloadError)["hosts"][name]
    return replace(entry, path=path, url=(environment.get(url_variable(name)) or entry.url).rstrip("/"))


def host_names(source: str) -> tuple[str, ...]:
    """The names of the source's hosts, its default first; none where this program cannot download it."""
    return tuple(_load(_path_of(source)).hosts)


def url_variable(name: str) -> str:
    """The variable of the environment that holds another base for the host's addresses."""
    return f"DERMASYNTH_{name.upper()}_URL"


def _path_of(source: str) -> Path:
    return registry.resource(source, "hosts.toml") or _FOLDER / f"{source}.toml"


def _by_hand_alone(source: str) -> str:
    told = _load(_path_of(source)).by_hand.rstrip()
    return (
        f"{source} cannot be downloaded by this program. Get it by hand from {registry.source(source).homepage}"
        f"{f':{chr(10)}{told}{chr(10)}' if told else ', put it into one folder, '}"
        f"then give the folder: dermasynth build {source} --raw DIR"
    )


@cache
def _load(path: Path) -> _Hosts:
    """The file of a source's hosts; one that is not there names none."""
    return read_toml(path, _Hosts, DownloadError) if path.exists() else _Hosts()
