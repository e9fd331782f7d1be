"""Finds pictures that are copies of each other though no pixel is the same: encoded anew, scaled, turned, cropped.

Two steps, both on the grey copies of `picture`. First, each picture in its eight orientations and in `_WINDOWS` of it
is described by the weighted coefficients of a small cosine transform, and descriptions are multiplied block by block,
of pictures of about the same brightness alone. Then those that come near are laid over each other, by a few steps of
Gauss and Newton over place and scale of both axes, and what counts is how well they correlate there.

Measured on 98 dermoscopic photographs of the ISIC archive and 12 of PAD-UFES-20, and on copies of them made in eleven
ways: copies correlate with 0.979 or more, different photographs with 0.943 at most. `benchmarks/pictures.py` measures
it on any folder.
"""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dermasynth_builder.core.images.picture import THUMB_PX
from dermasynth_builder.core.images.pictures import COPY, LOOK

Levels = NDArray[np.float32]
Places = NDArray[np.intp]

_ROUGH, _CANDIDATE = 0.8, 0.93  # likeness of descriptions of whole pictures, and of the best window
_COEFFICIENTS = 6  # along each axis
_LIGHT, _DARK = 8.0, 12.0  # grey levels by which upper and lower quartiles of a copy and its original may differ
_FLAT = 3.0  # grey levels of deviation below which a picture shows nothing that could be compared
_ROWS, _COLUMNS, _ROUGH_PAIRS = 64, 4096, 8192  # of a block
_PAIRS = 64  # laid over each other at once
_STEPS = 8
_HOPELESS, _HOPELESS_FROM, _BEST = 0.85, 3, 0.998
_DETAIL = 0.85  # correlation of details
_BLACK = 24.0  # grey level
_MOST_SCALE, _MOST_SHIFT = 0.13, 0.12  # of a side
_EDGE = 0.05
# What of an axis is left: all of it, or all but a twentieth at one end or at both, or half as much at both.
_ALL, _HEAD, _TAIL, _BOTH, _HALF = (0, 1), (0, 1 - _EDGE), (_EDGE, 1), (_EDGE, 1 - _EDGE), (_EDGE / 2, 1 - _EDGE / 2)
_WINDOWS = (
    *((_ALL, _ALL), (_BOTH, _BOTH), (_HALF, _HALF), (_HEAD, _ALL), (_TAIL, _ALL), (_ALL, _HEAD), (_ALL, _TAIL)),
    *((_HEAD, _HEAD), (_HEAD, _TAIL), (_TAIL, _HEAD), (_TAIL, _TAIL)),
)
_TURNS = 8


class Near(NamedTuple):
    """Two pictures that are alike."""

    first: int  # place in the array
    second: int
    likeness: float  # `LOOK` to 1


def find_near(thumbs: NDArray[np.uint8]) -> list[Near]:
    """Pairs of `thumbs`, n x 32 x 32, that are alike, each once; first is before second.

    Of pictures that are copies of each other it gives as many pairs as tie them together, not all.
    """
    levels = thumbs.astype(np.float32)
    shown = np.flatnonzero(levels.std((1, 2)) >= _FLAT)
    order = shown[np.argsort(_quartiles(levels[shown])[1], kind="stable")]
    levels = levels[order]
    found: list[Near] = []
    tied = _Tied(len(order))
    for rows, columns, turns in _candidates(levels):
        for start in range(0, len(rows), _PAIRS):
            part = slice(start, start + _PAIRS)
            is_news = tied.are_apart(rows[part], columns[part])
            row, column, turn = rows[part][is_news], columns[part][is_news], turns[part][is_news]
            likeness = _likeness(_each_turned(levels[row], turn), levels[column])
            for one, other, alike in zip(row, column, likeness, strict=True):
                if alike >= LOOK:
                    first, second = sorted((int(order[one]), int(order[other])))
                    found.append(Near(first, second, round(float(alike), 4)))
                if alike >= COPY:
                    tied.tie(int(one), int(other))
    return sorted(found)


class _Tied:
    """Which pictures are known for copies of each other."""

    def __init__(self, count: int) -> None:
        self._of = np.arange(count)

    def are_apart(self, rows: Places, columns: Places) -> NDArray[np.bool_]:
        return np.asarray(self._of[rows] != self._of[columns])

    def tie(self, one: int, other: int) -> None:
        kept, gone = sorted((self._of[one], self._of[other]))
        if kept != gone:
            self._of[self._of == gone] = kept


def _candidates(levels: Levels) -> Iterator[tuple[Places, Places, Places]]:
    """Pairs whose descriptions are near: places of both, and the turn of the first; `levels` by upper quartile."""
    dark, light = _quartiles(levels)
    windows = _described(levels)
    for start in range(0, len(levels), _ROWS):
        block = levels[start : start + _ROWS]
        turned = np.stack([_described(_turned(block, turn)) for turn in range(_TURNS)], axis=1)
        end = int(np.searchsorted(light, light[start + len(block) - 1] + _LIGHT, side="right"))
        for left in range(start, end, _COLUMNS):
            columns = windows[left : min(left + _COLUMNS, end)]
            for first, second, turns in _rough(turned[:, :, 0], columns[:, 0]):
                is_meant = abs(dark[first + start] - dark[second + left]) <= _DARK
                is_meant &= first + start < second + left
                first, second, turns = first[is_meant], second[is_meant], turns[is_meant]
                is_near = _is_near(turned[first, turns], columns[second])
                yield first[is_near] + start, second[is_near] + left, turns[is_near]


def _quartiles(levels: Levels) -> tuple[Levels, Levels]:
    """The lower and the upper quartile of what is not black in each picture."""
    ordered = np.sort(levels.reshape(len(levels), THUMB_PX**2), axis=1)
    black = (ordered <= _BLACK).sum(1)
    lower, upper = (black + (share * (THUMB_PX**2 - 1 - black)).astype(int) for share in (0.25, 0.75))
    each = np.arange(len(levels))
    return ordered[each, np.minimum(lower, THUMB_PX**2 - 1)], ordered[each, np.minimum(upper, THUMB_PX**2 - 1)]


def _rough(turned: Levels, plain: Levels) -> Iterator[tuple[Places, Places, Places]]:
    """Where whole pictures are roughly alike, with the turn in which they are most."""
    alike = (turned.reshape(-1, turned.shape[-1]) @ plain.T).reshape(len(turned), _TURNS, len(plain))
    rows, columns = np.nonzero(alike.max(1) > _ROUGH)
    for start in range(0, len(rows), _ROUGH_PAIRS):
        row, column = rows[start : start + _ROUGH_PAIRS], columns[start : start + _ROUGH_PAIRS]
        yield row, column, alike[row, :, column].argmax(1)


def _is_near(first: Levels, second: Levels) -> NDArray[np.bool_]:
    """Whether one of the pictures is near to a window of the other; pairs x windows x coefficients."""
    there = np.einsum("pwc,pc->pw", first, second[:, 0]).max(1)
    back = np.einsum("pwc,pc->pw", second, first[:, 0]).max(1)
    return np.asarray(np.maximum(there, back) > _CANDIDATE)


def _described(levels: Levels) -> Levels:
    """Coefficients of length 1: pictures x windows x coefficients."""
    waves, places, weights = _maps()
    both = waves @ levels @ waves.T
    found = both.reshape(len(levels), both.shape[-1] ** 2)[:, places] * weights
    lengths = np.linalg.norm(found, axis=-1, keepdims=True)
    return np.asarray(found / np.maximum(lengths, np.float32(1e-6)), dtype=np.float32)


@cache
def _maps() -> tuple[Levels, Places, Levels]:
    """The waves of all parts of an axis, where each window's coefficients stand in their product, and weights."""
    parts = list(dict.fromkeys(part for window in _WINDOWS for part in window))
    waves = np.concatenate([_waves(*part) for part in parts])
    down, across = np.mgrid[:_COEFFICIENTS, :_COEFFICIENTS].reshape(2, -1)[:, 1:]  # their mean says nothing
    first = [(parts.index(y) * _COEFFICIENTS, parts.index(x) * _COEFFICIENTS) for y, x in _WINDOWS]
    places = np.array([(y + down) * len(waves) + x + across for y, x in first])
    return waves, places, np.hypot(down, across).astype(np.float32) ** np.float32(0.5)


def _waves(begin: float, end: float) -> Levels:
    """Cosines over a part of an axis, coefficients by pixels, each a mean over its pixel."""
    fine = 8
    places = (np.arange(THUMB_PX * fine) + 0.5) / (THUMB_PX * fine)
    inside = (places >= begin) & (places <= end)
    phases = np.pi * (places - begin) / (end - begin)
    waves = np.array([np.cos(number * phases) * inside for number in range(_COEFFICIENTS)]) / (end - begin)
    return np.asarray(waves.reshape(_COEFFICIENTS, THUMB_PX, fine).mean(2), dtype=np.float32)


def _turned(levels: Levels, turn: int) -> Levels:
    """Pictures turned by so many quarters; from 4 on as in a mirror."""
    seen = levels if turn < _TURNS // 2 else levels[:, :, ::-1]
    return np.rot90(seen, turn % (_TURNS // 2), axes=(1, 2))


def _each_turned(levels: Levels, turns: Places) -> Levels:
    """Each picture in its own turn."""
    made = np.empty_like(levels)
    for turn in range(_TURNS):
        made[turns == turn] = _turned(levels[turns == turn], turn)
    return made


def _likeness(first: Levels, second: Levels) -> Levels:
    """How well each picture of `first` correlates with its own of `second`, laid over it as well as can be.

    Where it can hardly be more, or will never be enough, the last steps are left out. It is less than `COPY` where the
    details, without the slow changes that all pictures of one kind share, do not correlate too.
    """
    first, second = _smoothed(first), _smoothed(second)
    best = np.full(len(first), -1, dtype=np.float32)
    placed = np.tile(np.array([1, 0, 1, 0], dtype=np.float32), (len(first), 1))  # scale and shift, down and across
    at = placed.copy()  # where it was best
    left = np.arange(len(first))
    for step in range(_STEPS + 1):
        if not len(left):
            break
        alike, change = _compared(first[left], second[left], placed[left])
        better = left[alike > best[left]]
        at[better] = placed[better]
        best[left] = np.maximum(best[left], alike)
        placed[left] += change
        placed[:, ::2] = np.clip(placed[:, ::2], 1 - _MOST_SCALE, 1 + _MOST_SCALE)
        placed[:, 1::2] = np.clip(placed[:, 1::2], -_MOST_SHIFT, _MOST_SHIFT)
        is_hopeless = best[left] < (_HOPELESS if step >= _HOPELESS_FROM else -1)
        left = left[(best[left] < _BEST) & ~is_hopeless]
    sure = np.flatnonzero(best >= COPY)
    if len(sure):
        is_other = _detail(first[sure], second[sure], at[sure]) < _DETAIL
        best[sure[is_other]] = np.float32(COPY - 1e-4)
    return best


def _compared(first: Levels, second: Levels, placed: Levels) -> tuple[Levels, Levels]:
    """How well they correlate, and by how much the place should change."""
    levels, slopes, weight = _laid(first, second, placed)
    told, target = _centred(levels, weight), _centred(second, weight)
    length, wanted = np.linalg.norm(told, axis=1) + 1e-6, np.linalg.norm(target, axis=1) + 1e-6
    alike = (told * target).sum(1) / (length * wanted)
    return alike, _step(slopes, weight, target * (length / wanted)[:, None] - told)


def _detail(first: Levels, second: Levels, placed: Levels) -> Levels:
    """How well the details correlate."""
    levels, _, weight = _laid(first, second, placed)
    told, target = (_centred(each - _smoothed(each, 12), weight) for each in (levels, second))
    lengths = np.linalg.norm(told, axis=1) * np.linalg.norm(target, axis=1) + 1e-6
    return np.asarray((told * target).sum(1) / lengths, dtype=np.float32)


def _step(slopes: Levels, weight: Levels, rest: Levels) -> Levels:
    """The change of scales and shifts that takes off most of the rest."""
    columns = np.stack([_centred(slope, weight) for slope in slopes], axis=2)
    turned = columns.transpose(0, 2, 1)
    squares = turned @ columns
    damping = 1e-3 * np.trace(squares, axis1=1, axis2=2) / 4 + 1e-6
    squares += damping[:, None, None] * np.eye(4, dtype=np.float32)
    return np.asarray(np.linalg.solve(squares, turned @ rest[:, :, None])[:, :, 0], dtype=np.float32)


def _laid(levels: Levels, second: Levels, placed: Levels) -> tuple[Levels, Levels, Levels]:
    """The levels where each picture is laid, how they change with scales and shifts, and what of them counts.

    What is black in both does not: it is the border of a dermoscope's window, the same in all of its pictures.
    """
    grid = ((np.arange(THUMB_PX, dtype=np.float32) + 0.5) / THUMB_PX) - 0.5
    place_y = (0.5 + placed[:, :1] * grid + placed[:, 1:2]) * THUMB_PX - 0.5
    place_x = (0.5 + placed[:, 2:3] * grid + placed[:, 3:]) * THUMB_PX - 0.5
    last = THUMB_PX - 1
    in_y, in_x = (abs(place - last / 2) <= THUMB_PX / 2 for place in (place_y, place_x))
    y, x = (np.clip(place, 0, last - 1e-3) for place in (place_y, place_x))
    top, left = y.astype(np.intp)[:, :, None], x.astype(np.intp)[:, None, :]
    down, across = y[:, :, None] - top, x[:, None, :] - left
    number = np.arange(len(levels))[:, None, None]
    a, b = levels[number, top, left], levels[number, top, left + 1]
    c, d = levels[number, top + 1, left], levels[number, top + 1, left + 1]
    upper, lower = a + (b - a) * across, c + (d - c) * across
    steep_y = (lower - upper) * THUMB_PX
    steep_x = ((b - a) * (1 - down) + (d - c) * down) * THUMB_PX
    slopes = np.stack([steep_y * grid[:, None], steep_y, steep_x * grid, steep_x])
    seen = upper + (lower - upper) * down
    counts = in_y[:, :, None] & in_x[:, None, :] & ((seen > _BLACK) | (second > _BLACK))
    weight = counts.reshape(len(levels), -1).astype(np.float32)
    weight += 1e-6 * (weight.sum(1, keepdims=True) == 0)  # nothing is left of it
    return seen.astype(np.float32), slopes.astype(np.float32), weight


def _centred(levels: Levels, weight: Levels) -> Levels:
    """Each picture in one row, its mean taken off; 0 where it is not there."""
    flat = levels.reshape(len(levels), -1)
    means = (flat * weight).sum(1, keepdims=True) / weight.sum(1, keepdims=True)
    return np.asarray((flat - means) * weight, dtype=np.float32)


def _smoothed(levels: Levels, times: int = 1) -> Levels:
    """Without what a change of size alone changes: each level with a half of its neighbours' on each side."""
    for axis in (1, 2) * times:
        wide = np.pad(levels, [(0, 0)] + [(int(axis == each),) * 2 for each in (1, 2)], mode="edge")
        around = np.take(wide, range(THUMB_PX), axis) + np.take(wide, range(2, THUMB_PX + 2), axis)
        levels = ((2 * levels + around) / 4).astype(np.float32)
    return levels
