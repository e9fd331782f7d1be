"""Words put together, for reading and for planning alike."""

from collections.abc import Iterable


def join_words(words: Iterable[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    *front, end = list(words)
    return f"{', '.join(front)} {last} {end}" if front else end
