"""Which questions are alike, and which are new beside those that are known.

ROUGE-L (Lin 2004) is how much of two word sequences is common to both, in the same order. Self-Instruct (Wang et al.
2023, arXiv 2212.10560) calls two questions near-duplicates from 0.7 on, and keeps those that are near no other.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rapidfuzz.distance import LCSseq

NEAR = 0.7
"""From here on two questions count as the same."""

_SHOWABLE = re.compile(r"(?!.*(?:https?:|www\.))[^\W_][^\n{}<>\[\]|#*`\\]{5,298}[?.]")
Tokens = Sequence[str]
_TOKEN = re.compile(r"[^\W_]+(?:['’_][^\W_]+)*")


def tokens(text: str) -> Tokens:
    """The tokens of a text: its words in lower case, without punctuation."""
    return _TOKEN.findall(text.lower())


def rouge_l(a: str, b: str) -> float:
    """F1 of the longest common subsequence of words: 0 for nothing in common, 1 for the same words."""
    return score(tokens(a), tokens(b))


def score(a: Tokens, b: Tokens, at_least: float = 0.0) -> float:
    """As `rouge_l`, of texts already split; a score below `at_least` may be told as 0, which is faster."""
    total = len(a) + len(b)
    if not total or 2 * min(len(a), len(b)) < at_least * total:
        return 0.0
    common: int = LCSseq.similarity(a, b, score_cutoff=int(at_least * total / 2))
    return 2 * common / total


def near_duplicates(text: Tokens, others: Iterable[Tokens], at_least: float = NEAR) -> Iterator[tuple[int, float]]:
    """Which of the others are near-duplicates of a text: position and score, in the order given."""
    for position, other in enumerate(others):
        found = score(text, other, at_least)
        if found >= at_least:
            yield position, found


@dataclass(slots=True)
class Known:
    """Questions that are known already; a new one must be far from each of them."""

    texts: list[str] = field(default_factory=list)
    _tokens: list[Tokens] = field(default_factory=list)

    def add(self, texts: Iterable[str]) -> "Known":
        """Takes in more questions, and gives itself back."""
        for text in texts:
            self.texts.append(text)
            self._tokens.append(tokens(text))
        return self

    def nearest(self, question: str) -> tuple[str, float] | None:
        """A known question that this one is a near-duplicate of, and their ROUGE-L; None where it is new."""
        found = next(near_duplicates(tokens(question), self._tokens), None)
        return (self.texts[found[0]], found[1]) if found else None


def accepted(questions: Iterable[str], known: Known) -> list[str]:
    """The questions that are new beside `known` and beside those accepted before them; `known` takes them in.

    They are shown in the prompts of other images: only what is a question on one line, without markup and without an
    address, is accepted.
    """
    kept: list[str] = []
    for question in dict.fromkeys(questions):  # whatever came of one, the same words again are not new
        if _SHOWABLE.fullmatch(question) and known.nearest(question) is None:
            kept.append(question)
            known.add([question])
    return kept
