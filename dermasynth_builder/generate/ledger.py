"""The append-only file of replies: cache, audit trail and resume point in one.

JSON lines. The first line names the format and the engine's identity; every other line is one reply. A line
that was cut by a kill is stepped over and said; a reply counts from the moment its line is complete. Lines
are flushed one by one and synced to disk at least every second.
"""

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import fields
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeVar

from dermasynth_builder.core.errors import LedgerError
from dermasynth_builder.core.files import lock_beside
from dermasynth_builder.core.protocols import Engine
from dermasynth_builder.core.records import AnyRequest, Reply, canonical_json, digest

FORMAT = 1
_SYNC_EVERY_S = 1.0
_NO_VALUE = "not there"
_Asked = TypeVar("_Asked", bound=AnyRequest)
_MEMBERS = tuple(field.name for field in fields(Reply))


def ledger_path(folder: Path, engine: Engine) -> Path:
    """Where the replies of this engine identity are kept: `<engine>-<12 hex digits>.jsonl`."""
    return folder / ledger_name(engine.identity)


def ledger_name(identity: Mapping[str, Any]) -> str:
    """The file name of an engine identity's ledger."""
    return f"{identity['engine']}-{digest(dict(identity))[:12]}.jsonl"


class Ledger:
    """The replies of one engine identity, in the file `path`.

    Reading needs no preparation; `append` works inside a `with ledger:` block. Only the places of the replies
    are held in memory. A later reply to a key replaces an earlier one.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], warn: Callable[[str], object]) -> None:
        """Reads what is there; `warn` is told of lines that are stepped over.

        Raises LedgerError where the file is not a ledger of this identity.
        """
        self.path = path
        self._identity = dict(identity)
        self._warn = warn
        self._places: dict[str, tuple[int, bool]] = {}  # key -> (offset in the file, whether it is a failure)
        self._scanned_bytes = self._scanned_lines = 0
        self._is_headed = False
        self.spent_usd = 0.0  # what all its lines cost, repeated ones too
        self.model_versions: set[str] = set()  # that gave an answer
        self._scan()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def is_failure(self, key: str) -> bool:
        """Whether the last reply to `key` is a failure. Raises KeyError where there is none."""
        return self._places[key][1]

    def holds(self, reply: Reply) -> bool:
        """Whether this very reply is the last one to its key."""
        if reply.key not in self._places:
            return False
        with self.path.open("rb") as file:
            file.seek(self._places[reply.key][0])
            return reply_of(json.loads(file.readline())) == reply

    def answered(self, requests: Iterable[_Asked]) -> Iterator[tuple[_Asked, Reply | None]]:
        """Each request with the last reply to it, in the order given; None where there is none."""
        if not self._places:
            yield from ((request, None) for request in requests)
            return
        with self.path.open("rb") as file:
            for request in requests:
                place = self._places.get(request.key)
                if place is None:
                    yield request, None
                    continue
                file.seek(place[0])
                yield request, reply_of(json.loads(file.readline()))

    def lines(self, keys: Iterable[str]) -> Iterator[bytes | None]:
        """The line of the last reply to each key, as it stands in the file; None where there is none."""
        with self.path.open("rb") if self._places else nullcontext(BytesIO()) as file:
            for key in keys:
                place = self._places.get(key)
                if place is not None:
                    file.seek(place[0])
                yield file.readline() if place is not None else None

    def __enter__(self) -> "Ledger":
        """Opens the file for appending. Raises LedgerError where another process writes it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        taken = LedgerError(f"another process writes {self.path}; wait for it or stop it, then run again")
        self._lock = lock_beside(self.path, taken)
        with ExitStack() as opening:
            opening.callback(self._lock.release)
            self._scan()  # what another process has written since
            self._file: BinaryIO = self.path.open("ab")
            self._end_torn_line()
            opening.pop_all()
        self._is_closing, self._is_dirty = threading.Event(), threading.Event()
        self._syncer = threading.Thread(target=self._sync_regularly, daemon=True)
        self._syncer.start()
        if not self._is_headed:
            self._write({"ledger": FORMAT, "identity": self._identity})
            self._is_headed = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_closing.set()
        self._syncer.join()
        try:
            self._file.close()
        finally:
            self._lock.release()

    def append(self, reply: Reply) -> None:
        """Writes one reply; when this returns, the operating system has it."""
        record = record_of(reply)
        self._take_down(record, self._write(record))

    def _write(self, record: Mapping[str, Any]) -> int:
        offset = self._scanned_bytes
        # A lone surrogate, which a service may send, is no UTF-8; spelled out it is JSON that reads back equal.
        line = canonical_json(record).encode(errors="backslashreplace") + b"\n"
        self._file.write(line)
        self._file.flush()
        self._scanned_bytes += len(line)
        self._scanned_lines += 1
        self._is_dirty.set()
        return offset

    def _end_torn_line(self) -> None:
        """A killed run may have left half a line; the next reply must not be glued to it."""
        if self._file.tell() == 0:
            return
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                self._file.write(b"\n")
                self._scanned_bytes = self._file.tell()

    def _sync_regularly(self) -> None:
        is_closing = False
        while not is_closing:
            is_closing = self._is_closing.wait(_SYNC_EVERY_S)
            if self._is_dirty.is_set():
                self._is_dirty.clear()
                os.fsync(self._file.fileno())

    def _scan(self) -> None:
        """Notes the places of all replies from where the last scan ended."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._scanned_bytes)
            for line in file:
                self._note(line)
                self._scanned_bytes += len(line)
                self._scanned_lines += 1

    def _note(self, line: bytes) -> None:
        record = read_record(line)
        if record is None:
            self._warn(
                f"{self.path}: line {self._scanned_lines + 1} is incomplete (a run was killed while writing it); "
                "its request will be asked again"
            )
        elif "ledger" in record:
            self._check_header(record)
        else:
            self._take_down(record, self._scanned_bytes)

    def _take_down(self, record: Mapping[str, Any], offset: int) -> None:
        self._places[record["key"]] = (offset, record["text"] is None)
        self.spent_usd += record.get("cost_usd") or 0.0
        if record["text"] is not None and record.get("model_version"):
            self.model_versions.add(record["model_version"])

    def _check_header(self, header: Mapping[str, Any]) -> None:
        if header["ledger"] != FORMAT:
            raise LedgerError(
                f"{self.path} has ledger format {header['ledger']} and this version reads {FORMAT}; "
                "use the version that wrote it"
            )
        if header.get("identity") != self._identity:
            told = differences({f"of {self.path}": header.get("identity") or {}, "of this run": self._identity})
            raise LedgerError(f"{self.path}: it belongs to another engine or other settings: {told}; move it away")
        self._is_headed = True


def differences(identities: Mapping[str, Mapping[str, object]]) -> str:
    """ "engine gemini (a.jsonl) and template (b.jsonl)"; of one engine, all settings in which two identities differ.

    `identities` holds the two by what is to stand in the brackets.
    """
    if headless := [owner for owner, identity in identities.items() if not identity]:
        return f"{headless[0]} has no header line"
    first, second = identities.values()
    names = [name for name in {**first, **second} if first.get(name, _NO_VALUE) != second.get(name, _NO_VALUE)]
    told = []
    for name in ["engine"] if "engine" in names else names:
        values = (f"{identity.get(name, _NO_VALUE) or 'not set'} ({owner})" for owner, identity in identities.items())
        told.append(f"{name} {' and '.join(values)}")
    return "; ".join(told)


def read_record(line: bytes) -> dict[str, Any] | None:
    """The JSON object of a whole line, or None."""
    try:
        record = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    is_known = isinstance(record, dict) and ("ledger" in record or {"key", "text"} <= record.keys())
    return record if is_known else None


def record_of(reply: Reply) -> dict[str, Any]:
    """The JSON object of a reply's line."""
    return {name: getattr(reply, name) for name in _MEMBERS}


def reply_of(record: Mapping[str, Any]) -> Reply:
    """The reply of a line; a line of an earlier version lacks what was not noted then."""
    return Reply(**{**record, "references": tuple(record["references"])})
