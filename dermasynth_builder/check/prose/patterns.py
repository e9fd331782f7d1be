"""Many patterns over one text, of which nearly all find nothing: one pass tells which could find something.

Each pattern is read for letters that every text that it fits must hold; an automaton looks for those of all patterns at
once, and only patterns whose letters are there are tried. What is found is the same as without it.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from ahocorasick_rs import AhoCorasick

_LEAST = 2  # letters; fewer are in every text
_RARE = frozenset("_{}[]<>|@#:\\")  # but for these
_MOST = 400  # alternatives
_COMMON = frozenset(re.findall(r"\w+", """
    a an and are at be by can for from has have her his image in is it its lesion more no not of on or per photo picture
    she skin than that the there this to was were which with you your
""")) | {"in the"}  # fmt: skip


class Patterns:
    """Patterns by name, for texts in lower case; of several under one name, any may be found."""

    def __init__(self, patterns: Mapping[str, re.Pattern[str] | Sequence[re.Pattern[str]]]) -> None:
        self._patterns = {
            name: (found,) if isinstance(found, re.Pattern) else tuple(found) for name, found in patterns.items()
        }

    @cached_property
    def _needed(self) -> tuple[AhoCorasick, list[tuple[str, int]], tuple[tuple[str, int], ...]]:
        needed: list[tuple[str, tuple[str, int]]] = []
        always: list[tuple[str, int]] = []
        for name, parts in self._patterns.items():
            for place, part in enumerate(parts):
                letters = letters_of(part)
                needed += [(each, (name, place)) for each in letters or ()]
                always += [] if letters else [(name, place)]
        return AhoCorasick([each for each, _ in needed] or ["\0"]), [part for _, part in needed], tuple(always)

    def possible(self, text: str) -> Mapping[str, Collection[int]]:
        """The names of which something may be found in the text, with the places of the patterns that may find it."""
        automaton, parts, always = self._needed
        found: dict[str, set[int]] = {}
        for which, _, _ in automaton.find_matches_as_indexes(text, overlapping=True):
            if which < len(parts):
                name, place = parts[which]
                found.setdefault(name, set()).add(place)
        for name, place in always:
            found.setdefault(name, set()).add(place)
        return found

    def found(self, name: str, text: str, possible: Mapping[str, Collection[int]]) -> Iterator[re.Match[str]]:
        """What each of the patterns under a name finds first; `possible` is what the method of that name gave."""
        for place in sorted(possible.get(name, ())):
            if found := self._patterns[name][place].search(text):
                yield found

    def search(self, name: str, text: str, possible: Mapping[str, Collection[int]]) -> re.Match[str] | None:
        """The first of what `found` gives."""
        return next(self.found(name, text, possible), None)


def alternatives(pattern: str) -> tuple[re.Pattern[str], ...]:
    """The parts of a pattern that stand between the bars of its first level, each as a pattern."""
    parts, depth = [""], 0
    for one in re.findall(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", pattern, re.DOTALL):  # classes as a whole
        depth += (one == "(") - (one == ")")
        if one == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += one
    return tuple(map(re.compile, parts))


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
    return found if found and _is_usable(found) else None


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


def _worth(letters: frozenset[str]) -> tuple[bool, bool, int, int]:
    """How seldom a text holds one of the pieces, as far as one can tell without texts."""
    is_rare = _COMMON.isdisjoint(map(str.strip, letters))
    return _is_usable(letters), is_rare, min(min(map(len, letters)), 4), -len(letters)


def _is_usable(letters: frozenset[str]) -> bool:
    return all(len(each) >= _LEAST or each in _RARE for each in letters)


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
