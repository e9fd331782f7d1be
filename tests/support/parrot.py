"""An engine of another name in which no model takes part either."""

from collections.abc import Iterable, Iterator, Mapping

from dermasynth_builder.core import registry
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import EngineContext, EngineRun
from dermasynth_builder.core.records import Reply, Request


class Parrot:
    """Says what the template engine says, under its own name."""

    name = "parrot"
    identity: Mapping[str, str | int | float | None] = {"engine": "parrot"}
    is_model = False

    def __init__(self, _: EngineOptions, __: EngineContext) -> None:
        self._inner = registry.engine("template")

    def answer(self, requests: Iterable[Request], run: EngineRun) -> Iterator[Reply]:
        """See `Engine.answer`."""
        return self._inner.answer(requests, run)
