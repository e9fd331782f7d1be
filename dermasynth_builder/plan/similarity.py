"""ROUGE-L between texts: how much of two word sequences is common to both, in the same order.

Lin 2004; Self-Instruct (Wang et al. 2023) calls two questions near-duplicates from 0.7 on.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from rapidfuzz.distance import LCSseq

NEAR = 0.7
"""From here on two questions count as the same."""

Words = Sequence[str]
_WORD = re.compile(r"[^\W_]+(?:['’_][^\W_]+)*")


def words(text: str) -> Words:
    """The words of a text in lower case, without punctuation."""
    return _WORD.findall(text.lower())


def rouge_l(a: str, b: str) -> float:
    """F1 of the longest common subsequence of words: 0 for nothing in common, 1 for the same words."""
    return score(words(a), words(b))


def score(a: Words, b: Words, at_least: float = 0.0) -> float:
    """As `rouge_l`, of texts already split; a score below `at_least` may be told as 0, which is faster."""
    total = len(a) + len(b)
    if not total or 2 * min(len(a), len(b)) < at_least * total:
        return 0.0
    common: int = LCSseq.similarity(a, b, score_cutoff=int(at_least * total / 2))
    return 2 * common / total


def near_duplicates(text: Words, others: Iterable[Words], at_least: float = NEAR) -> Iterator[tuple[int, float]]:
    """Which of the others are near-duplicates of a text: position and score, in the order given."""
    for position, other in enumerate(others):
        found = score(text, other, at_least)
        if found >= at_least:
            yield position, found
