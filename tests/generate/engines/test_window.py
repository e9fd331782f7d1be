"""How many requests may be in flight, and when a service is given up: each rule by its numbers."""

from collections.abc import Callable

import pytest

from dermasynth_builder.generate.engines.online.pace import Breaker, Window


def refused_once(ceiling: int = 1000, *, start_rounds: int = 0) -> Window:
    """A window after slow start and one refusal at 0 s, when all that it allows may go."""
    window = Window(ceiling)
    for _ in range(start_rounds):
        answer_round(window)
    window.refused(0.0)
    return settled(window)


def answer_round(window: Window) -> None:
    """As many answers as the window allows, all of it in use."""
    for _ in range(window.size):
        window.answered(in_flight=10**6)


def settled(window: Window) -> Window:
    """Answers while few are in flight: the window grows no more, and all that it allows may go."""
    for _ in range(2000):
        window.answered(in_flight=0)
    return window


def test_it_doubles_each_round_until_the_ceiling() -> None:
    window, sizes = Window(200), []
    for _ in range(4):
        sizes.append(window.size)
        answer_round(window)
    assert sizes == [32, 64, 128, 200]
    assert window.size == 200
    assert Window(5).size == 5


def test_it_grows_only_where_four_fifths_of_it_are_in_use() -> None:
    window = Window(200)
    for _ in range(100):
        window.answered(in_flight=25)
    assert window.size == 32
    window.answered(in_flight=26)
    assert window.size == 33


def test_a_refusal_cuts_a_fifth_at_most_every_15_seconds() -> None:
    window = refused_once(start_rounds=2)  # 128 before
    assert window.size == 102
    for at, size in ((0.1, 102), (14.9, 102), (15.0, 81), (29.9, 81), (30.0, 65)):
        window.refused(at)
        assert settled(window).size == size, at


def test_it_never_closes() -> None:
    window = Window(2)
    for number in range(20):
        window.refused(number * 15.0)
        assert settled(window).size == 1


def test_after_a_refusal_four_go_first_and_one_more_with_each_answer() -> None:
    window = Window(1000)
    window.refused(0.0)
    sizes = [window.size]
    for _ in range(30):
        window.answered(in_flight=0)
        sizes.append(window.size)
    assert sizes == [min(4 + number, 25) for number in range(31)]


def test_after_a_refusal_it_grows_by_a_twentieth_a_round_and_by_one_at_least() -> None:
    window = refused_once(start_rounds=2)  # 102.4
    sizes = []
    for _ in range(3):
        answer_round(window)
        sizes.append(window.size)
        window.answered(in_flight=10**6)  # of the next round
    assert sizes == [107, 112, 118]
    small = refused_once(ceiling=8)  # 6.4
    answer_round(small)
    assert small.size == 7
    for _ in range(3):
        answer_round(small)
    assert small.size == 8


def test_a_refusal_or_a_failure_begins_the_round_anew() -> None:
    spoils: tuple[Callable[[Window], None], ...] = (lambda window: window.refused(1.0), Window.failed)
    for spoil in spoils:
        window = refused_once(start_rounds=2)
        for _ in range(101):
            window.answered(in_flight=10**6)
        spoil(window)
        settled(window).answered(in_flight=10**6)
        assert window.size == 102
        for _ in range(101):
            window.answered(in_flight=10**6)
        assert window.size == 107


def test_a_failing_server_cuts_nothing_and_does_not_end_the_slow_start() -> None:
    window = Window(200)
    window.failed()
    assert window.size == 32
    answer_round(window)
    assert window.size == 64


# --- giving up ---


def test_a_service_is_given_up_once_half_of_the_last_fifty_attempts_failed() -> None:
    breaker = Breaker()
    for number in range(49):
        breaker.note(has_failed=number % 2 == 0)
    assert breaker.fault(0.0) is None  # 25 failed, but of 49
    breaker.note(has_failed=False)
    assert breaker.fault(0.0) == "25 of the last 50 attempts failed"
    breaker.note(has_failed=False)  # the first, which failed, is forgotten
    assert breaker.fault(0.0) is None


def test_ten_minutes_of_nothing_but_refusals_are_enough() -> None:
    breaker = Breaker()
    breaker.refused(100.0)
    breaker.refused(650.0)
    assert breaker.fault(699.9) is None
    assert breaker.fault(700.0) == "nothing but refusals (429) for 600 s"


@pytest.mark.parametrize("has_failed", [True, False])
def test_an_attempt_that_was_not_refused_begins_the_ten_minutes_anew(*, has_failed: bool) -> None:
    breaker = Breaker()
    breaker.refused(100.0)
    breaker.note(has_failed=has_failed)
    assert breaker.fault(900.0) is None
    breaker.refused(900.0)
    assert breaker.fault(1499.9) is None
    assert breaker.fault(1500.0)
