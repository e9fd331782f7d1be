"""Which option an answer names: exactly one, said and not denied; none or several is no answer."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import ascii_uppercase

from dermasynth_builder.core.closed import Form
from dermasynth_builder.core.errors import ScoreError
from dermasynth_builder.core.files import read_toml

_DENIAL = re.compile(
    r"\b(?:not|cannot|\w+n't|no|never|unlikely|rather than|instead of|without|exclud(?:es?|ing)|rul(?:es?|ing) out|"
    r"no evidence of|nor|neither)\b(?:\W+\w+){0,3}\W*$"
)
_DENIED = re.compile(r"\W*(?:is|was|seems|appears)? ?(?:un|not |less )likely|\W*(?:is|was) (?:excluded|ruled out)")
_CLAUSE = re.compile(r"[.,;:!?\n]| but ")
_LETTER = re.compile(
    r"^[\W_]*(?:(?:the )?(?:correct )?(?:answer|option|choice)(?: is)?[\W_]+)?"
    r"([A-Z])(?<!\bA(?= (?!is\b)[a-z]))(?<!\bI(?= [a-z]))(?![a-zA-Z'-])",
    re.IGNORECASE,
)  # "A nevus" begins with an article and "I see" with a pronoun
_NEAR = 200  # characters around a name in which a denial of it stands
_SPACE = re.compile(r"\s+")
_GAP = re.compile(r"[\s_-]+")
_AS_ASCII = str.maketrans("‘’‐‑‒–—", "''-----")


@dataclass(frozen=True, slots=True)
class _Synonyms:
    """The file."""

    names: Mapping[str, tuple[str, ...]]


@cache
def synonyms() -> Mapping[str, tuple[str, ...]]:
    """Option -> the other names that answers give it."""
    return read_toml(Path(__file__).with_name("synonyms.toml"), _Synonyms, ScoreError).names


def option_named(answer: str, options: Sequence[str], form: Form) -> str | None:
    """The option that an answer names; None where it names none or several.

    Names are whole words, in any case and any form of Unicode, joined by spaces, hyphens or underscores, a longer one
    before a shorter one in it ("melanoma in situ" is no "melanoma"); what is denied in its own clause ("not a
    melanoma", "melanoma is unlikely") is not named. Of lettered options a leading letter counts, and else the names.
    """
    answer = _plain(answer)
    if form == "lettered" and (found := _LETTER.match(answer)):
        place = ascii_uppercase.find(found[1].upper())
        return options[place] if 0 <= place < len(options) else None
    named = set(_named(answer, options))
    return named.pop() if len(named) == 1 else None


def _plain(text: str) -> str:
    """The text in one form of Unicode, its blanks one space each, its quotes and hyphens those of ASCII."""
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", text).translate(_AS_ASCII))


def _named(answer: str, options: Sequence[str]) -> Iterator[str]:
    """The options that the answer says and does not deny; what was found is struck out for shorter names."""
    spoken = {name: option for option in options for name in (option, *synonyms().get(option, ()))}
    left = answer
    for name in sorted(spoken, key=len, reverse=True):
        pattern = _pattern(name)
        if any(not _is_denied(left, found.start(), found.end()) for found in pattern.finditer(left)):
            yield spoken[name]
        left = pattern.sub(lambda found: "\0" * len(found[0]), left)


@cache
def _pattern(name: str) -> re.Pattern[str]:
    """The name as whole words, in any case but for abbreviations, one or several of it."""
    flags = 0 if name.isupper() else re.IGNORECASE
    words = r"[\s_-]+".join(map(re.escape, _GAP.split(_plain(name))))
    return re.compile(rf"(?<![^\W_]){words}(?:s|es)?(?![^\W_])", flags)


def _is_denied(answer: str, start: int, end: int) -> bool:
    before = _CLAUSE.split(answer[max(0, start - _NEAR) : start])[-1].lower()
    after = _CLAUSE.split(answer[end : end + _NEAR])[0].lower()
    return bool(_DENIAL.search(before) or _DENIED.match(after))
