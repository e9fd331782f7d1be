"""What a changed plan costs is told before it is paid."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dermasynth_builder import pipeline
from dermasynth_builder.cli import main
from dermasynth_builder.core import files
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.generate.ledger import Ledger
from dermasynth_builder.generate.ledger_tools import unused_text
from dermasynth_builder.invented.specimens.isic import write_hiba
from tests.support.recited import answer, requests

KEYS = [request.key for request in requests(10)]
TYPE = """
[[type]]
name = "differential"
topic = "a type of the general bank, for PAD-UFES-20 too"
audience = "a nurse"
good_answer = "what else it could be"
needs = []
wordings = ["What else could it be?"]
"""
Output = pytest.CaptureFixture[str]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """The replies to the first six keys."""
    with Ledger(tmp_path / "ledger.jsonl", {"engine": "recited"}, print) as ledger:
        for key in KEYS[:6]:
            ledger.append(answer(key))
    return ledger


def test_replies_that_a_plan_leaves_and_requests_that_it_adds_are_counted(ledger: Ledger) -> None:
    told = unused_text([*KEYS[2:], KEYS[9]], ledger) or ""
    assert told.startswith(f"2 of 6 replies in {ledger.path} are not used by any plan")
    assert told.endswith("; 4 requests would be asked anew")


@pytest.mark.parametrize("planned", [KEYS[:6], KEYS, KEYS[:3]], ids=["the same", "more", "fewer"])
def test_a_plan_that_uses_every_reply_or_asks_nothing_is_no_news(planned: list[str], ledger: Ledger) -> None:
    assert unused_text(planned, ledger) is None


@pytest.fixture
def change_bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Adds a type to a copy of the bank, in which all is planned from then on."""
    prompts = Path(shutil.copytree(files.resource_dir("prompts"), tmp_path / "prompts"))

    def change() -> None:
        with (prompts / "questions" / "pad_ufes.toml").open("a", encoding="utf-8") as bank:
            bank.write(TYPE)
        monkeypatch.setattr("dermasynth_builder.plan.questions.resource_dir", lambda _: prompts)

    return change


def test_every_command_that_plans_tells_of_a_changed_bank_and_of_no_other(
    specimens: Path, change_bank: Callable[[], None], tmp_path: Path, capsys: Output
) -> None:
    given = ["pad_ufes", "--raw", str(specimens), "--work", str(tmp_path / "work")]
    settings = Settings(raw={"pad_ufes": specimens}, work=tmp_path / "work")
    pipeline.ask(pipeline.plan(settings, SilentReporter()), settings, SilentReporter())
    commands = [["plan", *given], ["generate", *given, "--dry-run"], ["generate", *given]]
    for command in commands:
        assert main(command) == 0
        assert "not used by any plan" not in capsys.readouterr().err
    change_bank()
    for command in commands:
        main(command)
        [counts] = re.findall(
            r"(\d+) of 48 replies in .* are not used .*; (\d+) requests would be", capsys.readouterr().err
        )
        assert counts[0] == counts[1] != "0"


def test_replies_to_another_source_of_the_same_ledger_are_used_by_its_own_plan(
    specimens: Path, tmp_path: Path, capsys: Output
) -> None:
    other = write_hiba(tmp_path / "hiba", images=6, side_px=16)
    for name, raw in (("pad_ufes", specimens), ("hiba", other)):
        assert main(["generate", name, "--raw", str(raw), "--work", str(tmp_path / "work")]) == 0
    assert "not used" not in capsys.readouterr().err
