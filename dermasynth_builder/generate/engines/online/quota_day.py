"""Reads the rules of a time zone. When the quota of a day is new: at midnight Pacific, as Google counts."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dermasynth_builder.core.errors import QuotaError

_PACIFIC = ZoneInfo("America/Los_Angeles")


def quota_error(now: str, reason: str) -> QuotaError:
    """What to tell where the quota of the day is used up at `now`, a UTC time in ISO 8601."""
    new_at = next_day(datetime.fromisoformat(now))
    return QuotaError(
        f"the quota of the day is used up ({reason}). It is new at {new_at:%Y-%m-%d %H:%M} UTC "
        "(midnight Pacific); run the same command again then. What is answered is kept"
    )


def next_day(now: datetime) -> datetime:
    """The next midnight Pacific, in UTC."""
    return datetime.combine(_day(now) + timedelta(days=1), time(), _PACIFIC).astimezone(UTC)


def is_same_day(at: str, other: str) -> bool:
    """Whether two UTC times in ISO 8601 share a quota of the day."""
    return _day(datetime.fromisoformat(at)) == _day(datetime.fromisoformat(other))


def _day(at: datetime) -> date:
    return at.astimezone(_PACIFIC).date()
