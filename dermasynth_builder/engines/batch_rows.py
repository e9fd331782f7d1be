"""The rows of a batch: one line of JSON for a request, one for what came of it, matched by key in any order. Pure."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from dermasynth_builder.engines.gemini_reply import outcome_of_response
from dermasynth_builder.engines.outcomes import Came, Outcome, outcome_of_error

# A row's error has the code of gRPC or that of HTTP.
_HTTP_OF_GRPC = {1: 499, 3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 9: 400, 11: 400, 14: 503, 16: 401}
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
