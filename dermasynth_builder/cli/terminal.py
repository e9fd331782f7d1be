"""Shows lines and progress on the terminal; plain lines where there is no terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from tqdm import tqdm

from dermasynth_builder.core.reporter import Bar

_LINE_EVERY_S = 10.0


class TerminalReporter:
    """See `dermasynth_builder.core.reporter.Reporter`. Results go to stdout; warnings and bars to stderr."""

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
    def bar(self, label: str, total: int | None, *, unit: str = "") -> Iterator[Bar]:
        """A bar on a terminal, with rate and time left; else a line every ten seconds."""
        if sys.stderr.isatty():
            scale: dict[str, Any] = {"unit": unit, "unit_scale": True, "unit_divisor": 1024} if unit else {}
            with tqdm(total=total, desc=label, leave=False, dynamic_ncols=True, mininterval=0.1, **scale) as bar:
                yield _TerminalProgress(bar)
            return
        yield _PlainProgress(label, total, unit)


class _TerminalProgress:
    def __init__(self, bar: "tqdm[Any]") -> None:
        self._bar = bar

    def __call__(self, count: int) -> None:
        self._bar.update(count)

    def note(self, text: str) -> None:
        self._bar.set_postfix_str(text, refresh=False)


class _PlainProgress:
    def __init__(self, label: str, total: int | None, unit: str) -> None:
        self._label, self._total, self._unit, self._done = label, total, unit, 0
        self._started_at = self._told_at = time.monotonic()
        self._note = ""

    def note(self, text: str) -> None:
        self._note = text

    def __call__(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._told_at >= _LINE_EVERY_S:
            self._told_at = now
            noted = f", {self._note}" if self._note else ""
            sys.stderr.write(f"{self._label}: {self._text(now - self._started_at)}{noted}\n")

    def _text(self, taken_s: float) -> str:
        """How much is done; of bytes also how fast, and how long the rest takes."""
        if not self._unit:
            return f"{self._done} of {self._total}"
        done, rate = (tqdm.format_sizeof(number, self._unit, 1024) for number in (self._done, self._done / taken_s))
        if self._total is None:
            return f"{done}, {rate}/s"
        left_s = (self._total - self._done) * taken_s / max(self._done, 1)
        total = tqdm.format_sizeof(self._total, self._unit, 1024)
        return f"{done} of {total}, {rate}/s, {tqdm.format_interval(left_s)} left"
