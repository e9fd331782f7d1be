"""What comes back from an engine becomes exchanges, or a named failure."""

import json
from dataclasses import fields, replace

import pytest

from dermasynth_builder.core.records import Reply, Request, Step, Turn
from dermasynth_builder.plan.reply_form import BadReply, exchanges, schema
from tests.core.test_records import REQUEST

STEPS = (Step("general", "overview", "What is this?"), Step("source", "malignancy", "Is it harmful?"))
SELF_INSTRUCT = replace(REQUEST, style="self_instruct")
TOGETHER = replace(REQUEST, slot="general+source", steps=STEPS)
CONVERSATION = replace(REQUEST, style="conversation", question_type="conversation", steps=STEPS)


def said(request: Request, text: str) -> list[tuple[Turn, ...]]:
    return [exchange.turns for exchange in exchanges(request, Reply(request.key, text))]


def turn(question: str, answer: str) -> tuple[Turn, ...]:
    return (Turn("user", question), Turn("assistant", answer))


def test_a_good_reply_becomes_question_and_answer_without_outer_blanks() -> None:
    assert said(REQUEST, '{"answer": " It is flat. \\n"}') == [turn(REQUEST.question, "It is flat.")]


def test_a_self_instruct_reply_brings_its_own_question() -> None:
    assert said(SELF_INSTRUCT, '{"question": "Is it flat?", "answer": "Yes."}') == [turn("Is it flat?", "Yes.")]


def test_questions_asked_together_become_pairs_of_their_own() -> None:
    found = exchanges(TOGETHER, Reply(TOGETHER.key, '{"answer_2": "No.", "answer_1": "A mole."}'))
    assert [(each.step, each.turns) for each in found] == [
        (STEPS[0], turn("What is this?", "A mole.")),
        (STEPS[1], turn("Is it harmful?", "No.")),
    ]


def test_a_conversation_becomes_one_exchange_of_several_turns() -> None:
    ordered = CONVERSATION.steps[0].question
    turns = [{"question": ordered, "answer": "A mole."}, {"question": "Bad?", "answer": "No."}]
    assert said(CONVERSATION, json.dumps({"turns": turns})) == [turn(ordered, "A mole.") + turn("Bad?", "No.")]


def test_a_conversation_begins_with_the_question_that_was_ordered() -> None:
    turns = [{"question": "A question that nobody asked?", "answer": "A mole."}, {"question": "Bad?", "answer": "No."}]
    with pytest.raises(BadReply, match="not the one that was ordered: 'A question that nobody asked"):
        said(CONVERSATION, json.dumps({"turns": turns}))


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"answer": "x"}\n```',
        '```\n{"answer": "x"}\n```\n',
        'Here is the answer:\n{"answer": "x"}\nI hope that it helps.',
        '\ufeff{"answer": "x"}',
    ],
)
def test_a_fence_and_words_around_the_object_are_passed_over(text: str) -> None:
    assert said(REQUEST, text) == [turn(REQUEST.question, "x")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON: the reply is empty"),
        ("It is flat.", "no JSON"),
        ('"It is flat."', "no JSON"),
        ('{"answer": "It is', "truncated JSON"),
        ('{"answer": "It is."', "truncated JSON"),
        ('{"answer"', "truncated JSON"),
        ("{", "truncated JSON"),
        ('```json\n{"answer": "It is', "truncated JSON"),
        ('{"answer": It is flat.}', "broken JSON"),
        ('{"answer": NaN}', "broken JSON"),
        ('{"answer": ' + "[" * 100_000, "broken JSON: nested too deeply"),
        ('{"answer": "x"} {"answer": "y"}', "several objects"),
        ('{"answer": "x", "answer": "y"}', "wrong members: one stands there twice"),
        ("{}", "wrong members: expected answer; got none"),
        ('{"answer": "x", "note": "y"}', "wrong members"),
        ('{"answer": ""}', "empty member"),
        ('{"answer": "  "}', "empty member"),
        ('{"answer": null}', "empty member"),
        ('{"answer": ["x"]}', "empty member"),
        ('{"answer": "half \\ud83d"}', "broken text"),
        (json.dumps({"answer": "A word " + "a" * 201}), "broken text: answer holds a word without end"),
    ],
)
def test_a_bad_reply_is_named_and_never_half_a_pair(text: str, reason: str) -> None:
    with pytest.raises(BadReply, match=reason):
        said(REQUEST, text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"answer_1": "A mole."}', "wrong members: expected answer_1, answer_2"),
        ('{"answer_1": "A mole.", "answer_2": ""}', "empty member: answer_2"),
        ('{"answer": "A mole."}', "wrong members"),
    ],
)
def test_of_questions_asked_together_all_are_answered_or_none(text: str, reason: str) -> None:
    with pytest.raises(BadReply, match=reason):
        said(TOGETHER, text)


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([], "wrong turns: expected 2, got 0"),
        ([{"question": "What?", "answer": "A mole."}], "wrong turns: expected 2, got 1"),
        ("What?", "wrong turns: expected 2, got no list of"),
        (["What?", "Bad?"], "wrong turns: one is not an object"),
        (
            [{"question": "What?", "answer": "A mole."}, {"question": "Bad?"}],
            "wrong members: expected question, answer",
        ),
        ([{"question": "What?", "answer": "A mole."}, {"question": "Bad?", "answer": " "}], "empty member: answer"),
    ],
)
def test_a_conversation_lacks_no_turn_and_no_part_of_one(turns: object, reason: str) -> None:
    with pytest.raises(BadReply, match=reason):
        said(CONVERSATION, json.dumps({"turns": turns}))


def test_a_self_instruct_reply_without_a_question_is_refused() -> None:
    with pytest.raises(BadReply, match="expected question, answer"):
        said(SELF_INSTRUCT, json.dumps({"answer": "Yes."}))


def test_a_failed_reply_passes_its_reason_on() -> None:
    with pytest.raises(BadReply, match="blocked: SAFETY"):
        exchanges(REQUEST, Reply(REQUEST.key, None, "blocked: SAFETY"))


@pytest.mark.parametrize("request_", [REQUEST, SELF_INSTRUCT, TOGETHER, CONVERSATION])
def test_a_schema_asks_for_just_what_the_parser_takes(request_: Request) -> None:
    asked = json.loads(schema(request_.style, len(request_.steps)))
    said_first = (replace(request_.steps[0], question="words"), *request_.steps[1:]) if request_.steps else ()
    exchanges(replace(request_, steps=said_first), Reply(request_.key, json.dumps(invented(asked))))


def invented(asked: dict[str, object]) -> object:
    """A value after a schema, as a model with structured output gives it."""
    if asked["type"] == "string":
        return "words"
    if asked["type"] == "array":
        assert asked["minItems"] == asked["maxItems"]
        return [invented(asked["items"])] * asked["minItems"]  # type: ignore[arg-type,operator]  # of our own schemas
    assert asked["additionalProperties"] is False
    assert asked["required"] == list(asked["properties"])  # type: ignore[call-overload]  # an object's schema
    return {name: invented(member) for name, member in asked["properties"].items()}  # type: ignore[attr-defined]


def test_the_key_of_a_request_can_be_made_anew_from_its_fields() -> None:
    given = {field.name: getattr(TOGETHER, field.name) for field in fields(Request) if field.init}
    assert Request(**given).key == TOGETHER.key
