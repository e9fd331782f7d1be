"""Draws the figure of an audit, a PNG file. Needs the extra `figures` (matplotlib), imported when it draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dermasynth_builder.core.errors import FigureError
from dermasynth_builder.report.audit import NOT_RECORDED, Audit, Counts, LabelCounts, PeopleCounts
from dermasynth_builder.report.audit_text import cut, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INSTALL = "pip install 'dermasynth[figures]'"
# The colours of Okabe and Ito, which people see apart whatever their colour vision.
_BLUE, _VERMILION, _ORANGE, _PURPLE, _SKY, _GREEN = "#0072B2", "#D55E00", "#E69F00", "#CC79A7", "#56B4E9", "#009E73"
_GREY, _INK = "#B5B5B5", "#333333"
_NO_PLACE = "not in the taxonomy"
_MALIGNANCIES = {"benign": _BLUE, "indeterminate": _ORANGE, "malignant": _VERMILION, _NO_PLACE: _GREY}
_SEXES = {"female": _PURPLE, "male": _SKY, NOT_RECORDED: _GREY}
_RATERS = {"patient": _GREEN, "dermatologist": _ORANGE, NOT_RECORDED: _GREY}
_PHOTOTYPES = {"1": "I", "2": "II", "3": "III", "4": "IV", "5": "V", "6": "VI"}
_SIZE_INCHES = (13.5, 4.8)
_DPI = 200
_LONGEST_NAME = 34


@dataclass(frozen=True, slots=True)
class _Panel:
    """Stacked bars: what is counted, and how it is parted."""

    title: str
    bars: Sequence[str]  # their names, in order
    parts: Mapping[str, Counts]  # part -> counts of the bars
    colours: Mapping[str, str]  # of the parts, in the order of the stack
    left_out: int  # images of which this is not known
    lacking: str  # what these have not: "without an age"
    absent: str  # what is said where there is nothing to draw


def draw_audit(audit: Audit, path: Path) -> None:
    """Draws classes, age by sex and phototype side by side; equal audits give equal bytes with one matplotlib.

    Raises FigureError where matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise FigureError(f"{path} is not drawn: figures need matplotlib; get it with {INSTALL}") from error
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{audit.title}, {audit.files.listed:,} images", fontsize=13, color=_INK)
    for axes, panel in zip(figure.subplots(1, 3, width_ratios=(1.3, 1, 1)), _panels_of(audit), strict=True):
        _draw(axes, panel)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png", metadata={"Software": None})


def _panels_of(audit: Audit) -> tuple[_Panel, _Panel, _Panel]:
    total = audit.files.listed
    return _classes_of(audit.labels, total), _ages_of(audit.people, total), _phototypes_of(audit.people, total)


def _classes_of(labels: LabelCounts, total: int) -> _Panel:
    parts: dict[str, dict[str, int]] = {kind: {} for kind in _MALIGNANCIES}
    totals: dict[str, int] = {}
    for each in labels.diagnoses:
        name = each.name or each.published
        kind = each.isic.partition(":")[0].lower() if each.isic else _NO_PLACE
        parts[kind][name] = parts[kind].get(name, 0) + each.images
        totals[name] = totals.get(name, 0) + each.images
    shown = cut(dict(sorted(totals.items(), key=lambda item: (-item[1], item[0]))))
    for counts in parts.values():
        others = {name: count for name, count in counts.items() if name not in shown}
        counts |= {name: sum(others.values()) for name in shown if name not in totals}
    return _Panel(
        title="Diagnosis, by malignancy",
        bars=list(shown),
        parts=parts,
        colours=_MALIGNANCIES,
        left_out=total - sum(totals.values()),
        lacking="without one diagnosis",
        absent="no diagnosis is published",
    )


def _ages_of(people: PeopleCounts, total: int) -> _Panel:
    bands = {band for counts in people.ages_by_sex.values() for band in counts}
    return _Panel(
        title="Age in years, by sex",
        bars=sorted(bands, key=lambda band: int(band.split()[0])),
        parts=people.ages_by_sex,
        colours=_SEXES,
        left_out=total - sum(sum(counts.values()) for counts in people.ages_by_sex.values()),
        lacking="without an age",
        absent="no age is published",
    )


def _phototypes_of(people: PeopleCounts, total: int) -> _Panel:
    known = sum(sum(counts.values()) for counts in people.fitzpatrick.values())
    return _Panel(
        title="Fitzpatrick phototype, by rater",
        bars=list(_PHOTOTYPES.values()) if known else [],
        parts={
            rater: {_PHOTOTYPES[phototype]: count for phototype, count in counts.items()}
            for rater, counts in people.fitzpatrick.items()
        },
        colours=_RATERS,
        left_out=total - known,
        lacking="without a phototype",
        absent="no phototype is published",
    )


def _draw(axes: "Axes", panel: _Panel) -> None:
    axes.set_title(panel.title, loc="left", fontsize=11, fontweight="bold", color=_INK, pad=22)
    if not panel.bars:
        axes.text(0.5, 0.5, panel.absent, ha="center", va="center", transform=axes.transAxes, color=_INK)
        axes.set_axis_off()
        return
    rows = range(len(panel.bars))
    ends = [0] * len(panel.bars)
    for part, colour in panel.colours.items():
        lengths = [panel.parts.get(part, {}).get(bar, 0) for bar in panel.bars]
        if any(lengths):
            axes.barh(rows, lengths, left=ends, color=colour, label=part)
        ends = [end + length for end, length in zip(ends, lengths, strict=True)]
    for row, end in zip(rows, ends, strict=True):
        axes.annotate(f"{end:,}", (end, row), (3, 0), textcoords="offset points", va="center", fontsize=8, color=_INK)
    names = [shortened(bar, _LONGEST_NAME) for bar in panel.bars]
    axes.set_yticks(rows, names, parse_math=False)  # a name may have dollar signs
    axes.invert_yaxis()  # the first on top
    axes.set_xlim(0, 1.16 * max(ends))
    axes.tick_params(labelsize=8.5, colors=_INK)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.locator_params(axis="x", integer=True, nbins=5)
    axes.set_xlabel(f"images; {panel.left_out:,} more {panel.lacking}" if panel.left_out else "images", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.985), ncols=4, fontsize=8, frameon=False, columnspacing=1.0)
