"""What a service is to the scheduler: how a request is written for it and its answer read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from dermasynth_builder.core.images.renditions import SentImage
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.records import Request
from dermasynth_builder.generate.engines.online.outcomes import Outcome

Identity = Mapping[str, str | int | float | None]


@dataclass(frozen=True, slots=True)
class Errand:
    """One attempt to be made."""

    number: int  # of the attempt, in its run
    request: Request
    max_output_tokens: int


@dataclass(frozen=True, slots=True)
class Return:
    """An attempt that was made."""

    errand: Errand
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
        """What a response with status 200 says."""
