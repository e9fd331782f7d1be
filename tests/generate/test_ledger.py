"""The ledger gives back what was put in, and says what it cannot read."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dermasynth_builder.core.errors import LedgerError
from dermasynth_builder.core.records import Reply
from dermasynth_builder.generate.ledger import FORMAT, NOBODYS_FAULT, Ledger, ledger_path
from dermasynth_builder.generate.ledger_tools import merge, sent_on_day, summarise, usages
from dermasynth_builder.generate.usage import Usage
from tests.support.recited import Recited, answer, failure, request, requests

IDENTITY = {"engine": "recited", "model": "none", "temperature": 0.5, "revision": 3, "top_k": None}
FULL = Reply(
    request(0).key,
    '{"answer":"Läsion – 3 µm\\n"}\r\n\u2028\u0085 \U0001f600 "quoted" \\ \x00',
    references=("Author A, „Über Nävi“. 2020.", "Author B. 2021."),
    model="a-model",
    model_version="a-model-001",
    usage={"input_tokens": 12, "output_tokens": 34},
    answered_at="2026-01-02T03:04:05+00:00",
)
REPLIES = [
    FULL,
    answer(request(1).key, ""),
    failure(request(2).key, "blocked: „safety“ – no text"),
    replace(FULL, key=request(3).key, text="a lone surrogate \ud83d, a pair \U0001f600"),
    replace(FULL, key=request(4).key, text="x" * 200_000),
]
Open = Callable[[], Ledger]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledgers" / "recited.jsonl"


@pytest.fixture
def warned() -> list[str]:
    return []


@pytest.fixture
def opened(path: Path, warned: list[str]) -> Open:
    """Reads the ledger anew."""
    return lambda: Ledger(path, IDENTITY, warned.append)


def written(path: Path, *replies: Reply) -> bytes:
    """Appends replies and gives the whole file."""
    with Ledger(path, IDENTITY, lambda _: None) as ledger:
        for reply in replies:
            ledger.append(reply)
    return path.read_bytes()


def held(ledger: Ledger, count: int) -> list[Reply | None]:
    """What the ledger holds for the first `count` requests."""
    return [reply for _, reply in ledger.answered(requests(count))]


def test_the_first_line_names_the_format_and_the_engine(path: Path) -> None:
    lines = written(path, *REPLIES).splitlines()
    assert json.loads(lines[0]) == {"ledger": FORMAT, "identity": IDENTITY}
    written(path, answer(request(9).key))
    assert sum(b'"ledger"' in line for line in path.read_bytes().splitlines()) == 1


def test_a_ledger_that_is_written_twice_is_headed_once(path: Path, opened: Open) -> None:
    ledger = opened()
    for number in range(2):
        with ledger:
            ledger.append(answer(request(number).key))
    assert [b'"ledger"' in line for line in path.read_bytes().splitlines()] == [True, False, False]


def test_a_line_of_an_earlier_version_lacks_what_was_not_noted_then(path: Path, opened: Open) -> None:
    written(path, FULL)
    header, line = path.read_bytes().splitlines()
    later = ("sent_at", "waited_s", "attempts", "finish_reason", "cost_usd", "parameters")
    known = {name: value for name, value in json.loads(line).items() if name not in later}
    path.write_bytes(header + b"\n" + json.dumps(known).encode() + b"\n")
    assert held(opened(), 1) == [FULL]


def test_a_line_is_json_of_one_reply(path: Path) -> None:
    lines = written(path, *REPLIES).split(b"\n")
    assert lines[-1] == b""
    assert [json.loads(line)["key"] for line in lines[1:-1]] == [reply.key for reply in REPLIES]


def test_replies_come_back_equal_in_the_order_asked(path: Path, opened: Open, warned: list[str]) -> None:
    written(path, *REPLIES)
    ledger = opened()
    order = [3, 0, 7, 4, 2, 1, 0]
    found = list(ledger.answered(request(number) for number in order))
    assert [asked for asked, _ in found] == [request(number) for number in order]
    assert [reply for _, reply in found] == [REPLIES[n] if n < len(REPLIES) else None for n in order]
    assert (len(ledger), warned) == (len(REPLIES), [])


def test_a_ledger_knows_its_keys_and_its_failures(path: Path, opened: Open) -> None:
    written(path, *REPLIES)
    ledger = opened()
    assert [request(number).key in ledger for number in range(6)] == [True] * 5 + [False]
    assert [ledger.is_failure(request(number).key) for number in range(5)] == [False, False, True, False, False]
    with pytest.raises(KeyError):
        ledger.is_failure(request(5).key)


def test_a_reply_can_be_read_from_the_ledger_that_writes_it(opened: Open) -> None:
    with opened() as ledger:
        for number, reply in enumerate(REPLIES):
            assert held(ledger, number + 1) == [*REPLIES[:number], None]
            ledger.append(reply)
            assert held(ledger, number + 1) == REPLIES[: number + 1]


def test_a_ledger_that_is_not_there_holds_nothing_and_is_not_made_by_reading(path: Path, opened: Open) -> None:
    ledger = opened()
    assert (len(ledger), held(ledger, 2)) == (0, [None, None])
    assert not path.parent.exists()


def test_a_later_reply_replaces_an_earlier_one(path: Path, opened: Open) -> None:
    key = request(0).key
    with opened() as ledger:
        ledger.append(failure(key))
        assert ledger.is_failure(key)
        ledger.append(answer(key, "second"))
        assert not ledger.is_failure(key)
        assert held(ledger, 1) == [answer(key, "second")]
    assert held(opened(), 1) == [answer(key, "second")]
    written(path, failure(key, "late: failure"))
    assert opened().is_failure(key)
    assert len(path.read_bytes().splitlines()) == 4  # all are kept


def test_the_money_of_all_lines_counts_and_the_versions_of_those_that_answer(path: Path, opened: Open) -> None:
    def paid(number: int, cost_usd: float, version: str) -> Reply:
        return replace(answer(request(number).key), cost_usd=cost_usd, model_version=version)

    changed = replace(failure(request(1).key, "version changed: m-2"), cost_usd=0.5, model_version="m-2")
    with opened() as ledger:
        for reply in (paid(0, 0.25, "m-1"), paid(0, 0.25, "m-1"), changed, answer(request(2).key)):
            ledger.append(reply)
        assert (ledger.spent_usd, ledger.model_versions) == (1.0, {"m-1"})
    written(path, paid(3, 1.0, "m-3"))
    assert (opened().spent_usd, opened().model_versions) == (2.0, {"m-1", "m-3"})


def test_a_ledger_holds_the_last_reply_to_a_key_and_that_alone(path: Path, opened: Open) -> None:
    first, last = answer(request(0).key, "first"), answer(request(0).key, "last")
    written(path, first, last)
    ledger = opened()
    assert [ledger.holds(reply) for reply in (last, first, answer(request(1).key))] == [True, False, False]


# --- what a kill leaves ---


def test_a_last_line_cut_anywhere_is_said_and_skipped_and_nothing_is_glued_to_it(
    path: Path, opened: Open, warned: list[str]
) -> None:
    whole = written(path, answer(request(0).key), failure(request(1).key))
    last = len(whole.splitlines(keepends=True)[-1])
    for missing in range(1, last):
        path.write_bytes(whole[:-missing])
        warned.clear()
        ledger = opened()
        assert held(ledger, 2) == [answer(request(0).key), None]
        with ledger:
            ledger.append(answer(request(2).key))
        assert len(warned) == 1, missing
        assert f"{path}: line 3 is incomplete" in warned[0]
        first, second, third = held(opened(), 3)
        assert (first, third) == (answer(request(0).key), answer(request(2).key))
        # Where only the line's end was missing, the next append completes it.
        assert second == (failure(request(1).key) if missing == 1 else None)


def test_a_first_line_cut_anywhere_is_written_anew(path: Path, opened: Open, warned: list[str]) -> None:
    header = written(path)
    for kept in range(len(header)):
        path.write_bytes(header[:kept])
        warned.clear()
        with opened() as ledger:
            ledger.append(answer(request(0).key))
        assert len(warned) == (kept > 0)
        assert summarise(path).identity == IDENTITY
        assert held(opened(), 1) == [answer(request(0).key)]


def test_a_cut_line_that_is_asked_again_is_answered_once(path: Path, opened: Open) -> None:
    whole = written(path, answer(request(0).key), answer(request(1).key))
    path.write_bytes(whole[:-20])
    written(path, answer(request(1).key))
    assert (summarise(path).answered, summarise(path).torn_lines) == (2, 1)
    assert held(opened(), 2) == [answer(request(0).key), answer(request(1).key)]


@pytest.mark.parametrize(
    "junk", [b"\0" * 512, b"\xff\xfe\n", b"[1, 2]\n", b'"text"\n', b"{}\n", b"\n", b'{"key": "x"}\n']
)
def test_a_line_that_is_no_reply_is_stepped_over(junk: bytes, path: Path, opened: Open, warned: list[str]) -> None:
    whole = written(path, answer(request(0).key))
    path.write_bytes(whole + junk)
    written(path, answer(request(1).key))
    assert held(opened(), 2) == [answer(request(0).key), answer(request(1).key)]
    assert len(warned) == 1
    assert summarise(path).torn_lines == 1


def test_a_cut_line_behind_lines_of_its_own_is_told_by_its_number(path: Path, opened: Open, warned: list[str]) -> None:
    ledger = opened()
    with ledger:
        for number in range(2):
            ledger.append(answer(request(number).key))
    with path.open("ab") as file:
        file.write(b'{"key": \n')
    with ledger:
        pass
    assert [f"{path}: line 4 is incomplete" in each for each in warned] == [True]


def test_a_ledger_opened_twice_says_a_cut_line_once(path: Path, opened: Open, warned: list[str]) -> None:
    path.parent.mkdir()
    path.write_bytes(written(path, answer(request(0).key))[:-5])
    ledger = opened()
    for _ in range(2):
        with ledger:
            pass
    assert len(warned) == 1


# --- whose ledger it is ---


@pytest.mark.parametrize("identity", [{}, IDENTITY | {"revision": 4}, IDENTITY | {"more": None}])
def test_the_ledger_of_another_engine_is_refused(identity: dict[str, str], path: Path) -> None:
    before = written(path, *REPLIES)
    with pytest.raises(
        LedgerError, match=rf"{path.name}: it belongs to another engine or other settings: .*; move it away"
    ):
        Ledger(path, identity, lambda _: None)
    assert path.read_bytes() == before


def test_a_newer_format_is_refused(path: Path, opened: Open) -> None:
    text = written(path).decode().replace(f'"ledger":{FORMAT}', f'"ledger":{FORMAT + 1}')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LedgerError, match=rf"format {FORMAT + 1} and this version reads {FORMAT}; use the version"):
        opened()


def test_each_identity_has_a_file_of_its_own(tmp_path: Path) -> None:
    first = ledger_path(tmp_path, Recited(identity={"engine": "recited", "model": "a"}))
    other = ledger_path(tmp_path, Recited(identity={"engine": "recited", "model": "b"}))
    again = ledger_path(tmp_path, Recited(identity={"model": "a", "engine": "recited"}))
    assert first == again != other
    assert first.parent == tmp_path
    assert first.name == "recited-6eb9a9e5065a.jsonl"  # replies that were paid for lie under this name


def test_a_summary_counts_the_last_reply_to_each_key(path: Path) -> None:
    keys = [request(number).key for number in range(6)]
    replies = [
        failure(keys[0], "server: 500"),
        answer(keys[0]),
        answer(keys[1]),
        answer(keys[2]),
        failure(keys[2], "blocked: x"),
    ]
    whole = written(path, *replies, failure(keys[3], "server: 502"), failure(keys[4], "server: a: b"), answer(keys[5]))
    path.write_bytes(whole[:-3])
    summary = summarise(path)
    assert (summary.identity, summary.answered, summary.torn_lines) == (IDENTITY, 2, 1)
    assert summary.failures == {"server": 2, "blocked": 1}


def test_a_summary_adds_up_the_tokens_and_the_money_of_every_reply_replaced_ones_too(path: Path) -> None:
    usage = {"promptTokenCount": 1450, "candidatesTokenCount": 160, "thoughtsTokenCount": 40}
    paid = replace(answer(request(0).key), usage=usage)
    written(path, paid, failure(request(1).key), answer(request(2).key))
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(paid) | {"cost_usd": cost}) + "\n" for cost in (0.25, 0.125))
    summary = summarise(path)
    assert (summary.answered, summary.tokens) == (2, Usage(prompt=4350, output=480, thoughts=120))
    assert (summary.cost_usd, summary.unpriced) == (0.375, 1)
    assert list(usages(path)) == [(paid.key, None, usage)] * 3


def test_requests_of_a_day_are_counted_from_midnight_pacific_over_all_ledgers(path: Path) -> None:
    asked = Reply("", None, "server: 500", model="a-model", attempts=3, answered_at="2026-11-23T08:00:00.000+00:00")
    written(
        path,
        asked,
        replace(asked, answered_at="2026-11-23T07:59:59.999+00:00"),  # the day before
        replace(asked, model="another"),
        replace(asked, parameters={"tier": "batch"}),  # batches have a quota of their own
        replace(asked, attempts=20, parameters={"tier": "standard"}),
        answer(request(1).key),
    )
    written(path.with_name("other.jsonl"), replace(asked, attempts=100))
    assert sent_on_day(path.parent, "a-model", "2026-11-24T07:59:00+00:00") == 123
    assert sent_on_day(path.parent, "a-model", "2026-11-24T08:00:00+00:00") == 0
    assert sent_on_day(path.parent / "none", "a-model", "2026-11-24T08:00:00+00:00") == 0


# --- whose fault a failure is ---


@pytest.mark.parametrize("kind", sorted(NOBODYS_FAULT))
def test_a_failure_that_is_nobodys_fault_settles_nothing(kind: str, path: Path, opened: Open) -> None:
    written(path, failure(request(0).key, f"{kind}: it broke"), failure(request(1).key, "blocked: SAFETY"))
    ledger = opened()
    assert [ledger.is_settled(request(number).key) for number in range(3)] == [False, True, False]
    written(path, answer(request(0).key))
    assert opened().is_settled(request(0).key)


def test_a_request_at_which_a_service_breaks_in_three_runs_is_settled_once_it_answers_others(
    path: Path, opened: Open
) -> None:
    for times in range(1, 5):
        written(path, failure(request(0).key, "server: 500"), failure(request(1).key, "connection: reset"))
        assert opened().is_settled(request(0).key) == (times >= 3)
        assert not opened().is_settled(request(1).key)
        written(path, answer(request(1 + times).key))


@pytest.mark.parametrize(("hours", "is_settled"), [(5.9, False), (6.1, True)])
def test_runs_in_one_outage_settle_nothing(path: Path, opened: Open, hours: float, is_settled: bool) -> None:
    begins = datetime(2026, 11, 23, tzinfo=UTC)
    written(path, answer(request(1).key))
    for number in range(3):
        at = begins + timedelta(hours=number * hours)
        written(path, replace(failure(request(0).key, "server: 503"), answered_at=at.isoformat()))
        written(path, failure(request(0).key, "server: 503"))  # at a time that is not told
    assert opened().is_settled(request(0).key) == is_settled


def test_of_two_failures_merged_the_one_that_lies_with_the_request_stays(tmp_path: Path) -> None:
    lasting, passing = failure(request(0).key, "blocked: SAFETY"), failure(request(0).key, "server: 500")
    for order in ([lasting, passing], [passing, lasting]):
        folder = tmp_path / str(order[0].failure)[:3]
        for number, reply in enumerate(order):
            with Ledger(folder / f"{number}.jsonl", {"engine": "e"}, pytest.fail) as ledger:
                ledger.append(reply)
        merged = merge([folder / "0.jsonl", folder / "1.jsonl"], folder / "all", warn=pytest.fail)
        found = Ledger(merged.path, {"engine": "e"}, pytest.fail)
        assert list(found.answered([request(0)])) == [(request(0), lasting)]
