"""How far persons agree who have judged the same pairs: Krippendorff's alpha."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, permutations
from statistics import mean
from typing import Any

from rich.table import Table

from dermasynth_builder.core.records import AXES, Review
from dermasynth_builder.report.tables import name, table_of_numbers


def ordinal_alpha(units: Iterable[Sequence[int]]) -> float | None:
    """Krippendorff's alpha for ranks, of the values that each unit got; units with one value say nothing.

    1 is full agreement and 0 what chance gives; None where no unit has two values, or all values are the same.
    Source: K. Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011.
    """
    together: Counter[tuple[int, int]] = Counter()
    for values in units:
        for pair in permutations(values, 2):
            together[pair] += 1 / (len(values) - 1)  # type: ignore[assignment]  # weights, which a Counter adds as well
    counts: Counter[int] = Counter()
    for (value, _), weight in together.items():
        counts[value] += weight
    up_to = dict(zip(sorted(counts), accumulate(counts[rank] for rank in sorted(counts)), strict=True))

    def apart(one: int, other: int) -> float:
        """How many values lie between two ranks, half of those of each of the two included; squared."""
        return ((up_to[one] - counts[one] / 2) - (up_to[other] - counts[other] / 2)) ** 2

    by_chance = sum(counts[one] * counts[other] * apart(one, other) for one in counts for other in counts)
    if not by_chance:
        return None
    found = sum(weight * apart(*pair) for pair, weight in together.items())
    return 1 - (sum(counts.values()) - 1) * found / by_chance


def agreement(reviews: Mapping[str, Sequence[Review]]) -> dict[str, dict[str, Any]]:
    """For the verdict and each axis: pairs that were judged, by two or more, mean value, alpha.

    The verdict's mean is the share of verdicts to keep a pair.
    """
    told: dict[str, dict[str, Any]] = {}
    for axis in ("verdict", *AXES):
        units = [
            [value for value in (_value(review, axis) for review in each) if value is not None]
            for each in reviews.values()
        ]
        values = [value for unit in units for value in unit]
        told[axis] = {
            "pairs": sum(bool(unit) for unit in units),
            "by_two": sum(len(unit) > 1 for unit in units),
            "mean": mean(values) if values else None,
            "alpha": ordinal_alpha(units),
        }
    return told


def _value(review: Review, axis: str) -> int | None:
    value = getattr(review, axis)
    return int(value == "keep") if axis == "verdict" else value


def agreement_table(told: Mapping[str, Mapping[str, Any]]) -> Table:
    """The same as a table."""
    table = table_of_numbers("judged", "pairs", "by two or more", "mean", "Krippendorff's alpha")
    for axis, each in told.items():
        numbers = ("" if each[key] is None else f"{each[key]:.2f}" for key in ("mean", "alpha"))
        label = "keep it" if axis == "verdict" else axis
        table.add_row(name(label, indent=2), f"{each['pairs']:,}", f"{each['by_two']:,}", *numbers)
    return table
