"""The fake Gemini with somebody at its door, who holds calls, counts jobs and spoils results."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from json import loads
from typing import Any

from aiohttp import web

from dermasynth_builder.invented.fake_gemini.service import FakeGemini

_POLL_S = 0.005
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class WatchedGemini(FakeGemini):
    """Calls wait at a point of `held` for as long as it is in there.

    The points: "upload" a file has come, "creating" a job is asked for, "created" it is made, "list" jobs are looked
    at, "download" half of a results file has gone.
    """

    held: set[str] = field(default_factory=set)
    reached: Counter[str] = field(default_factory=Counter)  # how many calls came to each point
    created: Counter[str] = field(default_factory=Counter)  # jobs by display name, those that were deleted too
    refused: int = 0  # jobs that were not made
    download: int = 200  # the status of downloads: 403, 404, ...
    unlisted: int = 0  # so many lists show no job
    listed: Callable[[dict[str, Any]], dict[str, Any]] = lambda page: page  # what becomes of a list on its way
    created_as: Callable[[bytes], bytes] = bytes  # what becomes of the answer to a job's making
    spoil: Callable[[bytes], bytes] = bytes  # what becomes of results on their way

    def application(self) -> web.Application:
        """The routes behind the door."""
        made = super().application()

        @web.middleware
        async def watch(request: web.Request, handler: _Handler) -> web.StreamResponse:
            return await self._watch(request, handler)

        made.middlewares.append(watch)
        return made

    async def _watch(self, call: web.Request, handler: _Handler) -> web.StreamResponse:
        if call.path.endswith(":batchGenerateContent"):
            await call.read()  # once a job is asked for it is made, even where nobody waits for the answer any more
            made = await asyncio.shield(self._create(call, handler))
            await self._reach("created")
            return web.Response(body=self.created_as(_body(made)), status=made.status, content_type="application/json")
        if call.method == "GET" and call.path.endswith("/batches"):
            await self._reach("list")
            return await self._list(call, handler)
        if call.path.endswith(":download") and self.download != 200:
            return web.json_response(
                {"error": {"code": self.download, "message": "no file for you"}}, status=self.download
            )
        answer = await handler(call)
        if call.path.endswith(":download") and answer.status == 200:
            return await self._in_halves(call, answer)
        if "finalize" in call.headers.get("X-Goog-Upload-Command", ""):
            await self._reach("upload")
        return answer

    async def _list(self, call: web.Request, handler: _Handler) -> web.StreamResponse:
        page = loads(_body(await handler(call)))
        self.unlisted -= 1
        return web.json_response({} if self.unlisted >= 0 else self.listed(page))

    async def _create(self, call: web.Request, handler: _Handler) -> web.StreamResponse:
        await self._reach("creating")
        answer = await handler(call)
        if answer.status == 200:
            self.created[loads(_body(answer))["metadata"]["displayName"]] += 1
        self.refused += answer.status != 200
        return answer

    async def _in_halves(self, call: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
        content = self.spoil(_body(answer))
        sent = web.StreamResponse(headers={"Content-Length": str(len(content))})
        await sent.prepare(call)
        await sent.write(content[: len(content) // 2])
        await self._reach("download")
        await sent.write(content[len(content) // 2 :])
        return sent

    async def _reach(self, point: str) -> None:
        self.reached[point] += 1
        while point in self.held:
            await asyncio.sleep(_POLL_S)


def _body(answer: web.StreamResponse) -> bytes:
    assert isinstance(answer, web.Response)
    assert isinstance(answer.body, bytes)
    return answer.body
