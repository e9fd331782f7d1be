"""`dermasynth fake-gemini` as a process of its own, and how the engine `gemini_batch` gets through its faults."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dermasynth_builder.generate.run import Run
from dermasynth_builder.plan import reply_form
from tests.support.batches import gemini_batch, shards_of
from tests.support.fake_service import KEY, by_key, command, environment, picture_requests


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


@contextmanager
def fake_gemini(*words: str) -> Iterator[str]:
    """The address at which the command says that it serves."""
    given = command("fake-gemini", "--port", "0", *words)
    with subprocess.Popen(given, env=environment(PYTHONUNBUFFERED="1"), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            told = re.search(r"http://\S+:\d+", process.stdout.readline())
            assert told
            yield told[0]
        finally:
            process.kill()


@pytest.mark.slow
def test_jobs_that_end_badly_and_rows_that_fail_are_settled_by_the_batch_engine(tmp_path: Path) -> None:
    asked = picture_requests(tmp_path, 40)
    faults = ("job-expired=0.3", "job-failed=0.2", "safety=0.2", "server=0.2")
    with fake_gemini("--seed", "3", *(word for fault in faults for word in ("--fault", fault))) as url:
        got = by_key(gemini_batch(url, tmp_path).answer(asked, Run()))
    assert got.keys() == {each.key for each in asked}
    notes = " ".join(shard.note for shard in shards_of(tmp_path))
    assert all(f"batch: {state}; sent again" in notes for state in ("EXPIRED", "FAILED"))
    answered = [each for each in asked if not got[each.key].failure]
    assert all(reply_form.exchanges(each, got[each.key]) for each in answered)
    assert 20 < len(answered) < 40
    kinds = {str(reply.failure).partition(":")[0] for reply in got.values() if reply.failure}
    assert kinds == {"blocked", "batch"}  # rows that are blocked, and those whose jobs ended badly four times


def test_jobs_that_take_many_looks_and_a_full_queue_are_waited_for(tmp_path: Path) -> None:
    notes: list[str] = []
    with fake_gemini("--job-looks", "6", "--job-tokens", str(5 * 1200)) as url:
        run = Run()
        run.advance = lambda _: notes.append(run.note)
        got = by_key(gemini_batch(url, tmp_path).answer(picture_requests(tmp_path, 10), run))
    assert {reply.failure for reply in got.values()} == {None}
    assert len(got) == 10
    assert notes.count("shards: 1 running, 1 the queue is full") > 3  # the first; the second goes when it is done
    assert notes.count("shards: 1 running") > 3
