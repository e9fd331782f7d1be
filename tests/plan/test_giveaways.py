"""Facts that give the label away reach an engine only with a question that needs them; which they are is measured."""

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.options import PlanOptions
from dermasynth_builder.core.protocols import ChoosesQuestions
from dermasynth_builder.core.records import ClinicalImage, Facts, Request
from dermasynth_builder.core.registry import SOURCES, source
from dermasynth_builder.generate.run import Run
from dermasynth_builder.plan.facts_in_words import (
    GIVEAWAYS,
    KEPT_BACK,
    LISTS,
    PHRASES,
    TONES,
    UNTOLD,
    facts_for_engine,
    facts_for_question,
)
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import load_prompt_book
from dermasynth_builder.read.giveaways import giveaway_facts, giveaways
from tests.support.clinical_images import FULL, clinical_image

GIVEN_AWAY = GIVEAWAYS["pad_ufes"]
BOOK = load_prompt_book()
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
    "has_cancer_history": "cancer in the personal or family history",
}


def told(facts: Facts) -> set[str]:
    return {field.name for field in fields(Facts) if getattr(facts, field.name) not in (None, ())}


def asked_for(request: Request) -> set[str]:
    types = [step.question_type for step in request.steps] or [request.question_type]
    return {fact for name in BOOK.told(request.source, types) for fact in LISTS.get(name, (name,))}


def requests_of(options: PlanOptions, chooser: ChoosesQuestions | None = None) -> list[Request]:
    images = [clinical_image(f"PAT_{number}_1_1", FULL) for number in range(150)]
    return list(Planner(BOOK, 5, options, chooser).requests(images))


@pytest.mark.parametrize("options", STYLES)
def test_no_model_is_told_what_gives_the_label_away_unless_its_question_is_about_it(options: PlanOptions) -> None:
    given: set[str] = set()
    for request in requests_of(options):
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


def test_an_engine_that_speaks_of_gaps_is_told_what_it_would_else_call_unknown() -> None:
    """A text that says so of a fact that is recorded would be untrue."""
    engine = registry.engine("template")
    assert isinstance(engine, ChoosesQuestions)
    requests = requests_of(PlanOptions(), engine)
    kept = (GIVEN_AWAY - KEPT_BACK - UNTOLD) & told(FULL)
    assert all(told(request.facts) & GIVEN_AWAY == kept for request in requests)
    grounds = [ground for reply in registry.engine("template").answer(requests, Run()) for ground in reply.grounds]
    assert grounds
    assert not {ground.key for ground in grounds if ground.kind == "absent"} & GIVEN_AWAY
    assert "sex" not in PHRASES["person"]  # which lacks where no age is known


@pytest.mark.parametrize("name", sorted({*SOURCES.shipped} - {*GIVEAWAYS}))
def test_of_other_sources_all_is_told_but_tones_of_the_skin(name: str) -> None:
    everything = facts_for_engine(TONED)
    toneless: dict[str, Any] = dict.fromkeys(TONES)
    assert facts_for_question(name, TONED, ()) == replace(everything, **toneless)
    assert facts_for_question(name, TONED, sorted(TONES)) == everything
    assert facts_for_question(name, TONED, (), does_speak_of_gaps=True) == everything


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
