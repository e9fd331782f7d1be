"""An engine that asks a service request by request, many at once."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import urlsplit

from dermasynth_builder.core.protocols import EngineContext, EngineRun
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.generate.engines.online.attempt import Identity, Service


class OnlineEngine:
    """See `dermasynth_builder.core.protocols.Engine`; what is special to a service is in `service`."""

    is_model = True

    def __init__(self, service: Service, context: EngineContext) -> None:
        self._service, self._context = service, context
        self.name = service.name
        self.identity: Identity = service.identity

    def host(self) -> str:
        """See `protocols.SendsElsewhere`."""
        return urlsplit(self._service.access().url).netloc

    def answer(self, requests: Iterable[Request], _: EngineRun) -> Iterator[Reply]:
        """See `Engine.answer`; pulls a request only when it can be sent, and no more than may be in flight.

        Raises QuotaError where the quota of the day is used up and EngineError where the service cannot be asked,
        both once all that is in flight is back. Closed early, it drops what is in flight.
        """
        replies = self._replies(requests)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            yield from replies
            return
        with ThreadPoolExecutor(1) as beside:  # in a notebook: a thread turns one loop only
            while reply := beside.submit(next, replies, None).result():
                yield reply

    def _replies(self, requests: Iterable[Request]) -> Iterator[Reply]:
        from dermasynth_builder.generate.engines.online.scheduler import Scheduler
        from dermasynth_builder.generate.engines.online.transport import Transport  # aiohttp is for those who ask

        options, now = self._service.options, datetime.now(UTC).isoformat()
        sent_today = self._context.sent_today(options.model or "", now) if options.requests_per_day else 0
        with Transport(self._service) as transport:
            scheduler = Scheduler(
                transport,
                options,
                time.monotonic,
                price=self._context.price,
                standard_price=self._context.standard_price,
                sent_today=sent_today,
                now=now,
            )
            yield from scheduler.run(requests)
