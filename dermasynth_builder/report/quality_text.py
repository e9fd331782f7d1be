"""The quality of a release for people: a table on the terminal, and one page with charts that holds all it needs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table

from dermasynth_builder import __version__
from dermasynth_builder.core.files import jinja_environment, resource_dir
from dermasynth_builder.core.registry import ALL
from dermasynth_builder.report.quality import GROUPINGS, checks_of
from dermasynth_builder.report.tables import heading, name, table_of_numbers

PAGE, FIGURES = "report.html", "report.json"
_DIVERSITY = {
    "answers": "answers",
    "mean_words": "mean words",
    "distinct_answers": "distinct",
    "distinct_skeletons": "distinct skeletons",
    "distinct_1": "distinct-1",
    "distinct_2": "distinct-2",
    "compression_ratio": "compression ratio",
    "cannot_be_told": "cannot be told",
}


def write_report(figures: Mapping[str, Any], folder: Path, title: str) -> tuple[Path, Path]:
    """Writes the page and the figures into a folder, which is made, and gives their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    page, values = folder / PAGE, folder / FIGURES
    values.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    page.write_text(page_of(figures, title), encoding="utf-8", errors="backslashreplace")
    return page, values


def page_of(figures: Mapping[str, Any], title: str) -> str:
    """The whole page: no script, no font and no image from elsewhere."""
    template = jinja_environment(resource_dir("card")).get_template("report.html.jinja")
    words = {"groupings": GROUPINGS, "diversity": _DIVERSITY, "measured": _MEASURED, "all": ALL}
    return template.render(figures=figures, title=title, version=__version__, **words)


_MEASURED = {
    "place": "an area",
    "shape": "its shape",
    "outline": "its outline",
    "compared": "against skin",
    "colour": "its colour",
    "border": "dark border",
    "ink": "blue ink",
}
"""What is measured -> its heading; of an area place, share, length by width and the hull's part come together."""


def quality_text(figures: Mapping[str, Any]) -> Group:
    """The figures that matter first."""
    return Group(
        f"{figures['pairs']:,} pairs of {figures['images']:,} images",
        "",
        _checks(figures),
        *(_by(figures, grouping) for grouping in GROUPINGS),
        _diversity(figures),
        _balance(figures),
        _measured(figures),
    )


def _checks(figures: Mapping[str, Any]) -> Table:
    table = table_of_numbers("found by checks", "flagged", "share", "rejected")
    rejects = figures["rejects"]["by_check"] if figures["rejects"] else {}
    for check in dict.fromkeys([*figures["flags"], *rejects]):
        flagged, left_out = figures["flags"].get(check), rejects.get(check)
        table.add_row(
            name(check, indent=2),
            f"{flagged['count']:,}" if flagged else "",
            _interval(flagged) if flagged else "",
            f"{left_out['count']:,}" if left_out else "",
        )
    return table


def _by(figures: Mapping[str, Any], grouping: str) -> Table:
    checks: Sequence[str] = checks_of(figures)[:6]
    table = table_of_numbers(f"flagged, by {grouping.replace('_', ' ')}", "pairs", *checks)
    for value, told in figures["flags_by"][grouping].items():
        rates = (f"{100 * told[check]['share']:.1f} %" for check in checks)
        table.add_row(name(value, indent=2), f"{told['pairs']:,}", *rates)
    return table


def _diversity(figures: Mapping[str, Any]) -> Table:
    table = table_of_numbers("variety of answers", *list(_DIVERSITY.values())[1:])
    for source, told in figures["diversity"].items():
        shares = {key: f"{told[key]:.3f}" for key in _DIVERSITY if key != "answers"}
        table.add_row(name(source, indent=2), *shares.values())
    return table


def _balance(figures: Mapping[str, Any]) -> Table:
    table = table_of_numbers("", "", "")
    for source, told in figures["balance"].items():
        table.add_row(heading(f"{source}: {told['images']:,} images, not recorded of"))
        for fact, share in told["missing"].items():
            table.add_row(name(fact.replace("_", " "), indent=2), f"{100 * share:.1f} %")
        for what, shared in figures["shared_text"][source].items():
            label = f"{what} of test that stand word for word in train"
            table.add_row(name(label, indent=2), f"{shared['count']:,} of {shared['of']:,}", _interval(shared))
    return table


def _measured(figures: Mapping[str, Any]) -> Table:
    """On how many of the images each thing was measured; where it was not, that says nothing of the image."""
    table = table_of_numbers("measured on the images of", "images", *_MEASURED.values())
    for source, groups in figures["measured"].items():
        for group, told in groups.items():
            shares = (f"{100 * told[each]['share']:.0f} %" for each in _MEASURED)
            label = source if group == ALL else f"phototype {group}"
            table.add_row(name(label, indent=2 if group == ALL else 4), f"{told['images']:,}", *shares)
    return table


def _interval(rate: Mapping[str, float]) -> str:
    if not rate["of"]:
        return ""
    return f"{100 * rate['share']:.2f} % ({100 * rate['low']:.2f}-{100 * rate['high']:.2f})"
