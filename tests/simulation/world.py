"""What a seed decides, what happened in it, and what has to hold whatever happened.

A world has a clock that nobody waits for, requests, and a service that counts what it was paid for. Runs of `generate`
follow each other in it, on one real ledger, until all requests are settled. Some are killed: an exception that nobody
catches passes through them, and half of a line is left in the ledger, as `kill -9` leaves it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from dermasynth_builder.core.errors import DermaSynthError, QuotaError
from dermasynth_builder.core.protocols import Engine
from dermasynth_builder.core.records import Reply, Request, canonical_json
from dermasynth_builder.generate.ledger import Ledger, ledger_path, record_of
from dermasynth_builder.generate.run import Run, generate
from dermasynth_builder.plan.reply_form import schema
from tests.support.recited import requests

USD = 0.01
"""What a good answer costs."""

_MOST_RUNS = 120
_MORNING = datetime(2026, 11, 23, 9, tzinfo=UTC)
_HALF_AN_HOUR_S, _DAY_S = 1800.0, 86_400.0


class Killed(BaseException):
    """`kill -9`: nothing may catch it."""


class Broken(AssertionError):  # noqa: N818 - what was found
    """What has to hold does not; the seed is the report."""


@dataclass
class World:
    """What the runs of one seed share."""

    seed: str
    folder: Path  # of the ledger
    count: int  # requests
    kills: int  # that are still to come
    odd_share: float  # of the requests no answer comes to, whoever asks
    is_fetched_again: bool = False  # what a killed run has not kept comes again unpaid
    planned: Sequence[Request] = ()  # the requests, where they are not to be invented ones
    now: float = 1000.0
    runs: int = 0
    paid: Counter[str] = field(default_factory=Counter)  # good answers that the service has given, by key
    lost: Counter[str] = field(default_factory=Counter)  # those of them that nobody has got
    given: set[str] = field(default_factory=set)  # keys that were answered in this run
    ledger: Ledger | None = None  # of this run

    def __post_init__(self) -> None:
        self.draw = Random(self.seed)  # noqa: S311 - no secret
        invented = [replace(each, reply_schema=schema("asked")) for each in requests(self.count)]
        self.requests = self.planned or invented
        self.odd = {each.key for each in self.requests if self.strikes(self.odd_share)}
        self._kill_in = self._next_kill()

    def _next_kill(self) -> int:
        return self.draw.randint(1, 4 * self.count) if self.kills else 1 << 60

    def step(self) -> None:
        """One step of a run. Raises Killed where it is the last."""
        self._kill_in -= 1
        if self._kill_in <= 0:
            self.kills -= 1
            self._kill_in = self._next_kill()
            raise Killed

    def strikes(self, share: float) -> bool:
        """Whether something happens that happens so often."""
        return self.draw.random() < share

    def iso(self, at: float) -> str:
        """A time of the clock, UTC, ISO 8601."""
        return (_MORNING + timedelta(seconds=at)).isoformat(timespec="milliseconds")

    def pay(self, key: str) -> None:
        """A good answer is given, which is no use where there is one already."""
        self.require(not self.has_good(key), f"{key[:12]} is paid although its answer is kept")
        self.paid[key] += 1
        self.given.add(key)

    def lose(self, keys: Iterable[str]) -> None:
        """Good answers were given that nobody has got."""
        for key in keys:
            self.lost[key] += 1
            self.given.discard(key)

    def has_good(self, key: str) -> bool:
        """Whether the ledger has an answer."""
        return self.ledger is not None and key in self.ledger and not self.ledger.is_failure(key)

    def require(self, holds: bool, told: str) -> None:
        """Raises Broken where it does not."""
        if not holds:
            raise Broken(f"seed {self.seed}, run {self.runs}, at {self.now:.1f} s: {told}")


def answer_to(key: str) -> str:
    """The one good answer to a request."""
    return json.dumps({"answer": f"The picture shows a macule, number {int(key[:12], 16)} of its kind."})


def play(world: World, engine: Engine, *, max_usd: float | None = None, most_under_way: int) -> None:
    """Runs the command again and again as whoever started it would, until nothing is left to do; then looks at all."""
    path = ledger_path(world.folder, engine)
    is_left = True
    while is_left:
        world.runs += 1
        world.require(world.runs <= _MOST_RUNS, "it comes to no end")
        before = path.read_bytes() if path.exists() else b""
        world.ledger, run = Ledger(path, engine.identity, _not_heard), Run(max_usd)
        try:
            generate(world.requests, engine, world.ledger, run=run)
        except Killed:
            _leave_half_a_line(world, path)
        except DermaSynthError as error:
            world.now += _DAY_S if isinstance(error, QuotaError) else 0.0
            _check_money(world, max_usd, most_under_way)
            max_usd = max_usd * 2 if max_usd and "--max-usd" in str(error) else max_usd
            _check_kept(world, path, engine)
        else:
            _check_kept(world, path, engine)
        world.require(path.read_bytes().startswith(before), "the ledger is more than appended to")
        world.ledger = Ledger(path, engine.identity, _not_heard)
        if not world.is_fetched_again:
            world.lose([key for key in world.given if not world.has_good(key)])
        world.given.clear()
        is_left = not all(world.ledger.is_settled(each.key) for each in world.requests)
        world.now += _HALF_AN_HOUR_S
    check_end(world, path, engine)


def _not_heard(_: str) -> None:
    """A torn line is what a killed run leaves."""


def _leave_half_a_line(world: World, path: Path) -> None:
    """A killed run may have begun to write a line."""
    if world.given and path.exists() and world.strikes(0.5):
        key = world.draw.choice(sorted(world.given))
        line = canonical_json(record_of(Reply(key, answer_to(key)))).encode()
        with path.open("ab") as file:
            file.write(line[: world.draw.randint(1, len(line))])


def _check_kept(world: World, path: Path, engine: Engine) -> None:
    """A run that was not killed has kept all that it was given, however it ended."""
    kept = Ledger(path, engine.identity, _not_heard)
    missing = [key for key in world.given if key not in kept or kept.is_failure(key)]
    world.require(not missing, f"{len(missing)} answers were given and are not kept")


def _check_money(world: World, max_usd: float | None, most_under_way: int) -> None:
    if max_usd and world.ledger:
        world.require(world.ledger.spent_usd <= max_usd + most_under_way * USD * 4, "--max-usd is passed by far")


def check_end(world: World, path: Path, engine: Engine) -> None:
    """No answer is lost, none is paid twice but those that nobody has got, and all are what they are without faults."""
    ledger = Ledger(path, engine.identity, _not_heard)
    for request, reply in ledger.answered(world.requests):
        key = request.key
        has_answer = reply is not None and reply.text is not None
        world.require(has_answer != (key in world.odd), f"{key[:12]}: {reply.failure if reply else 'no reply'}")
        if reply and reply.text:
            world.require(reply.text == answer_to(key), f"{key[:12]}: the answer is another's")
        paid, lost = world.paid[key], world.lost[key]
        world.require(paid == has_answer + lost, f"{key[:12]}: paid {paid} times, {lost} of them lost")
