"""What the tests of `gemini_batch` share: a clock of their own, the engine on a fake service, its shards."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dermasynth_builder.core.options import BatchOptions, EngineOptions
from dermasynth_builder.core.protocols import EngineContext
from dermasynth_builder.generate.engines.batch import GeminiBatchEngine
from dermasynth_builder.generate.engines.batch.state import Shard, shards_in


@dataclass
class Hours:
    """A clock on which an hour passes while a run waits once; `strike` sees it."""

    at: float = 1_800_000_000.0
    step_s: float = 3600.0
    waits: list[float] = field(default_factory=list)
    strike: Callable[[int], object] = lambda _: None  # hears how many waits there were

    def now(self) -> float:
        return self.at

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        assert len(self.waits) < 200, "it waits for ever"
        self.at += self.step_s
        self.strike(len(self.waits))


def a_dollar(_: str, __: object) -> float:
    """What an attempt costs online."""
    return 1.0


def half_a_dollar(_: str, __: object) -> float:
    """What an attempt costs in a batch."""
    return 0.5


def gemini_batch(
    url: str, folder: Path, clock: Hours | None = None, *, timeout_s: float | None = None, **batch: object
) -> GeminiBatchEngine:
    """The engine on a fake service, five rows a shard unless told otherwise."""
    given = {"most_rows": 5, **batch}
    options = BatchOptions(**given)  # type: ignore[arg-type]  # a test's own options
    clock = clock or Hours()
    context = EngineContext(folder, a_dollar, half_a_dollar, now=clock.now, wait=clock.wait)
    return GeminiBatchEngine(EngineOptions(base_url=url, batch=options, timeout_s=timeout_s), context)


def shards_of(folder: Path) -> list[Shard]:
    """All shards that are noted there."""
    (path,) = folder.rglob("gemini_batch-*.sqlite")
    return shards_in(path)
