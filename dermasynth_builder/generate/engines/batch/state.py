"""Keeps what is handed in as batches, in an SQLite file for each engine identity.

Rows wait in shards; a shard is one file and one job. Each step is noted before it is taken, so that whoever comes after
a kill knows what the service may have. A row is in the file from the moment that its shard is written until its reply
is kept.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

from dermasynth_builder.core.errors import LedgerError
from dermasynth_builder.core.files import lock_beside, private, private_folder
from dermasynth_builder.core.records import Facts, Reply, Request, Step, canonical_json
from dermasynth_builder.generate.engines.online.attempt import Attempts
from dermasynth_builder.generate.ledger import record_of, reply_of
from dermasynth_builder.plan.looks import look_from, look_text


class ShardState(StrEnum):
    """How far a shard is."""

    PLANNED = "planned"  # its file is written
    UPLOADED = "uploaded"  # the service has the file, and may have a job that we do not know of
    CREATING = "being handed in"  # its job is asked for; where no answer came, there may be one
    HANDED_IN = "handed in"  # the service has a job for it
    HELD = "held"  # rows wait for what may be paid and cannot be had; only the user may have them asked again
    OVERDUE = "overdue"  # past the deadline: its job is cancelled, its rows go online
    DONE = "done"  # no row waits for it
    CANCELLED = "cancelled"  # by `dermasynth cancel`


OPEN = frozenset(ShardState) - {ShardState.DONE, ShardState.CANCELLED}


@dataclass(frozen=True, slots=True)
class Shard:
    """Rows that are handed in together."""

    number: int
    attempt: int  # 1, or more where it is a part of a shard that came to nothing
    state: ShardState
    rows: int  # when it was written
    tokens: int  # estimated
    made_at: float  # of its rows' first shard; seconds since 1970
    upload: str | None = None  # "files/...": the service's name of the file
    job: str | None = None  # "batches/..."
    note: str = ""  # what the service last said of the job, or what became of it

    @property
    def is_open(self) -> bool:
        """Whether rows wait for it."""
        return self.state in OPEN


_COLUMNS = tuple(field.name for field in fields(Shard))
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS about (run TEXT);
CREATE TABLE IF NOT EXISTS shard ({", ".join(_COLUMNS)}, PRIMARY KEY (number));
CREATE TABLE IF NOT EXISTS row (key TEXT PRIMARY KEY, shard INTEGER, job TEXT);
CREATE INDEX IF NOT EXISTS row_of_shard ON row (shard);
CREATE TABLE IF NOT EXISTS reply (key TEXT PRIMARY KEY, record TEXT);
"""


class BatchState:
    """The shards of one engine identity, in the file `path`. Use it in a `with` block."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.with_suffix("")  # of the shards' files

    def __enter__(self) -> "BatchState":
        """Raises LedgerError where another process has it, or it holds no shards though files of shards lie there."""
        private_folder(self.folder)
        taken = LedgerError(f"another process works with {self.path}; wait for it or stop it first")
        self._lock = lock_beside(self.path, taken)
        with ExitStack() as opening:
            opening.callback(self._lock.release)
            opening.enter_context(_reading(self.path))
            if not (self.path.is_file() and self.path.stat().st_size) and any(self.folder.iterdir()):
                raise _lost(self.path, "it is empty")
            self._db = opening.enter_context(closing(sqlite3.connect(private(self.path))))
            self._db.executescript(_SCHEMA)
            with self._db:
                known = self._db.execute("SELECT run FROM about").fetchone()
                self.run: str = known[0] if known else f"dermasynth-{uuid4().hex[:12]}"
                if not known:
                    self._db.execute("INSERT INTO about VALUES (?)", (self.run,))
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def __contains__(self, key: object) -> bool:
        return self._db.execute("SELECT 1 FROM row WHERE key = ?", (key,)).fetchone() is not None

    def display_name(self, shard: Shard) -> str:
        """Names the shard's job at the service, where names need not be unique."""
        return f"{self.run}/{shard.number}/{shard.attempt}"

    def file_of(self, number: int) -> Path:
        """Where the rows of a shard are, as they are uploaded."""
        return self.folder / f"{number}.jsonl"

    def shards(self) -> list[Shard]:
        """All that ever were, in the order in which they were made."""
        return _shards(self._db)

    def next_number(self) -> int:
        """Of the next shard."""
        return 1 + max((shard.number for shard in self.shards()), default=0)

    def plan(
        self, shards: Mapping[Shard, Sequence[Attempts]], *, instead_of: Shard | None = None, note: str = ""
    ) -> None:
        """Takes in shards whose files are written; they may hold the rows that another one leaves."""
        with self._db:
            for shard, jobs in shards.items():
                self._put(shard)
                rows = ((job.request.key, shard.number, _text_of(job)) for job in jobs)
                self._db.executemany("INSERT OR REPLACE INTO row VALUES (?, ?, ?)", rows)
            if instead_of:
                self._close(instead_of, ShardState.DONE, note)
        if instead_of:
            self.file_of(instead_of.number).unlink(missing_ok=True)

    def change(self, shard: Shard, state: ShardState, **columns: str | None) -> Shard:
        """The shard in its new state, which is then on disk."""
        changed = replace(shard, state=state, **columns)  # type: ignore[arg-type]  # columns are texts
        if changed != shard:
            with self._db:
                self._put(changed)
        return changed

    def rows_of(self, shard: Shard) -> dict[str, Attempts]:
        """The rows that wait for a shard, by key."""
        return self._rows("SELECT job FROM row WHERE shard = ?", shard.number)

    def loose(self, most: int) -> dict[str, Attempts]:
        """Rows that wait for the next shard, by key."""
        return self._rows("SELECT job FROM row WHERE shard IS NULL LIMIT ?", most)

    def settle(
        self, shard: Shard, again: Iterable[Attempts], state: ShardState = ShardState.DONE, *, note: str = ""
    ) -> None:
        """Nothing waits for the shard any more; some of its rows wait for the next one."""
        with self._db:
            self._loosen(again)
            self._close(shard, state, note)
        self.file_of(shard.number).unlink(missing_ok=True)

    def part(self, settled: Iterable[str], again: Iterable[Attempts]) -> None:
        """Some rows of a shard are settled, some wait for the next one; the others wait for this one as before."""
        with self._db:
            self._loosen(again)
            self._db.executemany("DELETE FROM row WHERE key = ?", ((key,) for key in settled))

    def keep(self, reply: Reply) -> None:
        """Notes a reply that no job's results hold, until its row is dropped."""
        record = json.dumps(record_of(reply))
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO reply VALUES (?, ?)", (reply.key, record))

    def kept(self, shard: Shard) -> dict[str, Reply]:
        """The replies that are noted for rows of a shard, by key."""
        query = "SELECT record FROM reply JOIN row USING (key) WHERE shard = ?"
        replies = (reply_of(json.loads(record)) for (record,) in self._db.execute(query, (shard.number,)))
        return {reply.key: reply for reply in replies}

    def drop(self, key: str) -> None:
        """A row is settled."""
        with self._db:
            self._db.execute("DELETE FROM row WHERE key = ?", (key,))
            self._db.execute("DELETE FROM reply WHERE key = ?", (key,))

    def _loosen(self, again: Iterable[Attempts]) -> None:
        rows = ((_text_of(job), job.request.key) for job in again)
        self._db.executemany("UPDATE row SET shard = NULL, job = ? WHERE key = ?", rows)

    def _close(self, shard: Shard, state: ShardState, note: str) -> None:
        self._db.execute("DELETE FROM row WHERE shard = ?", (shard.number,))
        self._put(replace(shard, state=state, note=note))

    def _put(self, shard: Shard) -> None:
        marks = ", ".join("?" * len(_COLUMNS))
        values = [getattr(shard, name) for name in _COLUMNS]
        self._db.execute(f"INSERT OR REPLACE INTO shard VALUES ({marks})", values)  # noqa: S608 - constants

    def _rows(self, query: str, value: int) -> dict[str, Attempts]:
        jobs = (_row_of(text) for (text,) in self._db.execute(query, (value,)))
        return {job.request.key: job for job in jobs}


def shards_in(path: Path) -> list[Shard]:
    """The shards in a file that another process may be writing."""
    with _reading(path), closing(sqlite3.connect(path)) as database:
        return _shards(database)


def _lost(path: Path, why: object) -> LedgerError:
    return LedgerError(
        f"{path}: {why}. It says which jobs the service has: bring it back from a copy, or make room on the disk where "
        "that is why; moved away together with its folder, all of it is handed in, and paid, anew"
    )


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Says what SQLite finds wrong with a file as a LedgerError."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _lost(path, error) from error


def _shards(database: sqlite3.Connection) -> list[Shard]:
    rows = database.execute(f"SELECT {', '.join(_COLUMNS)} FROM shard ORDER BY number")  # noqa: S608 - constants
    shards = (Shard(*row) for row in rows)
    return [replace(shard, state=ShardState(shard.state)) for shard in shards]


def _text_of(row: Attempts) -> str:
    """Facts, of which no model that is asked sees more than the prompt says, are left out."""
    record = {field.name: getattr(row, field.name) for field in fields(Attempts)}
    request = {field.name: getattr(row.request, field.name) for field in fields(Request) if field.init}
    path, steps = request["image_path"], [asdict(step) for step in row.request.steps]
    look = row.request.look and look_text(row.request.look)
    told = {"facts": None, "image_path": path and str(path), "steps": steps, "look": look}
    return canonical_json(record | {"last": None, "request": request | told})


def _row_of(text: str) -> Attempts:
    record: dict[str, Any] = json.loads(text)
    request = record["request"]
    path = request["image_path"]
    steps = tuple(Step(**step) for step in request["steps"])
    look = look_from(request["look"]) if request.get("look") else None
    request |= {"facts": Facts(), "image_path": path and Path(path), "steps": steps, "look": look}
    members = {"request": Request(**request), "usage": Counter(record["usage"])}
    return Attempts(**record | members | {"set_aside": tuple(record["set_aside"])})
