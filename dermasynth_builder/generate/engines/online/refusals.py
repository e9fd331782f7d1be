"""What a response that is no answer means: for the row, for the minute, for the run.

A row is to blame only for what the service says of it. What lies at the service, at the way to it, at the key or at
the account is nobody's answer.
"""

import re
from collections.abc import Mapping
from typing import Any

from dermasynth_builder.generate.engines.online.attempt import Outcome, Status
from dermasynth_builder.generate.foreign import (
    NotJSON,
    count,
    error_in,
    mapping,
    parsed,
    sequence,
    shown,
    text,
    words_of,
    words_of_page,
)

_KEY = "check the key or login and what it may do"
_MODEL = "check --model and --base-url"
_PAYMENT = "the account has no credit or no billing: top it up"
_REDIRECTED = "check --base-url: requests are not sent on to another address"

# Words by which a service names what is wrong, where its status does not.
_OF_KEY = re.compile(
    r"API_KEY_INVALID|API[ _]key (?:not valid|expired|not found)|invalid[_ ]api[_ ]key|incorrect API key|"
    r"PERMISSION_DENIED|unauthorized|unauthenticated|account (?:is )?(?:deactivated|disabled|suspended)",
    re.IGNORECASE,
)
_OF_CREDIT = re.compile(
    r"insufficient[_ ](?:quota|funds|balance|credits?)|payment required|out of credits?|"
    r"(?:more|no|not enough) credits|credit balance",
    re.IGNORECASE,
)
_OF_BILLING = re.compile(r"\bbilling\b", re.IGNORECASE)  # Google's quotas of the minute speak of it too
_OF_MODEL = re.compile(
    r"model_not_found|(?:no such|unknown|invalid) model\b|model\b.{0,80}?(?:does not exist|not found|is not available|"
    r"has been (?:shut down|retired|deprecated))|User location is not supported",
    re.IGNORECASE,
)
_OF_BLOCK = re.compile(
    r"content_filter|content_policy_violation|content management policy|\bmoderation\b|input was flagged|"
    r"PROHIBITED_CONTENT|prohibited content",
    re.IGNORECASE,
)
_OF_SERVER = frozenset({408, 409, 421, 423, 425, 499})  # codes below 500 that say nothing of the request


def outcome_of_error(status: int, headers: Mapping[str, str], body: bytes) -> Outcome:
    """What a response with an error status means."""
    try:
        value = parsed(body)
    except NotJSON:
        value = {"message": words_of_page(body)}
    return outcome_of_refusal(status, value, headers)


def outcome_of_refusal(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Outcome:
    """What a JSON value that came with an error status means.

    Google's details are read where they are there: the quota's id parts the minute from the day, and the wait is the
    longest of RetryInfo, "retry in 5s" and Retry-After. A daily quota carries a short retryDelay too; it means nothing.
    """
    error = error_in(value)
    names = [text(error.get(name)) for name in ("status", "code", "type")]
    said = words_of(value)
    number = count(error.get("code"))
    name = shown(next(filter(None, names), "" if number in (None, status) else str(number)))
    reason = f"{status} {name}".strip()
    told = f"{reason}: {said}" if said else reason
    marks = " ".join([*names, said, *_reasons(error)])
    return _outcome(status, told, marks, error=error, wait_s=_wait_s(error, said, headers or {}))


def _outcome(status: int, told: str, marks: str, *, error: Mapping[str, Any], wait_s: float) -> Outcome:
    if _is_unpaid(status, marks):
        return Outcome(Status.FATAL, reason=f"{told}; {_PAYMENT}")
    if status == 429:
        return Outcome(_kind_of_quota(error, marks), reason=f"quota: {told}", wait_s=wait_s)
    if status < 300 or status >= 500 or status in _OF_SERVER:  # what names no refusal is none
        return Outcome(Status.SERVER_ERROR, reason=f"server: {told}", wait_s=min(wait_s, _LONGEST_OUTAGE_S))
    if 300 <= status < 400:
        return Outcome(Status.FATAL, reason=f"{told}; {_REDIRECTED}")
    if status != 401 and _OF_BLOCK.search(marks):
        return Outcome(Status.BLOCKED, reason=f"blocked: {told}")
    if status in (401, 403, 407) or _OF_KEY.search(marks):
        return Outcome(Status.FATAL, reason=f"{told}; {_KEY}")
    if status in (404, 405, 410) or _OF_MODEL.search(marks):
        return Outcome(Status.FATAL, reason=f"{told}; {_MODEL}")
    return Outcome(Status.REFUSED, reason=f"refused: {told}")


def _is_unpaid(status: int, marks: str) -> bool:
    is_billing = status != 429 and bool(_OF_BILLING.search(marks))
    return status == 402 or (status < 500 and (is_billing or bool(_OF_CREDIT.search(marks))))


def outcome_within(value: Mapping[str, Any]) -> Outcome:
    """What an error means that stands in a response with status 200: the row is never to blame for it."""
    code = count(error_in(value).get("code"))
    found = outcome_of_refusal(code if code and 400 <= code < 600 else 500, value)
    if found.status is Status.REFUSED:
        return Outcome(Status.SERVER_ERROR, reason=f"server: {found.reason.partition(': ')[2]}")
    return found


def _details(error: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    """The details of one of Google's types, by the end of its name."""
    listed = map(mapping, sequence(error.get("details")))
    return [each for each in listed if text(each.get("@type")).endswith(kind)]


def _reasons(error: Mapping[str, Any]) -> list[str]:
    return [text(detail.get("reason")) for detail in _details(error, "ErrorInfo")]


def _violations(error: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    details = _details(error, "QuotaFailure")
    return [mapping(each) for detail in details for each in sequence(detail.get("violations"))]


def _kind_of_quota(error: Mapping[str, Any], marks: str) -> Status:
    named = (f"{text(each.get('quotaId'))} {text(each.get('quotaMetric'))}" for each in _violations(error))
    told = " ".join(named)
    if "PerDay" in told:
        return Status.DAY_QUOTA
    return Status.SPEND_LIMIT if "spend" in f"{told} {marks}".lower() else Status.RATE_LIMITED


_LONGEST_WAIT_S = 86_400.0
_LONGEST_OUTAGE_S = 600.0  # a server that fails knows less of when it will not


def _wait_s(error: Mapping[str, Any], said: str, headers: Mapping[str, str]) -> float:
    texts = [text(detail.get("retryDelay")) for detail in _details(error, "RetryInfo")]
    texts += re.findall(r"retry in ([\d.]+)", said)
    texts += [headers.get("Retry-After", "")]  # a date, its other form, is passed over
    return min(max(map(_seconds, texts), default=0.0), _LONGEST_WAIT_S)


def _seconds(told: str) -> float:
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,99})?)\.?s?", told.strip(), re.ASCII)
    return float(found[1]) if found else 0.0
