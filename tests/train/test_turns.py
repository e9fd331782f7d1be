"""What stands before a question: the recorded facts, and never what the answer has to find."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.records import Facts, Turn
from dermasynth_builder.plan.plain_turn import GIVEN_DIAGNOSIS
from dermasynth_builder.plan.questions import load_prompt_book
from dermasynth_builder.train.turns import Example, checked_example, example_of, known_of
from tests.support.clinical_images import EXPORTED, FULL
from tests.support.training import row

TYPES = sorted({kind.name for bank in load_prompt_book().banks.values() for kind in bank})


def test_the_types_that_start_from_the_diagnosis_are_types_of_the_banks() -> None:
    assert set(TYPES) >= GIVEN_DIAGNOSIS


@pytest.mark.parametrize("facts", [FULL, EXPORTED], ids=["pad_ufes", "an archive"])
@pytest.mark.parametrize("question_type", [*TYPES, "of a later version"])
def test_the_diagnosis_stands_before_a_question_only_where_the_question_starts_from_it(
    question_type: str, facts: Facts
) -> None:
    known = " ".join(known_of(row(facts=facts, question_type=question_type)))
    is_given = question_type in GIVEN_DIAGNOSIS
    assert (f"Diagnosis on record: {facts.diagnosis}" in known) is is_given
    assert (f"taxonomy: {facts.malignancy}" in known) is is_given
    assert f"in years: {'about ' if facts.is_age_rounded else ''}{facts.age_years}" in known
    assert str(facts.body_site) in known


def test_facts_that_the_engine_was_not_told_do_not_stand_there() -> None:
    assert known_of(row(is_told=False)) == []
    example = example_of(row(is_told=False), "record")
    assert example.messages == row().messages


def test_the_bare_question_and_the_turns_after_the_first_stay_as_they_are() -> None:
    several = row(messages=(*row().messages, Turn("user", "And then?"), Turn("assistant", "Nothing.")))
    assert example_of(several, "question").messages == several.messages
    shown = example_of(several, "record").messages
    assert shown[1:] == several.messages[1:]
    assert shown[0].content.startswith("Known:\n- ")
    assert shown[0].content.endswith(f"\n\n{several.messages[0].content}")


@given(st.sampled_from([field.name for field in fields(Facts)]))
def test_no_fact_is_shown_that_is_not_recorded(name: str) -> None:
    without = replace(FULL, **{name: getattr(Facts(), name)})
    assert len(known_of(row(facts=without))) <= len(known_of(row(facts=FULL)))


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ((Turn("user", "Where is <image>?"), Turn("assistant", "Here.")), "reads as a picture"),
        ((Turn("user", "What?"), Turn("assistant", " ")), "the turn of the assistant is empty"),
        ((Turn("assistant", "Here."), Turn("user", "What?")), "not user and assistant in turn"),
        ((Turn("user", "What?"),), "not user and assistant in turn"),
        ((), "not user and assistant in turn"),
    ],
)
def test_turns_that_a_trainer_stumbles_over_are_refused(messages: tuple[Turn, ...], said: str) -> None:
    with pytest.raises(ReleaseError, match=said):
        checked_example(Example("pad_ufes/x/general", row(), messages))
