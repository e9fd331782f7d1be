"""A rehearsal of the whole: the real tables of all five sources through `gemini` and `gemini_batch`, to releases.

    DERMASYNTH_REAL_DATA=DIR python benchmarks/rehearsal.py                  all rows of all tables; twenty minutes
    DERMASYNTH_REAL_DATA=DIR python benchmarks/rehearsal.py --images 50 --poll 1    a minute

Lays the tables out as their releases have them, with a small drawn picture for each image; serves `dermasynth
fake-gemini` on a free port of loopback, which blocks one request in 500; runs `dermasynth build` with each engine, all
else at its default; loads both releases with `datasets`, and holds their rows to the plan, the ledger and each other.
Prints what each step took; exit code 1 where something does not agree. Everything lies in a folder that is removed.
"""

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from rehearsal_release import Checked, check, disagreements
from rehearsal_tables import TABLES, lay_out

COMMAND = (sys.executable, "-u", "-c", "from dermasynth_builder.cli import main; raise SystemExit(main())")
ENGINES = ("gemini", "gemini_batch")
FAULT = "safety=0.002"  # a reply that costs and gives no pair
# What `dermasynth build` says at the end of a step.
STEPS = {"images to ask about": "read", " answered, ": "ask", "release written": "release"}


@dataclass
class Ended:
    """A process that has ended."""

    seconds: dict[str, float] = field(default_factory=dict)  # by step
    held_mb: dict[str, float] = field(default_factory=dict)  # most memory by the end of a step; Linux tells it
    peak_mb: float = 0.0
    lines: int = 0  # that it wrote, warnings and progress among them


def run_build(folder: Path, engine: str, url: str, *, poll_s: float) -> Ended:
    """`dermasynth build` with an engine, in `folder`/ENGINE."""
    of_engine = folder / engine
    of_engine.mkdir()
    ended, started = Ended(), time.monotonic()
    words = ["build", *folders_of(folder, engine), "--engine", engine, "--base-url", url, "--poll", f"{poll_s:g}"]
    with (of_engine / "stderr").open("w") as warnings:
        process = subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=warnings, text=True)
        assert process.stdout
        for line in process.stdout:
            print(f"  {line}", end="", flush=True)
            ended.lines += 1
            for mark, step in STEPS.items():
                if mark in line:
                    before = sum(taken for name, taken in ended.seconds.items() if name != step)
                    ended.seconds[step] = time.monotonic() - started - before
                    ended.held_mb[step] = held_mb(process.pid)
        ended.peak_mb = reap(process)
    assert process.returncode == 0, (of_engine / "stderr").read_text()[-3000:]
    ended.lines += len((of_engine / "stderr").read_text().splitlines())
    return ended


def folders_of(folder: Path, engine: str) -> list[str]:
    """The sources and folders, as words of a command; no image is looked at first, so that a request is a row."""
    work, out = str(folder / engine / "build"), str(folder / engine / "out")
    return [*TABLES, "--raw", str(folder / "raw"), "--work", work, "--out", out, "--look", "off"]


def held_mb(pid: int) -> float:
    """The most memory that a process has held so far, MB; 0 where the system does not tell."""
    with contextlib.suppress(FileNotFoundError):
        told = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(told[1]) * 1024 / 1_000_000 if told else 0.0
    return 0.0


def reap(process: "subprocess.Popen[str]") -> float:
    """Waits for the end of a process; gives the most memory that it held, MB."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_maxrss / (1_000_000 if sys.platform == "darwin" else 1_000_000 / 1024)


@contextlib.contextmanager
def fake_gemini() -> Iterator[tuple[str, Ended]]:
    """The service in a process of its own: its address, and what it has taken once the block has ended."""
    ended = Ended()
    words = [*COMMAND, "fake-gemini", "--port", "0", "--fault", FAULT]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield process.stdout.readline().split(" is at ")[1].split(";")[0], ended
    finally:
        process.send_signal(signal.SIGINT)
        ended.peak_mb = reap(process)


def planned(folder: Path, engine: str) -> dict[str, int]:
    """Requests of each source, as `dermasynth plan` counts them."""
    words = [*COMMAND, "plan", *folders_of(folder, engine), "--engine", engine, "--json"]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return {counts["source"]: counts["requests"] for counts in json.loads(told)}


def rehearse(folder: Path, engine: str, poll_s: float) -> tuple[dict[str, float], Checked]:
    """One engine from tables to checked rows: its figures by name, and what the release was found to hold.

    Rows are loaded by another process: a child counts as its own the memory that its parent held when it was made.
    """
    with fake_gemini() as (url, service):
        ended = run_build(folder, engine, url, poll_s=poll_s)
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as other:
        checked = other.submit(check, folder / engine, engine, planned(folder, engine)).result()
    figures = {f"{step}, seconds": taken for step, taken in ended.seconds.items()}
    figures |= {
        "requests": checked.requests,
        "requests a second": checked.requests / ended.seconds["ask"],
        **{f"most memory by the end of {step}, MB": ended.held_mb.get(step, 0.0) for step in ("read", "ask")},
        "most memory, MB": ended.peak_mb,
        "most memory of the service, MB": service.peak_mb,
        "ledger, MB": size_mb((folder / engine).rglob("ledgers/*.jsonl")),
        "release, MB": size_mb((folder / engine / "out").rglob("*.parquet")),
        "lines told": ended.lines,
    }
    return figures | checked.figures, checked


def size_mb(paths: Iterator[Path]) -> float:
    """Of files together."""
    return sum(path.stat().st_size for path in paths) / 1e6


def table(figures: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """A line a figure, a column an engine."""
    yield f"{'':44}" + "".join(f"{engine:>14}" for engine in figures)
    for name in dict.fromkeys(name for each in figures.values() for name in each):
        values = [each.get(name, 0) for each in figures.values()]
        decimals = 4 if "USD" in name else 0 if all(float(value).is_integer() for value in values) else 1
        yield f"{name:44}" + "".join(f"{value:>14,.{decimals}f}" for value in values)


def main(words: Sequence[str] | None = None) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, help="rows of each table at most (default: all)")
    parser.add_argument("--poll", type=float, default=30, help="seconds between looks at jobs (default: 30)")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where to work")
    arguments = parser.parse_args(words)
    real = os.environ.get("DERMASYNTH_REAL_DATA")
    if not real:
        parser.error("DERMASYNTH_REAL_DATA names no folder of real tables")
    os.environ |= {"GEMINI_API_KEY": "no-key", "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory(prefix="dermasynth-rehearsal-", dir=arguments.folder) as made:
        folder = Path(made)
        os.environ["HF_HOME"] = str(folder / "hf")  # before `datasets` is imported
        for name, images in lay_out(Path(real), folder / "raw", arguments.images):
            print(f"{name}: {images:,} images laid out")
        ended = {engine: rehearse(folder, engine, arguments.poll) for engine in ENGINES}
    print("\n".join(["", *table({engine: figures for engine, (figures, _) in ended.items()}), ""]))
    found = disagreements({engine: checked for engine, (_, checked) in ended.items()})
    print("\n".join(found) or "all rows agree with plan, ledger and each other")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
