"""The template engine lets nobody wait, and calms nobody, whose case calls for haste."""

import re
from dataclasses import replace

import pytest

from dermasynth_builder.core.records import Facts, Malignancy
from dermasynth_builder.generate.run import Run
from tests.generate.engines.test_template import ENGINE, KINDS, request_for, said_of

CALM = re.compile(
    r"\b(?:nothing (?:has|needs) to be done|no (?:need to worry|hurry|treatment is needed; one that bothers)|"
    r"good news|it can (?:wait|stay)|(?:watching|eye kept on it|routine appointment) is enough|left alone|"
    r"nothing dangerous|scared|nothing to fear|not urgent|no rush|risk is to cut out|neither risk is great|in haste|"
    r"need for fear|"
    r"overtreating is the greater)",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    ("diagnosis", "sign"),
    [
        *(
            (name, "has_grown")
            for name in ("nevus", "seborrheic keratosis", "solar lentigo", "dermatofibroma", "angioma")
        ),
        ("actinic keratosis", "has_grown"),
        *(("nevus", sign) for sign in ("has_changed", "bleeds")),
    ],
)
def test_nobody_is_calmed_about_a_lesion_that_grows_changes_or_bleeds(diagnosis: str, sign: str) -> None:
    malignancy: Malignancy = "indeterminate" if diagnosis == "actinic keratosis" else "benign"
    quiet = Facts(diagnosis=diagnosis, malignancy=malignancy, confirmation="clinical assessment", body_site="back")
    restless: Facts = replace(quiet, **{sign: True})  # type: ignore[arg-type]  # each of these is a bool
    proven = replace(restless, confirmation="histopathology")
    said = {
        facts: [answer for kind in KINDS for answer in said_of(kind, facts, 30) if CALM.search(answer)]
        for facts in (quiet, restless, proven)
    }
    assert said[restless] == []
    assert said[quiet]
    assert said[proven]


@pytest.mark.parametrize("symptom", ["fever", "chills", "shortness of breath"])
@pytest.mark.parametrize(
    ("kind", "differential"),
    [
        ("general: next_steps", ("eczema", "urticaria")),
        ("general: next_steps", ("eczema",)),
        ("general: next_steps", ()),
        ("general: patient_explanation", ("eczema", "urticaria")),
    ],
)
def test_who_has_a_fever_or_is_short_of_breath_is_told_to_be_seen_at_once(
    kind: str, differential: tuple[str, ...], symptom: str
) -> None:
    facts = replace(
        Facts(symptoms=(symptom,), body_site="arm", diagnosis=differential[0] if differential else None),
        differential=differential,
        differential_weights=tuple(0.6 / (place + 1) for place in range(len(differential))),
    )
    answers = said_of(kind, facts)
    at_once = r"emergency|at once" if symptom == "shortness of breath" else r"same day|doctor today|means today"
    slow = [answer for answer in answers if not re.search(at_once, answer)]
    assert slow == []


WAITS = re.compile(r"routine appointment|may wait|next free appointment|No emergency|some weeks")


@pytest.mark.parametrize("duration", ["one day", "one to three months", "more than one year", None])
@pytest.mark.parametrize("sign", ["bleeds", "has_grown", "hurts"])
def test_what_nobody_has_named_does_not_wait_where_it_bleeds_grows_or_hurts(sign: str, duration: str | None) -> None:
    quiet = Facts(duration=duration, body_site="arm")
    told: Facts = replace(quiet, **{sign: True})  # type: ignore[arg-type]  # each of these is a bool
    wording = next(each for each in KINDS["general: next_steps"].every_wording if "How urgently" in each)
    requests = {
        facts: [request_for(KINDS["general: next_steps"], facts, wording, number) for number in range(20)]
        for facts in (quiet, told)
    }
    waiting = {
        facts: [reply.text for reply in ENGINE.answer(asked, Run()) if WAITS.search(reply.text or "")]
        for facts, asked in requests.items()
    }
    assert waiting[told] == []
    assert waiting[quiet]
