"""Any JSON at all, at every level of an answer, an error, a job, a row or a ledger line, becomes an outcome."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermasynth_builder.core.records import Reply
from dermasynth_builder.generate.engines.batch.google import remote_job
from dermasynth_builder.generate.engines.batch.shards import outcome_of_row, read_results
from dermasynth_builder.generate.engines.gemini import read_gemini
from dermasynth_builder.generate.engines.online.attempt import Outcome, Status
from dermasynth_builder.generate.engines.online.refusals import outcome_of_error
from dermasynth_builder.generate.engines.openai import read_chat
from dermasynth_builder.generate.ledger import Ledger, read_record, record_of, reply_of
from dermasynth_builder.generate.ledger_tools import sent_on_day, summarise, usages
from tests.support.foreign_json import ANY, spoiled
from tests.support.recited import answer, request

EXAMPLES = 1500
GOOD_TEXT = '{"answer": "A raised plaque."}'
GEMINI = {
    "candidates": [
        {"content": {"parts": [{"text": "hm", "thought": True}, {"text": GOOD_TEXT}]}, "finishReason": "STOP"}
    ],
    "promptFeedback": {"blockReason": ""},
    "usageMetadata": {
        "promptTokenCount": 9,
        "totalTokenCount": 12,
        "promptTokensDetails": [{"modality": "IMAGE", "tokenCount": 8}],
        "trafficType": "ON_DEMAND",
    },
    "modelVersion": "m-1",
}
CHAT = {
    "model": "m-1",
    "choices": [
        {"message": {"content": [{"type": "text", "text": GOOD_TEXT}], "refusal": None}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 9, "total_tokens": 12, "completion_tokens_details": {"reasoning_tokens": 1}},
}
VIOLATION = {"quotaId": "GenerateRequestsPerMinute", "quotaMetric": "requests"}
ERROR = {
    "error": {
        "code": 429,
        "status": "RESOURCE_EXHAUSTED",
        "message": "Too many. Please retry in 5s.",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [VIOLATION]},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"},
        ],
        "metadata": {"raw": '{"error": {"message": "inside"}}'},
    },
    "detail": [{"loc": ["body", 0], "msg": "field required"}],
}
ROW = {"key": "k", "response": GEMINI}
JOB = {
    "name": "batches/b1",
    "done": True,
    "metadata": {
        "displayName": "run/1/1",
        "state": "BATCH_STATE_SUCCEEDED",
        "createTime": "2026-11-25T10:00:00Z",
        "output": {"responsesFile": "files/x"},
    },
}
LINE = json.loads(json.dumps(record_of(Reply("ab" * 32, GOOD_TEXT, usage={"total_tokens": 3}, cost_usd=0.5))))


WAITS = st.text(max_size=9) | st.integers(0, 10**30).map(str) | st.sampled_from(["9" * 5000, "1e9", "86400", "nan"])


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


def require_sound(outcome: Outcome) -> None:
    """What the scheduler, the ledger and the terminal rest on."""
    assert isinstance(outcome.status, Status)
    assert outcome.reason.isprintable()
    assert len(outcome.reason) < 1500
    assert outcome.text is not None or outcome.status is not Status.ANSWERED
    assert bool(outcome.reason) == (outcome.status is not Status.ANSWERED)
    assert 0 <= outcome.wait_s <= 86_400
    assert all(isinstance(count, int) and 0 <= count < 2**53 for count in outcome.usage.values())
    assert isinstance(outcome.model_version, str | None)
    assert isinstance(outcome.thoughts, str | None)


def is_gemini(value: Any) -> bool:
    """Whether a text is where Gemini puts one, and nothing else stands there."""
    try:
        candidate = value["candidates"][0]
        parts = candidate.get("content", {}).get("parts", [])
        is_finished = candidate.get("finishReason") in (None, "", "STOP", "CONTINUATION", "FINISH_REASON_UNSPECIFIED")
        return is_finished and isinstance(parts, list) and all(isinstance(part.get("text", ""), str) for part in parts)
    except (LookupError, TypeError, AttributeError):
        return False


def is_chat(value: Any) -> bool:
    """As `is_gemini`, for chat completions."""
    try:
        choice = value["choices"][0]
        message = choice["message"]
        content = message.get("content")
        is_finished = str(choice.get("finish_reason") or "stop") in ("stop", "eos", "end_turn", "completed")
        parts = content if isinstance(content, list) else []
        is_text = isinstance(content, str | list | None)
        return is_finished and is_text and all(isinstance(part["type"], str) for part in parts)
    except (LookupError, TypeError, AttributeError):
        return False


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None)
@given(ANY | spoiled(GEMINI))
def test_gemini_never_raises_and_takes_no_bad_shape_for_an_answer(value: Any) -> None:
    outcome = read_gemini(body(value))
    require_sound(outcome)
    assert outcome.status is not Status.ANSWERED or is_gemini(value)
    assert outcome.status is not Status.BLOCKED or outcome.reason.startswith("blocked: ")


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None)
@given(ANY | spoiled(CHAT))
def test_a_chat_never_raises_and_no_bad_shape_is_taken_for_an_answer(value: Any) -> None:
    outcome = read_chat(body(value))
    require_sound(outcome)
    assert outcome.status is not Status.ANSWERED or is_chat(value)


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 999), ANY | spoiled(ERROR), st.dictionaries(st.just("Retry-After"), WAITS))
def test_an_error_never_raises_and_is_never_an_answer(status: int, value: Any, headers: dict[str, str]) -> None:
    outcome = outcome_of_error(status, headers, body(value))
    require_sound(outcome)
    assert outcome.status is not Status.ANSWERED
    if status >= 500:
        assert outcome.status is Status.SERVER_ERROR
        assert outcome.wait_s <= 600
    if outcome.status in (Status.REFUSED, Status.BLOCKED):
        assert 400 <= status < 500


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None)
@given(ANY | spoiled(ROW))
def test_a_row_of_results_never_raises(value: Any) -> None:
    row = outcome_of_row(value if isinstance(value, dict) else {})
    if row:
        require_sound(row)
        assert row.status is not Status.ANSWERED or is_gemini(value["response"])
    from io import BytesIO

    for key, outcome in read_results(BytesIO(body(value) + b"\n" + body(ROW))):
        assert isinstance(key, str)
        assert outcome is None or outcome.reason or outcome.text is not None


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None)
@given(ANY | spoiled(JOB))
def test_a_job_never_raises_and_has_a_name_and_texts(value: Any) -> None:
    job = remote_job(value)
    if job:
        assert job.name.startswith("batches/")
        assert all(isinstance(each, str) for each in (job.state, job.display_name, job.created_at, job.ended_at))
        assert job.results is None or job.results
        assert not job.has_succeeded or job.has_ended


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None)
@given(ANY | spoiled(LINE))
def test_a_ledger_line_is_a_whole_reply_or_none(value: Any) -> None:
    record = read_record(body(value) + b"\n")
    if record and "ledger" not in record:
        reply = reply_of(record)
        assert (reply.text is None) != (reply.failure is None)
        assert (reply.key, reply.text) == (value["key"], value["text"])
        read_again = read_record(body(record_of(reply)) + b"\n")
        assert read_again == json.loads(body(record_of(reply)))
        assert reply_of(read_again or {}) == reply


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(ANY | spoiled(LINE) | spoiled({"ledger": 1, "identity": {"engine": "e"}}), max_size=4))
def test_a_ledger_with_any_lines_is_read_and_its_good_reply_is_kept(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any]
) -> None:
    path = tmp_path_factory.mktemp("ledger") / "e.jsonl"
    good = json.dumps(record_of(answer(request(0).key)), default=list).encode() + b"\n"
    lines = [body(value) + b"\n" for value in values if not (isinstance(value, dict) and "ledger" in value)]
    path.write_bytes(b'{"ledger":1,"identity":{"engine":"e"}}\n' + b"".join(lines) + good)
    ledger = Ledger(path, {"engine": "e"}, lambda _: None)
    assert list(ledger.answered([request(0)])) == [(request(0), answer(request(0).key))]
    summary = summarise(path)
    assert summary.answered >= 1
    assert list(usages(path)) is not None
    assert sent_on_day(path.parent, "a-model", "2026-11-25T00:00:00+00:00") >= 0


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_become_an_outcome(content: bytes) -> None:
    for outcome in (read_gemini(content), read_chat(content), outcome_of_error(502, {}, content)):
        require_sound(outcome)
    read_record(content)


DEEP = [b"[" * 200_000, b'{"error":' * 100_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000, b"9" * 10_000, b"NaN"]


@pytest.mark.parametrize("content", DEEP, ids=lambda content: f"{content[:9].decode()}...")
def test_nesting_beyond_reason_is_a_failure_of_the_service(content: bytes) -> None:
    for outcome in (read_gemini(content), read_chat(content), outcome_of_error(500, {}, content)):
        require_sound(outcome)
        assert outcome.status is Status.SERVER_ERROR
    assert read_record(content + b"\n") is None


def test_secrets_that_a_service_echoes_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "a-key-that-nobody-may-see")
    told = [
        "a-key-that-nobody-may-see is not valid",
        "GET https://host/v1?key=abcdefgh123&alt=sse",
        "Authorization: Bearer abc.def.ghi-123456",
        "http://user:passw0rd@proxy:3128 refused",
        "AIza" + "x" * 35,
        "key sk-proj-" + "y" * 30,
    ]
    for text in told:
        outcome = outcome_of_error(400, {}, body({"error": {"message": text}}))
        assert "***" in outcome.reason
        for secret in ("a-key-that", "abcdefgh123", "abc.def.ghi", "passw0rd", "AIzaxxx", "sk-proj"):
            assert secret not in outcome.reason
