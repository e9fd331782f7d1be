"""Chooses pairs for a person to read: some of each source, question type and flag, of as many diagnoses as can be."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, zip_longest
from typing import Any, NamedTuple

from dermasynth_builder.core.records import digest

READ = ("pair_id", "source", "question_type", "flags", "diagnosis")


class Candidate(NamedTuple):
    """A pair that may be chosen."""

    pair_id: str
    source: str
    question_type: str
    flags: str | None
    diagnosis: str | None


def candidate(row: Mapping[str, Any]) -> Candidate:
    """What counts of a row, as `release.columns.flat` gives it."""
    return Candidate(*(row[name] for name in READ))


def choose(pairs: Iterable[Candidate], number: int) -> list[str]:
    """The ids of so many pairs, those of each source, type and flag in turn, and the same for the same pairs."""
    return [pair.pair_id for pair in _in_turn(list(pairs), [_stratum, _diagnosis])[:number]]


def _stratum(pair: Candidate) -> str:
    return digest([pair.source, pair.question_type, pair.flags])


def _diagnosis(pair: Candidate) -> str:
    return digest([pair.diagnosis])


def _in_turn(pairs: Sequence[Candidate], keys: Sequence[Callable[[Candidate], str]]) -> list[Candidate]:
    """The pairs with the same first key in turn, each such group ordered so by the other keys, and then by chance."""
    if not keys:
        return sorted(pairs, key=lambda pair: digest(pair.pair_id))
    groups: dict[str, list[Candidate]] = defaultdict(list)
    for pair in pairs:
        groups[keys[0](pair)].append(pair)
    turns = [_in_turn(groups[key], keys[1:]) for key in sorted(groups)]
    return [pair for pair in chain.from_iterable(zip_longest(*turns)) if pair is not None]
