"""The template engine says what is recorded, in many ways, and nothing else."""

import json
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import PromptError
from dermasynth_builder.core.files import resource_dir
from dermasynth_builder.core.records import ClinicalImage, Facts, Reply, Request, Turn
from dermasynth_builder.core.registry import SPECIMENS
from dermasynth_builder.generate.engines.template import TemplateEngine
from dermasynth_builder.generate.run import Run
from dermasynth_builder.plan import facts_in_words, reply_form
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import QuestionType, fill, load_prompt_book
from tests.support.clinical_images import EMPTY, EXPORTED, FULL, REPORTED, SPARSE, clinical_image, many_facts

BOOK = load_prompt_book(sources=SPECIMENS)
ENGINE = registry.engine("template")
KINDS = {kind.name: kind for bank in BOOK.banks.values() for kind in bank}  # the last bank's, where several have it
# Words of someone who looks, or who treats.
POSING = re.compile(
    r"\b(?:I|I'm|we|my|our|I see|you can see|is visible|appears to|as a (?:dermatologist|doctor)|you should|you need)\b"
)


def fits(kind: QuestionType, facts: Facts) -> bool:
    return kind.suits(facts, kind.modalities[0])


def request_for(kind: QuestionType, facts: Facts, image_id: str) -> Request:
    image = clinical_image(image_id, facts)
    told = facts_in_words.facts_for_engine(facts)
    question, modality = fill(kind.wordings[0], facts), kind.modalities[0]
    return Request(
        source=image.source,
        image_id=image_id,
        slot="general",
        style=kind.style,
        question_type=kind.name,
        question=question,
        prompt=f"{question} {told} {image_id}",
        prompt_id=kind.style,
        reply_schema=reply_form.schema(kind.style),
        modality=modality,
        facts=told,
        is_metadata_shown=True,
        image_sha256="ab" * 32,
        image_path=None,
    )


def said(request: Request, reply: Reply) -> list[Turn]:
    return [turn for exchange in reply_form.exchanges(request, reply) for turn in exchange.turns]


def answers(kind: QuestionType, facts: Facts, count: int) -> list[str]:
    requests = [request_for(kind, facts, f"image_{number}") for number in range(count)]
    return [
        " ".join(turn.content for turn in said(request, reply))
        for request, reply in zip(requests, ENGINE.answer(requests, Run()), strict=True)
    ]


@pytest.mark.parametrize("name", sorted(KINDS))
@pytest.mark.parametrize("facts", [FULL, SPARSE, REPORTED, EXPORTED], ids=["full", "sparse", "reported", "exported"])
def test_a_type_has_at_least_a_dozen_phrasings(name: str, facts: Facts) -> None:
    if fits(KINDS[name], facts):
        assert len(set(answers(KINDS[name], facts, 60))) >= 12


BROKEN = re.compile(r"\bnan\b|\bNone\b|\bUNK\b|\(\)|[{}_]|  |\.\.|,,| [.,;:]|\b[Aa] [aeio]")


@pytest.mark.parametrize("bank", sorted(BOOK.banks))
def test_every_type_of_every_bank_gets_a_whole_answer_that_poses_as_nobody(bank: str) -> None:
    for kind in BOOK.banks[bank]:
        for facts in many_facts():
            for answer in answers(kind, facts, 8) if fits(kind, facts) else ():
                said = answer.removeprefix(fill(kind.wordings[0], facts))
                assert not POSING.search(said), said
                assert not BROKEN.search(said), said
                assert said[-1] == "."


@pytest.mark.parametrize("source", sorted(SPECIMENS))
def test_every_question_about_a_specimen_of_every_source_gets_a_whole_answer(source: str, tmp_path: Path) -> None:
    read = registry.source(source).read(registry.specimens(source)(tmp_path, images=40, side_px=16))
    images = [item for item in read if isinstance(item, ClinicalImage)]
    requests = list(Planner(BOOK, 11).requests(images))
    assert len(images) < len(requests) <= 2 * len(images)
    for request, reply in zip(requests, ENGINE.answer(requests, Run()), strict=True):
        exchange = "\n".join(turn.content for turn in said(request, reply))
        assert not BROKEN.search(exchange), exchange


def test_every_part_has_three_phrasings_or_curated_ones() -> None:
    phrasings = tomllib.loads((resource_dir("prompts") / "answers" / "phrasings.toml").read_text("utf-8"))
    assert set(phrasings) == set(KINDS)
    for parts in phrasings.values():
        for part in parts:
            for texts in (part[name] for name in ("say", "question", "answer") if name in part):
                assert len(set(texts)) >= 3 or "know(" in texts[0], texts


def test_a_number_in_an_answer_is_a_fact_or_a_curated_one() -> None:
    """No size, age or share is invented: what is no fact stands in knowledge.toml."""
    curated = set(re.findall(r"\d+", (resource_dir("prompts") / "answers" / "knowledge.toml").read_text("utf-8")))
    for kind in (kind for kind in KINDS.values() if fits(kind, FULL)):
        for answer in answers(kind, FULL, 40):
            assert set(re.findall(r"\d+(?:\.\d+)?", answer)) <= {"81", "12.5", "8"} | curated


def test_signs_are_said_as_recorded() -> None:
    for answer in answers(KINDS["context"], FULL, 40):
        present, denied = "itching, bleeding and elevation", "pain or change"
        assert present in answer
        assert re.search(rf"(?:no(?: to)?:?|Denied, as recorded:) {denied}", answer)
        assert re.search(r"(?:Nothing is known about|leaves open whether there was|either way:) growth", answer)


def test_facts_that_are_not_known_are_neither_made_up_nor_talked_around() -> None:
    for answer in answers(KINDS["overview"], EMPTY, 40):
        assert "age" in answer
        assert not re.search(r"year|woman|man\b|diagnosis|mm\b|biops", answer)
    for answer in answers(KINDS["next_steps"], EMPTY, 40):
        assert re.search(r"[Nn]o diagnosis|[Ww]ithout a recorded diagnosis", answer)


def test_what_is_known_in_part_is_not_called_unknown() -> None:
    """An age that is known as a band, a size of which one diameter is known."""
    for answer in answers(KINDS["overview"], REPORTED, 40):
        assert "aged 30 to 39" in answer or "given as 30 to 39" in answer
        assert not re.search(r"age of the patient (?:is|was)? ?not|no age", answer)
    for answer in answers(KINDS["visual_features"], Facts(diameter_1_mm=4.5), 40):
        assert "4.5 mm" in answer
        assert not re.search(r"No diameters|size is not on record|no measured size", answer)


def test_a_diagnosis_that_nobody_curated_gets_no_general_knowledge() -> None:
    facts = Facts(diagnosis="a disease nobody curated")
    for kind in KINDS.values():
        if fits(kind, facts):
            requests = [request_for(kind, facts, f"image_{number}") for number in range(10)]
            assert all(reply.references == () and reply.text for reply in ENGINE.answer(requests, Run()))


def test_every_curated_sentence_in_an_answer_brings_its_reference() -> None:
    reply = next(iter(ENGINE.answer([request_for(KINDS["differential"], FULL, "image")], Run())))
    knowledge = tomllib.loads((resource_dir("prompts") / "answers" / "knowledge.toml").read_text("utf-8"))
    quoted = [e for e in knowledge["basal cell carcinoma"]["mimics"] if e["say"] in (reply.text or "")]
    assert reply.references == tuple(knowledge["references"][entry["cite"]] for entry in quoted)
    assert len(quoted) == 1


def test_every_diagnosis_has_every_kind_of_curated_sentence_and_every_citation_exists() -> None:
    text = (resource_dir("prompts") / "answers" / "knowledge.toml").read_text("utf-8")
    knowledge = tomllib.loads(text)
    references = knowledge.pop("references")
    cited = {entry["cite"] for kinds in knowledge.values() for entries in kinds.values() for entry in entries}
    assert cited == set(references)
    for kinds in knowledge.values():
        assert set(kinds) == {"what", "look", "mimics", "lay", "next", "who"}
        assert all(entry["say"].endswith(".") for entries in kinds.values() for entry in entries)


def test_a_reply_is_a_pure_function_of_its_request() -> None:
    requests = list(Planner(BOOK, 3).requests(clinical_image(f"image_{number}") for number in range(30)))
    assert list(ENGINE.answer(requests, Run())) == list(registry.engine("template").answer(requests[::-1], Run()))[::-1]


def test_a_reply_names_no_model_and_no_time() -> None:
    reply = next(iter(ENGINE.answer([request_for(KINDS["overview"], FULL, "image")], Run())))
    assert (reply.model, reply.model_version, reply.answered_at, reply.usage) == (None, None, None, {})
    assert not ENGINE.is_model


def test_self_instruct_asks_a_question_of_its_own() -> None:
    requests = [request_for(KINDS["self_instruct"], FULL, f"image_{number}") for number in range(40)]
    questions = {json.loads(reply.text or "")["question"] for reply in ENGINE.answer(requests, Run())}
    assert len(questions) >= 10
    assert all(question.endswith("?") for question in questions)


def test_a_type_without_phrasings_fails_as_a_value() -> None:
    kind = QuestionType("nobody's", "nothing", "anyone", "nothing", (), ("How will it go?",))
    reply = next(iter(ENGINE.answer([request_for(kind, FULL, "image")], Run())))
    assert reply == Reply(reply.key, None, "no phrasing: phrasings.toml has no type nobody's")


def test_answers_are_as_reviewed(golden: Callable[[str, str], None]) -> None:
    """Words that move without a new revision would make old ledgers speak for new texts."""
    told = [
        f"{name}: {text}"
        for name, kind in sorted(KINDS.items())
        for text in answers(kind, next(facts for facts in (FULL, REPORTED, EXPORTED) if fits(kind, facts)), 4)
    ]
    golden("answers.txt", "\n".join(told) + "\n")


def test_other_texts_make_another_identity(tmp_path: Path) -> None:
    shutil.copytree(resource_dir("prompts") / "answers", tmp_path / "answers")
    phrasings = tmp_path / "answers" / "phrasings.toml"
    phrasings.write_text(phrasings.read_text("utf-8").replace("On record this is", "This is"), encoding="utf-8")
    assert TemplateEngine(tmp_path / "answers").identity != ENGINE.identity


@pytest.mark.parametrize(("text", "said"), [("[[overview]\n", "phrasings.toml"), ("", "")])
def test_broken_answer_files_are_named(tmp_path: Path, text: str, said: str) -> None:
    shutil.copytree(resource_dir("prompts") / "answers", tmp_path / "answers")
    (tmp_path / "answers" / "phrasings.toml").write_text(text, encoding="utf-8")
    if said:
        with pytest.raises(PromptError, match=said):
            TemplateEngine(tmp_path / "answers")
    else:
        assert TemplateEngine(tmp_path / "answers").identity != ENGINE.identity


def test_a_phrasing_that_names_what_is_not_known_is_an_error_and_no_gap(tmp_path: Path) -> None:
    shutil.copytree(resource_dir("prompts") / "answers", tmp_path / "answers")
    phrasings = tmp_path / "answers" / "phrasings.toml"
    phrasings.write_text('[[overview]]\nsay = ["It is on the {{ site }}."]\n', encoding="utf-8")
    engine = TemplateEngine(tmp_path / "answers")
    with pytest.raises(PromptError, match="'site' is undefined"):
        list(engine.answer([request_for(KINDS["overview"], EMPTY, "image")], Run()))
