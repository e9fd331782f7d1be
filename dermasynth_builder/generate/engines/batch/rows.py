"""The rows of a batch: one line of JSON for a request, one for what came of it, matched by key in any order."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.records import Reply
from dermasynth_builder.generate.engines.batch.google import RemoteJob
from dermasynth_builder.generate.engines.gemini_reply import outcome_of_response
from dermasynth_builder.generate.engines.online.attempt import Errand, Return
from dermasynth_builder.generate.engines.online.job import Job
from dermasynth_builder.generate.engines.online.outcomes import Came, Outcome, outcome_of_error

# A row's error has the code of gRPC or that of HTTP.
_HTTP_OF_GRPC = {1: 499, 3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 9: 400, 11: 400, 14: 503, 16: 401}
NOT_IN_RESULTS = Outcome(Came.BROKE, reason="server: the results lack this row")
_TIER = "batch"
_OF_THE_SERVICE = frozenset({Came.RATE, Came.SPEND, Came.DAY})


def request_line(key: str, body: bytes) -> bytes:
    """A request as a line of a shard; `body` as it goes online."""
    return b"".join((b'{"key":', json.dumps(key).encode(), b',"request":', body, b"}\n"))


def read_results(lines: Iterable[bytes]) -> Iterator[tuple[str, Outcome]]:
    """The key and the outcome of each row; what is no row with a key is passed over."""
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("key"), str):
            yield row["key"], outcome_of_row(row)


def reply_to_row(row: Job, outcome: Outcome, job: RemoteJob, *, options: EngineOptions) -> Reply | None:
    """The reply to a row of a job; None where the row goes again."""
    back = Return(Errand(0, row.request, row.max_output_tokens), outcome, job.created_at, job.ended_at, 0.0)
    row.account(back, options)
    fault = row.fault(back)
    if row.goes_again(outcome.came, fault):
        return None
    reply = row.reply(back, fault, model=options.model or "", now=0.0)
    return replace(reply, parameters={**reply.parameters, "tier": _TIER, "batch": job.name})


def failed_reply(row: Job, reason: str, *, at: str, model: str | None) -> Reply:
    """The reply to a row that is given up, at a UTC time."""
    errand = Errand(0, row.request, row.max_output_tokens)
    back = Return(errand, Outcome(Came.BLOCKED, reason=reason), row.sent_at, at, 0.0)
    reply = row.reply(back, reason, model=model or "", now=0.0)
    return replace(reply, parameters={**reply.parameters, "tier": _TIER})


def reply_asked_online(reply: Reply, row: Job) -> Reply:
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


def outcome_of_row(row: dict[str, Any]) -> Outcome:
    """What a row says; its error counts as that of a request would."""
    if isinstance(row.get("response"), dict):
        return outcome_of_response(row["response"])
    error = row.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    status = _HTTP_OF_GRPC.get(code, code if code >= 100 else 500) if isinstance(code, int) else 500
    outcome = outcome_of_error(status, {}, json.dumps({"error": error}).encode())
    if outcome.came in _OF_THE_SERVICE:
        return Outcome(Came.BROKE, reason=outcome.reason)
    if outcome.came is Came.FATAL:
        return Outcome(Came.REFUSED, reason=f"refused: {outcome.reason}")
    return outcome
