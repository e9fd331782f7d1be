"""A reply counts once it is appended: flushed, synced, by one writer at a time."""

import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dermasynth_builder.core.errors import LedgerError
from dermasynth_builder.core.records import Reply
from dermasynth_builder.generate.ledger import Ledger
from tests.support.recited import answer, request, requests

IDENTITY = {"engine": "recited"}
TRY_TO_WRITE = f"""
import sys
from pathlib import Path
from dermasynth_builder.core.errors import LedgerError
from dermasynth_builder.generate.ledger import Ledger
try:
    with Ledger(Path(sys.argv[1]), {IDENTITY!r}, print):
        print("opened")
except LedgerError as error:
    print(error)
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return ledger_of(tmp_path / "recited.jsonl")


def ledger_of(path: Path) -> Ledger:
    return Ledger(path, IDENTITY, pytest.fail)


def held(ledger: Ledger, count: int) -> list[Reply | None]:
    return [reply for _, reply in ledger.answered(requests(count))]


def other_process(path: Path) -> str:
    """What another process says when it tries to write that ledger."""
    command = [sys.executable, "-c", TRY_TO_WRITE, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_reply_is_in_the_file_when_append_returns(ledger: Ledger) -> None:
    with ledger:
        for number in range(5):
            ledger.append(answer(request(number).key))
            assert held(ledger_of(ledger.path), 5) == [answer(r.key) for r in requests(number + 1)] + [None] * (
                4 - number
            )
            assert ledger.path.read_bytes().endswith(b"\n")


def test_only_one_process_writes_a_ledger(ledger: Ledger) -> None:
    with ledger:
        ledger.append(answer(request(0).key))
        said = other_process(ledger.path)
        assert said == f"another process writes {ledger.path}; wait for it or stop it, then run again"
        ledger.append(answer(request(1).key))
    assert other_process(ledger.path) == "opened"
    assert held(ledger_of(ledger.path), 2) == [answer(request(0).key), answer(request(1).key)]


def test_two_ledgers_are_written_at_once_in_folders_that_writing_makes(tmp_path: Path) -> None:
    first, second = (ledger_of(tmp_path / "work" / "ledgers" / name) for name in ("a.jsonl", "b.jsonl"))
    with first, second:
        first.append(answer(request(0).key))
        second.append(answer(request(1).key))
    assert (len(ledger_of(first.path)), len(ledger_of(second.path))) == (1, 1)


def test_only_one_ledger_object_writes_a_file(ledger: Ledger) -> None:
    second = ledger_of(ledger.path)
    with ledger, pytest.raises(LedgerError, match="another process writes"), second:
        pass
    with second:
        second.append(answer(request(0).key))


def test_a_ledger_that_is_being_written_can_be_read(ledger: Ledger) -> None:
    with ledger:
        ledger.append(answer(request(0).key))
        assert request(0).key in ledger_of(ledger.path)


def test_what_another_run_has_written_since_is_known_when_writing_begins(ledger: Ledger) -> None:
    early = ledger_of(ledger.path)
    with ledger:
        ledger.append(answer(request(0).key))
    assert request(0).key not in early
    with early:
        assert request(0).key in early
        early.append(answer(request(1).key))
    with ledger:
        assert held(ledger, 2) == [answer(request(0).key), answer(request(1).key)]


def test_a_ledger_that_cannot_be_opened_is_not_kept_locked(ledger: Ledger) -> None:
    other = Ledger(ledger.path, {"engine": "other"}, pytest.fail)
    with ledger:
        ledger.append(answer(request(0).key))
    with pytest.raises(LedgerError, match="it belongs to another engine or other settings"):
        other.__enter__()
    with ledger:
        ledger.append(answer(request(1).key))
    assert other is not None  # it lives and holds no lock


def test_replies_are_synced_within_about_a_second_and_at_the_end(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waits for the ledger's own clock, about a second; the sizes tell what each sync has covered."""
    synced: list[int] = []
    is_synced = threading.Event()
    fsync = os.fsync

    def sync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_size)
        fsync(descriptor)
        is_synced.set()

    monkeypatch.setattr(os, "fsync", sync)
    with ledger:
        ledger.append(answer(request(0).key))
        assert is_synced.wait(timeout=10)
        first = ledger.path.stat().st_size
        assert synced == [first]
        ledger.append(answer(request(1).key))
    assert synced[-1] == ledger.path.stat().st_size > first


def append_and_fail(ledger: Ledger) -> None:
    with ledger:
        ledger.append(answer(request(0).key))
        raise RuntimeError("no more")


def test_an_error_inside_the_block_closes_the_ledger_and_keeps_its_replies(ledger: Ledger) -> None:
    threads = threading.active_count()
    with pytest.raises(RuntimeError):
        append_and_fail(ledger)
    assert threading.active_count() == threads
    assert held(ledger_of(ledger.path), 1) == [answer(request(0).key)]
    assert other_process(ledger.path) == "opened"


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """Lets that file grow by half a line and no further: a limit on the size of files stands for the disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_an_error_that_costs_no_reply_written_before(tmp_path: Path) -> None:
    warned: list[str] = []
    ledger = Ledger(tmp_path / "recited.jsonl", IDENTITY, warned.append)
    with ledger:
        ledger.append(answer(request(0).key))
    with full_disk(ledger.path), pytest.raises(OSError, match="too large"), ledger:
        ledger.append(answer(request(1).key))
    assert not ledger.path.read_bytes().endswith(b"\n")
    again = Ledger(ledger.path, IDENTITY, warned.append)
    assert held(again, 2) == [answer(request(0).key), None]
    assert len(warned) == 1
    with again:  # the failed run has not kept it locked
        again.append(answer(request(1).key))
    assert held(Ledger(ledger.path, IDENTITY, warned.append), 2) == [answer(r.key) for r in requests(2)]
    assert not ledger.is_failure(request(0).key)
