"""Effect: shows lines and progress on the terminal; plain lines where there is no terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, TextIO

from tqdm import tqdm

from dermasynth_builder.progress import Bar

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
    def bar(self, label: str, total: int) -> Iterator[Bar]:
        """A bar on a terminal; else a line every ten seconds."""
        if sys.stderr.isatty():
            with tqdm(total=total, desc=label, leave=False, dynamic_ncols=True, mininterval=0.1) as bar:
                yield _TerminalProgress(bar)
            return
        yield _PlainProgress(label, total)


class _TerminalProgress:
    def __init__(self, bar: "tqdm[NoReturn]") -> None:
        self._bar = bar

    def __call__(self, count: int) -> None:
        self._bar.update(count)

    def note(self, text: str) -> None:
        self._bar.set_postfix_str(text, refresh=False)


class _PlainProgress:
    def __init__(self, label: str, total: int) -> None:
        self._label, self._total, self._done = label, total, 0
        self._told_at, self._note = time.monotonic(), ""

    def note(self, text: str) -> None:
        self._note = text

    def __call__(self, count: int) -> None:
        self._done += count
        if time.monotonic() - self._told_at >= _LINE_EVERY_S:
            self._told_at = time.monotonic()
            noted = f", {self._note}" if self._note else ""
            sys.stderr.write(f"{self._label}: {self._done} of {self._total}{noted}\n")
