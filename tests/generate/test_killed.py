"""`kill -9` in the middle of `generate`: the next run goes on, and the release is the same to the byte."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes

KILLS = 5
RUN = "from dermasynth_builder.cli import main; raise SystemExit(main())"


def command(name: str, raw: Path, folder: Path) -> list[str]:
    folders = ("--raw", str(raw), "--work", str(folder / "build"))
    out = ("--out", str(folder / "dermasynth"))
    return [sys.executable, "-c", RUN, name, "pad_ufes", *folders, *out]


def build(raw: Path, folder: Path) -> None:
    subprocess.run(command("build", raw, folder), check=True, capture_output=True)


def ledger_of(folder: Path) -> Path | None:
    return next(iter((folder / "build" / "ledgers").glob("*.jsonl")), None)


def size_of(ledger: Path | None) -> int:
    return ledger.stat().st_size if ledger else 0


def content_of(folder: Path) -> bytes:
    ledger = ledger_of(folder)
    return ledger.read_bytes() if ledger else b""


def generate_and_kill(raw: Path, folder: Path, at_bytes: int) -> None:
    """Starts `generate` and kills it once it has written and the ledger has that size."""
    before = size_of(ledger_of(folder))
    process = subprocess.Popen(command("generate", raw, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while size_of(ledger_of(folder)) < max(at_bytes, before + 1):
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.0005)  # there is nothing to wait on but the file's size
    finally:
        os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def keys_in(folder: Path) -> tuple[Counter[str], int]:
    """How often each key is in the ledger, and how many lines are torn."""
    keys: Counter[str] = Counter()
    torn = 0
    for line in content_of(folder).split(b"\n")[:-1]:
        try:
            record = json.loads(line)
        except ValueError:
            torn += 1
        else:
            keys.update([record["key"]] if "key" in record else [])
    return keys, torn


def digests_of(release: Path) -> dict[str, str]:
    """sha256 of every file of the release, by its path."""
    files = [path for path in release.rglob("*") if path.is_file()]
    return {path.relative_to(release).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.slow
def test_a_build_that_was_killed_five_times_equals_one_that_was_not(tmp_path: Path) -> None:
    raw = write_pad_ufes(tmp_path / "raw", images=400, side_px=16)
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    build(raw, calm)
    whole = size_of(ledger_of(calm))
    rng = Random(5)  # noqa: S311 - seeded draws, no secret
    for turn in range(KILLS):
        before = content_of(killed)
        generate_and_kill(raw, killed, at_bytes=int(whole * (turn + rng.random()) / (KILLS + 2)))
        assert len(before) < len(content_of(killed)) < whole
        assert content_of(killed).startswith(before)
    before = content_of(killed)
    build(raw, killed)
    assert content_of(killed).startswith(before)
    assert digests_of(killed / "dermasynth") == digests_of(calm / "dermasynth")
    assert {"README.md"} < set(digests_of(calm / "dermasynth"))
    keys, torn = keys_in(killed)
    assert set(keys) == set(keys_in(calm)[0])
    assert len(keys) == 800
    assert keys.total() - len(keys) <= KILLS  # what was in flight may be answered twice
    assert torn <= KILLS
