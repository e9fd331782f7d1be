"""The notation of sentence forms: `{slot}`, `[optional]` and `<one|other>`, nested as one likes.

`{Slot}` opens with a capital. A form can be written where every slot outside brackets is known, and one side of each
choice; what stands in square brackets is written where it can be, and then mostly but not always. So one form has
many structures, and none of them has a gap.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from random import Random

_TOKEN = re.compile(r"\{(\w+)\}|([\[\]<>|])|([^\[\]<>|{}]+)")
_CLOSING = {"[": "]", "<": ">"}
OPTIONAL_SHARE = 0.6
"""How often something optional is written where it can be."""


class FormError(ValueError):
    """A form that is not well formed."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words as they stand."""

    words: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a known phrase."""

    name: str
    is_opening: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """Sequences of which one is written; an `is_optional` one may also be left out."""

    sides: tuple["Form", ...]
    is_optional: bool


Form = tuple[Text | Slot | Choice, ...]


@cache
def parsed(text: str) -> Form:
    """The form. Raises FormError where a bracket is open or stray."""
    tokens = list(_TOKEN.finditer(text))
    if "".join(token.group() for token in tokens) != text:
        raise FormError(f"a brace is open or empty in {text!r}")
    (form,), rest = _sides(tokens, 0, "")
    if rest != len(tokens):
        raise FormError(f"a bracket is closed that was not opened in {text!r}")
    return form


def _sides(tokens: list[re.Match[str]], at: int, closing: str) -> tuple[tuple[Form, ...], int]:
    """The sequences from a token up to the closing bracket, and the place behind it."""
    sides: list[list[Text | Slot | Choice]] = [[]]
    while at < len(tokens):
        slot, sign, words = tokens[at].groups()
        at += 1
        if slot:
            sides[-1].append(Slot(slot[0].lower() + slot[1:], slot[0].isupper()))
        elif words:
            sides[-1].append(Text(words))
        elif sign in _CLOSING:
            inner, at = _sides(tokens, at, _CLOSING[sign])
            sides[-1].append(Choice(inner, sign == "["))
        elif sign == "|" and closing:
            sides.append([])
        elif sign == closing:
            return tuple(map(tuple, sides)), at
        else:
            raise FormError(f"stray {sign!r}")
    if closing:
        raise FormError(f"no {closing!r} closes what was opened")
    return tuple(map(tuple, sides)), at


def slots(form: Form) -> Iterator[str]:
    """Every slot that the form may write."""
    for part in form:
        if isinstance(part, Slot):
            yield part.name
        elif isinstance(part, Choice):
            for side in part.sides:
                yield from slots(side)


def can_write(form: Form, knows: Callable[[str], bool]) -> bool:
    """Whether the form has no gap where these slots are known."""
    return all(_can(part, knows) for part in form)


def _can(part: Text | Slot | Choice, knows: Callable[[str], bool]) -> bool:
    match part:
        case Slot(name):
            return knows(name)
        case Choice(sides, is_optional):
            return is_optional or any(can_write(side, knows) for side in sides)
        case _:
            return True


def write(form: Form, known: Mapping[str, str], draw: Random, *, used: list[str]) -> str:
    """The form in words; the slots that it writes are added to `used`."""
    words: list[str] = []
    for part in form:
        match part:
            case Text(text):
                words.append(text)
            case Slot(name, is_opening):
                used.append(name)
                words.append(_opening(known[name]) if is_opening else known[name])
            case Choice(sides, is_optional):
                possible = [side for side in sides if can_write(side, known.__contains__)]
                if possible and not (is_optional and draw.random() >= OPTIONAL_SHARE):
                    words.append(write(draw.choice(possible), known, draw, used=used))
    return "".join(words)


def _opening(words: str) -> str:
    return words[0].upper() + words[1:]
