"""Draws the wheel of root verbs and their objects, a PNG or SVG file. Needs the extra `figures` (matplotlib)."""

from collections.abc import Iterator, Mapping, Sequence
from math import pi
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dermasynth_builder.core.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DPI = 200
Rings = Mapping[str, Mapping[str, int]]  # root verb -> object -> how often
SUFFIXES = (".png", ".svg")
_SIDE_INCH = 9.0
_VERBS, _OBJECTS = (0.30, 0.66), (0.66, 1.0)  # radii of the rings, inner and outer
# The same drawing gives the same bytes: no date, no random ids, text as text. (matplotlib's type lists every key.)
_STYLE: Any = {"svg.hashsalt": "dermasynth", "svg.fonttype": "none", "font.family": "DejaVu Sans"}
_NO_DATE = {".png": {"Software": None}, ".svg": {"Date": None, "Creator": None}}


def draw_wheel(rings: Rings, path: Path, dpi: int = _DPI) -> None:
    """Writes the wheel: root verbs inside, their objects outside, areas by count.

    Raises UsageError where the file's ending is neither .png nor .svg, or matplotlib is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--figure {path}: the file must end in {' or '.join(SUFFIXES)}")
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError("--figure needs matplotlib: pip install 'dermasynth[figures]'") from error
    with rc_context(_STYLE):
        figure = Figure(figsize=(_SIDE_INCH, _SIDE_INCH))
        axes = figure.add_axes((0, 0, 1, 1))
        colours = list(_colours(len(rings)))
        totals = {verb: sum(objects.values()) for verb, objects in rings.items()}
        objects = [pair for counts in rings.values() for pair in counts.items()]
        pale = [(colour, 0.45) for colour, counts in zip(colours, rings.values(), strict=True) for _ in counts]
        _draw_ring(axes, list(totals.items()), _VERBS, colours=colours)
        _draw_ring(axes, objects, _OBJECTS, colours=pale)
        axes.set(xlim=(-1.04, 1.04), ylim=(-1.04, 1.04))
        caption = f"the {len(rings)} root verbs\nwith most objects\nand their objects"
        axes.text(0, 0, caption, ha="center", va="center", size=14, linespacing=1.5)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=dpi, metadata=_NO_DATE[path.suffix.lower()])


def _draw_ring(
    axes: "Axes", slices: Sequence[tuple[str, int]], radii: tuple[float, float], *, colours: Sequence[Any]
) -> None:
    """One ring, clockwise from twelve o'clock, each word along the radius and as large as its slice allows."""
    inner, outer = radii
    words, counts = zip(*slices, strict=True)
    _, texts = axes.pie(
        counts,
        labels=words,
        colors=colours,
        radius=outer,
        startangle=90,
        counterclock=False,
        labeldistance=(inner + outer) / 2 / outer,
        rotatelabels=True,
        wedgeprops={"width": outer - inner, "edgecolor": "white"},
        textprops={"ha": "center", "va": "center", "color": "#222222"},
    )
    for text, word, count in zip(texts, words, counts, strict=True):
        text.set_size(_size(word, count / sum(counts), radii))


def _size(word: str, share: float, radii: tuple[float, float]) -> float:
    """Points: what fits the slice, along the radius and across it."""
    points_a_unit = _SIDE_INCH * 72 / 2.08
    across = 2 * pi * sum(radii) / 2 * share * points_a_unit * 0.8
    along = (radii[1] - radii[0]) * points_a_unit * 0.88 / (0.58 * len(word))
    return min(across, along, 13.0)


def _colours(count: int) -> Iterator[tuple[float, float, float]]:
    """Muted colours around the circle of hues, neighbours well apart."""
    from matplotlib.colors import hsv_to_rgb

    for number in range(count):
        red, green, blue = hsv_to_rgb(((number * 0.381966) % 1.0, 0.38, 0.90))
        yield float(red), float(green), float(blue)
