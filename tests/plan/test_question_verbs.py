"""Root verbs and their objects, by rule."""

import pytest

from dermasynth_builder.plan.question_verbs import Root, is_request, root
from dermasynth_builder.plan.questions import load_prompt_book


@pytest.mark.parametrize(
    ("text", "verb", "thing"),
    [
        ("Describe the dermoscopic pattern of this lesion.", "describe", "pattern"),
        ("Please list the features.", "list", "feature"),
        ("In two sentences, name the disease.", "name", "disease"),
        ("Walk me through this image.", "walk", None),
        ("Give a calm and truthful explanation to a patient.", "give", "explanation"),
        ("How would you describe this finding?", "describe", "finding"),
        ("Which features would you check?", "check", "feature"),
        ("How urgently should this person be seen?", "see", None),
        ("Which structures matter here?", "matter", None),
        ("What limits the certainty of a judgement?", "limit", "certainty"),
        ("Which lesion is documented in this image?", "document", "lesion"),
        ("What is the diagnosis here?", "be", None),
        ("Does this need a biopsy, or not?", "need", "biopsy"),
        ("To which class does the diagnosis belong?", "belong", None),
        ("A student asks for help. What do you answer?", "answer", None),
        ("Name the kind of lesion on the {site}.", "name", "lesion"),
    ],
)
def test_the_root_is_the_verb_that_asks_and_its_object(text: str, verb: str, thing: str | None) -> None:
    assert root(text) == Root(verb, thing)


@pytest.mark.parametrize("text", ["", "?", "Which one, exactly?", "Good or bad?"])
def test_where_the_rule_finds_no_verb_it_says_so(text: str) -> None:
    assert root(text) is None


@pytest.mark.parametrize(
    ("text", "expected"), [("Name it.", True), ("Now, name it.", True), ("It is named.", False), ("", False)]
)
def test_a_request_opens_with_a_verb(text: str, expected: bool) -> None:
    assert is_request(text) is expected


def test_nearly_every_wording_of_the_banks_has_a_root() -> None:
    banks = load_prompt_book().banks.values()
    wordings = [wording for kinds in banks for kind in kinds for wording in kind.every_wording]
    assert sum(root(wording) is None for wording in wordings) < 0.03 * len(wordings)
