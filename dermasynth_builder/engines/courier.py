"""Effect: carries single attempts over the network: one thread with one event loop and one aiohttp session.

It knows of no quota and retries nothing; that is the scheduler's. aiohttp sends a POST once.
"""

import asyncio
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import BytesIO
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

import aiohttp

from dermasynth_builder.engines.outcomes import Came, Outcome, outcome_of_error
from dermasynth_builder.engines.sent_images import ImageFault, SentImages
from dermasynth_builder.engines.service import Errand, Return, Service

_IMAGE_THREADS = 2
_LARGE_BODY_BYTES = 1 << 20  # aiohttp sends larger ones from a file, in parts
_BREAKS = (aiohttp.ClientError, TimeoutError, OSError)  # of the way to the service, not of the request


class Courier:
    """See the module. Use it in a `with` block; leaving it drops what is still under way."""

    def __init__(self, service: Service) -> None:
        """Raises EngineError where the service cannot be reached for want of a key."""
        self._service = service
        self._access = service.access()
        self._returned: SimpleQueue[Return | BaseException] = SimpleQueue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"asking {service.name}", daemon=True)

    def __enter__(self) -> "Courier":
        self._thread.start()
        self._pool = ThreadPoolExecutor(_IMAGE_THREADS, thread_name_prefix="images")
        self._images = SentImages(self._service.options, self._pool)
        self._wait_for(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wait_for(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._pool.shutdown(cancel_futures=True)

    def send(self, errand: Errand) -> None:
        """Sets out; what comes of it is given by `next`."""
        self._loop.call_soon_threadsafe(self._start, errand)

    def next(self, timeout_s: float | None) -> Return | None:
        """The next attempt that is back; None where none is within that time."""
        try:
            returned = self._returned.get(timeout=timeout_s)
        except Empty:
            return None
        if isinstance(returned, BaseException):
            raise returned
        return returned

    def _wait_for(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _open(self) -> None:
        options = self._service.options
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=options.timeout_s),
            trust_env=True,
        )

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    def _start(self, errand: Errand) -> None:
        task = self._loop.create_task(self._carry(errand))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Hands a mistake of ours to the caller, who would wait for ever else."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._returned.put(error)

    async def _carry(self, errand: Errand) -> None:
        sent_at, started = _utc_now(), time.monotonic()
        outcome = await self._attempt(errand)
        took_s = time.monotonic() - started
        self._returned.put(Return(errand, outcome, sent_at, _utc_now(), took_s))

    async def _attempt(self, errand: Errand) -> Outcome:
        try:
            image = await self._images.of(errand.request)
        except ImageFault as fault:
            return Outcome(Came.BLOCKED, reason=str(fault))
        body = self._service.body(errand.request, image, errand.max_output_tokens)
        try:
            async with self._session.post(
                self._access.url,
                data=body if len(body) < _LARGE_BODY_BYTES else BytesIO(body),
                headers=self._access.headers(),
            ) as response:
                content = await response.read()
        except _BREAKS as error:
            return Outcome(Came.BROKE, reason=f"connection: {type(error).__name__} {error}".rstrip())
        if response.status == 200:
            return self._service.read(content)
        return outcome_of_error(response.status, response.headers, content)


def _utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
