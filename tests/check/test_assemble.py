"""Replies become pairs or rejects, findings get their effect."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256

import pytest

from dermasynth_builder import __version__
from dermasynth_builder.check.assemble import Reject, ReleaseTerms, apply_findings, assemble, checked
from dermasynth_builder.check.form import check_form
from dermasynth_builder.check.repeats import Repeats
from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.records import Finding, Pair, Reply
from dermasynth_builder.plan.reply_form import schema
from tests.support.clinical_images import clinical_image, pair
from tests.support.recited import answer, failure, requests

TERMS = ReleaseTerms("recited", seed=3, splits={"PAT_9001": "validation"}, flags=("drawn",), folds={"PAT_9001": 2})

# --- pairs and rejects ---


def assembled(*replies: Reply | None) -> list[Pair | Reject]:
    """What becomes of replies to the first requests; a reply's key is put in."""
    asked = [replace(each, reply_schema=schema("asked")) for each in requests(len(replies))]
    images = {each.image_id: clinical_image(each.image_id) for each in asked}
    answered = [(each, replace(r, key=each.key) if r else None) for each, r in zip(asked, replies, strict=True)]
    return list(assemble(answered, images, TERMS))


def test_a_pair_tells_where_it_comes_from() -> None:
    reply = replace(
        answer("", "A mole."),
        references=("Author A. 2020.",),
        model="m",
        model_version="m-001",
        answered_at="2026-11-23T20:00:00.000+00:00",
        cost_usd=0.25,
    )
    (made,) = assembled(reply)
    assert isinstance(made, Pair)
    (asked,) = (replace(each, reply_schema=schema("asked")) for each in requests(1))
    assert made == Pair(
        pair_id="pad_ufes/PAT_9001_7001_0/general",
        image=clinical_image("PAT_9001_7001_0"),
        split="validation",
        fold=2,
        question="What does this picture show?",
        answer="A mole.",
        messages=made.messages,
        style="asked",
        question_type="overview",
        references=("Author A. 2020.",),
        engine="recited",
        model="m",
        model_version="m-001",
        prompt_id="asked",
        prompt_sha256=sha256(b"prompt 0").hexdigest(),
        is_metadata_shown=True,
        seed=3,
        generated_at="2026-11-23T20:00:00.000+00:00",
        builder_version=__version__,
        request_key=asked.key,
        cost_usd=0.25,
        flags=("drawn",),
    )
    assert [(turn.role, turn.content) for turn in made.messages] == [
        ("user", "What does this picture show?"),
        ("assistant", "A mole."),
    ]


@pytest.mark.parametrize("is_shown", [True, False])
def test_a_pair_tells_whether_the_metadata_was_shown(*, is_shown: bool) -> None:
    asked = replace(requests(1)[0], reply_schema=schema("asked"), is_metadata_shown=is_shown)
    image = clinical_image(asked.image_id)
    (made,) = assemble([(asked, answer(asked.key))], {image.image_id: image}, TERMS)
    assert isinstance(made, Pair)
    assert made.is_metadata_shown == is_shown


def test_what_has_no_reply_is_left_out_and_a_bad_reply_is_a_reject_in_its_place() -> None:
    broken = json.dumps({"reply": "A mole."})
    made = assembled(answer("", "First."), None, Reply("", broken), failure("", "blocked: SAFETY"), answer("", "Last."))
    assert [type(each) for each in made] == [Pair, Reject, Reject, Pair]
    first, wrong, blocked, last = made
    assert isinstance(first, Pair)
    assert isinstance(last, Pair)
    assert (first.answer, last.answer) == ("First.", "Last.")
    assert isinstance(wrong, Reject)
    assert (wrong.pair_id, wrong.reply) == ("pad_ufes/PAT_9001_7001_2/general", broken)
    assert wrong.question == "What does this picture show?"
    assert wrong.request_key == replace(requests(3)[2], reply_schema=schema("asked")).key
    assert wrong.reasons[0].startswith("reply: wrong members")
    assert isinstance(blocked, Reject)
    assert (blocked.reasons, blocked.reply) == (("reply: blocked: SAFETY",), None)


# --- findings ---

GOOD = replace(pair("What is it?", "A mole.", image=clinical_image()), flags=("drawn",))


def finding(severity: str, reason: str) -> Finding:
    return Finding(GOOD.pair_id, "form", severity, reason)  # type: ignore[arg-type]  # a test's word


def test_flags_of_checks_follow_those_of_the_pair() -> None:
    assert apply_findings(GOOD, []) == GOOD
    flagged = apply_findings(GOOD, [finding("flag", "is short"), finding("flag", "is plain")])
    assert flagged == replace(GOOD, flags=("drawn", "form: is short", "form: is plain"))


def test_one_reason_to_reject_is_enough_and_flags_are_no_reason() -> None:
    rejected = Reject(GOOD.pair_id, GOOD.request_key, ("form: is empty",), "What is it?", "A mole.", "overview")
    assert apply_findings(GOOD, [finding("reject", "is empty")]) == rejected
    findings = [finding("flag", "is short"), finding("reject", "is empty"), finding("reject", "is cut")]
    assert apply_findings(GOOD, findings) == replace(rejected, reasons=("form: is empty", "form: is cut"))


def test_every_check_sees_every_pair_and_its_findings_are_kept_by_pair() -> None:
    cut = replace(GOOD, question="What is it called?", answer="A mole, or,")
    again = replace(cut, pair_id="pad_ufes/again")
    first, rejected = checked([replace(cut, pair_id="pad_ufes/cut"), again], [check_form, Repeats()])
    assert isinstance(first, Reject)
    assert isinstance(rejected, Reject)
    assert [reason.partition(":")[0] for reason in rejected.reasons] == ["form", "repeats"]


def test_what_was_rejected_before_the_checks_stays_in_its_place_and_no_check_sees_it() -> None:
    broken = Reject("pad_ufes/broken", "0" * 64, ("reply: no JSON",), "What is it?", "")
    seen: list[Pair] = []

    def see(pairs: Iterable[Pair]) -> Iterator[Finding]:
        seen.extend(pairs)
        yield finding("flag", "is short")

    assert list(checked([broken, GOOD], [see])) == [broken, replace(GOOD, flags=("drawn", "form: is short"))]
    assert seen == [GOOD]


def test_a_check_that_names_a_pair_of_another_image_is_told() -> None:
    def confused(pairs: Iterable[Pair]) -> Iterator[Finding]:
        yield Finding("pad_ufes/other", "confused", "flag", "is alike")

    with pytest.raises(ReleaseError, match="the check confused names pad_ufes/other"):
        list(checked([GOOD], [confused]))
