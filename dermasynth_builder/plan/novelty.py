"""Which questions are new: the filter of Self-Instruct (Wang et al. 2023, arXiv 2212.10560)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from dermasynth_builder.plan.similarity import Words, near_duplicates, words


@dataclass(slots=True)
class Known:
    """Questions that are known already; a new one must be far from each of them."""

    texts: list[str] = field(default_factory=list)
    _words: list[Words] = field(default_factory=list)

    def add(self, texts: Iterable[str]) -> "Known":
        """Takes in more questions, and gives itself back."""
        for text in texts:
            self.texts.append(text)
            self._words.append(words(text))
        return self

    def like(self, question: str) -> tuple[str, float] | None:
        """A known question that this one is a near-duplicate of, and their ROUGE-L; None where it is new."""
        found = next(near_duplicates(words(question), self._words), None)
        return (self.texts[found[0]], found[1]) if found else None


def accepted(questions: Iterable[str], known: Known) -> list[str]:
    """The questions that are new beside `known` and beside those accepted before them; `known` takes them in."""
    kept: list[str] = []
    for question in questions:
        if known.like(question) is None:
            kept.append(question)
            known.add([question])
    return kept
