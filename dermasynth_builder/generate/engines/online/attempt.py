"""Attempts at a request: how one is written for a service, what came of it, and the reply that all of them make."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from dermasynth_builder.core.images.renditions import SentImage
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import Price
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.plan import reply_form


class Status(Enum):
    """What an attempt came to, as far as the scheduler has to know."""

    ANSWERED = auto()  # a text, still to be held against its schema
    TRUNCATED = auto()  # the answer ran into the limit of output tokens
    UNUSABLE = auto()  # the model stopped for another reason; what it took is billed
    BLOCKED = auto()  # no answer to this request, whoever asks again
    RATE_LIMITED = auto()  # too many for this minute: everyone waits
    SPEND_LIMIT = auto()  # too dear for these minutes: everyone slows down
    DAY_QUOTA = auto()  # the quota of the day is used up
    SERVER_ERROR = auto()  # the service or the way to it failed; worth another attempt
    REFUSED = auto()  # the request is wrong in the service's eyes: this one, or all
    REPHRASED = auto()  # refused in words that the service does not take; from now on others are used
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
    thoughts: str | None = None  # what the model thought before it answered, where the service tells
    sent_as: Mapping[str, str | int | float | None] = field(default_factory=dict)  # what the service was asked beside


Identity = Mapping[str, str | int | float | None]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to be made."""

    number: int  # of the attempt, in its run
    request: Request
    max_output_tokens: int
    node: int = 0  # which of the servers is asked


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
        """What a response with status 200 says; any bytes at all may come."""

    def read_error(self, status: int, headers: Mapping[str, str], content: bytes) -> Outcome:
        """What a response with another status says; any bytes at all may come."""

    @property
    def dialect(self) -> object:
        """In which words requests go out at present."""

    def learn(self, dialect: object, outcome: Outcome) -> bool:
        """Whether a request in that dialect may go again in another, now that this came of it."""


TRIES = 5  # at a service that fails
_REPAIRS = 2  # of an answer that breaks its schema, was cut off or cannot be used
_FULL = 0.9  # of the output tokens that were allowed: less, and something else has cut the answer
_CONTEXT = (
    "the model's context is full, though --max-output-tokens allows more; raise it at the server "
    "(Ollama: OLLAMA_CONTEXT_LENGTH), or have it think less"
)


_REPAIRED = frozenset({Status.TRUNCATED, Status.ANSWERED, Status.UNUSABLE})


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
    last: AttemptResult | None = None  # as it came back
    image_sha256: str | None = None  # of the image's bytes as sent, where the attempt itself does not say
    set_aside: tuple[float, float] = (0.0, 0.0)  # tokens and dollars of the attempt that is under way

    def account(self, back: AttemptResult, model: str, price: Price) -> float:
        """Takes down an attempt that is back; gives what it cost, as far as is known."""
        self.carried_s += back.took_s
        self.last = back
        self.sent_at = self.sent_at or back.sent_at
        usage = back.outcome.usage
        self.usage.update(usage)
        cost_usd = price(model, usage) if usage else None
        if cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + cost_usd
        return cost_usd or 0.0

    def fault(self, back: AttemptResult) -> str | None:
        """Why the attempt gave no good answer, "kind: reason"; None where it did."""
        if back.outcome.status is Status.TRUNCATED and self._is_context_full(back):
            return f"{back.outcome.reason}: {_CONTEXT}"
        if back.outcome.status is not Status.ANSWERED:
            return back.outcome.reason
        try:
            reply_form.read(self.request, Reply(self.request.key, back.outcome.text))
        except reply_form.BadReply as bad:
            return str(bad)
        return None

    def _is_context_full(self, back: AttemptResult) -> bool:
        """Whether fewer tokens were written than were allowed: more room would change nothing. As Ollama cuts."""
        written = back.outcome.usage.get("completion_tokens", 0)
        return 0 < written < _FULL * back.attempt.max_output_tokens

    def goes_again(self, back: AttemptResult, fault: str | None) -> bool:
        """Whether another attempt is worth it, which is then taken down as made."""
        status = back.outcome.status
        if status is Status.SERVER_ERROR and self.breaks + 1 < TRIES:
            self.breaks += 1
            return True
        if status is Status.TRUNCATED and self._is_context_full(back):
            return False
        if fault and status in _REPAIRED and self.repairs < _REPAIRS:
            self.repairs += 1
            self.max_output_tokens *= 2 if status is Status.TRUNCATED else 1
            return True
        return False

    def reply(self, back: AttemptResult, fault: str | None, *, model: str, now: float) -> Reply:
        """The reply with all that is known of its making."""
        outcome = back.outcome
        sent = {"image_sha256": self.image_sha256} if self.image_sha256 else {}
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
            parameters={"max_output_tokens": self.max_output_tokens, **sent, **outcome.sent_as},
            thoughts=outcome.thoughts,
            failed_text=(outcome.text or None) if fault else None,
        )
