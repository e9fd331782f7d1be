"""Facts that an answer states and nobody gave it are counted; those that the turn holds are not."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from dermasynth_builder.train.evaluate.invented import Kind, invented, invention_rates
from dermasynth_builder.train.rows import open_release
from dermasynth_builder.train.turns import example_of
from tests.support.clinical_images import FULL
from tests.support.releases import Built
from tests.support.training import row

BARE = "What is to be seen here?"
GIVEN = example_of(row(facts=FULL), "record").messages[0].content


@pytest.mark.parametrize(
    ("answer", "kinds"),
    [
        ("The patient is 55 years old.", {"age"}),
        ("In a 79-year-old man this is common.", {"age", "sex"}),
        ("A woman aged about 55.", {"age", "sex"}),
        ("At 43 such a spot is rare.", {"age"}),
        ("It was proven by biopsy.", {"confirmation"}),
        ("The diagnosis was made clinically, without a biopsy.", {"confirmation"}),
        ("A brown patch with an even border, about 6 mm.", set()),
        ("Human skin, and a mandible.", set()),
        ("", set()),
    ],
)
def test_what_an_answer_states_of_the_patient_is_found(answer: str, kinds: set[Kind]) -> None:
    assert invented(answer, BARE) == kinds
    assert invented(answer, GIVEN) == set()


def test_a_record_that_lacks_one_of_them_covers_the_others() -> None:
    without = example_of(row(facts=replace(FULL, sex=None)), "record").messages[0].content
    assert invented("A 55-year-old woman.", without) == {"sex"}


def test_answers_of_a_release_rest_on_its_records_and_not_on_its_bare_questions(built: Built) -> None:
    rows = list(open_release(built.release).rows())

    def rate(context: str) -> float:
        examples = [example_of(each, context) for each in rows]  # type: ignore[arg-type]
        return float(invention_rates([(e.messages[0].content, e.messages[1].content) for e in examples])["any"])

    assert rate("record") == 0
    assert rate("question") > 0.1


def test_no_answers_have_no_rate(build_release: Callable[..., Built]) -> None:
    assert invention_rates([])["any"] == 0
