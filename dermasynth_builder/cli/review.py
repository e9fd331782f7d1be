"""The commands that make a page of pairs: view, and review with its verdicts."""

import json
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from dermasynth_builder.cli.command import Chosen, command
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.option import Option
from dermasynth_builder.core.options import WHERE, Settings


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """Which pairs stand on the page."""

    number: Annotated[int, Option("how many pairs", "-n")] = 300
    where: Annotated[tuple[str, ...], WHERE] = ()
    to: Annotated[Path | None, Option("the page (default: WORK/view.html)", "--to", metavar="FILE.html")] = None
    is_opened: Annotated[bool, Option("open it in the browser", "--open")] = False


@command(
    *("--work", "--out"),
    own=ViewOptions,
    example='dermasynth view --where "diagnosis=melanoma,nevus" --open',
    first=("-n", "--where", "--to", "--open"),
)
def view(
    settings: Settings,
    chosen: Chosen,
    config: Annotated[str | None, Option("config of the release (default: all sources)", metavar="CONFIG")] = None,
    /,
) -> None:
    """Write a page to look through pairs of a release: images, texts, facts, evidence; opens offline, from a file."""
    from dermasynth_builder.report.page import collect, write_page
    from dermasynth_builder.report.view import pairs_to_show

    options = ViewOptions(**chosen)
    path = options.to or settings.work / "view.html"
    collected = collect(pairs_to_show(settings.out, options.number, config, where=options.where))
    write_page(collected, path, f"Pairs of {settings.out.resolve().name}")
    print(f"{len(collected.rows):,} pairs on {path} ({path.stat().st_size / 1e6:.1f} MB)")
    if options.is_opened and not webbrowser.open(path.resolve().as_uri()):
        print("found no browser here; open the file yourself")


@command(
    *("--work", "--out"),
    example="dermasynth review import verdicts-Ann.json verdicts-Bo.json",
    first=("-n", "--to"),
)
def review(
    settings: Settings,
    action: Annotated[
        Literal["export", "import"],
        Option("export a sheet, import the files that came back", metavar="export|import"),
    ],
    /,
    *files: Annotated[Path, Option("what the page, or Label Studio, exported", metavar="FILE")],
    number: Annotated[int, Option("how many pairs are on the sheet", "-n")] = 200,
    to: Annotated[Path | None, Option("folder of the sheet (default: WORK/review)", "--to", metavar="DIR")] = None,
    as_json: Annotated[bool, Option("print the agreement as JSON", "--json")] = False,
) -> None:
    """Have persons judge pairs: a page to send them, tasks for Label Studio, and their verdicts back.

    The verdicts are kept in WORK/review; the next release carries them, leaves out what most readers would leave out
    and flags what they doubt.
    """
    if action == "export":
        if files:
            raise UsageError(f"review export takes no file, and got {files[0]}; --to names the folder of the sheet")
        _export(settings, number, to)
    elif not files:
        raise UsageError("review import: name the files that the readers exported")
    else:
        _import(settings, files, as_json=as_json)


def _export(settings: Settings, number: int, to: Path | None) -> None:
    from dermasynth_builder.release.reviews import review_folder
    from dermasynth_builder.report.review import CONFIG, TASKS, write_sheet
    from dermasynth_builder.report.view import pairs_to_show

    title = f"Review of {settings.out.resolve().name}"
    folder = to or review_folder(settings.work)
    sheet = write_sheet(pairs_to_show(settings.out, number), folder, title, work=settings.work)
    print(f"sheet {sheet.id}: {len(sheet.texts):,} pairs on {sheet.page} ({sheet.page.stat().st_size / 1e6:.1f} MB)")
    print(f"send it to two persons or more; for Label Studio: {folder / TASKS}, with {folder / CONFIG}")
    print("then: dermasynth review import FILE...")


def _import(settings: Settings, files: tuple[Path, ...], *, as_json: bool) -> None:
    from dermasynth_builder.cli.terminal import show
    from dermasynth_builder.release.opinions import agreement
    from dermasynth_builder.release.reviews import read_reviews
    from dermasynth_builder.report.review import agreement_table, import_verdicts

    counts = import_verdicts(files, settings.work)
    told = agreement(read_reviews(settings.work))
    if as_json:
        print(json.dumps({"verdicts": counts, "agreement": told}, indent=2))
        return
    print(f"{counts['new']:,} new verdicts, {counts['changed']:,} changed, {counts['known']:,} known already")
    show(agreement_table(told))
    print("next: dermasynth release")
