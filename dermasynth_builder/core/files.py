"""The prompts and the card that ship with the code, TOML held to a form, and locks that one process at a time has."""

import json
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from reprlib import repr as shortened
from typing import Any, TypeVar, get_args, get_type_hints

from filelock import BaseFileLock, FileLock, Timeout
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from dermasynth_builder.core.errors import DermaSynthError
from dermasynth_builder.core.wording import did_you_mean

Form = TypeVar("Form")
_PACKAGE = Path(__file__).resolve().parent.parent
_STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


def resource_dir(name: str) -> Path:
    """The folder "prompts" or "card": inside the package in a wheel, beside it in a checkout."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


@cache
def code_digest(*folders: str) -> str:
    """64 hex digits that change with the code of these folders of the package; of all of it where none is named."""
    files = (path for folder in folders or ("",) for path in (_PACKAGE / folder).rglob("*"))
    paths = [path for path in files if path.suffix in (".py", ".toml")]  # tables decide as code does
    state = sha256()
    for path in sorted(paths):
        state.update(sha256(path.read_bytes()).digest())
    return state.hexdigest()


@cache
def jinja_environment(folder: Path) -> Environment:
    """Templates of `folder`, strict about what is undefined; rendered text is plain, not HTML."""
    return Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        auto_reload=False,  # the files of one run do not change; a look at each costs more than some templates
        autoescape=False,  # noqa: S701 - prompts, answers and Markdown are no HTML
    )


def private_folder(folder: Path) -> Path:
    """The folder; it and those above it that are not there are made for their owner alone."""
    for each in (*reversed(folder.parents), folder):
        if not each.is_dir():
            each.mkdir(mode=0o700, exist_ok=True)
    return folder


def private(path: Path) -> Path:
    """The path of a working file, which is made, empty and for its owner alone, where it is not there.

    What is there keeps its rights: somebody may have given them to others.
    """
    private_folder(path.parent)
    path.touch(mode=0o600)
    return path


def lock_beside(path: Path, taken: DermaSynthError) -> BaseFileLock:
    """Locks `path` by a file beside it, until it is released or the process ends, however that is.

    Raises `taken` where another process has the lock.
    """
    lock = FileLock(f"{path}.lock", timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout as error:
        raise taken from error
    return lock


def read_toml(path: Path, form: type[Form], fault: Callable[[str], DermaSynthError]) -> Form:
    """What a TOML file holds. Raises `fault` where it cannot be read or, as `as_form` does, breaks the form."""
    return as_form(toml_table(path, fault), form, path=path, fault=fault)


def toml_table(path: Path, fault: Callable[[str], DermaSynthError]) -> dict[str, Any]:
    """What a TOML file holds, as it stands there. Raises `fault` where it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise fault(f"{path}: {error}") from error


def as_form(table: object, form: type[Form], *, path: Path, fault: Callable[[str], DermaSynthError]) -> Form:
    """What was read from TOML, as a frozen dataclass or a mapping of such; arrays become tuples.

    The form is that of the dataclass' fields; rules across them are a `__post_init__` that raises ValueError, and hold
    once the fields do. Raises `fault` with one line for each thing that is wrong: `path`, key, what is allowed.
    """
    # In a mapping, because a dataclass takes no settings from outside; as JSON, whose arrays may be tuples when strict.
    adapter: TypeAdapter[dict[str, Form]] = TypeAdapter(dict[str, form], config=_STRICT)  # type: ignore[valid-type]
    try:
        return adapter.validate_json(json.dumps({"": table}, default=str))[""]
    except ValidationError as error:
        lines = [f"{path}: {_sentence(each, table, form)}" for each in error.errors()]
        raise fault("\n".join(lines)) from error


def _sentence(error: ErrorDetails, table: object, form: object) -> str:
    """ "models.gemini-3.8-flash.images: 'tilez' is not one of resolution, tiles"."""
    keys = error["loc"][1:]
    path = _readable(keys, table)
    match error["type"]:
        case "missing":
            return f"{path} is missing"
        case "unexpected_keyword_argument":
            known = _known_keys(keys[:-1], form)
            return f"{path} is not one of {', '.join(known)}{did_you_mean(str(keys[-1]), known)}"
        case "literal_error":
            allowed = error["ctx"]["expected"].replace(" or ", ", ").replace("'", "")
            said = f"{error['input']!r} is not one of {allowed}"
        case "value_error":
            said = str(error["ctx"]["error"])
        case _:
            said = error["msg"].replace("Input", shortened(error["input"]), 1)
            said = said.replace("a valid array", "a list").replace("an object", "a table")
    return f"{path}: {said}" if path else said


def _readable(keys: Sequence[str | int], table: Any) -> str:
    """The keys with dots between them; an entry of an array has its `name`, or else its number, counted from 1."""
    words = []
    for key in keys:
        if isinstance(key, int):
            table = table[key]
            words.append(str(table.get("name", key + 1)) if isinstance(table, dict) else str(key + 1))
        elif key != "[key]":  # how pydantic says that the key itself is wrong
            table = table.get(key)
            words.append(key)
    return ".".join(words)


def _known_keys(keys: Sequence[str | int], form: Any) -> list[str]:
    """The keys that a form has below those."""
    for key in keys:
        inside = [each for each in get_args(form) if each is not Ellipsis]
        form = get_type_hints(form)[str(key)] if is_dataclass(form) else inside[-1]
    return [field.name for field in fields(form)]
