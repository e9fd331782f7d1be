"""Files and Batches of the fake Gemini: HTTP in and out, keys and tokens looked at."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from dermasynth_builder.invented.fake_gemini.batches import ENDED, AnswerRow, FakeBatches, FakeJob
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


_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@web.middleware
async def guarded(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Answers programs of this machine alone, no web page; a body that cannot be made sense of is a bad request."""
    origin = request.headers.get("Origin")
    if _host(f"//{request.host}") not in _LOOPBACK or (origin is not None and _host(origin) not in _LOOPBACK):
        refusal = error_answer(403, "PERMISSION_DENIED", "This service answers programs on its own machine.")
        return response(request, refusal)
    try:
        return await handler(request)
    except (TypeError, AttributeError, KeyError, IndexError, ValueError, RecursionError) as error:
        told = f"Invalid JSON payload received: {type(error).__name__}"
        return response(request, error_answer(400, "INVALID_ARGUMENT", told))


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


_PAGE = 10  # jobs of a list, unless asked otherwise


def add_batch_routes(router: web.UrlDispatcher, version: str, batches: FakeBatches, *, answer: AnswerRow) -> None:
    """Files and Batches under one version of the service; `answer` is the model."""
    routes = _Routes(batches, answer)
    router.add_post(f"/upload/{version}/files", routes.start_upload)
    router.add_post(f"/upload/{version}/{{name:files/[^/]+}}", routes.upload)
    router.add_get(f"/{version}/{{name:files/[^/:]+}}:download", routes.download)
    router.add_get(f"/{version}/{{name:files/[^/:]+}}", routes.file)
    router.add_delete(f"/{version}/{{name:files/[^/:]+}}", routes.delete_file)
    router.add_post(f"/{version}/models/{{model}}:batchGenerateContent", routes.create)
    router.add_get(f"/{version}/batches", routes.list)
    router.add_get(f"/{version}/{{name:batches/[^/:]+}}", routes.job)
    router.add_post(f"/{version}/{{name:batches/[^/:]+}}:cancel", routes.cancel)
    router.add_delete(f"/{version}/{{name:batches/[^/:]+}}", routes.delete_job)


class _Routes:
    def __init__(self, batches: FakeBatches, answer: AnswerRow) -> None:
        self._batches, self._answer = batches, answer

    async def start_upload(self, call: web.Request) -> web.StreamResponse:
        """The first step of a resumable upload: says where the bytes go."""
        if refusal := refusal_of_key(call):
            return response(call, refusal)
        name = self._batches.begin_file()
        return web.json_response({}, headers={"X-Goog-Upload-URL": f"{call.url.origin()}{call.path}/{name[6:]}"})

    async def upload(self, call: web.Request) -> web.StreamResponse:
        """A part of the bytes; the last one says so. The URL is its own permission."""
        name = call.match_info["name"]
        if self._batches.size_bytes(name) is None:
            return response(call, _none(name))
        if not self._batches.has_room():
            return response(call, error_answer(429, "RESOURCE_EXHAUSTED", "The disk of this service is nearly full."))
        self._batches.append(name, await call.read())
        if "finalize" not in call.headers.get("X-Goog-Upload-Command", ""):
            return web.json_response({}, headers={"X-Goog-Upload-Status": "active"})
        described = {"file": _described(name, self._batches.size_bytes(name))}
        return web.json_response(described, headers={"X-Goog-Upload-Status": "final"})

    async def file(self, call: web.Request) -> web.StreamResponse:
        name = call.match_info["name"]
        size_bytes = self._batches.size_bytes(name)
        return response(call, _none(name) if size_bytes is None else FakeAnswer(content=_described(name, size_bytes)))

    async def download(self, call: web.Request) -> web.StreamResponse:
        content = self._batches.content(call.match_info["name"])
        if content is None:
            return response(call, _none(call.match_info["name"]))
        return web.Response(body=content)

    async def delete_file(self, call: web.Request) -> web.StreamResponse:
        name = call.match_info["name"]
        return response(call, FakeAnswer() if self._batches.delete(name) else _none(name))

    async def create(self, call: web.Request) -> web.StreamResponse:
        if refusal := refusal_of_key(call):
            return response(call, refusal)
        return response(call, self._batches.create(call.match_info["model"], await json_of(call)))

    async def list(self, call: web.Request) -> web.StreamResponse:
        """Newest first, page by page."""
        if refusal := refusal_of_key(call):
            return response(call, refusal)
        first, size = int(call.query.get("pageToken") or 0), int(call.query.get("pageSize") or _PAGE)
        jobs = list(self._batches.jobs.values())[::-1]
        page = {"operations": [self._batches.look(job, self._answer) for job in jobs[first : first + size]]}
        more = {"nextPageToken": str(first + size)} if first + size < len(jobs) else {}
        return web.json_response(page | more)

    async def job(self, call: web.Request) -> web.StreamResponse:
        job = self._job(call)
        return response(call, FakeAnswer(content=self._batches.look(job, self._answer)) if job else _none("the batch"))

    async def cancel(self, call: web.Request) -> web.StreamResponse:
        job = self._job(call)
        if job and job.state not in ENDED:
            job.state = "CANCELLED"
        return response(call, FakeAnswer() if job else _none("the batch"))

    async def delete_job(self, call: web.Request) -> web.StreamResponse:
        job = self._job(call)
        if job:
            del self._batches.jobs[job.name]
        return response(call, FakeAnswer() if job else _none("the batch"))

    def _job(self, call: web.Request) -> FakeJob | None:
        return self._batches.jobs.get(call.match_info["name"])


def _described(name: str, size_bytes: int | None) -> Mapping[str, Any]:
    return {"name": name, "sizeBytes": str(size_bytes), "mimeType": "application/jsonl", "state": "ACTIVE"}


def _none(what: str) -> FakeAnswer:
    return error_answer(404, "NOT_FOUND", f"{what} is not found")
