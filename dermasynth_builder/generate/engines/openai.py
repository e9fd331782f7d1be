"""Reads a key from the environment. The engine `openai`: any server of OpenAI's chat completions.

vLLM, Ollama, llama.cpp, LM Studio and hosted ones. Such servers queue what is too much instead of refusing it, so
their timeout is long and `--concurrency` is what holds back. OPENAI_API_KEY is sent where it is set.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.images.renditions import SentImage
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import EngineContext
from dermasynth_builder.core.records import Request
from dermasynth_builder.generate.engines.online import OnlineEngine
from dermasynth_builder.generate.engines.online.attempt import Access, Identity, Outcome, Status
from dermasynth_builder.plan.plain_turn import known_lines, user_turn

REVISION = 1
"""Raised by hand whenever this code asks the same request differently."""

_DEFAULT_URL = "http://127.0.0.1:8000"  # vLLM's
_TIMEOUT_S = 600.0


def openai_engine(options: EngineOptions, context: EngineContext) -> OnlineEngine:
    """The engine `openai`. Raises UsageError where no model is named: a server may have any."""
    if options.model is None:
        raise UsageError("the engine openai needs --model: the name under which the server has it")
    if options.media_resolution:
        raise UsageError("--media-resolution is Gemini's; for the engine openai, --image-side says how large images go")
    kind = PlainService if options.prompt == "plain" else OpenAIService
    return OnlineEngine(kind(replace(options, timeout_s=options.timeout_s or _TIMEOUT_S)), context)


class OpenAIService:
    """See `service.Service`."""

    name = "openai"

    def __init__(self, options: EngineOptions) -> None:
        self.options = options
        self.identity: Identity = {
            "engine": self.name,
            "revision": REVISION,
            "model": options.model,
            "reasoning_effort": options.thinking,
            "max_output_tokens": options.max_output_tokens,
            "image_side_px": options.image_side_px,
            "image_quality": options.image_quality,
        }

    def access(self) -> Access:
        """See `Service.access`."""
        return _Server(self.options)

    def body(self, request: Request, image: SentImage | None, max_output_tokens: int) -> bytes:
        """See `Service.body`."""
        content: list[dict[str, Any]] = [{"type": "text", "text": request.prompt}]
        if image:
            url = f"data:{image.mime_type};base64,{image.base64.decode()}"
            content.insert(0, {"type": "image_url", "image_url": {"url": url}})
        schema = {"name": "reply", "strict": True, "schema": json.loads(request.reply_schema)}
        body = {
            "model": self.options.model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": max_output_tokens,
            "response_format": {"type": "json_schema", "json_schema": schema},
        }
        if self.options.thinking:
            body["reasoning_effort"] = self.options.thinking
        return json.dumps(body).encode()

    def read(self, content: bytes) -> Outcome:
        """See `Service.read`."""
        return read_chat(content)


def read_chat(content: bytes) -> Outcome:
    """The outcome of a chat completion with status 200."""
    try:
        response = json.loads(content)
        choice = response["choices"][0]
        message = choice["message"]
    except (ValueError, LookupError, TypeError):
        return Outcome(Status.SERVER_ERROR, reason="server: the response is not a chat completion")
    usage = {name: value for name, value in (response.get("usage") or {}).items() if isinstance(value, int)}
    version, finish = response.get("model"), choice.get("finish_reason")
    if message.get("refusal") or finish == "content_filter":
        return Outcome(Status.BLOCKED, None, f"blocked: {finish}", 0.0, usage, version, finish)
    if finish == "length":
        return Outcome(Status.TRUNCATED, None, f"cut off: {finish}", 0.0, usage, version, finish)
    return Outcome(Status.ANSWERED, message.get("content") or "", "", 0.0, usage, version, finish)


class _Server:
    def __init__(self, options: EngineOptions) -> None:
        base = (options.base_url or _DEFAULT_URL).rstrip("/").removesuffix("/v1")
        self.url = f"{base}/v1/chat/completions"
        key = os.environ.get("OPENAI_API_KEY")
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})

    async def headers(self) -> Mapping[str, str]:
        return self._headers


class PlainService(OpenAIService):
    """A model that `dermasynth train` has tuned: it is asked as in its training, and answers in words.

    Its answer is kept as the reply that the schema asks for, with the words in `answer`.
    """

    def __init__(self, options: EngineOptions) -> None:
        super().__init__(options)
        self.identity = {**self.identity, "prompt": "plain"}

    def body(self, request: Request, image: SentImage | None, max_output_tokens: int) -> bytes:
        """See `Service.body`."""
        asked = user_turn(request.question, known_lines(request.question_type, request.facts))
        content: list[dict[str, Any]] = [{"type": "text", "text": asked}]
        if image:
            url = f"data:{image.mime_type};base64,{image.base64.decode()}"
            content.insert(0, {"type": "image_url", "image_url": {"url": url}})
        messages = [{"role": "user", "content": content}]
        return json.dumps(
            {"model": self.options.model, "messages": messages, "max_tokens": max_output_tokens, "temperature": 0}
        ).encode()

    def read(self, content: bytes) -> Outcome:
        """See `Service.read`."""
        outcome = super().read(content)
        answer = (outcome.text or "").strip()
        return replace(outcome, text=json.dumps({"answer": answer}, ensure_ascii=False)) if answer else outcome
