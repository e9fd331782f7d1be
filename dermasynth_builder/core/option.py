"""How the field of an option record is told: in help, as an option of the command, and in a recipe."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from functools import cache
from typing import Any, Literal, get_type_hints

Scope = Literal["once", "work", "release"]
Topic = Literal["images", "questions", "model", "pace", "batches", "release", "folders", ""]

TOPICS: Mapping[Topic, str] = {
    "images": "Which images",
    "questions": "What is asked (changing one of these changes the requests)",
    "model": "Engine and model (changing one of these starts a new ledger)",
    "pace": "Pace and money",
    "batches": "Batches of gemini_batch (half the price; a job may take a day)",
    "release": "The release",
    "folders": "Folders",
    "": "More",
}
"""Topic -> the heading of its options, in the order in which help and recipes show them."""


@dataclass(frozen=True, slots=True)
class Option:
    """What stands beside a field as `Annotated[type, Option(...)]`."""

    help: str  # a phrase without a full stop; a recipe shows it above the key
    name: str = ""  # on the command line, "--image-side"; empty: recipes alone have it
    topic: Topic = ""
    metavar: str = ""  # what stands for its value in help
    scope: Scope = "work"  # once: for one run; work: kept beside the ledger; release: a release carries it as well
    read: Callable[[str], Any] | None = None  # a word of the command line -> value; None: as the type says
    words: Mapping[str, Any] = field(default_factory=dict)  # word of the command line -> value, where it is one of few

    @property
    def sentence(self) -> str:
        """The help as a sentence."""
        return f"{self.help[0].upper()}{self.help[1:]}."


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One field of an option record that a recipe may give."""

    path: tuple[str, ...]  # ("engine_options", "model")
    kind: Any  # its type, with what is annotated
    option: Option
    default: Any


@cache
def keys_of(record: type, *before: str) -> tuple[Key, ...]:
    """The keys of an option record and of the records in it, in the order of the fields."""
    hints = get_type_hints(record, include_extras=True)
    found: list[Key] = []
    for each in fields(record):
        kind = hints[each.name]
        option = next((note for note in getattr(kind, "__metadata__", ()) if isinstance(note, Option)), None)
        if is_dataclass(kind):
            found += keys_of(kind, *before, each.name)  # type: ignore[arg-type]
        elif option is not None:
            default = each.default if each.default_factory is MISSING else each.default_factory()
            found.append(Key((*before, each.name), kind, option, default))
    return tuple(found)


def overlaid(record: Any, given: Mapping[str, Any]) -> Any:
    """The record with other values; those of a record inside are in a mapping of their own. Raises ValueError."""
    return replace(
        record,
        **{
            name: overlaid(getattr(record, name), value) if is_dataclass(getattr(record, name)) else value
            for name, value in given.items()
        },
    )


def percent(text: str) -> float:
    """A share, from a number from 0 to 100."""
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 100:
        raise ValueError("write a number from 0 to 100")
    return number / 100


def shares_of(text: str) -> tuple[float, float, float]:
    """Shares of train, validation and test that make 1 together, from three numbers: "90/5/5"."""
    try:
        train, validation, test = (float(part) for part in text.split("/"))
    except ValueError:
        raise ValueError("write three numbers, as 90/5/5") from None
    total = train + validation + test
    if not min(train, validation, test) >= 0 or not 0 < total < float("inf"):
        raise ValueError("shares must not be negative, and not all zero")
    return train / total, validation / total, test / total


def json_object(text: str) -> str:
    """A JSON object in the one form that equal objects have."""
    try:
        value = json.loads(text)
        if isinstance(value, dict):
            return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        pass
    raise ValueError('write a JSON object, as {"seed": 1}')


def shard_of(text: str) -> tuple[int, int]:
    """Which part of how many, from "2/5"."""
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise ValueError("write which part of how many, as 2/5")
    return int(found[1]), int(found[2])
