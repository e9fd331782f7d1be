"""Effect: shows lines and progress on the terminal; plain lines where there is no terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from tqdm import tqdm

from dermasynth_builder.progress import Advance

_LINE_EVERY_S = 10.0


class TerminalReporter:
    """See `dermasynth_builder.progress.Reporter`. Results go to stdout; warnings and bars to stderr."""

    def __init__(self, results: TextIO | None = None) -> None:
        self._results = results or sys.stdout

    def say(self, line: str) -> None:
        """A line for the results, normally on stdout."""
        self._results.write(f"{line}\n")
        self._results.flush()

    def warn(self, line: str) -> None:
        """A line on stderr."""
        sys.stdout.flush()
        tqdm.write(line, file=sys.stderr)

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator[Advance]:
        """A bar on a terminal; else a line every ten seconds."""
        if sys.stderr.isatty():
            with tqdm(total=total, desc=label, leave=False, dynamic_ncols=True, mininterval=0.1) as bar:
                yield bar.update
            return
        yield _PlainProgress(label, total).advance


class _PlainProgress:
    def __init__(self, label: str, total: int) -> None:
        self._label, self._total, self._done = label, total, 0
        self._told_at = time.monotonic()

    def advance(self, count: int) -> None:
        self._done += count
        if time.monotonic() - self._told_at >= _LINE_EVERY_S:
            self._told_at = time.monotonic()
            sys.stderr.write(f"{self._label}: {self._done} of {self._total}\n")
