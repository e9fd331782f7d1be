"""What a part may say of a case: knowledge of the right kind of image, and nothing new twice."""

from dataclasses import replace
from typing import get_args

import pytest

from dermasynth_builder.core.files import resource_dir
from dermasynth_builder.core.records import Confirmation, Facts, Modality
from dermasynth_builder.generate.answers.case import case_of
from dermasynth_builder.generate.answers.forms import Plan, load_forms
from dermasynth_builder.generate.answers.knowledge import load_knowledge
from dermasynth_builder.generate.answers.writer import Texts, Writer

FOLDER = resource_dir("prompts") / "answers"
TEXTS = Texts(load_forms(FOLDER), load_knowledge(FOLDER / "knowledge"))
NEVUS = Facts(diagnosis="nevus", malignancy="benign", confirmation="histopathology", body_site="back")


@pytest.mark.parametrize(
    ("kind", "modality", "is_told"),
    [
        ("look", "clinical", True),
        ("look", "dermoscopic", False),
        ("dermoscopy", "dermoscopic", True),
        ("dermoscopy", "clinical", False),
        ("appearance", "clinical", True),
        ("appearance", "dermoscopic", True),
    ],
)
def test_looks_are_told_of_the_kind_of_image_that_shows_them(kind: str, modality: Modality, *, is_told: bool) -> None:
    assert any(TEXTS.options(kind, case_of(NEVUS, modality))) == is_told


def test_a_nevus_of_palm_or_sole_gets_the_patterns_of_that_skin() -> None:
    acral = case_of(Facts(diagnosis="nevus", malignancy="benign", body_site="palms or soles"), "dermoscopic")
    said = " ".join(option.text for option in TEXTS.options("dermoscopy", acral))
    assert "furrows" in said
    assert "regular network" not in said


def test_an_optional_sentence_that_tells_nothing_new_is_left_out() -> None:
    plan = Plan(("class_is", "class_is?", "verdict?"))
    for number in range(40):
        case = case_of(Facts(malignancy="benign", diagnosis="nevus"), "clinical")
        writer = Writer(TEXTS, f"key {number}")
        keys = [ground.key for ground in writer.grounds] if writer.answer(plan, case) else []
        sentences = list(dict.fromkeys(ground.sentence for ground in writer.grounds))
        first = {ground.key for ground in writer.grounds if ground.sentence == sentences[0]}
        assert all({g.key for g in writer.grounds if g.sentence == other} - first for other in sentences[1:]), keys


@pytest.mark.parametrize("confirmation", get_args(Confirmation))
@pytest.mark.parametrize(
    "parts", [("dx", "certainty"), ("certainty", "dx"), ("setting_named", "dx", "verdict"), ("verdict", "certainty?")]
)
def test_how_sure_the_name_is_stands_in_one_sentence(parts: tuple[str, ...], confirmation: Confirmation) -> None:
    case = case_of(replace(NEVUS, confirmation=confirmation, age_years=40), "clinical")
    for number in range(40):
        writer = Writer(TEXTS, f"key {number}")
        assert writer.answer(Plan(parts), case)
        assert [ground.key for ground in writer.grounds].count("confirmation") <= 1, writer.grounds


def test_a_name_that_was_explained_by_name_is_not_told_as_a_name() -> None:
    case = case_of(Facts(diagnosis="melanoma", malignancy="malignant", body_site="back"), "clinical")
    for number in range(40):
        first, *rest = Writer(TEXTS, f"key {number}").answer(Plan(("lay", "lay_called?")), case).split(". ")
        assert bool(rest) is not ("melanoma" in first.lower())
