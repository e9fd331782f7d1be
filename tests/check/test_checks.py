"""Checks that look at texts alone: what form they have, and whether an image is told the same twice."""

from dataclasses import replace

import pytest

from dermasynth_builder.check.form import check_form
from dermasynth_builder.check.repeats import check_repeats
from dermasynth_builder.core.records import Pair, Turn
from tests.support.clinical_images import clinical_image, pair

IMAGE = clinical_image()
GOOD_QUESTION, GOOD_ANSWER = "What does this show?", "A raised, brown plaque."


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


@pytest.mark.parametrize("end", [",", ";", ":", "-", "–", "…", " and", " 12", "X"])
def test_a_text_that_ends_in_anything_but_a_stop_is_rejected(end: str) -> None:
    assert reasons(answer=f"A raised plaque{end}") == ["the answer ends without a stop"]
    assert reasons(question=f"What does this show{end}\n") == ["the question ends without a stop"]


def test_an_empty_text_is_rejected_as_that_alone() -> None:
    assert reasons(question=" \n") == ["the question is empty"]
    assert reasons(answer="") == ["the answer is empty"]


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("The age is nan.", "a missing value in words: 'nan'"),
        ("The age is NaN.", "a missing value in words: 'NaN'"),
        ("The age is null.", "a missing value in words: 'null'"),
        ("The site is UNK.", "a missing value in words: 'UNK'"),
        ("The site is None.", "a missing value in words: 'None'"),
        ("The signs ( ) are seen.", "an empty list or slot: '( )'"),
        ("The signs [] are seen.", "an empty list or slot: '[]'"),
        ("The {site} is red.", "an empty list or slot: '{site}'"),
        ("The {{ is red.", "an empty list or slot: '{{'"),
        ("The }} is red.", "an empty list or slot: '}}'"),
        ("```json A plaque.", "a code fence: '```'"),
        ("A  plaque.", "doubled spaces or stops: '  '"),
        ("A plaque..", "doubled spaces or stops: 'e..'"),
        ("A plaque,, raised.", "doubled spaces or stops: ',,'"),
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


# --- repeats ---


def told(*texts: tuple[str, str], image_id: str = "image_1", source: str = "pad_ufes") -> list[Pair]:
    """Pairs of one image, whose slots are numbers."""
    image = clinical_image(image_id, source=source)
    return [pair(question, answer, image=image, slot=str(n)) for n, (question, answer) in enumerate(texts)]


def repeated(pairs: list[Pair]) -> list[tuple[str, str]]:
    findings = list(check_repeats(pairs))
    assert {(finding.check, finding.severity) for finding in findings} <= {("repeats", "reject")}
    return [(finding.pair_id, finding.reason) for finding in findings]


@pytest.mark.parametrize("again", ["Is it flat?", "is it FLAT?", "  Is it\n flat? ", "Is\tit  flat?"])
def test_a_question_or_answer_of_the_image_is_rejected_whatever_its_case_and_blanks(again: str) -> None:
    asked = told(("Is it flat?", "Yes."), (again, "No, it is raised."))
    assert repeated(asked) == [("pad_ufes/image_1/1", "has the question of pad_ufes/image_1/0")]
    answered = told(("What is it?", "Is it flat?"), ("How is it?", again))
    assert repeated(answered) == [("pad_ufes/image_1/1", "has the answer of pad_ufes/image_1/0")]


def test_each_repeat_is_rejected_once_and_names_the_first() -> None:
    pairs = told(("Is it flat?", "Yes."), ("Is it flat?", "Yes."), ("Is it raised?", "Yes."))
    assert repeated(pairs) == [
        ("pad_ufes/image_1/1", "has the question of pad_ufes/image_1/0"),
        ("pad_ufes/image_1/2", "has the answer of pad_ufes/image_1/0"),
    ]


def test_other_images_other_sources_and_a_question_that_is_an_answer_repeat_nothing() -> None:
    told_once = ("Is it flat?", "Yes.")
    assert repeated([*told(told_once), *told(told_once, image_id="image_2")]) == []
    assert repeated([*told(told_once), *told(told_once, source="hiba")]) == []
    assert repeated(told(("Is it flat?", "Yes."), ("Is it raised?", "Is it flat?"))) == []
    assert repeated(told(("Is it flat?", "Yes."), ("Is it flat here?", "Yes!"))) == []


def test_a_pair_of_a_conversation_is_compared_by_its_first_turn() -> None:
    first, second = told(("Is it flat?", "Yes."), ("Is it flat?", "No."))
    longer = replace(second, messages=first.messages + second.messages)
    assert repeated([first, longer]) == [("pad_ufes/image_1/1", "has the question of pad_ufes/image_1/0")]
