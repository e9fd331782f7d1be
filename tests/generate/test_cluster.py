"""`examples/cluster.py` on this machine: two workers of Ray and of datatrove, one of which is killed."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import pytest

from dermasynth_builder.core.errors import LedgerError
from dermasynth_builder.core.files import lock_beside, private
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from dermasynth_builder.plan.looks import UNUSABLE
from examples import cluster
from tests.support.fake_service import environment
from tests.support.paths import ROOT

IMAGES, REQUESTS = 400, 800
PYTHON = os.environ.get("DERMASYNTH_CLUSTER_PYTHON", sys.executable)
CONCURRENCY = 8


def require(package: str) -> None:
    """Skips where the interpreter does not have it."""
    if subprocess.run([PYTHON, "-c", f"import {package}"], capture_output=True, check=False).returncode:
        pytest.skip(f"{package} is not installed; `make test-clusters` sets up what is needed")


def words_of(raw: Path, fake: FakeGemini, look: str = "off") -> tuple[str | Path, ...]:
    """What `generate` is given."""
    return ("pad_ufes", "--raw", raw, "--engine", "openai", "--model", "any", "--base-url", fake.url, "--look", look)


def asking(shard: str, folder: Path) -> int | None:
    """The process that asks this part into a folder."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "generate" in words and shard in words and any(word.startswith(str(folder)) for word in words):
            return int(entry.name)
    return None


def kill_when_it_has_asked(shard: str, work: Path, running: subprocess.Popen[str]) -> None:
    """`kill -9` on one worker in the middle of its part."""
    part = work / "parts" / shard.replace("/", "-of-") / "ledgers"
    until = monotonic() + 120
    while sum(path.read_bytes().count(b"\n") for path in part.glob("*.jsonl")) < 50:
        assert running.poll() is None, "it ended before it could be killed"
        assert monotonic() < until
        sleep(0.01)  # there is nothing to wait on but the ledger
    worker = asking(shard, work)
    assert worker is not None
    os.kill(worker, signal.SIGKILL)


_SBATCH = """#!/bin/sh
for last; do :; done
for task in 0 1; do
  grep -q "array=0-$task" "$last" && most=$task
done
for task in $(seq 0 $most); do
  SLURM_ARRAY_TASK_ID=$task SLURM_JOB_ID=1 SLURM_NODELIST=here SLURM_NODEID=0 RUN_OFFSET=0 bash "$last" || exit 1
done
echo "Submitted batch job 1"
"""
_SRUN = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do [ "$1" = -n ] && shift; shift; done
exec "$@"
"""


@pytest.mark.slow
def test_jobs_of_slurm_do_the_same(tmp_path: Path) -> None:
    """As far as it shows without a cluster: what is handed to `sbatch` is run here, task by task."""
    require("datatrove")
    for name, script in (("sbatch", _SBATCH), ("srun", _SRUN), ("scontrol", "#!/bin/sh\necho here\n")):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    raw, work = write_pad_ufes(tmp_path / "raw", images=20, side_px=16), tmp_path / "work"
    path = f"{tmp_path}:{Path(PYTHON).parent}:{os.environ['PATH']}"
    with FakeGemini() as fake:
        asked = words_of(raw, fake)
        words = ("slurm", "--parts", "2", "--work", work, "--", *asked)
        done = subprocess.run(
            [PYTHON, str(ROOT / "examples" / "cluster.py"), *map(str, words)],
            env=environment(PYTHONPATH=str(ROOT), PATH=path),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    [ledger] = (work / "ledgers").glob("*.jsonl")
    assert ledger.read_bytes().count(b"\n") == 1 + 40
    assert fake.asked.total() == 40


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["ray", "datatrove"])
def test_two_workers_answer_all_and_a_killed_one_repeats_what_was_under_way(engine: str, tmp_path: Path) -> None:
    require(engine)
    raw, work = write_pad_ufes(tmp_path / "raw", images=IMAGES, side_px=16), tmp_path / "work"
    with FakeGemini(latency_s=0.05) as fake:
        words = words_of(raw, fake)
        asked = [PYTHON, ROOT / "examples" / "cluster.py", engine, "--parts", "2", "--work", work, "--", *words]
        asked += ["--concurrency", str(CONCURRENCY)]
        variables = environment(PYTHONPATH=str(ROOT), RAY_USAGE_STATS_ENABLED="0")

        def start() -> subprocess.Popen[str]:
            with (tmp_path / "log").open("a") as log:
                return subprocess.Popen([*map(str, asked)], env=variables, stdout=log, stderr=log, text=True)

        running = start()
        kill_when_it_has_asked("1/2", work, running)
        if running.wait(timeout=300) and engine == "datatrove":  # the same command continues
            running = start()
            running.wait(timeout=300)
    assert running.returncode == 0, (tmp_path / "log").read_text()[-3000:]
    [ledger] = (work / "ledgers").glob("*.jsonl")
    records = [json.loads(line) for line in ledger.read_bytes().splitlines()[1:]]
    answered = Counter(record["key"] for record in records if record["text"] is not None)
    assert len(answered) == REQUESTS
    assert set(answered.values()) == {1}
    assert fake.asked.total() - REQUESTS <= CONCURRENCY


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["ray", "datatrove"])
def test_all_is_asked_but_what_is_about_images_that_a_look_has_found_unfit(engine: str, tmp_path: Path) -> None:
    require(engine)
    images = 60
    raw, work = write_pad_ufes(tmp_path / "raw", images=images, side_px=16), tmp_path / "work"
    with FakeGemini() as fake:
        asked = [PYTHON, ROOT / "examples" / "cluster.py", engine, "--parts", "2", "--work", work, "--"]
        words = [*map(str, asked), *map(str, words_of(raw, fake, "first"))]
        variables = environment(PYTHONPATH=str(ROOT), RAY_USAGE_STATS_ENABLED="0")
        done = subprocess.run(words, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    [ledger] = (work / "ledgers").glob("*.jsonl")
    replies = [json.loads(line)["text"] for line in ledger.read_bytes().splitlines()[1:]]
    looks = [look for text in replies if text and "quality" in (look := json.loads(text))]
    unfit = sum(look["quality"] == UNUSABLE for look in looks)
    assert len(looks) == images
    assert 0 < unfit < images
    assert len(replies) == images + 2 * (images - unfit) == fake.asked.total()


def test_a_part_waits_for_a_worker_that_was_left_behind(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    part = tmp_path / "parts" / "1-of-2"
    held = lock_beside(private(part / "ledgers" / "openai-0.jsonl"), LedgerError("taken"))
    waiting = Thread(target=cluster.wait_for_others, args=(part,))
    waiting.start()
    told = ""
    while "a worker of an earlier run still asks it" not in told:
        assert waiting.is_alive(), "it does not wait"
        told += capfd.readouterr().out
    assert waiting.is_alive()
    held.release()
    waiting.join()
    cluster.wait_for_others(part)
