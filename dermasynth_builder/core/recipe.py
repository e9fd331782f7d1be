"""The recipe of a run: its settings as TOML, the keys of which are the fields of `Settings`."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import wrap
from typing import Any, get_args

from dermasynth_builder import __version__
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.files import as_form, private, toml_table
from dermasynth_builder.core.option import TOPICS, Key, Scope, keys_of
from dermasynth_builder.core.options import RECIPE, Settings
from dermasynth_builder.core.registry import ENGINES, SOURCES
from dermasynth_builder.core.wording import did_you_mean

_WIDTH = 100

_OF_A_RELEASE = """\
# The recipe of this release, made with dermasynth {version}. From the same raw images this makes the same files:
#
#   dermasynth build --recipe recipe.toml --raw FOLDER
#
# Folders are where `dermasynth download` puts them; --raw says another place.
"""
_OF_A_RUN = """\
# What the last run in this folder used. `dermasynth` goes by it where a command names no source and there is no
# recipe.toml in the current folder.
"""
_FIRST = """\
# What a run of dermasynth uses. Every command reads recipe.toml in the current folder, or --recipe FILE; options on the
# command line override it. A line that begins with "# " and a key shows a default: remove the "# " to change it.
"""


def read_recipe(path: Path) -> Settings:
    """The settings that a recipe gives; `raw` is empty where it names no source.

    Raises UsageError with a line for every key or value that is wrong.
    """
    table = {"raw": {}} | toml_table(path, UsageError)
    faults = [f"{path}: {fault}" for fault in _unknown_names(table)]
    try:
        settings = as_form(table, Settings, path=path, fault=UsageError)
    except UsageError as error:
        raise UsageError("\n".join([*str(error).splitlines(), *faults])) from error
    if faults:
        raise UsageError("\n".join(faults))
    return settings


def _unknown_names(table: Mapping[str, Any]) -> Iterator[str]:
    raw = table["raw"]
    for name in raw if isinstance(raw, dict) else ():
        if name not in SOURCES:
            yield f"raw.{name} is not one of {', '.join(SOURCES)}{did_you_mean(name, SOURCES)}"
    engine = table.get("engine")
    if isinstance(engine, str) and engine not in ENGINES:
        yield f"engine: {engine!r} is not one of {', '.join(ENGINES)}{did_you_mean(engine, ENGINES)}"


def first_recipe(raw: Mapping[str, Path]) -> str:
    """A recipe to begin with: these raw releases, and every other key as a comment with its default."""
    return _text(_FIRST, Settings(raw=raw), ("once", "work", "release"))


def release_recipe(settings: Settings) -> str:
    """What a release says of how it was made: what decides its rows, and no folder of this machine."""
    raw = {name: Path("data", name) for name in settings.raw}
    return _text(_OF_A_RELEASE.format(version=__version__), replace(settings, raw=raw), ("release",))


def record_recipe(settings: Settings) -> None:
    """Writes beside the ledgers what a run uses, less what is for it alone."""
    making = private(settings.work / f".{RECIPE}.new")
    making.write_text(_text(_OF_A_RUN, settings, ("work", "release")), encoding="utf-8")
    making.replace(settings.work / RECIPE)


def _text(head: str, settings: Settings, scopes: tuple[Scope, ...]) -> str:
    """TOML: keys of the outermost record by topic, then a table for each record inside.

    A first recipe, whose keys are of every scope, holds defaults as comments.
    """
    order = list(TOPICS)
    keys = [key for key in keys_of(Settings) if key.option.scope in scopes and not _is_left_out(key, settings)]
    lines, table, topic = [head], "", None
    for key in sorted(keys, key=lambda key: (key.path[:-1], order.index(key.option.topic))):
        if (inside := ".".join(key.path[:-1])) != table:
            table = inside
            lines.append(f"\n[{table}]")
        elif not table and key.option.topic != topic:
            topic = key.option.topic
            lines.append(f"\n## {TOPICS[topic]}")
        lines += [f"# {line}" for line in wrap(key.option.sentence, _WIDTH)]
        lines += _assignments(key, settings, is_first="once" in scopes)
    return "\n".join(lines) + "\n"


def _is_left_out(key: Key, settings: Settings) -> bool:
    """Whether it is told nowhere to users, and has its default."""
    return not (key.option.name or key.option.topic) and _value(key, settings) == key.default


def _value(key: Key, settings: Settings) -> Any:
    value: Any = settings
    for name in key.path:
        value = getattr(value, name)
    return value


def _assignments(key: Key, settings: Settings, *, is_first: bool) -> list[str]:
    name, value = key.path[-1], _value(key, settings)
    if isinstance(value, Mapping):
        shown = value or ({each: Path("data", each) for each in SOURCES} if name == "raw" else {})
        return [f"{'' if value else '# '}{name}.{_key(each)} = {_toml(said)}" for each, said in shown.items()]
    if value is None:
        is_text = get_args(key.kind)[0] not in (int | None, float | None)
        metavar = key.option.metavar or "N"
        return [f"# {name} = {_toml(metavar) if is_text else metavar}"] if is_first else []
    return [f"{'# ' if is_first and value == key.default else ''}{name} = {_toml(value)}"]


def _key(text: str) -> str:
    return text if re.fullmatch(r"[\w-]+", text, re.ASCII) else json.dumps(text, ensure_ascii=False)


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str | Path):
        return json.dumps(value if isinstance(value, str) else value.as_posix(), ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else repr(value)
