"""Effect: asks an engine what its ledger does not hold yet."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass

from dermasynth_builder.ledger import Ledger
from dermasynth_builder.protocols import Engine
from dermasynth_builder.records import Request


@dataclass(slots=True)
class Tally:
    """What a run of `generate` came to."""

    known: int = 0  # answered by an earlier run, or the same as another request of this one
    failed_earlier: int = 0  # failures that were not asked again
    answered: int = 0
    failed: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        """Both runs together."""
        return Tally(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


def generate(
    requests: Iterable[Request],
    engine: Engine,
    ledger: Ledger,
    *,
    is_failed_wanted: bool = False,
    advance: Callable[[int], object] = lambda _: None,
) -> Tally:
    """Appends a reply to the ledger for every request that has none; one request a key.

    Earlier failures are asked again only with `is_failed_wanted`. `advance` is called with 1 for every
    request that is settled. Killed at any point, it loses and repeats no more than what was in flight.
    """
    tally = Tally()
    missing = _missing(requests, ledger, tally, is_failed_wanted=is_failed_wanted, advance=advance)
    with ledger:
        for reply in engine.answer(missing):
            ledger.append(reply)
            tally.answered += reply.text is not None
            tally.failed += reply.text is None
            advance(1)
    return tally


def _missing(
    requests: Iterable[Request],
    ledger: Ledger,
    tally: Tally,
    *,
    is_failed_wanted: bool,
    advance: Callable[[int], object],
) -> Iterator[Request]:
    asked: set[str] = set()
    for request in requests:
        is_failed = request.key in ledger and request.key not in asked and ledger.is_failure(request.key)
        if request.key in asked or (request.key in ledger and not (is_failed and is_failed_wanted)):
            tally.failed_earlier += is_failed
            tally.known += not is_failed
            advance(1)
            continue
        asked.add(request.key)
        yield request
