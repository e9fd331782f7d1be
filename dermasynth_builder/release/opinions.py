"""What persons and other models say of the pairs of a release, and how far the persons agree: Krippendorff's alpha."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, permutations
from statistics import mean
from typing import Any

from dermasynth_builder.core.records import AXES, Review
from dermasynth_builder.plan.reply_form import CLAIM_VERDICTS


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


def of_persons(rows: Iterable[Sequence[Mapping[str, Any]]]) -> dict[str, Any] | None:
    """How many pairs persons judged, how many persons, and `agreement`; None where none did. `rows`: their reviews."""
    judged = [
        [Review(each["rater"], each["verdict"], *(each["scores"] or ())) for each in row] for row in rows if len(row)
    ]
    if not judged:
        return None
    return {
        "pairs": len(judged),
        "persons": len({review.rater for row in judged for review in row}),
        "agreement": agreement({str(number): row for number, row in enumerate(judged)}),
    }


def of_models(rows: Iterable[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Of each model that checked pairs: its verdicts on them and on their claims, and the mean of its scores."""
    by_model: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        for each in row:
            by_model[each["verifier"]].append(each)
    return [{"model": model} | _of_model(told) for model, told in sorted(by_model.items())]


def _of_model(told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    of_pairs = Counter(each["verdict"] for each in told)
    of_claims = Counter(claim["verdict"] for each in told for claim in each["claims"])
    scored = [each["scores"] for each in told if len(each["scores"])]
    return {
        "pairs": len(told),
        "of_pairs": {verdict: of_pairs[verdict] for verdict in CLAIM_VERDICTS},
        "claims": of_claims.total(),
        "of_claims": {verdict: of_claims[verdict] for verdict in CLAIM_VERDICTS},
        "scored": len(scored),
        "axes": {axis: round(mean(each[place] for each in scored), 2) for place, axis in enumerate(AXES) if scored},
    }
