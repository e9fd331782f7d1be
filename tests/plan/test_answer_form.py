"""A prompt asks for the form of answer that its question asks for."""

from dataclasses import replace

import pytest

from dermasynth_builder.core.options import PlanOptions
from dermasynth_builder.plan.answer_form import asks_length, asks_list, form_of
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import load_prompt_book
from tests.support.clinical_images import FULL, clinical_image

BOOK = load_prompt_book()


@pytest.mark.parametrize(
    ("question", "is_list", "is_length"),
    [
        ("List the differential diagnosis for this case.", True, False),
        ("Rank the possibilities that you would keep in mind here.", True, False),
        ("Apply a checklist of seven points to this dermoscopic image.", True, False),
        ("On a ward round you are asked for three options. Which ones do you offer?", True, False),
        ("Reason your way from the first suspicion to a list of three.", True, False),
        ("Provide the definitive name of the lesion, not a list.", False, False),
        ("Which entry of a list of common skin tumours and their precursors fits this picture?", False, False),
        ("Rate this lesion for a triage list and explain the rating.", False, False),
        ("Sort this dermoscopic image into a fine-grained scheme of skin lesions.", False, False),
        ("What lesion are you looking at, in one or two words?", False, True),
        ("Did the dermoscope show anything dangerous, yes or no, and what happens now?", False, True),
        ("Report colour, shape, edge and surface in one coherent paragraph.", False, True),
        ("Offer the resident a differential that goes beyond one word.", False, False),
        ("How can this lesion be explained at the bedside, without a single foreign word?", False, False),
        ("What is the diagnosis here?", False, False),
    ],
)
def test_a_question_asks_for_a_form_or_for_none(question: str, *, is_list: bool, is_length: bool) -> None:
    assert (asks_list(question), asks_length(question)) == (is_list, is_length)


@pytest.mark.parametrize(
    "options",
    [
        PlanOptions(),
        PlanOptions(is_together=True),
        PlanOptions(conversation_share=1 - 1 / 6),
        PlanOptions(look="first"),
    ],
)
def test_each_question_of_a_prompt_gets_its_own_form_and_no_rule_says_otherwise(options: PlanOptions) -> None:
    images = [clinical_image(f"image_{number}", FULL) for number in range(120)]
    forms = set()
    for request in Planner(BOOK, 5, options).requests(images):
        if request.style in ("look", "self_instruct"):
            continue
        questions = [step.question for step in request.steps] or [request.question]
        for question in questions:
            assert request.prompt.count(form_of(question)) == [form_of(each) for each in questions].count(
                form_of(question)
            )
        forms |= {form_of(question) for question in questions}
        assert "list" not in request.prompt.split("RECORD OF THIS CASE")[0]
    assert len(forms) >= 3


def test_a_prompt_names_what_its_kind_of_image_cannot_show() -> None:
    photograph = clinical_image(facts=FULL)
    dermoscopy = replace(photograph, modality="dermoscopic", source="hiba")
    of = [next(Planner(BOOK, 5).requests([each])).prompt for each in (photograph, dermoscopy)]
    assert ["What only a dermoscope shows" in prompt for prompt in of] == [True, False]
    assert ["in the terms of dermoscopy" in prompt for prompt in of] == [False, True]
