"""A pilot's mean, 95th percentile and total are those of its samples, and its interval holds the truth."""

from collections.abc import Mapping
from random import Random
from statistics import mean
from typing import Any

import pytest

from dermasynth_builder.generate.usage import Range
from dermasynth_builder.report.cost import Pilot, Sample, extrapolate, samples_of


def dollars(usage: Mapping[str, Any]) -> float | None:
    return None if usage.get("free") else usage["candidatesTokenCount"] / 100


def counts(output: int, thoughts: int = 0, **more: int) -> dict[str, int]:
    return {"promptTokenCount": 9, "candidatesTokenCount": output, "thoughtsTokenCount": thoughts, **more}


def test_all_replies_to_a_request_are_one_sample() -> None:
    usages = [("a", counts(100, 50)), ("b", counts(20)), ("a", counts(30)), ("c", {}), ("d", {"input_tokens": 3})]
    assert samples_of(usages, dollars) == [Sample(180, 1.3), Sample(20, 0.2)]


def test_a_request_one_reply_of_which_has_no_price_has_none() -> None:
    usages = [("a", counts(100, free=1)), ("a", counts(30)), ("b", counts(30)), ("b", counts(1, free=1))]
    assert [sample.cost_usd for sample in samples_of(usages, dollars)] == [None, None]


def test_a_pilot_gives_mean_percentile_and_total() -> None:
    pilot = extrapolate([Sample(output, output / 100) for output in range(1, 101)], 1000)
    assert (pilot.samples, pilot.output_mean, pilot.output_p95) == (100, 50.5, 95)
    assert pilot.total_usd
    assert pilot.total_usd.middle == pytest.approx(505)
    assert pilot.total_usd.high - pilot.total_usd.middle == pytest.approx(1.96 * 29.011 / 10 * 10, abs=0.01)


def test_equal_samples_have_no_spread() -> None:
    assert extrapolate([Sample(5, 0.5)] * 3, 10) == Pilot(3, 5, 5, Range(5, 5, 5))


@pytest.mark.parametrize("samples", [[Sample(5, 0.5)], [Sample(5, 0.5), Sample(6, None)]])
def test_one_sample_or_an_unknown_price_gives_no_total(samples: list[Sample]) -> None:
    assert extrapolate(samples, 10).total_usd is None


def test_no_sample_is_an_error() -> None:
    with pytest.raises(ValueError, match="one answered request"):
        extrapolate([], 10)


def test_the_interval_of_fifty_holds_the_true_total_nearly_always() -> None:
    draw = Random(7)  # noqa: S311 - a draw, not a secret
    population = [Sample(0, draw.lognormvariate(0, 0.5)) for _ in range(20_000)]
    truth = mean(sample.cost_usd or 0 for sample in population) * len(population)
    totals = [extrapolate(draw.sample(population, 50), len(population)).total_usd for _ in range(400)]
    held = sum(total is not None and total.low <= truth <= total.high for total in totals)
    assert 0.90 <= held / len(totals) <= 0.98
