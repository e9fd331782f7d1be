"""The command that holds split lists against what the sources say: `dermasynth leaks`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from dermasynth_builder.cli.command import command, raw_folders
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.option import Option
from dermasynth_builder.core.options import Settings

Benchmarks = Annotated[
    tuple[str, ...],
    Option(
        "a public benchmark, its table of ids or folder of pictures, as DDI=ddi_metadata.csv; may be repeated",
        "--benchmark",
        metavar="NAME=PATH",
    ),
]


@command(
    *("--work", "--seed", "--splits"),
    example="dermasynth leaks test_list.csv pad_ufes --raw data/pad_ufes",
    first=("--raw", "--benchmark", "--json"),
)
def leaks(
    settings: Settings,
    path: Annotated[
        Path, Option("split list: a table or a text of ids or file names, with or without parts", metavar="LIST")
    ],
    /,
    *sources: Annotated[str, Option("the sources that it is of (default: those of the recipe)", metavar="SOURCE")],
    raw: Annotated[list[str] | None, Option("their folders, as for `dermasynth build`", "--raw", metavar="DIR")] = None,
    benchmark: Benchmarks = (),
    as_json: Annotated[bool, Option("print it as JSON", "--json")] = False,
) -> None:
    """Tell how many test images of a list share a patient, a lesion or a picture with the rest.

    Tables are enough for patients and lesions; pictures are compared where images are on disk. Corrected lists of the
    sources, in which no group and no picture is in two parts, are written to WORK/splits.
    """
    from dermasynth_builder import pipeline
    from dermasynth_builder.cli import terminal
    from dermasynth_builder.release.write import terms_of
    from dermasynth_builder.report import leaks as report_of
    from dermasynth_builder.report.leaks_text import leaks_text
    from dermasynth_builder.report.overlap import overlaps

    report = terminal.TerminalReporter(results=sys.stderr if as_json else sys.stdout)
    images = pipeline.all_images(raw_folders(sources, raw or (), settings.raw), settings, report)
    told = report_of.leaks_of(path, images, report_of.pictures_of(images))
    shared = overlaps(_named(benchmark), images)
    if as_json:
        print(json.dumps({**asdict(told), "overlaps": [asdict(each) for each in shared]}, indent=2))
    else:
        terminal.show(leaks_text(told, shared))
    folder = settings.work / "splits"
    written = report_of.write_splits(images, terms_of(settings), folder)
    report.say(f"corrected lists of {', '.join(f'{name} ({count:,})' for name, count in written.items())} in {folder}")


def _named(benchmarks: tuple[str, ...]) -> dict[str, Path]:
    named = {}
    for each in benchmarks:
        name, mark, path = each.partition("=")
        if not (name and mark and path):
            raise UsageError(f"--benchmark {each}: write NAME=PATH, as HAM10000=HAM10000_metadata.csv")
        named[name] = Path(path)
    return named
