"""What a part may say of a case: knowledge of the right kind of image, and nothing new twice."""

import re
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermasynth_builder.core.files import resource_dir
from dermasynth_builder.core.records import Confirmation, Facts, Malignancy, Modality
from dermasynth_builder.generate.answers.case import case_of
from dermasynth_builder.generate.answers.forms import Plan, load_forms, part
from dermasynth_builder.generate.answers.knowledge import load_knowledge
from dermasynth_builder.generate.answers.writer import Texts, Writer
from tests.support.verbs import has_verb

FOLDER = resource_dir("prompts") / "answers"
KNOWLEDGE = load_knowledge(FOLDER / "knowledge")
TEXTS = Texts(load_forms(FOLDER), KNOWLEDGE)
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


OPENING = {"caption", "dx_short"}  # blocks of which a bare name is the whole point
SAYING = sorted(name for name in TEXTS.forms.blocks if name not in OPENING and not name.startswith("q_"))
BARE = re.compile(r"\[[^\[\]]*\]")


def at_least(text: str) -> str:
    """The words of a form that are always written; the slot `history` brings its own verb."""
    while (shorter := BARE.sub("", text)) != text:
        text = shorter
    return re.sub(r"\{\w+\}", "", text.replace("{history}", "smokes"))


@pytest.mark.parametrize("name", SAYING)
def test_every_form_beside_bare_names_is_a_whole_sentence(name: str) -> None:
    for block in TEXTS.forms.blocks[name]:
        for text in block.say:
            assert has_verb(at_least(text)), text


def test_a_bare_name_only_opens_an_answer() -> None:
    for plans in TEXTS.forms.plans.values():
        for plan in plans:
            later = {name for each in map(part, plan.parts[1:]) for name in each.alternatives}
            assert not OPENING & later, plan


CURATED = sorted(
    {
        (name, kind, each.say)
        for name, entry in KNOWLEDGE.entries.items()
        for kind, curated in entry.kinds.items()
        for each in curated
        if each.say
    }
)


def test_every_curated_sentence_has_a_verb() -> None:
    assert [said for *_, said in CURATED if not has_verb(said)] == []


NAMING = ("differential", "structures", "next_steps", "malignancy", "identify", "diagnosis", "comprehensive")
DIAGNOSES = sorted(name for name, entry in KNOWLEDGE.entries.items() if entry.kinds["tells_apart"])


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(DIAGNOSES),
    kind=st.sampled_from(NAMING),
    modality=st.sampled_from(get_args(Modality)),
    confirmation=st.sampled_from(get_args(Confirmation)),
    site=st.sampled_from([None, "back", "face", "palms or soles"]),
    malignancy=st.sampled_from(get_args(Malignancy)),
    key=st.integers(0, 9),
)
def test_an_answer_that_has_to_name_the_lesion_names_it(
    name: str,
    kind: str,
    modality: Modality,
    confirmation: Confirmation,
    site: str | None,
    malignancy: Malignancy,
    key: int,
) -> None:
    facts = Facts(diagnosis=name, confirmation=confirmation, body_site=site, malignancy=malignancy, age_years=50)
    case = case_of(facts, modality)
    for plan in TEXTS.forms.plans[kind]:
        if plan.applies(case) and TEXTS._can_follow(plan, case):
            answer = Writer(TEXTS, f"key {key}").answer(plan, case)
            assert name.split()[-1].lower() in answer.lower(), (plan, answer)


LOOKS = ("structures", "visual_features")


@pytest.mark.parametrize("kind", LOOKS)
def test_no_plan_for_looks_is_half_on_rivals(kind: str) -> None:
    for plan in TEXTS.forms.plans[kind]:
        rivals = [each for each in map(part, plan.parts) if "rival" in each.alternatives]
        assert len(rivals) <= 1 < len(plan.parts) - len(rivals) or not rivals, plan


ONCE = re.compile(r"\b(?:on|of) the back\b")


@pytest.mark.parametrize("name", sorted(TEXTS.forms.plans.keys() - {"distribution", "self_instruct"}))
def test_the_place_is_said_once_beside_what_is_curated_of_it(name: str) -> None:
    facts = Facts(
        diagnosis="nevus",
        malignancy="benign",
        confirmation="histopathology",
        body_site="back",
        age_years=50,
        is_melanocytic=True,
        is_elevated=True,
        itches=True,
        hurts=False,
        bleeds=False,
    )
    case, curated = case_of(facts, "clinical"), {said for *_, said in CURATED}
    for plan in TEXTS.forms.plans[name]:
        for number in range(20 if TEXTS._can_follow(plan, case) and plan.applies(case) else 0):
            writer = Writer(TEXTS, f"key {number}")
            writer.answer(plan, case)
            own = dict.fromkeys(each.sentence for each in writer.grounds if each.sentence not in curated)
            assert len(ONCE.findall(" ".join(own))) <= 1, own


def test_a_rival_that_was_weighed_comes_before_one_that_was_not() -> None:
    facts = Facts(differential=("eczema", "psoriasis"), differential_weights=(0.6, 0.4), diagnosis="eczema")
    rivals = {option.curated.rival for option in TEXTS.options("rival", case_of(facts, "clinical")) if option.curated}
    assert rivals == {"psoriasis"}
    alone = Facts(differential=("eczema",), differential_weights=(1.0,), diagnosis="eczema")
    assert len({o.curated.rival for o in TEXTS.options("rival", case_of(alone, "clinical")) if o.curated}) > 1


def test_of_several_textures_each_is_translated_and_none_twice() -> None:
    both = case_of(Facts(textures=("raised or bumpy", "rough or flaky")), "clinical")
    one = case_of(Facts(textures=("raised or bumpy",)), "clinical")
    plan = Plan(("texture.what", "texture.what?"))
    for number in range(20):
        answer = Writer(TEXTS, f"key {number}").answer(plan, both)
        assert "papule" in answer.replace("bump under", "papule")
        assert "scal" in answer
        writer = Writer(TEXTS, f"key {number}")
        writer.answer(plan, one)
        assert len({each.sentence for each in writer.grounds}) == 1
