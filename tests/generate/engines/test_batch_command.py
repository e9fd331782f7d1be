"""The command with `--engine gemini_batch` on a fake service: killed between its steps, looked at, cancelled."""

import os
import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import pytest

from dermasynth_builder import pipeline
from dermasynth_builder.core.errors import EngineError, StoppedError
from dermasynth_builder.core.options import BatchOptions, EngineOptions, PlanOptions, Settings
from dermasynth_builder.core.protocols import EngineRun
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.generate.engines.batch import GeminiBatchEngine
from dermasynth_builder.generate.ledger import Ledger, ledger_path
from dermasynth_builder.generate.prices import Tier, cost_usd, load_prices
from dermasynth_builder.generate.run import Run, generate
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from tests.generate.engines.test_gemini_command import records_in, start, wait_until
from tests.support.batches import gemini_batch, shards_of
from tests.support.fake_service import KEY, picture_requests, require_nowhere, run_command
from tests.support.recorder import Recorder
from tests.support.watched_gemini import WatchedGemini

STEPS = ("upload", "creating", "created", "list", "download")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


def words(raw: Path, work: Path, url: str, *more: str) -> tuple[str | Path, ...]:
    given = ("generate", "pad_ufes", "--raw", raw, "--work", work, "--engine", "gemini_batch", "--base-url", url)
    return (*given, "--rounds", "1", "--batch-rows", "9", "--poll", "0.02", *more)


def kill_at(step: str, fake: WatchedGemini, given: Iterable[str | Path]) -> None:
    """Starts the command and kills it when the service has its call and has not answered."""
    before = fake.reached[step]
    fake.held.add(step)
    process = start(*given)
    wait_until(lambda: fake.reached[step] > before or process.poll() is not None)
    assert process.poll() is None, f"it ended before {step}"
    jobs = fake.created.total()
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    fake.held.clear()
    if step == "creating":
        wait_until(lambda: fake.created.total() > jobs)  # the service had the call: it makes the job


@pytest.mark.slow
def test_killed_at_every_step_no_shard_gets_a_second_job_and_the_rows_are_exact(tmp_path: Path) -> None:
    raw, work = write_pad_ufes(tmp_path / "raw", images=12, side_px=16), tmp_path / "build"
    with WatchedGemini() as fake:
        given = words(raw, work, fake.url)
        for step in STEPS:
            kill_at(step, fake, given)
        done = run_command(*given)
        assert done.returncode == 0, done.stderr
        assert set(fake.created.values()) == {1}
        assert len(fake.created) == 5  # two of looks, three of questions
        jobs, asked = fake.batches.made, fake.asked.copy()
        again = run_command(*given)
        assert (fake.batches.made, fake.asked) == (jobs, asked)
    assert f"0 answered, 0 failed, {len(asked)} known from before" in again.stdout
    assert Counter(record["key"] for record in records_in(work)).most_common(1)[0][1] == 1
    assert len(records_in(work)) == len(asked) == asked.total() > 2 * 12  # a look, and of fit images two questions
    require_nowhere([KEY], tmp_path, done.stdout, done.stderr)


@pytest.mark.slow
def test_killed_while_overdue_rows_are_asked_online_it_repeats_no_more_than_was_in_flight(tmp_path: Path) -> None:
    raw, work = write_pad_ufes(tmp_path / "raw", images=12, side_px=16), tmp_path / "build"
    goals = (3, 10, 20)  # requests that the service has met: in the first, the second and the third shard
    with WatchedGemini(latency_s=0.1) as fake:
        fake.batches.looks_until_ended = 10**6
        given = words(raw, work, fake.url, "--look", "off", "--deadline", "0.00001", "--concurrency", "4")
        for goal in goals:
            process = start(*given)
            wait_until(lambda goal=goal: len(fake.asked) >= goal)  # type: ignore[misc]  # a loop's own value
            process.kill()
            assert process.wait() == -signal.SIGKILL
        done = run_command(*given)
        assert done.returncode == 0, done.stderr
        assert list(fake.created.values()) == [1, 1, 1]
        again = run_command(*given)
        assert fake.batches.made == 6  # a file and a job a shard
    assert "0 answered, 0 failed, 24 known from before" in again.stdout
    records = records_in(work)
    assert len({record["key"] for record in records}) == len(records) == len(fake.asked) == 24
    assert fake.asked.total() <= 24 + 4 * len(goals)
    assert {record["parameters"]["tier"] for record in records} == {"standard"}
    spent = sum(record["cost_usd"] for record in records)
    assert f"cost: ${spent:.4f} for all replies" in run_command("status", "--work", work).stdout


@pytest.mark.parametrize(("deadline_h", "tier"), [(None, "batch"), (1e-9, "standard")])
def test_what_comes_in_a_batch_or_online_is_paid_as_the_price_table_says(
    tmp_path: Path, recorder: Recorder, deadline_h: float | None, tier: Tier
) -> None:
    with WatchedGemini() as fake:
        fake.batches.looks_until_ended = 10**6 if deadline_h else 1
        settings = Settings(
            raw={"pad_ufes": write_pad_ufes(tmp_path / "raw", images=6, side_px=16)},
            work=tmp_path / "build",
            engine="gemini_batch",
            engine_options=EngineOptions(base_url=fake.url, batch=BatchOptions(poll_s=0.02, deadline_h=deadline_h)),
            plan_options=PlanOptions(rounds=1, look="off"),
        )
        pipeline.ask(pipeline.plan(settings, recorder), settings, recorder)
    records, table = records_in(settings.work), load_prices()
    assert len(records) == 12
    for record in records:
        assert record["parameters"]["tier"] == tier
        whole = cost_usd(record["model"], record["usage"], tier="standard", on=date.today(), table=table)
        assert whole
        assert record["cost_usd"] == pytest.approx(whole * table.factors[tier])


@pytest.mark.slow
def test_status_shows_shards_and_cancel_ends_their_jobs(tmp_path: Path) -> None:
    raw, work = write_pad_ufes(tmp_path / "raw", images=12, side_px=16), tmp_path / "build"
    with WatchedGemini() as fake:
        fake.batches.looks_until_ended = 10**6
        given = words(raw, work, fake.url, "--look", "off")
        process = start(*given)
        wait_until(lambda: len(fake.batches.jobs) == 3)
        refused = run_command("cancel", "--work", work, "--base-url", fake.url)
        assert refused.returncode == 1
        assert "another process works with" in refused.stderr
        process.kill()
        process.wait()
        shown = run_command("status", "--work", work).stdout
        assert "24 rows submitted" in shown
        assert all(f"{name}  RUNNING" in shown for name in list(fake.batches.jobs)[:2])
        cancelled = run_command("cancel", "--work", work, "--base-url", fake.url)
        assert cancelled.stdout.endswith("24 rows withdrawn; `dermasynth generate` asks them again\n")
        assert {job.state for job in fake.batches.jobs.values()} == {"CANCELLED"}
        assert {shard.state for shard in shards_of(work)} == {"cancelled"}
        fake.batches.looks_until_ended = 1
        assert run_command(*given).returncode == 0
    assert len(records_in(work)) == 24


class BreakingOff:
    """Gives three replies and no more."""

    def __init__(self, inner: GeminiBatchEngine) -> None:
        self.inner = inner
        self.name, self.identity = inner.name, inner.identity

    is_model = True

    def answer(self, requests: Iterable[Request], run: EngineRun) -> Iterator[Reply]:
        replies = self.inner.answer(requests, run)
        for _ in range(3):
            yield next(replies)
        replies.close()  # type: ignore[attr-defined]  # a generator
        raise EngineError("broken off")


def test_a_run_that_breaks_off_as_overdue_rows_come_in_online_keeps_each_row_once(tmp_path: Path) -> None:
    asked = picture_requests(tmp_path, 12)
    with WatchedGemini() as fake:
        fake.batches.looks_until_ended = 10**6
        engine = BreakingOff(gemini_batch(fake.url, tmp_path / "batches", deadline_h=5.5))
        ledger = Ledger(ledger_path(tmp_path, engine), engine.identity, pytest.fail)
        with pytest.raises(EngineError):
            generate(asked, engine, ledger)
        tally = generate(asked, engine.inner, ledger)
    assert (tally.known, tally.answered, tally.failed) == (3, 9, 0)
    assert len(ledger.path.read_bytes().splitlines()) == 1 + 12
    assert ledger.spent_usd == 12


def test_a_cap_holds_for_overdue_rows_too_and_a_higher_one_goes_on(tmp_path: Path) -> None:
    asked = picture_requests(tmp_path, 20)
    with WatchedGemini() as fake:
        fake.batches.looks_until_ended = 10**6
        engine = gemini_batch(fake.url, tmp_path / "batches", deadline_h=5.5)
        ledger = Ledger(ledger_path(tmp_path, engine), engine.identity, pytest.fail)
        with pytest.raises(StoppedError, match="--max-usd 7 is reached"):
            generate(asked, engine, ledger, run=Run(max_usd=7))
        assert 7 <= ledger.spent_usd <= 10  # a dollar a request, and five are under way at most
        generate(asked, engine, ledger, run=Run(max_usd=100))
    assert set(fake.asked.values()) == {1}
    assert ledger.spent_usd == fake.asked.total() == 20


def test_a_run_that_breaks_off_while_rows_come_in_keeps_each_row_once(tmp_path: Path) -> None:
    asked = picture_requests(tmp_path, 12)
    with WatchedGemini(shares={"safety": 0.3}) as fake:
        engine = BreakingOff(gemini_batch(fake.url, tmp_path / "batches"))
        ledger = Ledger(ledger_path(tmp_path, engine), engine.identity, pytest.fail)
        with pytest.raises(EngineError):
            generate(asked, engine, ledger)
        assert len(ledger) == 3
        run, advanced = Run(is_failed_wanted=True), list[int]()
        generate(asked, engine.inner, ledger, run=run, advance=advanced.append)
    assert sum(advanced) == 12
    assert {reply.key for _, reply in ledger.answered(asked) if reply} == {each.key for each in asked}
    lines = ledger.path.read_bytes().splitlines()[1:]
    assert len(lines) == fake.asked.total()
