"""The append-only file of replies: cache, audit trail and resume point in one.

JSON lines. The first line names the format and the engine's identity; every other line is one reply. A line
that was cut by a kill is stepped over and said; a reply counts from the moment its line is complete. Lines
are flushed one by one and synced to disk at least every second.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeVar

from dermasynth_builder.core.errors import LedgerError
from dermasynth_builder.core.files import lock_beside, private, private_folder
from dermasynth_builder.core.protocols import Engine
from dermasynth_builder.core.records import AnyRequest, Ground, Reply, canonical_json, digest
from dermasynth_builder.generate.foreign import NotJSON, amount, count, counts, label, mapping, parsed, sequence

FORMAT = 1
_SYNC_EVERY_S = 1.0
_STRIKES = 3  # runs, of several attempts each
_OUTAGE = timedelta(hours=6)  # strikes further apart are not of one outage
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
        self.identity = dict(identity)
        self._warn = warn
        self._places: dict[str, tuple[int, str | None]] = {}  # key -> (offset in the file, kind of failure)
        self._strikes: dict[str, _Strikes] = {}  # by key
        self._answered = 0  # lines that are answers
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
        return self._places[key][1] is not None

    def is_settled(self, key: str) -> bool:
        """Whether the last reply to `key` is an answer, or a failure that lies with the request itself.

        So does one at which the service has broken in several runs, and answered others between them or hours passed:
        an outage settles nothing.
        """
        if key not in self._places:
            return False
        is_given_up = key in self._strikes and self._strikes[key].count >= _STRIKES
        return self._places[key][1] not in NOBODYS_FAULT or is_given_up

    def holds(self, reply: Reply) -> bool:
        """Whether this very reply is the last one to its key."""
        if reply.key not in self._places:
            return False
        with self.path.open("rb") as file:
            file.seek(self._places[reply.key][0])
            return reply_of(_record_at(file)) == reply

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
                yield request, reply_of(_record_at(file))

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
        private_folder(self.path.parent)
        taken = LedgerError(f"another process writes {self.path}; wait for it or stop it, then run again")
        self._lock = lock_beside(self.path, taken)
        with ExitStack() as opening:
            opening.callback(self._lock.release)
            self._scan()  # what another process has written since
            self._file: BinaryIO = private(self.path).open("ab")
            self._end_torn_line()
            opening.pop_all()
        self._is_closing, self._is_dirty = threading.Event(), threading.Event()
        self._syncer = threading.Thread(target=self._sync_regularly, daemon=True)
        self._syncer.start()
        if not self._is_headed:
            self._write({"ledger": FORMAT, "identity": self.identity})
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
        record = _known(line)
        if record is None:
            why = "is no reply" if line.endswith(b"}\n") else "is incomplete (a run was killed while writing it)"
            self._warn(f"{self.path}: line {self._scanned_lines + 1} {why}; its request will be asked again")
        elif "ledger" in record:
            self._check_header(record)
        else:
            self._take_down(record, self._scanned_bytes)

    def _take_down(self, record: Mapping[str, Any], offset: int) -> None:
        kind = kind_of(record["failure"])
        self._places[record["key"]] = (offset, kind)
        self._answered += kind is None
        if kind == "server":
            strikes = self._strikes.setdefault(record["key"], _Strikes())
            strikes.note(self._answered, _time_or_none(record.get("answered_at")))
        self.spent_usd += amount(record.get("cost_usd")) or 0.0
        if record["text"] is not None and (version := label(record.get("model_version"))):
            self.model_versions.add(version)

    def _check_header(self, header: Mapping[str, Any]) -> None:
        if header["ledger"] != FORMAT:
            raise LedgerError(
                f"{self.path} has ledger format {header['ledger']} and this version reads {FORMAT}; "
                "use the version that wrote it"
            )
        if header.get("identity") != self.identity:
            told = differences({f"of {self.path}": header.get("identity") or {}, "of this run": self.identity})
            raise LedgerError(f"{self.path}: it belongs to another engine or other settings: {told}; move it away")
        self._is_headed = True


@dataclass(slots=True)
class _Strikes:
    """How often the service broke at a request."""

    count: int = 0
    answered: int = -1  # lines of the ledger that were answers at the last strike that counts
    at: datetime | None = None

    def note(self, answered: int, at: str | None) -> None:
        """It broke once more."""
        now = _in_utc(at) if at else None
        is_later = now is not None and self.at is not None and now - self.at >= _OUTAGE
        if answered != self.answered or is_later:
            self.count, self.answered, self.at = self.count + 1, answered, now


def _in_utc(at: str) -> datetime:
    """A time without a zone, which no version writes, is taken for UTC."""
    found = datetime.fromisoformat(at)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


NOBODYS_FAULT = frozenset({"connection", "server", "quota", "batch", "unfinished", "file"})
"""Kinds of failure that say nothing of the request; the next run asks it again."""


def kind_of(failure: str | None) -> str | None:
    """The part of a failure before its colon."""
    return None if failure is None else failure.partition(":")[0]


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
    """The JSON object of a whole line, header or reply, in the form that this version writes; None for all else.

    Of a reply, key and text or failure have to be there; what is wrong with another member costs that member alone,
    since what was paid must not be lost.
    """
    record = _known(line)
    if record is None or "ledger" in record:
        return record
    whole = {name: record[name] for name in ("key", "text", "failure")}
    references = [each for each in sequence(record.get("references")) if isinstance(each, str)]
    others = {name: read(record[name]) for name, read in _READERS.items() if name in record}
    return whole | {"references": references} | others


def _known(line: bytes) -> dict[str, Any] | None:
    """As `read_record`, with the other members as they stand in the line."""
    try:
        record = parsed(line) if line.endswith(b"\n") else None
    except NotJSON:
        return None
    if not isinstance(record, dict):
        return None
    if "ledger" in record:
        return record if isinstance(record.get("identity", {}), dict) else None
    text, failure = record.get("text", 0), record.setdefault("failure", None)
    is_text, is_failure = isinstance(text, str), isinstance(failure, str)
    is_other_null = failure is None if is_text else text is None
    return record if isinstance(record.get("key"), str) and is_text != is_failure and is_other_null else None


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _time_or_none(value: Any) -> str | None:
    """A time in ISO 8601."""
    try:
        return value if isinstance(value, str) and datetime.fromisoformat(value) else None
    except ValueError:
        return None


def _parameters(value: Any) -> dict[str, str | int | float | None]:
    return {name: each for name, each in mapping(value).items() if isinstance(each, str | int | float | None)}


def _grounds(value: Any) -> list[list[str]]:
    """Sentence, kind and key of each; what is none is left out."""
    listed = [each for each in sequence(value) if isinstance(each, list) and len(each) == len(Ground._fields)]
    return [each for each in listed if all(isinstance(part, str) for part in each)]


_READERS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("model", "model_version", "finish_reason"), label),  # an earlier version kept what came
    **dict.fromkeys(("thoughts", "failed_text"), _text_or_none),
    **dict.fromkeys(("answered_at", "sent_at"), _time_or_none),
    "usage": counts,
    "waited_s": lambda value: amount(value) or 0.0,
    "attempts": lambda value: count(value) or 1,
    "cost_usd": amount,
    "parameters": _parameters,
    "grounds": _grounds,
}


def _record_at(file: BinaryIO) -> dict[str, Any]:
    """The reply that was noted there. Raises LedgerError where the file has changed since."""
    record = read_record(file.readline())
    if record is None or "key" not in record:
        raise LedgerError(f"{file.name} was changed while it was in use; run again")
    return record


def record_of(reply: Reply) -> dict[str, Any]:
    """The JSON object of a reply's line."""
    return {name: getattr(reply, name) for name in _MEMBERS}


def reply_of(record: Mapping[str, Any]) -> Reply:
    """The reply of a line that `read_record` gave; one of an earlier version lacks what was not noted then."""
    grounds = tuple(Ground(*each) for each in record.get("grounds", ()))
    return Reply(**{**record, "references": tuple(record["references"]), "grounds": grounds})
