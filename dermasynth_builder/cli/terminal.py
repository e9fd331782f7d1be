"""Shows tables, lines and progress on the terminal; plain text where there is no terminal."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.table import Column
from rich.text import Text

from dermasynth_builder.core.plain import printable
from dermasynth_builder.core.reporter import Bar
from dermasynth_builder.report.tables import PLAIN_WIDTH, console_on, plain_text, shortened

_LINE_EVERY_S = 10.0
_DRAWN_A_SECOND = 5
_RATE_OVER_S = 120.0


def show(what: RenderableType) -> None:
    """Shows a table or a text on stdout: as wide as the terminal, or as plain text of `PLAIN_WIDTH`."""
    if sys.stdout.isatty():
        _terminal(sys.stdout).print(what)
    else:
        sys.stdout.write(f"{plain_text(what)}\n")


def confirm(question: str) -> bool:
    """Asks on the terminal, where no answer means no; False where there is no terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def complain(text: str) -> None:
    """Shows what is wrong on stderr; in red where a terminal has colours."""
    _on_stderr(text, "red")


def _on_stderr(text: str, style: str) -> None:
    text = printable(text)
    if sys.stderr.isatty():
        _terminal(sys.stderr).print(Text(text, style), soft_wrap=True)
    else:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def text_width() -> int:
    """Columns for running text on stdout; no more than `PLAIN_WIDTH`, beyond which lines are hard to read."""
    return min(_terminal(sys.stdout).width, PLAIN_WIDTH) if sys.stdout.isatty() else PLAIN_WIDTH


def _terminal(stream: TextIO) -> Console:
    return console_on(stream, is_terminal=stream.isatty())


class TerminalReporter:
    """See `dermasynth_builder.core.reporter.Reporter`. Results go to stdout; warnings and bars to stderr."""

    def __init__(self, results: TextIO | None = None, console: Console | None = None) -> None:
        self._results = results or sys.stdout
        self._bars = _Bars(console or _terminal(sys.stderr))

    def say(self, line: str) -> None:
        """A line for the results, normally on stdout."""
        self._write(line, self._results)

    def warn(self, line: str) -> None:
        """A line on stderr, in yellow where a terminal has colours."""
        sys.stdout.flush()
        self._write(line, sys.stderr, "yellow")

    @contextmanager
    def bar(self, label: str, total: int | None, *, unit: str = "") -> Iterator[Bar]:
        """A bar on a terminal, with rate and time left; else a line every ten seconds."""
        if self._bars.console.is_interactive:
            with self._bars.showing(_TerminalBar(label, total, unit)) as bar:
                yield bar
            return
        yield _PlainProgress(label, total, unit)

    def _write(self, line: str, stream: TextIO, style: str = "") -> None:
        """Above the bars where they stand on the same terminal."""
        line = printable(line)
        if self._bars.live.is_started and stream.isatty():
            self._bars.console.print(Text(line, style), soft_wrap=True)
            return
        if style:
            _on_stderr(line, style)
            return
        stream.write(f"{line}\n")
        stream.flush()


class _TerminalBar:
    """What a bar shows. It is looked at a few times a second, so that moving it costs an addition."""

    def __init__(self, label: str, total: int | None, unit: str) -> None:
        self.label, self.total, self.unit, self.done = label, total, unit, 0
        self.text = ""  # of the note

    def __call__(self, count: int) -> None:
        self.done += count

    def note(self, text: str) -> None:
        self.text = text


class _Bars(Progress):
    """The bars of a terminal, one a line, and their notes below."""

    def __init__(self, console: Console) -> None:
        super().__init__(
            _Part(lambda task: shortened(task.description, self.console.width * 3 // 8)),
            BarColumn(bar_width=None, table_column=Column(ratio=1)),
            _Part(_figures_of, Column(justify="right", no_wrap=True)),
            console=console,
            refresh_per_second=_DRAWN_A_SECOND,
            speed_estimate_period=_RATE_OVER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            expand=True,
        )

    @contextmanager
    def showing(self, bar: _TerminalBar) -> Iterator[_TerminalBar]:
        """Shows a bar below those that are there already, until the block ends."""
        task = self.add_task(bar.label, total=bar.total, bar=bar)
        self.start()
        try:
            yield bar
        finally:
            self.refresh()
            self.remove_task(task)
            if not self.tasks:
                self.stop()

    def get_renderables(self) -> Iterator[RenderableType]:
        """Called for every drawing: takes over how far each bar is."""
        for task in self.tasks:
            bar: _TerminalBar = task.fields["bar"]
            self.update(task.id, completed=bar.done)
        yield self.make_tasks_table(self.tasks)
        for note in filter(None, (task.fields["bar"].text for task in self.tasks)):
            yield Text(f"  {shortened(note, self.console.width - 2)}", "dim")


class _Part(ProgressColumn):
    """A text beside a bar, cut where there is no room."""

    def __init__(self, text_of: Callable[[Task], str], table_column: Column | None = None) -> None:
        super().__init__(table_column)
        self._text_of = text_of

    def render(self, task: Task) -> Text:
        """See `ProgressColumn`."""
        return Text(self._text_of(task), no_wrap=True, overflow="ellipsis")


def _figures_of(task: Task) -> str:
    """How much is done, how fast, and how long the rest takes."""
    unit = task.fields["bar"].unit
    done, total = (None if number is None else _amount(number, unit) for number in (task.completed, task.total))
    told = [f"{done} of {total}" if total else f"{done}"]
    if task.speed:
        told.append(f"{_amount(task.speed, unit)}/s")
    if task.time_remaining is not None:
        told.append(f"{_interval(task.time_remaining)} left")
    return ", ".join(told)


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
            return f"{self._done:,}" if self._total is None else f"{self._done} of {self._total}"
        done, rate = (_amount(number, self._unit) for number in (self._done, self._done / taken_s))
        if self._total is None:
            return f"{done}, {rate}/s"
        left_s = (self._total - self._done) * taken_s / max(self._done, 1)
        return f"{done} of {_amount(self._total, self._unit)}, {rate}/s, {_interval(left_s)} left"


def _amount(number: float, unit: str) -> str:
    """Three digits with the prefix of a power of 1,024, as 4.00kB; without a unit all digits, and a tenth below ten."""
    if not unit:
        return f"{number:.1f}" if number < 10 and number % 1 else f"{number:,.0f}"
    prefixes = iter(" kMGTP")
    prefix = next(prefixes)
    while abs(number) >= 999.5 and (larger := next(prefixes, "")):
        number, prefix = number / 1024, larger
    digits = 2 if abs(number) < 9.995 else 1 if abs(number) < 99.95 else 0
    return f"{number:.{digits}f}{prefix.strip()}{unit}"


def _interval(seconds: float) -> str:
    minutes, rest_s = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest_s:02}" if hours else f"{minutes:02}:{rest_s:02}"
