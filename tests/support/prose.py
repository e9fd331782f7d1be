"""Holds every message that a test provokes to the rules of prose that a program can see."""

import re

from dermasynth_builder.core.errors import DermaSynthError

PYTHON = re.compile(
    r"\{['\"]\w+['\"]: |mappingproxy\(|Counter\(|PosixPath\(|WindowsPath\(|<[\w.]+ object at 0x|\w+\(\w+='"
)
"""What a dict, a path, a record or an object of Python looks like in a text."""


def hold_messages() -> None:
    """From now on an error of ours whose message shows a value of Python is an AssertionError."""
    made = DermaSynthError.__init__

    def __init__(self: DermaSynthError, *words: object) -> None:  # noqa: N807 - takes the place of one
        text = " ".join(map(str, words))
        assert not PYTHON.search(text), f"a message shows a value of Python: {text}"
        made(self, *words)

    DermaSynthError.__init__ = __init__  # type: ignore[assignment,method-assign]
