"""The figure of an audit, a PNG file. Needs the extra `figures` (matplotlib)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dermasynth_builder.core.errors import FigureError
from dermasynth_builder.report.audit import NOT_RECORDED, Audit, DiagnosisCount, LabelCounts, PeopleCounts, table_of
from dermasynth_builder.report.tables import cut, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame


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
    counts: "DataFrame"  # of images: a row a bar, a column a part; without rows where there is nothing to draw
    colours: Mapping[str, str]  # of the parts, in the order of the stack
    lacking: str  # what images have not that are in no bar: "without an age"
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
    figure.suptitle(f"{audit.title}, {audit.files.counted:,} images", fontsize=13, color=_INK)
    for axes, panel in zip(figure.subplots(1, 3, width_ratios=(1.3, 1, 1)), _panels_of(audit), strict=True):
        _draw(axes, panel, audit.files.counted)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png", metadata={"Software": None})


def _panels_of(audit: Audit) -> tuple[_Panel, _Panel, _Panel]:
    return _classes_of(audit.labels), _ages_of(audit.people), _phototypes_of(audit.people)


def _classes_of(labels: LabelCounts) -> _Panel:
    found = table_of(labels.diagnoses, DiagnosisCount)
    names = found["name"].fillna(found["published"])
    kinds = found["isic"].fillna(_NO_PLACE).map(lambda isic: isic.partition(":")[0].lower())
    counts = found["images"].astype(int).groupby([names, kinds]).sum().unstack(fill_value=0)
    totals: dict[Any, int] = counts.sum(axis="columns").sort_values(ascending=False, kind="stable").to_dict()
    shown = list(cut(totals))
    return _Panel(
        title="Diagnosis, by malignancy",
        counts=counts.rename(lambda name: name if name in shown else shown[-1]).groupby(level=0).sum().reindex(shown),
        colours=_MALIGNANCIES,
        lacking="without one diagnosis",
        absent="no diagnosis is published",
    )


def _ages_of(people: PeopleCounts) -> _Panel:
    from pandas import DataFrame

    counts = DataFrame(people.ages_by_sex)
    return _Panel(
        title="Age in years, by sex",
        counts=counts.reindex(sorted(counts.index, key=lambda band: int(band.split()[0]))),
        colours=_SEXES,
        lacking="without an age",
        absent="no age is published",
    )


def _phototypes_of(people: PeopleCounts) -> _Panel:
    from pandas import DataFrame

    return _Panel(
        title="Fitzpatrick phototype, by rater",
        counts=DataFrame(people.fitzpatrick).reindex(list(_PHOTOTYPES)).rename(_PHOTOTYPES),
        colours=_RATERS,
        lacking="without a phototype",
        absent="no phototype is published",
    )


def _draw(axes: "Axes", panel: _Panel, total: int) -> None:
    axes.set_title(panel.title, loc="left", fontsize=11, fontweight="bold", color=_INK, pad=22)
    if panel.counts.empty:
        axes.text(0.5, 0.5, panel.absent, ha="center", va="center", transform=axes.transAxes, color=_INK)
        axes.set_axis_off()
        return
    counts = panel.counts.reindex(columns=list(panel.colours)).fillna(0).astype(int)
    ends = counts.cumsum(axis="columns")
    rows = range(len(counts))
    for part, colour in panel.colours.items():
        if counts[part].any():
            axes.barh(rows, counts[part], left=ends[part] - counts[part], color=colour, label=part)
    lengths = counts.sum(axis="columns").tolist()
    for row, end in zip(rows, lengths, strict=True):
        axes.annotate(f"{end:,}", (end, row), (3, 0), textcoords="offset points", va="center", fontsize=8, color=_INK)
    names = [shortened(bar, _LONGEST_NAME) for bar in counts.index]
    axes.set_yticks(rows, names, parse_math=False)  # a name may have dollar signs
    axes.invert_yaxis()  # the first on top
    axes.set_xlim(0, 1.16 * max(lengths))
    axes.tick_params(labelsize=8.5, colors=_INK)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.locator_params(axis="x", integer=True, nbins=5)
    left_out = total - sum(lengths)
    axes.set_xlabel(f"images; {left_out:,} more {panel.lacking}" if left_out else "images", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.985), ncols=4, fontsize=8, frameon=False, columnspacing=1.0)
