"""Invented requests, and an engine whose every move a test can see."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from dermasynth_builder.core.protocols import EngineRun
from dermasynth_builder.core.records import Facts, Reply, Request, canonical_json


def request(number: int) -> Request:
    """One of any number of requests; equal numbers make equal keys."""
    return Request(
        source="pad_ufes",
        image_id=f"PAT_9001_7001_{number}",
        slot="general",
        style="asked",
        question_type="overview",
        question="What does this picture show?",
        prompt=f"prompt {number}",
        prompt_id="asked",
        reply_schema="{}",
        modality="clinical",
        facts=Facts(),
        is_metadata_shown=True,
        image_sha256="ab" * 32,
        image_path=None,
    )


def requests(count: int) -> list[Request]:
    return [request(number) for number in range(count)]


def answer(key: str, text: str = "an answer") -> Reply:
    return Reply(key, canonical_json({"answer": text}))


def failure(key: str, reason: str = "blocked: SAFETY") -> Reply:
    return Reply(key, None, reason)


@dataclass
class Recited:
    """An engine that says what a test tells it to, and keeps what it was asked."""

    say: Callable[[str], Reply] = answer  # key -> reply; may raise
    asked: list[str] = field(default_factory=list)
    name: str = "recited"
    is_model: bool = True
    identity: Mapping[str, str | int | float | None] = field(default_factory=lambda: {"engine": "recited"})

    def answer(self, requests: Iterable[Request], _: EngineRun) -> Iterator[Reply]:
        """See `Engine.answer`."""
        for asked in requests:
            self.asked.append(asked.key)
            yield self.say(asked.key)
