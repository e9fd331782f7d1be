"""Words put together, for reading and for planning alike."""

from collections.abc import Iterable
from difflib import get_close_matches


def join_words(words: Iterable[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    *front, end = list(words)
    return f"{', '.join(front)} {last} {end}" if front else end


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "; did you mean 'needs'?", or nothing where no known word is near."""
    near = get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
