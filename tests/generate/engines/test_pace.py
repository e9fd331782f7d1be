"""When the next request may go: each rule by its numbers, on a clock that the test sets."""

import pytest

from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.generate.engines.online.pace import Pace, tokens_of


def learned(wait_s: float) -> Pace:
    """A pace that met two refusals ten seconds apart, at 0 and 10 s, with 60 answers between: six a second."""
    pace = Pace(EngineOptions())
    pace.refused(1.0, 0.0, sent_at=0.0)
    for _ in range(60):
        pace.answered(6.0, sent_at=5.0)
    pace.refused(wait_s, 10.0, sent_at=10.0)
    return pace


def rate_of(pace: Pace, at: float, burst_s: float) -> float:
    """Requests a second that it lets go, found by sending sixty at once: w = 60/r - burst + 1/r."""
    for _ in range(60):
        pace.sent(at)
    return 61 / (pace.wait_s(at) + burst_s)


@pytest.mark.parametrize(("wait_s", "burst_s"), [(1.0, 1.0), (4.0, 4.0), (50.0, 10.0)])
def test_what_piles_up_while_all_wait_may_go_at_once_up_to_ten_seconds_of_it(wait_s: float, burst_s: float) -> None:
    pace, sent = learned(wait_s), 0
    assert pace.wait_s(10.0) == wait_s
    while pace.wait_s(10.0 + wait_s) <= 1e-6:
        pace.sent(10.0 + wait_s)
        sent += 1
    assert sent == 6 * burst_s


def test_a_quota_that_lets_nothing_through_is_tried_once_a_minute() -> None:
    pace = Pace(EngineOptions())
    for at in (0.0, 10.0):
        pace.refused(1.0, at, sent_at=at)
    assert pace.wait_s(11.0) == 0
    pace.sent(11.0)
    assert pace.wait_s(11.0) == pytest.approx(60)


@pytest.mark.parametrize(
    ("wait_s", "answered_at", "grown"),
    [
        (1.0, (14.9,), 0),
        (1.0, (15.0,), 1),
        (1.0, (15.0, 19.9), 1),
        (1.0, (15.0, 20.0), 2),
        (5.0, (29.9,), 0),  # four times as long as the wait
        (5.0, (30.0,), 1),
    ],
)
def test_a_learned_rate_grows_by_a_twentieth_every_five_seconds_or_four_waits(
    wait_s: float, answered_at: tuple[float, ...], grown: int
) -> None:
    pace = learned(wait_s)
    for at in answered_at:
        pace.answered(at, sent_at=at - 0.5)
    assert rate_of(pace, 100.0, burst_s=wait_s) == pytest.approx(6 * 1.05**grown)


def test_a_spend_limit_halves_the_rate_since_the_first_request() -> None:
    pace = Pace(EngineOptions())
    pace.sent(0.0)
    for _ in range(100):
        pace.answered(25.0, sent_at=20.0)
    pace.too_dear(0.0, 50.0, sent_at=50.0)
    assert pace.wait_s(50.0) == 60
    assert rate_of(pace, 200.0, burst_s=10.0) == pytest.approx(100 / 50 / 2)


def test_a_late_refusal_does_not_shorten_the_wait() -> None:
    pace = Pace(EngineOptions())
    assert pace.refused(50.0, 0.0, sent_at=0.0)
    assert not pace.refused(1.0, 0.5, sent_at=0.1)  # under way at the first: no news
    assert pace.wait_s(1.0) == 49
    pace.refused(70.0, 1.0, sent_at=0.1)
    assert pace.wait_s(1.0) == 70


def test_what_a_request_takes_is_estimated_from_those_before() -> None:
    pace = Pace(EngineOptions())
    assert pace.sent(0.0) == (1500, 0)
    pace.came_back((1500, 0), 3000, 0.02)
    assert pace.sent(0.0) == pytest.approx((1575, 0.001))
    pace.came_back((1575, 0.001), 0, 0.0)  # a refusal tells nothing
    assert pace.sent(0.0) == pytest.approx((1575, 0.001))


def test_what_was_set_aside_for_a_refused_request_is_given_back() -> None:
    pace = Pace(EngineOptions(tokens_per_minute=6000))
    set_aside = pace.sent(0.0)
    assert pace.wait_s(0.0) > 10
    pace.came_back(set_aside, 0, 0.0)
    assert pace.wait_s(0.0) == 0


@pytest.mark.parametrize(
    ("usage", "tokens"), [({"totalTokenCount": 7}, 7), ({"total_tokens": 7}, 7), ({"promptTokenCount": 7}, 0), ({}, 0)]
)
def test_tokens_are_counted_in_the_words_of_either_service(usage: dict[str, int], tokens: int) -> None:
    assert tokens_of(usage) == tokens
