"""Effect: an engine that asks a service request by request, many at once."""

import time
from collections.abc import Iterable, Iterator

from dermasynth_builder.engines.service import Identity, Service
from dermasynth_builder.records import Reply, Request


class OnlineEngine:
    """See `dermasynth_builder.protocols.Engine`; what is special to a service is in `service`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.name = service.name
        self.identity: Identity = service.identity

    def answer(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """See `Engine.answer`; pulls a request only when it can be sent, and no more than may be in flight.

        Raises QuotaError where the quota of the day is used up and EngineError where the service cannot be asked,
        both once all that is in flight is back. Closed early, it drops what is in flight.
        """
        from dermasynth_builder.engines.courier import Courier  # aiohttp is for those who ask
        from dermasynth_builder.engines.scheduler import Scheduler

        with Courier(self._service) as courier:
            yield from Scheduler(courier, self._service.options, time.monotonic).run(requests)
