"""Reads result files. One run of the engine `gemini_batch`: what is handed in, looked at, settled, sent again.

The service's list of jobs is the truth, ours is what we meant to do: each look matches them by display name. A job that
a killed run made is thereby found and kept, a second one of that name is cancelled, and a shard that has one never gets
another. What may be paid is never asked again by itself: rows whose results cannot be had are looked for again, with
growing pauses, and then held until the user has them asked again. No shard's trouble keeps the others waiting.
"""

from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, islice, takewhile

from dermasynth_builder.core.errors import EngineError, UnansweredError
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import Engine, EngineContext, EngineRun
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.generate.engines.batch.google import BatchFault, BatchService, RemoteJob
from dermasynth_builder.generate.engines.batch.shards import (
    failed_reply,
    most_tokens,
    read_results,
    reply_asked_online,
    reply_to_row,
    write_shard,
)
from dermasynth_builder.generate.engines.batch.state import BatchState, Shard, ShardState
from dermasynth_builder.generate.engines.online.attempt import Attempts, Outcome, Status

_ATTEMPTS = 4  # at a shard, which is halved each time
_BREAKS = 20  # calls in a row that come to nothing, before the run gives up
_MOST_SHARDS = 100  # jobs that Google takes at once
_GROWTH, _LONGEST_PAUSE_S = 1.5, 600.0  # of the time between two looks, while nothing happens
_LOOKS = 8  # at the results of a job that has succeeded, before its rows are held: half an hour
_GRACE = 120  # times `poll_s`: how long a job whose making got no answer may take to be listed
_FAILED_JOBS = 3  # in a row, before the run gives up
_MEANT = frozenset({Status.FATAL, Status.REFUSED})
_QUEUE_FULL = frozenset({Status.RATE_LIMITED, Status.SPEND_LIMIT, Status.DAY_QUOTA})
_IS_KEPT = "submitted jobs continue at Google; run the same command again to fetch their results"


class BatchRun:
    """One run, on an opened state."""

    def __init__(
        self,
        state: BatchState,
        service: BatchService,
        options: EngineOptions,
        *,
        online: Engine,  # takes rows that are overdue
        context: EngineContext,
    ) -> None:
        self._state, self._service, self._options = state, service, options
        self._online, self._context = online, context
        self._image_family = context.image_family(options.model or "")
        self._breaks = 0
        self._is_full = self._has_moved = False
        self._looks: Counter[int] = Counter()  # at results that are missing, by shard
        self._unsure: dict[int, float] = {}  # shard -> since when it may have a job that is not listed
        self._made: set[int] = set()  # shards that this run has handed in
        self._failed_jobs = 0  # of those, in a row
        self._sent_again = 0  # shards since the last job that succeeded; a few show whether the others may follow
        self._left: set[int] = set()  # shards that may not
        self._failure = ""  # of the last of them
        self._held: set[int] = set()  # shards that an earlier run has held, which the user has seen

    def replies(self, requests: Iterable[Request], run: EngineRun) -> Iterator[Reply]:
        """A reply for each request, and before them those that an earlier run has left; `run` hears how shards are.

        A shard is filled when it can be handed in. Once the run is ending, what is overdue is left to the next one.
        Raises EngineError where the service cannot be asked.
        """
        self._run = run
        fresh = self._fresh(requests)
        pause_s = self._options.batch.poll_s
        self._held = {shard.number for shard in self._open_shards() if shard.state is ShardState.HELD}
        while True:
            self._is_full = self._has_moved = False
            try:
                yield from self._look()
                yield from self._hand_in_more(fresh)
                self._breaks = 0
            except BatchFault as fault:
                self._survive(fault)
            shards = self._open_shards()
            run.tell(_note_of(shards))
            waiting = [shard for shard in shards if shard.state is not ShardState.HELD]
            is_left = run.is_ending and all(shard.state is ShardState.OVERDUE for shard in waiting)
            if is_left or not (waiting or self._breaks):
                self._tell_held(shards)
                return
            pause_s = self._options.batch.poll_s if self._has_moved else min(pause_s * _GROWTH, _LONGEST_PAUSE_S)
            self._context.wait(pause_s)

    def _tell_held(self, shards: Sequence[Shard]) -> None:
        """Raises StoppedError where rows are held: the run can do no more for them."""
        held = [shard for shard in shards if shard.state is ShardState.HELD]
        if held:
            told = "".join(f"\n  shard {shard.number}, {shard.job or 'no job known'}: {shard.note}" for shard in held)
            raise UnansweredError(
                f"results of {len(held)} batch jobs cannot be had, and may be paid; nothing of them was deleted; "
                f"run the same command again to look again, or add --pay-again to pay for their rows again{told}"
            )

    def _fresh(self, requests: Iterable[Request]) -> Iterator[Attempts]:
        """Those that do not wait in a shard already."""
        for request in requests:
            if request.key not in self._state:
                yield Attempts(0, request, self._options.max_output_tokens, 0.0)

    def _open_shards(self) -> list[Shard]:
        return [shard for shard in self._state.shards() if shard.is_open]

    def _look(self) -> Iterator[Reply]:
        """Takes each shard one step on; what stops one stops no other."""
        shards = self._open_shards()
        jobs = self._service.jobs(self._state.run) if shards else {}
        faults: list[BatchFault] = []
        self._left.clear()
        for shard in shards:
            try:
                yield from self._match(shard, jobs.get(self._state.display_name(shard), []))
            except BatchFault as fault:
                faults.append(fault)
        waiting = {shard.number for shard in self._open_shards() if shard.state is not ShardState.HELD}
        is_stuck = bool(self._left) and waiting <= self._left and not self._has_moved
        if is_stuck or self._failed_jobs > _FAILED_JOBS:
            count = max(self._failed_jobs, len(self._left))
            told = f"{count} jobs in a row came to nothing, the last with {self._failure}; their rows wait"
            raise EngineError(f"{told}; {_IS_KEPT}")
        if faults:
            raise next((fault for fault in faults if fault.outcome.status in _MEANT), faults[0])

    def _survive(self, fault: BatchFault) -> None:
        """Another look may go better, unless there were too many or the service means it."""
        self._breaks = 1 if self._has_moved else self._breaks + 1
        if fault.outcome.status in _MEANT or self._breaks >= _BREAKS:
            raise EngineError(f"{fault.outcome.reason}; {_IS_KEPT}") from fault

    def _match(self, shard: Shard, named: Sequence[RemoteJob]) -> Iterator[Reply]:
        """Holds a shard against the jobs of its display name, and does what is next."""
        job = self._kept(shard, named)
        shard = self._noted(shard, job)
        if job and not job.has_ended:
            if shard.state is ShardState.OVERDUE:
                self._service.cancel(job.name)
        elif shard.state is ShardState.OVERDUE and not (job and job.has_succeeded):
            yield from self._collect_online(shard, job)
        elif job:
            yield from self._ended(shard, job)
        elif shard.state is ShardState.CREATING:
            self._await_listing(shard)
        elif shard.job or shard.state is ShardState.HELD:
            self._hold(shard, "the job is gone", is_sure=False)
        else:
            yield from self._hand_in(shard)

    def _noted(self, shard: Shard, job: RemoteJob | None) -> Shard:
        """The shard as it is by now."""
        if job:
            is_held = shard.state is ShardState.HELD and job.has_ended
            is_past = is_held or shard.state is ShardState.OVERDUE
            self._has_moved |= not is_past and shard.note.partition(";")[0] != job.state
            note, state = (shard.note if is_held else job.state), (shard.state if is_past else ShardState.HANDED_IN)
            shard = self._state.change(shard, state, job=job.name, note=note)
        is_waiting = not (job and job.has_ended) and shard.state is not ShardState.HELD
        return self._state.change(shard, ShardState.OVERDUE) if self._is_late(shard) and is_waiting else shard

    def _ended(self, shard: Shard, job: RemoteJob) -> Iterator[Reply]:
        """What is next for the rows of a job that has ended; one that ended early may have results by then."""
        if job.has_succeeded or job.results:
            yield from self._collect(shard, job)
        elif job.state == _CANCELLED:
            self._hold(shard, _told(job), is_sure=True)
        else:
            yield from self._fail(shard, f"batch: {_told(job)}", job)

    def _await_listing(self, shard: Shard) -> None:
        """A job whose making got no answer is listed sooner or later, if it was made."""
        since = self._unsure.setdefault(shard.number, self._context.now())
        if self._context.now() - since > _GRACE * self._options.batch.poll_s:
            del self._unsure[shard.number]
            self._state.change(shard, ShardState.UPLOADED)

    def _hold(self, shard: Shard, why: str, *, is_sure: bool) -> None:
        """Keeps the rows of a shard from being paid again, at once or after some looks that came to nothing.

        Rows that an earlier run has held, and that the user has asked to be paid again, go into the next shard.
        """
        self._looks[shard.number] += 1
        if not is_sure and shard.state is not ShardState.HELD and self._looks[shard.number] < _LOOKS:
            self._state.change(shard, shard.state, note=why)
        elif self._options.batch.is_paying_again and shard.number in self._held:
            self._state.settle(shard, self._state.rows_of(shard).values(), note=f"{why}; asked again")
            self._has_moved = True
        else:
            self._state.change(shard, ShardState.HELD, note=why)

    def _kept(self, shard: Shard, named: Sequence[RemoteJob]) -> RemoteJob | None:
        """The one job of a shard; others of its name are cancelled."""
        if shard.job and shard.job not in {job.name for job in named}:
            known = self._service.job(shard.job)  # made a moment ago, it may not be listed yet
            named = [*named, known] if known else named
        best = sorted(
            named, key=lambda job: (not job.has_succeeded, job.has_ended, job.name != shard.job, job.created_at)
        )
        for job in best[1:]:
            if not job.has_ended:
                self._service.cancel(job.name)
        return best[0] if best else None

    def _is_late(self, shard: Shard) -> bool:
        hours = self._options.batch.deadline_h
        return hours is not None and self._context.now() - shard.made_at > hours * 3600

    def _hand_in(self, shard: Shard) -> Iterator[Reply]:
        """Uploads a shard and makes its job, unless the queue is full."""
        name = self._state.display_name(shard)
        if self._is_full:
            return
        try:
            if shard.upload is None:
                upload = self._service.upload(self._state.file_of(shard.number), name)
                shard = self._state.change(shard, ShardState.UPLOADED, upload=upload)
            self._made.add(shard.number)
            shard = self._state.change(shard, ShardState.CREATING)  # killed from here on, there may be a job
            job = self._service.create(self._options.model or "", shard.upload or "", name)
        except BatchFault as fault:
            if not fault.is_unsure and shard.state is ShardState.CREATING:
                shard = self._state.change(shard, ShardState.UPLOADED)
            if fault.outcome.status in _QUEUE_FULL:
                self._is_full = True
                self._state.change(shard, shard.state, note="the queue is full")
            elif fault.outcome.status is Status.REFUSED:
                yield from self._fail(shard, fault.outcome.reason, None)
            else:
                raise
        else:
            self._state.change(shard, ShardState.HANDED_IN, job=job.name, note=job.state)
            self._has_moved = True

    def _hand_in_more(self, fresh: Iterator[Attempts]) -> Iterator[Reply]:
        """Fills shards while there is room: with rows that go again, then with new ones."""
        while not self._is_full and self._has_room():
            again = self._state.loose(self._options.batch.most_rows)
            number = self._state.next_number()
            shards = yield from self._written(chain(again.values(), fresh), number)
            if not shards:
                return
            self._state.plan(shards)
            for shard in shards:
                yield from self._hand_in(shard)

    def _has_room(self) -> bool:
        shards, limit = self._open_shards(), self._options.batch.enqueued_tokens
        is_below_limit = (
            limit is None or sum(shard.tokens for shard in shards) + most_tokens(self._options.batch) <= limit
        )
        return len(shards) < _MOST_SHARDS and is_below_limit and self._failed_jobs <= _FAILED_JOBS

    def _written(
        self, rows: Iterator[Attempts], number: int, before: Shard | None = None
    ) -> Generator[Reply, None, dict[Shard, Sequence[Attempts]]]:
        """Writes the file of a shard, a new one or a part of another. Gives it with its rows; nothing without."""
        written = write_shard(self._state.file_of(number), rows, self._options, family=self._image_family)
        for row, reason in written.unreadable:
            yield failed_reply(row, reason, at=self._now(), model=self._options.model)
            self._state.drop(row.request.key)
        if not written.rows:
            self._state.file_of(number).unlink()
            return {}
        for row in written.rows:
            row.attempts += 1
        attempt, made_at = (before.attempt + 1, before.made_at) if before else (1, self._context.now())
        shard = Shard(number, attempt, ShardState.PLANNED, len(written.rows), written.tokens, made_at)
        return {shard: written.rows}

    def _collect(self, shard: Shard, job: RemoteJob) -> Iterator[Reply]:
        """Settles the rows of a shard whose job has succeeded; those whose results are missing wait on."""
        read = _Read(self._state.rows_of(shard))
        try:
            yield from self._read(shard, job, read)
        except BatchFault as fault:
            read.why = fault.outcome.reason
        self._failed_jobs = self._sent_again = 0
        if job.state not in (_SUCCEEDED, _CANCELLED) and not read.why:  # what is missing was not answered
            read.again += read.waiting.values()
            read.waiting.clear()
        if not read.waiting:
            self._state.settle(shard, read.again, note=f"{job.state}; {read.text(shard)}")
            self._has_moved = True
            self._service.forget(job, shard.upload)
            return
        self._has_moved |= bool(read.settled)
        self._state.part(read.settled, read.again)
        told = f"{job.state}; {read.text(shard)}, {len(read.waiting)} missing ({read.why or 'not in the results'})"
        self._hold(shard, told, is_sure=job.state == _CANCELLED)

    def _read(self, shard: Shard, job: RemoteJob, read: "_Read") -> Iterator[Reply]:
        """The replies that a job's results hold."""
        for key, outcome in self._results(shard, job):
            row = read.waiting.get(key)
            if row is None or outcome is None:
                continue  # not ours, settled already, or no answer that could be read
            del read.waiting[key]
            before = row.cost_usd or 0.0
            reply = reply_to_row(row, outcome, job, model=self._options.model or "", price=self._context.batch_price)
            read.usd += (row.cost_usd or 0.0) - before
            if reply:
                yield reply
                read.settled.append(key)
            else:
                read.again.append(row)

    def _results(self, shard: Shard, job: RemoteJob) -> Iterator[tuple[str, Outcome | None]]:
        """The rows of a job's results. Raises BatchFault where there are none to be had."""
        if not job.results:
            raise BatchFault(Outcome(Status.SERVER_ERROR, reason="the job names no file of results"))
        path = self._state.file_of(shard.number).with_suffix(".results.jsonl")
        self._service.download(job.results, path)
        with path.open("rb") as lines:
            yield from read_results(lines)
        path.unlink()

    def _collect_online(self, shard: Shard, job: RemoteJob | None) -> Iterator[Reply]:
        """Settles the rows of a shard that is overdue."""
        read = _Read(self._state.rows_of(shard))
        if job and job.results:
            with suppress(BatchFault):
                yield from self._read(shard, job, read)
        yield from self._ask_online(shard, read.waiting)
        if self._run.is_ending:
            return
        self._state.settle(shard, read.again, note="asked online")
        self._has_moved = True
        if job:
            self._service.forget(job, shard.upload)

    def _fail(self, shard: Shard, reason: str, job: RemoteJob | None) -> Iterator[Reply]:
        """Sends the rows of a job that came to nothing again, unless that befalls job after job."""
        if job is None or job.state != _EXPIRED:  # which says that the queue is long, and of the job that it is large
            self._failed_jobs += shard.number in self._made
            self._failure = reason
            self._sent_again += 1
            if self._failed_jobs > _FAILED_JOBS or self._sent_again > _FAILED_JOBS:
                self._left.add(shard.number)
                return
        rows = list(self._state.rows_of(shard).values())
        yield from self._send_again(shard, rows, reason=reason, at=job.ended_at if job else self._now())
        self._has_moved = True
        if job:
            self._service.forget(job, shard.upload)

    def _now(self) -> str:
        return datetime.fromtimestamp(self._context.now(), UTC).isoformat(timespec="milliseconds")

    def _send_again(self, shard: Shard, rows: Sequence[Attempts], *, reason: str, at: str) -> Iterator[Reply]:
        """Two halves take the place of a shard that came to nothing; its rows fail where that was the last attempt."""
        if shard.attempt >= _ATTEMPTS:
            for row in rows:
                yield failed_reply(row, reason, at=at, model=self._options.model)
            self._state.settle(shard, [], note=reason)
            return
        left, half, first = deque(rows), -(-len(rows) // 2), self._state.next_number()
        planned: dict[Shard, Sequence[Attempts]] = {}
        while left:
            planned |= yield from self._written(islice(_taken(left), half), first + len(planned), shard)
        numbers = " and ".join(str(part.number) for part in planned)
        self._state.plan(planned, instead_of=shard, note=f"{reason}; sent again as {numbers}")

    def _ask_online(self, shard: Shard, rows: dict[str, Attempts]) -> Iterator[Reply]:
        """Asks rows one by one; what their batches cost stays in their replies.

        A reply is noted before it is given: nobody knows whether a killed run has kept the last one that it was given.
        """
        noted = self._state.kept(shard)
        left = (row.request for key, row in rows.items() if key not in noted)
        answers = self._online.answer(takewhile(lambda _: not self._run.is_ending, left), self._run)
        for reply in chain(noted.values(), (reply_asked_online(each, rows[each.key]) for each in answers)):
            self._state.keep(reply)
            yield reply
            self._state.drop(reply.key)


_SUCCEEDED, _CANCELLED, _EXPIRED = "SUCCEEDED", "CANCELLED", "EXPIRED"


@dataclass(slots=True)
class _Read:
    """What the results of a job came to; each row that was handed in is in one of the three."""

    waiting: dict[str, Attempts]  # by key: nothing came for them
    settled: list[str] = field(default_factory=list)  # keys
    again: list[Attempts] = field(default_factory=list)  # rows that failed
    usd: float = 0.0
    why: str = ""  # results cannot be read

    def text(self, shard: Shard) -> str:
        """ "5 of 5 rows back, 0.0120 USD"."""
        back = shard.rows - len(self.waiting)
        return f"{back} of {shard.rows} rows back{f', {self.usd:.4f} USD' if self.usd else ''}"


def _told(job: RemoteJob) -> str:
    return f"{job.state}: {job.error}" if job.error else job.state


def _taken(left: deque[Attempts]) -> Iterator[Attempts]:
    while left:
        yield left.popleft()


def _note_of(shards: Sequence[Shard]) -> str:
    """ "shards: 3 running, 1 uploaded"."""
    states = Counter((shard.note.partition(";")[0] or shard.state).lower() for shard in shards)
    return f"shards: {', '.join(f'{count} {state}' for state, count in states.most_common())}" if states else ""
