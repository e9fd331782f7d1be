"""The check of form: texts that nobody should read, and texts that only look odd."""

from dataclasses import replace

import pytest

from dermasynth_builder.check.form import check_form
from dermasynth_builder.core.records import Turn
from tests.support.clinical_images import clinical_image, pair

IMAGE = clinical_image()
GOOD_QUESTION, GOOD_ANSWER = "What does this show?", "A raised, brown plaque."


def flagged(question: str = GOOD_QUESTION, answer: str = GOOD_ANSWER) -> list[str]:
    findings = list(check_form([pair(question, answer, image=IMAGE)]))
    assert {finding.severity for finding in findings} <= {"flag"}
    return [finding.reason for finding in findings]


def reasons(question: str = GOOD_QUESTION, answer: str = GOOD_ANSWER) -> list[str]:
    findings = list(check_form([pair(question, answer, image=IMAGE)]))
    assert {(finding.check, finding.severity, finding.pair_id) for finding in findings} <= {
        ("form", "reject", f"pad_ufes/{IMAGE.image_id}/general")
    }
    return [finding.reason for finding in findings]


@pytest.mark.parametrize(
    "text",
    [
        "A raised plaque.",
        "Is it raised?",
        "See a physician!",
        'It is called "a mole".',
        'Some say "a mole"',
        "Some say ‘a mole’",
        "Some say “a mole”",
        "A plaque (raised)",
        "It may itch, bleed ... or do neither.",
        "None of these signs is seen.",
        "It is named after Keenan, and was nullified since.",
        "A plaque.\n",
    ],
)
def test_a_text_in_good_form_passes_as_question_and_as_answer(text: str) -> None:
    assert reasons(question=text) == reasons(answer=text) == []


@pytest.mark.parametrize("end", [",", ";", ":", "-", "–", " and", " the"])
def test_a_text_that_ends_in_anything_but_a_stop_is_rejected(end: str) -> None:
    assert reasons(answer=f"A raised plaque{end}") == ["the answer ends without a stop"]
    assert reasons(question=f"What does this show{end}\n") == ["the question ends without a stop"]


@pytest.mark.parametrize("text", ["A raised plaque with a rim", "A raised plaque of size 12"])
def test_an_answer_without_a_stop_is_rejected_and_such_a_question_flagged(text: str) -> None:
    assert reasons(answer=text) == ["the answer ends without a stop"]
    assert flagged(question=text) == ["the question ends without a stop"]


@pytest.mark.parametrize("text", ["A plaque..", "A plaque,, raised.", "**A** plaque.", "# A\nA plaque.", "A plaque …"])
def test_what_looks_odd_is_flagged_and_kept(text: str) -> None:
    assert len(flagged(answer=text)) == 1


@pytest.mark.parametrize(
    "text", ["None are seen.", "A plaque. *", "A  plaque.", "_A plaque._", "Yes", "- one\n- two\n- three"]
)
def test_three_good_answers_and_their_like_pass(text: str) -> None:
    assert reasons(answer=text) == []


def test_an_empty_text_is_rejected_as_that_alone() -> None:
    assert reasons(question=" \n") == ["the question is empty"]
    assert reasons(answer="") == ["the answer is empty"]


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("The age is nan.", "a missing value in words: 'nan'"),
        ("The age is NaN.", "a missing value in words: 'NaN'"),
        ("The age is null.", "a missing value in words: 'is null'"),
        ("The site is UNK.", "a missing value in words: 'UNK'"),
        ("The site is None.", "a missing value in words: 'None'"),
        ("The signs ( ) are seen.", "an empty list or slot: '( )'"),
        ("The signs [] are seen.", "an empty list or slot: '[]'"),
        ("The {site} is red.", "an empty list or slot: '{site}'"),
        ("The {{ is red.", "an empty list or slot: '{{'"),
        ("The }} is red.", "an empty list or slot: '}}'"),
        ("```json A plaque.", "a code fence: '```'"),
        ("It is an ACK.", "a code of a release: 'ACK'"),
        ("It is a SEK.", "a code of a release: 'SEK'"),
        ("It is a NEV.", "a code of a release: 'NEV'"),
        ("The skin is FST3.", "a code of a release: 'FST3'"),
    ],
)
def test_what_a_machine_leaves_in_a_text_is_rejected_with_the_words(text: str, held: str) -> None:
    assert reasons(answer=text) == [f"the answer holds {held}"]
    assert reasons(question=text) == [f"the question holds {held}"]


def test_a_later_turn_is_told_by_what_it_is() -> None:
    first = pair(GOOD_QUESTION, GOOD_ANSWER, image=IMAGE)
    turns = (*first.messages, Turn("user", "And then,"), Turn("assistant", ""))
    found = [finding.reason for finding in check_form([replace(first, messages=turns)])]
    assert found == ["the question ends without a stop", "the answer is empty"]
