"""Shards of a batch: requests as lines of JSON up to the limits of a job, and what came of them."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from dermasynth_builder.core.files import private
from dermasynth_builder.core.images.renditions import ImageFault, SentImage, make_sent_image
from dermasynth_builder.core.options import BatchOptions, EngineOptions, ImageFamily
from dermasynth_builder.core.protocols import Price
from dermasynth_builder.core.records import Reply
from dermasynth_builder.generate.engines.batch.google import RemoteJob
from dermasynth_builder.generate.engines.gemini import gemini_body, outcome_of_response
from dermasynth_builder.generate.engines.online.attempt import (
    Attempt,
    AttemptResult,
    Attempts,
    Outcome,
    Status,
)
from dermasynth_builder.generate.engines.online.refusals import outcome_of_refusal
from dermasynth_builder.generate.foreign import MOST_BYTES, NotJSON, count, mapping, parsed, text
from dermasynth_builder.generate.usage import image_tokens, text_tokens

# A row's error has the code of gRPC or that of HTTP.
_HTTP_OF_GRPC = {1: 499, 3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 9: 400, 11: 400, 14: 503, 16: 401}
_TIER = "batch"
_OF_THE_SERVICE = frozenset({Status.RATE_LIMITED, Status.SPEND_LIMIT, Status.DAY_QUOTA})


def request_line(key: str, body: bytes) -> bytes:
    """A request as a line of a shard; `body` as it goes online."""
    return b"".join((b'{"key":', json.dumps(key).encode(), b',"request":', body, b"}\n"))


def read_results(lines: BinaryIO) -> Iterator[tuple[str, Outcome | None]]:
    """The key and the outcome of each row, None for one that says nothing; what has no key is passed over."""
    while line := lines.readline(MOST_BYTES):
        try:
            row = mapping(parsed(line))
        except NotJSON:
            continue
        if key := text(row.get("key")):
            yield key, outcome_of_row(row)


def reply_to_row(row: Attempts, outcome: Outcome, job: RemoteJob, *, model: str, price: Price) -> Reply | None:
    """The reply to a row of a job; None where the row goes again."""
    back = AttemptResult(Attempt(0, row.request, row.max_output_tokens), outcome, job.created_at, job.ended_at, 0.0)
    row.account(back, model, price)
    fault = row.fault(back)
    if row.goes_again(back, fault):
        return None
    reply = row.reply(back, fault, model=model, now=0.0)
    return replace(reply, parameters={**reply.parameters, "tier": _TIER, "batch": job.name})


def failed_reply(row: Attempts, reason: str, *, at: str, model: str | None) -> Reply:
    """The reply to a row that is given up, at a UTC time."""
    attempt = Attempt(0, row.request, row.max_output_tokens)
    back = AttemptResult(attempt, Outcome(Status.BLOCKED, reason=reason), row.sent_at, at, 0.0)
    reply = row.reply(back, reason, model=model or "", now=0.0)
    return replace(reply, parameters={**reply.parameters, "tier": _TIER})


def reply_asked_online(reply: Reply, row: Attempts) -> Reply:
    """A reply that came online to a row whose batches came to nothing; what those cost stays in it."""
    costs = [cost for cost in (row.cost_usd, reply.cost_usd) if cost is not None]
    return replace(
        reply,
        usage=dict(row.usage + Counter(reply.usage)),
        cost_usd=sum(costs) if costs else None,
        attempts=row.attempts + reply.attempts,
        sent_at=row.sent_at or reply.sent_at,
        parameters={**reply.parameters, "tier": "standard"},
    )


def outcome_of_row(row: Mapping[str, Any]) -> Outcome | None:
    """What a row says; its error counts as that of a request would. None where it says neither."""
    if "response" in row:
        outcome = outcome_of_response(row["response"])
        is_odd = outcome.status is Status.SERVER_ERROR and "error" not in mapping(row["response"])
        return None if is_odd else outcome
    error = row.get("error")
    if not error or not isinstance(error, dict | str):
        return None
    code = count(mapping(error).get("code"))
    status = 500 if code is None else _HTTP_OF_GRPC.get(code, code if 400 <= code < 600 else 500)
    outcome = outcome_of_refusal(status, {"error": error})
    if outcome.status in _OF_THE_SERVICE:
        return Outcome(Status.SERVER_ERROR, reason=outcome.reason)
    if outcome.status is Status.FATAL:
        return Outcome(Status.SERVER_ERROR, reason=f"batch: {outcome.reason}")
    return outcome


_SHARDS_IN_QUEUE = 4  # so many share the tokens that may be enqueued


@dataclass(frozen=True, slots=True)
class WrittenShard:
    """What a shard's file holds."""

    rows: Sequence[Attempts]
    tokens: int
    unreadable: Sequence[tuple[Attempts, str]]  # requests that are in no shard, and why


def write_shard(
    path: Path, rows: Iterable[Attempts], options: EngineOptions, *, family: ImageFamily | None
) -> WrittenShard:
    """Writes requests while they come and the shard has room for one more like its last; `family` is the model's."""
    written: list[Attempts] = []
    unreadable: list[tuple[Attempts, str]] = []
    tokens = size_bytes = 0
    image_of = lru_cache(maxsize=2)(make_sent_image)  # requests about one image are neighbours
    with private(path).open("wb") as file:
        for row in rows:
            try:
                image = image_of(row.request.image_path, options) if row.request.image_path else None
            except ImageFault as fault:
                unreadable.append((row, str(fault)))
                continue
            row.image_sha256 = image.sha256 if image else None
            line = _line(row, image, options)
            file.write(line)
            written.append(row)
            estimated = estimated_tokens(row, options, family)
            tokens, size_bytes = tokens + estimated, size_bytes + len(line)
            if len(written) >= options.batch.most_rows or size_bytes + len(line) > options.batch.most_bytes:
                break
            if tokens + estimated > most_tokens(options.batch):
                break
        file.flush()
        os.fsync(file.fileno())
    return WrittenShard(written, tokens, unreadable)


def most_tokens(batch: BatchOptions) -> float:
    """Of a shard, where tokens are limited."""
    return batch.enqueued_tokens / _SHARDS_IN_QUEUE if batch.enqueued_tokens else float("inf")


def estimated_tokens(row: Attempts, options: EngineOptions, family: ImageFamily | None) -> int:
    """How many a request has, on the high side: as many of an image as the model takes at most.

    A model whose family is not known counts as one of Gemini 3.
    """
    written = text_tokens(row.request.prompt + row.request.reply_schema)
    if row.request.image_path is None:
        return written
    return written + image_tokens(family or "resolution", None, options.media_resolution or "high")


def _line(row: Attempts, image: SentImage | None, options: EngineOptions) -> bytes:
    body = gemini_body(row.request, image, options, max_output_tokens=row.max_output_tokens)
    return request_line(row.request.key, body)
