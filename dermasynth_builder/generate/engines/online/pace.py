"""When the next request may go: how many may be in flight, quotas that are told or learned by meeting them, pauses.

Times are seconds of any clock that does not go back; the caller says what time it is. The rules of the window are
inspect-ai's: twice as many each round until the first refusal, from then on five percent more after a round without
any, and only if there was use for what is allowed; four fifths after a refusal, at most every 15 s. A failing server
stops the growth and cuts nothing. One rule is added: after a refusal a few go first, and twice as many each round
until as many as are allowed.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dermasynth_builder.core.errors import QuotaError
from dermasynth_builder.core.options import EngineOptions

_PACIFIC = ZoneInfo("America/Los_Angeles")


def quota_error(now: str, reason: str) -> QuotaError:
    """What to say where the daily quota is used up at `now`, a UTC time in ISO 8601."""
    new_at = next_day(datetime.fromisoformat(now))
    return QuotaError(
        f"daily quota used up ({reason}). Answers are saved. The quota resets at {new_at:%Y-%m-%d %H:%M} UTC "
        "(midnight Pacific); run the same command then"
    )


def next_day(now: datetime) -> datetime:
    """The next midnight Pacific, in UTC."""
    return datetime.combine(_day(now) + timedelta(days=1), time(), _PACIFIC).astimezone(UTC)


def is_same_day(at: str, other: str) -> bool:
    """Whether two UTC times in ISO 8601 share a quota of the day."""
    return _day(datetime.fromisoformat(at)) == _day(datetime.fromisoformat(other))


def _day(at: datetime) -> date:
    return at.astimezone(_PACIFIC).date()


_START, _LEAST = 32, 1
_WINDOW_GROWTH, _CUT, _CUT_EVERY_S = 0.05, 0.8, 15.0
_SATURATED = 0.8
_FIRST = 4  # after a refusal


class Window:
    """The number of requests that may be in flight."""

    def __init__(self, ceiling: int) -> None:
        self._ceiling = ceiling
        self._size = float(min(_START, ceiling))
        self._is_slow_start = True
        self._clean = 0  # answers in a row, of this round
        self._cut_at = float("-inf")
        self._first = float("inf")

    @property
    def size(self) -> int:
        """How many, at least one."""
        return max(_LEAST, int(min(self._size, self._first)))

    def answered(self, in_flight: int) -> None:
        """A request was taken while so many were in flight."""
        self._first += 1
        if in_flight < _SATURATED * self.size:
            return
        self._clean += 1
        if self._is_slow_start:
            self._grow(1)  # for each: twice as many a round
        elif self._clean >= self.size:
            self._grow(max(1, self._size * _WINDOW_GROWTH))
            self._clean = 0

    def refused(self, now: float) -> None:
        """A request was refused as one too many."""
        self._is_slow_start = False
        self._clean, self._first = 0, _FIRST
        if now - self._cut_at >= _CUT_EVERY_S:
            self._size = max(_LEAST, self._size * _CUT)
            self._cut_at = now

    def failed(self) -> None:
        """The server failed: the round begins anew."""
        self._clean = 0

    def _grow(self, by: float) -> None:
        self._size = min(self._ceiling, self._size + by)


_LAST, _MOST_FAILED = 50, 25  # attempts
_REFUSED_S = 600.0


class Breaker:
    """Says when a service is not worth asking on: for refusals alone where others can take what it fails at."""

    def __init__(self, *, is_one_of_several: bool = False) -> None:
        self._most_failed = _LAST + 1 if is_one_of_several else _MOST_FAILED
        self._failed: deque[bool] = deque(maxlen=_LAST)
        self._refused_since: float | None = None

    def note(self, *, has_failed: bool) -> None:
        """An attempt that was not refused: whether the service failed."""
        self._failed.append(has_failed)
        self._refused_since = None

    def refused(self, now: float) -> None:
        """An attempt that was refused as one too many."""
        if self._refused_since is None:
            self._refused_since = now

    def fault(self, now: float) -> str | None:
        """Why to give up; None where all is well enough."""
        failed = sum(self._failed)
        if len(self._failed) == _LAST and failed >= self._most_failed:
            return f"{failed} of the last {_LAST} attempts failed"
        if self._refused_since is not None and now - self._refused_since >= _REFUSED_S:
            return f"nothing but refusals (429) for {now - self._refused_since:.0f} s"
        return None


BURST_S = 1.0
_MINUTE_S = 60.0
_SPEND_WINDOW_S = 600.0
_LONGEST_BURST_S = 10.0  # after a pause
_LEAST_PAUSE_S = 1.0  # after a refusal that names no time
_SPEND_PAUSE_S = 60.0
_SLACK_S = 0.01
_LEAST_PER_S = 1 / _MINUTE_S
_RATE_GROWTH, _RATE_GROWTH_EVERY_S = 1.05, 5.0  # of a rate that was learned
_PATIENCE = 4.0  # the longer the waits that follow a refusal, the more seldom it is tempted


class Bucket:
    """So much a second; what was left unused within the last `burst_s` may go at once."""

    def __init__(self, per_s: float, burst_s: float = BURST_S, *, since: float = 0.0) -> None:
        self.per_s = per_s
        self._burst_s = burst_s
        self._free_at = since  # when all that was taken is paid off

    def wait_s(self, now: float) -> float:
        """How long until something may be taken."""
        return max(0.0, self._free_at - now)

    def take(self, amount: float, now: float) -> None:
        """Takes an amount, on credit where it is large."""
        unused_s = max(0.0, self._burst_s - 1 / self.per_s)  # one may go however long nothing went
        self._free_at = max(self._free_at, now - unused_s) + amount / self.per_s

    def correct(self, amount: float) -> None:
        """What was taken turned out to be so much more, or less."""
        self._free_at += amount / self.per_s


@dataclass(slots=True)
class _Mark:
    """A moment, and how many of the requests that had been sent by then were answered, be it later."""

    at: float
    answered: int


class Pace:
    """The four windows of the options and whatever the service teaches."""

    def __init__(self, options: EngineOptions) -> None:
        self._requests = _bucket(options.requests_per_minute, _MINUTE_S)
        self._tokens = _bucket(options.tokens_per_minute, _MINUTE_S)
        self._spend = _bucket(options.usd_per_10_minutes, _SPEND_WINDOW_S)
        self._learned: Bucket | None = None
        self._paused_until = 0.0
        self._grown_at = 0.0
        self._growth_every_s = _RATE_GROWTH_EVERY_S
        self._start: _Mark | None = None
        self._refusals: deque[_Mark] = deque()  # of the last minute that were news
        self._span: tuple[_Mark, _Mark, float] | None = None  # from, to, share: what `_learned` rests on
        self._answered = 0
        self._mean_tokens, self._mean_usd = 1500.0, 0.0  # of one request, as far as is known

    def share_limits(self, other: "Pace") -> None:
        """What the options allow is for both together; what is learned is learned by each."""
        self._requests, self._tokens, self._spend = other._requests, other._tokens, other._spend

    def wait_s(self, now: float) -> float:
        """How long until a request may go; 0 is now."""
        buckets = (self._requests, self._tokens, self._spend, self._learned)
        return max(self._paused_until - now, *(bucket.wait_s(now) for bucket in buckets if bucket), 0.0)

    def sent(self, now: float) -> tuple[float, float]:
        """A request goes now; gives the tokens and dollars that were set aside for it."""
        if self._start is None:
            self._start = _Mark(now, 0)
        estimate = (self._mean_tokens, self._mean_usd)
        for bucket, amount in zip(
            (self._requests, self._learned, self._tokens, self._spend), (1, 1, *estimate), strict=True
        ):
            if bucket:
                bucket.take(amount, now)
        return estimate

    def came_back(self, set_aside: tuple[float, float], tokens: float, usd: float) -> None:
        """What a request came to, against what was set aside for it; nothing for one that was refused."""
        for bucket, actual, estimated in zip((self._tokens, self._spend), (tokens, usd), set_aside, strict=True):
            if bucket:
                bucket.correct(actual - estimated)
        if tokens:
            self._mean_tokens += (tokens - self._mean_tokens) / 20
            self._mean_usd += (usd - self._mean_usd) / 20

    def answered(self, now: float, *, sent_at: float) -> None:
        """The service took a request: a rate that was learned grows while nothing is refused."""
        self._answered += 1
        late = [mark for mark in self._refusals if sent_at < mark.at]
        for mark in late:
            mark.answered += 1
        if late:
            self._measure()
        elif self._learned and now - self._grown_at >= self._growth_every_s:
            self._learned.per_s *= _RATE_GROWTH
            self._grown_at = now

    def refused(self, wait_s: float, now: float, *, sent_at: float) -> bool:
        """Too many for this minute: everyone waits. Gives whether that is news.

        What was sent before the last pause teaches nothing new. The first refusal may be an accident; where
        another follows within a minute, requests go at the rate that got through between them.
        """
        return self._pause(max(wait_s, _LEAST_PAUSE_S), now, sent_at=sent_at, share=1.0)

    def too_dear(self, wait_s: float, now: float, *, sent_at: float) -> bool:
        """Too dear for these ten minutes: everyone waits a minute or more, then goes at half the rate."""
        return self._pause(max(wait_s, _SPEND_PAUSE_S), now, sent_at=sent_at, share=0.5)

    def _pause(self, wait_s: float, now: float, *, sent_at: float, share: float) -> bool:
        is_news = sent_at + _SLACK_S >= self._paused_until
        self._paused_until = max(self._paused_until, now + wait_s)
        if is_news:
            self._growth_every_s = max(_RATE_GROWTH_EVERY_S, _PATIENCE * wait_s)
            self._count_anew(now, share=share, burst_s=min(wait_s, _LONGEST_BURST_S))
        return is_news

    def _count_anew(self, now: float, *, share: float, burst_s: float) -> None:
        """What piles up while everyone waits may go when the wait is over."""
        while self._refusals and now - self._refusals[0].at > _MINUTE_S:
            self._refusals.popleft()
        since = self._refusals[0] if self._refusals else (self._start if share < 1 else None)
        self._refusals.append(_Mark(now, self._answered))
        self._grown_at = now
        if since:
            self._learned = Bucket(_LEAST_PER_S, burst_s, since=now)
            self._span = (since, self._refusals[-1], share)
            self._measure()

    def _measure(self) -> None:
        """At a refusal the quota is used up: what the service took between two is what it gives in that time.

        The further apart they are, the better this is known.
        """
        if self._learned and self._span:
            since, until, share = self._span
            lasted_s = max(until.at - since.at, BURST_S)
            self._learned.per_s = max((until.answered - since.answered) / lasted_s * share, _LEAST_PER_S)


def tokens_of(usage: Mapping[str, int]) -> int:
    """All tokens of a usage, in the words of either service."""
    return usage.get("totalTokenCount") or usage.get("total_tokens") or 0


def _bucket(per_window: float | None, window_s: float) -> Bucket | None:
    """No window of that length, wherever it begins, holds more."""
    return Bucket(per_window / (window_s + BURST_S)) if per_window else None
