"""Regions of a small picture: colours as the eye spaces them, a threshold, what hangs together, the hull around it.

A picture is (rows, columns, 3) in Lab, a region a mask of (rows, columns). Written with numpy alone, so that every
installation measures the same.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

# sRGB to CIE XYZ under D65, each row divided by the white point (IEC 61966-2-1).
_TO_XYZ = np.array(
    [
        [0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883],
    ]
)
_BINS = 128


def lab_of(rgb: NDArray[np.uint8]) -> Levels:
    """CIE L*a*b* of sRGB levels."""
    levels = np.arange(256) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    xyz = linear[rgb] @ _TO_XYZ.T
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def threshold(values: Levels) -> float:
    """The level that parts the values best in two (Otsu 1979)."""
    counts, edges = np.histogram(values, _BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    below, sums = np.cumsum(counts), np.cumsum(counts * centres)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1 + int(np.nanargmax(np.where(above > 0, apart, 0)))])


def spread(mask: Mask, steps: int = 1) -> Mask:
    """The mask, grown by so many pixels up, down and sideways."""
    for _ in range(steps):
        grown = mask.copy()
        grown[1:] |= mask[:-1]
        grown[:-1] |= mask[1:]
        grown[:, 1:] |= mask[:, :-1]
        grown[:, :-1] |= mask[:, 1:]
        mask = grown
    return mask


def shrunk(mask: Mask, steps: int = 1) -> Mask:
    """The mask without its outermost pixels; beyond the picture's edge all belongs to it."""
    return ~spread(~mask, steps)


def reached(seed: Mask, mask: Mask) -> Mask:
    """What of the mask hangs together with the seed."""
    found, before = seed & mask, -1
    while (count := int(found.sum())) != before:
        before = count
        found = _swept(found, mask)
    return found


def _swept(found: Mask, mask: Mask) -> Mask:
    """The region, run along rows and columns as far as the mask goes."""
    for flip in (False, True):
        part, of = (found.T, mask.T) if flip else (found, mask)
        runs = np.cumsum(~of, axis=1) + np.arange(of.shape[0])[:, None] * (of.shape[1] + 1)
        met = np.zeros(int(runs.max()) + 1, dtype=bool)
        met[runs[part]] = True
        swept = met[runs] & of
        found = swept.T if flip else swept
    return found


def filled(mask: Mask) -> Mask:
    """The mask with its holes."""
    frame = np.zeros_like(mask)
    frame[0] = frame[-1] = frame[:, 0] = frame[:, -1] = True
    return ~reached(frame, ~mask)


def hull_area(mask: Mask) -> float:
    """Pixels within the convex hull of a mask that is not empty."""
    rows: list[int] = np.flatnonzero(mask.any(axis=1)).tolist()
    first: list[int] = mask[rows].argmax(axis=1).tolist()
    last: list[int] = (mask.shape[1] - mask[rows][:, ::-1].argmax(axis=1)).tolist()
    corners = sorted(
        {(x, y) for row, a, b in zip(rows, first, last, strict=True) for x in (a, b) for y in (row, row + 1)}
    )
    ring = _half(corners)[:-1] + _half(corners[::-1])[:-1]
    return abs(sum(x * v - u * y for (x, y), (u, v) in zip(ring, ring[1:] + ring[:1], strict=True))) / 2


def _half(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """One side of the hull of sorted points (Andrew 1979)."""
    side: list[tuple[int, int]] = []
    for x, y in points:
        while len(side) > 1:
            (a, b), (c, d) = side[-2], side[-1]
            if (c - a) * (y - b) - (d - b) * (x - a) > 0:
                break
            side.pop()
        side.append((x, y))
    return side
