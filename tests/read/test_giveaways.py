"""What goes with malignancy is measured, and chance is not taken for it."""

from random import Random

import pytest

from dermasynth_builder.core.records import ClinicalImage, Facts, Malignancy, Sex
from dermasynth_builder.read.giveaways import cramers_v, giveaway_facts, giveaway_table, giveaways
from tests.support.clinical_images import clinical_image


def images(*facts: Facts) -> list[ClinicalImage]:
    return [clinical_image(f"i{number}", each) for number, each in enumerate(facts)]


def label(number: int) -> Malignancy:
    return "malignant" if number % 2 else "benign"


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [
        ([[50, 0], [0, 50]], 1.0),
        ([[25, 25], [25, 25]], 0.0),
        ([[100, 0], [100, 0]], 0.0),  # one class alone
        ([[100, 100]], 0.0),
        ([[], []], 0.0),
        ([[40, 10], [10, 40]], 0.5945),  # phi is 0.6 before the correction
        ([[30, 20], [10, 40], [20, 30]], 0.3136),
    ],
)
def test_v_is_that_of_known_tables(counts: list[list[int]], wanted: float) -> None:
    assert cramers_v(counts) == pytest.approx(wanted, abs=5e-4)


def test_a_fact_that_decides_the_label_and_a_gap_that_does_are_both_found() -> None:
    told = images(
        *(
            Facts(
                malignancy=label(n),
                confirmation="histopathology" if n % 2 else "clinical assessment",
                fitzpatrick=2 if n % 2 else None,
                age_years=30 + n % 7,
            )
            for n in range(200)
        )
    )
    found = {(each.fact, each.by): each for each in giveaways(told)}
    assert found["confirmation", "value"].cramers_v == 1
    gap = found["fitzpatrick", "missing"]
    assert (gap.cramers_v, gap.least, gap.least_percent, gap.most, gap.most_percent) == (
        1,
        "not recorded",
        0,
        "recorded",
        100,
    )
    assert giveaway_facts(found.values()) == {"confirmation", "fitzpatrick"}
    assert [each["fact"] for each in giveaway_table(told)] == ["confirmation", "fitzpatrick"]


def test_a_fact_with_one_value_that_is_frequent_enough_has_nothing_to_be_held_against() -> None:
    bleeding = [n % 2 == 0 for n in range(60)] + [True] * 19
    told = images(
        *(Facts(malignancy=label(is_malignant), bleeds=n >= 60) for n, is_malignant in enumerate(bleeding)),
    )
    assert [each.fact for each in giveaways(told)] == []


def test_chance_is_not_taken_for_a_tie_however_many_values_there_are() -> None:
    draw = Random(5)  # noqa: S311 - a draw, not a secret
    sexes: tuple[Sex, Sex] = ("female", "male")
    told = images(
        *(
            Facts(
                malignancy=label(draw.randrange(2)),
                body_site=f"place {draw.randrange(60)}",
                age_years=draw.randrange(90),
                sex=draw.choice([*sexes, None]),
            )
            for _ in range(400)
        )
    )
    assert all(each.cramers_v < 0.2 for each in giveaways(told))


def test_the_label_itself_and_what_restates_it_are_left_out() -> None:
    told = images(
        *(Facts(malignancy=label(n), diagnosis=f"d{n % 2}", malignancy_published=label(n)) for n in range(100))
    )
    assert giveaways(told) == []


@pytest.mark.parametrize("count", [0, 1, 30])
def test_too_few_images_of_a_class_tell_nothing(count: int) -> None:
    told = images(*(Facts(malignancy=label(n), fitzpatrick=1 + n % 2) for n in range(count)))
    assert giveaways(told) == []
    assert giveaways(images(*(Facts(malignancy="benign", fitzpatrick=1 + n % 2) for n in range(300)))) == []
