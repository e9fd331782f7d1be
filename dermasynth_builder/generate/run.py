"""One run of an engine: it asks what the ledger does not hold yet, ends in good order, and says what it came to."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from dermasynth_builder.core.errors import DermaSynthError, EngineError, StoppedError, UnansweredError
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import Engine, SendsElsewhere
from dermasynth_builder.core.records import AnyRequest, Reply, Request
from dermasynth_builder.core.reporter import Bar
from dermasynth_builder.core.signals import heeding_stop_signals
from dermasynth_builder.generate.ledger import NOBODYS_FAULT, Ledger, kind_of

_Asked = TypeVar("_Asked", bound=AnyRequest)


@dataclass(slots=True)
class Tally:
    """What a run of `generate` came to."""

    known: int = 0  # answered by an earlier run, or the same as another request of this one
    failed_earlier: int = 0  # failures that were not asked again
    answered: int = 0
    failed: int = 0
    unanswered: int = 0  # of those that failed: for no fault of theirs, so that the next run asks them again


@dataclass(slots=True)
class Run:
    """One run of `generate`: how far it may go, and how far it is. Engines meet it as `protocols.EngineRun`."""

    max_usd: float | None = None  # what all of the ledger may cost; passed by no more than what is under way
    is_version_change_allowed: bool = False
    is_failed_wanted: bool = False  # earlier failures are asked again
    tally: Tally = field(default_factory=Tally)
    asked: set[str] = field(default_factory=set)  # keys
    taken_over: set[str] = field(
        default_factory=set
    )  # keys that an earlier run had asked for, and that came in this one
    failures: Counter[str] = field(default_factory=Counter)  # by kind
    reasons: dict[str, str] = field(default_factory=dict)  # kind -> the first failure of it, in the service's words
    cost_usd: float = 0.0  # of this run
    ending: DermaSynthError | None = None  # why nothing more is asked
    note: str = ""  # how the engine says that it is getting on
    advance: Callable[[int], object] = lambda _: None  # see `generate`

    @property
    def is_ending(self) -> bool:
        """See `EngineRun.is_ending`."""
        return self.ending is not None

    def tell(self, note: str) -> None:
        """See `EngineRun.tell`."""
        self.note = note
        self.advance(0)

    def end(self, reason: DermaSynthError) -> None:
        """Nothing more is asked; what is under way is finished and kept. The first reason stands."""
        self.ending = self.ending or reason

    def keep(self, reply: Reply, ledger: Ledger) -> None:
        """Puts a reply into the ledger, counts it, and ends the run where it says so."""
        kept = self._held(reply, ledger)
        ledger.append(kept)
        self.tally.answered += kept.text is not None
        self.tally.failed += kept.text is None
        self.cost_usd += kept.cost_usd or 0.0
        if (kind := kind_of(kept.failure)) is not None:
            self.failures[kind] += 1
            self.tally.unanswered += kind in NOBODYS_FAULT
            self.reasons.setdefault(kind, kept.failure or "")
        if self.max_usd is not None and kept.usage and kept.cost_usd is None:
            reason = f"the price of {kept.model} is unknown; leave it out to continue"
            self.end(EngineError(f"--max-usd cannot be enforced: {reason}"))
        self.check_cost(ledger)

    def check_cost(self, ledger: Ledger) -> None:
        """Ends the run where the money is spent."""
        if self.max_usd is not None and ledger.spent_usd >= self.max_usd:
            told = f"--max-usd {self.max_usd:g} is reached, {ledger.spent_usd:.4f} USD are spent"
            self.end(StoppedError(f"{told}. Answers are saved; run again with a higher limit to continue"))

    def _held(self, reply: Reply, ledger: Ledger) -> Reply:
        """The reply as it is to be kept: an answer of another version of the model than the ledger's is a failure."""
        known, version = ledger.model_versions, reply.model_version
        if reply.text is None or not version or not known or version in known or self.is_version_change_allowed:
            return reply
        told = f"{version} answers instead of {', '.join(sorted(known))}"
        self.end(EngineError(f"the model has changed: {told}; to continue, add --allow-version-change --retry-failed"))
        return replace(reply, text=None, failure=f"version changed: {told}", failed_text=reply.text)


def _as_it_is(request: AnyRequest) -> Request:
    if isinstance(request, Request):
        return request
    raise TypeError(f"{request.pair_id} is planned, and `in_full` is not given")


def generate(
    requests: Iterable[_Asked],
    engine: Engine,
    ledger: Ledger,
    *,
    in_full: Callable[[_Asked], Request] = _as_it_is,
    advance: Callable[[int], object] = lambda _: None,
    run: Run | None = None,
) -> Tally:
    """Appends a reply to the ledger for every request that has none; one request a key.

    `in_full` gives what an engine is asked for a request that is to be asked.
    An engine may first give replies that an earlier run had asked for; those that were kept then are passed over.
    Earlier failures that lie with the request are asked again only with `run.is_failed_wanted`. `advance` is called
    with 1 for every request that is settled, and with 0 when the engine has told something. Killed at any point, it
    loses and repeats no more than what was in flight. Raises what the run was ended for and what the engine raises,
    once all that came is kept, and EngineError where metadata are hidden from an engine that has nothing else to go by.
    """
    run = run or Run()
    run.advance = advance
    missing = _missing(requests, ledger, run)
    with ledger:
        run.check_cost(ledger)
        for reply in engine.answer(map(in_full, _answerable(missing, engine)), run):
            if reply.key not in run.asked:
                if ledger.holds(reply):
                    continue
                run.taken_over.add(reply.key)
            run.keep(reply, ledger)
            advance(1)
    if run.ending:
        raise run.ending
    return run.tally


def _answerable(requests: Iterable[_Asked], engine: Engine) -> Iterator[_Asked]:
    """The requests, up to one that the engine cannot answer. Raises EngineError there."""
    for request in requests:
        if not (request.is_metadata_shown or engine.is_model):
            raise EngineError(
                f"the engine {engine.name} answers from the metadata alone: leave out --metadata hidden, or choose "
                "another --engine"
            )
        yield request


def _missing(requests: Iterable[_Asked], ledger: Ledger, run: Run) -> Iterator[_Asked]:
    asked = run.asked
    for request in requests:
        if run.is_ending:
            return
        if request.key in run.taken_over:
            run.taken_over.remove(request.key)
            continue
        is_failed = request.key in ledger and request.key not in asked and ledger.is_failure(request.key)
        is_settled = ledger.is_settled(request.key) and not (is_failed and run.is_failed_wanted)
        if request.key in asked or is_settled:
            run.tally.failed_earlier += is_failed
            run.tally.known += not is_failed
            run.advance(1)
            continue
        asked.add(request.key)
        yield request


def finishing_on_signals(run: Run, warn: Callable[[str], object]) -> AbstractContextManager[None]:
    """The first Ctrl-C, SIGTERM or SIGHUP ends the run, which finishes what is under way; the second drops it."""

    def end() -> None:
        run.end(StoppedError("stopped. Answers are saved; run the same command again to continue"))
        warn("finishing what is under way; press Ctrl-C again to drop it")

    return heeding_stop_signals(end)


def sent_text(engine: Engine, options: EngineOptions, *, is_metadata_shown: bool) -> str:
    """Which of a user's data a run sends, and where to."""
    host = engine.host() if isinstance(engine, SendsElsewhere) else "the service of that engine"
    facts = "the recorded facts (age, sex, site, diagnosis and the like), " if is_metadata_shown else ""
    return (
        f"{engine.name} sends to {host}: each image, at most {options.image_side_px:,} pixels a side and without "
        f"metadata, {facts}and questions; no names of files and no ids of patients"
    )


MOST_FAILED = 0.1
"""Share of a run's requests that may fail before it counts as failed itself."""


def require_done(run: Run) -> None:
    """Raises EngineError where nothing is answered or too much failed, UnansweredError where requests are left."""
    tally = run.tally
    good, failed = tally.answered + tally.known, tally.failed + tally.failed_earlier
    told = "".join(f"\n  {count:,} {run.reasons[kind]}" for kind, count in run.failures.most_common())
    again = f"run the same command again to ask {tally.unanswered:,} of them again" if tally.unanswered else ""
    flag = "--retry-failed asks all of them again" if failed > tally.unanswered else ""
    how = "; ".join(filter(None, (again, flag)))
    if failed and not good:
        raise EngineError(f"none of {failed:,} requests was answered; {how}{told}")
    if tally.failed and failed > MOST_FAILED * (good + failed):
        share = f"more than {MOST_FAILED:.0%}"
        raise EngineError(f"{failed:,} of {good + failed:,} requests failed, {share}; {how}{told}")
    if tally.unanswered:
        raise UnansweredError(
            f"{tally.unanswered:,} requests got no answer, for no fault of theirs; answers are saved; "
            f"run the same command again to ask them again{told}"
        )


def run_note(run: Run, total: int) -> str:
    """What stands beside the bar: the engine's own note, cost so far and to come, failures by kind."""
    tally = run.tally
    asked = tally.answered + tally.failed
    left = total - asked - tally.known - tally.failed_earlier
    notes = [f"{run.cost_usd:.3f} USD, about {run.cost_usd / asked * left:.3f} to come"] if run.cost_usd else []
    failures = (f"{count} {kind}" for kind, count in run.failures.most_common())
    return ", ".join(filter(None, (run.note, *notes, *failures)))


def showing(run: Run, bar: Bar, total: int) -> Callable[[int], None]:
    """Moves the bar and notes beside it what the run came to."""

    def advance(count: int) -> None:
        bar.note(run_note(run, total))
        bar(count)

    return advance


def run_text(run: Run, ledger: Path) -> str:
    """What a run came to."""
    tally, failed = run.tally, run.tally.failed + run.tally.failed_earlier
    failures = ", ".join(f"{count} {kind}" for kind, count in run.failures.most_common())
    return (
        f"{tally.answered} answered, {tally.failed} failed{f' ({failures})' if failures else ''}, "
        f"{tally.known} known from before"
        + (f", {tally.failed_earlier} failed before and not asked again" if tally.failed_earlier else "")
        + (f"; {run.cost_usd:.4f} USD" if run.cost_usd else "")
        + f"; ledger {ledger}"
        + (f"\nread why replies failed: dermasynth failures --work {ledger.parent.parent}" if failed else "")
    )
