"""Rates of two systems on the same items, and how far apart they are; what belongs to one patient is drawn as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dermasynth_builder.report.quality import wilson

RESAMPLES = 2_000
_FLIPS = 5_000
_TOGETHER = 250  # draws at a time: what they take does not grow with their number
_FEW = 0.025  # at each end of a 95 % interval
SURE = 0.05  # what an adjusted p has to be below


@dataclass(frozen=True, slots=True)
class Difference:
    """One rate of two systems. Intervals are of 95 %."""

    counts: tuple[int, int]
    shares: tuple[float, float]
    intervals: tuple[tuple[float, float], tuple[float, float]]  # Wilson's, of as many items as the groups are worth
    apart: float  # the second share less the first
    low: float  # of `apart`: bootstrap by group, its middle 95 %
    high: float
    only: tuple[int, int]  # items that have it in the first alone, in the second alone
    p: float  # first and second exchanged at random within each group; of both tails


def differences(
    groups: Sequence[str], first: Any, second: Any, *, resamples: int = RESAMPLES, seed: int = 0
) -> list[Difference]:
    """One for each column of two tables of items and yes-or-no measures; `groups` names each item's patient.

    The draws depend on the seed alone. There has to be an item.
    """
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    names, of_item = np.unique(np.asarray(groups), return_inverse=True)
    sums = [_by_group(of_item, len(names), table) for table in (one, other)]
    sizes = np.bincount(of_item, minlength=len(names)).astype(float)
    apart = sums[1] - sums[0]
    drawn = _bootstrap(apart, sizes, resamples, draw=np.random.default_rng(seed))
    p = _exchanged(apart, np.random.default_rng(seed + 1))
    found = []
    for column in range(one.shape[1]):
        shares = (float(one[:, column].mean()), float(other[:, column].mean()))
        only = (one[:, column] > other[:, column], other[:, column] > one[:, column])
        low, high = _interval(drawn[:, column], apart[:, column])
        found.append(
            Difference(
                (int(one[:, column].sum()), int(other[:, column].sum())),
                shares,
                (_clustered(sums[0][:, column], sizes), _clustered(sums[1][:, column], sizes)),
                shares[1] - shares[0],
                low,
                high,
                (int(only[0].sum()), int(only[1].sum())),
                float(p[column]),
            )
        )
    return found


def holm(p: Sequence[float]) -> list[float]:
    """The p values of one table, adjusted for their number (Holm 1979)."""
    adjusted = [0.0] * len(p)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda each: p[each])):
        largest = max(largest, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = largest
    return adjusted


def _by_group(of_item: Any, groups: int, table: Any) -> Any:
    return np.stack([np.bincount(of_item, weights=column, minlength=groups) for column in table.T], axis=1)


def _bootstrap(apart: Any, sizes: Any, resamples: int, *, draw: np.random.Generator) -> Any:
    """The difference in each draw of as many groups, with replacement."""
    groups = len(sizes)
    parts = []
    for begin in range(0, resamples, _TOGETHER):
        number = min(_TOGETHER, resamples - begin)
        weights = draw.multinomial(groups, np.full(groups, 1 / groups), size=number).astype(float)
        parts.append((weights @ apart) / (weights @ sizes)[:, None])
    return np.concatenate(parts)


def _interval(drawn: Any, apart: Any) -> tuple[float, float]:
    """The middle of the draws; where no group differs, what that many groups leave possible, exactly."""
    if not apart.any():
        most = 1 - _FEW ** (1 / len(apart))
        return -most, most
    low, high = np.quantile(drawn, [_FEW, 1 - _FEW])
    return float(low), float(high)


def _exchanged(apart: Any, draw: np.random.Generator) -> Any:
    """For each column, how often a difference as large comes where only chance says which system is which."""
    differing = apart[apart.any(axis=1)]
    seen = np.abs(differing.sum(axis=0))
    as_large = np.zeros(apart.shape[1])
    for _ in range(_FLIPS // _TOGETHER):
        signs = draw.integers(0, 2, size=(_TOGETHER, len(differing))) * 2.0 - 1
        as_large += (np.abs(signs @ differing) >= seen - 1e-9).sum(axis=0)
    return (as_large + 1) / (_FLIPS + 1)


def _clustered(yes: Any, sizes: Any) -> tuple[float, float]:
    """Wilson's interval, of the number of independent items that would leave the share as uncertain as the groups do.

    Where all items agree, groups count as one item each.
    """
    items, groups = sizes.sum(), len(sizes)
    share = yes.sum() / items
    spread = ((yes - share * sizes) ** 2).sum() / items**2
    worth = min(items, share * (1 - share) / spread) if 0 < share < 1 and spread > 0 else groups
    return wilson(float(share), float(worth))
