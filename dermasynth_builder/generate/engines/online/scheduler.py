"""Decides what is sent when, what is tried again, and when to stop; what carries the attempts is given.

Pulling a request is the promise to send it: one is pulled only when it may go at once. What the service refuses for
want of quota waits and goes again before anything new; it is no fault of the request and costs it no try.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from random import Random
from typing import Protocol

from dermasynth_builder.core.errors import DermaSynthError, EngineError
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import Price
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.generate.engines.online.attempt import TRIES, Attempt, AttemptResult, Attempts, Status
from dermasynth_builder.generate.engines.online.pace import Breaker, Pace, Window, quota_error, tokens_of

_LEAST_BACKOFF_S, _LONGEST_BACKOFF_S = 0.1, 60.0
IS_KEPT = "answers are saved; run the same command again to continue"
_LONG_PAUSE_S = 60.0  # is told of
_ALIKE = 3  # requests that are refused alike before any is answered: the request itself is wrong
_SAYS_NOTHING = frozenset({Status.REFUSED, Status.REPHRASED, Status.RATE_LIMITED, Status.SPEND_LIMIT})
_SAYS_NOTHING |= {Status.SERVER_ERROR, Status.DAY_QUOTA, Status.FATAL}  # of whether requests are taken


class Carrier(Protocol):
    """See `transport.Transport`."""

    def send(self, attempt: Attempt) -> None:
        """Sets out at once."""

    def next(self, timeout_s: float | None) -> AttemptResult | None:
        """The next attempt that is back; None where none is within that time."""


class Scheduler:
    """One run, which counts as one day where midnight Pacific passes in it."""

    def __init__(
        self,
        carrier: Carrier,
        options: EngineOptions,
        clock: Callable[[], float],
        *,
        price: Price,
        standard_price: Price | None = None,
        sent_today: int = 0,
        now: str = "",
    ) -> None:
        """`standard_price` holds where a cheaper tier was asked for and the standard one served.

        `sent_today` requests have gone before, on the quota's day of `now`, a UTC time in ISO 8601.
        """
        self._node = 0
        self.tell: Callable[[str], object] = lambda _: None  # hears of long pauses
        self._told_until = 0.0
        self._carrier, self._options, self._clock, self._price = carrier, options, clock, price
        self._standard_price = standard_price or price
        self._pace, self._window = Pace(options), Window(options.concurrency)
        self._breaker = Breaker()
        self._in_flight: dict[int, Attempts] = {}  # by the attempt's number
        self._again: list[tuple[float, int, Attempts]] = []  # a heap: when at the earliest, number, pending
        self._pulled = self._sent = 0
        self._sent_before = sent_today
        self._is_exhausted = False
        self._has_answered = False
        self._doubtful: list[tuple[Attempts, AttemptResult]] = []  # refused, and none was answered since
        self.ending: DermaSynthError | None = None
        self._last_fault = ""
        self._last_at = now  # when the last attempt came back; UTC, ISO 8601
        self._draw = Random(0)  # noqa: S311 - jitter, no secret

    def run(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """A reply for each request, as they come.

        Raises QuotaError or EngineError once all that is in flight is back; what then has no reply was not answered.
        """
        fresh = iter(requests)
        while True:
            self.send_what_may_go(fresh)
            if not self._in_flight:
                if self.ending:
                    yield from self.paid_for_nothing()
                    raise self.ending
                is_day_spent = self._is_day_spent()
                if is_day_spent:  # nothing more is sent: pulling one only shows whether one is left
                    self._is_exhausted = self._is_exhausted or next(fresh, None) is None
                if self._is_exhausted and not self._again:
                    yield from self.taken_back()
                    return
                if is_day_spent:
                    yield from self.paid_for_nothing()
                    raise quota_error(self._last_at, f"--rpd {self._options.requests_per_day}")
            back = self._carrier.next(self.idle_s())
            if back:
                yield from self.settled(back)

    def join(self, first: "Scheduler", number: int) -> None:
        """Asks one of several servers, whose limits are those of the first's together."""
        self._node, self._breaker = number, Breaker(is_one_of_several=True)
        self._pace.share_limits(first._pace)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._in_flight

    def paced_s(self) -> float:
        """How long until a request may go, as far as quotas are concerned; 0 is now."""
        return self._pace.wait_s(self._clock())

    @property
    def has_waiting(self) -> bool:
        """Whether a request waits for another try."""
        return bool(self._again)

    def adopt(self, pending: Attempts) -> None:
        """Takes over a request that another server has left."""
        self._pulled += 1
        pending.number = self._pulled
        self._try_again(pending, self._clock())

    def give_up(self) -> list[Attempts]:
        """All requests that are not under way, for others to take over."""
        left = [each for _, _, each in self._again] + [each for each, _ in self._doubtful]
        self._again, self._doubtful = [], []
        return left

    def send_what_may_go(self, fresh: Iterator[Request]) -> None:
        """Sends requests that wait for another try, then new ones, as many as may go now."""
        while self.ending is None and self._has_room() and self.paced_s() <= 0:
            if not self.send_one(fresh):
                return

    def send_one(self, fresh: Iterator[Request]) -> bool:
        """Sends a request that waits for another try, or else a new one; whether there was one."""
        pending = self._next(fresh)
        if pending is not None:
            self._send(pending)
        return pending is not None

    def _has_room(self) -> bool:
        return len(self._in_flight) < self._window.size and not self._is_day_spent()

    def _is_day_spent(self) -> bool:
        per_day = self._options.requests_per_day
        return per_day is not None and self._sent_before + self._sent >= per_day

    def _may_pull(self) -> bool:
        """What waits for another try counts as pulled, so that nobody's requests pile up here."""
        return not self._is_exhausted and len(self._in_flight) + len(self._again) < self._options.concurrency

    def _next(self, fresh: Iterator[Request]) -> Attempts | None:
        now = self._clock()
        if self._again and self._again[0][0] <= now:
            return heappop(self._again)[2]
        request = next(fresh, None) if self._may_pull() else None
        if request is None:
            self._is_exhausted = self._is_exhausted or self._may_pull()
            return None
        self._pulled += 1
        return Attempts(self._pulled, request, self._options.max_output_tokens, now)

    def _send(self, pending: Attempts) -> None:
        self._sent += 1
        pending.attempts += 1
        pending.set_aside = self._pace.sent(self._clock())
        self._in_flight[self._sent] = pending
        self._carrier.send(Attempt(self._sent, pending.request, pending.max_output_tokens, self._node))

    def idle_s(self) -> float | None:
        """How long nothing can be sent, unless an attempt comes back before; None: that alone can change it."""
        if self.ending or not self._has_room():
            return None
        now, wait_s = self._clock(), self.paced_s()
        self._tell_pause(now, wait_s)
        if self._may_pull():
            return wait_s
        return max(wait_s, self._again[0][0] - now) if self._again else None

    def _tell_pause(self, now: float, wait_s: float) -> None:
        """Says until when a long pause lasts; nothing any more once it is over."""
        is_long = wait_s > _LONG_PAUSE_S and bool(self._last_at)
        if is_long and now + wait_s > self._told_until + _LONG_PAUSE_S / 2:
            self._told_until = now + wait_s
            ends_at = datetime.fromisoformat(self._last_at) + timedelta(seconds=wait_s)
            self.tell(f"paused until {ends_at.astimezone(UTC):%H:%M} UTC, {self._last_fault or 'as the limits ask'}")
        elif self._told_until and wait_s <= 0:
            self._told_until = 0.0
            self.tell("")

    def settled(self, back: AttemptResult) -> Iterator[Reply]:
        """The replies to requests that are done with; none where it goes again, or is dropped as the run ends."""
        pending, status, now = self._in_flight.pop(back.attempt.number), back.outcome.status, self._clock()
        self._last_at = back.answered_at
        cost_usd = pending.account(back, self._options.model or "", self._price_of(back))
        self._pace.came_back(pending.set_aside, tokens_of(back.outcome.usage), cost_usd)
        self._learn(pending, back, now)
        if status is Status.REPHRASED:
            pending.attempts -= 1
            self._try_again(pending, now)
        elif status in (Status.RATE_LIMITED, Status.SPEND_LIMIT):
            self._try_again(pending, now)
        elif status is Status.DAY_QUOTA:
            self._try_again(pending, now)
            self._end(quota_error(back.answered_at, back.outcome.reason))
        elif status is Status.FATAL:
            self._try_again(pending, now)
            self._end(EngineError(f"{back.outcome.reason}; {IS_KEPT}"))
        elif status is Status.REFUSED:
            self._doubt(pending, back)
        elif pending.goes_again(back, fault := pending.fault(back)):
            wait_s = max(self._backoff_s(pending.breaks), back.outcome.wait_s) if status is Status.SERVER_ERROR else 0.0
            self._try_again(pending, now + wait_s)
        else:
            yield self._reply(pending, back, fault)
        if self._has_answered and status not in _SAYS_NOTHING:
            yield from self.taken_back()

    def _price_of(self, back: AttemptResult) -> Price:
        is_cheaper = back.outcome.sent_as.get("tier") == self._options.tier
        return self._price if is_cheaper or not self._options.tier else self._standard_price

    def _reply(self, pending: Attempts, back: AttemptResult, fault: str | None) -> Reply:
        return pending.reply(back, fault, model=self._options.model or "", now=self._clock())

    def _doubt(self, pending: Attempts, back: AttemptResult) -> None:
        """A refused request waits until another is answered, which shows that it is the only one to blame.

        Three that are refused alike before any is answered show that all would be; they are then nobody's fault.
        """
        self._doubtful.append((pending, back))
        alike = {_gist(each.outcome.reason) for _, each in self._doubtful[-_ALIKE:]}
        if not self._has_answered and len(self._doubtful) >= _ALIKE and len(alike) == 1:
            self._end(
                EngineError(f"the first {_ALIKE} requests were all refused alike: {back.outcome.reason}; {IS_KEPT}")
            )

    def taken_back(self) -> Iterator[Reply]:
        """The failures of requests that were refused."""
        while self._doubtful and not self.ending:
            pending, back = self._doubtful.pop(0)
            yield self._reply(pending, back, back.outcome.reason)

    def paid_for_nothing(self) -> Iterator[Reply]:
        """What was paid for requests that the end of the run leaves open is kept; another run asks them again."""
        for pending in self.give_up():
            if pending.usage and (last := pending.last):
                self._last_at = last.answered_at
                yield self._reply(pending, last, "unfinished: the run ended before it was asked again")

    def _learn(self, pending: Attempts, back: AttemptResult, now: float) -> None:
        """What an attempt says of the service: how fast, how many at once, whether at all.

        Of the tries at a request that breaks again and again, the first and the last count, so that a few such do not
        speak for the service.
        """
        status, wait_s = back.outcome.status, back.outcome.wait_s
        if status in (Status.RATE_LIMITED, Status.SPEND_LIMIT):
            slow_down = self._pace.refused if status is Status.RATE_LIMITED else self._pace.too_dear
            if slow_down(wait_s, now, sent_at=now - back.took_s):
                self._window.refused(now)
            self._last_fault = back.outcome.reason
            self._breaker.refused(now)
        elif status in (Status.SERVER_ERROR, Status.REFUSED):
            self._last_fault = back.outcome.reason
            self._window.failed()
            if pending.breaks in (0, TRIES - 1):
                self._breaker.note(has_failed=True)
        elif status not in (Status.DAY_QUOTA, Status.FATAL, Status.REPHRASED):
            self._has_answered = True
            self._pace.answered(now, sent_at=now - back.took_s)
            self._window.answered(len(self._in_flight) + 1)
            self._breaker.note(has_failed=False)
        if fault := self._breaker.fault(now):
            self._end(EngineError(f"{fault}, the last with {self._last_fault}; {IS_KEPT}"))

    def _backoff_s(self, breaks: int) -> float:
        return self._draw.uniform(_LEAST_BACKOFF_S, min(_LONGEST_BACKOFF_S, 2.0**breaks))

    def _try_again(self, pending: Attempts, at: float) -> None:
        heappush(self._again, (at, pending.number, pending))

    def _end(self, error: DermaSynthError) -> None:
        """Nothing more is sent. The first reason stands."""
        self.ending = self.ending or error


def _gist(reason: str) -> str:
    """What a service says without the numbers and names of one request."""
    return re.sub(r"[0-9a-fA-F-]*\d[0-9a-fA-F-]*", "#", reason)
