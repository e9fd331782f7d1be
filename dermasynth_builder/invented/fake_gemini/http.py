"""What all routes of the fake Gemini do: look at the key or token, read JSON, answer."""

import json
from typing import Any

from aiohttp import web

from dermasynth_builder.invented.fake_gemini.faults import FakeAnswer, error_answer


def refusal_of_key(call: web.Request) -> FakeAnswer | None:
    """Any key opens, but none and one that says that it is wrong."""
    key = call.headers.get("x-goog-api-key") or call.query.get("key")
    if not key:
        return error_answer(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers.")
    if key == "wrong":
        reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
        return error_answer(
            400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", details=[reason]
        )
    return None


def refusal_of_token(call: web.Request) -> FakeAnswer | None:
    """On Vertex any token opens, but none, one that says that it is wrong, and a key in its place."""
    kind, _, token = call.headers.get("Authorization", "").partition(" ")
    if kind == "Bearer" and token not in ("", "wrong"):
        return None
    told = "had invalid authentication credentials" if token else "is missing required authentication credential"
    message = f"Request {told}. Expected OAuth 2 access token, login cookie or other valid authentication credential."
    return error_answer(401, "UNAUTHENTICATED", message)


def response(call: web.Request, answer: FakeAnswer) -> web.StreamResponse:
    """The answer over HTTP, or a dropped connection."""
    if answer.is_dropped and call.transport:
        call.transport.abort()
    if isinstance(answer.content, str):
        return web.Response(text=answer.content, status=answer.status, headers=answer.headers, content_type="text/html")
    return web.json_response(answer.content, status=answer.status, headers=answer.headers)


async def json_of(call: web.Request) -> Any:
    """The body of a call; None where it is no JSON."""
    try:
        return json.loads(await call.read())
    except ValueError:
        return None
