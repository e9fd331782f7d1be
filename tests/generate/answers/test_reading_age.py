"""Answers fit the asker: patients read plain words, clinicians get their terms. Measured as a school grade."""

import re
from statistics import median, quantiles

import pytest
import textstat

from dermasynth_builder.core import registry
from dermasynth_builder.core.files import resource_dir
from dermasynth_builder.core.protocols import ChoosesQuestions
from dermasynth_builder.core.records import Facts
from dermasynth_builder.generate.answers.knowledge import load_knowledge
from dermasynth_builder.generate.run import Run
from dermasynth_builder.plan import reply_form
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import load_prompt_book
from tests.support.clinical_images import clinical_image

BOOK = load_prompt_book()
ENGINE = registry.engine("template")
LESIONS = ("basal cell carcinoma", "melanoma", "nevus", "seborrheic keratosis", "actinic keratosis", "solar lentigo")
TERMS = re.compile(
    r"\b(?:epiderm|derm(?:al|is)|lesion|papule|macule|erythema|malignan|benign|histolog|melanocyt|biops)", re.IGNORECASE
)
RASHES = ("eczema", "urticaria", "herpes zoster", "tinea", "impetigo", "leukocytoclastic vasculitis")


def facts_of(diagnosis: str) -> Facts:
    if diagnosis in RASHES:
        return Facts(diagnosis=diagnosis, differential=(diagnosis, "insect bite"), differential_weights=(0.7, 0.3))
    malignancy = "malignant" if diagnosis in LESIONS[:2] else "benign"
    return Facts(diagnosis=diagnosis, malignancy=malignancy, confirmation="histopathology", body_site="back")  # type: ignore[arg-type]  # one of the two


def grades(question_type: str) -> list[float]:
    """Flesch-Kincaid grades of the answers to a type of question: years of schooling that they ask for."""
    assert isinstance(ENGINE, ChoosesQuestions)
    images = [clinical_image(f"image_{n}", facts_of(name)) for n in range(30) for name in (*LESIONS, *RASHES)]
    requests = [
        r for r in Planner(BOOK, 4, chooser=ENGINE).requests(images) if r.question_type == question_type and not r.steps
    ]
    replies = zip(requests, ENGINE.answer(requests, Run()), strict=True)
    texts = [reply_form.exchanges(request, reply)[0].turns[1].content for request, reply in replies]
    assert len(texts) >= 20
    return [textstat.flesch_kincaid_grade(text) for text in texts]


def test_a_patient_needs_no_more_than_middle_school() -> None:
    grade = grades("patient_explanation")
    assert median(grade) <= 6.5
    assert quantiles(grade, n=20)[-1] <= 9.5


@pytest.mark.parametrize("question_type", ["differential", "next_steps"])
def test_a_clinician_reads_at_another_level(question_type: str) -> None:
    assert median(grades(question_type)) >= median(grades("patient_explanation")) + 1.5


def test_a_patient_is_told_no_term_of_the_clinic() -> None:
    knowledge = load_knowledge(resource_dir("prompts") / "answers" / "knowledge")
    for entry in knowledge.entries.values():
        for each in (*entry.kinds["lay"], *entry.kinds["lay_next"]):
            assert not TERMS.search(each.say), each.say
