"""A disk that is full at any point: the command says so, and once there is room the same command completes."""

import json
import resource
import subprocess
from pathlib import Path

import pytest

from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from tests.support.fake_service import command, environment

CONCURRENCY, REQUESTS = 4, 16


def ran(words: list[str], most_bytes: int | None) -> tuple[int, str]:
    """The command where no file may grow beyond so many bytes: as on a full disk, but for the name of the error."""

    def limit() -> None:
        if most_bytes:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    done = subprocess.run(
        words, env=environment(), capture_output=True, text=True, check=False, preexec_fn=limit
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["gemini", "gemini_batch"])
@pytest.mark.parametrize("most_bytes", [1_000, 6_000, 12_000, 30_000, 60_000])
def test_a_full_disk_is_told_and_nothing_that_was_kept_is_paid_again(
    most_bytes: int, engine: str, tmp_path: Path
) -> None:
    raw, work, out = write_pad_ufes(tmp_path / "raw", images=8, side_px=64), tmp_path / "work", tmp_path / "out"
    with FakeGemini() as fake:
        asked = ("--engine", engine, "--base-url", fake.url, "--poll", "0.02", "--concurrency", str(CONCURRENCY))
        where = ("--raw", raw, "--work", work, "--out", out, "--look", "off", "--partial")
        words = command("build", "pad_ufes", *where, *asked)
        code, told = ran(words, most_bytes)
        assert code == 1, told
        assert "Traceback" not in told
        assert "check that the disk has room" in told or "make room on the disk" in told
        assert not out.exists()
        code, told = ran(words, None)
        assert code == 0, told
        assert REQUESTS <= fake.asked.total() <= REQUESTS + CONCURRENCY
    ledgers = [path.read_bytes().splitlines() for path in work.rglob("ledgers/*.jsonl")]
    keys = [json.loads(line)["key"] for lines in ledgers for line in lines[1:] if line.endswith(b"}")]
    assert len(keys) == len(set(keys)) == REQUESTS
