"""Reads JSON that others wrote: services, servers and files of earlier versions. Any value at all may come.

A getter gives what is wanted where it is there in the wanted form, and else nothing; none raises. What a service says
is shown in one line, short, and without secrets.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from html import unescape
from typing import Any

from dermasynth_builder.core.plain import one_line, printable

MOST_BYTES = 16 << 20  # of one response: an answer has a few thousand
_MOST_COUNT = 2**53  # what a float holds exactly: a larger count is no count
_SHOWN_LETTERS = 300  # of a service's own words
_LONGEST_LABEL = 200
_SECRETS = (
    "GOOGLE_API_KEY",
    "GEMINI_API_KEY",
    "OPENAI_API_KEY",
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
)  # variables that hold one
_LEAST_SECRET = 8  # letters; masking a shorter one would spoil words
_MASK = "***"
_LOOKS_SECRET = re.compile(
    r"AIza[\w-]{20,}|\b(?:sk|hf|gsk|xai|pplx)[-_][\w-]{12,}|\bya29\.[\w.-]{12,}|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"
    r"|(?<=Bearer )[\w.~+/=-]{8,}|(?<=://)[^/\s@]+(?=@)"
    r"|(?<=[?&]key=)[^&\s\"']+|(?i:(?<=[?&]api_key=)|(?<=[?&]token=)|(?<=access_token=))[^&\s\"']+"
)


class NotJSON(ValueError):  # noqa: N818 - a value's fault, caught where it is raised
    """Bytes that hold no JSON, or JSON that is nested too deeply to be read; the message says which."""


def parsed(content: bytes | str) -> Any:
    """The value of a JSON text. Raises NotJSON."""
    try:
        return json.loads(content)
    except RecursionError:
        raise NotJSON("nested too deeply") from None
    except ValueError as error:
        raise NotJSON(shown(str(error))) from None


def mapping(value: Any) -> Mapping[str, Any]:
    """An object; empty where it is none."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """An array; empty where it is none."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    """A text; empty where it is none."""
    return value if isinstance(value, str) else ""


def label(value: Any) -> str | None:
    """A name or a word that a service gives, as it may be published: one line, printable, short; None for none."""
    return one_line(printable(text(value)[:_LONGEST_LABEL])) or None


def count(value: Any) -> int | None:
    """A count; None where it is none: true is no number, and what is negative or beyond reason counts nothing."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_COUNT
    return value if is_count else None


def counts(value: Any) -> dict[str, int]:
    """The counts of an object, those of objects inside under "outer.inner"; all else is passed over."""
    found: dict[str, int] = {}
    for name, each in mapping(value).items():
        inner = {f"{name}.{key}": inside for key, inside in mapping(each).items()} or {name: each}
        found |= {key: number for key, inside in inner.items() if (number := count(inside)) is not None}
    return found


def amount(value: Any) -> float | None:
    """A finite number that is not negative; None where it is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value < _MOST_COUNT else None


def without_secrets(content: bytes, secrets: Iterable[str]) -> bytes:
    """Bytes of a service, which may echo anywhere what it was sent, without the secrets given."""
    for secret in secrets:
        if len(secret) >= _LEAST_SECRET:
            content = content.replace(secret.encode(), _MASK.encode())
    return content


def masked(told: str, secrets: Iterable[str] = ()) -> str:
    """A text without the keys of this process, the secrets given, and what has the form of one."""
    for secret in {*(os.environ.get(name, "").strip() for name in _SECRETS), *secrets}:
        if len(secret) >= _LEAST_SECRET:
            told = told.replace(secret, _MASK)
    return _LOOKS_SECRET.sub(_MASK, told)


def shown(told: str, secrets: Iterable[str] = ()) -> str:
    """A text of others as it may be shown: one line, printable, short, masked."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in told[: 20 * _SHOWN_LETTERS]).split())
    line = masked(line, secrets)
    return line if len(line) <= _SHOWN_LETTERS else f"{line[:_SHOWN_LETTERS].rstrip()}..."


def error_in(value: Any) -> Mapping[str, Any]:
    """The object that holds a service's error: `error`, the value itself, or the first of a list; empty for none."""
    value = next(iter(sequence(value)), value)
    error = mapping(value).get("error")
    if isinstance(error, str):
        return {**mapping(value), "message": error}
    return mapping(error) or mapping(value)


def words_of(value: Any) -> str:
    """What a service says is wrong, in any of the forms in which servers say it; empty where it says nothing.

    `error.message`, `message`, `detail` and `details` (texts, or FastAPI's objects with `loc` and `msg`), `errors`,
    `metadata.raw` as a text or as JSON in a text, `error_description`, `title`, or an `error` that is a text.
    """
    told = list(dict.fromkeys(filter(None, _words(value, 0))))
    return "; ".join(told[:4])


_WORDS = ("error", "message", "detail", "msg", "error_description", "error_message", "errors", "reason", "title")
_MOST_DEPTH = 8


def _words(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield _inside(value, depth)
    elif isinstance(value, list) and depth < _MOST_DEPTH:
        for each in value[:4]:
            yield from _words(each, depth + 1)
    elif isinstance(value, dict) and depth < _MOST_DEPTH:
        place = shown(".".join(str(part) for part in sequence(value.get("loc"))[:9] if isinstance(part, str)))
        said = [word for name in _WORDS if name in value for word in _words(value[name], depth + 1)]
        raw = mapping(value.get("metadata")).get("raw")
        said += _words(raw, depth + 1)
        yield from (f"{place}: {word}" if place and word else word for word in said[:4])


def _inside(told: str, depth: int) -> str:
    """What a text says that is JSON itself, as servers pass on what another has said."""
    if told.lstrip().startswith(("{", "[")) and depth < _MOST_DEPTH:
        try:
            return next(filter(None, _words(json.loads(told), depth + 1)), shown(told))
        except (ValueError, RecursionError):
            pass
    return shown(told)


def words_of_page(content: bytes) -> str:
    """What a page or a plain text says in place of JSON: its title, or how it begins."""
    told = content[:4096].decode("utf-8", errors="replace")
    title = re.search(r"<title[^>]*>(.*?)</title>", told, re.DOTALL | re.IGNORECASE)
    return shown(unescape(title[1] if title else re.sub(r"<[^>]*>", " ", told)))
