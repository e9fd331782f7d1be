"""Many patterns over one text, of which nearly all find nothing: one pass tells which could find something.

Each pattern is read for letters that every text that it fits must hold: of a few sets of pieces one each. An automaton
looks for those of all patterns at once, and only patterns of which each set is met are tried. What is found is the same
as without it. Each is tried once on a text, as long as the text is among the last that were asked about: sentences come
again, and several checks ask.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from ahocorasick_rs import AhoCorasick

_LEAST = 2  # letters; fewer are in every text
_RARE = frozenset("_{}[]<>|@#:\\")  # but for these
_MOST = 400  # alternatives
_SETS = 2  # of pieces; further ones seldom tell more
_COMMON = frozenset(re.findall(r"\w+", """
    a an and are as at be by can for from has have her his how i image in is it its lesion more no not of on or per
    photo picture she skin than that the there this to was were which will with you your
"""))  # fmt: skip


Possible = Mapping[str, Collection[int]]
Found = Mapping[str, Sequence[re.Match[str]]]
_IMPOSSIBLE: Possible = {}
_NOTHING: Found = {}
_MOST_SENTENCES = 8192
_MOST_TEXTS = 512


class _Text(NamedTuple):
    """What is known of a text, by the place of the patterns."""

    possible: dict[int, dict[str, list[int]]]
    found: dict[int, Found]


class _All:
    """The letters of all patterns that there are, looked for in one pass; several checks ask about one sentence."""

    def __init__(self, most_texts: int) -> None:
        self._members: list[Patterns] = []
        self._automaton: AhoCorasick | None = None
        self._parts: list[tuple[int, str, int]] = []  # place of the patterns, name, place under it
        self._wanted: list[int] = []  # sets of each part, as bits
        self._told: list[list[tuple[int, int]]] = []  # of each piece: parts, with the bit of the set
        self._always: list[int] = []
        self.read = lru_cache(maxsize=most_texts)(self._read)

    def add(self, member: "Patterns") -> int:
        self._members.append(member)
        self._automaton = None
        self.read.cache_clear()
        return len(self._members) - 1

    def _build(self) -> AhoCorasick:
        parts = [((at, name, place), sets) for at, one in enumerate(self._members) for name, place, sets in one.parts()]
        told: dict[str, list[tuple[int, int]]] = {}
        for which, (_, sets) in enumerate(parts):
            for bit, pieces in enumerate(sets):
                for piece in pieces:
                    told.setdefault(piece, []).append((which, 1 << bit))
        self._parts = [part for part, _ in parts]
        self._wanted = [(1 << len(sets)) - 1 for _, sets in parts]
        self._always = [which for which, wanted in enumerate(self._wanted) if not wanted]
        self._told = list(told.values())
        return AhoCorasick(list(told))

    def _read(self, text: str) -> _Text:
        if self._automaton is None:
            self._automaton = self._build()
        met = dict.fromkeys(self._always, 0)
        for piece in {piece for piece, _, _ in self._automaton.find_matches_as_indexes(text, overlapping=True)}:
            for which, bit in self._told[piece]:
                met[which] = met.get(which, 0) | bit
        possible: dict[int, dict[str, list[int]]] = {}
        for which in sorted(which for which, bits in met.items() if bits == self._wanted[which]):
            at, name, place = self._parts[which]
            possible.setdefault(at, {}).setdefault(name, []).append(place)
        return _Text(possible, {})


_ALL = _All(_MOST_SENTENCES)


class Patterns:
    """Patterns by name, for texts in lower case; of several under one name, any may be found."""

    def __init__(
        self, patterns: Mapping[str, re.Pattern[str] | Sequence[re.Pattern[str]]], *, is_of_sentences: bool = True
    ) -> None:
        """Those of sentences are looked for all at once; those of whole texts by themselves."""
        self._patterns = {
            name: (found,) if isinstance(found, re.Pattern) else tuple(found) for name, found in patterns.items()
        }
        self._searches = {name: [_search_of(part) for part in parts] for name, parts in self._patterns.items()}
        self._all = _ALL if is_of_sentences else _All(_MOST_TEXTS)
        self._place = self._all.add(self)

    def parts(self) -> Iterator[tuple[str, int, Sequence[frozenset[str]]]]:
        """Each pattern, by its name and its place under it, with its letters."""
        for name, parts in self._patterns.items():
            for place, part in enumerate(parts):
                yield name, place, letters_of(part)

    def possible(self, text: str) -> Possible:
        """The names of which something may be found in the text, with the places of the patterns that may find it."""
        return self._all.read(text).possible.get(self._place, _IMPOSSIBLE)

    def found(self, text: str) -> Found:
        """What each of the patterns finds first in the text, by their names in order; only names that find."""
        read = self._all.read(text)
        if self._place not in read.possible:
            return _NOTHING
        found = read.found.get(self._place)
        if found is None:
            found = read.found[self._place] = self._tried(text, read.possible[self._place]) or _NOTHING
        return found

    def _tried(self, text: str, possible: Possible) -> Found:
        tried = {
            name: [found for place in possible[name] if (found := self._searches[name][place](text))]
            for name in sorted(possible)
        }
        return {name: found for name, found in tried.items() if found}


def _search_of(pattern: re.Pattern[str]) -> Callable[[str], re.Match[str] | None]:
    """The pattern's `search`, which would try every place of a text for what can only stand at its beginning."""
    items = parser.parse(pattern.pattern, pattern.flags)
    is_at_beginning = len(items) > 0 and items[0] == (code.AT, code.AT_BEGINNING) and not pattern.flags & re.MULTILINE
    return pattern.match if is_at_beginning else pattern.search


def alternatives(pattern: str) -> tuple[re.Pattern[str], ...]:
    """The parts of a pattern that stand between the bars of its first level, each as a pattern.

    Those of `\\b(?:one|other)\\b` too, with what stands around them.
    """
    parts = _between_bars(pattern)
    whole = re.fullmatch(r"(\\b)?\(\?:(.*)\)(\\b)?", pattern, re.DOTALL)
    if len(parts) == 1 and whole and _is_closed(whole[2]):
        parts = [f"{whole[1] or ''}(?:{part}){whole[3] or ''}" for part in _between_bars(whole[2])]
    return tuple(map(re.compile, parts))


_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)  # of a pattern: classes as a whole


def _between_bars(pattern: str) -> list[str]:
    parts, depth = [""], 0
    for one in _PIECE.findall(pattern):
        depth += (one == "(") - (one == ")")
        if one == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += one
    return parts


def _is_closed(pattern: str) -> bool:
    """Whether no bracket closes that was not opened."""
    depth = 0
    for one in _PIECE.findall(pattern):
        depth += (one == "(") - (one == ")")
        if depth < 0:
            return False
    return not depth


class Pattern:
    """One pattern that nearly never finds anything; `search` looks for its letters first, part by part."""

    def __init__(self, pattern: re.Pattern[str], *, is_of_sentences: bool = True) -> None:
        parts = (pattern,) if pattern.groups or pattern.flags != _PLAIN else alternatives(pattern.pattern)
        self._only = Patterns({"": parts}, is_of_sentences=is_of_sentences)

    def search(self, text: str) -> re.Match[str] | None:
        """As of a compiled pattern."""
        found = self._only.found(text)
        return min(found[""], key=_start) if found else None


_PLAIN = re.compile("").flags


def _start(found: re.Match[str]) -> int:
    return found.start()


def letters_of(pattern: re.Pattern[str]) -> Sequence[frozenset[str]]:
    """Sets of pieces of text: each text that fits the pattern holds at least one piece of every set."""
    sets = {each for each in _sets(parser.parse(pattern.pattern, pattern.flags)) if _is_usable(each)}
    return sorted(sets, key=_worth, reverse=True)[:_SETS]


def _sets(items: Iterable[tuple[Any, Any]]) -> list[frozenset[str]]:
    """What the items, which follow each other, must hold."""
    sets: list[frozenset[str]] = []
    run = ""
    for kind, value in items:
        if kind is code.LITERAL:
            run += chr(value).lower()
            continue
        sets += [frozenset([run])] if run else []
        run = ""
        sets += _of_item(kind, value)
    sets += [frozenset([run])] if run else []
    return [each for each in sets if len(each) <= _MOST]


def _worth(letters: frozenset[str]) -> tuple[bool, int, int, list[str]]:
    """How seldom a text holds one of the pieces, as far as one can tell without texts."""
    is_rare = not any(_COMMON.issuperset(each.split()) for each in letters)
    return is_rare, min(min(map(len, letters)), 4), -len(letters), sorted(letters)


def _is_usable(letters: frozenset[str]) -> bool:
    return all(len(each) >= _LEAST or each in _RARE for each in letters)


def _of_item(kind: Any, value: Any) -> list[frozenset[str]]:
    if kind is code.SUBPATTERN:
        return _sets(value[-1])
    if kind in (code.MAX_REPEAT, code.MIN_REPEAT):
        return _sets(value[2]) if value[0] > 0 else []
    if kind is code.BRANCH:
        branches = [max(_sets(each), key=_is_usable_and_worth, default=frozenset()) for each in value[1]]
        return [frozenset().union(*branches)] if all(branches) else []
    if kind is code.IN:
        literals = [chr(each) for what, each in value if what is code.LITERAL]
        return [frozenset(map(str.lower, literals))] if len(literals) == len(value) else []
    return []


def _is_usable_and_worth(letters: frozenset[str]) -> tuple[bool, tuple[bool, int, int, list[str]]]:
    return _is_usable(letters), _worth(letters)
