"""Many patterns over one text, of which nearly all find nothing: one pass tells which could find something.

Each pattern is read for letters that every text that it fits must hold; an automaton looks for those of all patterns at
once, and only patterns whose letters are there are tried. What is found is the same as without it.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from ahocorasick_rs import AhoCorasick

_LEAST = 2  # letters; fewer are in every text
_MOST = 400  # alternatives
_COMMON = frozenset(re.findall(r"\w+", """
    a an and are at be by can for from has have her his image in is it its lesion more no not of on or per photo picture
    she skin than that the there this to was were which with you your
""")) | {"in the"}  # fmt: skip


class Patterns:
    """Patterns by name, for texts in lower case."""

    def __init__(self, patterns: Mapping[str, re.Pattern[str]]) -> None:
        self._patterns = dict(patterns)

    def __getitem__(self, name: str) -> re.Pattern[str]:
        return self._patterns[name]

    @cached_property
    def _needed(self) -> tuple[AhoCorasick, list[str], frozenset[str]]:
        needed: list[tuple[str, str]] = []
        always: set[str] = set()
        for name, pattern in self._patterns.items():
            letters = letters_of(pattern)
            needed += [(each, name) for each in letters or ()]
            always |= set() if letters else {name}
        return (
            AhoCorasick([each for each, _ in needed] or ["\0"]),
            [name for _, name in needed] or [""],
            frozenset(always),
        )

    def possible(self, text: str) -> Collection[str]:
        """The names of the patterns that may find something in the text."""
        automaton, names, always = self._needed
        return always.union(names[which] for which, _, _ in automaton.find_matches_as_indexes(text, overlapping=True))


class Pattern:
    """One pattern that nearly never finds anything; `search` looks for its letters first."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._only = Patterns({"": pattern})
        self._search = pattern.search

    def search(self, text: str) -> re.Match[str] | None:
        """As of a compiled pattern."""
        return self._search(text) if self._only.possible(text) else None


def letters_of(pattern: re.Pattern[str]) -> frozenset[str] | None:
    """Pieces of text of which each text that fits the pattern holds at least one; None where there are none."""
    found = _letters(parser.parse(pattern.pattern, pattern.flags))
    return found if found and min(map(len, found)) >= _LEAST else None


def _letters(items: Iterable[tuple[Any, Any]]) -> frozenset[str] | None:
    """The best of what one of the items, which follow each other, must hold."""
    candidates: list[frozenset[str]] = []
    run = ""
    for kind, value in items:
        if kind is code.LITERAL:
            run += chr(value).lower()
            continue
        candidates += [frozenset([run])] if run else []
        run = ""
        inner = _of_item(kind, value)
        candidates += [inner] if inner else []
    candidates += [frozenset([run])] if run else []
    usable = [each for each in candidates if len(each) <= _MOST]
    return max(usable, key=_worth, default=None)


def _worth(letters: frozenset[str]) -> tuple[bool, int, int]:
    """How seldom a text holds one of the pieces, as far as one can tell without texts."""
    return _COMMON.isdisjoint(map(str.strip, letters)), min(min(map(len, letters)), 4), -len(letters)


def _of_item(kind: Any, value: Any) -> frozenset[str] | None:
    if kind is code.SUBPATTERN:
        return _letters(value[-1])
    if kind in (code.MAX_REPEAT, code.MIN_REPEAT):
        return _letters(value[2]) if value[0] > 0 else None
    if kind is code.BRANCH:
        branches = [_letters(each) for each in value[1]]
        return frozenset(letter for each in branches for letter in each or ()) if all(branches) else None
    if kind is code.IN:
        literals = [chr(each) for what, each in value if what is code.LITERAL]
        return frozenset(map(str.lower, literals)) if len(literals) == len(value) else None
    return None
