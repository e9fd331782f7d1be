"""Which option an answer names: exactly one, said and not denied; none or several is no answer."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import ascii_uppercase

from dermasynth_builder.core.closed import Form
from dermasynth_builder.core.errors import ScoreError
from dermasynth_builder.core.files import read_toml

_DENIAL = re.compile(
    r"\b(?:not|no|never|isn't|rather than|instead of|without|excludes?|rules? out|"
    r"no evidence of|nor|neither)\b(?:\W+\w+){0,3}\W*$"
)
_CLAUSE = re.compile(r"[.,;:!?\n]| but ")
_LETTER = re.compile(
    r"^\W*(?:(?:the )?(?:correct )?(?:answer|option|choice)(?: is)?\W+)?([A-Z])(?![a-zA-Z'-])(?! [a-z])", re.IGNORECASE
)
_NEAR = 200  # characters around a name in which a denial of it stands
_SPACE = re.compile(r"\s+")


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

    Names are whole words, a longer one before a shorter one in it ("melanoma in situ" is no "melanoma"); what is denied
    in its own clause ("not a melanoma", "melanoma is unlikely") is not named. Of lettered options a leading letter
    counts, and else the names.
    """
    if form == "lettered" and (found := _LETTER.match(answer)):
        place = ascii_uppercase.find(found[1].upper())
        return options[place] if 0 <= place < len(options) else None
    named = set(_named(_SPACE.sub(" ", answer), options))
    return named.pop() if len(named) == 1 else None


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
    return re.compile(rf"(?<!\w){re.escape(name)}(?:s|es)?(?!\w)", flags)


def _is_denied(answer: str, start: int, end: int) -> bool:
    before = _CLAUSE.split(answer[max(0, start - _NEAR) : start])[-1].lower()
    after = _CLAUSE.split(answer[end : end + _NEAR])[0].lower()
    return bool(
        _DENIAL.search(before)
        or re.match(r"\W*(?:is|was|seems|appears)? ?(?:un|not )likely|\W*(?:is|was) (?:excluded|ruled out)", after)
    )
