"""Krippendorff's alpha against published figures, and its limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder.core.records import Review
from dermasynth_builder.report.agreement import agreement, ordinal_alpha

# Krippendorff, Computing Krippendorff's Alpha-Reliability (2011): four observers, twelve units.
OBSERVERS = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")


def test_the_published_example_gives_the_published_figure() -> None:
    units = [[int(value) for value in unit if value != "."] for unit in zip(*OBSERVERS, strict=True)]
    assert ordinal_alpha(units) == pytest.approx(0.815, abs=0.0005)


@given(st.lists(st.lists(st.integers(1, 5), min_size=2, max_size=4), min_size=2, max_size=20))
def test_full_agreement_is_one_and_the_order_of_persons_changes_nothing(judged: list[list[int]]) -> None:
    same = [[unit[0]] * len(unit) for unit in judged]
    spread = len({unit[0] for unit in judged}) > 1
    assert ordinal_alpha(same) == (pytest.approx(1) if spread else None)
    found, turned = ordinal_alpha(judged), ordinal_alpha([unit[::-1] for unit in judged[::-1]])
    assert found == (None if turned is None else pytest.approx(turned))


@pytest.mark.parametrize("judged", [[], [[]], [[3], [4]], [[3, 3], [3, 3]]])
def test_what_says_nothing_of_agreement_gives_none(judged: list[list[int]]) -> None:
    assert ordinal_alpha(judged) is None


def test_axes_and_verdicts_are_counted_apart() -> None:
    reviews = {
        "a": [Review("Ann", "keep", accuracy=5), Review("Bo", "keep", accuracy=4)],
        "b": [Review("Ann", "leave_out", accuracy=1), Review("Bo", "leave_out")],
        "c": [Review("Ann", "keep")],
    }
    told = agreement(reviews)
    assert told["verdict"] == {"pairs": 3, "by_two": 2, "mean": 0.6, "alpha": 1.0}
    assert (told["accuracy"]["pairs"], told["accuracy"]["by_two"]) == (2, 1)
    assert told["safety"] == {"pairs": 0, "by_two": 0, "mean": None, "alpha": None}
