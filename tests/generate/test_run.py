"""Generate asks what is missing and nothing else, keeps failures, and loses nothing when it is stopped."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dermasynth_builder.core.errors import EngineError, StoppedError, UnansweredError
from dermasynth_builder.core.protocols import EngineRun
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.generate.ledger import Ledger
from dermasynth_builder.generate.run import Run, Tally, generate, require_done, run_note
from tests.support.recited import Recited, answer, failure, request, requests


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recited.jsonl"


def ledger_of(path: Path) -> Ledger:
    return Ledger(path, Recited().identity, pytest.fail)


def keys(wanted: Iterable[Request]) -> list[str]:
    return [each.key for each in wanted]


def held(path: Path, count: int) -> list[Reply | None]:
    return [reply for _, reply in ledger_of(path).answered(requests(count))]


def fail_on(*numbers: int) -> Recited:
    """An engine that fails to answer the requests of these numbers."""
    failing = {request(number).key for number in numbers}
    return Recited(lambda key: failure(key) if key in failing else answer(key))


def test_every_request_is_asked_in_the_order_given_and_its_reply_kept(path: Path) -> None:
    engine = Recited()
    tally = generate(requests(4), engine, ledger_of(path))
    assert engine.asked == keys(requests(4))
    assert held(path, 5) == [*(answer(key) for key in engine.asked), None]
    assert tally == Tally(answered=4)


def test_a_second_run_asks_only_what_is_missing(path: Path) -> None:
    generate(requests(3), Recited(), ledger_of(path))
    before = path.read_bytes()
    idle, engine = Recited(), Recited()
    assert generate(requests(3), idle, ledger_of(path)) == Tally(known=3)
    assert (idle.asked, path.read_bytes()) == ([], before)
    assert generate(requests(5), engine, ledger_of(path)) == Tally(known=3, answered=2)
    assert engine.asked == keys(requests(5)[3:])
    assert path.read_bytes().startswith(before)


def test_one_key_is_asked_once_however_often_it_is_planned(path: Path) -> None:
    engine = Recited()
    told: list[int] = []
    planned = [request(0), request(1), request(0), request(0)]
    generate(planned, engine, ledger_of(path), advance=told.append)
    assert engine.asked == keys(requests(2))
    assert sum(told) == len(planned)
    assert len(path.read_bytes().splitlines()) == 3


@dataclass
class Hoarder(Recited):
    """An engine that takes all requests before it answers, and answers the last one first, as a batch may."""

    def answer(self, requests: Iterable[Request], _: EngineRun) -> Iterator[Reply]:
        """See `Engine.answer`."""
        self.asked = keys(requests)
        yield from map(self.say, reversed(self.asked))


def test_metadata_are_hidden_from_no_engine_without_a_model(path: Path) -> None:
    planned = [request(0), replace(request(1), is_metadata_shown=False, prompt="hidden"), request(2)]
    engine = Recited(name="parrot", is_model=False)
    with pytest.raises(EngineError, match=r"the engine parrot answers from the metadata alone: .* --metadata hidden"):
        generate(planned, engine, ledger_of(path))
    assert engine.asked == keys(planned[:1])
    assert generate(planned, Recited(), ledger_of(path)) == Tally(known=1, answered=2)


def test_what_an_engine_tells_stands_beside_the_bar_and_it_hears_that_the_run_ends(path: Path) -> None:
    heard: list[tuple[bool, int, str]] = []
    run = Run()

    class Talker(Recited):
        def answer(self, requests: Iterable[Request], run: EngineRun) -> Iterator[Reply]:
            run.tell("two shards")
            for reply in super().answer(requests, run):
                yield reply
                heard.append((run.is_ending, 1, ""))

    def advance(count: int) -> None:
        heard.append((run.is_ending, count, run_note(run, 2)))
        run.end(StoppedError("enough")) if count else None

    with pytest.raises(StoppedError, match="enough"):
        generate(requests(2), Talker(), ledger_of(path), advance=advance, run=run)
    assert heard == [(False, 0, "two shards"), (False, 1, "two shards"), (True, 1, "")]


def test_replies_may_come_in_any_order(path: Path) -> None:
    engine = Hoarder()
    planned = [*requests(5), request(0)]
    assert generate(planned, engine, ledger_of(path)).answered == 5
    assert engine.asked == keys(requests(5))
    assert held(path, 5) == [answer(key) for key in engine.asked]


def test_failures_are_kept_with_their_reason_and_not_asked_again(path: Path) -> None:
    assert generate(requests(4), fail_on(1, 3), ledger_of(path)) == Tally(answered=2, failed=2)
    assert held(path, 4)[1] == failure(request(1).key, "blocked: SAFETY")
    engine = Recited()
    assert generate(requests(4), engine, ledger_of(path)) == Tally(known=2, failed_earlier=2)
    assert engine.asked == []


def test_failures_are_asked_again_on_request_and_answers_are_not(path: Path) -> None:
    generate(requests(4), fail_on(1, 3), ledger_of(path))
    engine = fail_on(3)
    tally = generate(requests(5), engine, ledger_of(path), run=Run(is_failed_wanted=True))
    assert engine.asked == keys([request(1), request(3), request(4)])
    assert tally == Tally(known=2, answered=2, failed=1)
    assert held(path, 5) == [
        *(answer(key) for key in keys(requests(3))),
        failure(request(3).key),
        answer(request(4).key),
    ]


def test_a_failure_is_asked_again_once_a_run(path: Path) -> None:
    generate([request(0)], fail_on(0), ledger_of(path))
    engine = fail_on(0)
    tally = generate([request(0), request(0)], engine, ledger_of(path), run=Run(is_failed_wanted=True))
    assert engine.asked == [request(0).key]
    assert tally == Tally(known=1, failed=1)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("fatal", [0, 3, 6])
def test_an_engine_that_breaks_off_loses_no_reply(error: type[BaseException], fatal: int, path: Path) -> None:
    def break_off(key: str) -> Reply:
        if key == request(fatal).key:
            raise error("gone")
        return answer(key)

    with pytest.raises(error):
        generate(requests(7), Recited(break_off), ledger_of(path))
    replies = [answer(key) for key in keys(requests(7))]
    assert held(path, 7) == [*replies[:fatal], *[None] * (7 - fatal)]
    engine = Recited()
    assert generate(requests(7), engine, ledger_of(path)) == Tally(known=fatal, answered=7 - fatal)
    assert engine.asked == keys(requests(7)[fatal:])
    assert held(path, 7) == replies


def test_a_reply_is_in_the_file_before_the_next_request_is_asked(path: Path) -> None:
    seen: list[int] = []

    def look(key: str) -> Reply:
        seen.append(len(ledger_of(path)))
        return answer(key)

    generate(requests(5), Recited(look), ledger_of(path))
    assert seen == [0, 1, 2, 3, 4]


def test_requests_are_drawn_one_by_one_as_the_engine_takes_them(path: Path) -> None:
    drawn: list[int] = []
    ahead: list[int] = []

    def draw() -> Iterator[Request]:
        for number in range(4):
            drawn.append(number)
            yield request(number)

    def look(key: str) -> Reply:
        ahead.append(len(drawn))
        return answer(key)

    generate(draw(), Recited(look), ledger_of(path))
    assert ahead == [1, 2, 3, 4]


def test_progress_reaches_the_number_of_requests_whatever_becomes_of_them(path: Path) -> None:
    generate(requests(4), fail_on(2), ledger_of(path))
    for is_failed_wanted, engine in ((False, fail_on(5)), (True, fail_on(5)), (True, Recited())):
        told: list[int] = []
        planned = [*requests(8), request(6)]
        generate(planned, engine, ledger_of(path), run=Run(is_failed_wanted=is_failed_wanted), advance=told.append)
        assert told == [1] * len(planned)


def test_no_requests_make_a_ledger_of_a_header(path: Path) -> None:
    assert generate([], Recited(), ledger_of(path)) == Tally()
    assert len(path.read_bytes().splitlines()) == 1


def test_what_is_nobodys_fault_is_asked_again_without_a_flag_and_the_exit_says_how_it_went(path: Path) -> None:
    broken = {request(number).key for number in (1, 2)}
    engine = Recited(lambda key: failure(key, "connection: refused") if key in broken else answer(key))
    run = Run()
    generate(requests(40), engine, ledger_of(path), run=run)
    assert (run.tally.failed, run.tally.unanswered) == (2, 2)
    with pytest.raises(UnansweredError, match=r"2 requests got no answer(.|\n)*2 connection: refused"):
        require_done(run)
    engine = Recited()
    run = Run()
    assert generate(requests(40), engine, ledger_of(path), run=run) == Tally(known=38, answered=2)
    assert engine.asked == [request(1).key, request(2).key]
    require_done(run)


@pytest.mark.parametrize(
    ("failed", "said"), [(40, "none of 40 requests"), (5, "5 of 40 requests failed, more than 10%")]
)
def test_too_many_failures_are_a_failure_of_the_run_with_a_count_by_kind(failed: int, said: str, path: Path) -> None:
    run = Run()
    generate(requests(40), fail_on(*range(failed)), ledger_of(path), run=run)
    with pytest.raises(EngineError, match=said) as raised:
        require_done(run)
    assert f"{failed} blocked: SAFETY" in str(raised.value)


def test_a_few_failures_are_no_failure_of_the_run(path: Path) -> None:
    run = Run()
    generate(requests(40), fail_on(0, 1, 2, 3), ledger_of(path), run=run)
    require_done(run)
