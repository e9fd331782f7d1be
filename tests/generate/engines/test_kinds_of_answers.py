"""What becomes of every kind of answer: for the row that meets it, and for a run all of whose rows do."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder.core.errors import DermaSynthError, StoppedError
from dermasynth_builder.core.records import Request
from dermasynth_builder.generate.engines.batch.shards import outcome_of_row
from dermasynth_builder.generate.engines.online.attempt import Status
from dermasynth_builder.generate.ledger import Ledger
from dermasynth_builder.generate.run import Run, generate, require_done
from dermasynth_builder.plan.reply_form import schema
from tests.support.answers import GOOD, KINDS, Answered, Kind, outcome_of
from tests.support.recited import requests

WIRES = ("gemini", "openai")
ROWS = 30
HEAD = """\
What becomes of every kind of answer, found by `tests/generate/engines/test_kinds_of_answers.py`. Of 30 rows one is
answered so at every try, or all are. "open": no answer, asked again by the next run without a flag. Exit codes: 0 all
done, 1 failed, 3 the same command goes on.

| answer | wire | the row | tries | exit | all rows: sent | exit | words |
|---|---|---|---|---|---|---|---|
"""
HEAD_BATCH = """
In the results of a batch, where a row that says nothing is looked for again, then held, and never paid again unasked:

| answer | the row |
|---|---|
"""


def asked(count: int = ROWS) -> list[Request]:
    return [replace(each, reply_schema=schema("asked")) for each in requests(count)]


def ran(engine: Answered, path: Path, rows: list[Request]) -> tuple[int, str]:
    """Exit code and words of a run."""
    run = Run()
    try:
        generate(rows, engine, Ledger(path, engine.identity, pytest.fail), run=run)
        require_done(run)
    except DermaSynthError as error:
        return (3 if isinstance(error, StoppedError) else 1), str(error)
    return 0, ""


def state_of(path: Path, row: Request) -> tuple[str, str]:
    """What the ledger says of a row, and its reason."""
    ledger = Ledger(path, {"engine": "answered"}, pytest.fail)
    ((_, reply),) = ledger.answered([row])
    if reply is None:
        return "open", ""
    state = "answered" if reply.text else "failed" if ledger.is_settled(row.key) else "open"
    return state, reply.failure or ""


def line_of(kind: Kind, wire: str, folder: Path) -> str:
    """A row of the table."""
    rows = asked()
    one = Answered(kind, wire, frozenset({rows[7].key}))
    code, told = ran(one, folder / "one.jsonl", rows)
    state, reason = state_of(folder / "one.jsonl", rows[7])
    every = Answered(kind, wire, frozenset(row.key for row in rows))
    all_code, all_told = ran(every, folder / "all.jsonl", rows)
    words = re.sub(r"\s+", " ", reason or told or all_told).replace("|", "/")
    return f"| {kind.name} | {wire} | {state} | {one.attempts} | {code} | {every.sent} | {all_code} | {words[:150]} |\n"


def lines(folder: Path) -> Iterator[str]:
    for number, kind in enumerate(KINDS):
        for wire in WIRES:
            place = folder / f"{number}-{wire}"
            place.mkdir()
            yield line_of(kind, wire, place)


def batch_line(kind: Kind) -> str:
    row = {"response": kind.gemini} if kind.status == 200 else {"error": (kind.gemini or {}).get("error")}
    outcome = outcome_of_row({"key": "k", **row})
    state = "held" if outcome is None else f"{outcome.status.name.lower().replace('_', ' ')}: {outcome.reason}"
    return f"| {kind.name} | {state.rstrip(': ').replace('|', '/')} |\n"


@pytest.mark.slow
def test_the_table_of_answers_is_as_it_was(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    batch = [batch_line(kind) for kind in KINDS if isinstance(kind.gemini, dict | None) and kind.status != 302]
    golden("answers.md", HEAD + "".join(lines(tmp_path)) + HEAD_BATCH + "".join(batch))


AT_THE_SERVICE = [
    kind
    for kind in KINDS
    if kind.status in (0, 401, 402, 404, 500, 502, 503, 529)
    or kind.name in ("{}", "null", "403 key revoked", "400 enable billing", "400 key not valid", "400 unknown model")
    or kind.name.startswith(("200", "429"))
]


@pytest.mark.slow
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("kind", AT_THE_SERVICE, ids=lambda kind: kind.name)
@pytest.mark.parametrize("when", ["at the start", "in mid-run", "at the end"])
def test_once_the_cause_is_gone_the_same_command_completes_and_pays_nothing_twice(
    kind: Kind, wire: str, when: str, tmp_path: Path
) -> None:
    rows, path = asked(120), tmp_path / "ledger.jsonl"
    struck = {"at the start": rows[:60], "in mid-run": rows[30:90], "at the end": rows[60:]}[when]
    before = Answered(kind, wire, frozenset(row.key for row in struck), concurrency=8)
    code, told = ran(before, path, rows)
    assert code in (1, 3)
    assert told
    answered = {row.key for row in rows if state_of(path, row)[0] == "answered"}
    assert not answered & before.struck
    assert not [row for row in rows if state_of(path, row)[0] == "failed"]
    after = Answered(GOOD, wire, frozenset(row.key for row in rows))
    assert ran(after, path, rows) == (0, "")
    assert after.sent == 120 - len(answered)
    assert {state_of(path, row)[0] for row in rows} == {"answered"}


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("place", [0, 1, 7, 29])
@pytest.mark.parametrize("wire", WIRES)
def test_one_odd_row_fails_alone_wherever_it_comes(wire: str, place: int, concurrency: int, tmp_path: Path) -> None:
    rows = asked()
    odd = next(kind for kind in KINDS if kind.name == "400 odd image")
    engine = Answered(odd, wire, frozenset({rows[place].key}), concurrency=concurrency)
    assert ran(engine, tmp_path / "l.jsonl", rows)[0] == 0
    assert engine.attempts == 1
    states = [state_of(tmp_path / "l.jsonl", row)[0] for row in rows]
    assert states == ["failed" if number == place else "answered" for number in range(ROWS)]


@pytest.mark.parametrize("wire", WIRES)
def test_three_rows_refused_alike_before_any_answer_end_the_run_and_stay_open(wire: str, tmp_path: Path) -> None:
    rows = asked()
    odd = next(kind for kind in KINDS if kind.name == "400 odd image")
    engine = Answered(odd, wire, frozenset(row.key for row in rows), concurrency=1)
    code, told = ran(engine, tmp_path / "l.jsonl", rows)
    assert (code, engine.sent) == (1, 3)
    assert "the first 3 requests were all refused alike: refused: 400" in told
    assert {state_of(tmp_path / "l.jsonl", row)[0] for row in rows} == {"open"}


def test_the_services_own_words_reach_the_user_in_every_form() -> None:
    for kind in KINDS:
        for wire in WIRES:
            outcome = outcome_of(kind, wire)
            content = getattr(kind, wire)
            if kind.status in (0, 200, 302) or isinstance(content, bytes) or outcome.status is Status.ANSWERED:
                continue
            told = re.findall(r'"(?:message|msg|detail)": "([^"]+)"', str(content).replace("'", '"'))
            assert told, kind.name
            assert all(word.strip("`")[:20] in outcome.reason for word in told), (kind.name, outcome.reason)
    assert "image too large" in outcome_of(next(k for k in KINDS if "metadata.raw" in k.name), "openai").reason
