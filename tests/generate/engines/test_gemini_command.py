"""The command with `--engine gemini` on a fake service: killed, out of quota, out of money, out of order."""

import json
import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dermasynth_builder import pipeline
from dermasynth_builder.cli import main
from dermasynth_builder.core.errors import EngineError, StoppedError
from dermasynth_builder.core.options import EngineOptions, PlanOptions, Settings
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.core.signals import heeding_stop_signals
from dermasynth_builder.generate.ledger import Ledger, ledger_path
from dermasynth_builder.generate.run import Run, generate
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from dermasynth_builder.plan import reply_form
from dermasynth_builder.report.cost import pilot_report
from dermasynth_builder.report.cost_text import pilot_text
from tests.support.fake_service import KEY, command, environment, gemini, picture_requests, require_nowhere, run_command
from tests.support.recorder import Recorder

KILLS = 5
FAULTS = {
    **{
        "rate": 0.002,
        "retry-after": 0.002,
        "server": 0.03,
        "overload": 0.02,
        "html": 0.02,
        "drop": 0.02,
        "slow": 0.005,
    },
    **{"cut": 0.02, "broken": 0.02, "fenced": 0.02, "always-broken": 0.01, "always-cut": 0.01, "always-server": 0.01},
    **{"safety": 0.02, "recitation": 0.02, "prompt": 0.02},
}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


def words(raw: Path, folder: Path, url: str, *more: str) -> tuple[str | Path, ...]:
    """`generate` with the engine on that service."""
    given = ("generate", "pad_ufes", "--raw", raw, "--work", folder, "--engine", "gemini", "--base-url", url)
    return (*given, "--look", "off", *more)  # the ways of an engine are the same for looks


def records_in(folder: Path) -> list[dict[str, Any]]:
    """All replies of the only ledger; torn lines are left out."""
    records = []
    for path in (folder / "ledgers").glob("*.jsonl"):
        for line in path.read_bytes().splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            records += [record] if "key" in record else []
    return records


@pytest.mark.slow
def test_all_kinds_of_failures_in_one_run_and_the_totals_add_up(tmp_path: Path) -> None:
    asked = picture_requests(tmp_path, 400)
    run = Run()
    with FakeGemini(seed=3, shares=FAULTS, latency_s=0.005) as fake:
        engine = gemini(fake.url, timeout_s=1.0)
        ledger = Ledger(ledger_path(tmp_path, engine), engine.identity, pytest.fail)
        tally = generate(asked, engine, ledger, run=run)
    assert tally.answered + tally.failed == 400
    assert set(run.failures) == {"blocked", "truncated JSON", "cut off", "server"}
    assert run.failures.total() == tally.failed < 60
    attempts = 0
    for each, reply in ledger.answered(asked):
        assert reply
        attempts += reply.attempts
        assert reply.failure or reply_form.exchanges(each, reply)
    assert attempts == sum(fake.asked.values()) == sum(fake.answered.values())


def start(*given: str | Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command(*given), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)  # another process is what we wait for


@pytest.mark.slow
def test_killed_five_times_it_repeats_no_more_than_was_in_flight(tmp_path: Path) -> None:
    raw, work = write_pad_ufes(tmp_path / "raw", images=300, side_px=16), tmp_path / "build"
    rng = Random(7)  # noqa: S311 - seeded draws, no secret
    with FakeGemini(latency_s=0.05) as fake:
        for turn in range(KILLS):
            before = sum(fake.asked.values())
            process = start(*words(raw, work, fake.url, "--concurrency", "16"))
            goal = before + rng.randint(20, 90)
            wait_until(lambda goal=goal: sum(fake.asked.values()) >= goal)  # type: ignore[misc]  # a loop's own value
            os.kill(process.pid, signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL, turn
        assert run_command(*words(raw, work, fake.url)).returncode == 0
    keys = Counter(record["key"] for record in records_in(work))
    assert len(keys) == len(fake.asked) == 600
    assert sum(fake.asked.values()) - 600 <= KILLS * 16
    assert keys.total() == 600  # what came back before a kill was kept, what did not was asked again


@pytest.mark.slow
def test_the_quota_of_the_day_stops_with_exit_code_3_and_the_run_ends_complete_later(tmp_path: Path) -> None:
    raw, work = write_pad_ufes(tmp_path / "raw", images=60, side_px=16), tmp_path / "build"
    with FakeGemini(latency_s=0.02, per_day=50) as fake:
        stopped = run_command(*words(raw, work, fake.url, "--concurrency", "8"))
        assert stopped.returncode == 3
        assert "midnight Pacific" in stopped.stderr
        assert fake.answered[200] == len(records_in(work)) == 50
        assert fake.answered[429] <= 8
        fake.per_day = None
        assert run_command(*words(raw, work, fake.url)).returncode == 0
    assert len({record["key"] for record in records_in(work)}) == len(records_in(work)) == 120
    require_nowhere([KEY], tmp_path, stopped.stdout, stopped.stderr)


def test_requests_a_day_are_counted_over_all_runs_of_the_day(
    raw: Path, tmp_path: Path, fake: FakeGemini, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(word) for word in words(raw, tmp_path, fake.url, "--rounds", "1", "--rpd", "40")]
    assert main(given) == 3
    capsys.readouterr()
    assert main(given) == 3
    assert "(--rpd 40). Answers are saved. The quota resets at " in capsys.readouterr().err
    assert main([*given, "--thinking", "low"]) == 3  # another ledger, the same quota
    assert sum(fake.asked.values()) == 40
    let_a_day_pass(tmp_path)
    assert main(given) == 0
    assert set(fake.asked.values()) == {1}
    assert len(fake.asked) == len(records_in(tmp_path)) == 60
    assert main([*given[:-1], "20"]) == 0  # spent, and nothing is left to ask


def let_a_day_pass(work: Path) -> None:
    """Makes all replies two days older, one of which may be the longest of the year."""
    before = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    for path in (work / "ledgers").glob("*.jsonl"):
        path.write_text(re.sub(r'(?<="answered_at":")[^"]+', before, path.read_text()))


@pytest.mark.slow
@pytest.mark.parametrize(("number", "ended"), [(signal.SIGINT, 1), (signal.SIGTERM, -15), (signal.SIGHUP, -1)])
def test_a_signal_to_stop_finishes_what_is_under_way_and_a_second_one_drops_it(
    number: signal.Signals, ended: int, tmp_path: Path
) -> None:
    if signal.getsignal(number) is signal.SIG_IGN:  # under nohup, which the command would heed
        signal.signal(number, signal.SIG_DFL)
    raw, work = write_pad_ufes(tmp_path / "raw", images=100, side_px=16), tmp_path / "build"
    with FakeGemini(latency_s=0.3) as fake:
        process = start(*words(raw, work, fake.url, "--concurrency", "10"))
        wait_until(lambda: sum(fake.asked.values()) >= 15)
        process.send_signal(number)
        assert process.wait() == 3
        assert len(records_in(work)) == sum(fake.asked.values()) < 60
        fake.latency_s = 30
        process = start(*words(raw, work, fake.url, "--concurrency", "10"))
        before = sum(fake.asked.values())
        wait_until(lambda: sum(fake.asked.values()) >= before + 10)
        process.send_signal(number)
        time.sleep(0.2)  # a person's second press
        process.send_signal(number)
        assert process.wait(timeout=5) == ended


def test_a_hang_up_that_is_ignored_stays_so() -> None:
    stopped: list[int] = []
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with heeding_stop_signals(lambda: stopped.append(1)):
            signal.raise_signal(signal.SIGHUP)
            assert stopped == []
            signal.raise_signal(signal.SIGTERM)
            assert stopped == [1]
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def settings_of(raw: Path, work: Path, url: str, **changes: object) -> Settings:
    options = EngineOptions(base_url=url, concurrency=8)
    one_round = PlanOptions(rounds=1, look="off")  # so that machines that share a run need not wait for each other
    settings = Settings(
        raw={"pad_ufes": raw}, work=work, engine="gemini", engine_options=options, plan_options=one_round
    )
    return replace(settings, **changes)  # type: ignore[arg-type]  # a test's own changes


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pad_ufes(tmp_path_factory.mktemp("raw"), images=30, side_px=16)


@pytest.fixture
def fake() -> Iterator[FakeGemini]:
    with FakeGemini(latency_s=0.005) as running:
        yield running


def ask(settings: Settings, report: SilentReporter) -> None:
    pipeline.ask(pipeline.plan(settings, report), settings, report)


def test_the_cap_is_passed_by_no_more_than_what_is_under_way(
    raw: Path, tmp_path: Path, fake: FakeGemini, recorder: Recorder
) -> None:
    settings = settings_of(raw, tmp_path, fake.url, max_usd=0.02)
    with pytest.raises(StoppedError, match=r"--max-usd 0\.02 is reached"):
        ask(settings, recorder)
    costs = [record["cost_usd"] for record in records_in(tmp_path)]
    first = sum(costs)
    assert 0.02 <= first <= 0.02 + 8 * max(costs)
    assert len(costs) < 60
    assert f"{first:.4f} USD" in recorder.said[-1]
    with pytest.raises(StoppedError, match="is reached"):  # the ledger's money, not the run's
        ask(settings, recorder)
    assert sum(record["cost_usd"] for record in records_in(tmp_path)) == first
    ask(replace(settings, max_usd=1.0), recorder)
    assert len(records_in(tmp_path)) == 60


def test_a_cap_is_not_taken_for_kept_where_no_price_is_known(tmp_path: Path, fake: FakeGemini) -> None:
    engine = gemini(fake.url, concurrency=8)
    ledger = Ledger(ledger_path(tmp_path, engine), engine.identity, pytest.fail)
    with pytest.raises(EngineError, match=r"the price of gemini-3.5-flash-lite is unknown"):
        generate(picture_requests(tmp_path, 20), engine, ledger, run=Run(max_usd=0.2))
    assert len(ledger) <= 8


def test_a_changed_model_stops_the_run_unless_it_is_allowed(
    raw: Path, tmp_path: Path, fake: FakeGemini, recorder: Recorder
) -> None:
    settings = settings_of(raw, tmp_path, fake.url, shard=(1, 2))
    ask(settings, recorder)
    fake.shares = {"version": 1.0}
    whole = replace(settings, shard=(1, 1))
    with pytest.raises(EngineError, match=r"-fake-changed answers instead of .*-fake; .* --allow-version-change"):
        ask(whole, recorder)
    changed = [record for record in records_in(tmp_path) if record["failure"]]
    assert 1 <= len(changed) <= 8
    assert all(record["failure"].startswith("version changed") and record["cost_usd"] for record in changed)
    ask(replace(whole, is_version_change_allowed=True, is_failed_wanted=True), recorder)
    assert len({record["key"] for record in records_in(tmp_path) if record["text"]}) == 60


@pytest.mark.slow
def test_machines_share_a_run_and_their_ledgers_are_joined_exactly_once(
    raw: Path, tmp_path: Path, fake: FakeGemini, recorder: Recorder
) -> None:
    for number in (1, 2, 3):
        ask(settings_of(raw, tmp_path / f"m{number}", fake.url, shard=(number, 3)), recorder)
    assert set(fake.asked.values()) == {1}
    ledgers = sorted(tmp_path.glob("m*/ledgers/*.jsonl"))
    merged = run_command("merge", *ledgers, "--work", tmp_path / "all")
    spent = sum(record["cost_usd"] for record in records_in(tmp_path / "all"))
    assert merged.stdout.startswith("60 replies added, 0 there already")
    merged = run_command("merge", *ledgers, "--work", tmp_path / "all")
    assert merged.stdout.startswith(f"0 replies added, 60 there already ({spent:.4f} USD)")
    ask(settings_of(raw, tmp_path / "all", fake.url), recorder)
    assert recorder.said[-1].startswith("0 answered, 0 failed, 60 known")
    status = run_command("status", "--work", tmp_path / "all").stdout
    assert "60 answers of gemini-3.5-flash-lite-fake" in status
    assert f"cost: ${spent:.4f} for all replies" in status
    other = settings_of(raw, tmp_path / "other", fake.url)
    ask(replace(other, engine_options=replace(other.engine_options, thinking="low")), recorder)
    refused = run_command("merge", *ledgers, *tmp_path.glob("other/ledgers/*.jsonl"), "--work", tmp_path / "all")
    assert refused.returncode == 1
    assert "ledgers of different settings cannot be merged: thinking not set (" in refused.stderr


def test_a_pilot_of_an_engine_without_a_model_tells_that_nothing_is_paid(
    raw: Path, tmp_path: Path, parrot: None, recorder: Recorder
) -> None:
    settings = Settings(raw={"pad_ufes": raw}, work=tmp_path, engine="parrot", pilot=5)
    ask(settings, recorder)
    told = pilot_text(pilot_report(pipeline.plan(settings, recorder), settings))
    assert told == "no model is asked: 60 requests cost nothing"


def test_a_pilot_asks_so_many_and_tells_what_all_will_cost(
    raw: Path, tmp_path: Path, fake: FakeGemini, recorder: Recorder
) -> None:
    settings = replace(settings_of(raw, tmp_path, fake.url), pilot=20)
    ask(settings, recorder)
    assert len(records_in(tmp_path)) == sum(fake.asked.values()) == 20
    told = pilot_text(pilot_report(pipeline.plan(settings, recorder), settings))
    assert "20 requests answered" in told
    assert "60 such requests: $" in told
    piloted = sum(record["cost_usd"] for record in records_in(tmp_path))
    ask(replace(settings, pilot=None), recorder)
    assert set(fake.asked.values()) == {1}
    whole = sum(record["cost_usd"] for record in records_in(tmp_path))
    assert piloted / 20 * 60 == pytest.approx(whole, rel=0.1)
    pairs = list(pipeline.pairs(replace(settings, pilot=None), recorder))
    published = sum(pair.cost_usd or 0 for pair in pairs)
    assert 0.9 * whole < published <= whole * (1 + 1e-6)  # random words: a check rejects some
