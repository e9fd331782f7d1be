"""Reads keys from the environment. The engine `gemini`: Google's models, asked one request at a time.

The Developer API takes GOOGLE_API_KEY or GEMINI_API_KEY, in this order, as google-genai does; for Vertex see `vertex`.
"""

import os
from collections.abc import Mapping
from dataclasses import replace

from dermasynth_builder.core.errors import EngineError
from dermasynth_builder.core.images.renditions import SentImage
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.records import Request
from dermasynth_builder.generate.engines.gemini_body import REVISION, gemini_body
from dermasynth_builder.generate.engines.gemini_reply import read_gemini
from dermasynth_builder.generate.engines.online import OnlineEngine
from dermasynth_builder.generate.engines.online.attempt import Access, Identity
from dermasynth_builder.generate.engines.online.outcomes import Outcome
from dermasynth_builder.generate.engines.vertex import VertexAccess

DEFAULT_MODEL = "gemini-3.5-flash-lite"
_DEVELOPER_URL = "https://generativelanguage.googleapis.com"
_API_VERSION = "v1"  # google-genai's default
_TIMEOUT_S = 120.0


def gemini_engine(options: EngineOptions) -> OnlineEngine:
    """The engine `gemini`. Needs no key until it is asked."""
    return OnlineEngine(GeminiService(options))


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
