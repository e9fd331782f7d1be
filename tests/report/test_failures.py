"""What failed and what was rejected is kept with the text that came back, and can be read."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dermasynth_builder.cli import main
from dermasynth_builder.generate.ledger_tools import failed_replies
from dermasynth_builder.invented.fake_gemini.service import FakeGemini

pytestmark = pytest.mark.slow
Output = pytest.CaptureFixture[str]


@pytest.fixture(params=["gemini", "openai"])
def words(
    request: pytest.FixtureRequest, specimens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """A run in which a third of the answers is broken, a quarter cut, and a fifth blocked, whatever is tried."""
    monkeypatch.setenv("GEMINI_API_KEY", "any")
    model = ["--model", "any"] if request.param == "openai" else []
    faults = {"always-broken": 0.33, "always-cut": 0.25, "safety": 0.2}
    with FakeGemini(shares=faults) as fake:
        work = ["--work", str(tmp_path / "work")]
        given = ["pad_ufes", "--raw", str(specimens), *work, "--engine", request.param, "--look", "off", *model]
        assert main(["generate", *given, "--base-url", fake.url]) == 1  # more than a tenth failed
        yield given


def test_the_text_of_a_failed_reply_is_kept_and_shown(words: list[str], tmp_path: Path, capsys: Output) -> None:
    [ledger] = (tmp_path / "work" / "ledgers").glob("*.jsonl")
    failed = failed_replies(ledger)
    assert {str(reply.failure).partition(":")[0] for reply in failed} == {"truncated JSON", "cut off", "blocked"}
    assert all(reply.failed_text for reply in failed if not str(reply.failure).startswith("blocked"))
    assert main(["generate", *words, "--base-url", "http://127.0.0.1:9"]) == 0  # nothing is asked again
    assert f"read why replies failed: dermasynth failures --work {tmp_path / 'work'}\n" in capsys.readouterr().out
    assert main(["status", "--work", str(tmp_path / "work"), "--out", "none"]) == 0
    assert "dermasynth failures" in capsys.readouterr().out
    assert main(["failures", "--work", str(tmp_path / "work"), "-n", "99"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("--- failed reply: pad_ufes ") == len(failed) == printed.count(f"in: {ledger}")
    assert printed.count("came back: nothing") == sum(not reply.failed_text for reply in failed)
    assert all(f"key {reply.key[:16]}\n" in printed for reply in failed)


def test_a_reject_holds_what_came_back_and_is_told_once(words: list[str], tmp_path: Path, capsys: Output) -> None:
    assert main(["release", *words, "--out", str(tmp_path / "out")]) == 0
    assert "read why pairs were rejected: dermasynth failures" in capsys.readouterr().out
    rejects = tmp_path / "work" / "rejects" / "pad_ufes.jsonl"
    kept = list(map(json.loads, rejects.read_text("utf-8").splitlines()))
    assert any(reject["reply"] for reject in kept if reject["reasons"][0].startswith("reply: truncated JSON"))
    assert main(["failures", "pad_ufes", "--work", str(tmp_path / "work"), "-n", "2"]) == 0
    printed = capsys.readouterr().out
    assert "failed replies" not in printed  # all of them are rejects by now
    assert f"\n{len(kept) - 2} more; to read them, add -n {len(kept)}\n" in printed
    assert f"--- rejected pair: {kept[0]['pair_id']}\nwhy: {kept[0]['reasons'][0][:30]}" in printed
    assert main(["failures", "hiba", "--work", str(tmp_path / "work")]) == 0
    assert "no failed reply and no rejected pair" in capsys.readouterr().out


def test_a_damaged_list_of_rejects_is_told_by_its_line(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "rejects").mkdir()
    (tmp_path / "rejects" / "hiba.jsonl").write_text('{"half": ', encoding="utf-8")
    assert main(["failures", "--work", str(tmp_path)]) == 1
    assert "hiba.jsonl, line 1 is damaged" in capsys.readouterr().err
