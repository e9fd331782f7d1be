"""The body of a `generateContent` request, as bytes; the same for one request online and for a line of a batch.

`google-genai` sends the same JSON (a test compares them); this builder costs a twentieth of its time. The image, by
far the largest part, is put in as it comes, and what all requests of a schema share is encoded once.
"""

import json
from functools import lru_cache
from typing import Any

from dermasynth_builder.core.images.renditions import SentImage
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.records import Request

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
