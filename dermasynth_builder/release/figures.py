"""Draws the figures of a card from the facts of its release; none where matplotlib, the extra `figures`, is not there.

Colours are those of Okabe and Ito, which people see apart whatever their colour vision; hatching parts what looks alike
in grey. The same facts give the same bytes with one matplotlib. Each figure is as wide as a card.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dermasynth_builder.release.facts import place_of
from dermasynth_builder.release.wheel import draw_wheel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE, _VERMILION, _ORANGE, _PURPLE, _SKY, _GREEN = "#0072B2", "#D55E00", "#E69F00", "#CC79A7", "#56B4E9", "#009E73"
_GREY, _INK = "#B5B5B5", "#333333"
_YELLOW, _BLACK = "#F0E442", "#000000"
_Paint = tuple[str, str]  # colour and hatching
_SOURCES = (_BLUE, _ORANGE, _GREEN, _PURPLE, _SKY, _VERMILION, _YELLOW, _BLACK)
_HATCHES = ("", "///", "...", "xxx")  # of sources, beside the colour
_CLASSES: Mapping[str, _Paint] = {
    "benign": (_BLUE, ""),
    "indeterminate": (_ORANGE, "..."),
    "malignant": (_VERMILION, "///"),
    "not recorded": (_GREY, ""),
}
_STYLE: Any = {"font.family": "DejaVu Sans", "font.size": 10, "text.parse_math": False}
_WIDTH_INCH, _BAR_INCH, _DPI = 9.0, 0.3, 110
_WHEEL_DPI = 80
_MOST_BARS = 16
_LONGEST_NAME = 40
_Bars = Mapping[str, Mapping[str, float]]  # name of a bar -> parts


def why_not_drawn() -> str:
    """Why a card gets no figures, and how it gets them; "" where it gets them."""
    if find_spec("matplotlib"):
        return ""
    return "the card has no figures, for want of matplotlib: pip install 'dermasynth[figures]', then release again"


def draw_figures(facts: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Draws all into the folder; gives what each shows, by the file's name, for those who do not see it."""
    if why_not_drawn():
        return {}
    from matplotlib import rc_context

    drawn = {}
    with rc_context(_STYLE):
        for name, draw in _FIGURES.items():
            figure, shows = draw(facts)
            if figure is not None:
                figure.savefig(folder / f"{name}.png", format="png", dpi=_DPI, metadata={"Software": None})
                drawn[f"{name}.png"] = shows
    if rings := facts["quality"]["wheel"]:
        draw_wheel(rings, folder / "wheel.png", dpi=_WHEEL_DPI)
        verbs = ", ".join(list(rings)[:3])
        drawn["wheel.png"] = f"A wheel of what questions ask for, verbs and their objects. Most frequent: {verbs}"
    return drawn


_Drawn = tuple["Figure | None", str]


def _pairs(facts: Mapping[str, Any]) -> _Drawn:
    names = [source["name"] for source in facts["sources"]]
    bars: dict[str, dict[str, float]] = {}
    for row in facts["types"]:
        bars.setdefault(row["question_type"].replace("_", " "), {})[row["source"]] = row["pairs"]
    figure = _stacked(bars, paints_of(names), "Pairs of each question type, by source", unit="pairs")
    return figure, f"Bars: pairs of each question type, by source. {_first(bars)}"


def paints_of(sources: Sequence[str]) -> dict[str, _Paint]:
    """A colour and hatching for each source, no two alike up to four times the colours."""
    paints = {}
    for number, name in enumerate(sources):
        turn, place = divmod(number, len(_SOURCES))
        paints[name] = _SOURCES[place], _HATCHES[(place + turn) % len(_HATCHES)]
    return paints


def _diagnoses(facts: Mapping[str, Any]) -> _Drawn:
    bars: dict[str, dict[str, float]] = {}
    for row in facts["diagnoses"]:
        classes = bars.setdefault(row["diagnosis"], {})
        classes[row["malignancy"]] = classes.get(row["malignancy"], 0) + row["images"]
    figure = _stacked(bars, _CLASSES, "Images of each diagnosis, by class of the ISIC taxonomy", unit="images")
    return figure, f"Bars: images of each diagnosis, by class. {_first(bars)}"


def _people(facts: Mapping[str, Any]) -> _Drawn:
    tables = {name: _of_all_sources(facts["people"][name]) for name in ("age", "sex", "phototype")}
    figure = _figure(0.34 * max(map(len, tables.values())) + 1.5)
    for axes, (name, bars) in zip(figure.subplots(1, 3), tables.items(), strict=True):
        _draw(axes, bars, _CLASSES, title=f"By {name}", unit="images")
    _explain(figure)
    shows = "; ".join(f"{name}: {_first(bars)}" for name, bars in tables.items())
    return figure, f"Bars: images by age, sex and phototype, and class of the diagnosis. {shows}"


def _of_all_sources(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    bars: dict[str, dict[str, float]] = {}
    for row in rows:
        classes = bars.setdefault(row["value"], {})
        for name, count in row["classes"].items():
            classes[name] = classes.get(name, 0) + count
    return {value: bars[value] for value in sorted(bars, key=place_of)}


def _lengths(facts: Mapping[str, Any]) -> _Drawn:
    counts = {f"{row['from']} to {row['to']}": {"answers": row["answers"]} for row in facts["quality"]["lengths"]}
    figure = _stacked(counts, {"answers": (_BLUE, "")}, "Words of the answers", unit="answers", is_ordered=True)
    return figure, f"Bars: answers by their words. {_first(counts)}"


def _flags(facts: Mapping[str, Any]) -> _Drawn:
    if not facts["quality"]["flagged"]:
        return None, ""
    rates = {
        row["name"].replace("_", " "): {"flagged, %": row["flagged_percent"]} for row in facts["quality"]["by_type"]
    }
    figure = _stacked(
        rates, {"flagged, %": (_VERMILION, "")}, "Pairs that a check doubts, of each question type", unit="%"
    )
    return figure, f"Bars: share of pairs that a check doubts, by question type. {_first(rates)}"


_FIGURES: Mapping[str, Callable[[Mapping[str, Any]], _Drawn]] = {
    "pairs": _pairs,
    "diagnoses": _diagnoses,
    "people": _people,
    "lengths": _lengths,
    "flags": _flags,
}


def _first(bars: _Bars) -> str:
    """The longest bar, in words."""
    if not bars:
        return ""
    name = max(bars, key=lambda bar: sum(bars[bar].values()))
    return f"The longest is {name}, {sum(bars[name].values()):,g}"


def _figure(height_inch: float) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH_INCH, height_inch), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _stacked(
    bars: _Bars, paints: Mapping[str, _Paint], title: str, *, unit: str, is_ordered: bool = False
) -> "Figure | None":
    """Bars from the left, the longest first unless they have an order of their own; those that are many as one."""
    if not bars:
        return None
    lengths = {name: sum(parts.values()) for name, parts in bars.items()}
    names = list(bars) if is_ordered else sorted(bars, key=lambda name: (-lengths[name], name))
    shown = {name: bars[name] for name in names[:_MOST_BARS]}
    if len(names) > _MOST_BARS and unit == "%":
        title = f"{title}: the {_MOST_BARS} highest of {len(names)}"
    elif len(names) > _MOST_BARS:
        rest = names[_MOST_BARS:]
        shown[f"{len(rest)} others"] = {part: sum(bars[name].get(part, 0) for name in rest) for part in paints}
    figure = _figure(_BAR_INCH * len(shown) + 1.2)
    axes = figure.subplots()
    _draw(axes, shown, paints, title=title, unit=unit)
    if len(paints) > 1:
        _explain(figure)
    return figure


def _explain(figure: "Figure") -> None:
    """Says over all panels what the colours mean."""
    parts: dict[str, Any] = {}
    for axes in figure.axes:
        parts |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(parts.values(), parts, loc="outside upper left", fontsize=9, frameon=False, ncols=5)


def _draw(axes: "Axes", bars: _Bars, paints: Mapping[str, _Paint], *, title: str, unit: str) -> None:
    left = [0.0] * len(bars)
    for part, (colour, hatch) in paints.items():
        widths = [parts.get(part, 0) for parts in bars.values()]
        if any(widths):
            axes.barh(range(len(bars)), widths, left=left, color=colour, label=part, hatch=hatch, edgecolor="white")
        left = [start + width for start, width in zip(left, widths, strict=True)]
    for row, end in enumerate(left):
        axes.annotate(f"{end:,g}", (end, row), (3, 0), textcoords="offset points", va="center", fontsize=8, color=_INK)
    axes.set_yticks(range(len(bars)), [_short(name) for name in bars], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.15 * max([*left, 1e-9]))
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=_INK)
    axes.set_xlabel(unit)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.locator_params(axis="x", nbins=5, integer=unit != "%")
    axes.tick_params(labelsize=9, colors=_INK)
    axes.spines[["top", "right"]].set_visible(False)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 4]} ..."
