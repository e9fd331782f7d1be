"""Styles beside the plain question: written by the engine, whole conversations, two questions at once."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermasynth_builder import pipeline
from dermasynth_builder.check.form import check_form
from dermasynth_builder.core import registry
from dermasynth_builder.core.images.eyes import NAMES
from dermasynth_builder.core.options import PlanOptions, Settings
from dermasynth_builder.core.protocols import ChoosesQuestions
from dermasynth_builder.core.records import ClinicalImage, Facts, Measured, Pair, Request
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.generate.answers.expected import expected_features
from dermasynth_builder.generate.run import Run
from dermasynth_builder.plan.measured_in_words import LINES
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import load_prompt_book
from dermasynth_builder.plan.reply_form import MAX_TURNS, MIN_TURNS, exchanges
from tests.support.clinical_images import EMPTY, EXPORTED, FULL, REPORTED, SPARSE, clinical_image, many_facts

BOOK = load_prompt_book()
SEED = 5
SILENT = SilentReporter()
TEMPLATES: dict[str, dict[str, object]] = {
    "asked": {"self_instruct_share": 0.0},
    "self_instruct": {"self_instruct_share": 0.5},
    "conversation": {"self_instruct_share": 0.0, "conversation_share": 1.0},
    "asked_together": {"self_instruct_share": 0.0, "is_together": True},
}
"""Options with which the general slot of every image that has facts goes out with that template."""

SOURCES = {"pad_ufes": FULL, "derm12345": EXPORTED, "bcn20000": EXPORTED, "hiba": EXPORTED, "scin": REPORTED}


def images(count: int, facts: Facts = FULL, source: str = "pad_ufes") -> list[ClinicalImage]:
    return [clinical_image(f"image_{number}", facts, source=source) for number in range(count)]


def planned(of: list[ClinicalImage], **options: object) -> list[Request]:
    return list(Planner(BOOK, SEED, PlanOptions(**options)).requests(of))  # type: ignore[arg-type]  # a test's options


# --- shares ---


def test_a_twelfth_of_the_pairs_is_written_by_the_engine_unless_told_otherwise() -> None:
    styles = Counter(request.style for request in planned(images(1500)))
    assert styles.total() == 3000
    assert styles["self_instruct"] / 3000 == pytest.approx(1 / 12, abs=0.01)
    assert styles["conversation"] == 0


@pytest.mark.parametrize(("self_instruct", "conversation"), [(0.0, 0.0), (0.5, 0.0), (0.0, 1.0), (0.2, 0.3)])
def test_shares_are_kept(self_instruct: float, conversation: float) -> None:
    requests = planned(images(1000), self_instruct_share=self_instruct, conversation_share=conversation)
    styles = Counter(request.style for request in requests)
    assert styles["self_instruct"] / 2000 == pytest.approx(self_instruct, abs=0.02)
    assert styles["conversation"] / 1000 == pytest.approx(conversation, abs=0.03)


def test_other_shares_change_only_the_images_whose_style_changes() -> None:
    few = {request.pair_id: request for request in planned(images(400), self_instruct_share=0.05)}
    many = {request.pair_id: request for request in planned(images(400), self_instruct_share=0.2)}
    generals = [name for name in few if name.endswith("/general") and few[name].style == many[name].style]
    assert len(generals) > 200
    assert all(few[name].key == many[name].key for name in generals)


# --- conversations ---


def test_a_conversation_goes_from_the_first_type_to_the_last_in_the_order_of_the_bank() -> None:
    order = [kind.name for kind in BOOK.banks["general"] if kind.style == "asked"]
    lengths = set()
    for request in planned(images(200), conversation_share=1.0, self_instruct_share=0.0):
        if request.style != "conversation":
            continue
        kinds = [step.question_type for step in request.steps]
        assert (kinds[0], kinds[-1]) == (order[0], order[-1])
        assert kinds == sorted(set(kinds), key=order.index)
        assert all(step.question in request.prompt for step in request.steps)
        lengths.add(len(kinds))
    assert lengths == set(range(MIN_TURNS, MAX_TURNS + 1))


def test_an_image_of_which_nothing_is_known_gets_a_short_conversation() -> None:
    request = planned(images(1, EMPTY, "scin"), conversation_share=1.0, self_instruct_share=0.0)[0]
    assert {step.question_type for step in request.steps} <= {
        kind.name for kind in BOOK.banks["general"] if not kind.needs
    }


def test_the_rows_of_a_conversation_hold_all_its_turns(built_with: Callable[..., list[Pair]]) -> None:
    conversations = [
        pair for pair in built_with(self_instruct_share=0.0, conversation_share=1.0) if pair.style == "conversation"
    ]
    assert len(conversations) == 24
    for pair in conversations:
        assert [turn.role for turn in pair.messages] == ["user", "assistant"] * (len(pair.messages) // 2)
        assert MIN_TURNS <= len(pair.messages) // 2 <= MAX_TURNS
        assert (pair.question, pair.answer) == (pair.messages[0].content, pair.messages[1].content)
        assert len({turn.content for turn in pair.messages}) == len(pair.messages)


# --- together ---


def test_two_questions_in_one_request_are_the_two_that_would_go_out_apart() -> None:
    apart = {request.pair_id: request for request in planned(images(100))}
    together = planned(images(100), is_together=True)
    assert {request.style for request in together if request.steps} == {"asked"}
    for request in together:
        for step in request.steps:
            alone = apart[request.pair_id_of(step.slot)]
            assert (step.question, step.question_type) == (alone.question, alone.question_type)
    assert sum(len(request.steps) or 1 for request in together) == len(apart)
    assert len(together) < 0.65 * len(apart)


def test_questions_asked_together_become_rows_of_their_own(built_with: Callable[..., list[Pair]]) -> None:
    apart = {pair.pair_id: (pair.question_type, pair.question) for pair in built_with(self_instruct_share=0.0)}
    pairs = built_with(self_instruct_share=0.0, is_together=True)
    assert {pair.pair_id: (pair.question_type, pair.question) for pair in pairs} == apart
    assert len({pair.request_key for pair in pairs}) * 2 == len(pairs)
    assert {pair.prompt_id for pair in pairs} == {"asked_together"}


# --- metadata ---


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_hidden_metadata_change_the_prompt_and_not_the_questions(template: str) -> None:
    of = [clinical_image(f"image_{n}", facts) for n, facts in enumerate(many_facts())]
    shown = planned(of, **TEMPLATES[template])
    hidden = planned(of, **TEMPLATES[template], is_metadata_shown=False)
    assert template in {r.prompt_id for r in hidden}
    kept = {r.pair_id: r.question for r in shown if "do not mention that there is a record" in r.prompt}
    assert kept.items() <= {(r.pair_id, r.question) for r in hidden}, "only what asks for the record is drawn anew"
    assert {r.is_metadata_shown for r in shown} == {True}
    assert {r.is_metadata_shown for r in hidden} == {False}
    for request in hidden:
        assert request.facts == Facts()
        assert "RECORD OF THIS CASE" not in request.prompt
        assert "there is a record" not in request.prompt
        told = request.prompt
        for question in [request.question, *(step.question for step in request.steps)]:
            told = told.replace(question, "")
        assert "carcinoma" not in told
        assert "forearm" not in told


# --- no draw depends on another item ---

FACTS = st.sampled_from([FULL, SPARSE, EXPORTED, REPORTED, EMPTY, *many_facts()])
IMAGES = st.dictionaries(st.text("abcdef0123456789_", min_size=1, max_size=8), FACTS, min_size=2, max_size=12)
OPTIONS = st.sampled_from([{}, {"conversation_share": 0.5}, {"is_together": True}, {"is_metadata_shown": False}])


@settings(deadline=None)  # which would measure the machine
@given(IMAGES, OPTIONS, st.sampled_from(sorted(SOURCES)), st.randoms(use_true_random=False))
def test_dropping_adding_and_reordering_changes_no_other_images_questions(
    facts: dict[str, Facts], options: dict[str, object], source: str, random: Random
) -> None:
    of = [clinical_image(image_id, each, source=source) for image_id, each in facts.items()]
    whole = {request.pair_id: request for request in planned(of, **options)}
    fewer = {request.pair_id: request for request in planned(of[1:], **options)}
    assert fewer == {name: r for name, r in whole.items() if r.image_id != of[0].image_id}
    other = clinical_image("another", FULL, source="hiba" if source == "scin" else "scin")
    random.shuffle(of)
    more = {request.pair_id: request for request in planned([other, *of], **options)}
    assert {name: r for name, r in more.items() if r.source == source and name in whole} == whole


# --- the template engine and the words ---


@pytest.mark.parametrize("source", sorted(SOURCES))
@pytest.mark.parametrize("options", [{"conversation_share": 1.0, "self_instruct_share": 0.0}, {"is_together": True}])
def test_the_template_engine_answers_every_style_of_every_source(source: str, options: dict[str, object]) -> None:
    engine = registry.engine("template")
    assert isinstance(engine, ChoosesQuestions)
    of = [clinical_image(f"image_{n}", f, source=source) for n, f in enumerate(many_facts())]
    requests = list(Planner(BOOK, SEED, PlanOptions(**options), engine).requests(of))  # type: ignore[arg-type]  # as above
    for request, reply in zip(requests, engine.answer(requests, Run()), strict=True):
        for exchange in exchanges(request, reply):
            assert all(turn.content for turn in exchange.turns)


# One a source and, among them, one a template. The rest is held by rules: what is told where metadata are hidden
# (for every template, above); that each fact reaches the prompt, and nothing coded or missing does (test_questions.py).
REVIEWED = {
    "pad_ufes": "asked",
    "derm12345": "asked_together",
    "bcn20000": "self_instruct",
    "hiba": "conversation",
    "scin": "asked",
}
HIDDEN = "bcn20000"


def test_a_prompt_of_every_template_is_reviewed() -> None:
    templates = {path.stem for path in (BOOK.folder / "templates").glob("[!_]*.jinja")}
    assert templates == {*REVIEWED.values(), "look"}


@pytest.mark.parametrize(("source", "style"), [("pad_ufes", "asked"), ("derm12345", "asked")])
@pytest.mark.parametrize("look", ["first", "together"])
def test_prompts_that_look_are_as_reviewed(
    source: str, style: str, look: str, golden: Callable[[str, str], None]
) -> None:
    requests = planned(images(1, SOURCES[source], source), look=look, **TEMPLATES[style])
    for request in requests[: 2 if look == "first" else 1]:
        golden(f"prompts/{look}_{request.prompt_id}_{source}.txt", request.prompt)


@pytest.mark.parametrize(("source", "is_shown"), [*((source, True) for source in REVIEWED), (HIDDEN, False)])
def test_prompts_are_as_reviewed(source: str, is_shown: bool, golden: Callable[[str, str], None]) -> None:
    name = REVIEWED[source]
    [request, *_] = planned(images(1, SOURCES[source], source), is_metadata_shown=is_shown, **TEMPLATES[name])
    assert request.prompt_id == name
    golden(f"prompts/{name}_{source}_{'shown' if is_shown else 'hidden'}.txt", request.prompt)


# --- building ---


@pytest.fixture
def built_with(specimens: Path, tmp_path: Path) -> Callable[..., list[Pair]]:
    def build(**options: object) -> list[Pair]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        chosen = PlanOptions(**options)  # type: ignore[arg-type]  # a test's options
        settings = Settings(raw={"pad_ufes": specimens}, work=folder / "build", out=folder / "out", plan_options=chosen)
        pipeline.build(settings, SILENT)
        return list(pipeline.pairs(settings, SILENT))

    return build


@pytest.mark.parametrize(("spoiled", "said"), [("", "is empty"), ("It is nan.", "a missing value in words")])
def test_every_turn_of_a_conversation_is_held_to_its_form(
    spoiled: str, said: str, built_with: Callable[..., list[Pair]]
) -> None:
    pair = next(p for p in built_with(self_instruct_share=0.0, conversation_share=1.0) if p.style == "conversation")
    assert not list(check_form([pair]))
    for place in range(2, len(pair.messages)):
        turns = list(pair.messages)
        turns[place] = replace(turns[place], content=spoiled)
        assert any(said in finding.reason for finding in check_form([replace(pair, messages=tuple(turns))]))


# --- what was measured ---


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("is_metadata_shown", [True, False])
def test_a_model_is_told_what_was_measured_only_where_it_shall_be(template: str, *, is_metadata_shown: bool) -> None:
    measured = (Measured("share", 7.0, "eyes 1", 0.9), Measured("place", "in the middle", "eyes 1", 0.9))
    seen = [replace(clinical_image("image_1", FULL), measured=measured)]
    options = {**TEMPLATES[template], "is_metadata_shown": is_metadata_shown}
    told = planned(seen, **options, is_measured_shown=True)
    untold = planned(seen, **options)
    for each in told:
        assert (
            "- the one area that stands out lies: in the middle\n- its share of the picture: about 7 %\n" in each.prompt
        )
    assert not any("in the middle" in each.prompt for each in untold)
    unseen = planned([clinical_image("image_1", FULL)], **options, is_measured_shown=True)
    assert [each.key for each in unseen] == [each.key for each in untold] != [each.key for each in told]


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_model_is_told_what_a_diagnosis_shows_in_general_only_where_it_shall_be(template: str) -> None:
    """Never before it has looked, nor where the diagnosis is hidden; and as what may be absent."""
    images = [clinical_image(f"image_{n}", FULL) for n in range(12)]
    options, knowledge = TEMPLATES[template], expected_features()
    told, untold = (
        list(Planner(BOOK, SEED, PlanOptions(**options), knowledge=each).requests(images))  # type: ignore[arg-type]  # a test's options
        for each in (knowledge, None)
    )
    line = knowledge.expected(FULL, "clinical")[0]
    assert "Basal cell" in line or "basal cell" in line
    for request, bare in zip(told, untold, strict=True):
        assert (line in request.prompt) is (request.style != "look")
        assert ("each may be absent here; claim only what you see" in request.prompt) is (request.style != "look")
        assert line not in bare.prompt
        assert (request.key == bare.key) is (request.style == "look"), "rows with and without it are not one another's"
    hidden = PlanOptions(**options, is_metadata_shown=False)  # type: ignore[arg-type]  # a test's options
    assert not any(
        "EXPECTED" in each.prompt for each in Planner(BOOK, SEED, hidden, knowledge=knowledge).requests(images)
    )


def test_what_is_expected_fits_the_kind_of_image_and_contradicts_no_fact() -> None:
    knowledge = expected_features()
    flat = knowledge.expected(replace(FULL, is_elevated=False), "clinical")
    assert flat
    assert not any("dome" in each for each in flat)
    assert not set(knowledge.expected(FULL, "dermoscopic")) & set(knowledge.expected(FULL, "clinical"))
    assert knowledge.expected(replace(FULL, diagnosis=None), "clinical") == ()
    assert knowledge.expected(replace(FULL, diagnosis="a disease nobody curated"), "clinical") == ()


def test_every_measurement_has_its_line_but_the_number_behind_the_outline() -> None:
    assert set(NAMES) - set(LINES) == {"solidity"}
    assert set(LINES) < set(NAMES)
