"""An engine that asks one by one, in a simulated world: the real scheduler, ledger and run; the rest is drawn."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from pathlib import Path
from random import Random

from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import EngineRun
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.generate.engines.online.attempt import Attempt, AttemptResult, Identity, Outcome, Status
from dermasynth_builder.generate.engines.online.nodes import Node, Nodes
from dermasynth_builder.generate.engines.online.scheduler import Scheduler
from dermasynth_builder.generate.ledger_tools import sent_on_day
from tests.simulation.world import USD, Killed, World, answer_to, play

_USAGE = {"totalTokenCount": 1000}
_MOST_BREAKS, _MOST_REPAIRS = 3, 2  # of one request, so that each comes through in the end
_MINUTE_S, _WAIT_S = 60.0, 5.0


@dataclass(frozen=True)
class Weather:
    """How a service is, drawn once for a seed."""

    latency_s: float
    fault_share: float
    per_minute: float | None  # of the service
    outages: tuple[tuple[float, float], ...]  # from, to
    per_day: int | None  # of the service
    nodes: int  # servers of one model; only one knows quotas
    away: tuple[tuple[int, float, float], ...]  # a server, from, to


def weather(draw: Random, count: int) -> Weather:
    """What a seed draws."""
    nodes = draw.choice([1, 1, 2, 4])
    starts = [1000 + draw.uniform(0, 60) for _ in range(draw.choice([0, 0, 1, 2]))]
    return Weather(
        latency_s=draw.choice([0.01, 0.2, 3.0]),
        fault_share=draw.choice([0.0, 0.05, 0.3]),
        per_minute=draw.choice([None, None, 60.0, 600.0]),
        outages=tuple((at, at + draw.choice([5.0, 60.0, 7200.0])) for at in starts),
        per_day=draw.choice([None, None, None, max(8, count // 2)]) if nodes == 1 else None,
        nodes=nodes,
        away=tuple(
            (node, at := 1000 + draw.uniform(-10, 30), at + draw.choice([1.0, 60.0, 7200.0]))
            for node in range(nodes)
            if nodes > 1 and draw.random() < 0.5
        ),
    )


def options(draw: Random, count: int, nodes: int) -> EngineOptions:
    """What whoever starts the runs has asked for."""
    return EngineOptions(
        model="m",
        concurrency=draw.choice([1, 4, 16, 64]),
        requests_per_minute=draw.choice([None, None, 30.0, 300.0]),
        tokens_per_minute=draw.choice([None, None, 100_000.0]),
        requests_per_day=draw.choice([None, None, max(4, count // 2)]) if nodes == 1 else None,
    )


@dataclass
class Network:
    """The way to a service and the service: a carrier of one run."""

    world: World
    weather: Weather
    options: EngineOptions
    broken: Counter[str]
    repaired: Counter[str]
    sent_on: Counter[int]  # requests of each day
    _under_way: list[tuple[float, int, Attempt, Outcome, float]] = field(default_factory=list)
    _recent: deque[float] = field(default_factory=deque)  # when requests went, within a minute
    _sent: int = 0
    _left: float = 10.0
    _left_at: float = 0.0

    def clock(self) -> float:
        """The world's."""
        return self.world.now

    def send(self, attempt: Attempt) -> None:
        """See `Carrier.send`."""
        self.world.step()
        now = self.world.now
        self._check_caps(now)
        took_s = self.world.draw.uniform(0.5, 2) * self.weather.latency_s
        self._sent += 1
        heappush(self._under_way, (now + took_s, self._sent, attempt, self._outcome(attempt), now))

    def next(self, timeout_s: float | None) -> AttemptResult | None:
        """See `Carrier.next`."""
        self.world.step()
        self.world.require(timeout_s is not None or bool(self._under_way), "it would wait for ever")
        until = self.world.now + (1e9 if timeout_s is None else timeout_s)
        if not self._under_way or self._under_way[0][0] > until:
            self.world.now = until
            return None
        at, _, attempt, outcome, sent_at = heappop(self._under_way)
        self.world.now = max(self.world.now, at)
        if outcome is _DROPPED:
            self.world.pay(attempt.request.key)
            self.world.lose([attempt.request.key])
        elif outcome.status is Status.ANSWERED and outcome.text == answer_to(attempt.request.key):
            self.world.pay(attempt.request.key)
        times = (self.world.iso(sent_at), self.world.iso(self.world.now))
        return AttemptResult(attempt, outcome, *times, self.world.now - sent_at)

    def die(self) -> None:
        """What is under way when a run is killed may be answered all the same."""
        for _, _, attempt, outcome, _ in self._under_way:
            if outcome.status is Status.ANSWERED and outcome.text == answer_to(attempt.request.key):
                self.world.paid[attempt.request.key] += 1
                self.world.lose([attempt.request.key])

    def _check_caps(self, now: float) -> None:
        world, per_minute = self.world, self.options.requests_per_minute
        most = self.options.concurrency * self.weather.nodes
        world.require(len(self._under_way) < most, "more are under way than --concurrency")
        self._recent.append(now)
        while now - self._recent[0] >= _MINUTE_S:
            self._recent.popleft()
        world.require(per_minute is None or len(self._recent) <= per_minute, "more go in a minute than --rpm")

    def _outcome(self, attempt: Attempt) -> Outcome:
        key, draw = attempt.request.key, self.world.draw
        if any(start <= self.world.now < end for start, end in self.weather.outages):
            return draw.choice([_DOWN, _OVERLOADED])
        if any(node == attempt.node and start <= self.world.now < end for node, start, end in self.weather.away):
            return _DOWN
        if refusal := self._refusal():
            return refusal
        if key in self.world.odd:
            word = key[:8].translate(_LETTERS)
            blocked = Outcome(Status.BLOCKED, reason="blocked: SAFETY", usage=_USAGE)
            return blocked if int(key[8], 16) % 2 else Outcome(Status.REFUSED, reason=f"refused: 400 {word}")
        if draw.random() < self.weather.fault_share:
            if self.broken[key] < _MOST_BREAKS and draw.random() < 0.5:
                self.broken[key] += 1
                return draw.choice([_DOWN, _OVERLOADED, _DROPPED])
            if self.repaired[key] < _MOST_REPAIRS:
                self.repaired[key] += 1
                return draw.choice([_CUT, _HALF, _UNUSABLE])
        return Outcome(Status.ANSWERED, answer_to(key), usage=_USAGE, model_version="m-1")

    def _refusal(self) -> Outcome | None:
        day = int(self.world.now // 86_400)
        if self.weather.per_day and self.sent_on[day] >= self.weather.per_day:
            return Outcome(Status.DAY_QUOTA, reason="quota: 429 of the day")
        self.sent_on[day] += 1
        if self.weather.per_minute is None:
            return None
        per_s, now = self.weather.per_minute / _MINUTE_S, self.world.now
        self._left = min(self.weather.per_minute, self._left + (now - self._left_at) * per_s)
        self._left_at = now
        if self._left < 1:
            return Outcome(Status.RATE_LIMITED, reason="quota: 429", wait_s=self.world.draw.choice([0.0, _WAIT_S]))
        self._left -= 1
        return None


def _not_told(_: str) -> None:
    """How many servers answer."""


_LETTERS = str.maketrans("0123456789", "ghijklmnop")
_DOWN = Outcome(Status.SERVER_ERROR, reason="connection: nobody is there")
_OVERLOADED = Outcome(Status.SERVER_ERROR, reason="server: 503")
_DROPPED = Outcome(Status.SERVER_ERROR, reason="connection: closed in the middle of an answer")
_CUT = Outcome(Status.TRUNCATED, reason="cut off: MAX_TOKENS", usage=_USAGE)
_HALF = Outcome(Status.ANSWERED, '{"answer": "a mac', usage=_USAGE, model_version="m-1")
_UNUSABLE = Outcome(Status.UNUSABLE, reason="unusable: OTHER", usage=_USAGE)


@dataclass
class SimulatedEngine:
    """See `Engine`."""

    world: World
    weather: Weather
    options: EngineOptions
    name: str = "simulated"
    is_model: bool = True
    identity: Mapping[str, str | int | float | None] = field(default_factory=lambda: {"engine": "simulated"})
    broken: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)
    sent_on: Counter[int] = field(default_factory=Counter)

    def answer(self, requests: Iterable[Request], _: EngineRun) -> Iterator[Reply]:
        """See `Engine.answer`."""
        network = Network(self.world, self.weather, self.options, self.broken, self.repaired, self.sent_on)
        now, count = self.world.iso(self.world.now), self.weather.nodes
        schedulers = [
            Scheduler(
                network,
                self.options,
                network.clock,
                price=lambda _, usage: USD * usage["totalTokenCount"] / 1000,
                sent_today=sent_on_day(self.world.folder, "m", now),
                now=now,
            )
            for _ in range(count)
        ]
        nodes = [Node(f"node {number}", scheduler) for number, scheduler in enumerate(schedulers)]
        asking = Nodes(nodes, network, network.clock, _not_told) if count > 1 else schedulers[0]
        try:
            yield from asking.run(requests)
        except Killed:
            network.die()
            raise


def simulate(
    seed: str, folder: Path, planned: Sequence[Request] = (), identity: Identity | None = None, *, is_calm: bool = False
) -> World:
    """Plays one seed to its end: invented requests, or those that are planned for an engine. Raises Broken.

    In a calm world nothing fails but what no answer comes to, which the seed decides alike.
    """
    draw = Random(f"world {seed}")  # noqa: S311 - no secret
    count, kills, odd_share = len(planned) or draw.randint(3, 40), draw.choice([0, 1, 3]), draw.choice([0.0, 0.1])
    world = World(seed, folder, count, 0 if is_calm else kills, odd_share, planned=planned)
    drawn = CALM if is_calm else weather(draw, world.count)
    asked = options(draw, world.count, drawn.nodes)
    engine = SimulatedEngine(world, drawn, asked)
    engine.identity = identity or engine.identity
    max_usd = draw.choice([None, None, world.count * USD / 3])
    play(world, engine, max_usd=max_usd, most_under_way=asked.concurrency * drawn.nodes)
    return world


CALM = Weather(0.2, 0.0, None, (), None, 1, ())
