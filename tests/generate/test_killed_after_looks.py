"""`kill -9` once images were looked at, while their questions are asked: no look is lost, none is asked anew."""

import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from tests.generate.engines.test_batch_command import STEPS, kill_at
from tests.generate.engines.test_gemini_command import records_in, start, wait_until
from tests.support.fake_service import KEY, run_command
from tests.support.watched_gemini import WatchedGemini

IMAGES, CONCURRENCY, KILLS = 12, 4, 3
OWN_WORDS = {
    "gemini": ("--concurrency", str(CONCURRENCY)),
    "gemini_batch": ("--batch-rows", "9", "--poll", "0.02"),
}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return write_pad_ufes(tmp_path / "raw", images=IMAGES, side_px=16)


def words(engine: str, raw: Path, work: Path, url: str) -> tuple[str | Path, ...]:
    given = ("generate", "pad_ufes", "--raw", raw, "--work", work, "--engine", engine, "--base-url", url)
    return (*given, "--look", "first", "--rounds", "1", *OWN_WORDS[engine])


def frozen_looks(work: Path) -> Path | None:
    """The file of what was seen, which is written when the questions begin."""
    return next(work.rglob("*-look.json"), None)


def kill(process: Any) -> None:
    assert process.poll() is None, "it ended before it could be killed"
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def texts_in(work: Path) -> dict[str, str]:
    """The answers of the only ledger by their keys, each of which it holds once."""
    records = records_in(work)
    assert Counter(record["key"] for record in records).most_common(1)[0][1] == 1
    return {record["key"]: record["text"] for record in records}


def calm(engine: str, raw: Path, work: Path) -> tuple[dict[str, str], bytes]:
    """The answers, and what was seen, of a run that nobody kills."""
    with FakeGemini(seed=2) as fake:
        assert run_command(*words(engine, raw, work, fake.url)).returncode == 0
        assert set(fake.asked.values()) == {1}
    seen = frozen_looks(work)
    assert seen
    return texts_in(work), seen.read_bytes()


@pytest.mark.slow
def test_online_a_run_killed_among_its_questions_asks_no_look_again_and_ends_as_if_it_was_not(
    raw: Path, tmp_path: Path
) -> None:
    work = tmp_path / "killed"
    with FakeGemini(seed=2, latency_s=0.05) as fake:
        given = words("gemini", raw, work, fake.url)
        for _ in range(KILLS):
            before = sum(fake.asked.values())
            process = start(*given)
            wait_until(lambda: frozen_looks(work) is not None)
            goal = max(IMAGES, before) + 2
            wait_until(lambda goal=goal: sum(fake.asked.values()) >= goal)  # type: ignore[misc]  # a loop's own value
            kill(process)
        assert run_command(*given).returncode == 0
        repeated = [digest for digest, count in fake.asked.items() if count > 1]
        assert len(fake.asked) == len(texts_in(work)) > 2 * IMAGES  # a look, and of fit images two questions
        assert len(repeated) <= KILLS * CONCURRENCY
        assert len(set(list(fake.asked)[:IMAGES]) & set(repeated)) == 0, "a look was asked again"
    seen = frozen_looks(work)
    assert seen
    assert (texts_in(work), seen.read_bytes()) == calm("gemini", raw, tmp_path / "calm")


@pytest.mark.slow
def test_in_batches_a_run_killed_at_every_step_of_its_questions_hands_nothing_in_twice(
    raw: Path, tmp_path: Path
) -> None:
    work = tmp_path / "killed"
    with WatchedGemini(seed=2) as fake:
        given = words("gemini_batch", raw, work, fake.url)
        process = start(*given)
        wait_until(lambda: frozen_looks(work) is not None)
        kill(process)
        for step in STEPS:
            kill_at(step, fake, given)
        assert run_command(*given).returncode == 0
        assert set(fake.created.values()) == {1}
        assert set(fake.asked.values()) == {1}
        assert len(fake.asked) == len(texts_in(work)) > 2 * IMAGES  # a look, and of fit images two questions
    seen = frozen_looks(work)
    assert seen
    assert (texts_in(work), seen.read_bytes()) == calm("gemini_batch", raw, tmp_path / "calm")
