"""Several servers under one `--base-url`: each at its own pace, and what a dead one has goes to the others."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder.core.errors import EngineError, UsageError
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import BARE_CONTEXT
from dermasynth_builder.core.records import Reply
from dermasynth_builder.generate.engines.batch import gemini_batch_engine
from dermasynth_builder.generate.engines.gemini import gemini_engine
from dermasynth_builder.generate.engines.online.attempt import Outcome, Status
from dermasynth_builder.generate.engines.online.nodes import Node, Nodes
from dermasynth_builder.generate.engines.online.scheduler import Scheduler
from dermasynth_builder.generate.engines.openai import openai_engine
from dermasynth_builder.generate.run import Run
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from dermasynth_builder.plan.reply_form import schema
from tests.generate.engines.test_scheduler import GOOD, LATENCY_S, Rehearsed, unknown
from tests.support.fake_service import by_key, picture_requests
from tests.support.recited import requests

AWAY = Outcome(Status.SERVER_ERROR, reason="connection: nobody is there")
BEGIN = 100.0  # of the rehearsed clock


def replies_of(service: Rehearsed, count: int, nodes: int, told: list[str], **options: object) -> Iterator[Reply]:
    """What the nodes give; `told` hears how many answer."""
    asked = [replace(each, reply_schema=schema("asked")) for each in requests(count)]
    chosen = EngineOptions(model="m", **options)  # type: ignore[arg-type]  # a test's own options
    schedulers = [Scheduler(service, chosen, service.clock, price=unknown) for _ in range(nodes)]
    asking = [Node(f"http://node{number}", scheduler) for number, scheduler in enumerate(schedulers)]
    return Nodes(asking, service, service.clock, told.append).run(asked)


def away(node: int, since: float, until: float = float("inf")) -> Rehearsed:
    """A service of which one node is away for a time."""
    return Rehearsed(lambda attempt, now: AWAY if attempt.node == node and since <= now - BEGIN < until else GOOD)


def shares(service: Rehearsed) -> Counter[int]:
    return Counter(attempt.node for _, attempt in service.sent)


def test_all_servers_are_asked_alike_and_each_has_its_own_window() -> None:
    service, told = Rehearsed(), list[str]()
    assert len(list(replies_of(service, 400, 4, told, concurrency=8))) == 400
    assert service.most == 4 * 8
    assert all(90 <= share <= 110 for share in shares(service).values())
    assert service.now - BEGIN == pytest.approx(400 / 32 * LATENCY_S, rel=0.1)
    assert told == []


def test_what_a_dead_server_has_goes_to_the_others() -> None:
    service, told = away(1, since=1.0), list[str]()
    replies = list(replies_of(service, 400, 3, told, concurrency=8))
    assert len({reply.key for reply in replies if reply.text}) == len(replies) == 400
    assert told == ["2 of 3 servers answer"]
    failed = [at for at, attempt in service.sent if attempt.node == 1 and at >= BEGIN + 1.0]
    assert len(failed) <= 8 + 8  # what was under way, and a look now and then
    assert max(service.tries.values()) <= 3


def test_a_server_that_comes_back_is_asked_again() -> None:
    service, told = away(0, since=1.0, until=5.0), list[str]()
    assert all(reply.text for reply in replies_of(service, 2000, 2, told, concurrency=8))
    assert told == ["1 of 2 servers answer", ""]
    assert len([at for at, attempt in service.sent if attempt.node == 0 and at > BEGIN + 9]) > 200


def test_a_request_that_breaks_every_server_fails_alone() -> None:
    broke = Outcome(Status.SERVER_ERROR, reason="server: 500")
    service = Rehearsed(lambda attempt, _: broke if attempt.request.prompt == "prompt 50" else GOOD)
    replies = list(replies_of(service, 100, 2, [], concurrency=4))
    assert [reply.failure for reply in replies if reply.failure] == ["server: 500 (5 attempts)"]
    assert len(replies) == 100


def test_limits_hold_for_all_servers_together() -> None:
    service = Rehearsed()
    list(replies_of(service, 300, 4, [], concurrency=8, requests_per_minute=120))
    assert service.sent_within(60) <= 120


@pytest.mark.parametrize("since", [0.0, 2.0])
def test_where_no_server_answers_the_run_ends_and_says_why_of_each(since: float) -> None:
    service = Rehearsed(lambda _, now: AWAY if now - BEGIN >= since else GOOD)
    kept: list[Reply] = []
    with pytest.raises(EngineError, match=r"no server answers: http://node0: connection.*; http://node1: connection"):
        kept.extend(replies_of(service, 1000, 2, [], concurrency=4))
    assert all(reply.text for reply in kept)
    assert service.now - BEGIN < (10 if since == 0 else 200)


def test_a_server_without_the_model_is_left_for_good() -> None:
    fatal = Outcome(Status.FATAL, reason="404 no such model")
    service = Rehearsed(lambda attempt, _: fatal if attempt.node == 1 else GOOD)
    told: list[str] = []
    assert len([reply for reply in replies_of(service, 200, 2, told, concurrency=4) if reply.text]) == 200
    assert shares(service)[1] <= 4
    assert told == ["1 of 2 servers answer"]


def chat(*fakes: FakeGemini, **options: object) -> EngineOptions:
    """The engine's options for these servers."""
    return EngineOptions(model="m", base_url=",".join(fake.url for fake in fakes), **options)  # type: ignore[arg-type]


@pytest.mark.slow
def test_of_800_requests_none_is_lost_when_a_server_dies(tmp_path: Path) -> None:
    asked = picture_requests(tmp_path, 800)
    first, second = FakeGemini(latency_s=0.01), FakeGemini(latency_s=0.01)
    with first, second:
        replies = openai_engine(chat(first, second, concurrency=16), BARE_CONTEXT).answer(asked, Run())
        got = [next(replies) for _ in range(300)]
        second.__exit__(None, None, None)
        got += replies
        second.__enter__()
    assert len(by_key(got)) == len([reply for reply in got if reply.text]) == 800
    given = sum(fake.asked.total() for fake in (first, second))
    assert given - 800 <= 16  # what was under way at the one that died
    assert min(fake.asked.total() for fake in (first, second)) > 100


@pytest.mark.slow
def test_two_servers_answer_nearly_twice_as_fast_as_one(tmp_path: Path) -> None:
    asked = picture_requests(tmp_path, 400)
    took_s = []
    for count in (1, 2):
        with FakeGemini(latency_s=0.1) as first, FakeGemini(latency_s=0.1) as second:
            started = time.monotonic()
            options = chat(*(first, second)[:count], concurrency=8)
            assert len(list(openai_engine(options, BARE_CONTEXT).answer(asked, Run()))) == 400
            took_s.append(time.monotonic() - started)
    assert took_s[0] / took_s[1] > 1.5


@pytest.mark.parametrize(
    ("base_url", "told"),
    [
        ("https://a,https://a/v1", "names https://a twice"),
        ("https://a,https://b", "--rpd counts the requests to one service"),
    ],
)
def test_addresses_that_make_no_sense_are_refused(base_url: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        openai_engine(EngineOptions(model="m", base_url=base_url, requests_per_day=9), BARE_CONTEXT)


@pytest.mark.parametrize("base_url", ["https://a,", "https://a,http://b", "https://a,https://me:word@b"])
def test_each_address_is_held_to_the_rule_of_where_something_may_be_sent(base_url: str) -> None:
    with pytest.raises(ValueError, match="base_url: ") as refused:
        EngineOptions(model="m", base_url=base_url)
    assert "word" not in str(refused.value).replace("password", "")


def test_a_user_is_told_all_the_servers() -> None:
    engine = openai_engine(EngineOptions(model="m", base_url="https://a, https://b:81"), BARE_CONTEXT)
    assert engine.host() == "a and b:81"


@pytest.mark.parametrize("make", [gemini_engine, gemini_batch_engine])
def test_gemini_is_one_service(make: object) -> None:
    with pytest.raises(UsageError, match="with --engine openai alone"):
        make(EngineOptions(base_url="https://a,https://b"), BARE_CONTEXT)  # type: ignore[operator]
