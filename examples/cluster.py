"""Shares one run of `dermasynth generate` among the tasks of a cluster: `ray`, `datatrove` or `slurm`.

    python examples/cluster.py ray --parts 4 --work build -- pad_ufes --raw data --engine openai --model NAME \
        --base-url http://127.0.0.1:8000

What stands behind `--` is given to `dermasynth generate`. Each task asks its part of the requests into a folder of its
own, WORK/parts/I-of-N, whose ledger is where it continues after a kill; then all ledgers are joined into WORK. That is
done once for the looks and once for every round of self-instruct, because each rests on what came before.
Then: dermasynth build ... --work WORK. See docs/clusters.md.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_COMMAND = "from dermasynth_builder.cli import main; raise SystemExit(main())"
_TRIES = 5  # of a task that fails or whose machine goes away


def dermasynth(*words: str | Path) -> None:
    """Runs the command. Raises CalledProcessError where it fails."""
    subprocess.run([sys.executable, "-c", _COMMAND, *map(str, words)], check=True)


def ask_part(number: int, of: int, work: Path, words: Sequence[str]) -> None:
    """Asks one part of the requests, of those that can be asked by now. Asked again, it continues."""
    part = work / "parts" / f"{number}-of-{of}"
    wait_for_others(part)
    for ledger in sorted((work / "ledgers").glob("*.jsonl")):  # of all parts, as a later round shows what they hold
        dermasynth("merge", ledger, "--work", part)
    dermasynth("generate", *words, "--shard", f"{number}/{of}", "--work", part)


def wait_for_others(part: Path) -> None:
    """Waits until nobody asks this part any more: a killed run may leave a worker behind, whose answers count."""
    from filelock import FileLock, Timeout

    for path in sorted(part.rglob("*.lock")):
        lock = FileLock(path, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            print(f"{part}: a worker of an earlier run still asks it; waiting for its end", flush=True)  # noqa: T201
            lock.acquire(timeout=-1, poll_interval=1)
        lock.release()


def join(work: Path) -> None:
    """Joins the ledgers of all parts, those of each engine by themselves."""
    found = sorted((work / "parts").glob("*/ledgers/*.jsonl"))
    for name in sorted({ledger.name for ledger in found}):
        dermasynth("merge", *(ledger for ledger in found if ledger.name == name), "--work", work)


def with_ray(options: argparse.Namespace) -> None:
    """One task a part on whatever cluster `ray.init` finds, or on this machine; Ray starts those anew that fail."""
    import ray

    ray.init(include_dashboard=False, log_to_driver=True)
    task: Any = ray.remote(num_cpus=1, num_gpus=options.gpus, max_retries=_TRIES, retry_exceptions=True)(ask_part)
    for _ in range(options.passes):
        ray.get([task.remote(n + 1, options.parts, options.work, options.words) for n in range(options.parts)])
        join(options.work)


def with_datatrove(options: argparse.Namespace, *, is_slurm: bool = False) -> None:
    """Tasks of datatrove's executors, in processes of this machine or as jobs of Slurm.

    Tasks that are done are not started again, so the same command continues.
    """
    from datatrove.executor import LocalPipelineExecutor, SlurmPipelineExecutor
    from datatrove.pipeline.base import PipelineStep

    class Step(PipelineStep):  # type: ignore[misc]  # datatrove is where it is run
        """Starts this file: a job of Slurm reads the step from a pickle, and has nothing of this module."""

        name = "dermasynth"

        def __init__(self, *words: str) -> None:
            super().__init__()
            self.words = words

        def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Any:
            import subprocess
            import sys

            number = ("--number", str(rank + 1), "--parts", str(world_size))
            subprocess.run([sys.executable, self.words[0], self.words[1], *number, *self.words[2:]], check=True)
            return data

    before: Any = None
    script, work = str(Path(__file__).resolve()), ("--work", str(options.work), "--", *options.words)
    for number in range(options.passes):
        for step, tasks in (("ask", options.parts), ("join", 1)):
            logs, pipeline = str(options.work / "datatrove" / f"{number}-{step}"), [Step(script, step, *work)]
            if is_slurm:
                slurm = {"time": options.time, "partition": options.partition, "gpus_per_task": options.gpus}
                executor = SlurmPipelineExecutor(pipeline, tasks, logging_dir=logs, depends=before, **slurm)
                before = executor
            else:
                executor = LocalPipelineExecutor(pipeline, tasks, workers=tasks, logging_dir=logs)
            executor.run()


def main(arguments: Sequence[str]) -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Share one run of dermasynth generate among the tasks of a cluster.")
    parser.add_argument("how", choices=("ray", "datatrove", "slurm", "ask", "join"))
    parser.add_argument("--parts", type=int, required=True, help="how many tasks")
    parser.add_argument("--number", type=int, help="of the part that `ask` asks: what the tasks do")
    parser.add_argument("--work", type=Path, default=Path("build"), help="a folder that all machines see")
    parser.add_argument("--passes", type=int, default=3, help="rounds of self-instruct, and one for the looks")
    parser.add_argument("--gpus", type=int, default=0, help="a task, where it serves its own model")
    parser.add_argument("--time", default="24:00:00", help="of Slurm")
    parser.add_argument("--partition", default="gpu", help="of Slurm")
    parser.add_argument("words", nargs="+", help="what generate is given; write -- before it")
    options = parser.parse_args(arguments)
    options.work = options.work.resolve()
    if options.how == "ray":
        with_ray(options)
    elif options.how == "ask":
        ask_part(options.number, options.parts, options.work, options.words)
    elif options.how == "join":
        join(options.work)
    else:
        with_datatrove(options, is_slurm=options.how == "slurm")


if __name__ == "__main__":
    main(sys.argv[1:])
