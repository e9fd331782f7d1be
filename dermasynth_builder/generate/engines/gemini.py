"""The engine `gemini`: Google's models, asked one request at a time.

The Developer API takes GOOGLE_API_KEY or GEMINI_API_KEY, in this order, as google-genai does; for Vertex see
`vertex`. Bodies are the JSON that `google-genai` sends (a test compares them), in a twentieth of its time: the image,
by far the largest part, is put in as it comes, and what all requests of a schema share is encoded once. A batch has
the same bodies and answers, one a line.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from math import ceil
from typing import Any

from dermasynth_builder.core.errors import EngineError, UsageError
from dermasynth_builder.core.images.renditions import SentImage
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.outbound import key_in
from dermasynth_builder.core.protocols import EngineContext
from dermasynth_builder.core.records import Request
from dermasynth_builder.generate.engines.online import OnlineEngine
from dermasynth_builder.generate.engines.online.addresses import require_one_address
from dermasynth_builder.generate.engines.online.attempt import Access, Identity, Outcome, Status
from dermasynth_builder.generate.engines.online.body import require_free_of, said_later, with_body
from dermasynth_builder.generate.engines.online.refusals import outcome_of_error, outcome_within
from dermasynth_builder.generate.engines.vertex import VertexAccess
from dermasynth_builder.generate.foreign import NotJSON, count, label, mapping, parsed, sequence, shown, text
from dermasynth_builder.plan.reply_form import split_thoughts

REVISION = 1
"""Raised by hand whenever this code asks the same request differently."""

# Skin is shown wherever it is ill. What blocks a picture of it by category is off; Google's core blocks stay.
SAFETY_OFF = (
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
)
# Level -> thinking tokens of models 2.5, as Google maps
_BUDGETS = {"off": 0, "minimal": 0, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576}


def gemini_body(request: Request, image: SentImage | None, options: EngineOptions, *, max_output_tokens: int) -> bytes:
    """The JSON of one request; `image` is None only where a request has none."""
    prompt = json.dumps(request.prompt, ensure_ascii=False).encode(errors="backslashreplace")
    tail = _tail(request.reply_schema, options, max_output_tokens)
    if image is None:
        return b"".join((b'{"contents":[{"role":"user","parts":[{"text":', prompt, b"}]}],", tail))
    head = b'{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"'
    middle = (image.mime_type.encode(), b'","data":"', image.base64, b'"}},{"text":')
    return b"".join((head, *middle, prompt, b"}]}],", tail))


@lru_cache(maxsize=64)
def _tail(reply_schema: str, options: EngineOptions, max_output_tokens: int) -> bytes:
    """All that follows the contents."""
    settings = [{"category": category, "threshold": "OFF"} for category in SAFETY_OFF]
    members: dict[str, Any] = {
        "safetySettings": settings,
        "generationConfig": generation_config(options, max_output_tokens)
        | {"responseMimeType": "application/json", "responseJsonSchema": json.loads(reply_schema)},
    }
    if options.tier == "flex":
        members["serviceTier"] = "flex"
    return json.dumps(with_body(members, options.body), ensure_ascii=False, separators=(",", ":")).encode()[1:]


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
_DONE = frozenset({"", "STOP", "FINISH_REASON_UNSPECIFIED", "CONTINUATION"})
_BLOCKED = frozenset(
    {"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "ESCALATION"}
    | {"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"}
)
_OF_ACCOUNT = "PUP_LIMITED_DISABLED"  # limited or disabled, whatever is asked
_NO_BLOCK = frozenset({"", "BLOCKED_REASON_UNSPECIFIED"})


def read_gemini(content: bytes) -> Outcome:
    """The outcome of a response with status 200; a body that is no JSON counts as a broken line."""
    try:
        return outcome_of_response(parsed(content))
    except NotJSON as fault:
        return Outcome(Status.SERVER_ERROR, reason=f"server: the response is not JSON: {fault}")


def outcome_of_response(value: Any) -> Outcome:
    """The outcome of a GenerateContentResponse, or of whatever stands in its place.

    Members that are not known are passed over. What is not in Gemini's form is nobody's answer.
    """
    response = mapping(value)
    candidate = mapping(next(iter(sequence(response.get("candidates"))), None))
    if "error" in response and not candidate:
        return outcome_within(response)
    finish = text(candidate.get("finishReason"))
    came = Outcome(
        Status.ANSWERED,
        usage=usage_of(response),
        model_version=label(response.get("modelVersion")),
        finish_reason=label(finish),
        sent_as=_tier_of(response),
    )
    if not candidate:
        block = text(mapping(response.get("promptFeedback")).get("blockReason"))
        if block in _NO_BLOCK:
            return replace(came, status=Status.SERVER_ERROR, reason="server: the response holds no candidate")
        return replace(came, status=Status.BLOCKED, reason=f"blocked: prompt, {shown(block)}")
    return _of_candidate(came, finish, candidate)


def _of_candidate(came: Outcome, finish: str, candidate: Mapping[str, Any]) -> Outcome:
    told = " ".join(filter(None, (shown(finish), shown(text(candidate.get("finishMessage"))))))
    texts = _texts(candidate.get("content", {}))
    came = replace(came, text="".join(said for is_thought, said in texts or () if not is_thought))
    if finish == _CUT:
        return replace(came, status=Status.TRUNCATED, reason=f"cut off: {finish}")
    if finish in _BLOCKED:
        return replace(came, status=Status.BLOCKED, reason=f"blocked: {told}")
    if finish == _OF_ACCOUNT:
        return replace(came, status=Status.FATAL, reason=f"{told}; Google has limited or disabled the account")
    if finish not in _DONE:
        return replace(came, status=Status.UNUSABLE, reason=f"unusable: the model stopped with {told}")
    if texts is None or not isinstance(candidate.get("finishReason"), str | None):
        return replace(came, status=Status.SERVER_ERROR, reason="server: the response is not in Gemini's form")
    thought, said = split_thoughts("".join(said for is_thought, said in texts if not is_thought))
    thoughts = "".join(said for is_thought, said in texts if is_thought) + thought
    return replace(came, text=said, thoughts=thoughts or None)


def _texts(content: Any) -> list[tuple[bool, str]] | None:
    """Of each part whether it is thought, and its text; None for what is no content. Other parts have no text."""
    parts = content.get("parts", []) if isinstance(content, dict) else None
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        return None
    texts = [(part.get("thought") not in (None, False), part.get("text", "")) for part in parts]
    return texts if all(isinstance(said, str) for _, said in texts) else None


def usage_of(response: Mapping[str, Any]) -> dict[str, int]:
    """The service's token counts, flat: `promptTokenCount`, `promptTokenCount.IMAGE`, `thoughtsTokenCount`, ..."""
    usage: dict[str, int] = {}
    for name, value in mapping(response.get("usageMetadata")).items():
        if (counted := count(value)) is not None:
            usage[name] = counted
        elif name.endswith("TokensDetails"):
            whole = f"{name.removesuffix('sDetails')}Count"
            for each in map(mapping, sequence(value)):
                if (counted := count(each.get("tokenCount"))) is not None:
                    usage[f"{whole}.{text(each.get('modality'))}"] = counted
    return usage


_TIERS = {"ON_DEMAND": "standard", "ON_DEMAND_FLEX": "flex", "ON_DEMAND_PRIORITY": "priority"}


def _tier_of(response: Mapping[str, Any]) -> dict[str, str]:
    """The tier that the service says it has served; nothing where it says none that is known."""
    usage = mapping(response.get("usageMetadata"))
    said = text(usage.get("serviceTier")).lower() or _TIERS.get(text(usage.get("trafficType")), "")
    return {"tier": said} if said in _TIERS.values() else {}


DEFAULT_MODEL = "gemini-3.5-flash-lite"
DEVELOPER_URL = "https://generativelanguage.googleapis.com"
API_VERSION = "v1"  # google-genai's default
_TIMEOUT_S = 120.0
_FLEX_TIMEOUT_S = 900.0  # Google names up to fifteen minutes


def gemini_engine(options: EngineOptions, context: EngineContext) -> OnlineEngine:
    """The engine `gemini`. Needs no key until it is asked. Raises UsageError for what Gemini does not take."""
    if options.thinking == "off" and "-2.5-" not in (options.model or DEFAULT_MODEL):
        raise UsageError("Gemini 3 and later cannot leave thinking out: the least is --thinking minimal")
    if options.tier == "flex" and options.is_vertex:
        raise UsageError("--tier flex is of the Developer API: leave out --vertex")
    require_free_of(options.body, ("contents", "model"))
    return OnlineEngine([GeminiService(options)], context)


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
        **said_later(options),
    }


class GeminiService:
    """See `service.Service`."""

    name = "gemini"

    def __init__(self, options: EngineOptions) -> None:
        """Raises UsageError where several servers are named."""
        require_one_address(options.base_url)
        timeout_s = _FLEX_TIMEOUT_S if options.tier == "flex" else _TIMEOUT_S
        self.options = replace(options, model=options.model or DEFAULT_MODEL, timeout_s=options.timeout_s or timeout_s)
        self.identity = gemini_identity(self.name, self.options)

    def access(self) -> Access:
        """See `Service.access`."""
        return VertexAccess(self.options) if self.options.is_vertex else _Developer(self.options)

    def body(self, request: Request, image: SentImage | None, max_output_tokens: int) -> bytes:
        """See `Service.body`."""
        return gemini_body(request, image, self.options, max_output_tokens=max_output_tokens)

    def read(self, content: bytes) -> Outcome:
        """See `Service.read`."""
        outcome = read_gemini(content)
        return (
            replace(outcome, sent_as={"tier": self.options.tier, **outcome.sent_as}) if self.options.tier else outcome
        )

    def read_error(self, status: int, headers: Mapping[str, str], content: bytes) -> Outcome:
        """See `Service.read_error`. At the tier flex a 503 sheds load: it is no fault, and all go slower."""
        outcome = outcome_of_error(status, headers, content)
        if status == 503 and self.options.tier == "flex":
            return replace(outcome, status=Status.RATE_LIMITED, reason=f"shed: {outcome.reason}")
        return outcome

    dialect: None = None  # there is one

    def learn(self, _: object, __: Outcome) -> bool:
        """See `Service.learn`."""
        return False


def developer_key() -> str:
    """The key of the Developer API. Raises EngineError where there is none."""
    key = key_in("GOOGLE_API_KEY", "GEMINI_API_KEY")
    if not key:
        raise EngineError(
            "no key for Gemini: set GEMINI_API_KEY (a key is made at https://aistudio.google.com/apikey), say --vertex "
            "to use Google Cloud's default credentials, or try without with `dermasynth fake-gemini`"
        )
    return key


class _Developer:
    def __init__(self, options: EngineOptions) -> None:
        base = (options.base_url or DEVELOPER_URL).rstrip("/")
        versioned = base if base.endswith(("/v1", "/v1beta")) else f"{base}/{API_VERSION}"
        self.url = f"{versioned}/models/{options.model}:generateContent"
        timeout = {"X-Server-Timeout": f"{ceil(options.timeout_s)}"} if options.timeout_s else {}  # as google-genai
        self._headers = {"x-goog-api-key": developer_key(), "Content-Type": "application/json", **timeout}

    async def headers(self) -> Mapping[str, str]:
        return self._headers
