"""The scheduler on a clock of its own: how fast it goes, when it waits, when it gives up. Nothing here sleeps."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import repeat
from random import Random

import pytest

from dermasynth_builder.core.errors import EngineError, QuotaError
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import BARE_CONTEXT, Price
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.generate.engines.online.attempt import Attempt, AttemptResult, Outcome, Status
from dermasynth_builder.generate.engines.online.pace import Pace
from dermasynth_builder.generate.engines.online.scheduler import Scheduler
from dermasynth_builder.plan.reply_form import schema
from tests.support.recited import requests

GOOD = Outcome(Status.ANSWERED, '{"answer": "a macule"}', usage={"totalTokenCount": 1000}, model_version="m-1")
LATENCY_S = 0.2

unknown = BARE_CONTEXT.price


@dataclass
class Rehearsed:
    """A carrier and a clock in one: attempts take 0.2 s or so, and what they come to is told by `say`."""

    say: Callable[[Attempt, float], Outcome] = lambda *_: GOOD
    now: float = 100.0
    sent: list[tuple[float, Attempt]] = field(default_factory=list)
    most: int = 0
    latencies_s: Iterator[float] = field(default_factory=lambda: repeat(LATENCY_S))
    _under_way: list[tuple[float, int, AttemptResult]] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def send(self, attempt: Attempt) -> None:
        self.sent.append((self.now, attempt))
        took_s = next(self.latencies_s)
        back = AttemptResult(attempt, self.say(attempt, self.now), "t0", "2026-11-23T20:00:00.000+00:00", took_s)
        heappush(self._under_way, (self.now + took_s, len(self.sent), back))
        self.most = max(self.most, len(self._under_way))

    def next(self, timeout_s: float | None) -> AttemptResult | None:
        assert timeout_s is not None or self._under_way, "it would wait for ever"
        until = self.now + (1e9 if timeout_s is None else timeout_s)
        if self._under_way and self._under_way[0][0] <= until:
            self.now = max(self.now, self._under_way[0][0])
            return heappop(self._under_way)[2]
        self.now = until
        return None

    def run(self, count: int, *, sent_today: int = 0, price: Price = unknown, **options: object) -> list[Reply]:
        return list(self.replies(count, sent_today=sent_today, price=price, **options))

    def replies(self, count: int, *, sent_today: int = 0, price: Price = unknown, **options: object) -> Iterator[Reply]:
        asked = [replace(each, reply_schema=schema("asked")) for each in requests(count)]
        chosen = EngineOptions(model="m", **options)  # type: ignore[arg-type]  # a test's own options
        now = "2026-11-23T07:00:00+00:00"
        return Scheduler(self, chosen, self.clock, price=price, sent_today=sent_today, now=now).run(asked)

    @property
    def tries(self) -> Counter[str]:
        return Counter(attempt.request.key for _, attempt in self.sent)

    def sent_within(self, window_s: float) -> int:
        """The most that were sent in any window of that length."""
        times = [at for at, _ in self.sent]
        return max(bisect_left(times, start + window_s) - number for number, start in enumerate(times))


class Quota:
    """A service's quota that refills steadily and begins full."""

    def __init__(self, per_minute: float, refusal: Outcome) -> None:
        self.left = self.per_minute = per_minute
        self.at = 100.0
        self.refusal = refusal

    def __call__(self, _: Attempt, now: float) -> Outcome:
        self.left = min(self.per_minute, self.left + (now - self.at) * self.per_minute / 60)
        self.at = now
        if self.left < 1:
            return self.refusal
        self.left -= 1
        return GOOD


def once(*outcomes: Outcome) -> Callable[[Attempt, float], Outcome]:
    """What comes of the first tries at each request; then all is well."""
    met: Counter[str] = Counter()

    def say(attempt: Attempt, _: float) -> Outcome:
        met[attempt.request.key] += 1
        number = met[attempt.request.key]
        return outcomes[number - 1] if number <= len(outcomes) else GOOD

    return say


@pytest.mark.parametrize("limit", [60, 600, 6000])
def test_requests_a_minute_are_kept_in_every_window(limit: int) -> None:
    service = Rehearsed()
    assert len(service.run(limit * 2, requests_per_minute=limit, concurrency=500)) == limit * 2
    assert service.sent_within(60) <= limit
    assert service.sent_within(1) <= limit / 60 * 2 + 1
    assert service.now - 100 < 2 * 60 * 1.05


def test_tokens_and_dollars_are_kept_by_what_they_turn_out_to_be() -> None:
    for options in (
        {"tokens_per_minute": 60_000},
        {"usd_per_10_minutes": 6.0, "price": lambda *_: 0.01},
    ):
        service = Rehearsed()
        service.run(180, concurrency=32, **options)
        assert 170 < service.now - 100 < 200  # 60 a minute either way
        assert service.sent_within(60) <= 60 + 32


def test_more_go_at_once_while_all_goes_well() -> None:
    service = Rehearsed()
    service.run(3000, concurrency=256)
    assert service.most == 256
    assert service.now - 100 < 3000 / 256 * LATENCY_S * 1.5


def uneven(mean_s: float) -> Iterator[float]:
    """Latencies from half to twice as long."""
    draw = Random(f"{mean_s}")  # noqa: S311 - no secret
    return (each * draw.uniform(0.5, 2) for each in repeat(mean_s))


@pytest.mark.parametrize("latency_s", [0.005, 0.05, 0.2])
@pytest.mark.parametrize("told_s", [0.2, 1.0, 2.0, 4.0, 7.0, 10.0])
def test_a_quota_that_is_met_costs_few_attempts_and_little_time(told_s: float, latency_s: float) -> None:
    quota = Quota(300, Outcome(Status.RATE_LIMITED, reason="quota: 429", wait_s=told_s))
    service = Rehearsed(quota, latencies_s=uneven(latency_s))
    replies = service.run(450, concurrency=64)
    assert all(reply.text for reply in replies)
    assert len(service.sent) <= 1.35 * 450
    assert service.now - 100 <= 1.15 * 30
    assert max(reply.attempts for reply in replies) <= 6


def test_a_learned_rate_counts_what_was_sent_between_two_refusals_and_no_more() -> None:
    pace = Pace(EngineOptions())
    pace.refused(1.0, 1.0, sent_at=1.0)
    for _ in range(70):
        pace.answered(1.5, sent_at=0.5)  # under way at the first refusal: before the ten seconds
    for _ in range(50):
        pace.answered(10.0, sent_at=9.0)
    pace.refused(1.0, 11.0, sent_at=11.0)
    for _ in range(10):
        pace.answered(11.5, sent_at=10.5)  # under way at the second: within them
    for _ in range(60):
        pace.sent(20.0)
    assert pace.wait_s(20.0) == pytest.approx(60 / 6 - 1.0 + 1 / 6)  # six a second, and what was unused of one second


def test_a_learned_rate_outlives_a_refusal_that_comes_much_later() -> None:
    pace = Pace(EngineOptions())
    for at in (0.0, 10.0, 100.0):
        pace.refused(1.0, at, sent_at=at)
        for _ in range(50):
            pace.answered(at + 9, sent_at=at + 5)
    for _ in range(60):
        pace.sent(120.0)
    per_s = 5 * 1.05**2  # grown twice since
    assert pace.wait_s(120.0) == pytest.approx(60 / per_s - 1.0 + 1 / per_s)


def test_everyone_waits_when_the_minute_is_used_up() -> None:
    service = Rehearsed(once(Outcome(Status.RATE_LIMITED, reason="quota: 429", wait_s=50)))
    service.run(40, concurrency=20)
    refused_at = service.sent[0][0] + LATENCY_S
    assert not [at for at, _ in service.sent if refused_at < at < refused_at + 50 - LATENCY_S]
    assert set(service.tries.values()) == {2}


def told_of(service: Rehearsed, count: int, **options: object) -> list[str]:
    """What a run says of its pauses."""
    told: list[str] = []
    asked = [replace(each, reply_schema=schema("asked")) for each in requests(count)]
    chosen = EngineOptions(model="m", **options)  # type: ignore[arg-type]  # a test's own options
    scheduler = Scheduler(service, chosen, service.clock, price=unknown, now="2026-11-23T20:00:00+00:00")
    scheduler.tell = told.append
    assert len(list(scheduler.run(asked))) == count
    return told


def test_a_pause_longer_than_a_minute_is_told_with_its_end() -> None:
    refused = Outcome(Status.RATE_LIMITED, reason="quota: 429 slow down", wait_s=600)
    told = told_of(Rehearsed(once(refused)), 4, concurrency=4)
    assert told == ["paused until 20:10 UTC, quota: 429 slow down", ""]
    assert told_of(Rehearsed(once(replace(refused, wait_s=50))), 4, concurrency=4) == []
    assert told_of(Rehearsed(), 100, concurrency=4) == []


@pytest.mark.parametrize("limit", [64, 128, 256])
def test_the_limit_is_reached_within_the_first_few_hundred_requests(limit: int) -> None:
    service = Rehearsed()
    service.run(limit + 224, concurrency=limit)
    assert service.most == limit


def test_a_spend_limit_slows_down_for_a_minute() -> None:
    service = Rehearsed(once(Outcome(Status.SPEND_LIMIT, reason="quota: spend")))
    service.run(4, concurrency=1)
    assert service.sent[1][0] - service.sent[0][0] >= 60


def test_the_quota_of_the_day_ends_the_run_and_keeps_what_comes() -> None:
    service = Rehearsed(
        lambda attempt, _: GOOD if attempt.number <= 50 else Outcome(Status.DAY_QUOTA, reason="quota: 429")
    )
    kept: list[Reply] = []
    with pytest.raises(QuotaError, match=r"resets at 2026-11-24 08:00 UTC \(midnight Pacific\)"):
        kept.extend(service.replies(500, concurrency=16))
    kept_all = service.run(50)
    assert len(kept_all) == 50
    assert len(service.sent) - 50 <= 50 + 16


def test_a_run_sends_no_more_than_the_day_allows() -> None:
    service = Rehearsed()
    with pytest.raises(QuotaError, match="--rpd 30"):
        service.run(100, requests_per_day=30)
    assert len(service.sent) == 30
    with pytest.raises(QuotaError, match=r"--rpd 30.*resets at 2026-11-24 08:00"):
        service.run(100, requests_per_day=30, sent_today=18)
    assert len(service.sent) == 30 + 12
    with pytest.raises(QuotaError, match=r"--rpd 30.*resets at 2026-11-23 08:00"):  # nothing came back to tell the time
        service.run(100, requests_per_day=30, sent_today=30)
    assert len(service.sent) == 30 + 12


def test_a_day_that_is_just_long_enough_ends_well() -> None:
    service = Rehearsed()
    assert len(service.run(30, requests_per_day=30)) == 30
    assert service.run(0, requests_per_day=30, sent_today=31) == []


def test_what_breaks_is_tried_five_times_with_growing_waits() -> None:
    broke = Outcome(Status.SERVER_ERROR, reason="server: 500")
    service = Rehearsed(once(*[broke] * 9))
    (reply,) = service.run(1)
    assert (reply.failure, reply.attempts) == ("server: 500 (5 attempts)", 5)
    service = Rehearsed(once(broke, broke))
    (reply,) = service.run(1)
    assert (reply.failure, reply.attempts) == (None, 3)
    assert reply.waited_s == pytest.approx(service.now - 100 - 3 * LATENCY_S, abs=0.01)
    service = Rehearsed(once(replace(broke, wait_s=30)))
    service.run(1)
    assert service.sent[1][0] - service.sent[0][0] >= 30


def test_a_blocked_request_is_asked_once() -> None:
    service = Rehearsed(lambda *_: Outcome(Status.BLOCKED, reason="blocked: SAFETY", usage={"totalTokenCount": 9}))
    replies = service.run(30)
    assert {(reply.failure, reply.attempts) for reply in replies} == {("blocked: SAFETY", 1)}
    assert replies[0].usage == {"totalTokenCount": 9}


def test_a_broken_answer_is_repaired_twice_at_most() -> None:
    broken = replace(GOOD, text='{"answer": ')
    (reply,) = Rehearsed(once(broken, broken)).run(1)
    assert (reply.failure, reply.attempts, reply.usage["totalTokenCount"]) == (None, 3, 3000)
    (reply,) = Rehearsed(once(*[broken] * 9)).run(1)
    assert str(reply.failure).startswith("truncated JSON")
    assert (reply.text, reply.attempts) == (None, 3)


def test_a_cut_answer_gets_more_room() -> None:
    service = Rehearsed(once(Outcome(Status.TRUNCATED, reason="cut off: MAX_TOKENS")))
    (reply,) = service.run(1, max_output_tokens=100)
    assert [attempt.max_output_tokens for _, attempt in service.sent] == [100, 200]
    assert reply.parameters == {"max_output_tokens": 200}


def test_a_service_that_fails_half_the_time_is_given_up() -> None:
    broke = Outcome(Status.SERVER_ERROR, reason="server: 503")
    service = Rehearsed(lambda attempt, _: GOOD if int(attempt.request.key[0], 16) % 2 else broke)
    with pytest.raises(EngineError, match=r"\d+ of the last 50 attempts failed, the last with server: 503"):
        service.run(1000)
    assert len(service.sent) < 200


def test_nothing_but_refusals_is_given_up_too() -> None:
    service = Rehearsed(lambda *_: Outcome(Status.RATE_LIMITED, reason="quota: 429", wait_s=20))
    with pytest.raises(EngineError, match="nothing but refusals"):
        service.run(100)
    assert 600 <= service.now - 100 < 800


def test_a_refused_request_fails_alone_once_others_were_answered() -> None:
    refused = Outcome(Status.REFUSED, reason="refused: 400 INVALID_ARGUMENT")
    service = Rehearsed(lambda attempt, _: refused if attempt.number == 7 else GOOD)
    failures = [reply.failure for reply in service.run(20, concurrency=1) if reply.failure]
    assert failures == ["refused: 400 INVALID_ARGUMENT"]
    with pytest.raises(EngineError, match="refused: 400"):
        Rehearsed(lambda *_: refused).run(20)


def test_cost_and_tokens_of_all_attempts_are_added_up() -> None:
    broken = replace(GOOD, text="{", usage={"totalTokenCount": 500})
    (reply,) = Rehearsed(once(broken)).run(1, price=lambda _, usage: usage["totalTokenCount"] / 1e6)
    assert reply.cost_usd == pytest.approx(0.0015)


def test_requests_come_from_a_stream_without_end() -> None:
    def endless() -> Iterator[Request]:
        while True:
            yield from requests(10)

    service = Rehearsed()
    options = EngineOptions(model="m", concurrency=8)
    replies = Scheduler(service, options, service.clock, price=unknown).run(endless())
    for _ in range(100):
        next(replies)
    assert len(service.sent) <= 108
