"""Scores as a table for people and as a figure."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dermasynth_builder.core.errors import FigureError, UsageError
from dermasynth_builder.release.wheel import SUFFIXES
from dermasynth_builder.train.evaluate.controls import NAMES

_BLUE, _GREY = "#33658a", "#888888"
_LEGEND = (
    "bal.: balanced accuracy, with 95 % by patient; none: answers that name no option or several, counted wrong; mal., "
    "spec.: recall of malignant images and specificity; first - this: what the first system has more, 95 % by patient; "
    "p: McNemar's exact test by item"
)


def scores_text(scores: Mapping[str, Any]) -> RenderableType:
    """A table a task, and what the first system is against each other one."""
    return Group(*_parts(scores))


def _parts(scores: Mapping[str, Any]) -> Iterator[RenderableType]:
    for kind, task in scores["tasks"].items():
        one = next(iter(task["systems"].values()))
        yield Text(f"{kind}: {one['n']} items of {one['patients']} patients, chance {task['chance']:.3f}", "bold")
        yield _table(task)
        for name, each in task["persistence"].items():
            yield Text(
                f"{name}: {_shown(each['answer_stays'])} of the answers stay as they were on the right patient's image"
            )
        for name, each in task["seeds"].items():
            yield Text(f"{name}: {each['seeds']} seeds, {each['mean']:.3f} ({each['least']:.3f} to {each['most']:.3f})")
        yield Text("")
    if scores["open"]:
        yield from _open(scores["open"])
    yield Text(_LEGEND)


def _open(rates: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Open answers: a column a system, a row a kind of fault."""
    table = Table(box=None, pad_edge=False)
    table.add_column("share of open answers", no_wrap=True)
    for name, each in rates.items():
        table.add_column(f"{name} ({each['n']})", justify="right", no_wrap=True)
    told = {
        name: {"any fact invented": each["any"]}
        | {f"  {kind} without record": share for kind, share in each["stated_without_record"].items()}
        | {kind: found["share"] for kind, found in each["checks"].items()}
        for name, each in rates.items()
    }
    for kind in next(iter(told.values())):
        table.add_row(kind, *(_shown(each.get(kind)) for each in told.values()))
    yield table
    yield Text("")


def _table(task: Mapping[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("", "bal.", "95 %", "F1", "none", "mal.", "spec.", "first - this", "p"):
        table.add_column(heading, justify="left" if not heading else "right", no_wrap=True)
    for name, each in task["systems"].items():
        malignancy = each["malignancy"] or {}
        against = task["first_against"].get(name)
        low, high = each["balanced_accuracy_95"]
        table.add_row(
            name,
            f"{each['balanced_accuracy']:.3f}",
            f"{low:.2f}-{high:.2f}",
            f"{each['macro_f1']:.3f}",
            _shown(each["unanswered"]),
            _shown(malignancy.get("recall", {}).get("share")),
            _shown(malignancy.get("specificity", {}).get("share")),
            "{:+.2f} to {:+.2f}".format(*against["balanced_accuracy_95"]) if against else "",
            f"{against['mcnemar_p']:.2g}" if against else "",
        )
    return table


def _shown(share: float | None) -> str:
    return "" if share is None else f"{share:.3f}"


def require_drawable(path: Path) -> None:
    """Raises UsageError where no figure can be drawn into a file of that name, FigureError without matplotlib."""
    if path.suffix not in SUFFIXES:
        raise UsageError(f"--figure {path}: the file's ending has to be {' or '.join(SUFFIXES)}")
    if find_spec("matplotlib") is None:
        raise FigureError("drawing scores needs matplotlib: pip install 'dermasynth[figures]'")


def draw_scores(scores: Mapping[str, Any], path: Path) -> None:
    """Draws the balanced accuracies with their intervals, a panel a task, the controls in grey."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    path.parent.mkdir(parents=True, exist_ok=True)
    tasks = scores["tasks"]
    height = sum(1.0 + 0.3 * len(task["systems"]) for task in tasks.values())
    figure = Figure(figsize=(7, height), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(tasks), 1, squeeze=False)[:, 0]
    for panel, (kind, task) in zip(panels, tasks.items(), strict=True):
        names = list(task["systems"])[::-1]
        shown = [task["systems"][name] for name in names]
        middle = [each["balanced_accuracy"] for each in shown]
        ends = [each["balanced_accuracy_95"] for each in shown]
        below = [max(0.0, m - low) for m, (low, _) in zip(middle, ends, strict=True)]
        above = [max(0.0, high - m) for m, (_, high) in zip(middle, ends, strict=True)]
        for at, name in enumerate(names):
            ends_at, colour = [[below[at]], [above[at]]], _GREY if name in NAMES else _BLUE
            panel.errorbar(middle[at], at, xerr=ends_at, fmt="o", color=colour, capsize=3, clip_on=False, zorder=3)
        panel.axvline(task["chance"], color=_GREY, linestyle=":")
        panel.set_yticks(range(len(names)), names, parse_math=False)
        panel.set_xlim(-0.02, 1.02)
        panel.set_title(
            f"{kind}: balanced accuracy on {shown[-1]['n']} items, 95 % of draws of their {shown[-1]['patients']} "
            "patients; dotted: chance",
            fontsize=8,
        )
    figure.savefig(path, dpi=150)
