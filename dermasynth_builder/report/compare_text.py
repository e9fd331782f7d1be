"""A comparison of two runs for people: a table on the terminal, and one page with texts and pictures side by side."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table

from dermasynth_builder import __version__
from dermasynth_builder.core.files import jinja_environment, resource_dir
from dermasynth_builder.core.images.renditions import ImageFault, make_thumbnail
from dermasynth_builder.core.plain import printable
from dermasynth_builder.report.compare import MEASURES, Answered, Comparison
from dermasynth_builder.report.tables import name, shortened, table_of_numbers

PAGE, FIGURES = "compare.html", "compare.json"
_IMAGE_BYTES = 20_000  # of each
_TEXT_CHARACTERS = 5_000  # of each answer on the page
_SHORT = 400  # of each on the terminal


def write_comparison(comparison: Comparison, figures: Mapping[str, Any], folder: Path, *, number: int) -> Path:
    """Writes the figures, and the page with so many pairs, into a folder, which is made; gives the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FIGURES).write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    page = folder / PAGE
    page.write_text(page_of(comparison, figures, number), encoding="utf-8", errors="backslashreplace")
    return page


def page_of(comparison: Comparison, figures: Mapping[str, Any], number: int) -> str:
    """The whole page: no script, and nothing from elsewhere."""
    chosen = comparison.examples(number)
    ids = [one.pair_id for one, _ in chosen]
    pictures = [{key: _picture(content) for key, content in side.pictures(ids).items()} for side in _sides(comparison)]
    pairs = [
        {"id": printable(pair[0].pair_id), "sides": [_shown(each, pictures[at]) for at, each in enumerate(pair)]}
        for pair in chosen
    ]
    template = jinja_environment(resource_dir("card")).get_template("compare.html.jinja")
    names = {side: printable(figures[side]) for side in ("first", "second")}
    return template.render(
        figures={**figures, **names},
        meanings=MEASURES,
        pairs=pairs,
        version=__version__,
        verdict=verdict,
        summary=summary(figures),
    )


def _sides(comparison: Comparison) -> Sequence[Any]:
    return comparison.first, comparison.second


def _shown(each: Answered, pictures: Mapping[str, str | None]) -> dict[str, Any]:
    return {
        "question": printable(each.question),
        "answer": printable(each.answer[:_TEXT_CHARACTERS]),
        "fate": each.fate,
        "findings": [printable(finding) for finding in each.findings],
        "told": printable(each.told or ""),
        "picture": pictures.get(each.pair_id),
    }


def _picture(content: bytes) -> str | None:
    """As base64; None where it cannot be read."""
    try:
        return b64encode(make_thumbnail(content, _IMAGE_BYTES)).decode()
    except ImageFault:
        return None


def verdict(measure: Mapping[str, Any]) -> str:
    """What a line of the table comes to."""
    if not measure["is_different"]:
        return "no difference found"
    return "B is higher" if measure["apart"] > 0 else "B is lower"


def summary(figures: Mapping[str, Any]) -> str:
    """What all lines come to, in a sentence."""
    told = [f"{measure}: {verdict(each)}" for measure, each in figures["measures"].items() if each["is_different"]]
    if told:
        return f"{'; '.join(told)}."
    conflict = figures["measures"]["conflict"]
    most = 100 * max(abs(conflict["low"]), abs(conflict["high"]))
    return f"No difference found; conflicts may differ by {most:.1f} points all the same, at 95 %."


def comparison_text(comparison: Comparison, figures: Mapping[str, Any], number: int) -> Group:
    """The table, and so many pairs side by side."""
    table = table_of_numbers("", "A, % (95 %)", "B, % (95 %)", "B less A, points (95 %)", "only A / B", "p", "")
    for measure, told in figures["measures"].items():
        low, high = 100 * told["low"], 100 * told["high"]
        table.add_row(
            name(measure, indent=2),
            *(_rate(share, interval) for share, interval in zip(told["shares"], told["intervals"], strict=True)),
            f"{100 * told['apart']:+.1f} ({low:+.1f} to {high:+.1f})",
            " / ".join(f"{count:,}" for count in told["only"]),
            f"{told['p_adjusted']:.2g}",
            verdict(told) if told["is_different"] else "",
        )
    sides = [_side_by_side(pair) for pair in comparison.examples(number)]
    return Group(*_head(figures), "", table, "", summary(figures), "", *_notes(figures), *sides)


def _rate(share: float, interval: Sequence[float]) -> str:
    return f"{100 * share:.1f} ({100 * interval[0]:.1f}-{100 * interval[1]:.1f})"


def _head(figures: Mapping[str, Any]) -> list[str]:
    alone = f"{figures['only_first']:,} are in A alone, {figures['only_second']:,} in B alone"
    likeness = f", mean likeness (ROUGE-L) {figures['likeness']:.2f}" if figures["likeness"] is not None else ""
    about = f"{figures['images']:,} images of {figures['patients']:,} patients"
    return [
        f"A  {printable(figures['first'])}",
        f"B  {printable(figures['second'])}",
        f"{figures['pairs']:,} questions about {about} in both ({figures['same_question']:,} word for word); {alone}",
        f"answered in both: {figures['both_answered']:,}, word for word the same: {figures['same_answer']:,}{likeness}",
    ]


def _notes(figures: Mapping[str, Any]) -> list[str]:
    notes = [
        f"Intervals of the difference draw whole patients ({figures['resamples']:,} times); p exchanges A and B within "
        "patients, and is adjusted for the number of lines (Holm).",
        *(f"{measure}: {MEASURES[measure]}" for measure in figures["measures"] if measure in MEASURES),
    ]
    if "rejected" not in figures["measures"]:
        notes.append("A release holds no rejects; name its run instead to count them.")
    return notes


def _side_by_side(pair: tuple[Answered, Answered]) -> Table:
    table = Table(
        box=None, pad_edge=False, padding=(1, 2, 0, 0), title=printable(pair[0].pair_id), title_justify="left"
    )
    table.add_column("A", ratio=1)
    table.add_column("B", ratio=1)
    table.add_row(*(_told(each) for each in pair))
    return table


def _told(each: Answered) -> str:
    doubts = "; ".join(each.findings) or "nothing found"
    told = f"\n[the model: {shortened(printable(each.told), _SHORT)}]" if each.told else ""
    return (
        f"{printable(each.question)}\n\n{shortened(printable(each.answer), _SHORT)}\n\n"
        f"[{each.fate}: {shortened(printable(doubts), _SHORT)}]{told}"
    )
