"""The commands from a first recipe to a release: init, plan, cost, generate, release, build."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from dermasynth_builder.cli.command import Chosen, WholeTable, command, looking_at, raw_folders
from dermasynth_builder.core.cost_options import CostOptions
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.option import Option
from dermasynth_builder.core.options import RECIPE, Settings
from dermasynth_builder.core.reporter import Reporter

if TYPE_CHECKING:
    from dermasynth_builder.pipeline import Hold

_CHOOSING = ("sources", "images", "questions", "--work")
_READING = (*_CHOOSING, "model", "--out")
_GENERATING = (*_READING, "pace", "batches")
_FIRST = ("--raw", "--recipe", "--engine", "--model")

AsJson = Annotated[bool, Option("print it as JSON", "--json")]
Dry = Annotated[bool, Option("say what would be asked, and stop", "--dry-run")]


@command(example="dermasynth init pad_ufes --raw path/to/pad_ufes", first=("--raw",))
def init(
    *sources: Annotated[str, Option("the sources; default: those whose raw releases lie here", metavar="SOURCE")],
    raw: Annotated[list[str] | None, Option("their folders, as for `dermasynth build`", "--raw", metavar="DIR")] = None,
) -> None:
    """Write a commented recipe.toml with the raw releases that lie here.

    They are looked for in ./data/SOURCE and ./SOURCE, and then in this folder and those in it. With the recipe, the
    other commands need no option.
    """
    from dermasynth_builder.core.recipe import first_recipe
    from dermasynth_builder.read.find import find_raw

    path = Path(RECIPE)
    if path.exists():
        raise UsageError(f"{path} exists already; edit it, or move it away")
    folders = raw_folders(sources, raw or ()) if sources or raw else find_raw(Path())
    path.write_text(first_recipe(folders), encoding="utf-8")
    print("\n".join(f"{name}: {folder}" for name, folder in folders.items()) or "found no raw release here")
    print(f"{path} written; next: {'dermasynth plan' if folders else f'write your folders into {path}'}")


@command(
    *_READING,
    example="dermasynth plan pad_ufes --raw data/pad_ufes --show 3",
    first=(*_FIRST, "--show"),
)
def plan(
    settings: Settings,
    /,
    *,
    show: Annotated[int, Option("print the first N prompts in full", "--show")] = 0,
    as_json: AsJson = False,
    whole_table: WholeTable = False,
) -> None:
    """Show what would be asked, and ask nothing."""
    from dermasynth_builder import pipeline
    from dermasynth_builder.cli import terminal
    from dermasynth_builder.report.show import plan_counts, plan_text, prompts_text

    report = terminal.TerminalReporter(results=sys.stderr if as_json else sys.stdout)
    settings = looking_at(settings, whole_table)
    planned = pipeline.plan(settings, report)
    ledger = pipeline.open_ledger(pipeline.open_engine(settings), settings, report)
    pipeline.tell_unused(planned, ledger, settings, report=report)
    counts = [plan_counts(each) for each in planned]
    if as_json:
        print(json.dumps(counts, indent=2))
        return
    for each, counted in zip(planned, counts, strict=True):
        terminal.show(plan_text(counted))
        print(prompts_text(each, show), end="")


@command(
    *_CHOOSING,
    own=CostOptions,
    example="dermasynth cost pad_ufes --raw data/pad_ufes --model gemini-3.8-flash",
    first=("--raw", "--recipe", "--model", "--thinking", "--from-ledger"),
)
def cost(settings: Settings, chosen: Chosen, /, *, as_json: AsJson = False, whole_table: WholeTable = False) -> None:
    """Estimate what asking a model would cost, in money and time; asks nothing."""
    from datetime import UTC, datetime

    from dermasynth_builder.cli.terminal import TerminalReporter, show
    from dermasynth_builder.report.cost import cost_report
    from dermasynth_builder.report.cost_text import cost_text, cost_values

    report = TerminalReporter(results=sys.stderr if as_json else sys.stdout)
    model = settings.engine_options.model
    options = CostOptions(**{"models": (model,) if model else (), **chosen})
    told = cost_report(options, looking_at(settings, whole_table), report, on=datetime.now(UTC).date())
    if as_json:
        print(json.dumps(cost_values(told), indent=2))
    else:
        show(cost_text(told))


@command(
    *_GENERATING,
    example="dermasynth generate pad_ufes --raw data/pad_ufes --retry-failed",
    first=(*_FIRST, "--max-usd"),
)
def generate(settings: Settings, /, *, dry_run: Dry = False) -> None:
    """Ask the engine everything that has no answer yet."""
    from dermasynth_builder import pipeline
    from dermasynth_builder.cli.terminal import TerminalReporter
    from dermasynth_builder.report.cost import pilot_report
    from dermasynth_builder.report.cost_text import pilot_text

    report = TerminalReporter()
    planned = pipeline.plan(settings, report)
    if dry_run:
        pipeline.tell_missing(planned, settings, report)
        return
    pipeline.ask(planned, settings, report)
    if settings.pilot:
        print(pilot_text(pilot_report(planned, settings)))


@command(
    *_READING,
    "release",
    example="dermasynth release pad_ufes --raw data/pad_ufes --splits 80/10/10",
    first=(*_FIRST, "--splits"),
)
def release(settings: Settings, /) -> None:
    """Check the replies and write the release folder."""
    from dermasynth_builder import pipeline
    from dermasynth_builder.cli.terminal import TerminalReporter

    report = TerminalReporter()
    pipeline.release(pipeline.plan(settings, report), settings, report, hold=_hold(settings, report))


@command(*_GENERATING, "release", example="dermasynth build pad_ufes --raw data/pad_ufes", first=(*_FIRST, "--out"))
def build(settings: Settings, /, *, dry_run: Dry = False) -> None:
    """Plan, generate and release in one go."""
    from dermasynth_builder import pipeline
    from dermasynth_builder.cli.terminal import TerminalReporter

    report = TerminalReporter()
    if dry_run:
        pipeline.tell_missing(pipeline.plan(settings, report), settings, report)
    else:
        pipeline.build(settings, report, hold=_hold(settings, report))


def _hold(settings: Settings, report: Reporter) -> "Hold | None":
    from dermasynth_builder.report.review import hold

    return partial(hold, settings=settings, report=report) if settings.is_held else None
