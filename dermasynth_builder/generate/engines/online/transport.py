"""Carries single attempts over the network: one event loop and one aiohttp session.

It knows of no quota and retries nothing; that is the scheduler's. aiohttp sends a POST once. The loop turns in the
caller's thread and only while the caller waits: with a thread of its own, the two would wait for each other at every
read and write, which measured a third of the speed.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from types import TracebackType

import aiohttp

from dermasynth_builder.core.images.renditions import ImageFault, SentImages
from dermasynth_builder.core.outbound import proxy_of
from dermasynth_builder.generate.engines.online.attempt import (
    Attempt,
    AttemptResult,
    Outcome,
    Service,
    Status,
)
from dermasynth_builder.generate.foreign import MOST_BYTES, shown, without_secrets

_IMAGE_THREADS = 2
_LARGE_BODY_BYTES = 1 << 20  # aiohttp sends larger ones from a file, in parts
_BREAKS = (aiohttp.ClientError, TimeoutError, OSError)  # of the way to the service, not of the request


class Transport:
    """See the module. Use it in a `with` block; leaving it drops what is still under way."""

    def __init__(self, services: Sequence[Service]) -> None:
        """One service a node. Raises EngineError where one cannot be reached for want of a key."""
        self._services = services
        self._accesses = [service.access() for service in services]
        # No `trust_env`, which sends what .netrc holds to anybody.
        self._proxies = [proxy_of(access.url) for access in self._accesses]
        self._results: deque[AttemptResult] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._fault: BaseException | None = None  # a mistake of ours
        self._has_news = asyncio.Event()
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> "Transport":
        self._pool = ThreadPoolExecutor(_IMAGE_THREADS, thread_name_prefix="images")
        self._images = SentImages(self._services[0].options, self._pool)
        self._session = self._loop.run_until_complete(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.run_until_complete(self._close())
        self._loop.close()
        self._pool.shutdown(cancel_futures=True)

    def send(self, attempt: Attempt) -> None:
        """Sets out; what comes of it is given by `next`."""
        task = self._loop.create_task(self._carry(attempt))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def next(self, timeout_s: float | None) -> AttemptResult | None:
        """The next attempt that is back; None where none is within that time."""
        if not self._results:
            self._has_news.clear()
            self._loop.run_until_complete(self._wait(timeout_s))
        if self._fault:
            raise self._fault
        return self._results.popleft() if self._results else None

    async def _wait(self, timeout_s: float | None) -> None:
        if timeout_s is None:
            await self._has_news.wait()
            return
        timer = self._loop.call_later(timeout_s, self._has_news.set)
        await self._has_news.wait()
        timer.cancel()

    async def _open(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=self._services[0].options.timeout_s),
        )

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._fault = self._fault or task.exception()
        self._has_news.set()

    async def _carry(self, attempt: Attempt) -> None:
        sent_at, started = _utc_now(), time.monotonic()
        outcome = await self._attempt(attempt)
        took_s = time.monotonic() - started
        self._results.append(AttemptResult(attempt, outcome, sent_at, _utc_now(), took_s))

    async def _attempt(self, attempt: Attempt) -> Outcome:
        try:
            image = await self._images.of(attempt.request)
        except ImageFault as fault:
            return Outcome(Status.BLOCKED, reason=str(fault))
        service, headers = self._services[attempt.node], await self._accesses[attempt.node].headers()
        if isinstance(headers, Outcome):
            return headers
        dialect = service.dialect
        body = service.body(attempt.request, image, attempt.max_output_tokens)
        outcome = await self._sent(body, headers, attempt.node)
        if service.learn(dialect, outcome):
            return Outcome(Status.REPHRASED, reason=outcome.reason)
        sent = {"image_sha256": image.sha256} if image and outcome.status is Status.ANSWERED else {}
        return replace(outcome, sent_as={**outcome.sent_as, **sent})

    async def _sent(self, body: bytes, headers: Mapping[str, str], node: int) -> Outcome:
        """What comes of a body. It is not sent on to another address: that could be anybody's."""
        try:
            async with self._session.post(
                self._accesses[node].url,
                data=body if len(body) < _LARGE_BODY_BYTES else BytesIO(body),
                headers=headers,
                proxy=self._proxies[node],
                allow_redirects=False,
            ) as response:
                content = await _read(response)
        except _BREAKS as error:
            told = shown(f"{type(error).__name__} {error}", _secrets_of(headers))
            return Outcome(Status.SERVER_ERROR, reason=f"connection: {told}")
        if content is None:
            return Outcome(Status.SERVER_ERROR, reason=f"server: {response.status}, more than {MOST_BYTES} bytes")
        content = without_secrets(content, _secrets_of(headers))
        if response.status == 200:
            return self._services[node].read(content)
        return self._services[node].read_error(response.status, response.headers, content)


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """The body; None where it is larger than any answer. The rest is then not read."""
    parts, size_bytes = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size_bytes += len(part)
        if size_bytes > MOST_BYTES:
            response.close()
            return None
    return b"".join(parts)


def _secrets_of(headers: Mapping[str, str]) -> tuple[str, ...]:
    return headers.get("x-goog-api-key", ""), headers.get("Authorization", "").removeprefix("Bearer ")


def _utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
