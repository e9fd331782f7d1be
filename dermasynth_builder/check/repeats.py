"""Across pairs: the same said twice of one image, of many images, or in two splits.

Answers are compared by MinHash (Broder 1997) over runs of three words, in bands of a locality-sensitive hash; a pair
leaves 32 numbers behind, whatever its length, so that the whole of a source passes once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from dermasynth_builder.check.prose.statements import words
from dermasynth_builder.core.records import Finding, Pair
from dermasynth_builder.plan.similarity import NEAR, score

NAME = "repeats"
MOST_IMAGES = 20
"""So many images may have one answer, or near ones, in a source and a question type; the next ones are flagged."""

NEAR_COPY = 0.85
"""Share of their runs of words from which two answers count as near copies."""

_HASHES, _BANDS = 32, 8
_BAND_BYTES = 4 * _HASHES // _BANDS
_SHORTEST = 8  # words; a shorter answer, "No." say, may stand anywhere
_SHORTEST_QUESTION = 6  # words
_SHORTEST_LEAK = 20  # words; an answer of so many stands in one split alone, whatever was asked
_ASKING = frozenset(  # words of a question that do not say what is asked
    """a an the this that these those it its is are was were be been being do does did can could would will should may
    might shall has have had i you we he she they me my your our us his her their him them what which who how where when
    why of on in at to for from by with within and or as there here please kindly tell say give describe explain name
    list show shown shows see seen look looks like visible present any some exactly about image photograph photo picture
    view case lesion one also just now coming next following such so much many""".split()  # noqa: SIM905 - to be read
)
_PARTS = frozenset(  # of which each makes another question
    """border edge margin rim outline centre center middle surface colour color shape size symmetry asymmetry structure
    texture pattern network vessel location site left right upper lower first second not never against
    without""".split()  # noqa: SIM905
)
_Signature = NDArray[np.uint32]
_draw = np.random.default_rng(2025)
_FACTORS = _draw.integers(1, 1 << 32, size=(_HASHES, 1), dtype=np.uint64) | np.uint64(1)
_OFFSETS = _draw.integers(0, 1 << 32, size=(_HASHES, 1), dtype=np.uint64)


@dataclass(slots=True)
class _Group:
    """Answers that are near the first of them."""

    pair_id: str
    signature: _Signature
    images: int = 1
    last_image: str = ""


@dataclass(slots=True)
class Repeats:
    """Rejects a pair that an image has already; flags answers that many images share, and texts of two splits."""

    _groups: dict[tuple[str, int, bytes], _Group] = field(default_factory=dict)  # question type, band, its hashes
    _splits: dict[int, tuple[str, str]] = field(default_factory=dict)  # hash of question and answer -> split, pair

    def __call__(self, pairs: Iterable[Pair]) -> Iterator[Finding]:
        """See `dermasynth_builder.core.protocols.Check`."""
        of_image: dict[tuple[str, str], list[Pair]] = {}
        for pair in pairs:
            earlier = of_image.setdefault((pair.image.source, pair.image.image_id), [])
            if same := next((each for each in earlier if _is_same(each, pair)), None):
                yield Finding(pair.pair_id, NAME, "reject", f"says what {same.pair_id} says")
                continue
            yield from self._flags(pair, earlier)
            earlier.append(pair)

    def _flags(self, pair: Pair, earlier: Iterable[Pair]) -> Iterator[Finding]:
        told = words(pair.answer)
        for other in earlier:
            if len(told) >= _SHORTEST and score(told, words(other.answer), NEAR_COPY) >= NEAR_COPY:
                yield Finding(pair.pair_id, NAME, "flag", f"has the answer of {other.pair_id}, to another question")
            elif _asks_nearly(pair, other):
                yield Finding(pair.pair_id, NAME, "flag", f"asks nearly what {other.pair_id} asks")
        if len(told) < _SHORTEST:
            return
        key = hash_of(*told) if len(told) >= _SHORTEST_LEAK else hash_of(*words(pair.question), "?", *told)
        split, first = self._splits.setdefault(key, (pair.split, pair.pair_id))
        if split != pair.split:
            yield Finding(pair.pair_id, NAME, "flag", f"is word for word {first}, which is in {split}")
        group = self._group_of(pair, _signature(pair.answer))
        if group.images > MOST_IMAGES:
            yield Finding(pair.pair_id, NAME, "flag", f"answers as {group.images - 1} other images do: {group.pair_id}")

    def _group_of(self, pair: Pair, signature: _Signature) -> _Group:
        """The group that the answer joins, or begins; each image counts once."""
        kind, raw = f"{pair.image.source}/{pair.question_type}", signature.tobytes()
        keys = [(kind, start, raw[start : start + _BAND_BYTES]) for start in range(0, len(raw), _BAND_BYTES)]
        found = (self._groups[key] for key in keys if key in self._groups)
        least = NEAR_COPY * _HASHES
        group = next((each for each in found if np.count_nonzero(each.signature == signature) >= least), None)
        if group is None:
            group = _Group(pair.pair_id, signature, last_image=pair.image.image_id)
            for key in keys:
                self._groups.setdefault(key, group)
        elif group.last_image != pair.image.image_id:
            group.images += 1
            group.last_image = pair.image.image_id
        return group


@lru_cache(maxsize=4096)  # answers without a model come again
def _signature(answer: str) -> _Signature:
    """The least of each hash over all runs of an answer's words."""
    told = words(answer)
    each = np.fromiter(map(_hash_of_word, told), np.uint64, len(told))
    runs = each[:-2] * np.uint64(0x9E3779B1) + each[1:-1] * np.uint64(0x85EBCA77) + each[2:]
    mixed = (_FACTORS * (runs ^ (runs >> np.uint64(29))) + _OFFSETS) >> np.uint64(32)
    least: _Signature = mixed.min(axis=1).astype(np.uint32)
    return least


@lru_cache(maxsize=65536)
def _hash_of_word(word: str) -> int:
    """The same in every process."""
    return crc32(word.encode(errors="replace"))


def hash_of(*told: str) -> int:
    """A number for words in their order, the same in every process."""
    return int.from_bytes(blake2b(" ".join(told).encode(errors="replace"), digest_size=8).digest(), "big")


def _asks_nearly(one: Pair, other: Pair) -> bool:
    """Whether two questions are one in other words; one that swaps a word of content, "arm" for "leg", is another."""
    asked = words(one.question), words(other.question)
    if min(map(len, asked)) < _SHORTEST_QUESTION:
        return False
    told, known = _content(one.question), _content(other.question)
    if told == known and told:
        return True
    is_swapped = told - known and known - told
    return not is_swapped and not (told ^ known) & _PARTS and score(*asked, NEAR) >= NEAR


@lru_cache(maxsize=4096)  # questions of a bank come again and again
def _content(question: str) -> frozenset[str]:
    """The words that say what is asked."""
    return frozenset(_stem(word) for word in words(question) if word not in _ASKING)


def _stem(word: str) -> str:
    """A word without the last letter of its plural or past."""
    return word[:-1] if len(word) > 3 and word.endswith(("s", "ed")) and not word.endswith("ss") else word


def _is_same(one: Pair, other: Pair) -> bool:
    is_question = words(one.question) == words(other.question)
    return is_question and words(one.answer) == words(other.answer) and len(one.messages) == len(other.messages)
