"""Reads result files. One run of the engine `gemini_batch`: what is handed in, looked at, settled, sent again.

The service's list of jobs is the truth, ours is what we meant to do: each look matches them by display name. A job that
a killed run made is thereby found and kept, a second one of that name is cancelled, and a shard that has one never gets
another.
"""

from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, islice, takewhile

from dermasynth_builder.core.errors import EngineError
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import Engine, EngineContext, EngineRun
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.generate.engines.batch.google import BatchFault, BatchService, RemoteJob
from dermasynth_builder.generate.engines.batch.shards import (
    NOT_IN_RESULTS,
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

    def replies(self, requests: Iterable[Request], run: EngineRun) -> Iterator[Reply]:
        """A reply for each request, and before them those that an earlier run has left; `run` hears how shards are.

        A shard is filled when it can be handed in. Once the run is ending, what is overdue is left to the next one.
        Raises EngineError where the service cannot be asked.
        """
        self._run = run
        fresh = self._fresh(requests)
        pause_s = self._options.batch.poll_s
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
            is_left = run.is_ending and all(shard.state is ShardState.OVERDUE for shard in shards)
            if is_left or not (shards or self._breaks):
                return
            pause_s = self._options.batch.poll_s if self._has_moved else min(pause_s * _GROWTH, _LONGEST_PAUSE_S)
            self._context.wait(pause_s)

    def _fresh(self, requests: Iterable[Request]) -> Iterator[Attempts]:
        """Those that do not wait in a shard already."""
        for request in requests:
            if request.key not in self._state:
                yield Attempts(0, request, self._options.max_output_tokens, 0.0)

    def _open_shards(self) -> list[Shard]:
        return [shard for shard in self._state.shards() if shard.is_open]

    def _look(self) -> Iterator[Reply]:
        """Takes each shard one step on."""
        shards = self._open_shards()
        jobs = self._service.jobs(self._state.run) if shards else {}
        for shard in shards:
            yield from self._match(shard, jobs.get(self._state.display_name(shard), []))

    def _survive(self, fault: BatchFault) -> None:
        """Another look may go better, unless there were too many or the service means it."""
        self._breaks += 1
        if fault.outcome.status in (Status.FATAL, Status.REFUSED) or self._breaks >= _BREAKS:
            raise EngineError(f"{fault.outcome.reason}; {_IS_KEPT}") from fault

    def _match(self, shard: Shard, named: Sequence[RemoteJob]) -> Iterator[Reply]:
        """Holds a shard against the jobs of its display name, and does what is next."""
        job = self._kept(shard, named)
        if job:
            state = ShardState.OVERDUE if shard.state is ShardState.OVERDUE else ShardState.HANDED_IN
            self._has_moved |= shard.note != job.state
            shard = self._state.change(shard, state, job=job.name, note=job.state)
        if self._is_late(shard) and not (job and job.has_ended):
            shard = self._state.change(shard, ShardState.OVERDUE)
        if job and not job.has_ended:
            if shard.state is ShardState.OVERDUE:
                self._service.cancel(job.name)
        elif job or shard.job or shard.state is ShardState.OVERDUE:
            yield from self._collect(shard, job)
        else:
            yield from self._hand_in(shard)

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
            job = self._service.create(self._options.model or "", shard.upload or "", name)
        except BatchFault as fault:
            if fault.outcome.status in _QUEUE_FULL:
                self._is_full = True
                self._state.change(shard, shard.state, note="the queue is full")
            elif fault.outcome.status in (Status.REFUSED, Status.FATAL) and any(
                other.job for other in self._state.shards()
            ):
                rows = list(self._state.rows_of(shard).values())
                yield from self._send_again(shard, rows, reason=fault.outcome.reason, at=self._now())
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
        return len(shards) < _MOST_SHARDS and is_below_limit

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

    def _collect(self, shard: Shard, job: RemoteJob | None) -> Iterator[Reply]:
        """Settles the rows of a shard whose job has ended, or is gone."""
        waiting, again = self._state.rows_of(shard), []
        is_missing = ((key, NOT_IN_RESULTS) for key in list(waiting)) if job and job.has_succeeded else ()
        for key, outcome in chain(self._results(shard, job), is_missing):
            row = waiting.pop(key, None)
            if row is None or job is None:
                continue  # not ours, or settled already
            reply = reply_to_row(row, outcome, job, model=self._options.model or "", price=self._context.batch_price)
            if reply:
                yield reply
            else:
                again.append(row)
        if job and job.has_succeeded:
            self._state.settle(shard, again, note=job.state)
        elif shard.state is ShardState.OVERDUE:
            yield from self._ask_online(shard, waiting)
            if self._run.is_ending:
                return
            self._state.settle(shard, again, note="asked online")
        else:
            reason, at = (job.state, job.ended_at) if job else ("the job is gone", self._now())
            yield from self._send_again(shard, [*waiting.values(), *again], reason=f"batch: {reason}", at=at)
        self._has_moved = True
        if job:
            self._service.forget(job, shard.upload)

    def _results(self, shard: Shard, job: RemoteJob | None) -> Iterator[tuple[str, Outcome]]:
        if job and job.results:
            path = self._state.file_of(shard.number).with_suffix(".results.jsonl")
            if self._service.download(job.results, path):
                with path.open("rb") as lines:
                    yield from read_results(lines)
                path.unlink()

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


def _taken(left: deque[Attempts]) -> Iterator[Attempts]:
    while left:
        yield left.popleft()


def _note_of(shards: Sequence[Shard]) -> str:
    """ "shards: 3 running, 1 uploaded"."""
    states = Counter((shard.note or shard.state).lower() for shard in shards)
    return f"shards: {', '.join(f'{count} {state}' for state, count in states.most_common())}" if states else ""
