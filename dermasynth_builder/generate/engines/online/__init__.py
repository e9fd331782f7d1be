"""An engine that asks a service request by request, many at once."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import urlsplit

from dermasynth_builder.core.protocols import EngineContext, EngineRun
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.core.wording import join_words
from dermasynth_builder.generate.engines.online.attempt import Identity, Service


class OnlineEngine:
    """See `dermasynth_builder.core.protocols.Engine`; what is special to a service is in `service`."""

    is_model = True

    def __init__(self, services: Sequence[Service], context: EngineContext) -> None:
        """`services` are one, or the same at several servers."""
        self._services, self._context = services, context
        self.name = services[0].name
        self.identity: Identity = services[0].identity

    def host(self) -> str:
        """See `protocols.SendsElsewhere`."""
        return join_words([urlsplit(service.access().url).netloc for service in self._services])

    def answer(self, requests: Iterable[Request], run: EngineRun) -> Iterator[Reply]:
        """See `Engine.answer`; pulls a request only when it can be sent, and no more than may be in flight.

        Raises QuotaError where the quota of the day is used up and EngineError where the service cannot be asked,
        both once all that is in flight is back. Closed early, it drops what is in flight.
        """
        replies = self._replies(requests, run)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            yield from replies
            return
        with ThreadPoolExecutor(1) as beside:  # in a notebook: a thread turns one loop only
            while reply := beside.submit(next, replies, None).result():
                yield reply

    def _replies(self, requests: Iterable[Request], run: EngineRun) -> Iterator[Reply]:
        from dermasynth_builder.generate.engines.online.nodes import Node, Nodes
        from dermasynth_builder.generate.engines.online.scheduler import Scheduler
        from dermasynth_builder.generate.engines.online.transport import Transport  # aiohttp is for those who ask

        options, now, count = self._services[0].options, datetime.now(UTC).isoformat(), len(self._services)
        sent_today = self._context.sent_today(options.model or "", now) if options.requests_per_day else 0
        with Transport(self._services) as transport:
            schedulers = [
                Scheduler(
                    transport,
                    options,
                    time.monotonic,
                    price=self._context.price,
                    standard_price=self._context.standard_price,
                    sent_today=sent_today,
                    now=now,
                )
                for _ in range(count)
            ]
            for scheduler in schedulers:
                scheduler.tell = run.tell
            if count == 1:
                yield from schedulers[0].run(requests)
                return
            nodes = [
                Node(service.options.base_url or "", scheduler)
                for service, scheduler in zip(self._services, schedulers, strict=True)
            ]
            yield from Nodes(nodes, transport, time.monotonic, run.tell).run(requests)
