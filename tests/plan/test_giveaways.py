"""Facts that give the label away reach an engine only with a question that needs them; which they are is measured."""

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

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
    facts_for_engine,
    facts_for_question,
)
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import load_prompt_book
from dermasynth_builder.read.giveaways import giveaway_facts, giveaways
from tests.support.clinical_images import FULL, clinical_image

HELD = GIVEAWAYS["pad_ufes"] & KEPT_BACK


def told(facts: Facts) -> set[str]:
    return {field.name for field in fields(Facts) if getattr(facts, field.name) not in (None, ())}


def needed(request: Request) -> set[str]:
    types = [step.question_type for step in request.steps] or [request.question_type]
    needs: Iterable[str] = load_prompt_book().needs(request.source, types)
    return {fact for need in needs for fact in LISTS.get(need, (need,))}


@pytest.mark.parametrize("options", [PlanOptions(), PlanOptions(is_together=True), PlanOptions(conversation_share=0.8)])
def test_no_prompt_tells_what_gives_the_label_away_unless_its_question_needs_it(options: PlanOptions) -> None:
    images = [clinical_image(f"PAT_{number}_1_1", FULL) for number in range(150)]
    requests = list(Planner(load_prompt_book(), 5, options).requests(images))
    asked_for = set()
    for request in requests:
        given = told(request.facts) & HELD
        assert given <= needed(request), request.question_type
        assert given >= needed(request) & HELD & told(FULL)
        asked_for |= given
        if "sex" not in given:
            assert "Sex of the patient" not in request.prompt
        if "fitzpatrick" not in given:
            assert "Fitzpatrick" not in request.prompt
    assert not asked_for  # no question of the banks needs them today


def test_what_gives_the_label_away_is_told_where_a_question_needs_it() -> None:
    given = facts_for_question("pad_ufes", FULL, ["sex"])
    assert (given.sex, given.fitzpatrick) == (FULL.sex, None)
    assert facts_for_question("pad_ufes", FULL, ["history"]).smokes is FULL.smokes


def test_what_is_kept_back_is_never_called_unknown() -> None:
    """A text that says so of a fact that is recorded would be untrue."""
    engine = registry.engine("template")
    assert isinstance(engine, ChoosesQuestions)
    images = [clinical_image(f"PAT_{number}_1_1", FULL) for number in range(150)]
    requests = list(Planner(load_prompt_book(), 5, chooser=engine).requests(images))
    grounds = [ground for reply in registry.engine("template").answer(requests, Run()) for ground in reply.grounds]
    assert grounds
    assert not {ground.key for ground in grounds if ground.kind == "absent"} & HELD
    assert "sex" not in PHRASES["person"]  # which lacks where no age is known


@pytest.mark.parametrize("name", sorted({*SOURCES.shipped} - {*GIVEAWAYS}))
def test_other_sources_tell_what_they_told(name: str) -> None:
    assert facts_for_question(name, FULL, ()) == facts_for_engine(FULL)


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
