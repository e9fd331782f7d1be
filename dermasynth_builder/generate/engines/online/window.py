"""How many requests may be in flight, and when to give up on a service.

The rules are inspect-ai's: twice as many each round until the first refusal, from then on five percent more after a
round without any, and only if there was use for what is allowed; four fifths after a refusal, at most every 15 s. A
failing server stops the growth and cuts nothing. One rule is added: after a refusal a few go first, and twice as many
each round until as many as are allowed.
"""

from collections import deque

_START, _LEAST = 32, 1
_GROWTH, _CUT, _CUT_EVERY_S = 0.05, 0.8, 15.0
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
            self._grow(max(1, self._size * _GROWTH))
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


class Breaker:
    """Says when a service is not worth asking on."""

    def __init__(self, *, last: int = 50, share: float = 0.5, refused_s: float = 600.0) -> None:
        self._failed: deque[bool] = deque(maxlen=last)
        self._share, self._refused_s = share, refused_s
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
        failed, last = sum(self._failed), self._failed.maxlen or 0
        if len(self._failed) == last and failed >= self._share * last:
            return f"{failed} of the last {last} attempts failed"
        if self._refused_since is not None and now - self._refused_since >= self._refused_s:
            return f"nothing but refusals (429) for {now - self._refused_since:.0f} s"
        return None
