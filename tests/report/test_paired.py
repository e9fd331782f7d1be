"""Rates of two systems on the same items: right intervals, and no difference where there is none."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder.report.paired import differences, holm
from dermasynth_builder.report.quality import rate

ITEMS, PATIENTS = 600, 200


def drawn(seed: int, first: float, second: float, likeness: float = 0.3) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Items of patients, some of whom are prone to what is counted; both systems meet the same patients."""
    draw = np.random.default_rng(seed)
    patients = draw.integers(0, PATIENTS, ITEMS)
    prone = draw.random(PATIENTS) < 0.5
    factor = np.where(prone[patients], 1 + likeness, 1 - likeness)
    tables = [(draw.random(ITEMS) < share * factor)[:, None] for share in (first, second)]
    return [str(each) for each in patients], tables[0], tables[1]


@pytest.mark.slow
def test_the_interval_holds_the_true_difference_as_often_as_it_says_and_the_effect_is_found() -> None:
    runs = 200
    held, found = 0, 0
    for seed in range(runs):
        [told] = differences(*drawn(seed, 0.04, 0.12), resamples=500, seed=seed)
        held += told.low <= 0.08 <= told.high
        found += told.p < 0.05 and told.apart > 0
    assert 0.91 <= held / runs <= 0.985
    assert found / runs > 0.97


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.04, 0.12, 0.5])
def test_where_nothing_differs_a_difference_is_told_no_more_often_than_one_time_in_twenty(share: float) -> None:
    runs = 300
    told = [differences(*drawn(seed, share, share), resamples=250, seed=seed)[0] for seed in range(runs)]
    assert sum(each.p < 0.05 for each in told) / runs < 0.085  # 0.05 and 2.8 standard deviations
    assert sum(each.low <= 0 <= each.high for each in told) / runs >= 0.90


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 30))
def test_with_one_item_a_patient_p_is_that_of_mcnemars_exact_test(only_first: int, only_second: int, both: int) -> None:
    first = [[1]] * only_first + [[0]] * only_second + [[1]] * both + [[0]]
    second = [[0]] * only_first + [[1]] * only_second + [[1]] * both + [[0]]
    [told] = differences([str(n) for n in range(len(first))], first, second, resamples=10)
    n, k = only_first + only_second, min(only_first, only_second)
    exact = min(1.0, 2 * sum(comb(n, i) for i in range(k + 1)) / 2**n)
    assert told.p == pytest.approx(exact, abs=0.035)
    assert told.only == (only_first, only_second)


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_with_one_item_a_patient_rates_have_wilson_s_interval(items: list[bool]) -> None:
    table = [[each] for each in items]
    [told] = differences([str(n) for n in range(len(items))], table, table, resamples=10)
    wilson = rate(sum(items), len(items))
    assert told.shares[0] == told.shares[1] == pytest.approx(wilson["share"])
    assert told.intervals[0] == pytest.approx((wilson["low"], wilson["high"]))


def test_items_of_one_patient_that_agree_are_worth_no_more_than_the_patient() -> None:
    table = [[n < 50] for n in range(100)]
    [apart] = differences([str(n) for n in range(100)], table, table, resamples=10)
    [together] = differences([str(n // 10) for n in range(100)], table, table, resamples=10)
    assert apart.intervals[0] == pytest.approx((rate(50, 100)["low"], rate(50, 100)["high"]))
    assert together.intervals[0] == pytest.approx((rate(5, 10)["low"], rate(5, 10)["high"]))


def test_where_no_item_differs_the_interval_tells_what_so_many_patients_leave_possible() -> None:
    [told] = differences([str(n) for n in range(100)], [[0]] * 100, [[0]] * 100, resamples=10)
    assert told.high == -told.low == pytest.approx(1 - 0.025 ** (1 / 100))  # Clopper and Pearson's, of 0 in 100
    assert told.p == 1


def test_draws_are_the_same_on_every_run() -> None:
    assert differences(*drawn(3, 0.1, 0.2), resamples=300) == differences(*drawn(3, 0.1, 0.2), resamples=300)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_adjusts_upwards_in_the_order_of_the_values(p: list[float]) -> None:
    adjusted = holm(p)
    assert all(one <= other <= min(1, len(p) * max(one, min(p)) + 1) for one, other in zip(p, adjusted, strict=True))
    assert [adjusted[n] for n in np.argsort(p, kind="stable")] == sorted(adjusted)


def test_holm_of_three() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
