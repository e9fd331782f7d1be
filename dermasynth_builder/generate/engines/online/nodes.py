"""Several servers of one model, asked by one process: each with its own window, pace and health.

Whichever server may take one more pulls the next request. A server that breaks three times in a row is left alone for a
while, which grows; what waits there goes to the others, and its first answer brings it back. One that says that it will
answer nothing (no such model, no access) is left for good. A request breaks five times at most, as at a single server,
but for those times at which its server turned out to be away.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from dermasynth_builder.core.errors import EngineError
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.generate.engines.online.attempt import AttemptResult, Attempts, Status
from dermasynth_builder.generate.engines.online.scheduler import IS_KEPT, Carrier, Scheduler

_BREAKS = 3  # in a row
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_LONGEST_OUTAGE_S = 120.0  # of all servers at once


@dataclass(slots=True)
class Node:
    """One server."""

    address: str  # as users know it
    scheduler: Scheduler  # whose attempts have this node's number
    has_answered: bool = False
    _breaks: int = 0  # in a row
    _pause_s: float = _FIRST_PAUSE_S
    _out_since: float | None = None
    _next_try_at: float = 0.0
    _fault: str = ""  # the last

    @property
    def is_ended(self) -> bool:
        """Whether it is left for good."""
        return self.scheduler.ending is not None

    @property
    def is_up(self) -> bool:
        """Whether it is asked as a matter of course."""
        return self._out_since is None and not self.is_ended

    def try_in_s(self, now: float) -> float | None:
        """How long until one that is out may be asked a request, to see whether it is back; None: not that way."""
        is_asked = self.is_up or self.is_ended or not self.scheduler.is_idle
        return None if is_asked else max(self._next_try_at - now, self.scheduler.paced_s())

    def out_for_s(self, now: float) -> float:
        """How long it has not answered."""
        return 0.0 if self._out_since is None else now - self._out_since

    def note(self, back: AttemptResult, now: float) -> None:
        """What an attempt says of its health."""
        if back.outcome.status is not Status.SERVER_ERROR:
            self._breaks, self._pause_s, self._out_since = 0, _FIRST_PAUSE_S, None
            self.has_answered = True
            return
        self._breaks, self._fault = self._breaks + 1, back.outcome.reason
        if self._out_since is None and self._breaks >= _BREAKS:
            self._out_since, self._next_try_at = now, now + self._pause_s
        elif self._out_since is not None and now >= self._next_try_at:
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
            self._next_try_at = now + self._pause_s

    def told(self) -> str:
        """Why it does not answer."""
        return f"{self.address}: {self.scheduler.ending or self._fault}"


class _Stream(Iterator[Request]):
    """The requests, and whether they have come to their end."""

    def __init__(self, requests: Iterable[Request]) -> None:
        self._requests, self.is_exhausted = iter(requests), False

    def __next__(self) -> Request:
        try:
            return next(self._requests)
        except StopIteration:
            self.is_exhausted = True
            raise


def _not_at_fault(pending: Attempts) -> Attempts:
    """A request whose server turned out to be away; one that a server has answered with an error may be the cause."""
    if pending.last and pending.last.outcome.reason.startswith("connection:"):
        pending.breaks = max(0, pending.breaks - 1)
    return pending


@dataclass(slots=True)
class Nodes:
    """One run over several servers, whose carrier tells them apart by the number of the node."""

    nodes: Sequence[Node]
    carrier: Carrier
    clock: Callable[[], float]
    tell: Callable[[str], object]  # hears how many servers answer
    _left: list[Attempts] = field(default_factory=list)  # requests that no server has
    _turn: int = 0  # whose they are next

    def __post_init__(self) -> None:
        for number, node in enumerate(self.nodes):
            node.scheduler.join(self.nodes[0].scheduler, number)

    def run(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """As `Scheduler.run`. Raises EngineError where no server answers any more."""
        fresh = _Stream(requests)
        while True:
            self._send(fresh)
            if all(node.scheduler.is_idle for node in self.nodes):
                if why := self._why_to_end():
                    yield from self._paid_for_nothing()
                    raise EngineError(f"no server answers: {why}; {IS_KEPT}")
                if fresh.is_exhausted and not self._left and not any(n.scheduler.has_waiting for n in self.nodes):
                    for node in self.nodes:
                        yield from node.scheduler.taken_back()
                    return
            back = self.carrier.next(self._idle_s(fresh))
            if back:
                yield from self._settled(back)

    def _send(self, fresh: _Stream) -> None:
        now = self.clock()
        up = [node for node in self.nodes if node.is_up]
        for node in self.nodes:
            if node.is_up:
                continue
            if node.try_in_s(now) == 0.0:
                if self._left:
                    node.scheduler.adopt(self._left.pop())
                node.scheduler.send_one(fresh)
        while up and self._left:
            self._turn += 1
            up[self._turn % len(up)].scheduler.adopt(self._left.pop())
        for node in up:
            node.scheduler.send_what_may_go(fresh)

    def _idle_s(self, fresh: _Stream) -> float | None:
        """See `Scheduler.idle_s`."""
        now, is_work_left = self.clock(), bool(self._left) or not fresh.is_exhausted
        waits = [node.scheduler.idle_s() for node in self.nodes if node.is_up]
        waits += [node.try_in_s(now) for node in self.nodes] if is_work_left else []
        return min((wait_s for wait_s in waits if wait_s is not None), default=None)

    def _settled(self, back: AttemptResult) -> Iterator[Reply]:
        node = self.nodes[back.attempt.node]
        was_up = node.is_up
        node.note(back, self.clock())
        yield from node.scheduler.settled(back)
        if not node.is_up:
            self._left += map(_not_at_fault, node.scheduler.give_up())
        if node.is_up != was_up:
            up = sum(each.is_up for each in self.nodes)
            self.tell("" if up == len(self.nodes) else f"{up} of {len(self.nodes)} servers answer")

    def _why_to_end(self) -> str | None:
        """Why no server is worth waiting for; None where one is."""
        now = self.clock()
        is_hopeless = all(
            node.is_ended or (not node.is_up and (not node.has_answered or node.out_for_s(now) >= _LONGEST_OUTAGE_S))
            for node in self.nodes
        )
        return "; ".join(node.told() for node in self.nodes) if is_hopeless else None

    def _paid_for_nothing(self) -> Iterator[Reply]:
        """See `Scheduler.paid_for_nothing`."""
        first = self.nodes[0].scheduler
        for pending in [*self._left, *(each for node in self.nodes[1:] for each in node.scheduler.give_up())]:
            first.adopt(pending)
        yield from first.paid_for_nothing()
