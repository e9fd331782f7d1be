"""The engine `gemini_batch`: Google's models at half the price, in jobs that may take a day.

It asks what the engine `gemini` asks, word for word, and can be stopped or killed at any time: jobs go on at the
service, and the next run fetches what they came to.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path

from dermasynth_builder.core.errors import EngineError, UsageError
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import EngineContext, EngineRun
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.generate.engines.batch.google import BatchFault, BatchService
from dermasynth_builder.generate.engines.batch.run import BatchRun
from dermasynth_builder.generate.engines.batch.state import BatchState, Shard, ShardState
from dermasynth_builder.generate.engines.gemini import GeminiService, gemini_engine, gemini_identity
from dermasynth_builder.generate.ledger import ledger_name


def gemini_batch_engine(options: EngineOptions, context: EngineContext) -> "GeminiBatchEngine":
    """The engine `gemini_batch`. Raises UsageError for Vertex, which takes no files."""
    if options.is_vertex:
        raise UsageError(
            "Vertex takes no files, in which the engine gemini_batch hands in its requests: leave out --vertex and set "
            "GEMINI_API_KEY, or ask --engine gemini"
        )
    if options.tier == "flex":
        raise UsageError("a batch costs half as it is: leave out --tier flex, or ask --engine gemini")
    return GeminiBatchEngine(options, context)


class GeminiBatchEngine:
    """See `dermasynth_builder.core.protocols.Engine`."""

    name = "gemini_batch"
    is_model = True

    def __init__(self, options: EngineOptions, context: EngineContext) -> None:
        self._asked_online, self._context = options, context
        self._options = GeminiService(options).options
        self.identity = gemini_identity(self.name, self._options)

    def host(self) -> str:
        """See `protocols.SendsElsewhere`."""
        return gemini_engine(self._asked_online, self._context).host()

    def answer(self, requests: Iterable[Request], run: EngineRun) -> Iterator[Reply]:
        """See `Engine.answer`; replies to requests of an earlier run come first. `run` hears of the shards.

        Raises EngineError where the service cannot be asked, LedgerError where another process does so, and
        UnansweredError where results that may be paid cannot be had.
        """
        online = gemini_engine(self._asked_online, self._context)
        state_of_engine = BatchState(state_path(self._context.batches, self.identity))
        with BatchService(self._options) as service, state_of_engine as state:
            batch_run = BatchRun(state, service, self._options, online=online, context=self._context)
            yield from batch_run.replies(requests, run)


def cancel_batches(path: Path, options: EngineOptions) -> list[Shard]:
    """Cancels the jobs of the state file `path` and gives their shards; what succeeded already is left to be fetched.

    Shards are marked first: killed in between, doing it again cancels what is left. Raises EngineError and LedgerError.
    """
    try:
        with BatchService(options) as service, BatchState(path) as state:
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
