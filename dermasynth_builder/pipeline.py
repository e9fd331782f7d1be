"""The whole build on one page: read, plan, generate, assemble, release."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from heapq import nsmallest
from itertools import chain, islice
from pathlib import Path
from typing import Any

from dermasynth_builder.check.assemble import Reject
from dermasynth_builder.check.copies import Copies, find_copies, write_matches
from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import DermaSynthError, ReleaseError, UnansweredError, UsageError
from dermasynth_builder.core.images.index import ImageIndex
from dermasynth_builder.core.options import BATCHES, RECIPE, SERVERS, WITHDRAWN, PlanOptions, Settings
from dermasynth_builder.core.protocols import ChoosesQuestions, Engine, EngineContext
from dermasynth_builder.core.recipe import record_recipe, record_run, release_recipe, run_name
from dermasynth_builder.core.records import ClinicalImage, Pair, PlannedRequest, Problem, Request
from dermasynth_builder.core.registry import CLOSED, SAMPLE
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.core.wording import join_words
from dermasynth_builder.generate.answers.expected import expected_features
from dermasynth_builder.generate.ledger import Ledger, ledger_name
from dermasynth_builder.generate.ledger_tools import sent_on_day, unused_text
from dermasynth_builder.generate.prices import cost_usd, load_prices, online_tier
from dermasynth_builder.generate.retries import MOST, Retries, retries_of
from dermasynth_builder.generate.rounds import Planned, rounds_folder
from dermasynth_builder.generate.run import (
    Run,
    Tally,
    finishing_on_signals,
    generate,
    require_done,
    run_text,
    sent_text,
    showing,
)
from dermasynth_builder.plan.plan_file import PLANS, plans_in
from dermasynth_builder.plan.planner import LOOK, Planner
from dermasynth_builder.plan.questions import load_prompt_book
from dermasynth_builder.read.controls import shown_instead
from dermasynth_builder.read.selection import part_text
from dermasynth_builder.read.source import ReadSource, read_source
from dermasynth_builder.release.card import Beside, Config, Terms, engine_terms
from dermasynth_builder.release.closed_config import closed_facts, write_closed
from dermasynth_builder.release.examples import FIGURES, choose_examples, write_examples
from dermasynth_builder.release.facts import Run as PageRun
from dermasynth_builder.release.facts import Written, release_facts, temperature_of
from dermasynth_builder.release.figures import why_not_drawn
from dermasynth_builder.release.folder import loading_call, new_release, read_closed, verify, why_not_loaded
from dermasynth_builder.release.kept import rejects_path, remember
from dermasynth_builder.release.pages import write_pages
from dermasynth_builder.release.sample import write_sample
from dermasynth_builder.release.viewer import viewer_faults
from dermasynth_builder.release.withdrawn import left_out_in, read_withdrawn, withdrawn_text, without_effect
from dermasynth_builder.release.write import checked_pairs, require_no_control, terms_of, write_source

Hold = Callable[[Sequence[Planned], Ledger], None]

_MANY = 5_000  # pictures; to compare them takes more than a moment


def plan(settings: Settings, report: Reporter) -> list[Planned]:
    """Reads every source of the settings; its requests are planned at the first look. Raises SourceError."""
    engine = open_engine(settings)
    chooser = engine if isinstance(engine, ChoosesQuestions) else None
    knowledge = expected_features() if settings.plan_options.is_expected_shown and engine.is_model else None
    book, options = load_prompt_book(sources=settings.raw), _plan_options(settings, engine)
    planner = Planner(book, settings.seed, options, chooser, knowledge)
    rounds = rounds_folder(ledger_of(engine, settings))
    plans = settings.work / PLANS
    return [Planned(_read(name, settings, report), planner, rounds, plans, report) for name in settings.raw]


def _read(name: str, settings: Settings, report: Reporter) -> ReadSource:
    """What a source gives, with the pictures that are shown of it."""
    read, control = read_source(name, settings, report), settings.plan_options.control
    return replace(read, images=shown_instead(read.images, control, settings)) if control else read


def _plan_options(settings: Settings, engine: Engine) -> PlanOptions:
    """The options with the engine's own default filled in."""
    options = settings.plan_options
    can_look = engine.is_model and settings.engine_options.prompt != "plain"
    return replace(options, look=options.look or ("first" if can_look else "off"))


def _require_sight(planned: Sequence[Planned], engine: Engine) -> None:
    """Raises UsageError for an engine that cannot look, where it is to."""
    for each in planned:
        if (control := each.planner.options.control) and not engine.is_model:
            raise UsageError(
                f"--control {control}: the engine {engine.name} looks at no image; choose another --engine"
            )
        if each.planner.look_mode != "off" and not engine.is_model:
            mode = each.planner.look_mode
            raise UsageError(f"--look {mode}: the engine {engine.name} looks at no image; choose another --engine")


def mark_copies(planned: Sequence[Planned], settings: Settings, report: Reporter) -> Copies:
    """Has the images of all sources together know which of them hold one picture; lists what was found.

    Requests stay as they are: what an image shares decides its split and what its rows say.
    """
    copies = copies_of([image for each in planned for image in each.read.images], settings, report)
    marked = iter(copies.images)
    for each in planned:
        each.read = replace(each.read, images=list(islice(marked, len(each.read.images))))
    return copies


def copies_of(images: Sequence[ClinicalImage], settings: Settings, report: Reporter) -> Copies:
    """Which of these measured images hold one picture; what a person should know of it is told and listed."""
    measured = [image for image in images if image.file]
    if len(measured) > _MANY:
        report.say(f"comparing {len(measured):,} pictures")
    copies = find_copies(images, ImageIndex(settings.work / "images.sqlite").near(measured))
    path = settings.work / "problems" / "copies.csv"
    write_matches(copies, path)
    for line in copies.lines():
        report.warn(line)
    if copies.matches:
        report.warn(f"pictures: all are listed in {path}")
    return copies


def all_images(raw: Mapping[str, Path], settings: Settings, report: Reporter) -> Sequence[ClinicalImage]:
    """All images that the tables of these sources list, on disk or not; those on disk know what they share.

    Raises SourceError where a folder holds no release.
    """
    listed = [
        item
        for name, folder in raw.items()
        for item in registry.source(name).read(folder)
        if isinstance(item, ClinicalImage)
    ]
    with report.bar("measuring images", len(listed)) as advance:
        measured = list(ImageIndex(settings.work / "images.sqlite").measure(listed, advance))
    images = [given if isinstance(item, Problem) else item for given, item in zip(listed, measured, strict=True)]
    return copies_of(images, settings, report).images


def tell_missing(planned: Sequence[Planned], settings: Settings, report: Reporter) -> None:
    """Says how many requests an engine would be asked, and asks none."""
    engine = open_engine(settings)
    ledger = open_ledger(engine, settings, report)
    tell_unused(planned, ledger, settings, report=report)
    for each in planned:
        keys = [key for key in each.all_keys() if _is_mine(key, settings)]
        missing = sum(not ledger.is_settled(key) for key in keys)
        report.say(f"{each.read.name}: {len(keys)} requests, {missing} of them to ask {engine.name}")
        if unanswerable := each.unanswerable:
            types = ", ".join(f"{kind} ({count:,} images)" for kind, count in sorted(unanswerable.items()))
            report.say(f"{each.read.name}: {engine.name} cannot answer, and is not asked, {types}")


def tell_unused(planned: Sequence[Planned], ledger: Ledger, settings: Settings, *, report: Reporter) -> None:
    """Warns where replies of the ledger are of no use to any plan any more, and others are asked in their place.

    A plan for a part of the images leaves those about the others for later, and warns of none.
    """
    if not len(ledger) or settings.plan_options.is_part:
        return
    others = (each for each in plans_in(settings.work / PLANS) if each.source not in settings.raw)
    elsewhere = {key for other in others for key in chain(other.keys, *other.later.values())}
    elsewhere |= set(retries_of(ledger).keys())
    if told := unused_text([key for each in planned for key in each.all_keys()], ledger, elsewhere):
        report.warn(told)


def ask(planned: Sequence[Planned], settings: Settings, report: Reporter) -> Tally:
    """Has the engine answer what its ledger does not hold yet, a round of self-instruct after the other.

    A first Ctrl-C, SIGTERM or SIGHUP finishes what is under way. Raises StoppedError or EngineError where it ends
    early or too much fails.
    """
    engine = open_engine(settings)
    _require_sight(planned, engine)
    ledger = open_ledger(engine, settings, report)
    _record(engine, settings, report)
    tell_sent(engine, ledger, settings, report=report)
    tell_unused(planned, ledger, settings, report=report)
    run = Run(settings.max_usd, settings.is_version_change_allowed, settings.is_failed_wanted)
    total = settings.pilot or sum(_requests_of(each, settings) for each in planned)
    of_source = {each.read.name: each for each in planned}
    try:
        with finishing_on_signals(run, report.warn), report.bar(f"asking {engine.name}", total) as bar:
            advance = showing(run, bar, total)
            for number in range(_rounds(planned, settings)):
                to_ask = chain.from_iterable(each.requests_to_ask(number, ledger) for each in planned)
                mine = (request for request in to_ask if _is_mine(request.key, settings))
                generate(
                    _piloted(mine, number, planned=planned, settings=settings) if settings.pilot else mine,
                    engine,
                    ledger,
                    in_full=lambda request: of_source[request.source].in_full(request),
                    advance=advance,
                    run=run,
                )
            if settings.is_rejected_wanted and engine.is_model:
                _ask_rejected(planned, settings, engine, ledger=ledger, run=run)
    finally:
        report.say(run_text(run, ledger.path))
    try:
        require_done(run)
    except DermaSynthError as error:
        if not (settings.pilot and run.tally.answered):  # a pilot is there to show what fails
            raise
        report.warn(str(error))
    return run.tally


def tell_sent(engine: Engine, ledger: Ledger, settings: Settings, *, report: Reporter) -> None:
    """Before the first request to a service, once: what is sent to whom, and what its maker asks."""
    if engine.is_model and not len(ledger):
        is_shown = settings.plan_options.is_metadata_shown
        report.say(sent_text(engine, settings.engine_options, is_metadata_shown=is_shown))
        report.say(engine_terms().get(engine.name, Terms()).terms)


def _ask_rejected(planned: Sequence[Planned], settings: Settings, engine: Engine, *, ledger: Ledger, run: Run) -> None:
    """Asks for what the checks reject again, as often as may be; see `retries`."""
    for _ in range(MOST):
        retries = retries_of(ledger)
        requests = [again for each in planned for again in _rejected_anew(each, settings, ledger, retries=retries)]
        missing = [each for each in requests if each.key not in ledger and _is_mine(each.key, settings)]
        if not missing:
            return
        generate(missing, engine, ledger, run=run)


def _rejected_anew(planned: Planned, settings: Settings, ledger: Ledger, *, retries: Retries) -> Iterator[Request]:
    """What to ask in place of each reply of a source that the checks reject, as requests in full."""
    reasons: dict[str, list[str]] = {}
    for item in checked_pairs(planned, ledger, terms_of(settings, planned.read.images)):
        if isinstance(item, Reject) and item.reply is not None and not item.is_outcome:
            reasons.setdefault(item.request_key, []).extend(item.reasons)
    if not reasons:
        return
    for first, current in _with_current(planned, ledger, retries):
        if current.key in reasons and first.style != LOOK:  # what rests on a look knows it by its first key
            again = retries.anew(planned.in_full(first), list(dict.fromkeys(reasons[current.key])), current.key)
            if again:
                yield again


def _with_current(
    planned: Planned, ledger: Ledger, retries: Retries
) -> Iterator[tuple[PlannedRequest, PlannedRequest]]:
    for first in planned.requests():
        [current] = retries.current([first], ledger)
        yield first, current


def _rounds(planned: Sequence[Planned], settings: Settings) -> int:
    """How many are asked; a pilot asks no later ones of self-instruct."""
    return max(each.planner.first_round + 1 if settings.pilot else each.planner.rounds for each in planned)


_LOOKS = 3
"""One of so many requests of a plan that looks first is a look: an image has two questions."""


def _piloted(
    requests: Iterator[PlannedRequest], number: int, *, planned: Sequence[Planned], settings: Settings
) -> Iterator[PlannedRequest]:
    """As many of a round's requests as a pilot asks of it: a draw by their keys, which are hashes."""
    of_all = settings.pilot or 0
    looks = -(-of_all // _LOOKS) if planned[0].planner.first_round else 0
    drawn = nsmallest(looks if looks and not number else of_all - looks, requests, key=lambda request: request.key)
    yield from drawn


def _requests_of(planned: Planned, settings: Settings) -> int:
    """How many requests of a source are this machine's; of rounds that have not begun, its share."""
    known = sum(_is_mine(key, settings) for key in planned.begun_keys())
    return known + planned.waiting // settings.shard[1]


def _is_mine(key: str, settings: Settings) -> bool:
    """Whether a request is this machine's, by a hash of its key."""
    number, of = settings.shard
    return int(key[:8], 16) % of == number - 1


def release(
    planned: Sequence[Planned], settings: Settings, report: Reporter, *, hold: Hold | None = None
) -> list[Config]:
    """Writes the release folder from the ledger's replies. Raises ReleaseError; the old release then stays.

    `hold` may look at what would be released, and raise StoppedError.
    """
    require_no_control(settings)
    engine = open_engine(settings)
    ledger = open_ledger(engine, settings, report)
    if not settings.is_partial_allowed:
        told = "run `dermasynth generate` first, or release what is there with --partial"
        _require_all_asked(planned, ledger, told)
    record_recipe(settings)
    mark_copies(planned, settings, report)
    if hold:
        hold(planned, ledger)
    with new_release(settings.out) as folder:
        configs = [write_source(each, ledger, folder, settings=settings, report=report) for each in planned]
        facts = _write_pages(planned, configs, folder, settings=settings, spent_usd=ledger.spent_usd)
        (folder / RECIPE).write_text(release_recipe(settings), encoding="utf-8")
        _write_withdrawn(folder, settings, report)
        written = verify(folder, report, unread={config.source.name for config in configs if config.is_kept})
        for fault in viewer_faults({name: each.files for name, each in {**written, **read_closed(folder)}.items()}):
            report.warn(f"the Hub's page will show no statistics: {fault}")
    for config, told in zip(configs, facts["sources"], strict=True):
        remember(config, settings)
        _tell_written(config, told["images"], report)
    if any(config.rejected for config in configs):
        report.say(f"read why pairs were rejected: dermasynth failures --work {settings.work}")
    report.say(f"release written to {settings.out}")
    for warning in filter(None, (why_not_drawn(), why_not_loaded(settings.out))):
        report.warn(warning)
    report.say(f"load it: {loading_call(settings.out, configs[0].source.name)}")
    return configs


def _write_withdrawn(folder: Path, settings: Settings, report: Reporter) -> None:
    """The list of what is withdrawn, where there is one. Warns of a line that withdraws nothing of what was planned."""
    if not (withdrawn := read_withdrawn(settings.withdrawn)):
        return
    (folder / WITHDRAWN).write_text(withdrawn_text(withdrawn), encoding="utf-8")
    left_out = chain.from_iterable(left_out_in(rejects_path(name, settings)) for name in settings.raw)
    if settings.plan_options.is_part:  # what a part has not may be in the whole
        return
    for name in without_effect(withdrawn, left_out, settings.raw):
        report.warn(f"{settings.withdrawn}: {name} is no row of these sources; check how it is spelled")


def _tell_written(config: Config, images: int, report: Reporter) -> None:
    """What was written of one source, and what was done to its images."""
    counts = ", ".join(f"{split} {files.rows}" for split, files in config.splits.items())
    report.say(
        f"{config.source.name}: {config.rows} pairs of {images} images ({counts}), "
        f"{config.rejected} rejected{'; nothing changed, its files are kept' if config.is_kept else ''}"
    )
    for change, count in config.changes.most_common():
        if change:
            report.say(f"{config.source.name}: {count} of {config.changes.total()} images: {change}")


def _write_pages(
    planned: Sequence[Planned], configs: Sequence[Config], folder: Path, *, settings: Settings, spent_usd: float
) -> dict[str, Any]:
    """Writes the sample and all that is not Parquet, of the facts of what is written; gives these."""
    beside = _write_beside(planned, configs, folder, settings=settings)
    sample = beside.sample
    written = [Written(each.source, each.splits, rejects_path(each.source.name, settings)) for each in configs]
    facts = release_facts(written, _run_of(planned, settings), sample=sample)
    images = {each.read.name: {image.image_id: image for image in each.read.images} for each in planned}
    shown = sample.files if sample else [path for files in configs[0].splits.values() for path in files.files]
    facts |= {"closed": closed_facts(beside.closed), "spent_usd": round(spent_usd, 2)}
    facts["examples"] = list(write_examples(choose_examples(shown), images, folder / FIGURES))
    write_pages(facts, configs, folder, beside=beside)
    return facts


def _run_of(planned: Sequence[Planned], settings: Settings) -> PageRun:
    options = settings.engine_options
    asked: dict[str, Any] = {
        "model": options.model,
        "thinking": options.thinking,
        "max_output_tokens": options.max_output_tokens,
    }
    asked |= {"image_side_px": options.image_side_px, "temperature": temperature_of(options.body)}
    is_model = open_engine(settings).is_model
    withdrawn = len(read_withdrawn(settings.withdrawn))
    return PageRun(_part(planned, settings), settings.is_specimen, settings.seed, asked if is_model else {}, withdrawn)


def _write_beside(planned: Sequence[Planned], configs: Sequence[Config], folder: Path, *, settings: Settings) -> Beside:
    """The configs `sample`, of the train splits, and `closed`, of the test splits; none where no such split is."""
    train = {each.source.name: each.splits["train"].files for each in configs if "train" in each.splits}
    images = {each.read.name: {image.image_id: image for image in each.read.images} for each in planned}
    files = {each.source.name: {split: told.files for split, told in each.splits.items()} for each in configs}
    return Beside(
        write_sample(train, images, folder / SAMPLE, max_side_px=settings.max_side_px),
        write_closed(files, images, folder / CLOSED, max_side_px=settings.max_side_px),
    )


def _part(planned: Sequence[Planned], settings: Settings) -> str:
    """Which part of the images the settings have chosen, in a sentence; "" for all."""
    part = part_text(settings.plan_options)
    counts = (f"{len(each.read.images):,} of {each.read.chosen_of:,} of {each.read.name}" for each in planned)
    return part and f"A part of the images was chosen ({part}): {join_words(counts)}."


def pairs(settings: Settings, report: Reporter) -> Iterator[Pair]:
    """The pairs of a run without writing a release: what the ledger answers, after all checks. Raises ReleaseError."""
    require_no_control(settings)
    ledger = open_ledger(open_engine(settings), settings, report)
    planned = plan(settings, report)
    mark_copies(planned, settings, report)
    if not settings.is_partial_allowed:
        name, raw = next(iter(settings.raw.items()))
        _require_all_asked(
            planned,
            ledger,
            f"run `dermasynth generate {name} --raw {raw} --work {settings.work}` first, or take what is there with "
            "is_partial_allowed=True",
        )
    for each in planned:
        for item in checked_pairs(each, ledger, terms_of(settings, each.read.images)):
            if isinstance(item, Pair):
                yield item


def outcomes(settings: Settings, report: Reporter) -> Iterator[tuple[ClinicalImage, Pair | Reject]]:
    """What became of each reply of a run, and the image as it was shown; runs with `--control` too.

    Copies of pictures in other sources are not looked for, so the check `contradictions` finds nothing.
    """
    ledger = open_ledger(open_engine(settings), settings, report)
    for each in plan(settings, report):
        images = {image.image_id: image for image in each.read.images}
        for item in checked_pairs(each, ledger, terms_of(settings, each.read.images)):
            yield images[item.pair_id.partition("/")[2].rpartition("/")[0]], item


def build(settings: Settings, report: Reporter, *, hold: Hold | None = None) -> list[Config]:
    """All stages, from the raw releases to the release folder; for `hold` see `release`."""
    require_no_control(settings)
    planned = plan(settings, report)
    try:
        ask(planned, settings, report)
    except UnansweredError as error:
        if not settings.is_partial_allowed:
            raise
        report.warn(str(error))
    return release(planned, settings, report, hold=hold)


def open_ledger(engine: Engine, settings: Settings, report: Reporter) -> Ledger:
    """The ledger of this engine in the working folder. Raises LedgerError."""
    return Ledger(ledger_of(engine, settings), _identity(engine, settings), report.warn)


def ledger_of(engine: Engine, settings: Settings) -> Path:
    """Where a run keeps its replies."""
    return settings.work / "ledgers" / ledger_name(_identity(engine, settings))


def _identity(engine: Engine, settings: Settings) -> dict[str, str | int | float | None]:
    """All that can change an answer and stands in no request: the engine's identity, and that a run is a control."""
    control = settings.plan_options.control
    return {**engine.identity, **({"control": control} if control else {})}


def _record(engine: Engine, settings: Settings, report: Reporter) -> None:
    """Keeps what the run uses. What commands go by that name no source is never a control."""
    options = _plan_options(settings, engine)
    identity = _identity(engine, settings)
    name = run_name(identity, settings, options)
    record_run(settings, name)
    if options.control:
        report.say(f"compare this run with another: dermasynth compare NAME {name} --work {settings.work}")
    else:
        record_recipe(settings)


def _require_all_asked(planned: Sequence[Planned], ledger: Ledger, otherwise: str) -> None:
    for each in planned:
        missing = sum(not ledger.is_settled(key) for key in each.all_keys())
        if missing:
            raise ReleaseError(f"{missing} requests of {each.read.name} have no reply in {ledger.path}; {otherwise}")


def open_engine(settings: Settings) -> Engine:
    """The engine of the settings, told of prices, of what earlier runs have sent and of a folder for its batches.

    Raises UsageError.
    """
    table, today = load_prices(), date.today()
    price = partial(cost_usd, on=today, table=table)
    context = EngineContext(
        batches=settings.work / BATCHES / (settings.plan_options.control or ""),
        servers=settings.work / SERVERS,
        price=partial(price, tier=online_tier(settings.engine_options)),
        batch_price=partial(price, tier="batch"),
        standard_price=partial(price, tier="standard"),
        image_family=partial(table.image_family, on=today),
        sent_today=partial(sent_on_day, settings.work / "ledgers"),
    )
    return registry.engine(settings.engine, settings.engine_options, context)
