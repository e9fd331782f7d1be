"""Whose a table is, and each of its rows: what a source states as proof, and what the tables of a folder say.

Sets share columns and archives, so that a column proves nothing. A `TableKind` states what does: the attribution, the
form of the ids, and where a table has neither, how many rows the published one has or what its path is called. Rows of
other sets are stepped over and counted, two tables that contradict each other are refused.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Protocol, runtime_checkable

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import NoReleaseError, PluginError, SourceError
from dermasynth_builder.core.records import Problem, ProblemKind
from dermasynth_builder.read.tables import (
    BOOLEANS,
    OF_NO_TABLE,
    ImageFolder,
    Row,
    columns_of,
    location_of,
    read_table,
    stem_of,
    walk_files,
)

_TABLES = frozenset({".csv", ".tsv"})
_MIRRORS = frozenset({".parquet", ".jsonl"})
_NAMES_FILES = re.compile(r"(image|img|file|isic)_?(\d_)?(id|path|name|file)?|bcn_filename|md5hash")
_SHOWN = 4
_GUIDE = "docs/own_images.md"


@dataclass(frozen=True, slots=True)
class Sign:
    """What the rows of a source say in a column, as rows of no other do."""

    column: str
    pattern: str  # searched in the cell without accents, in lower case
    example: str  # for people

    def holds(self, row: Row) -> bool:
        """Whether the row says it."""
        return re.search(self.pattern, _folded(row.cells.get(self.column, ""))) is not None

    def __str__(self) -> str:
        """ "attribution as Hospital Italiano de Buenos Aires"."""
        return f"{self.column} as {self.example}"


@dataclass(frozen=True, slots=True)
class TableKind:
    """One kind of table that a source has, and what proves that a row is the source's."""

    what: str  # for people: "the release's table"
    key: str  # the column that names the image of a row, or its case
    columns: tuple[str, ...] = ()  # others that it has
    lacks: tuple[str, ...] = ()  # what tells it from other kinds
    signs: tuple[Sign, ...] = ()  # the first whose column is filled decides
    never: tuple[str, ...] = ()  # columns that no row of the source fills
    counts: tuple[int, ...] = ()  # rows of the tables as published: the greatest is the most that there can be
    path: str = ""  # what the path of the table below the folder holds, a pattern in lower case
    is_joined: bool = False  # it is looked up by the ids of another table, which is proved
    facts: tuple[str, ...] = ()  # columns whose absence is told; "a|b": one of them is enough
    group: str = ""  # the column, or "a|b", that says what belongs together
    unread: str = ""  # a pattern of the columns that are left unread on purpose

    def fits(self, columns: Collection[str]) -> bool:
        """Whether a table with these columns may be of this kind."""
        return {self.key, *self.columns} <= set(columns) and not set(self.lacks) & set(columns)

    def sign_of(self, rows: Iterable[Row]) -> Sign | None:
        """What decides whose each of the rows is; None where they have no such column, or all leave it empty."""
        listed = list(rows)
        return next((sign for sign in self.signs if any(row.cells.get(sign.column) for row in listed)), None)

    def __str__(self) -> str:
        """What is looked for, for people."""
        proof = " or ".join(map(str, self.signs)) or (f"a path with {self.path}" if self.path else "")
        with_proof = f", and {proof}" if proof else ""
        return f"{self.what} (columns {', '.join((self.key, *self.columns))}{with_proof})"


@runtime_checkable
class StatesOrigin(Protocol):
    """A source that states what proves its tables; all that ship do."""

    @property
    def name(self) -> str:
        """See `Source`."""

    @property
    def title(self) -> str:
        """See `Source`."""

    @property
    def tables(self) -> Sequence[TableKind]:
        """The kinds of its tables."""


@dataclass(slots=True)
class Gathered:
    """What the tables of one kind say."""

    kind: TableKind
    rows: list[Row] = field(default_factory=list)  # of the source, each id once for all tables together
    problems: list[Problem] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)  # that rows were taken from, by location
    others: list[Row] = field(default_factory=list)  # of other sets

    @property
    def items(self) -> list[Row | Problem]:
        """All of it."""
        return [*self.problems, *self.rows]


class RawFolder:
    """The raw release of a source in a folder, or in the folder of the source's name in it."""

    def __init__(self, root: Path, source: StatesOrigin) -> None:
        """Raises SourceError if `root` is no folder."""
        inner = root / source.name
        tables = [path for path in (walk_files(inner) if inner.is_dir() else ()) if path.suffix.lower() in _TABLES]
        if any(kind.fits(columns_of(path)) for path in tables for kind in source.tables):
            root = inner
        self.root = root
        self.source = source
        self.files = walk_files(root)
        self.images = ImageFolder(root, self.files, self._named_elsewhere)
        self._used: set[str] = set()

    @cached_property
    def _columns(self) -> dict[Path, list[str]]:
        return {path: columns_of(path) for path in self.files if path.suffix.lower() in _TABLES}

    def gather(self, kind: TableKind, vouched: Collection[str] = ()) -> Gathered:
        """The rows of all tables of that kind; those whose id is in `vouched` need no other proof.

        Raises SourceError where a table cannot be read, or two contradict each other.
        """
        got = Gathered(kind)
        own: list[list[Row]] = []
        for path in (path for path, columns in self._columns.items() if self._is_of(kind, columns)):
            items = list(read_table(path, self.root, (kind.key, *kind.columns)))
            rows = [item for item in items if isinstance(item, Row)]
            mine, others, told = _parted(rows, kind, location_of(path, self.root), vouched=vouched)
            if mine or not rows:
                got.problems += [item for item in items if isinstance(item, Problem)]
                got.tables.append(location_of(path, self.root))
                own.append(mine)
            got.others += others
            got.problems += told
        self._used |= {*got.tables, *(row.table for row in got.others)}
        for row in got.others:
            self.images.claim(row.cells[kind.key])
        got.rows = _merged(own, got)
        _require_no_more_than_published(got, self.root)
        return got

    def _is_of(self, kind: TableKind, columns: Collection[str]) -> bool:
        """Whether a table with these columns is to be read as that kind: no other of the source says more of it."""
        fitting = [other for other in self.source.tables if other.fits(columns)]
        return kind.fits(columns) and all(len(other.columns) <= len(kind.columns) for other in fitting)

    def one_of(self, kinds: Sequence[TableKind], advice: str, vouched: Collection[str] = ()) -> Gathered:
        """What the tables of the one kind say that is here.

        Raises SourceError where two kinds are here, of which none has all that the other has, and for none, with the
        advice.
        """
        here = [got for kind in kinds if (got := self.gather(kind, vouched)).tables]
        found = [got for got in here if got.rows] or here[:1]
        if len(found) > 1:
            names = " and ".join(str(self.root / got.tables[0]) for got in found)
            raise SourceError(
                f"{self.root} holds {self.source.title} twice: {names} are tables of different forms of it, of which "
                "none has all that the others have; keep one of them."
            )
        if not found:
            raise self.refusal(kinds, advice)
        return found[0]

    def refusal(self, kinds: Sequence[TableKind], advice: str) -> NoReleaseError:
        """The error for a folder in which no table is proved to be the source's: what is there, what is looked for."""
        zips = [path.name for path in self.files if path.suffix.lower() == ".zip"]
        found = [self._told(path, kinds) for path in self._columns]
        others = [location_of(path, self.root) for path in self.files if path.suffix.lower() in _MIRRORS]
        looked_for = "; or ".join(map(str, kinds))
        return NoReleaseError(
            f"{self.root} holds no raw release of {self.source.title}: found no table that is proved to be of it. "
            f"Looked for {looked_for}. "
            + (f"Found: {'; '.join(found[:_SHOWN])}{' ...' if len(found) > _SHOWN else ''}. " if found else "")
            + (f"Unpack {', '.join(zips[:_SHOWN])} first. " if zips else "")
            + (
                f"The source folder reads {', '.join(others[:_SHOWN])} by a mapping, see docs/own_images.md. "
                * bool(others)
            )
            + advice
        )

    def _told(self, path: Path, kinds: Sequence[TableKind]) -> str:
        """What a table is, that is not the source's."""
        kind = next((kind for kind in kinds if kind.fits(self._columns[path])), kinds[0])
        try:
            rows = [item for item in read_table(path, self.root, (kind.key, *kind.columns)) if isinstance(item, Row)]
        except SourceError as error:
            said = str(error).partition(" Give the folder")[0].rstrip(".")
        else:
            said = f"{path} with {len(rows):,} rows ({_whose(rows, kind)})"
        owner = _owner(path, self.root, self.source.name)
        return f"{said}, which is of {owner}" if owner else said

    def _named_elsewhere(self) -> Iterator[tuple[str, set[str]]]:
        """Tables that are not the source's, and the stems of the files that they name."""
        for path, columns in self._columns.items():
            location = location_of(path, self.root)
            naming = [column for column in columns if _NAMES_FILES.fullmatch(column)]
            if location in self._used or not naming:
                continue
            try:
                rows = [item for item in read_table(path, self.root, ()) if isinstance(item, Row)]
            except SourceError:
                continue
            yield location, {stem_of(row.cells[column].rpartition("/")[2]) for row in rows for column in naming}


def _parted(
    rows: Sequence[Row], kind: TableKind, table: str, *, vouched: Collection[str] = ()
) -> tuple[list[Row], list[Row], list[Problem]]:
    """The source's rows of a table, those of other sets, and a problem that counts these."""
    if kind.is_joined:
        return list(rows), [], []
    sign = kind.sign_of(rows)
    is_named, is_whole = bool(kind.path and re.search(kind.path, _folded(table))), len(rows) in kind.counts
    if is_named and is_whole:
        own = list(rows)
    elif sign is None:
        own = [row for row in rows if is_named or is_whole or row.cells[kind.key] in vouched]
    else:
        own = [row for row in rows if sign.holds(row) or row.cells[kind.key] in vouched]
        if all(sign.holds(row) for row in rows if row.cells.get(sign.column)) and own:
            own = list(rows)  # where nothing else is mixed in, an empty cell is a cell that is missing
    if not is_whole:  # else it is the collection itself, whatever its columns have become
        own = [row for row in own if not any(row.cells.get(column) for column in kind.never)]
    kept = {row.line for row in own}
    others = [row for row in rows if row.line not in kept]
    if not others:
        return own, [], []
    detail = f"{len(others):,} of {len(rows):,} images are of other sets ({_whose(others, kind)})"
    return own, others, [Problem(ProblemKind.OTHER_SET, table, detail)]


def _whose(rows: Sequence[Row], kind: TableKind) -> str:
    """What rows say of where they are from: "attribution: Anonymous 5"."""
    sign = kind.sign_of(rows)
    if sign is None:
        names = " nor ".join(sign.column for sign in kind.signs)
        return f"neither {names} to tell by" if " nor " in names else f"no {names or kind.key} to tell by"
    is_id = sign.column.endswith("_id") or sign.column == kind.key
    cells = (row.cells.get(sign.column, "") for row in rows)
    counts = Counter((cell.partition("_")[0] if is_id else cell) or "none" for cell in cells)
    first = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    told = ", ".join(f"{name} {count:,}" for name, count in first[:_SHOWN])
    return f"{sign.column}: {told}{', ...' if len(first) > _SHOWN else ''}"


def _owner(path: Path, root: Path, source: str) -> str:
    """The title of another source that ships, of which rows of the table are proved to be; "" for none."""
    columns = columns_of(path)
    for name in registry.SOURCES.shipped:
        try:
            other = registry.source(name)
        except PluginError:
            continue
        for kind in other.tables if name != source and isinstance(other, StatesOrigin) else ():
            if kind.fits(columns) and not kind.is_joined:
                rows = [item for item in read_table(path, root, ()) if isinstance(item, Row)]
                if _parted(rows, kind, location_of(path, root))[0]:
                    return other.title
    return ""


def _merged(tables: Iterable[list[Row]], got: Gathered) -> list[Row]:
    """The rows of all tables, the longest first; what the same id has in two of them counts once.

    Raises SourceError where two say different things of it.
    """
    key = got.kind.key
    merged: dict[tuple[str, int], Row] = {}
    place: dict[str, tuple[str, int]] = {}
    for rows in sorted(tables, key=len, reverse=True):
        earlier = dict(place)
        common = [(merged[earlier[row.cells[key]]], row) for row in rows if row.cells[key] in earlier]
        _require_agreement(common, got.kind)
        for first, row in common:
            merged[place[row.cells[key]]] = replace(first, cells={**row.cells, **first.cells})
        for row in rows:
            if row.cells[key] not in earlier:
                merged[row.table, row.line] = row
                if row.cells[key]:
                    place[row.cells[key]] = (row.table, row.line)
        if common:
            detail = f"{len(common):,} of {len(rows):,} rows say what {common[0][0].table} says; taken once"
            got.problems.append(Problem(ProblemKind.TABLE_COPY, common[0][1].table, detail))
    return list(merged.values())


def _require_agreement(pairs: Sequence[tuple[Row, Row]], kind: TableKind) -> None:
    differing = [(a, b, column) for a, b in pairs if (column := _difference(a, b))]
    if differing:
        a, b, column = differing[0]
        raise SourceError(
            f"{a.table} and {b.table} contradict each other in {len(differing):,} of {len(pairs):,} common rows: of "
            f"{a.cells[kind.key]}, {column} is {a.cells[column]!r} in line {a.line} of the one and "
            f"{b.cells[column]!r} in line {b.line} of the other. Keep one of them."
        )


def _difference(a: Row, b: Row) -> str | None:
    """A column that two rows have and in which they differ."""
    for column in a.cells.keys() & b.cells.keys():
        is_same = a.cells[column] == b.cells[column] or _value(a.cells[column]) == _value(b.cells[column])
        if not is_same and not re.fullmatch(OF_NO_TABLE, column):
            return column
    return None


def _value(cell: str) -> object:
    if (upper := cell.upper()) in BOOLEANS:
        return float(BOOLEANS[upper])
    try:
        return float(cell)
    except ValueError:
        return upper


def _require_no_more_than_published(got: Gathered, root: Path) -> None:
    """A set has no more images than were published: beyond them, some are of another set of the same people."""
    most = max(got.kind.counts, default=0)
    count = len({row.cells[got.kind.key] for row in got.rows})
    if most and count > most:
        raise SourceError(
            f"{root} has {count:,} rows in {', '.join(got.tables)} that could be of {got.kind.what}, which has "
            f"{most:,}. Give the table of that collection alone."
        )


@lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    """Without accents, in lower case."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
