"""Effect: the whole build on one page: read, plan, generate, assemble, release."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from dermasynth_builder import registry
from dermasynth_builder.card import Config, card_text
from dermasynth_builder.errors import ReleaseError
from dermasynth_builder.generate import Run, Tally, generate
from dermasynth_builder.interrupts import finishing_on_ctrl_c
from dermasynth_builder.ledger import Ledger, ledger_path
from dermasynth_builder.progress import Bar, Reporter
from dermasynth_builder.protocols import Engine, Waiting
from dermasynth_builder.publish import Assembled, recipe_of, write_source
from dermasynth_builder.questions import load_prompt_book
from dermasynth_builder.reading import Planned, read_source
from dermasynth_builder.records import Pair, Request
from dermasynth_builder.release import CARD, new_release, verify
from dermasynth_builder.resources import jinja_environment, resource_dir
from dermasynth_builder.run_text import run_note, run_text
from dermasynth_builder.settings import BATCHES, Settings


def plan(settings: Settings, report: Reporter) -> list[Planned]:
    """Reads every source of the settings and plans its requests. Raises SourceError."""
    book = load_prompt_book()
    return [Planned(read_source(name, settings, report), book, settings.seed) for name in settings.raw]


def tell_missing(planned: Sequence[Planned], settings: Settings, report: Reporter) -> None:
    """Says how many requests an engine would be asked, and asks none."""
    engine = engine_of(settings)
    ledger = open_ledger(engine, settings, report)
    for each in planned:
        keys = [request.key for request in _shard(each, settings)]
        missing = sum(key not in ledger for key in keys)
        report.say(f"{each.read.name}: {len(keys)} requests, {missing} of them to ask {engine.name}")


def ask(planned: Sequence[Planned], settings: Settings, report: Reporter) -> Tally:
    """Has the engine answer what its ledger does not hold yet.

    A first Ctrl-C finishes what is under way. Raises StoppedError or EngineError where it ends early.
    """
    engine = engine_of(settings)
    ledger = open_ledger(engine, settings, report)
    run = Run(settings.max_usd, settings.is_version_change_allowed)
    total = sum(1 for each in planned for _ in _shard(each, settings))
    requests = (request for each in planned for request in _shard(each, settings))
    try:
        with finishing_on_ctrl_c(run, report.warn), report.bar(f"asking {engine.name}", total) as bar:
            advance = _showing(run, bar, total, engine=engine)
            generate(requests, engine, ledger, is_failed_wanted=settings.is_failed_wanted, advance=advance, run=run)
    finally:
        report.say(run_text(run, ledger.path))
    return run.tally


def _shard(planned: Planned, settings: Settings) -> Iterator[Request]:
    """The requests that are this machine's, by a hash of their keys."""
    number, of = settings.shard
    return (request for request in planned.requests() if int(request.key[:8], 16) % of == number - 1)


def _showing(run: Run, bar: Bar, total: int, *, engine: Engine) -> Callable[[int], None]:
    """Moves the bar and notes beside it what the run came to, and how an engine that waits is getting on."""
    told = ""

    def advance(count: int) -> None:
        bar.note(", ".join(filter(None, (told, run_note(run, total)))))
        bar(count)

    def tell(note: str) -> None:
        nonlocal told
        told = note
        advance(0)

    if isinstance(engine, Waiting):
        engine.tell = tell
    return advance


def release(planned: Sequence[Planned], settings: Settings, report: Reporter) -> list[Config]:
    """Writes the release folder from the ledger's replies. Raises ReleaseError; the old release then stays."""
    engine = engine_of(settings)
    ledger = open_ledger(engine, settings, report)
    if not settings.is_partial_allowed:
        _require_all_asked(planned, ledger)
    with new_release(settings.out) as folder:
        configs = [write_source(each, ledger, folder, settings=settings, report=report) for each in planned]
        text = card_text(configs, jinja_environment(resource_dir("card")))
        (folder / CARD).write_text(text, encoding="utf-8")
        verify(folder)
    for config in configs:
        counts = ", ".join(f"{split} {files.rows}" for split, files in config.splits.items())
        report.say(
            f"{config.source.name}: {config.rows} pairs of {len(config.stats.images)} images ({counts}), "
            f"{config.rejected} rejected"
        )
    report.say(f"release written to {settings.out}")
    return configs


def pairs(settings: Settings, report: Reporter) -> Iterator[Pair]:
    """The pairs of a run without writing a release: what the ledger answers, after all checks."""
    ledger = open_ledger(engine_of(settings), settings, report)
    for each in plan(settings, report):
        for item in Assembled(each, ledger, recipe_of(settings)).checked():
            if isinstance(item, Pair):
                yield item


def build(settings: Settings, report: Reporter) -> list[Config]:
    """All stages, from the raw releases to the release folder."""
    planned = plan(settings, report)
    ask(planned, settings, report)
    return release(planned, settings, report)


def engine_of(settings: Settings) -> Engine:
    """The engine of the settings, which keeps what it hands in in the working folder. Raises UsageError."""
    options = settings.engine_options
    batch = replace(options.batch, folder=settings.work / BATCHES)
    return registry.engine(settings.engine, replace(options, batch=batch))


def open_ledger(engine: Engine, settings: Settings, report: Reporter) -> Ledger:
    """The ledger of this engine in the working folder. Raises LedgerError."""
    return Ledger(ledger_path(settings.work / "ledgers", engine), engine.identity, report.warn)


def _require_all_asked(planned: Sequence[Planned], ledger: Ledger) -> None:
    for each in planned:
        missing = sum(request.key not in ledger for request in each.requests())
        if missing:
            raise ReleaseError(
                f"{missing} requests of {each.read.name} have no reply in {ledger.path}; run `dermasynth generate` "
                "first, or release what is there with --partial"
            )
