"""The template engine answers what it is asked, from facts and curated sentences, and is asked nothing else."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import PromptError
from dermasynth_builder.core.files import resource_dir
from dermasynth_builder.core.images.eyes import NAMES
from dermasynth_builder.core.options import PlanOptions
from dermasynth_builder.core.records import Asked, ClinicalImage, Facts, Ground, Measured, Reply, Request
from dermasynth_builder.core.registry import SPECIMENS
from dermasynth_builder.generate.answers.forms import load_forms
from dermasynth_builder.generate.answers.knowledge import load_knowledge
from dermasynth_builder.generate.answers.notation import parsed, slots
from dermasynth_builder.generate.engines.template import TemplateEngine
from dermasynth_builder.generate.run import Run
from dermasynth_builder.plan import facts_in_words, reply_form
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import QuestionType, fill, load_prompt_book
from tests.support.clinical_images import EMPTY, EXPORTED, FULL, REPORTED, SPARSE, clinical_image, many_facts

BOOK = load_prompt_book(sources=SPECIMENS)
ENGINE = TemplateEngine(resource_dir("prompts") / "answers")
KNOWLEDGE = load_knowledge(resource_dir("prompts") / "answers" / "knowledge")
KINDS = {f"{bank}: {kind.name}": kind for bank, kinds in BOOK.banks.items() for kind in kinds}
# Words of someone who looks, or who treats.
POSING = re.compile(
    r"\b(?:I|I'm|we|my|our|I see|you can see|is visible|appears to|as a (?:dermatologist|doctor)|you should|you need)\b"
)
BROKEN = re.compile(r"\bnan\b|\bNone\b|\bUNK\b|\(\)|[{}_<>|\[\]]|  |\.\.|,,| [.,;:]|\b[Aa] [aeio]|;[;,.]|:\.")
RECORD = re.compile(r"\b(?:records?|recorded|on file|metadata|data set|dataset)\b", re.IGNORECASE)


def asked_of(kind: QuestionType, facts: Facts, wording: str) -> Asked:
    return Asked(kind.name, wording, kind.modalities[0], facts_in_words.facts_for_engine(facts))


def wordings(kind: QuestionType, facts: Facts) -> list[str]:
    """The wordings of a type that the engine can answer from these facts."""
    if not kind.suits(facts, kind.modalities[0]):
        return []
    return [wording for wording in kind.every_wording if ENGINE.answers(asked_of(kind, facts, wording))]


def request_for(kind: QuestionType, facts: Facts, wording: str, number: int = 0) -> Request:
    told, question = facts_in_words.facts_for_engine(facts), fill(wording, facts)
    return Request(
        source="pad_ufes",
        image_id=f"image_{number}",
        slot="general",
        style=kind.style,
        question_type=kind.name,
        question=question,
        prompt=f"{question} {told} {number}",
        prompt_id=kind.style,
        reply_schema=reply_form.schema(kind.style),
        modality=kind.modalities[0],
        facts=told,
        is_metadata_shown=True,
        image_sha256="ab" * 32,
        image_path=None,
    )


def exchange(request: Request, reply: Reply) -> tuple[str, str]:
    """The question as published, and its answer."""
    question, answer = reply_form.exchanges(request, reply)[0].turns
    return question.content, answer.content


def replies(kind: QuestionType, facts: Facts, count: int) -> Iterator[tuple[Request, Reply]]:
    """Replies to as many requests, through all wordings of the type that can be answered."""
    possible = wordings(kind, facts)
    requests = [request_for(kind, facts, possible[n % len(possible)], n) for n in range(count if possible else 0)]
    return zip(requests, ENGINE.answer(requests, Run()), strict=True)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_wording_that_can_be_answered_gets_a_whole_answer_that_poses_as_nobody(name: str) -> None:
    for facts in many_facts():
        for request, reply in replies(KINDS[name], facts, 2 * len(KINDS[name].every_wording)):
            question, answer = exchange(request, reply)
            said = answer.replace(facts.diagnosis or " ", "X")
            assert not POSING.search(said), said
            assert not BROKEN.search(said), said
            assert said[-1] == "."
            assert said[0].isupper() or said[0].isdigit()
            assert question[-1] in '?.!"'


@pytest.mark.parametrize("name", sorted(KINDS))
def test_an_answer_states_facts_as_facts_of_the_case_and_speaks_of_no_record(name: str) -> None:
    for facts in (FULL, SPARSE, REPORTED, EXPORTED):
        for request, reply in replies(KINDS[name], facts, 12):
            assert not RECORD.search(exchange(request, reply)[1])


def test_a_question_that_only_eyes_can_answer_is_not_one_for_this_engine() -> None:
    overview = KINDS["general: overview"]
    asked = "Sum up the appearance of the skin here, and leave interpretation aside."
    assert asked in overview.wordings
    assert not ENGINE.answers(asked_of(overview, FULL, asked))
    assert not wordings(overview, EMPTY)


def test_a_question_about_what_is_not_known_is_not_one_for_this_engine() -> None:
    uncurated = Facts(diagnosis="a disease nobody curated")
    for name in ("general: differential", "general: patient_explanation"):
        assert not wordings(KINDS[name], uncurated)
        assert wordings(KINDS[name], FULL)


def test_what_the_engine_says_it_can_answer_depends_on_the_wording_and_not_on_what_fills_its_slots() -> None:
    for kind in KINDS.values():
        for facts in (FULL, SPARSE, REPORTED, EXPORTED):
            for wording in wordings(kind, facts):
                [(_, reply)] = zip([0], ENGINE.answer([request_for(kind, facts, wording)], Run()), strict=True)
                assert reply.text, (kind.name, wording, reply.failure)


def test_a_request_without_a_plan_fails_as_a_value() -> None:
    kind = QuestionType("nobody's", "nothing", "anyone", "nothing", (), ("How will it go?",))
    reply = next(iter(ENGINE.answer([request_for(kind, FULL, "How will it go?")], Run())))
    assert reply == Reply(reply.key, None, "no answer: no plan for type nobody's fits 'How will it go?'")


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_sentence_of_an_answer_has_its_ground_and_every_reference_its_sentence(name: str) -> None:
    for facts in (FULL, SPARSE, REPORTED, EXPORTED):
        for request, reply in replies(KINDS[name], facts, 12):
            answer = exchange(request, reply)[1]
            sentences = list(dict.fromkeys(ground.sentence for ground in reply.grounds))
            assert " ".join(sentences) == answer
            cited = {ground.key for ground in reply.grounds if ground.kind == "reference"}
            assert {text.rpartition(". ")[2] for text in reply.references} == cited
            for ground in reply.grounds:
                known = getattr(request.facts, ground.key, ()) not in (None, ())
                assert ground.kind != "fact" or known or ground.key == "modality"
                assert ground.kind != "absent" or not known


def test_a_number_in_an_answer_is_a_fact_or_a_curated_one() -> None:
    """No size, age or share is invented: what is no fact stands in the files, beside a reference."""
    files = (resource_dir("prompts") / "answers").rglob("*.toml")
    curated = set(re.findall(r"\d+", "".join(path.read_text("utf-8") for path in files)))
    for kind in KINDS.values():
        for request, reply in replies(kind, FULL, 40):
            assert set(re.findall(r"\d+(?:\.\d+)?", exchange(request, reply)[1])) <= {"81", "12.5", "8"} | curated


def said_of(name: str, facts: Facts, count: int = 60) -> list[str]:
    return [exchange(request, reply)[1] for request, reply in replies(KINDS[name], facts, count)]


def test_a_weighted_differential_below_one_half_is_never_a_certainty() -> None:
    split = replace(REPORTED, diagnosis="eczema", differential=("eczema", "tinea", "urticaria"))
    split = replace(split, differential_weights=(0.4, 0.35, 0.25))
    for answer in said_of("general: diagnosis", split):
        assert re.search(r"about a third|about half|suspected|not certain|No firm name", answer)
        assert not re.search(r"The diagnosis is eczema|This is eczema|It is eczema", answer)
    for answer in said_of("general: patient_explanation", split):
        assert re.search(r"not sure|not certain|for sure", answer)


def test_a_shared_lead_names_all_that_share_it() -> None:
    tied = replace(REPORTED, diagnosis=None, differential=("eczema", "tinea"), differential_weights=(0.5, 0.5))
    for answer in said_of("scin: reasoning", tied):
        assert "eczema" in answer.lower()
        assert "tinea" in answer.lower() or "ring" in answer


@pytest.mark.parametrize(("facts", "first"), [(SPARSE, "N"), (FULL, "Y"), (replace(SPARSE, malignancy="benign"), "N")])
def test_a_question_for_yes_or_no_gets_one(facts: Facts, first: str) -> None:
    kind = KINDS["pad_ufes: malignancy"]
    wording = "Is this a skin cancer? Say which lesion it is."
    requests = [request_for(kind, facts, wording, number) for number in range(20)]
    for request, reply in zip(requests, ENGINE.answer(requests, Run()), strict=True):
        assert exchange(request, reply)[1].removeprefix("Strictly no").startswith((first, ":"))


def of_wording(name: str, part: str, facts: Facts, count: int = 20) -> Iterator[Reply]:
    """Replies to the one wording of a type that holds these words."""
    [wording] = [each for each in KINDS[name].every_wording if part in each]
    return ENGINE.answer([request_for(KINDS[name], facts, wording, n) for n in range(count)], Run())


def test_a_child_hears_what_it_is_before_its_medical_name() -> None:
    atypical = Facts(diagnosis="dysplastic junctional nevus", malignancy="benign", is_melanocytic=True)
    for reply in of_wording("general: patient_explanation", "twelve-year-old", atypical):
        first, _, rest = json.loads(reply.text or "")["answer"].partition(". ")
        assert "mole" in first
        assert "dysplastic" not in first
        assert "dysplastic junctional nevus" in rest


def test_a_lineage_is_told_by_the_structures_of_this_diagnosis_and_not_by_a_network_in_general() -> None:
    network = Facts(diagnosis="melanoma metastasis", malignancy="malignant", is_melanocytic=True)
    own = {each.say for each in next(KNOWLEDGE.of_diagnosis("melanoma metastasis", "dermoscopy"))}
    for reply in of_wording("bcn20000: lineage", "what tells you so", network):
        assert own & {ground.sentence for ground in reply.grounds}
    for reply in of_wording("bcn20000: lineage", "Do pigment cells", network):
        assert "choice between nevus and melanoma" not in (reply.text or "")


def test_what_would_add_most_to_a_lesion_is_no_question_about_a_rash() -> None:
    for facts in (FULL, replace(SPARSE, confirmation=None)):
        for reply in of_wording("general: next_steps", "would add most", facts):
            assert not re.search("fever|new drugs|contacts", reply.text or "")


def test_acute_or_chronic_gets_its_answer() -> None:
    kind = KINDS["scin: duration"]
    wording = next(wording for wording in kind.every_wording if "acute or for a chronic" in wording)
    for duration, word in (
        ("one day", r"[Aa]cute|[Ff]resh|early|[Rr]ecent"),
        ("more than one year", "[Cc]hronic"),
    ):
        requests = [request_for(kind, replace(REPORTED, duration=duration), wording, n) for n in range(12)]
        for request, reply in zip(requests, ENGINE.answer(requests, Run()), strict=True):
            assert re.search(word, exchange(request, reply)[1])


def test_a_clinical_answer_names_no_dermoscopic_structure_and_a_dermoscopic_one_no_clinical_look() -> None:
    clinical = [entry.say for entry in LOOKS["dermoscopy"]]
    dermoscopic = [entry.say for entry in LOOKS["look"]]
    for name, kind in KINDS.items():
        for request, reply in replies(kind, EXPORTED, 24):
            answer = exchange(request, reply)[1]
            banned = dermoscopic if kind.modalities[0] == "dermoscopic" else clinical
            assert not any(sentence in answer for sentence in banned), name


LOOKS = {
    kind: [each for entry in KNOWLEDGE.entries.values() for each in entry.kinds[kind]]
    for kind in ("look", "dermoscopy")
}


def test_what_cannot_be_told_is_said_at_most_once() -> None:
    absent = re.compile(r"not known|not stated|is not told|has no diagnosis|[Nn]o diagnosis|[Nn]obody has named")
    for kind in KINDS.values():
        for facts in many_facts():
            for request, reply in replies(kind, facts, 6):
                assert len(absent.findall(exchange(request, reply)[1])) <= 1


def test_signs_are_said_as_they_are() -> None:
    for answer in said_of("pad_ufes: complaints", FULL):
        assert not re.search(r"no itching|no bleeding|[Ii]t does not itch", answer)
    for answer in said_of("pad_ufes: relief", SPARSE):
        assert re.search(r"[Ff]lat|not raised|level|[Nn]ot elevated|no step|does not rise", answer)


def test_two_columns_on_cancer_are_one_phrase() -> None:
    for answer in said_of("pad_ufes: history", FULL):
        assert "skin cancer, but of no other cancer" in answer


def test_a_conversation_says_nothing_twice(tmp_path: Path) -> None:
    images = [clinical_image(f"image_{number}", FULL) for number in range(30)]
    options = PlanOptions(conversation_share=1.0, self_instruct_share=0.0)
    requests = [r for r in Planner(BOOK, 5, options, ENGINE).requests(images) if r.style == "conversation"]
    assert requests
    for request, reply in zip(requests, ENGINE.answer(requests, Run()), strict=True):
        curated = [ground.sentence for ground in reply.grounds if ground.kind == "reference"]
        answers = [turn.content for turn in reply_form.exchanges(request, reply)[0].turns if turn.role == "assistant"]
        assert len(answers) >= reply_form.MIN_TURNS
        assert sum(" ".join(answers).count(sentence) for sentence in set(curated)) <= len(curated)


@pytest.mark.parametrize("source", sorted(SPECIMENS))
def test_every_question_about_a_specimen_of_every_source_gets_a_whole_answer(source: str, tmp_path: Path) -> None:
    read = registry.source(source).read(registry.specimens(source)(tmp_path, images=40, side_px=16))
    images = [replace(item, measured=AREA) for item in read if isinstance(item, ClinicalImage)]
    requests = list(Planner(BOOK, 11, chooser=ENGINE).requests(images))
    assert len(images) <= len(requests) <= 2 * len(images)
    for request, reply in zip(requests, ENGINE.answer(requests, Run()), strict=True):
        assert not BROKEN.search(exchange(request, reply)[1]), reply.text


def test_a_reply_is_a_pure_function_of_its_request() -> None:
    images = [clinical_image(f"image_{number}") for number in range(30)]
    requests = list(Planner(BOOK, 3, chooser=ENGINE).requests(images))
    assert list(ENGINE.answer(requests, Run())) == list(registry.engine("template").answer(requests[::-1], Run()))[::-1]


def test_a_reply_names_no_model_and_no_time() -> None:
    _, reply = next(replies(KINDS["general: diagnosis"], FULL, 1))
    assert (reply.model, reply.model_version, reply.answered_at, reply.usage) == (None, None, None, {})
    assert not ENGINE.is_model


def test_self_instruct_asks_questions_of_its_own_that_an_image_or_a_fact_can_answer() -> None:
    questions = {exchange(*pair)[0] for facts in (FULL, SPARSE, REPORTED, EXPORTED) for pair in self_instruct(facts)}
    assert len(questions) >= 40
    assert not any(re.search(r"How old|biopsy taken|[Ww]hat sex|man or a woman", question) for question in questions)


def self_instruct(facts: Facts) -> Iterator[tuple[Request, Reply]]:
    return replies(KINDS["general: self_instruct"], facts, 100)


def test_measured_facts_reach_sentences_and_grounds(tmp_path: Path) -> None:
    """What measures the image hands its results over as `Measured`; forms use them as slots."""
    folder = copied(tmp_path)
    (folder / "blocks" / "own.toml").write_text(
        '[[seen]]\nwhen = ["measured"]\nsay = ["About {measured_share} per cent of the frame."]\n', encoding="utf-8"
    )
    plans = folder / "plans.toml"
    plans.write_text('[[overview]]\nparts = ["seen"]\n' + plans.read_text("utf-8"), encoding="utf-8")
    engine, kind = TemplateEngine(folder), KINDS["general: overview"]
    measured = (Measured("share", 7.0, "mask 1", 0.9),)
    asked = Asked("overview", kind.wordings[0], "clinical", Facts(), measured)
    assert engine.answers(asked)
    assert not engine.answers(replace(asked, measured=()))
    request = replace(request_for(kind, EMPTY, kind.wordings[0]), measured=measured)
    reply = next(iter(engine.answer([request], Run())))
    assert json.loads(reply.text or "")["answer"] == "About 7 per cent of the frame."
    assert Ground("About 7 per cent of the frame.", "measured", "share") in reply.grounds


_FOUND: dict[str, str | float] = {
    "border": "a dark round border",
    "place": "in the upper left",
    "share": 7.0,
    "elongation": 1.8,
    "shape": "longer than wide",
    "solidity": 0.97,
    "outline": "even",
    "compared": "darker and redder",
    "colour": "brown",
    "second_colour": "black",
    "ink": "blue ink marks",
}
AREA = tuple(Measured(name, value, "eyes 1", 0.9) for name, value in _FOUND.items())


@pytest.mark.parametrize("name", sorted(name for name in KINDS if name.endswith(("overview", "visual_features"))))
def test_a_look_question_is_answered_from_what_was_measured_and_from_nothing_else(name: str) -> None:
    """Of facts none is known, so that all that is said of this image was measured on it."""
    kind, engine = KINDS[name], registry.engine("template")
    assert isinstance(engine, TemplateEngine)
    modality = kind.modalities[-1]
    asked = [
        wording
        for wording in kind.every_wording
        if engine.answers(Asked(kind.name, wording, modality, EMPTY, AREA))
        and not engine.answers(Asked(kind.name, wording, modality, EMPTY))
    ]
    assert asked
    for wording in asked:
        request = replace(request_for(kind, EMPTY, wording), measured=AREA, modality=modality)
        [reply] = engine.answer([request], Run())
        measured = {ground.key for ground in reply.grounds if ground.kind == "measured"}
        assert measured & {"place", "outline", "colour"}, wording
        assert {ground.kind for ground in reply.grounds} <= {"measured", "reference", "fact"}


def test_no_look_question_is_asked_where_only_the_border_was_measured() -> None:
    kind, engine = KINDS["general: overview"], registry.engine("template")
    assert isinstance(engine, TemplateEngine)
    assert not any(engine.answers(Asked("overview", each, "clinical", EMPTY, AREA[:1])) for each in kind.every_wording)
    assert not any(engine.answers(Asked("overview", each, "clinical", EMPTY, AREA[-1:])) for each in kind.every_wording)


def test_forms_name_no_measurement_that_the_eyes_do_not_make() -> None:
    forms = load_forms(resource_dir("prompts") / "answers")
    texts = [text for blocks in forms.blocks.values() for block in blocks for text in block.say]
    named = {slot for text in texts for slot in slots(parsed(text)) if slot.startswith("measured_")}
    assert named <= {f"measured_{each.name}" for each in AREA}
    assert {each.name for each in AREA} == {*NAMES}


def test_answers_are_as_reviewed(golden: Callable[[str, str], None]) -> None:
    """Words that move without a new revision would make old ledgers speak for new texts."""
    told = [
        f"{name}: {' '.join(exchange(request, reply))}"
        for name, kind in sorted(KINDS.items())
        for facts in (FULL, REPORTED, EXPORTED)
        for request, reply in replies(kind, facts, 2)
    ]
    golden("answers.txt", "\n".join(told) + "\n")


def copied(tmp_path: Path) -> Path:
    """A copy of the folder of answers."""
    return Path(shutil.copytree(resource_dir("prompts") / "answers", tmp_path / "answers"))


@pytest.mark.parametrize("file", ["blocks/diagnosis.toml", "plans.toml", "knowledge/melanocytic.toml"])
def test_other_texts_make_another_identity(file: str, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    path = folder / file
    path.write_text(path.read_text("utf-8") + "\n# another remark\n", encoding="utf-8")
    assert TemplateEngine(folder).identity != ENGINE.identity


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("plans.toml", "[[overview]\n", "plans.toml"),
        ("plans.toml", '[[overview]]\nparts = ["nothing"]\n', "'nothing' is no block"),
        ("plans.toml", '[[overview]]\nasked = "("\nparts = ["dx"]\n', "no regular expression"),
        ("plans.toml", '[[overview]]\nwhen = ["warm"]\nparts = ["dx"]\n', "warm is no mark"),
        ("blocks/diagnosis.toml", '[[dx]]\nsay = ["It is {dxx}."]\n', "{dxx} is no slot"),
        ("blocks/diagnosis.toml", '[[dx]]\nsay = ["It is [{dx}."]\n', "closes what was opened"),
        ("blocks/more.toml", '[[dx]]\nsay = ["It is {dx}."]\n', "dx stands in another file too"),
        ("blocks/more.toml", '[[so]]\nsay = ["So."]\ncite = "nobody"\n', "nobody is cited"),
    ],
)
def test_broken_answer_files_are_named(file: str, text: str, said: str, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / file).write_text(text, encoding="utf-8")
    with pytest.raises(PromptError, match=re.escape(said)):
        TemplateEngine(folder)


SENTENCE_END = re.compile(r"[.:]$|\?$")


def test_every_form_is_one_sentence_with_a_ground() -> None:
    blocks = load_forms(resource_dir("prompts") / "answers").blocks
    for name, of_name in blocks.items():
        for block in of_name:
            for text in block.say:
                assert SENTENCE_END.search(text), text
                assert name.startswith("q_") == text.endswith("?"), text
                grounded = bool(set(slots(parsed(text))) or block.when or block.cite or block.absent or block.about)
                assert grounded or name.startswith("q_"), (name, text)
