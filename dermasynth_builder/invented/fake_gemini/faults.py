"""What can go wrong with a service, in the forms in which Gemini has it.

Whether a fault strikes depends on the seed, the request and, for those that pass, on how often it was asked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.records import share_of
from dermasynth_builder.invented.fake_gemini.answers import FakeRequest, blocked_response, response_of

_QUOTA_METRIC = "generativelanguage.googleapis.com/generate_content_requests"
_GOOGLE = "type.googleapis.com/google.rpc"


@dataclass(frozen=True, slots=True)
class FakeAnswer:
    """One response."""

    status: int = 200
    content: Mapping[str, Any] | str = field(default_factory=dict)  # JSON, or a text that is none
    headers: Mapping[str, str] = field(default_factory=dict)
    is_dropped: bool = False  # the connection is closed instead
    delay_s: float = 0.0


Answering = Callable[[FakeRequest, str, str], FakeAnswer]  # request, the good answer's text, model version


def error_answer(status: int, name: str, message: str, *, details: Sequence[Mapping[str, Any]] = ()) -> FakeAnswer:
    """An error as Google writes it."""
    error: dict[str, Any] = {"code": status, "message": message, "status": name}
    return FakeAnswer(status, {"error": error | ({"details": list(details)} if details else {})})


def quota_answer(quota_id: str, retry_s: float) -> FakeAnswer:
    """A 429 with the quota's id and RetryInfo."""
    violation = {"quotaMetric": _QUOTA_METRIC, "quotaId": quota_id, "quotaValue": "1"}
    details: list[Mapping[str, Any]] = [
        {"@type": f"{_GOOGLE}.QuotaFailure", "violations": [violation]},
        {"@type": f"{_GOOGLE}.RetryInfo", "retryDelay": f"{retry_s:g}s"},
    ]
    message = f"You exceeded your current quota. Please retry in {retry_s:g}s."
    return error_answer(429, "RESOURCE_EXHAUSTED", message, details=details)


def minute_quota(retry_s: float) -> FakeAnswer:
    """Too many requests for this minute."""
    return quota_answer("GenerateRequestsPerMinutePerProjectPerModel", retry_s)


def day_quota() -> FakeAnswer:
    """Too many for today; the short retryDelay that comes with it means nothing."""
    return quota_answer("GenerateRequestsPerDayPerProjectPerModel-FreeTier", 5)


def _spend(_: FakeRequest, __: str, ___: str) -> FakeAnswer:
    return error_answer(429, "RESOURCE_EXHAUSTED", "Your project has exceeded its spend limit. Please retry in 1s.")


def _json_with(text: Callable[[str], str], finish_reason: str = "STOP") -> Answering:
    """An answer whose text is not what the schema asks for."""

    def answer(request: FakeRequest, good: str, version: str) -> FakeAnswer:
        return FakeAnswer(content=response_of(request, text(good), model_version=version, finish_reason=finish_reason))

    return answer


PASSING: Mapping[str, Answering] = {
    "rate": lambda *_: minute_quota(0.2),
    "retry-after": lambda *_: FakeAnswer(429, "slow down", {"Retry-After": "1"}),
    "spend": _spend,
    "server": lambda *_: error_answer(500, "INTERNAL", "An internal error has occurred."),
    "overload": lambda *_: error_answer(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "html": lambda *_: FakeAnswer(502, "<html><title>502 Bad Gateway</title></html>"),
    "drop": lambda *_: FakeAnswer(is_dropped=True),
    "cut": _json_with(lambda good: good[: len(good) // 2], "MAX_TOKENS"),
    "broken": _json_with(lambda good: good[:-1]),
    "fenced": _json_with(lambda good: f"```json\n{good}\n```"),
    "slow": lambda request, good, version: FakeAnswer(
        content=response_of(request, good, model_version=version), delay_s=2.0
    ),
}
"""What another attempt may come through, by kind."""

LASTING: Mapping[str, Answering] = {
    "safety": _json_with(lambda _: "", "SAFETY"),
    "recitation": _json_with(lambda _: "", "RECITATION"),
    "prompt": lambda request, _, version: FakeAnswer(content=blocked_response(request, model_version=version)),
    "always-cut": PASSING["cut"],
    "always-broken": PASSING["broken"],
    "always-server": PASSING["server"],
    "version": lambda request, good, version: FakeAnswer(
        content=response_of(request, good, model_version=f"{version}-changed")
    ),
}
"""What comes at every attempt at the same request, by kind."""

ENDINGS: Mapping[str, str] = {"job-expired": "EXPIRED", "job-failed": "FAILED", "job-cancelled": "CANCELLED"}
"""The state in which a batch job ends that has none of its rows answered, by kind."""


def fault_of(request: FakeRequest, asked: int, shares: Mapping[str, float], *, seed: int) -> Answering | None:
    """What goes wrong with a request that is asked for the `asked`-th time; None where nothing does."""
    for kind, share in shares.items():
        if kind in ENDINGS:
            continue
        identity = (seed, kind, request.digest) if kind in LASTING else (seed, kind, request.digest, asked)
        if share_of(*identity) < share:
            return LASTING.get(kind) or PASSING[kind]
    return None


def ending_of(job: str, shares: Mapping[str, float], *, seed: int) -> str:
    """The state in which the batch job of that name ends; a job that is made in its place has its own luck."""
    struck = (state for kind, state in ENDINGS.items() if share_of(seed, kind, job) < shares.get(kind, 0.0))
    return next(struck, "SUCCEEDED")


def shares_of(words: Sequence[str]) -> dict[str, float]:
    """Faults as on the command line: "safety=0.01". Raises UsageError."""
    shares: dict[str, float] = {}
    for word in words:
        kind, _, share = word.partition("=")
        try:
            shares[kind] = float(share)
        except ValueError:
            raise UsageError(f"--fault {word}: write KIND=SHARE, as safety=0.01") from None
        if kind not in PASSING.keys() | LASTING.keys() | ENDINGS.keys():
            raise UsageError(f"--fault {word}: no such kind; choose from: {', '.join([*PASSING, *LASTING, *ENDINGS])}")
    return shares
