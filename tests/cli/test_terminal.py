"""What a terminal, or a log, shows of progress."""

import re

import pytest

from dermasynth_builder.cli import terminal


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
