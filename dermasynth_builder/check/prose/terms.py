"""Finds terms in a text: all of a list at once, whole words alone, of two that overlap the longer one."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

from ahocorasick_rs import AhoCorasick

Meaning = TypeVar("Meaning")
_MOST_TEXTS = 8192  # whose terms are kept: sentences come again


class Hit(NamedTuple, Generic[Meaning]):
    """A term in a text."""

    start: int
    end: int
    meaning: Meaning


@dataclass(frozen=True)
class Terms(Generic[Meaning]):
    """Terms in lower case, each with what it means; their plurals mean the same."""

    meanings: Mapping[str, Meaning]
    _phrases: list[str] = field(init=False, repr=False, compare=False)
    _meanings: list[Meaning] = field(init=False, repr=False, compare=False)
    _automaton: AhoCorasick = field(init=False, repr=False, compare=False)
    _found: Callable[[str], Sequence[Hit[Meaning]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Builds the automaton."""
        known = dict(self.meanings)
        for phrase, meaning in self.meanings.items():
            for plural in plurals(phrase):
                known.setdefault(plural, meaning)
        object.__setattr__(self, "_phrases", list(known))
        object.__setattr__(self, "_meanings", list(known.values()))
        object.__setattr__(self, "_automaton", AhoCorasick(self._phrases))
        object.__setattr__(self, "_found", lru_cache(maxsize=_MOST_TEXTS)(self._find))

    def find(self, text: str) -> Sequence[Hit[Meaning]]:
        """The terms in a text in lower case, in its order; none overlaps another."""
        return self._found(text)

    def _find(self, text: str) -> Sequence[Hit[Meaning]]:
        found = self._automaton.find_matches_as_indexes(text, overlapping=True)
        whole = (
            (start, -end, which)
            for which, start, end in found
            if not (start and text[start - 1].isalnum()) and not (end < len(text) and text[end].isalnum())
        )
        return tuple(self._longest(sorted(whole)))

    def _longest(self, found: Iterable[tuple[int, int, int]]) -> Iterator[Hit[Meaning]]:
        free = 0
        for start, minus_end, which in found:
            if start >= free:
                free = -minus_end
                yield Hit(start, free, self._meanings[which])


def plurals(phrase: str) -> tuple[str, ...]:
    """How English, and the Latin of dermatology, write the plural of a phrase."""
    if phrase.endswith("is"):
        return (f"{phrase[:-2]}es",)
    if phrase.endswith("us"):
        return (f"{phrase[:-2]}i", f"{phrase}es")
    if phrase.endswith("igo"):
        return (f"{phrase[:-2]}ines",)
    if phrase.endswith(("s", "x", "ch", "sh")):
        return (f"{phrase}es",)
    if phrase.endswith("y") and phrase[-2:-1] not in "aeiou":
        return (f"{phrase[:-1]}ies",)
    return (f"{phrase}s",)
