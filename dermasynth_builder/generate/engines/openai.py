"""Reads a key from the environment. The engine `openai`: any server of OpenAI's chat completions.

vLLM, Ollama, llama.cpp, LM Studio and hosted ones. Such servers queue what is too much instead of refusing it, so
their timeout is long and `--concurrency` is what holds back. OPENAI_API_KEY is sent where it is set.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.images.renditions import SentImage
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.outbound import key_in
from dermasynth_builder.core.protocols import EngineContext
from dermasynth_builder.core.records import Request
from dermasynth_builder.generate.engines.online import OnlineEngine
from dermasynth_builder.generate.engines.online.addresses import addresses_of
from dermasynth_builder.generate.engines.online.attempt import Access, Identity, Outcome, Status
from dermasynth_builder.generate.engines.online.body import require_free_of, said_later, with_body
from dermasynth_builder.generate.engines.online.refusals import outcome_of_error, outcome_within
from dermasynth_builder.generate.engines.online.remembered import Remembered
from dermasynth_builder.generate.foreign import NotJSON, counts, label, mapping, parsed, sequence, shown, text, words_of
from dermasynth_builder.plan.plain_turn import known_lines, user_turn
from dermasynth_builder.plan.reply_form import split_thoughts

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
    if options.tier == "flex":
        raise UsageError("--tier flex is Gemini's; with the engine openai set service_tier to flex by --body")
    require_free_of(options.body, ("messages", "model"))
    kind = PlainService if options.prompt == "plain" else OpenAIService
    options = replace(options, timeout_s=options.timeout_s or _TIMEOUT_S)
    addresses = addresses_of(options.base_url or _DEFAULT_URL)
    if len(addresses) > 1 and options.requests_per_day:
        raise UsageError("--rpd counts the requests to one service: leave it out, or name one address in --base-url")
    services = [
        kind(replace(options, base_url=address), _remembered(address, options, context)) for address in addresses
    ]
    return OnlineEngine(services, context)


def _remembered(address: str, options: EngineOptions, context: EngineContext) -> Remembered | None:
    """A model that `dermasynth train` has tuned is asked in one way alone."""
    if context.servers is None or options.prompt == "plain":
        return None
    return Remembered(context.servers, f"{address} {options.model}", context.now)


_MAX_TOKENS = ("max_tokens", "max_completion_tokens")  # the second as OpenAI's reasoning models ask
_FORMATS = ("json_schema", "json_object", "none")


@dataclass(frozen=True, slots=True)
class Dialect:
    """Words that not all servers take alike."""

    max_tokens: str = _MAX_TOKENS[0]
    response_format: str = _FORMATS[0]

    @classmethod
    def of(cls, words: Mapping[str, str]) -> "Dialect":
        """What an earlier run has found out; what it does not say, or what is none of ours, is as for all servers."""
        is_known = words.get("max_tokens") in _MAX_TOKENS and words.get("response_format") in _FORMATS
        return cls(words["max_tokens"], words["response_format"]) if is_known else cls()

    def after(self, told: str) -> "Dialect":
        """What to say in place of this, by what a server says of it; the same where it speaks of something else."""
        if self.max_tokens == _MAX_TOKENS[0] and _OF_TOKENS.search(told) and _NAMED.search(told):
            return replace(self, max_tokens=_MAX_TOKENS[1])
        if self.response_format != _FORMATS[-1] and _OF_FORMAT.search(told):
            return replace(self, response_format=_FORMATS[_FORMATS.index(self.response_format) + 1])
        return self


_OF_TOKENS = re.compile(r"max_(?:completion_)?tokens")
_NAMED = re.compile(r"max_completion_tokens|unsupported|not supported|unrecognized|unknown|extra", re.IGNORECASE)
_OF_FORMAT = re.compile(r"response_format|json_schema|json_object|structured output|guided|grammar", re.IGNORECASE)


class OpenAIService:
    """See `service.Service`."""

    name = "openai"

    def __init__(self, options: EngineOptions, remembered: Remembered | None = None) -> None:
        self.options = options
        self._remembered = remembered
        self._noted = Dialect.of(remembered.words()) if remembered else Dialect()
        self.dialect = self._noted
        self._is_in_doubt = self._noted != Dialect()  # the server may be another since that was noted
        self._is_understood = False  # a request was answered: what is refused from then on is the row's
        self.identity: Identity = {
            "engine": self.name,
            "revision": REVISION,
            "model": options.model,
            "reasoning_effort": options.thinking,
            "max_output_tokens": options.max_output_tokens,
            "image_side_px": options.image_side_px,
            "image_quality": options.image_quality,
            **said_later(options),
        }

    def access(self) -> Access:
        """See `Service.access`."""
        return _Server(self.options)

    def body(self, request: Request, image: SentImage | None, max_output_tokens: int) -> bytes:
        """See `Service.body`. Base64 needs no escape: the image, by far the largest part, is put in as it comes."""
        prompt = request.prompt if self.dialect.response_format == "json_schema" else _asking_for_json(request)
        tail = _tail(request.reply_schema, self.options, self.dialect, max_output_tokens=max_output_tokens)
        return _body(prompt, image, tail)

    def read(self, content: bytes) -> Outcome:
        """See `Service.read`."""
        outcome, form = read_chat(content), self.dialect.response_format
        if outcome.status is Status.ANSWERED and not self._is_understood:
            self._is_understood = True
            if self._remembered and self.dialect != self._noted:
                self._remembered.keep(asdict(self.dialect))
        return replace(outcome, sent_as={} if form == "json_schema" else {"response_format": form})

    def read_error(self, status: int, headers: Mapping[str, str], content: bytes) -> Outcome:
        """See `Service.read_error`."""
        return outcome_of_error(status, headers, content)

    def learn(self, dialect: object, outcome: Outcome) -> bool:
        """See `Service.learn`: found out once, and so for all that follow.

        Where a server refuses what it took in an earlier run, it is another by now and is spoken to as any.
        """
        if outcome.status not in (Status.REFUSED, Status.SERVER_ERROR) or not isinstance(dialect, Dialect):
            return False
        after, told = dialect.after(outcome.reason), outcome.reason
        is_other = dialect != Dialect() and bool(_OF_TOKENS.search(told) or _OF_FORMAT.search(told))
        is_of_words = after != dialect or is_other
        if dialect == self.dialect and not self._is_understood and is_of_words:
            self.dialect, self._is_in_doubt = (Dialect() if self._is_in_doubt else after), False
        return dialect != self.dialect and is_of_words


def _body(prompt: str, image: SentImage | None, tail: bytes) -> bytes:
    """One turn of the user, and all that follows the messages."""
    content = [f'{{"type":"text","text":{json.dumps(prompt)}}}'.encode()]
    if image:
        head = f'{{"type":"image_url","image_url":{{"url":"data:{image.mime_type};base64,'.encode()
        content = [head, image.base64, b'"}},', *content]
    return b"".join((b'{"messages":[{"role":"user","content":[', *content, b"]}],", tail))


def _asking_for_json(request: Request) -> str:
    """The prompt with the form of the answer, which the server is not told otherwise."""
    return (
        f"{request.prompt}\n\nReply with one JSON object and nothing else, of this JSON schema: {request.reply_schema}"
    )


@lru_cache(maxsize=64)
def _tail(reply_schema: str, options: EngineOptions, dialect: Dialect, *, max_output_tokens: int) -> bytes:
    """All that follows the messages."""
    members: dict[str, Any] = {"model": options.model, dialect.max_tokens: max_output_tokens}
    if dialect.response_format == "json_schema":
        schema = {"name": "reply", "strict": True, "schema": json.loads(reply_schema)}
        members["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif dialect.response_format == "json_object":
        members["response_format"] = {"type": "json_object"}
    if options.thinking:
        members["reasoning_effort"] = "none" if options.thinking == "off" else options.thinking
    return json.dumps(with_body(members, options.body)).encode()[1:]


_DONE = frozenset({"", "stop", "eos", "eos_token", "stop_sequence", "end_turn", "completed"})
_CUT = frozenset({"length", "max_tokens", "max_output_tokens", "model_length"})
_BLOCKED = frozenset({"content_filter", "safety", "refusal"})
_THOUGHT = frozenset({"thinking", "reasoning", "redacted_thinking", "summary_text", "reasoning_text"})
_NO_CHAT = Outcome(Status.SERVER_ERROR, reason="server: the response is not a chat completion")


def read_chat(content: bytes) -> Outcome:
    """The outcome of a chat completion with status 200, or of whatever stands in its place."""
    try:
        value = parsed(content)
    except NotJSON as fault:
        return replace(_NO_CHAT, reason=f"{_NO_CHAT.reason}: {fault}")
    response = mapping(value)
    choice = mapping(next(iter(sequence(response.get("choices"))), None))
    message = choice.get("message")
    if response.get("error") and not isinstance(message, dict):
        return outcome_within(response)
    if choice.get("error"):
        return outcome_within(choice)
    came = replace(
        _NO_CHAT,
        usage=counts(response.get("usage")),
        model_version=label(response.get("model")),
        finish_reason=label(choice.get("finish_reason")),
    )
    if not isinstance(message, dict) or not isinstance(choice.get("finish_reason"), str | None):
        return replace(came, reason=f"{_NO_CHAT.reason}{': ' if words_of(value) else ''}{words_of(value)}")
    return _of_message(came, message)


def _of_message(came: Outcome, message: Mapping[str, Any]) -> Outcome:
    finish = shown(came.finish_reason or "")
    parts = _parts(message.get("content"))
    refusal = text(message.get("refusal"))
    came = replace(came, text=refusal or "".join(said for is_thought, said in parts or () if not is_thought))
    if text(message.get("refusal")) or finish.lower() in _BLOCKED:
        told = shown(text(message.get("refusal")))
        return replace(came, status=Status.BLOCKED, reason=f"blocked: {f'refusal, {told}' if told else finish}")
    if finish.lower() in _CUT:
        return replace(came, status=Status.TRUNCATED, reason=f"cut off: {finish}")
    if finish.lower() not in _DONE:
        return replace(came, status=Status.UNUSABLE, reason=f"unusable: the model stopped with {finish}")
    if parts is None:
        return came
    thought, answer = split_thoughts("".join(said for is_thought, said in parts if not is_thought))
    apart = [text(message.get("reasoning_content")) or text(message.get("reasoning"))]
    thoughts = [*apart, *(said for is_thought, said in parts if is_thought), thought]
    return replace(
        came, status=Status.ANSWERED, reason="", text=answer, thoughts="\n".join(filter(None, thoughts)) or None
    )


def _parts(content: Any) -> list[tuple[bool, str]] | None:
    """Of each part whether it is thought, and its text; None for what is no content. A text is one part, null none."""
    if content is None or isinstance(content, str):
        return [(False, content or "")]
    if not isinstance(content, list):
        return None
    parts = []
    for part in map(mapping, content):
        kind, said = part.get("type"), part.get("text", part.get("thinking", ""))
        if not isinstance(kind, str) or not isinstance(said, str | list):
            return None
        parts.append((kind in _THOUGHT, said if isinstance(said, str) else words_of(said)))
    return parts


class _Server:
    def __init__(self, options: EngineOptions) -> None:
        base = (options.base_url or _DEFAULT_URL).rstrip("/").removesuffix("/v1")
        self.url = f"{base}/v1/chat/completions"
        key = key_in("OPENAI_API_KEY")
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})

    async def headers(self) -> Mapping[str, str]:
        return self._headers


class PlainService(OpenAIService):
    """A model that `dermasynth train` has tuned: it is asked as in its training, and answers in words.

    Its answer is kept as the reply that the schema asks for, with the words in `answer`.
    """

    def __init__(self, options: EngineOptions, remembered: Remembered | None = None) -> None:
        super().__init__(options, remembered)
        self.identity = {**self.identity, "prompt": "plain"}

    def body(self, request: Request, image: SentImage | None, max_output_tokens: int) -> bytes:
        """See `Service.body`."""
        asked = user_turn(request.question, known_lines(request.question_type, request.facts))
        members = {"model": self.options.model, "max_tokens": max_output_tokens, "temperature": 0}
        return _body(asked, image, json.dumps(members).encode()[1:])

    def learn(self, dialect: object, outcome: Outcome) -> bool:
        """See `Service.learn`."""
        return False

    def read(self, content: bytes) -> Outcome:
        """See `Service.read`."""
        outcome = super().read(content)
        answer = (outcome.text or "").strip()
        return replace(outcome, text=json.dumps({"answer": answer}, ensure_ascii=False)) if answer else outcome
