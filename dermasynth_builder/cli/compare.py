"""The command that holds two runs against each other."""

import json
import sys
from pathlib import Path
from typing import Annotated

from dermasynth_builder.cli.command import command
from dermasynth_builder.core.option import Option
from dermasynth_builder.core.options import Settings


@command(
    "--work",
    example="dermasynth compare gemini-3.8-flash+look-first gemini-3.8-flash+look-first+blank",
    first=("-n", "--to", "--json", "--work"),
)
def compare(
    settings: Settings,
    first: Annotated[str, Option("a run in WORK/runs by its name, or a release by its folder", metavar="A")],
    second: Annotated[str, Option("another", metavar="B")],
    /,
    *,
    number: Annotated[int, Option("how many pairs stand side by side on the page", "-n")] = 40,
    to: Annotated[
        Path | None, Option("folder of the page and the figures (default: WORK/compare)", "--to", metavar="DIR")
    ] = None,
    as_json: Annotated[bool, Option("print the figures as JSON", "--json")] = False,
) -> None:
    """Compare two runs over the same images: conflicts, flags and rejects with intervals, and texts side by side.

    A run is what `generate` asked with one set of options: another model, --metadata hidden, --look off, --control
    blank. Its name is that of a file in WORK/runs; the six digits at its end may be left out.
    """
    from dermasynth_builder.cli.terminal import TerminalReporter, show
    from dermasynth_builder.report.compare import Comparison, side_of
    from dermasynth_builder.report.compare_text import comparison_text, write_comparison

    report = TerminalReporter(results=sys.stderr)
    sides = [side_of(each, settings.work, report) for each in (first, second)]
    comparison = Comparison.of(*sides)
    figures = comparison.figures()
    page = write_comparison(comparison, figures, to or settings.work / "compare", number=number)
    if as_json:
        print(json.dumps(figures, indent=2))
    else:
        show(comparison_text(comparison, figures, min(number, 3)))
    print(f"page written to {page}, figures beside it", file=sys.stderr)
