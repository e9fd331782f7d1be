"""What is paid in a batch is never thrown away and never paid twice unasked: rows in, rows back, dollars."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder.core.errors import DermaSynthError, EngineError, UnansweredError
from dermasynth_builder.core.records import Request
from dermasynth_builder.generate.engines.batch.state import ShardState
from dermasynth_builder.generate.ledger import Ledger, ledger_path
from dermasynth_builder.generate.run import Run, Tally, generate
from tests.support.batches import Hours, gemini_batch, shards_of
from tests.support.fake_service import KEY, picture_requests
from tests.support.watched_gemini import WatchedGemini

ROWS = 12  # in shards of 5, 5 and 2


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


@dataclass
class Work:
    """One working folder, run again and again."""

    folder: Path
    fake: WatchedGemini
    asked: list[Request]

    def run(self, clock: Hours | None = None, **batch: object) -> Tally:
        engine = gemini_batch(self.fake.url, self.folder / "batches", clock, **batch)  # type: ignore[arg-type]  # a test's own options
        return generate(self.asked, engine, self.ledger(), run=Run())

    def ledger(self) -> Ledger:
        engine = gemini_batch(self.fake.url, self.folder / "batches")
        return Ledger(ledger_path(self.folder, engine), engine.identity, pytest.fail)

    @property
    def answered(self) -> int:
        return sum(reply is not None and reply.text is not None for _, reply in self.ledger().answered(self.asked))

    def require_whole(self, times: int = 1) -> None:
        """Each row is answered once, and all dollars are in the ledger."""
        assert self.answered == ROWS
        assert set(self.fake.asked.values()) <= set(range(1, times + 1))
        assert len(self.ledger().path.read_bytes().splitlines()) == 1 + ROWS
        assert self.ledger().spent_usd == 0.5 * ROWS


@pytest.fixture
def work(tmp_path: Path) -> Any:
    with WatchedGemini() as fake:
        yield Work(tmp_path, fake, picture_requests(tmp_path, ROWS))


def first_of(results: bytes, how: Callable[[bytes], bytes]) -> bytes:
    """Only the shards of five rows are spoiled, and of those the first row."""
    first, *rest = results.splitlines(keepends=True)
    return b"".join([how(first), *rest]) if len(rest) == 4 else results


ODD: dict[str, Callable[[bytes], bytes]] = {
    "half": lambda results: results[: len(results) // 2],
    "empty": lambda _: b"",
    "a page": lambda _: b"<html>a page</html>",
    "first row lacks": lambda results: first_of(results, lambda _: b""),
    "first row torn": lambda results: first_of(results, lambda row: row[:-9] + b"\n"),
    "first row an array": lambda results: first_of(results, lambda _: b"[1]\n"),
    "first row without response": lambda results: first_of(
        results, lambda row: json.dumps({"key": key_of(row)}).encode() + b"\n"
    ),
    "first row's candidates a number": lambda results: first_of(
        results, lambda row: json.dumps({"key": key_of(row), "response": {"candidates": 5}}).encode() + b"\n"
    ),
    "first row of another key": lambda results: first_of(results, lambda row: row.replace(b'"key": "', b'"key": "x')),
    "first row nested": lambda results: first_of(results, lambda _: b"[" * 100_000 + b"\n"),
}  # fmt: skip


def key_of(row: bytes) -> str:
    return str(json.loads(row)["key"])


@pytest.mark.parametrize("how", ODD)
def test_results_that_are_odd_for_a_while_are_waited_for_and_nothing_is_paid_twice(how: str, work: Work) -> None:
    work.fake.spoil = ODD[how]
    clock = Hours(strike=lambda waits: setattr(work.fake, "spoil", bytes) if waits == 5 else None)
    work.run(clock)
    work.require_whole()
    assert {shard.state for shard in shards_of(work.folder)} == {"done"}
    assert not work.fake.batches.files
    assert not work.fake.batches.jobs


@pytest.mark.parametrize("how", ODD)
def test_results_that_stay_odd_are_held_told_and_never_deleted_and_paid_again_only_when_asked(
    how: str, work: Work
) -> None:
    work.fake.spoil = ODD[how]
    with pytest.raises(UnansweredError, match=r"add --pay-again") as raised:
        work.run()
    held = [shard for shard in shards_of(work.folder) if shard.state is ShardState.HELD]
    assert held
    assert all(f"shard {shard.number}" in str(raised.value) for shard in held)
    assert all(f"{shard.rows - 1 if 'first' in how else ''}" in shard.note for shard in held)
    assert {shard.job for shard in held} <= set(work.fake.batches.jobs)
    in_ledger = work.answered
    if "first" in how:
        assert in_ledger == ROWS - len(held)
    with pytest.raises(UnansweredError):
        work.run()  # without the flag nothing is asked
    assert set(work.fake.asked.values()) == {1}
    work.fake.spoil = bytes
    work.run(is_paying_again=True)  # they can be had by now, and so are not paid again
    work.require_whole()


@pytest.mark.parametrize("status", [403, 404, 500])
def test_results_that_are_forbidden_or_gone_are_held_until_they_can_be_had_or_paid_again(
    status: int, work: Work
) -> None:
    work.fake.download = status
    with pytest.raises(UnansweredError, match="no file for you"):
        work.run()
    assert (work.answered, set(work.fake.asked.values())) == (0, {1})
    assert len(work.fake.batches.jobs) == 3
    work.fake.download = 200
    work.run()
    work.require_whole()


def test_what_is_gone_for_good_is_paid_again_when_the_user_says_so(work: Work) -> None:
    work.fake.download = 404

    def mend(waits: int) -> None:
        work.fake.download = 200 if work.fake.batches.made > 6 else 404

    with pytest.raises(UnansweredError):
        work.run()
    work.run(Hours(strike=mend), is_paying_again=True)
    assert work.answered == ROWS
    assert set(work.fake.asked.values()) == {2}


def test_a_file_that_is_missing_in_one_job_stops_no_other(work: Work) -> None:
    work.fake.listed = without_output
    with pytest.raises(UnansweredError, match="the job names no file of results"):
        work.run()
    assert work.answered == ROWS - 5
    work.fake.listed = lambda page: page
    work.run()
    work.require_whole()


def test_jobs_that_fail_one_after_the_other_end_the_run_with_the_services_words(work: Work) -> None:
    work.fake.batches.ending = lambda _: "FAILED"
    work.fake.listed = lambda page: with_error(page, "the model does not take batches")
    with pytest.raises(EngineError, match=r"jobs in a row came to nothing.*the model does not take batches"):
        work.run()
    assert len(work.fake.created) <= 3 + 3 * 2
    work.fake.batches.ending = lambda _: "SUCCEEDED"
    work.fake.listed = lambda page: page
    work.run()
    work.require_whole()


def without_output(page: dict[str, Any]) -> dict[str, Any]:
    """That of the first shard is away."""
    for each in page.get("operations", []):
        if each["metadata"]["displayName"].endswith("/1/1"):
            each["metadata"].pop("output", None)
    return page


def with_error(page: dict[str, Any], message: str) -> dict[str, Any]:
    for each in page.get("operations", []):
        each["error"] = {"code": 9, "message": message}
    return page


def test_a_job_that_the_user_cancelled_stays_cancelled_until_asked_for(work: Work) -> None:
    work.fake.batches.looks_until_ended = 4

    def cancel(waits: int) -> None:
        if waits == 1:
            next(iter(work.fake.batches.jobs.values())).state = "CANCELLED"

    with pytest.raises(UnansweredError, match="CANCELLED"):
        work.run(Hours(strike=cancel))
    assert work.answered == ROWS - 5
    with pytest.raises(UnansweredError):
        work.run()
    assert len(work.fake.created) == 3
    work.run(is_paying_again=True)
    work.require_whole()


def test_a_job_that_vanishes_is_held_and_asked_again_only_when_the_user_says_so(work: Work) -> None:
    clock = Hours(strike=lambda waits: work.fake.batches.jobs.clear() if waits == 1 else None)
    with pytest.raises(UnansweredError, match="the job is gone"):
        work.run(clock)
    assert not work.answered
    work.run(is_paying_again=True)
    work.require_whole()


@pytest.mark.parametrize("is_answered", [True, False], ids=["answered", "answer lost"])
def test_a_list_that_lags_hands_nothing_in_twice(is_answered: bool, work: Work) -> None:
    work.fake.unlisted = 6
    if not is_answered:
        work.fake.created_as = lambda _: b'{"name": 5}'
    work.run(Hours(step_s=100.0))  # ten minutes
    assert set(work.fake.created.values()) == {1}
    work.require_whole()


def test_one_odd_job_among_others_hides_none(work: Work) -> None:
    odd: list[Any] = [None, 5, {"name": 7}, {"name": "batches/x", "metadata": []}, {"metadata": {"state": ["RUNNING"]}}]
    work.fake.listed = lambda page: page | {"operations": [*odd, *page.get("operations", [])]}
    work.run()
    work.require_whole()


def test_a_revoked_key_ends_the_run_and_the_next_one_completes(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "wrong")
    with pytest.raises(DermaSynthError, match="API key not valid"):
        work.run()
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    work.run()
    work.require_whole()
    assert Counter(shard.state for shard in shards_of(work.folder)) == {"done": 3}
