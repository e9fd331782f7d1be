# ruff: noqa: E501 - a kind a line, as a table
"""Kinds of answers that services give, in the forms of both wire formats, and a run that meets them in no time."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import EngineRun
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.generate.engines.gemini import GeminiService
from dermasynth_builder.generate.engines.online.attempt import Attempt, Outcome, Service, Status
from dermasynth_builder.generate.engines.online.scheduler import Scheduler
from dermasynth_builder.generate.engines.openai import OpenAIService
from tests.generate.engines.test_scheduler import Rehearsed

TEXT = '{"answer": "A raised, brown plaque."}'
SERVICES: Mapping[str, Service] = {
    "gemini": GeminiService(EngineOptions(model="m")),
    "openai": OpenAIService(EngineOptions(model="m")),
}


@dataclass(frozen=True)
class Kind:
    """One kind of answer."""

    name: str
    status: int  # 0: the connection breaks
    gemini: Any
    openai: Any


def candidate(parts: Any, finish: Any = "STOP") -> dict[str, Any]:
    usage = {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120}
    return {"candidates": [{"content": {"parts": parts}, "finishReason": finish}], "usageMetadata": usage}


def choice(message: Any, finish: Any = "stop", completion: int = 20) -> dict[str, Any]:
    usage = {"prompt_tokens": 100, "completion_tokens": completion, "total_tokens": 100 + completion}
    return {"model": "m", "choices": [{"message": message, "finish_reason": finish}], "usage": usage}


def said(text: Any) -> dict[str, Any]:
    return choice({"role": "assistant", "content": text})


GOOD = Kind("an answer", 200, candidate([{"text": TEXT}]), said(TEXT))


def google(code: int, status: str, message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "status": status, "message": message, **more}}


def chat_error(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


_PLAN = "You exceeded your current quota, please check your plan and billing details."
_DAY = {"@type": "x/google.rpc.QuotaFailure", "violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}]}
_NULL = {"@type": "x/google.rpc.QuotaFailure", "violations": None}
_NO_KEY = {"@type": "x/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}

KINDS = (
    GOOD,
    Kind("thought apart", 200, candidate([{"text": "{hm}", "thought": True}, {"text": TEXT}]),
         choice({"content": TEXT, "reasoning_content": "{hm}"})),
    Kind("thought in think tags with braces and fences", 200, candidate([{"text": f"<think>{{a}} ```x``` </think>{TEXT}"}]),
         said(f"<think>{{a}} ```json\n{{}}\n``` </think>\n{TEXT}")),
    Kind("a lone closing tag", 200, candidate([{"text": f"I {{think}} </think>{TEXT}"}]), said(f"I {{think}} </think>{TEXT}")),
    Kind("content in parts, one of them thinking", 200, candidate([{"text": TEXT[:9]}, {"text": TEXT[9:]}]),
         said([{"type": "thinking", "thinking": "{hm}"}, {"type": "text", "text": TEXT}])),
    Kind("raw newlines in a text", 200, candidate([{"text": '{"answer": "a\nb"}'}]), said('{"answer": "a\nb"}')),
    Kind("nothing but thought", 200, candidate([{"text": TEXT, "thought": True}]),
         choice({"content": None, "reasoning_content": TEXT})),
    Kind("an empty text", 200, candidate([{"text": ""}]), said("")),
    Kind("text is null", 200, candidate([{"text": None}]), said(None)),
    Kind("text is a number", 200, candidate([{"text": 5}]), said(5)),
    Kind("broken JSON in the text", 200, candidate([{"text": TEXT[:-1]}]), said(TEXT[:-1])),
    Kind("cut off at the limit", 200, candidate([{"text": TEXT[:9]}], "MAX_TOKENS"), choice({"content": "x"}, "length", 4096)),
    Kind("cut off where the context is full", 200, candidate([{"text": TEXT[:9]}], "MAX_TOKENS"),
         choice({"content": "x"}, "length", 900)),
    Kind("blocked answer", 200, candidate([], "SAFETY"), choice({"content": ""}, "content_filter")),
    Kind("blocked prompt or refusal", 200, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}},
         choice({"content": None, "refusal": "I cannot look at this."})),
    Kind("unknown finish reason", 200, candidate([{"text": TEXT}], "ALIENS"), choice({"content": TEXT}, "aliens")),
    Kind("finish reason is a list", 200, candidate([{"text": TEXT}], ["STOP"]), choice({"content": TEXT}, ["stop"])),
    Kind("{}", 200, {}, {}),
    Kind("null", 200, None, None),
    Kind("a candidate that is no object", 200, {"candidates": ["x"]}, {"choices": ["x"]}),
    Kind("usage is a list", 200, candidate([{"text": TEXT}]) | {"usageMetadata": [1]}, said(TEXT) | {"usage": "many"}),
    Kind("200 with an error", 200, google(500, "INTERNAL", "upstream broke"), chat_error("upstream broke", code=502)),
    Kind("200 with a refusal of the row", 200, google(400, "INVALID_ARGUMENT", "odd"), chat_error("odd", code=400)),
    Kind("200, no JSON", 200, b"<html>a page</html>", b"<html>a page</html>"),
    Kind("200, cut in the middle", 200, b'{"candidates": [{"con', b'{"choices": [{"mes'),
    Kind("200, nested 100,000 deep", 200, b"[" * 100_000, b"[" * 100_000),
    Kind("connection breaks", 0, None, None),
    Kind("500", 500, google(500, "INTERNAL", "An internal error has occurred."), chat_error("internal")),
    Kind("502, a page", 502, b"<html><title>502 Bad Gateway</title></html>", b"<html><title>502 Bad Gateway</title></html>"),
    Kind("503 overloaded", 503, google(503, "UNAVAILABLE", "The model is overloaded."), {"detail": "no worker is up"}),
    Kind("529, nested error", 529, b'{"error":' * 50_000, b'{"error":' * 50_000),
    Kind("429 minute", 429, google(429, "RESOURCE_EXHAUSTED", f"{_PLAN} Please retry in 2s."), chat_error("slow down")),
    Kind("429, violations: null", 429, google(429, "RESOURCE_EXHAUSTED", "many", details=[_NULL]), chat_error("many", code=None)),
    Kind("429 day", 429, google(429, "RESOURCE_EXHAUSTED", _PLAN, details=[_DAY]), chat_error("daily", code="day_limit")),
    Kind("429 no credit", 429, google(429, "RESOURCE_EXHAUSTED", "insufficient credits: not enough credits"),
         chat_error(_PLAN, code="insufficient_quota")),
    Kind("402", 402, google(402, "PAYMENT_REQUIRED", "Payment required"), chat_error("Insufficient credits", code=402)),
    Kind("400 enable billing", 400, google(400, "FAILED_PRECONDITION", "Please enable billing on your project."),
         chat_error("Your account has no billing address: enable billing")),
    Kind("400 key not valid", 400, google(400, "INVALID_ARGUMENT", "API key not valid.", details=[_NO_KEY]),
         chat_error("Incorrect API key provided", code="invalid_api_key")),
    Kind("401", 401, google(401, "UNAUTHENTICATED", "no login"), {"message": "unauthorised", "object": "error"}),
    Kind("403 key revoked", 403, google(403, "PERMISSION_DENIED", "Your API key was reported as leaked."),
         {"detail": "key disabled"}),
    Kind("403 moderation", 403, google(403, "BLOCKED", "input was flagged as PROHIBITED_CONTENT"),
         chat_error("requires moderation and your input was flagged", metadata={"raw": '{"reason": "sexual"}'})),
    Kind("404 unknown model", 404, google(404, "NOT_FOUND", "models/m is not found"), chat_error("The model `m` does not exist")),
    Kind("400 unknown model", 400, google(400, "INVALID_ARGUMENT", "unknown model m"),
         chat_error("model m not found", code="model_not_found")),
    Kind("302", 302, b"moved", b"moved"),
    Kind("400 odd image", 400, google(400, "INVALID_ARGUMENT", "Unable to process input image."),
         {"object": "error", "message": "cannot decode image", "code": 400}),
    Kind("422, FastAPI", 422, google(422, "INVALID_ARGUMENT", "bad member"),
         {"detail": [{"loc": ["body", "messages"], "msg": "field required"}]}),
    Kind("400, reason in metadata.raw", 400, google(400, "INVALID_ARGUMENT", "Provider returned error"),
         chat_error("Provider returned error", metadata={"raw": '{"error":{"message":"image too large"}}'})),
    Kind("413, a plain text", 413, b"request entity too large", b"request entity too large"),
    Kind("400 content filter", 400, google(400, "INVALID_ARGUMENT", "blocked: PROHIBITED_CONTENT"),
         chat_error("filtered by the content management policy", code="content_filter")),
)  # fmt: skip


def outcome_of(kind: Kind, wire: str) -> Outcome:
    """What an attempt comes to that is answered so."""
    if kind.status == 0:
        return Outcome(Status.SERVER_ERROR, reason="connection: ServerDisconnectedError Server disconnected")
    content = getattr(kind, wire)
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return SERVICES[wire].read(body) if kind.status == 200 else SERVICES[wire].read_error(kind.status, {}, body)


@dataclass
class Answered:
    """An engine whose service answers some requests so, and all others well; its clock takes no time."""

    kind: Kind
    wire: str
    struck: frozenset[str]  # keys
    attempts: int = 0  # at those
    sent: int = 0
    name: str = "answered"
    is_model: bool = True
    concurrency: int = 4

    def __post_init__(self) -> None:
        self.identity: Mapping[str, str | int | float | None] = {"engine": self.name}

    def answer(self, requests: Iterable[Request], _: EngineRun) -> Iterator[Reply]:
        """See `Engine.answer`."""
        service = Rehearsed(self._say)
        options = EngineOptions(model="m", concurrency=self.concurrency)
        yield from Scheduler(service, options, service.clock, price=lambda *_: 0.01).run(requests)

    def _say(self, attempt: Attempt, _: float) -> Outcome:
        self.sent += 1
        if attempt.request.key not in self.struck:
            return outcome_of(GOOD, self.wire)
        self.attempts += 1
        return replace(outcome_of(self.kind, self.wire))
