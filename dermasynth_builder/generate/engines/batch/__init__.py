"""Keeps time. The engine `gemini_batch`: Google's models at half the price, in jobs that may take a day.

It asks what the engine `gemini` asks, word for word, and can be stopped or killed at any time: jobs go on at the
service, and the next run fetches what they came to.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path

from dermasynth_builder.core.errors import EngineError, UsageError
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.generate.engines.batch.google import BatchFault, BatchService
from dermasynth_builder.generate.engines.batch.run import BatchRun, Clock
from dermasynth_builder.generate.engines.batch.state import BatchState, Shard, ShardState
from dermasynth_builder.generate.engines.gemini import GeminiService, gemini_engine, gemini_identity
from dermasynth_builder.generate.ledger import ledger_name


def gemini_batch_engine(options: EngineOptions) -> "GeminiBatchEngine":
    """The engine `gemini_batch`. Raises UsageError for Vertex, which takes no files."""
    if options.is_vertex:
        raise UsageError(
            "Vertex takes no files, in which the engine gemini_batch hands in its requests: leave out --vertex and set "
            "GEMINI_API_KEY, or ask --engine gemini"
        )
    return GeminiBatchEngine(options)


class GeminiBatchEngine:
    """See `dermasynth_builder.core.protocols.Engine`; what it told last is how its shards are."""

    name = "gemini_batch"

    def __init__(self, options: EngineOptions, clock: Clock | None = None) -> None:
        self._asked_online = options
        options = GeminiService(options).options
        self._options = replace(options, price=options.batch.price)
        self._clock = clock or _SystemClock()
        self.identity = gemini_identity(self.name, options)
        self.tell: Callable[[str], object] = lambda _: None  # hears of the shards at every look
        self.is_ending: Callable[[], bool] = lambda: False

    def answer(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """See `Engine.answer`; replies to requests of an earlier run come first.

        Raises EngineError where the service cannot be asked and LedgerError where another process does so.
        """
        service = BatchService(self._options)
        with BatchState(state_path(self._options.batch.folder, self.identity)) as state:
            online = gemini_engine(self._asked_online)
            run = BatchRun(state, service, self._options, online=online, clock=self._clock)
            yield from run.replies(requests, lambda note: self.tell(note), lambda: self.is_ending())


def cancel_batches(path: Path, options: EngineOptions) -> list[Shard]:
    """Cancels the jobs of the state file `path` and gives their shards; what succeeded already is left to be fetched.

    Shards are marked first: killed in between, doing it again cancels what is left. Raises EngineError and LedgerError.
    """
    try:
        service = BatchService(options)
        with BatchState(path) as state:
            named = service.jobs(state.run)
            done = {name for name, jobs in named.items() if any(job.has_succeeded for job in jobs)}
            shards = [each for each in state.shards() if each.is_open and state.display_name(each) not in done]
            for shard in shards:
                state.settle(shard, [], ShardState.CANCELLED)
            for job in chain.from_iterable(named.values()):
                if not job.has_ended:
                    service.cancel(job.name)
    except BatchFault as fault:
        raise EngineError(f"{fault}; run the same command again") from fault
    return shards


def state_path(folder: Path, identity: Mapping[str, str | int | float | None]) -> Path:
    """Where the shards of an engine identity are kept: as its ledger is named, but `.sqlite`."""
    return folder / Path(ledger_name(identity)).with_suffix(".sqlite")


class _SystemClock:
    def now(self) -> float:
        return time.time()

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)
