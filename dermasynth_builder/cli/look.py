"""The commands that look and change nothing: sources, questions, audit, status, failures, show."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from dermasynth_builder.cli.command import Chosen, WholeTable, command, looking_at
from dermasynth_builder.core.errors import FigureError, PluginError, UsageError
from dermasynth_builder.core.option import Option
from dermasynth_builder.core.options import WHERE, Settings

if TYPE_CHECKING:
    from dermasynth_builder.cli.terminal import TerminalReporter
    from dermasynth_builder.report.audit import Audit

AsJson = Annotated[bool, Option("print it as JSON", "--json")]


@command(example="dermasynth sources")
def sources() -> None:
    """List the image sets, their licences and where to get them."""
    from dermasynth_builder.cli.terminal import text_width
    from dermasynth_builder.core import registry
    from dermasynth_builder.report.show import source_text

    for name in registry.SOURCES:
        try:
            print(source_text(registry.source(name), text_width()))
        except PluginError as error:  # the others are there all the same
            print(f"dermasynth: {error}", file=sys.stderr)


@command(example="dermasynth questions --figure wheel.png --figure wheel.svg", first=("--figure",))
def questions(
    *,
    figure: Annotated[
        tuple[Path, ...],
        Option(
            "also draw the wheel of root verbs and their objects into FILE, a .png or .svg; may be repeated (extra: "
            "figures)",
            "--figure",
            metavar="FILE",
        ),
    ] = (),
    as_json: AsJson = False,
) -> None:
    """Count the questions of the banks, and measure how varied they are."""
    from dermasynth_builder.cli.terminal import show
    from dermasynth_builder.plan.questions import load_prompt_book
    from dermasynth_builder.release.wheel import draw_wheel
    from dermasynth_builder.report.questions import bank_report, report_text

    report = bank_report(load_prompt_book())
    for path in figure:
        draw_wheel(report["wheel"], path)
        print(f"wheel drawn into {path}", file=sys.stderr)
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        show(report_text(report))


def png_path(text: str) -> Path:
    """The name of a PNG file."""
    if not text.lower().endswith(".png"):
        raise ValueError("the figure is a PNG file; write a name that ends in .png")
    return Path(text)


@command(
    *("sources", "--raw", "--work", "--verify"),
    example="dermasynth audit pad_ufes --raw data/pad_ufes",
    first=("--raw", "--recipe", "--figure", "--verify", "--json"),
)
def audit(
    settings: Settings,
    /,
    *,
    figure: Annotated[
        Path | None,
        Option(
            "where the figure of one source goes (default: WORK/figures/audit-SOURCE.png for each); needs matplotlib",
            "--figure",
            metavar="FILE.png",
            read=png_path,
        ),
    ] = None,
    as_json: AsJson = False,
    whole_table: WholeTable = False,
) -> None:
    """Count what the raw releases hold, as a table and a figure."""
    from dermasynth_builder.cli import terminal
    from dermasynth_builder.report import audit as report_of
    from dermasynth_builder.report.audit_text import audit_text

    if figure and len(settings.raw) > 1:
        raise UsageError(
            f"--figure {figure}: one file cannot hold the figures of {len(settings.raw)} sources; leave it out, or "
            "name one source"
        )
    settings = looking_at(settings, whole_table)
    report = terminal.TerminalReporter(results=sys.stderr if as_json else sys.stdout)
    audits = []
    for name in settings.raw:
        audits.append(report_of.audit(report_of.survey_source(name, settings, report)))
        if not as_json:
            terminal.show(audit_text(audits[-1]))
    if as_json:
        _print_as_json(audits)
    for each in audits:
        _draw(each, settings, figure, report=report)


def _print_as_json(audits: Sequence["Audit"]) -> None:
    is_unicode = (sys.stdout.encoding or "utf-8").lower().startswith("utf")
    print(json.dumps([asdict(each) for each in audits], indent=2, ensure_ascii=not is_unicode))


def _draw(counted: "Audit", settings: Settings, figure: Path | None, *, report: "TerminalReporter") -> None:
    """The figure of one source; that it cannot be drawn is an error only where it was asked for."""
    from dermasynth_builder.report.figures import draw_audit

    path = figure or settings.work / "figures" / f"audit-{counted.source}.png"
    try:
        draw_audit(counted, path)
    except FigureError as error:
        if figure:
            raise
        report.warn(str(error))
    else:
        report.say(f"{counted.source}: figure drawn to {path}")


@command("--work", "--out", example="dermasynth report", first=("--to", "--json", "--work", "--out"))
def report(
    settings: Settings,
    /,
    *,
    to: Annotated[
        Path | None, Option("folder of the page and the figures (default: WORK/report)", "--to", metavar="DIR")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell how good the pairs of a release are: a table, a page to send on (report.html) and report.json."""
    from dermasynth_builder.cli.terminal import show
    from dermasynth_builder.report.quality import quality
    from dermasynth_builder.report.quality_text import quality_text, write_report

    figures = quality(settings.out, settings.work / "rejects")
    page, values = write_report(figures, to or settings.work / "report", settings.out.name)
    if as_json:
        print(json.dumps(figures, indent=2))
    else:
        show(quality_text(figures))
    print(f"page written to {page}, figures to {values}", file=sys.stderr)


@command("--work", "--out", example="dermasynth status", first=("--work", "--out", "--recipe"))
def status(settings: Settings, /) -> None:
    """Show what the ledgers, the batch jobs and the release hold."""
    from dermasynth_builder.cli.terminal import show
    from dermasynth_builder.core.options import BATCHES
    from dermasynth_builder.core.recipe import RUNS
    from dermasynth_builder.generate.engines.batch.state import shards_in
    from dermasynth_builder.generate.ledger_tools import summarise
    from dermasynth_builder.plan.plan_file import PLANS, plans_in
    from dermasynth_builder.release.folder import CARD, read_card
    from dermasynth_builder.report.show import ledgers_text, plans_text, release_text, shards_text

    paths = sorted((settings.work / "ledgers").glob("*.jsonl"))
    summaries = {path: summarise(path) for path in paths}
    if plans := plans_in(settings.work / PLANS):
        show(plans_text(plans, summaries))
    if summaries:
        show(ledgers_text(summaries))
        if any(summary.failures for summary in summaries.values()):
            print(f"read why replies failed, and what came back: dermasynth failures --work {settings.work}")
    else:
        print(f"{settings.work}: no ledger yet; `dermasynth generate` starts one")
    if runs := sorted(path.stem for path in (settings.work / RUNS).glob("*.toml")):
        print(f"runs to compare: {', '.join(runs)}")
    for path in sorted((settings.work / BATCHES).rglob("*.sqlite")):
        show(shards_text(path, shards_in(path), time.time()))
    if (settings.out / CARD).exists():
        show(release_text(settings.out, read_card(settings.out)))
    else:
        print(f"{settings.out}: no release yet; `dermasynth release` writes one")


@command(
    "--work",
    example="dermasynth failures pad_ufes -n 20",
    first=("-n", "--work", "--recipe"),
)
def failures(
    settings: Settings,
    /,
    *sources: Annotated[str, Option("only those of these sources (default: all)", metavar="SOURCE")],
    number: Annotated[int, Option("how many of them to print", "-n")] = 5,
) -> None:
    """Show which replies failed and which pairs were rejected, why, and the text that came back."""
    from dermasynth_builder.cli.terminal import show, text_width
    from dermasynth_builder.report.failures import counts_table, failure_text, failures_in

    found = failures_in(settings.work, sources)
    if not found:
        print(f"{settings.work}: no failed reply and no rejected pair")
        return
    show(counts_table(found))
    for each in found[:number]:
        print(f"\n{failure_text(each, text_width())}")
    if len(found) > number:
        print(f"\n{len(found) - number:,} more; to read them, add -n {len(found)}")


@dataclass(frozen=True, slots=True)
class ShowOptions:
    """Which pairs are shown, and what is done with the image of the first."""

    number: Annotated[int, Option("how many pairs", "-n")] = 3
    skip: Annotated[int, Option("how many to leave out first", "--skip")] = 0
    where: Annotated[tuple[str, ...], WHERE] = ()
    is_opened: Annotated[bool, Option("open the image of the first with the system's viewer", "--open")] = False
    image: Annotated[Path | None, Option("write the image of the first to FILE", "--image", metavar="FILE")] = None


@command(
    "--out",
    own=ShowOptions,
    example='dermasynth show pad_ufes -n 5 --where "diagnosis=melanoma,nevus" --open',
    first=("-n", "--where", "--open", "--image", "--out"),
)
def show(
    settings: Settings,
    chosen: Chosen,
    wanted: Annotated[
        str | None,
        Option("config of the release (default: its first), or the id of a pair or an image", metavar="CONFIG|ID"),
    ] = None,
    /,
) -> None:
    """Print pairs of a release."""
    from itertools import islice

    from dermasynth_builder.cli.terminal import text_width
    from dermasynth_builder.report.pairs import find_pairs, image_bytes, open_image
    from dermasynth_builder.report.show import pair_text

    options = ShowOptions(**chosen)
    found = find_pairs(settings.out, wanted, options.where)
    rows = list(islice(found, options.skip, options.skip + options.number))
    for row in rows:
        print(pair_text(row, text_width()), end="\n\n")
    if rows and options.image:
        options.image.write_bytes(image_bytes(settings.out, rows[0]))
        print(f"image of {rows[0]['pair_id']} written to {options.image}")
    if rows and options.is_opened:
        print(f"image of {rows[0]['pair_id']} opened: {open_image(image_bytes(settings.out, rows[0]))}")
