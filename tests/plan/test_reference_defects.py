"""What goes wrong in the prompts of the published code of the paper (DermaSynth @ 129a236), and does not here."""

import re
from collections import Counter
from dataclasses import replace

from dermasynth_builder.core.records import ClinicalImage, Facts, Reply, Request
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import load_prompt_book
from dermasynth_builder.plan.reply_form import question_of
from tests.support.clinical_images import EMPTY, EXPORTED, FULL, REPORTED, clinical_image

BOOK = load_prompt_book()


def asked(images: list[ClinicalImage]) -> list[Request]:
    return list(Planner(BOOK, 42).requests(images))


def bcn20000(facts: Facts, count: int = 300) -> list[ClinicalImage]:
    return [clinical_image(f"image_{number}", facts, source="bcn20000") for number in range(count)]


def test_the_metadata_are_text_and_no_tuple() -> None:
    for request in asked(bcn20000(EXPORTED, 30)):
        assert not re.search(r"\(['\"]|\\n|['\"]\)", request.prompt)


def test_a_missing_site_or_sex_is_not_asked_about_as_nan() -> None:
    for request in asked(bcn20000(replace(EXPORTED, body_site=None, sex=None))):
        assert not re.search(r"\bnan\b|\bnone\b", f"{request.question} {request.prompt}", re.IGNORECASE)


def test_age_zero_is_an_age() -> None:
    [request, *_] = asked(bcn20000(replace(EXPORTED, age_years=0), 1))
    assert re.search(r"Age of the patient in years: .*0", request.prompt)


def test_missing_demographics_cost_only_the_types_that_need_them() -> None:
    whole = {request.question_type for request in asked(bcn20000(EXPORTED, 1000)) if request.slot == "source"}
    bare = replace(EXPORTED, body_site=None, sex=None, age_years=None)
    without = {request.question_type for request in asked(bcn20000(bare, 1000)) if request.slot == "source"}
    demographic = {kind.name for kind in BOOK.banks["bcn20000"] if {"body_site", "sex", "age_years"} & set(kind.needs)}
    assert whole - without == demographic >= {"context", "comprehensive"}
    assert {"differential", "patient_explanation"} <= without


def test_an_image_without_a_label_is_asked_about_like_any_other() -> None:
    unlabelled = Facts(body_site="back", age_years=50, sex="male")
    requests = asked(bcn20000(unlabelled))
    assert Counter(request.slot for request in requests) == {"general": 300, "source": 300}
    assert "diagnosis" not in {request.question_type for request in requests}
    assert not [request for request in requests if "Diagnosis on record" in request.prompt]


def test_what_was_not_reported_leaves_no_empty_brackets() -> None:
    bare = replace(REPORTED, symptoms=(), textures=(), itches=None)
    for facts in (bare, EMPTY):
        images = [clinical_image(f"image_{number}", facts, source="scin") for number in range(300)]
        for request in asked(images):
            assert "()" not in request.question + request.prompt
            assert "  " not in request.question


def test_no_image_gets_the_same_question_twice() -> None:
    for source, facts in (("scin", REPORTED), ("bcn20000", EXPORTED), ("pad_ufes", FULL)):
        images = [clinical_image(f"image_{number}", facts, source=source) for number in range(300)]
        questions = Counter((request.image_id, request.question) for request in asked(images))
        assert set(questions.values()) == {1}


def test_dropping_the_first_row_changes_no_other_rows_questions() -> None:
    images = bcn20000(EXPORTED)
    kept = [request for request in asked(images) if request.image_id != "image_0"]
    assert asked(images[1:]) == kept


def test_the_question_of_self_instruct_is_the_models_and_not_the_brief() -> None:
    request = next(request for request in asked(bcn20000(EXPORTED)) if request.style == "self_instruct")
    reply = Reply(request.key, '{"question": "Is the border sharp?", "answer": "On one side."}')
    assert question_of(request, reply) == "Is the border sharp?"


def test_the_prompt_does_not_forbid_what_the_question_gives() -> None:
    for request in asked(bcn20000(EXPORTED)):
        if request.question_type == "comprehensive":
            assert "Where the question itself states a fact, you may use that fact openly." in request.prompt
            assert not re.search(r"do not (?:reference|rely on)", request.prompt, re.IGNORECASE)
