"""What an answer of `generateContent` says; the same online and in a row of a batch."""

import json
from collections.abc import Mapping
from typing import Any

from dermasynth_builder.generate.engines.online.outcomes import Came, Outcome

_CUT = "MAX_TOKENS"
_DONE = frozenset({"STOP", "FINISH_REASON_UNSPECIFIED", "CONTINUATION"})


def read_gemini(content: bytes) -> Outcome:
    """The outcome of a response with status 200; a body that is no JSON counts as a broken line."""
    try:
        response = json.loads(content)
    except ValueError as error:
        return Outcome(Came.BROKE, reason=f"server: the response is no JSON: {error}")
    if not isinstance(response, dict):
        return Outcome(Came.BROKE, reason="server: the response is no object")
    return outcome_of_response(response)


def outcome_of_response(response: Mapping[str, Any]) -> Outcome:
    """The outcome of a GenerateContentResponse; members that are not known are passed over."""
    usage = usage_of(response)
    version = response.get("modelVersion")
    candidates = response.get("candidates") or []
    if not candidates:
        reason = (response.get("promptFeedback") or {}).get("blockReason") or "no candidate"
        return Outcome(Came.BLOCKED, None, f"blocked: prompt, {reason}", usage=usage, model_version=version)
    finish = candidates[0].get("finishReason")
    parts = (candidates[0].get("content") or {}).get("parts") or []
    text = "".join(part.get("text", "") for part in parts if not part.get("thought"))
    if finish == _CUT:
        return Outcome(Came.CUT, None, f"cut off: {finish}", 0.0, usage, version, finish)
    if finish and finish not in _DONE:
        return Outcome(Came.BLOCKED, None, f"blocked: {finish}", 0.0, usage, version, finish)
    return Outcome(Came.ANSWERED, text, "", 0.0, usage, version, finish)


def usage_of(response: Mapping[str, Any]) -> dict[str, int]:
    """The service's token counts, flat: `promptTokenCount`, `promptTokenCount.IMAGE`, `thoughtsTokenCount`, ..."""
    usage: dict[str, int] = {}
    for name, value in (response.get("usageMetadata") or {}).items():
        if isinstance(value, int):
            usage[name] = value
        elif isinstance(value, list) and name.endswith("TokensDetails"):
            whole = f"{name.removesuffix('sDetails')}Count"
            usage |= {f"{whole}.{each.get('modality')}": each.get("tokenCount", 0) for each in value}
    return usage
