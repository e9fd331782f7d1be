"""The engine `gemini`: Google's models, asked one request at a time.

The Developer API takes GOOGLE_API_KEY or GEMINI_API_KEY, in this order, as google-genai does; for Vertex see
`vertex`. Bodies are the JSON that `google-genai` sends (a test compares them), in a twentieth of its time: the image,
by far the largest part, is put in as it comes, and what all requests of a schema share is encoded once. A batch has
the same bodies and answers, one a line.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from dermasynth_builder.core.errors import EngineError
from dermasynth_builder.core.images.renditions import SentImage
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import EngineContext
from dermasynth_builder.core.records import Request
from dermasynth_builder.generate.engines.online import OnlineEngine
from dermasynth_builder.generate.engines.online.attempt import Access, Identity, Outcome, Status
from dermasynth_builder.generate.engines.vertex import VertexAccess

REVISION = 1
"""Raised by hand whenever this code asks the same request differently."""

# Skin is shown wherever it is ill. What blocks a picture of it by category is off; Google's core blocks stay.
SAFETY_OFF = (
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
)
_BUDGETS = {"minimal": 0, "low": 1024, "medium": 8192, "high": 24576}  # thinking tokens of models 2.5, as Google maps


def gemini_body(request: Request, image: SentImage | None, options: EngineOptions, *, max_output_tokens: int) -> bytes:
    """The JSON of one request; `image` is None only where a request has none."""
    text = json.dumps(request.prompt, ensure_ascii=False).encode(errors="backslashreplace")
    tail = _tail(request.reply_schema, options, max_output_tokens)
    if image is None:
        return b"".join((b'{"contents":[{"role":"user","parts":[{"text":', text, b"}]}],", tail))
    head = b'{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"'
    middle = (image.mime_type.encode(), b'","data":"', image.base64, b'"}},{"text":')
    return b"".join((head, *middle, text, b"}]}],", tail))


@lru_cache(maxsize=64)
def _tail(reply_schema: str, options: EngineOptions, max_output_tokens: int) -> bytes:
    """All that follows the contents."""
    settings = [{"category": category, "threshold": "OFF"} for category in SAFETY_OFF]
    members = {
        "safetySettings": settings,
        "generationConfig": generation_config(options, max_output_tokens)
        | {"responseMimeType": "application/json", "responseJsonSchema": json.loads(reply_schema)},
    }
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()[1:]


def generation_config(options: EngineOptions, max_output_tokens: int) -> dict[str, Any]:
    """How the model is to answer, in the service's words."""
    config: dict[str, Any] = {"maxOutputTokens": max_output_tokens}
    if options.media_resolution:
        config["mediaResolution"] = f"MEDIA_RESOLUTION_{options.media_resolution.upper()}"
    if options.thinking and "-2.5-" in (options.model or ""):
        config["thinkingConfig"] = {"thinkingBudget": _BUDGETS[options.thinking]}
    elif options.thinking:
        config["thinkingConfig"] = {"thinkingLevel": options.thinking.upper()}
    return config


_CUT = "MAX_TOKENS"
_DONE = frozenset({"STOP", "FINISH_REASON_UNSPECIFIED", "CONTINUATION"})


def read_gemini(content: bytes) -> Outcome:
    """The outcome of a response with status 200; a body that is no JSON counts as a broken line."""
    try:
        response = json.loads(content)
    except ValueError as error:
        return Outcome(Status.SERVER_ERROR, reason=f"server: the response is not JSON: {error}")
    if not isinstance(response, dict):
        return Outcome(Status.SERVER_ERROR, reason="server: the response is not a JSON object")
    return outcome_of_response(response)


def outcome_of_response(response: Mapping[str, Any]) -> Outcome:
    """The outcome of a GenerateContentResponse; members that are not known are passed over."""
    usage = usage_of(response)
    version = response.get("modelVersion")
    candidates = response.get("candidates") or []
    if not candidates:
        reason = (response.get("promptFeedback") or {}).get("blockReason") or "no candidate"
        return Outcome(Status.BLOCKED, None, f"blocked: prompt, {reason}", usage=usage, model_version=version)
    finish = candidates[0].get("finishReason")
    parts = (candidates[0].get("content") or {}).get("parts") or []
    text = "".join(part.get("text", "") for part in parts if not part.get("thought"))
    if finish == _CUT:
        return Outcome(Status.TRUNCATED, text, f"cut off: {finish}", 0.0, usage, version, finish)
    if finish and finish not in _DONE:
        return Outcome(Status.BLOCKED, text, f"blocked: {finish}", 0.0, usage, version, finish)
    return Outcome(Status.ANSWERED, text, "", 0.0, usage, version, finish)


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


DEFAULT_MODEL = "gemini-3.5-flash-lite"
_DEVELOPER_URL = "https://generativelanguage.googleapis.com"
_API_VERSION = "v1"  # google-genai's default
_TIMEOUT_S = 120.0


def gemini_engine(options: EngineOptions, context: EngineContext) -> OnlineEngine:
    """The engine `gemini`. Needs no key until it is asked."""
    return OnlineEngine(GeminiService(options), context)


def gemini_identity(name: str, options: EngineOptions) -> Identity:
    """All that can change an answer of a Gemini model."""
    return {
        "engine": name,
        "revision": REVISION,
        "model": options.model,
        "thinking": options.thinking,
        "media_resolution": options.media_resolution,
        "max_output_tokens": options.max_output_tokens,
        "image_side_px": options.image_side_px,
        "image_quality": options.image_quality,
    }


class GeminiService:
    """See `service.Service`."""

    name = "gemini"

    def __init__(self, options: EngineOptions) -> None:
        self.options = replace(options, model=options.model or DEFAULT_MODEL, timeout_s=options.timeout_s or _TIMEOUT_S)
        self.identity = gemini_identity(self.name, self.options)

    def access(self) -> Access:
        """See `Service.access`."""
        return VertexAccess(self.options) if self.options.is_vertex else _Developer(self.options)

    def body(self, request: Request, image: SentImage | None, max_output_tokens: int) -> bytes:
        """See `Service.body`."""
        return gemini_body(request, image, self.options, max_output_tokens=max_output_tokens)

    def read(self, content: bytes) -> Outcome:
        """See `Service.read`."""
        return read_gemini(content)


def developer_key() -> str:
    """The key of the Developer API. Raises EngineError where there is none."""
    key = os.environ.get("GOOGLE_API_KEY") or os.environ.get("GEMINI_API_KEY")
    if not key:
        raise EngineError(
            "no key for Gemini: set GEMINI_API_KEY (a key is made at https://aistudio.google.com/apikey), say --vertex "
            "to use Google Cloud's default credentials, or try without with `dermasynth fake-gemini`"
        )
    return key


class _Developer:
    def __init__(self, options: EngineOptions) -> None:
        base = (options.base_url or _DEVELOPER_URL).rstrip("/")
        versioned = base if base.endswith(("/v1", "/v1beta")) else f"{base}/{_API_VERSION}"
        self.url = f"{versioned}/models/{options.model}:generateContent"
        self._headers = {"x-goog-api-key": developer_key(), "Content-Type": "application/json"}

    async def headers(self) -> Mapping[str, str]:
        return self._headers
