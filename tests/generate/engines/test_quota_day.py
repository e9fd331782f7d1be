"""The day of a quota begins at midnight in California, which is another hour of UTC in summer."""

from datetime import UTC, datetime

import pytest

from dermasynth_builder.generate.engines.online.pace import is_same_day, next_day, quota_error


@pytest.mark.parametrize(
    ("now", "new_at"),
    [
        ("2026-11-23T07:59:59+00:00", "2026-11-23T08:00"),
        ("2026-11-23T08:00:00+00:00", "2026-11-24T08:00"),
        ("2026-07-01T06:59:59+00:00", "2026-07-01T07:00"),
        ("2026-07-01T07:00:00+00:00", "2026-07-02T07:00"),
        ("2026-03-08T08:00:00+00:00", "2026-03-09T07:00"),  # a day of 23 hours
        ("2026-11-01T07:00:00+00:00", "2026-11-02T08:00"),  # and one of 25
        ("2026-11-23T09:30:00+02:00", "2026-11-23T08:00"),
    ],
)
def test_a_quota_is_new_at_the_next_midnight_pacific(now: str, new_at: str) -> None:
    assert next_day(datetime.fromisoformat(now)) == datetime.fromisoformat(new_at).replace(tzinfo=UTC)


def test_two_times_share_a_quota_between_two_such_midnights() -> None:
    assert is_same_day("2026-07-01T07:00:00+00:00", "2026-07-02T06:59:59+00:00")
    assert not is_same_day("2026-07-01T07:00:00+00:00", "2026-07-01T06:59:59+00:00")
    assert not is_same_day("2026-11-23T08:00:00+00:00", "2026-11-24T08:00:00+00:00")


def test_the_error_tells_the_reason_and_the_minute() -> None:
    told = str(quota_error("2026-07-01T12:00:00+00:00", "--rpd 30"))
    assert told.startswith(
        "daily quota used up (--rpd 30). Answers are saved. The quota resets at 2026-07-02 07:00 UTC"
    )
