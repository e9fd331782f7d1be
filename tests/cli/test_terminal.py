"""What a terminal, or a log, shows of progress, of tables and of characters that it lacks."""

import os
import re
import subprocess
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from dermasynth_builder.cli import main, terminal
from dermasynth_builder.report.tables import name, table_of_numbers
from tests.support.fake_service import command
from tests.support.releases import Built

ANSI = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal(StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        """All that was ever drawn, without its control codes."""
        return re.split(r"[\r\n]+", ANSI.sub("", self.getvalue()))


def reporter_on(screen: Terminal, width: int = 80) -> terminal.TerminalReporter:
    console = Console(file=screen, width=width, force_terminal=True, legacy_windows=False, markup=False)
    return terminal.TerminalReporter(results=screen, console=console)


@pytest.mark.parametrize(
    ("total", "unit", "line"),
    [
        (100, "", r"working: 30 of 100"),
        (4096, "B", r"working: 30\.0B of 4\.00kB, .+B/s, \d\d:\d\d left"),
        (None, "B", r"working: 30\.0B, .+B/s"),
    ],
)
def test_a_log_gets_plain_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], total: int | None, unit: str, line: str
) -> None:
    monkeypatch.setattr(terminal, "_LINE_EVERY_S", 0)
    with terminal.TerminalReporter().bar("working", total, unit=unit) as advance:
        advance(50)
        advance(-20)
    assert re.fullmatch(line, capsys.readouterr().err.splitlines()[-1])


def test_a_note_stands_at_the_end_of_a_plain_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "_LINE_EVERY_S", 0)
    with terminal.TerminalReporter().bar("asking", 45585) as bar:
        bar.note("1.234 USD")
        bar(12300)
    assert capsys.readouterr().err == "asking: 12300 of 45585, 1.234 USD\n"


@pytest.mark.parametrize("width", [80, 120])
def test_a_bar_with_a_long_label_and_note_fits_the_terminal(width: int) -> None:
    screen = Terminal()
    with reporter_on(screen, width).bar("measuring images of derm12345, a label far too long for it", 45585) as bar:
        bar(12300)
        bar.note("12.345 USD, about 33.210 to come, 3 rate limited, 2 truncated, waiting 32 s as the service asks " * 2)
    drawn = screen.lines()
    assert max(map(len, drawn)) <= width
    assert any(re.match(r"measuring images of .* [━╸╺]{9,} 12,300 of 45,585", line) for line in drawn)
    assert "…" not in screen.getvalue()  # which a console that is not Unicode lacks
    assert any(line.startswith("  12.345 USD, about 33.210 to come") for line in drawn)


def test_a_bar_tells_rate_and_time_left() -> None:
    screen, clock = Terminal(), iter(range(10**6))
    console = Console(file=screen, width=80, force_terminal=True, get_time=lambda: float(next(clock)))
    reporter = terminal.TerminalReporter(console=console)
    with reporter.bar("archive.zip", 1 << 30, unit="B") as advance:
        for _ in range(3):
            advance(1 << 20)
            with reporter.bar("another", 1):  # draws both anew
                pass
    assert re.search(r"3\.00MB of 1\.00GB, \d+\.?\dkB/s, \d+:\d\d:\d\d left", "\n".join(screen.lines()))


def test_lines_come_out_above_the_bars_and_bars_go_when_they_are_done() -> None:
    screen = Terminal()
    reporter = reporter_on(screen)
    with reporter.bar("images", 10) as images, reporter.bar("bytes", None, unit="B") as count_bytes:
        images(3)
        count_bytes(5000)
        reporter.say("a result of [b] brackets " + "x" * 100)
    drawn = screen.lines()
    assert "a result of [b] brackets " + "x" * 100 in drawn
    assert any(line.startswith("bytes") and "4.88kB" in line for line in drawn)
    assert screen.getvalue().endswith("\x1b[2K\x1b[?25h\r")  # the last bar is wiped out, the cursor shows again
    with reporter.bar("again", 2) as advance:
        advance(1)
    assert any(line.startswith("again") for line in screen.lines())


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    screen = Terminal()
    with reporter_on(screen).bar("working", 10) as advance:
        advance(5)
    assert screen.getvalue() == ""


@pytest.mark.parametrize(
    ("number", "unit", "told"),
    [
        (0, "B", "0.00B"),
        (1023, "B", "1.00kB"),
        (99.94, "B", "99.9B"),
        (123456, "B", "121kB"),
        (5 * 1024**5, "B", "5.00PB"),
        (12345, "", "12,345"),
        (0.25, "", "0.2"),
        (3, "", "3"),
    ],
)
def test_amounts_are_short(number: float, unit: str, told: str) -> None:
    assert terminal._amount(number, unit) == told


@pytest.mark.parametrize("encoding", ["cp1253", "cp932", "ascii"])
@pytest.mark.parametrize("words", [["sources"], ["show", "pad_ufes", "-n", "99"]])
def test_a_console_that_lacks_a_character_gets_another(built: Built, encoding: str, words: list[str]) -> None:
    words = [*words, "--out", str(built.release)] if words[0] == "show" else words
    done = subprocess.run(
        command(*words),
        env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Esp?rito Santo" in done.stdout or words[0] == "show"


@pytest.mark.slow
def test_piped_tables_are_plain_whatever_the_terminal_is(built: Built, tmp_path: Path) -> None:
    words = ["status", "--work", str(built.settings.work), "--out", str(built.release)]
    printed = [
        subprocess.run(
            command(*words),
            env=os.environ | {"PYTHONIOENCODING": "utf-8", **changes},
            capture_output=True,
            check=True,
        ).stdout
        for changes in ({}, {"COLUMNS": "40", "FORCE_COLOR": "1"})
    ]
    assert printed[0] == printed[1]
    assert not re.search(rb"\x1b| \n|[^\x00-\x7f]", printed[0])


@pytest.mark.parametrize(
    ("variables", "red"),
    [({"TERM": "xterm"}, "\x1b[31m"), ({"TERM": "xterm", "NO_COLOR": "1"}, ""), ({"TERM": "dumb"}, "")],
)
def test_errors_are_red_where_a_terminal_has_colours(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], red: str
) -> None:
    for variable in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    assert main(["plan", "pad_ufes"]) == 2
    assert screen.getvalue().startswith(f"{red}dermasynth: no folder for pad_ufes")
    assert ("\x1b" in screen.getvalue()) == bool(red)


def test_errors_are_plain_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "pad_ufes"]) == 2
    assert capsys.readouterr().err == "dermasynth: no folder for pad_ufes; add --raw pad_ufes=DIR\n"


def test_no_line_makes_the_terminal_do_anything(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "a\x1b]0;title\x07 \N{RIGHT-TO-LEFT OVERRIDE}b"
    report = terminal.TerminalReporter()
    report.say(hostile)
    report.warn(hostile)
    table = table_of_numbers("name", "count")
    table.add_row(name(hostile), "1")
    terminal.show(table)
    told = capsys.readouterr()
    assert r"a\x1b]0;title\x07 \u202eb" in told.out
    assert r"a\x1b]0;title\x07 \u202eb" in told.err
    assert "\x1b" not in told.out + told.err
