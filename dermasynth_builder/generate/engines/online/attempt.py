"""Attempts at a request: how one is written for a service, what came of it, and the reply that all of them make."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Protocol

from dermasynth_builder.core.images.renditions import SentImage
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import Price
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.plan import reply_form

_SHOWN_LETTERS = 300  # of a service's own message


class Status(Enum):
    """What an attempt came to, as far as the scheduler has to know."""

    ANSWERED = auto()  # a text, still to be held against its schema
    TRUNCATED = auto()  # the answer ran into the limit of output tokens
    BLOCKED = auto()  # no answer to this request, whoever asks again
    RATE_LIMITED = auto()  # too many for this minute: everyone waits
    SPEND_LIMIT = auto()  # too dear for these minutes: everyone slows down
    DAY_QUOTA = auto()  # the quota of the day is used up
    SERVER_ERROR = auto()  # the service or the way to it failed; worth another attempt
    REFUSED = auto()  # the request is wrong in the service's eyes: this one, or all
    FATAL = auto()  # no request will be answered


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt, read."""

    status: Status
    text: str | None = None  # what came, an answer or not
    reason: str = ""  # "kind: reason", where there is no text
    wait_s: float = 0.0  # as the service asks
    usage: Mapping[str, int] = field(default_factory=dict)  # billed for this attempt
    model_version: str | None = None
    finish_reason: str | None = None


def outcome_of_error(status: int, headers: Mapping[str, str], body: bytes) -> Outcome:
    """What a response with an error status means.

    Google's details are read where they are there: the quota's id parts the minute from the day, and the wait is the
    longest of RetryInfo, "retry in 5s" and Retry-After. A daily quota carries a short retryDelay too; it means nothing.
    """
    error = _error_of(body)
    message = str(error.get("message", ""))
    reason = f"{status} {error.get('status') or error.get('code') or ''}".strip()
    told = f"{reason}: {message[:_SHOWN_LETTERS]}" if message else reason
    wait_s = _wait_s(error, headers)
    if status == 429:
        return Outcome(_kind_of_quota(error, message), reason=f"quota: {told}", wait_s=wait_s)
    if status >= 500 or status == 408:
        return Outcome(Status.SERVER_ERROR, reason=f"server: {told}", wait_s=wait_s)
    if status in (401, 403) or "API_KEY_INVALID" in str(error.get("details", "")):
        return Outcome(Status.FATAL, reason=f"{told}; check the key or login and what it may do")
    if status == 404:
        return Outcome(Status.FATAL, reason=f"{told}; check --model and --base-url")
    return Outcome(Status.REFUSED, reason=f"refused: {told}")


def _error_of(body: bytes) -> Mapping[str, Any]:
    """The error object of a JSON body; empty for HTML and the like."""
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    error = content.get("error") if isinstance(content, dict) else None
    if isinstance(error, dict):
        return error
    return {"message": error} if isinstance(error, str) else {}


def _details(error: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    """The details of one of Google's types, by the end of its name."""
    details = error.get("details")
    listed = details if isinstance(details, list) else []
    return [each for each in listed if isinstance(each, dict) and str(each.get("@type", "")).endswith(kind)]


def _kind_of_quota(error: Mapping[str, Any], message: str) -> Status:
    violations = [each for detail in _details(error, "QuotaFailure") for each in detail.get("violations", ())]
    told = " ".join(f"{each.get('quotaId', '')} {each.get('quotaMetric', '')}" for each in violations)
    if "PerDay" in told:
        return Status.DAY_QUOTA
    if "spend" in f"{told} {message}".lower():
        return Status.SPEND_LIMIT
    return Status.FATAL if error.get("code") == "insufficient_quota" else Status.RATE_LIMITED


def _wait_s(error: Mapping[str, Any], headers: Mapping[str, str]) -> float:
    texts = [str(detail.get("retryDelay", "")) for detail in _details(error, "RetryInfo")]
    texts += re.findall(r"retry in ([\d.]+)", str(error.get("message", "")))
    texts += [headers.get("Retry-After", "")]  # a date, its other form, is passed over
    return max((_seconds(text) for text in texts), default=0.0)


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\.?s?", text.strip())
    return float(found[1]) if found else 0.0


Identity = Mapping[str, str | int | float | None]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to be made."""

    number: int  # of the attempt, in its run
    request: Request
    max_output_tokens: int


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """An attempt that was made."""

    attempt: Attempt
    outcome: Outcome
    sent_at: str  # UTC, ISO 8601
    answered_at: str
    took_s: float


class Access(Protocol):
    """Where a service is and how it knows us. Made when a run starts; the secret is in no repr."""

    url: str

    async def headers(self) -> Mapping[str, str] | Outcome:
        """Of the next attempt; the outcome where none can be made."""


class Service(Protocol):
    """One wire format."""

    @property
    def name(self) -> str:
        """The engine's name."""

    @property
    def identity(self) -> Identity:
        """See `protocols.Engine.identity`."""

    @property
    def options(self) -> EngineOptions:
        """Model and defaults filled in."""

    def access(self) -> Access:
        """How to reach it. Raises EngineError where no key is to be had."""

    def body(self, request: Request, image: SentImage | None, max_output_tokens: int) -> bytes:
        """The request as it goes over the wire."""

    def read(self, content: bytes) -> Outcome:
        """What a response with status 200 says."""


TRIES = 5  # at a service that fails
_REPAIRS = 2  # of an answer that breaks its schema or was cut off


@dataclass(slots=True)
class Attempts:
    """The attempts at one request until it is settled."""

    number: int  # in the order of being pulled
    request: Request
    max_output_tokens: int
    started: float  # when it was pulled, by the scheduler's clock
    attempts: int = 0
    breaks: int = 0  # attempts at which the service failed
    repairs: int = 0  # answers that were asked for again
    carried_s: float = 0.0
    sent_at: str = ""
    usage: Counter[str] = field(default_factory=Counter)
    cost_usd: float | None = None
    set_aside: tuple[float, float] = (0.0, 0.0)  # tokens and dollars of the attempt that is under way

    def account(self, back: AttemptResult, model: str, price: Price) -> float:
        """Takes down an attempt that is back; gives what it cost, as far as is known."""
        self.carried_s += back.took_s
        self.sent_at = self.sent_at or back.sent_at
        usage = back.outcome.usage
        self.usage.update(usage)
        cost_usd = price(model, usage) if usage else None
        if cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + cost_usd
        return cost_usd or 0.0

    def fault(self, back: AttemptResult) -> str | None:
        """Why the attempt gave no good answer, "kind: reason"; None where it did."""
        if back.outcome.status is not Status.ANSWERED:
            return back.outcome.reason
        try:
            reply_form.exchanges(self.request, Reply(self.request.key, back.outcome.text))
        except reply_form.BadReply as bad:
            return str(bad)
        return None

    def goes_again(self, status: Status, fault: str | None) -> bool:
        """Whether another attempt is worth it, which is then taken down as made."""
        if status is Status.SERVER_ERROR and self.breaks + 1 < TRIES:
            self.breaks += 1
            return True
        if fault and status in (Status.TRUNCATED, Status.ANSWERED) and self.repairs < _REPAIRS:
            self.repairs += 1
            self.max_output_tokens *= 2 if status is Status.TRUNCATED else 1
            return True
        return False

    def reply(self, back: AttemptResult, fault: str | None, *, model: str, now: float) -> Reply:
        """The reply with all that is known of its making."""
        outcome = back.outcome
        is_several = fault and self.attempts > 1
        return Reply(
            self.request.key,
            None if fault else outcome.text,
            f"{fault} ({self.attempts} attempts)" if is_several else fault,
            model=model,
            model_version=outcome.model_version,
            usage=dict(self.usage),
            answered_at=back.answered_at,
            sent_at=self.sent_at,
            waited_s=round(max(0.0, now - self.started - self.carried_s), 3),
            attempts=self.attempts,
            finish_reason=outcome.finish_reason,
            cost_usd=self.cost_usd,
            parameters={"max_output_tokens": self.max_output_tokens},
            failed_text=(outcome.text or None) if fault else None,
        )
