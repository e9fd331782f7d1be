"""What one attempt at a request came to, and how a service's refusals are told apart."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

_SHOWN_LETTERS = 300  # of a service's own message


class Came(Enum):
    """What an attempt came to, as far as the scheduler has to know."""

    ANSWERED = auto()  # a text, still to be held against its schema
    CUT = auto()  # the answer ran into the limit of output tokens
    BLOCKED = auto()  # no answer to this request, whoever asks again
    RATE = auto()  # too many for this minute: everyone waits
    SPEND = auto()  # too dear for these minutes: everyone slows down
    DAY = auto()  # the quota of the day is used up
    BROKE = auto()  # the service or the way to it failed; worth another attempt
    REFUSED = auto()  # the request is wrong in the service's eyes: this one, or all
    FATAL = auto()  # no request will be answered


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt, read."""

    came: Came
    text: str | None = None
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
        return Outcome(Came.BROKE, reason=f"server: {told}", wait_s=wait_s)
    if status in (401, 403) or "API_KEY_INVALID" in str(error.get("details", "")):
        return Outcome(Came.FATAL, reason=f"{told}; check the key or login and what it may do")
    if status == 404:
        return Outcome(Came.FATAL, reason=f"{told}; check --model and --base-url")
    return Outcome(Came.REFUSED, reason=f"refused: {told}")


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


def _kind_of_quota(error: Mapping[str, Any], message: str) -> Came:
    violations = [each for detail in _details(error, "QuotaFailure") for each in detail.get("violations", ())]
    told = " ".join(f"{each.get('quotaId', '')} {each.get('quotaMetric', '')}" for each in violations)
    if "PerDay" in told:
        return Came.DAY
    if "spend" in f"{told} {message}".lower():
        return Came.SPEND
    return Came.FATAL if error.get("code") == "insufficient_quota" else Came.RATE


def _wait_s(error: Mapping[str, Any], headers: Mapping[str, str]) -> float:
    texts = [str(detail.get("retryDelay", "")) for detail in _details(error, "RetryInfo")]
    texts += re.findall(r"retry in ([\d.]+)", str(error.get("message", "")))
    texts += [headers.get("Retry-After", "")]  # a date, its other form, is passed over
    return max((_seconds(text) for text in texts), default=0.0)


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\.?s?", text.strip())
    return float(found[1]) if found else 0.0
