"""What comes back from an engine becomes turns, or a named failure."""

import json

import pytest
from test_records import REQUEST

from dermasynth_builder.records import Reply, Request, Turn
from dermasynth_builder.replies import BadReply, turns

SELF_INSTRUCT = Request(
    **{name: getattr(REQUEST, name) for name in Request.__slots__ if name not in ("key", "style")},
    style="self_instruct",
)


def test_a_good_reply_becomes_question_and_answer_without_outer_blanks() -> None:
    reply = Reply(REQUEST.key, '{"answer": " It is flat. \\n"}')
    assert turns(REQUEST, reply) == (Turn("user", REQUEST.question), Turn("assistant", "It is flat."))


def test_a_self_instruct_reply_brings_its_own_question() -> None:
    reply = Reply(REQUEST.key, '{"question": "Is it flat?", "answer": "Yes."}')
    assert turns(SELF_INSTRUCT, reply) == (Turn("user", "Is it flat?"), Turn("assistant", "Yes."))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "broken JSON"),
        ('{"answer": "It is', "broken JSON"),
        ('```json\n{"answer": "x"}\n```', "broken JSON"),
        ('"It is flat."', "wrong members: expected answer"),
        ("{}", "wrong members"),
        ('{"answer": "x", "note": "y"}', "wrong members"),
        ('{"answer": ""}', "empty member"),
        ('{"answer": "  "}', "empty member"),
        ('{"answer": null}', "empty member"),
        ('{"answer": ["x"]}', "empty member"),
        ('{"answer": "half \\ud83d"}', "broken text"),
    ],
)
def test_a_bad_reply_is_named_and_never_half_a_pair(text: str, said: str) -> None:
    with pytest.raises(BadReply, match=said):
        turns(REQUEST, Reply(REQUEST.key, text))


def test_a_self_instruct_reply_without_a_question_is_refused() -> None:
    with pytest.raises(BadReply, match="expected question, answer"):
        turns(SELF_INSTRUCT, Reply(REQUEST.key, json.dumps({"answer": "Yes."})))


def test_a_failed_reply_passes_its_reason_on() -> None:
    with pytest.raises(BadReply, match="blocked: SAFETY"):
        turns(REQUEST, Reply(REQUEST.key, None, "blocked: SAFETY"))
