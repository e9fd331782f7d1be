"""Facts that give the label away reach an engine only with a question that needs them; which they are is measured."""

import re
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.files import resource_dir
from dermasynth_builder.core.options import PlanOptions
from dermasynth_builder.core.protocols import ChoosesQuestions
from dermasynth_builder.core.records import ClinicalImage, Facts, Request
from dermasynth_builder.core.registry import SOURCES, source
from dermasynth_builder.generate.answers.case import MARKS
from dermasynth_builder.generate.answers.forms import load_forms, part
from dermasynth_builder.generate.run import Run
from dermasynth_builder.plan.facts_in_words import (
    GIVEAWAYS,
    LISTS,
    PHRASES,
    TONES,
    facts_for_engine,
    facts_for_question,
    kept_back,
)
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import QuestionType, load_prompt_book
from dermasynth_builder.plan.reply_form import exchanges
from dermasynth_builder.read.giveaways import giveaway_facts, giveaways
from tests.support.clinical_images import FULL, clinical_image, many_facts

GIVEN_AWAY = GIVEAWAYS["pad_ufes"]
BOOK = load_prompt_book(sources=SOURCES)
FORMS = load_forms(resource_dir("prompts") / "answers")
TONED = replace(FULL, monk_tone_india=3, monk_tone_us=4)
STYLES = [
    PlanOptions(),
    PlanOptions(is_together=True),
    PlanOptions(conversation_share=0.8),
    PlanOptions(self_instruct_share=0.5),
    PlanOptions(look="first"),
]
# What a prompt says where it tells a fact of `FULL`.
WORDS = {
    "confirmation": "proven by biopsy",
    "sex": "Sex of the patient",
    "fitzpatrick": "Fitzpatrick",
    "diameter_1_mm": "Recorded diameters",
    "smokes": "smoke",
    "uses_pesticide": "pesticide",
    "has_cancer_history": "personal or family history",
}


def told(facts: Facts) -> set[str]:
    return {field.name for field in fields(Facts) if getattr(facts, field.name) not in (None, ())}


def asked_for(request: Request) -> set[str]:
    types = [step.question_type for step in request.steps] or [request.question_type]
    return {fact for name in BOOK.told(request.source, types) for fact in LISTS.get(name, (name,))}


def requests_of(options: PlanOptions, chooser: ChoosesQuestions | None = None) -> list[Request]:
    images = [clinical_image(f"PAT_{number}_1_1", FULL) for number in range(150)]
    return list(Planner(BOOK, 5, options, chooser).requests(images))


def chooser() -> ChoosesQuestions:
    engine = registry.engine("template")
    assert isinstance(engine, ChoosesQuestions)
    return engine


@pytest.mark.parametrize("is_asked_of_a_model", [True, False])
@pytest.mark.parametrize("options", STYLES)
def test_no_engine_is_told_what_gives_the_label_away_unless_its_question_is_about_it(
    options: PlanOptions, *, is_asked_of_a_model: bool
) -> None:
    given: set[str] = set()
    for request in requests_of(options, None if is_asked_of_a_model else chooser()):
        of_request = told(request.facts) & GIVEN_AWAY
        assert of_request == (asked_for(request) & GIVEN_AWAY & told(FULL) if request.style != "look" else set())
        record = request.prompt.split("RECORD OF THIS CASE")[-1].split("The record is data")[0]
        shown = record if record != request.prompt else ""
        assert not [name for name, words in WORDS.items() if words in shown and name not in of_request]
        assert not re.search(r"\b(?:man|woman|boy|girl)\b", request.question), "a slot tells the sex"
        given |= of_request
    assert given <= {"confirmation", "diameter_1_mm", "diameter_2_mm", *LISTS["history"]}


@pytest.mark.parametrize(
    ("bank", "name"), [("general", "diagnosis"), ("pad_ufes", "identify"), ("pad_ufes", "malignancy")]
)
def test_who_is_asked_for_the_diagnosis_is_told_what_proved_it(bank: str, name: str) -> None:
    asked = [each for each in requests_of(PlanOptions(self_instruct_share=0.0)) if each.question_type == name]
    assert len(asked) > 5
    assert all(each.facts.confirmation and "proven by biopsy" in each.prompt for each in asked)
    [kind] = [kind for kind in BOOK.banks[bank] if kind.name == name]
    unproven = replace(FULL, confirmation=None)
    assert kind.suits(unproven, "clinical"), "it is asked all the same where nothing says what proved it"


def test_a_question_about_size_or_habits_is_told_of_them_and_of_nothing_else_that_gives_the_label_away() -> None:
    by_type = {each.question_type: told(each.facts) & GIVEN_AWAY for each in requests_of(PlanOptions())}
    assert by_type["size"] == {"diameter_1_mm", "diameter_2_mm"}
    assert by_type["history"] == GIVEN_AWAY & {*LISTS["history"]} & told(FULL)
    assert by_type["visual_features"] == by_type["overview"] == by_type["next_steps"] == set()


def spoken_of(images: list[ClinicalImage], options: PlanOptions) -> Counter[str]:
    """Which question types' answers rest on what is kept back from others; none on what is kept back from itself."""
    engine, found = registry.engine("template"), Counter[str]()
    requests = list(Planner(BOOK, 5, options, chooser()).requests(images))
    for request, reply in zip(requests, engine.answer(requests, Run()), strict=True):
        types = [step.question_type for step in request.steps] or [request.question_type]
        answers = [
            turn.content for each in exchanges(request, reply) for turn in each.turns if turn.role == "assistant"
        ]
        for name, answer in zip(types, answers, strict=True):
            kept = kept_back(request.source, tuple(BOOK.told(request.source, [name])))
            said = {ground.key for ground in reply.grounds if ground.sentence in answer}
            assert not said & kept, (name, answer)
            assert not [fact for fact in kept & SAID.keys() if re.search(SAID[fact], answer)], (name, answer)
            found.update([name] if said & kept_back(request.source, ()) else [])
    return found


# What an answer says where it tells a fact.
SAID = {
    "confirmation": "biops(?!ied in doubt)(?:y has|y was|y stands|y-)|proven|[Tt]issue was examined|without a biopsy",
    "sex": r"\b(?:man|woman|boy|girl)\b",
    "fitzpatrick": "phototype",
    "diameter_1_mm": r"\d mm (?:by|at|on|in)\b",
    "smokes": "smokes|not smoke",
    "has_cancer_history": "personal or family history",
}


@pytest.mark.parametrize("options", [*STYLES[:4], PlanOptions(counterfactual_share=0.4)])
@pytest.mark.parametrize("source_name", sorted(SOURCES))
def test_no_answer_speaks_of_what_gives_the_label_away_unless_its_question_is_about_it(
    source_name: str, options: PlanOptions
) -> None:
    facts = [TONED, *many_facts()]
    images = [clinical_image(f"image_{n}", facts[n % len(facts)], source=source_name) for n in range(3 * len(facts))]
    found = spoken_of(images, options)
    assert set(found) <= {"diagnosis", "identify", "malignancy", "comprehensive", "size", "history", "context"}
    assert found or source_name not in GIVEAWAYS


def gaps_told(kind: QuestionType) -> set[str]:
    """The facts of which an answer may say, or take for granted, that they are not known."""
    plans = [plan for plan in FORMS.plans.get(kind.name, ()) if any(map(plan.finds, kind.every_wording))]
    blocks = [
        block
        for plan in plans
        for text in (*plan.parts, *([plan.question] if plan.question else []))
        for name in part(text).alternatives
        for block in FORMS.blocks.get(name, ())
    ]
    marks = {mark for plan in plans for mark in plan.unless} | {mark for block in blocks for mark in block.unless}
    return {column for mark in marks for column in MARKS[mark]} | {fact for block in blocks for fact in block.absent}


@pytest.mark.parametrize("source_name", sorted(SOURCES))
def test_no_form_takes_what_is_kept_back_for_unknown(source_name: str) -> None:
    """A text that calls a fact unknown that is recorded would be untrue."""
    kinds = (*BOOK.bank_of("general"), *BOOK.bank_of(source_name))
    assert not {kind.name: gaps for kind in kinds if (gaps := gaps_told(kind) & kept_back(source_name, kind.told))}
    assert "sex" not in PHRASES["person"]  # which lacks where no age is known


@pytest.mark.parametrize("name", sorted({*SOURCES.shipped} - {*GIVEAWAYS}))
def test_of_other_sources_all_is_told_but_tones_of_the_skin(name: str) -> None:
    everything = facts_for_engine(TONED)
    toneless: dict[str, Any] = dict.fromkeys(TONES)
    assert facts_for_question(name, TONED, ()) == replace(everything, **toneless)
    assert facts_for_question(name, TONED, sorted(TONES)) == everything


def test_only_who_is_asked_about_the_tone_of_the_skin_is_told_of_it() -> None:
    images = [clinical_image(f"image_{n}", TONED, source=name) for n in range(150) for name in ("hiba", "scin")]
    requests = list(Planner(BOOK, 5).requests(images))
    of_tone = {each.question_type for each in requests if told(each.facts) & TONES}
    assert of_tone == {"context"}
    assert all(
        ("phototype:" in each.prompt or "Monk" in each.prompt) is bool(told(each.facts) & TONES) for each in requests
    )


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("name", ["pad_ufes", "bcn20000", "scin"])
def test_what_is_kept_back_is_what_the_real_tables_show(name: str, real_data: Path) -> None:
    images = [each for each in source(name).read(real_data / name) if isinstance(each, ClinicalImage)]
    found = giveaways(images)
    assert giveaway_facts(found) == GIVEAWAYS.get(name, frozenset())
    if name == "pad_ufes":
        by = {(each.fact, each.by): each for each in found}
        clinic = by["confirmation", "value"]
        assert (clinic.cramers_v, clinic.least, clinic.least_percent) == (0.801, "clinical assessment", 0.0)
        phototype = by["fitzpatrick", "missing"]
        assert (phototype.cramers_v, phototype.least, phototype.least_percent) == (0.696, "not recorded", 0.0)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("name", ["pad_ufes", "bcn20000", "scin", "hiba", "derm12345"])
def test_no_answer_about_the_real_tables_gives_the_label_away(name: str, real_data: Path) -> None:
    images = [each for each in source(name).read(real_data / name) if isinstance(each, ClinicalImage)]
    spoken_of(images[: 2500 if name == "pad_ufes" else 500], PlanOptions(conversation_share=0.2))
