"""Question banks, prompts and the draw of questions."""

import re
import shutil
from dataclasses import fields, replace
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest

from dermasynth_builder.core.errors import PromptError
from dermasynth_builder.core.files import resource_dir
from dermasynth_builder.core.records import ClinicalImage, Confirmation, Facts, Request
from dermasynth_builder.plan import facts_in_words
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import PromptBook, fill, load_prompt_book
from tests.support.clinical_images import (
    EMPTY,
    EXPORTED,
    FULL,
    REPORTED,
    SPARSE,
    clinical_image,
    many_facts,
)

BOOK = load_prompt_book()
SEED = 7
BROKEN = re.compile(r"\bnan\b|\bNone\b|\bUNK\b|\(\)|\{|\}|  |\bBCC\b|\bACK\b|_|\.\.|,,|: ?\n(?!-)")


def requests_of(images: list[ClinicalImage], book: PromptBook = BOOK) -> list[Request]:
    return list(Planner(book, SEED).requests(images))


def test_the_banks_hold_the_types_of_the_paper_and_more_wordings_than_it() -> None:
    names = {bank: [kind.name for kind in kinds] for bank, kinds in BOOK.banks.items()}
    paper = {"overview", "diagnosis", "differential", "patient_explanation", "next_steps", "self_instruct"}
    lesions = {"identify", "visual_features", "structures", "malignancy", "differential", "patient_explanation"}
    assert paper <= set(names["general"])
    assert {"derm12345", "hiba", "bcn20000"} <= {bank for bank in names if lesions <= set(names[bank])}
    assert {"context", "comprehensive"} <= set(names["bcn20000"])
    assert {"identify", "visual_features", "complaints", "history", "size", "relief"} <= set(names["pad_ufes"])
    assert {"visual_features", "reasoning", "confidence", "evolution"} <= set(names["scin"])
    assert {"complaints", "textures", "distribution", "duration"} <= set(names["scin"])
    for bank, kinds in BOOK.banks.items():
        least = {"asked": 20, "self_instruct": 20} if bank == "general" else {}
        assert all(len(kind.every_wording) >= least.get(kind.style, 10) for kind in kinds)
    assert sum(len(kind.every_wording) for kinds in BOOK.banks.values() for kind in kinds) >= 640


def test_every_image_gets_one_general_and_one_source_question_on_different_topics() -> None:
    topics = {kind.name: kind.topic for bank in BOOK.banks.values() for kind in bank}
    for number in range(200):
        general, source = requests_of([clinical_image(f"image_{number}")])
        assert (general.slot, source.slot) == ("general", "source")
        assert topics[general.question_type] != topics[source.question_type]


def test_a_type_is_never_drawn_where_a_fact_that_it_needs_is_absent() -> None:
    for (number, facts), source in product(enumerate(many_facts() * 5), sorted(set(BOOK.banks) - {"general"})):
        for request in requests_of([clinical_image(f"image_{number}", facts, source=source)]):
            bank = BOOK.banks["general" if request.slot == "general" else source]
            assert next(kind for kind in bank if kind.name == request.question_type).suits(facts, request.modality)


@pytest.mark.parametrize("source", sorted(set(BOOK.banks) - {"general"}))
def test_an_image_of_which_nothing_is_known_gets_two_questions_all_the_same(source: str) -> None:
    for number in range(60):
        slots = [request.slot for request in requests_of([clinical_image(f"image_{number}", EMPTY, source=source)])]
        assert slots == ["general", "source"] or source == "pad_ufes"  # whose images all have a diagnosis


def test_a_type_is_asked_only_of_the_kinds_of_image_that_it_fits() -> None:
    photographs = [
        replace(clinical_image(f"image_{n}", EXPORTED, source="hiba"), modality="clinical") for n in range(400)
    ]
    assert "structures" not in {request.question_type for request in requests_of(photographs)}
    dermoscopic = [clinical_image(f"image_{n}", EXPORTED, source="hiba") for n in range(400)]
    assert "structures" in {request.question_type for request in requests_of(dermoscopic)}


def test_dropping_one_image_changes_no_request_of_another() -> None:
    images = [clinical_image(f"image_{number}", FULL if number % 2 else SPARSE) for number in range(50)]
    without = requests_of(images[:20] + images[21:])
    assert without == [request for request in requests_of(images) if request.image_id != "image_20"]


def test_the_order_of_the_images_does_not_matter() -> None:
    images = [clinical_image(f"image_{number}") for number in range(20)]
    key = {request.pair_id: request.key for request in requests_of(images)}
    assert key == {request.pair_id: request.key for request in requests_of(images[::-1])}


def suiting(facts: Facts, source: str) -> list[str]:
    """The types of the source's bank that suit an image of its with these facts."""
    modality = clinical_image(source=source).modality
    return [kind.name for kind in BOOK.banks[source] if kind.suits(facts, modality)]


@pytest.mark.slow
def test_all_types_and_wordings_are_drawn_sooner_or_later() -> None:
    for source in sorted(set(BOOK.banks) - {"general"}):
        facts = max((FULL, EXPORTED, REPORTED), key=lambda each: len(suiting(each, source)))
        drawn = requests_of([clinical_image(f"image_{n}", facts, source=source) for n in range(2000)])
        kinds = [kind for bank in ("general", source) for kind in BOOK.banks[bank] if kind.style != "counterfactual"]
        told = {kind: facts_in_words.facts_for_question(source, facts, kind.told) for kind in kinds}
        wordings = {fill(wording, told[kind]) for kind in kinds for wording in kind.every_wording}
        assert {request.question for request in drawn} == wordings


def test_no_prompt_and_no_question_shows_a_code_a_missing_value_or_an_open_slot() -> None:
    for (number, facts), source in product(enumerate(many_facts()), sorted(set(BOOK.banks) - {"general"})):
        for request in requests_of([clinical_image(f"image_{number}", facts, source=source)]):
            assert not BROKEN.search(request.prompt), request.prompt
            assert not BROKEN.search(request.question)


def told_in_turn(name: str) -> list[dict[str, Any]]:
    """Values that the fact `name` may take, beside those that it goes with."""
    considered = {"differential": ("eczema", "tinea"), "differential_weights": (0.6, 0.4)}
    goes_with: dict[str, list[dict[str, Any]]] = {
        "differential": [{}, considered, considered | {"differential": ("tinea", "eczema")}],
        "differential_weights": [{}, considered, considered | {"differential_weights": (0.7, 0.3)}],
        "is_age_rounded": [{"age_years": 50}, {"age_years": 50, "is_age_rounded": True}],
        "fitzpatrick_rater": [{"fitzpatrick": 2} | {name: rater} for rater in (None, "patient", "dermatologist")],
        "symptoms": [{}, {name: ("fever",)}, {name: ("fever", "chills")}],
        "textures": [{}, {name: ("flat",)}, {name: ("flat", "rough or flaky")}],
        "duration": [{}, {name: "one day"}, {name: "since childhood"}],
        "confirmation": [{name: value} for value in (None, *get_args(Confirmation))],
        "fitzpatrick": [{name: value} for value in (None, 1, 6)],
    }
    known = next(value for value in (getattr(FULL, name), True) if value not in (None, ()))
    values = (None, True, False) if isinstance(known, bool) else (None, known)
    return goes_with.get(name, [{name: value} for value in values])


@pytest.mark.parametrize("told", [Facts(), Facts(diagnosis="nevus", is_elevated=False)])
@pytest.mark.parametrize("name", [field.name for field in fields(Facts) if field.name not in facts_in_words.UNTOLD])
def test_every_fact_that_an_engine_is_told_stands_in_the_prompt(name: str, told: Facts) -> None:
    """So that a key, which covers the prompt, covers the facts."""
    changed = [replace(told, **values) for values in told_in_turn(name)]
    context = {"asks": [("What is this?", "anybody", "an answer")], "examples": []}
    prompts = {BOOK.render("asked", context, modality="clinical", facts=facts) for facts in changed}
    assert len(prompts) == len(changed)


def test_untold_facts_reach_neither_prompt_nor_request() -> None:
    for request in requests_of([clinical_image()]):
        assert "Pomerania" not in request.prompt
        assert not any(getattr(request.facts, name) for name in facts_in_words.UNTOLD)


def copied_book(folder: Path) -> Path:
    shutil.copytree(resource_dir("prompts"), folder)
    return folder / "questions" / "general.toml"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("What is the diagnosis here?", "What is on the {sit}?", "type.diagnosis: slot {sit} is none of"),
        ("What is the diagnosis here?", "What is on the {site}?", "rests on body_site: add it to needs"),
        (
            'needs = ["diagnosis"]',
            'needs = ["diagnose"]',
            "type.diagnosis.needs.1: 'diagnose' is no fact; did you mean 'diagnosis'?",
        ),
        ('style = "self_instruct"', 'style = "poem"', "style: 'poem' is not one of asked, self_instruct"),
        ("good_answer = ", "good_anwser = ", "type.overview.good_answer is missing"),
        ("good_answer = ", "good_anwser = ", "good_anwser is not one of name, topic, audience, good_answer, needs"),
        ('name = "next_steps"', 'name = "overview"', "two types have the same name: overview"),
        ("needs = []", 'needs = "diagnosis"', "type.overview.needs: 'diagnosis' should be a list"),
        (
            "needs = []",
            'needs = []\nmodalities = ["thermal"]',
            "'thermal' is not one of clinical, dermoscopic",
        ),
        ("needs = []", 'needs = []\nmodalities = "clinical"', "modalities: 'clinical' should be a list"),
        ("[[type]]", "[[type", "general.toml"),
    ],
)
def test_a_bank_that_breaks_a_rule_is_refused_by_name(tmp_path: Path, old: str, new: str, said: str) -> None:
    bank = copied_book(tmp_path / "prompts")
    bank.write_text(bank.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PromptError, match=re.escape(said)):
        load_prompt_book(tmp_path / "prompts")


def test_a_type_without_a_wording_is_refused() -> None:
    with pytest.raises(ValueError, match="wordings is empty"):
        replace(BOOK.banks["general"][0], wordings=())


def test_a_folder_without_a_general_bank_is_refused(tmp_path: Path) -> None:
    copied_book(tmp_path / "prompts").unlink()
    with pytest.raises(PromptError, match=r"has no general\.toml"):
        load_prompt_book(tmp_path / "prompts")


def test_a_template_that_uses_what_is_not_defined_is_refused(tmp_path: Path) -> None:
    copied_book(tmp_path / "prompts")
    template = tmp_path / "prompts" / "templates" / "asked.jinja"
    template.write_text("{{ age }}", encoding="utf-8")
    with pytest.raises(PromptError, match="'age' is undefined"):
        requests_of([clinical_image()], load_prompt_book(tmp_path / "prompts"))
