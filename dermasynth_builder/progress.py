"""How long work tells how far it is. Pure: who shows it decides how."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

Advance = Callable[[int], object]


class Reporter(Protocol):
    """Where the stages send what a person should know."""

    def say(self, line: str) -> None:
        """A result or a step."""

    def warn(self, line: str) -> None:
        """Something that a person should look at."""

    def bar(self, label: str, total: int | None, *, unit: str = "") -> AbstractContextManager[Advance]:
        """Shows `label` and how many of `total` are done; the block calls what it gets with each number done.

        A total of None is not known. The unit "B" counts bytes; a negative number takes some back.
        """


class SilentReporter:
    """A `Reporter` for callers who want no output."""

    def say(self, line: str) -> None:
        """Nothing."""

    def warn(self, line: str) -> None:
        """Nothing."""

    def bar(self, label: str, total: int | None, *, unit: str = "") -> AbstractContextManager[Advance]:
        """No bar."""
        return nullcontext(lambda _: None)
