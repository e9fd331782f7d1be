"""Draws the wheel of root verbs and their objects into a PNG or SVG file, with matplotlib."""

from collections.abc import Iterator, Mapping
from math import cos, pi, sin
from pathlib import Path
from typing import Any

from dermasynth_builder.core.errors import UsageError

Rings = Mapping[str, Mapping[str, int]]  # root verb -> object -> how often
SUFFIXES = (".png", ".svg")
_SIDE_INCH = 9.0
_DPI = 200
_INNER, _MIDDLE, _OUTER = 0.30, 0.66, 1.0  # radii
# The same drawing gives the same bytes: no date, no random ids, text as text. (matplotlib's type lists every key.)
_STYLE: Any = {"svg.hashsalt": "dermasynth", "svg.fonttype": "none", "font.family": "DejaVu Sans"}
_NO_DATE = {".png": {"Software": None}, ".svg": {"Date": None, "Creator": None}}


def draw_wheel(rings: Rings, path: Path) -> None:
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
        axes.set(xlim=(-1.04, 1.04), ylim=(-1.04, 1.04), aspect="equal")
        axes.set_axis_off()
        _fill(axes, rings)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=_DPI, metadata=_NO_DATE[path.suffix.lower()])


def _fill(axes: Any, rings: Rings) -> None:
    total = sum(sum(objects.values()) for objects in rings.values())
    start = 0.25  # turns; the first verb begins at twelve o'clock and the rest follow clockwise
    for (verb, objects), colour in zip(rings.items(), _colours(len(rings)), strict=True):
        share = sum(objects.values()) / total
        _slice(axes, verb, start=start, share=share, radii=(_INNER, _MIDDLE), colour=colour)
        begin = start
        for name, count in objects.items():
            pale = tuple(0.55 + 0.45 * part for part in colour)
            _slice(axes, name, start=begin, share=count / total, radii=(_MIDDLE, _OUTER), colour=pale)
            begin -= count / total
        start -= share
    caption = f"the {len(rings)} root verbs\nwith most objects\nand their objects"
    axes.text(0, 0, caption, ha="center", va="center", size=14, color="#222222", linespacing=1.5)


def _slice(
    axes: Any, word: str, *, start: float, share: float, radii: tuple[float, float], colour: tuple[float, ...]
) -> None:
    """One slice of a ring, clockwise from `start`, with its word along the radius."""
    from matplotlib.patches import Wedge

    inner, outer = radii
    axes.add_patch(
        Wedge(
            (0, 0), outer, 360 * (start - share), 360 * start, width=outer - inner, facecolor=colour, edgecolor="white"
        )
    )
    middle, radius = start - share / 2, (inner + outer) / 2
    is_left = cos(2 * pi * middle) < 0
    axes.text(
        radius * cos(2 * pi * middle),
        radius * sin(2 * pi * middle),
        word,
        rotation=360 * middle + (180 if is_left else 0),
        ha="center",
        va="center",
        size=_size(word, share, radii),
        color="#222222",
    )


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
