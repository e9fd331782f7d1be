"""The routes of Files and Batches of the fake Gemini: HTTP in and out."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from dermasynth_builder.invented.fake_gemini.batches import ENDED, AnswerRow, FakeBatches, FakeJob
from dermasynth_builder.invented.fake_gemini.faults import FakeAnswer, error_answer
from dermasynth_builder.invented.fake_gemini.http import json_of, refusal_of_key, response

_PAGE = 10  # jobs of a list, unless asked otherwise
_HELD_POLL_S = 0.005


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
        name = self._batches.new_name("files")
        return web.json_response({}, headers={"X-Goog-Upload-URL": f"{call.url.origin()}{call.path}/{name[6:]}"})

    async def upload(self, call: web.Request) -> web.StreamResponse:
        """A part of the bytes; the last one says so. The URL is its own permission."""
        name = call.match_info["name"]
        self._batches.append(name, await call.read())
        if "finalize" not in call.headers["X-Goog-Upload-Command"]:
            return web.json_response({}, headers={"X-Goog-Upload-Status": "active"})
        await self._reach("upload")
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
        half = len(content) // 2
        sent = web.StreamResponse(headers={"Content-Length": str(len(content))})
        await sent.prepare(call)
        await sent.write(content[:half])
        await self._reach("download")
        await sent.write(content[half:])
        return sent

    async def delete_file(self, call: web.Request) -> web.StreamResponse:
        name = call.match_info["name"]
        return response(call, FakeAnswer() if self._batches.delete(name) else _none(name))

    async def create(self, call: web.Request) -> web.StreamResponse:
        """Once a job is asked for it is made, even where nobody waits for the answer any more."""
        if refusal := refusal_of_key(call):
            return response(call, refusal)
        made = await asyncio.shield(self._make(call.match_info["model"], await json_of(call)))
        await self._reach("created")
        return response(call, made)

    async def _make(self, model: str, body: Any) -> FakeAnswer:
        await self._reach("creating")
        return self._batches.create(model, body)

    async def list(self, call: web.Request) -> web.StreamResponse:
        """Newest first, page by page."""
        if refusal := refusal_of_key(call):
            return response(call, refusal)
        await self._reach("list")
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

    async def _reach(self, point: str) -> None:
        """Waits here while tests hold the point."""
        self._batches.reached[point] += 1
        while point in self._batches.held:
            await asyncio.sleep(_HELD_POLL_S)


def _described(name: str, size_bytes: int | None) -> Mapping[str, Any]:
    return {"name": name, "sizeBytes": str(size_bytes), "mimeType": "application/jsonl", "state": "ACTIVE"}


def _none(what: str) -> FakeAnswer:
    return error_answer(404, "NOT_FOUND", f"{what} is not found")
