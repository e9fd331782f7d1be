"""The engine `gemini_batch` in a simulated world: the real run, state, ledger and readers; the service is drawn.

Jobs take their time, are listed late, end without results, lose them, give them late or in part. What a job has
answered is paid once, whoever fetches it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import cast

from dermasynth_builder.core.errors import UnansweredError
from dermasynth_builder.core.options import BatchOptions, EngineOptions
from dermasynth_builder.core.protocols import Engine, EngineContext, EngineRun
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.generate.engines.batch.google import BatchFault, BatchService, RemoteJob
from dermasynth_builder.generate.engines.batch.run import BatchRun
from dermasynth_builder.generate.engines.batch.state import BatchState, ShardState
from dermasynth_builder.generate.engines.online.attempt import Outcome, Status
from tests.simulation.world import USD, World, answer_to, play

_EPOCH = 1_800_000_000.0
_JOB_S, _LISTED_S, _RESULTS_S = 3600.0, 600.0, 900.0  # the most that a job takes, that it is not listed, not to be had
_MOST_REPAIRS = 2  # of one request
_ENDINGS = ("SUCCEEDED",) * 6 + ("FAILED", "EXPIRED", "CANCELLED")


@dataclass
class Job:
    """One job of the service."""

    name: str
    display_name: str
    rows: list[str]  # keys
    created_at: float
    ends_at: float
    listed_at: float
    ending: str
    results: str | None = None  # once it has ended
    results_at: float = 0.0
    is_gone: bool = False
    good: set[str] = field(default_factory=set)  # keys to which its results hold a good answer


@dataclass
class SimulatedBatches:
    """Has the methods of `BatchService`."""

    world: World
    fault_share: float
    files: dict[str, bytes] = field(default_factory=dict)
    all_jobs: dict[str, Job] = field(default_factory=dict)
    repaired: set[tuple[str, int]] = field(default_factory=set)
    owed: set[str] = field(default_factory=set)  # keys of rows that the user has asked to be paid again
    _made: int = 0

    def upload(self, path: Path, _: str) -> str:
        """See `BatchService.upload`."""
        self._may_break()
        name = self._named("files")
        self.files[name] = path.read_bytes()
        self._may_break()
        return name

    def create(self, _: str, upload: str, display_name: str) -> RemoteJob:
        """See `BatchService.create`."""
        self._may_break()
        world, now = self.world, self.world.now
        rows = [json.loads(line)["key"] for line in self.files[upload].splitlines()]
        for key in rows:
            world.require(not world.has_good(key), f"{key[:12]} is handed in although its answer is kept")
            if self._is_somewhere(key):
                world.require(key in self.owed, f"{key[:12]} is handed in although its answer waits, and nobody asked")
                world.lose([key])
        ends_at = now + world.draw.uniform(0, _JOB_S)
        listed_at = now + world.draw.choice([0.0, world.draw.uniform(0, _LISTED_S)])
        ending = world.draw.choice(_ENDINGS) if self.fault_share else "SUCCEEDED"
        job = Job(self._named("batches"), display_name, rows, now, ends_at, listed_at, ending)
        self.all_jobs[job.name] = job
        self._may_break(is_unsure=True)
        return self._told(job)

    def _is_somewhere(self, key: str) -> bool:
        """Whether a good answer is paid, and may still be had."""
        return self.world.paid[key] > self.world.lost[key]

    def jobs(self, run: str) -> dict[str, list[RemoteJob]]:
        """See `BatchService.jobs`."""
        self._may_break()
        found: dict[str, list[RemoteJob]] = {}
        for job in self.all_jobs.values():
            if job.listed_at <= self.world.now and not job.is_gone and job.display_name.startswith(f"{run}/"):
                found.setdefault(job.display_name, []).append(self._told(job))
        return found

    def job(self, name: str) -> RemoteJob | None:
        """See `BatchService.job`."""
        self._may_break()
        job = self.all_jobs.get(name)
        return self._told(job) if job and not job.is_gone else None

    def cancel(self, name: str) -> None:
        """See `BatchService.cancel`."""
        self._may_break()
        job = self.all_jobs[name]
        if self.world.now < job.ends_at:
            job.ending, job.ends_at = "CANCELLED", self.world.now
        self._may_break()

    def download(self, file: str, path: Path) -> None:
        """See `BatchService.download`."""
        self._may_break()
        job = next(each for each in self.all_jobs.values() if each.results == file)
        if file not in self.files or self.world.now < job.results_at:
            raise _fault("refused: 403 no file for you")
        content = self.files[file]
        if self.world.strikes(self.fault_share):
            path.write_bytes(content[: self.world.draw.randint(0, len(content))])
            raise _fault("connection: reset in the middle of a file")
        path.write_bytes(content)
        self.world.given |= job.good

    def forget(self, job: RemoteJob, upload: str | None) -> None:
        """See `BatchService.forget`."""
        self.world.step()
        for file in (upload, job.results):
            self.files.pop(file or "", None)
        self.all_jobs[job.name].is_gone = True
        self.world.step()

    def _may_break(self, *, is_unsure: bool = False) -> None:
        self.world.step()
        if self.world.strikes(self.fault_share / 4):
            raise _fault("connection: reset", is_unsure=is_unsure)

    def _named(self, kind: str) -> str:
        self._made += 1
        return f"{kind}/{self._made}"

    def _told(self, job: Job) -> RemoteJob:
        has_ended = self.world.now >= job.ends_at
        if has_ended and job.ending == "SUCCEEDED" and job.results is None:
            self._answer(job)
        state = job.ending if has_ended else "RUNNING"
        times = (self.world.iso(job.created_at), self.world.iso(job.ends_at) if has_ended else "")
        return RemoteJob(job.name, job.display_name, state, job.results, *times)

    def _answer(self, job: Job) -> None:
        """All rows are answered, and paid; some of the results never reach anybody."""
        draw, job.results = self.world.draw, self._named("files")
        job.results_at = job.ends_at + draw.choice([0.0, 0.0, draw.uniform(0, _RESULTS_S)])
        lines = [line for key in job.rows for line in self._lines(job, key)]
        draw.shuffle(lines)
        self.files[job.results] = b"".join(line + b"\n" for line in lines)
        if self.world.strikes(self.fault_share / 4):
            del self.files[job.results]
            self.world.lose(job.good)

    def _lines(self, job: Job, key: str) -> list[bytes]:
        world, is_struck = self.world, self.world.strikes(self.fault_share)
        if key in world.odd:
            return [_line(key, _response("", "SAFETY"))]
        if is_struck and len([each for each in self.repaired if each[0] == key]) < _MOST_REPAIRS:
            self.repaired.add((key, len(self.repaired)))
            error = {"error": {"code": 13, "message": "An internal error has occurred."}}
            return [world.draw.choice([_line(key, _response('{"answer": "a mac', "STOP")), _line(key, error)])]
        world.pay(key)
        world.given.discard(key)  # until somebody fetches it
        good = _line(key, _response(answer_to(key), "STOP"))
        if is_struck and world.strikes(0.3):
            world.lose([key])
            return [good[: len(good) // 2]]
        job.good.add(key)
        return [good, good, b"null"] if is_struck else [good]


def _response(text: str, finish_reason: str) -> dict[str, object]:
    candidate = {"content": {"parts": [{"text": text}]}, "finishReason": finish_reason}
    return {"response": {"candidates": [candidate], "usageMetadata": {"totalTokenCount": 1000}, "modelVersion": "m-1"}}


def _line(key: str, row: Mapping[str, object]) -> bytes:
    return json.dumps({"key": key, **row}).encode()


def _fault(reason: str, *, is_unsure: bool = False) -> BatchFault:
    return BatchFault(Outcome(Status.SERVER_ERROR, reason=reason), is_unsure=is_unsure)


@dataclass
class SimulatedBatchEngine:
    """See `Engine`. Who starts the runs has rows paid again where two runs in a row say that they are held."""

    world: World
    batches: SimulatedBatches
    options: EngineOptions
    name: str = "simulated"
    is_model: bool = True
    identity: Mapping[str, str | int | float | None] = field(default_factory=lambda: {"engine": "simulated"})
    held: int = 0  # runs in a row that ended so

    def answer(self, requests: Iterable[Request], run: EngineRun) -> Iterator[Reply]:
        """See `Engine.answer`."""
        world = self.world
        context = EngineContext(
            world.folder,
            batch_price=lambda _, usage: USD * usage["totalTokenCount"] / 1000,
            now=lambda: _EPOCH + world.now,
            wait=self._wait,
        )
        batch = replace(self.options.batch, is_paying_again=self.held >= 2)
        options = replace(self.options, batch=batch)
        with BatchState(world.folder / "simulated.sqlite") as state:
            service = cast(BatchService, self.batches)
            held = [shard for shard in state.shards() if shard.state is ShardState.HELD and batch.is_paying_again]
            self.batches.owed = {key for shard in held for key in state.rows_of(shard)}
            batch_run = BatchRun(state, service, options, online=cast(Engine, None), context=context)
            try:
                yield from batch_run.replies(requests, run)
                self.held = 0
            except UnansweredError:
                self.held += 1
                raise

    def _wait(self, seconds: float) -> None:
        self.world.now += seconds
        self.world.step()


def simulate(seed: str, folder: Path) -> World:
    """Plays one seed to its end. Raises Broken."""
    draw = Random(f"batch {seed}")  # noqa: S311 - no secret
    count, kills = draw.randint(2, 16), draw.choice([0, 1, 3])
    world = World(f"batch {seed}", folder, count, kills, draw.choice([0.0, 0.1]), is_fetched_again=True)
    options = EngineOptions(model="m", batch=BatchOptions(most_rows=draw.choice([2, 5, 20])))
    batches = SimulatedBatches(world, fault_share=draw.choice([0.0, 0.1, 0.3]))
    play(world, SimulatedBatchEngine(world, batches, options), most_under_way=count)
    return world
