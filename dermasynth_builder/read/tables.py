"""Walks a raw release on disk: its tables row by row, its image files by name.

Shared by all sources; nothing here knows one of them.
"""

import codecs
import csv
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from filecmp import cmp
from pathlib import Path
from typing import Protocol, TextIO, TypeVar

from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.images.index import largest_copy
from dermasynth_builder.core.records import ClinicalImage, Problem, ProblemKind

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
# How tables write that there is nothing, in upper case; no column of any source has one of them as a value.
MISSING_WORDS = frozenset(
    ("", "NA", "N/A", "#N/A", "#NA", "<NA>", "NAN", "-NAN", "NULL", "(NULL)", "\\N", "NONE", "-", "UNK", "UNKNOWN")
)
BOOLEANS = {"TRUE": True, "YES": True, "1": True, "1.0": True, "FALSE": False, "NO": False, "0": False, "0.0": False}
_DECIMAL_COMMA = re.compile(r"-?(?:\d+,\d{1,2}|0,\d+)")  # "1,000" may be a thousand
_IMAGE_COLUMNS = frozenset({"img_id", "image_id", "isic_id", "bcn_filename", "image"})
_IN_EXPONENTS = re.compile(r"[-+]?\d+(?:[.,]\d*)?[eE][-+]?\d+")
_WITH_POINT = re.compile(r"[-+]?\d+\.0+")
_ALIASES = {"gender": "sex", "sex": "gender"}
_ALIKE = 0.85  # of names; the ISIC archive's anatom_site_general and anatom_site_special are 0.82
OF_NO_TABLE = r"|index|level_0|Unnamed: ?\d+(_level_\d+)?"  # what programs write in front of their rows
_ROWS_THAT_TELL = 10  # of fewer, a column may be empty by chance
_EXACT_DIGITS = 15  # of a number, as spreadsheets keep it

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class Row:
    """One data row of a table, all cells as stripped text."""

    table: str  # path below the release's folder
    line: int  # in the file; the header is line 1
    cells: Mapping[str, str]

    @property
    def location(self) -> str:
        """Where to look: "metadata.csv, line 17"."""
        return f"{self.table}, line {self.line}"


@dataclass(slots=True)
class CellReader:
    """Reads one row's cells as typed facts, and remembers the values that it does not know."""

    row: Row
    missing: Collection[str]  # upper-case texts that mean "not known"
    problems: list[Problem] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def text(self, column: str) -> str | None:
        """The cell, or None where it is missing or the table has no such column."""
        self.asked.add(column)
        value = self.row.cells.get(column, "")
        return None if value.upper() in self.missing else value

    def boolean(self, column: str) -> bool | None:
        """True or False, yes or no, 1 or 0, in any case of letters."""
        value = self.text(column)
        if value is None or value.upper() in BOOLEANS:
            return None if value is None else BOOLEANS[value.upper()]
        self.unknown(column, value, "known are true, false, yes, no, 1 and 0")
        return None

    def choice(self, column: str, words: Mapping[str, Choice]) -> Choice | None:
        """The word for the published value; `words` has upper-case keys."""
        self.asked.add(column)
        value = self.row.cells.get(column, "")
        upper = value.upper()
        if upper in self.missing:
            return None
        if upper in words:
            return words[upper]
        self.unknown(column, value, f"known are {', '.join(sorted(words))}")
        return None

    def number(self, column: str, low: float, high: float) -> float | None:
        """The number, where it lies in [low, high]."""
        value = self.text(column)
        if value is None:
            return None
        try:
            number = float(value.replace(",", ".") if _DECIMAL_COMMA.fullmatch(value) else value)
        except ValueError:
            number = float("nan")
        if low <= number <= high:
            return number
        self.unknown(column, value, f"expected a number from {low:g} to {high:g}")
        return None

    def whole(self, column: str, low: int, high: int) -> int | None:
        """The whole number ("3" or "3.0"), where it lies in [low, high]."""
        number = self.number(column, low, high)
        if number is None or number.is_integer():
            return None if number is None else int(number)
        self.unknown(column, self.row.cells[column], "expected a whole number")
        return None

    def unknown(self, column: str, value: str, hint: str, *, taken: str = "taken as not known") -> None:
        """Notes that the release writes a value that this code does not know."""
        detail = f"{column} is {value!r}; {hint}; {taken}"
        self.problems.append(Problem(ProblemKind.UNKNOWN_VALUE, self.row.location, detail))


def walk_files(root: Path) -> list[Path]:
    """Every visible file below `root`, nearest first, then by name. Raises SourceError if it is no folder."""
    if not root.is_dir():
        raise SourceError(f"{root} is not a folder; give the folder that holds the release with --raw")
    found: list[tuple[int, str, Path]] = []
    seen: set[str] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link that leads back up
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith((".", "__MACOSX")))
        here = Path(folder)
        depth, prefix = len(here.parts), here.as_posix()
        visible = (name for name in names if not name.startswith(".") and os.path.isfile(os.path.join(folder, name)))
        found += [(depth, f"{prefix}/{name}", here / name) for name in visible]
    return [path for _, _, path in sorted(found)]


def location_of(path: Path, root: Path) -> str:
    """The path below `root`, for people; bytes of a name that are no UTF-8 are spelled out."""
    return os.fsencode(path.relative_to(root).as_posix()).decode(errors="backslashreplace")


def columns_of(path: Path) -> list[str]:
    """The header of a CSV file; nothing where it cannot be read."""
    try:
        with _opened(path) as file:
            return [name.strip() for name in next(csv.reader(file, delimiter=_separator(file, path), strict=True), [])]
    except (UnicodeError, csv.Error, SourceError):
        return []


def _opened(path: Path) -> TextIO:
    """The table as text: in UTF-8, or in UTF-16 where a byte order mark says so."""
    with path.open("rb") as file:
        is_utf16 = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return path.open(encoding="utf-16" if is_utf16 else "utf-8-sig", newline="")


def _separator(file: TextIO, path: Path) -> str:
    """What separates the cells, as the header has it. Raises SourceError where it has two that could."""
    header = re.sub(r'"[^"]*"', "", file.readline())
    file.seek(0)
    if "\0" in header:
        raise SourceError(f"{path} holds zero bytes, as UTF-16 without its mark does; save it as CSV in UTF-8")
    found = [mark for mark in ",;\t" if mark in header]
    if len(found) > 1:
        raise SourceError(f"{path} has the separators {found} in its header; save it with commas alone")
    return found[0] if found else ","


def read_table(path: Path, root: Path, required: Collection[str]) -> Iterator[Row | Problem]:
    """The rows of a CSV file; a row with too few or too many cells is a problem.

    Raises SourceError where the file is no CSV in UTF-8 or lacks one of the `required` columns.
    """
    table = location_of(path, root)
    items: list[Row | Problem] = []
    try:
        with _opened(path) as file:
            reader = csv.reader(file, delimiter=_separator(file, path), strict=True)
            columns = [name.strip() for name in next(reader, [])]
            _require(columns, required, path)
            for cells in reader:
                if cells:
                    items.append(_row(table, reader.line_num, columns=columns, cells=cells))
    except (UnicodeError, csv.Error) as error:
        raise SourceError(f"{path} cannot be read as a CSV table in UTF-8: {error}") from error
    _require_whole_ids([item for item in items if isinstance(item, Row)], path)
    yield from items


def _require(columns: list[str], required: Collection[str], path: Path) -> None:
    doubled = [name for name, count in Counter(columns).items() if name and count > 1]
    if doubled:
        raise SourceError(
            f"{path} has more than one column {', '.join(doubled)}; which one counts cannot be told. "
            "Remove the others, or give the table as published."
        )
    lacking = [name for name in required if name not in columns]
    if lacking:
        raise SourceError(
            f"{path} lacks the columns {', '.join(lacking)}; it has: {', '.join(columns) or 'nothing'}. "
            "Give the folder of the release as published."
        )


def _row(table: str, line: int, *, columns: list[str], cells: list[str]) -> Row | Problem:
    if len(cells) != len(columns):
        detail = f"has {len(cells)} cells where the header has {len(columns)}; is the file cut off?"
        return Problem(ProblemKind.BROKEN_ROW, f"{table}, line {line}", detail)
    return Row(table, line, {name: _cell(name, cell.strip()) for name, cell in zip(columns, cells, strict=True)})


def _cell(column: str, text: str) -> str:
    """The cell, "" for any word for missing; an image's name without folders and suffix, an id without a ".0"."""
    if text.upper() in MISSING_WORDS:
        return ""
    if column in _IMAGE_COLUMNS:
        *folders, name = text.replace("\\", "/").split("/")
        if ".." in folders:  # leads out of the release: it finds nothing, and is refused where it would be fetched
            return text
        stem, dot, suffix = name.rpartition(".")
        return stem if stem and dot + suffix.lower() in IMAGE_SUFFIXES else name
    if _is_id(column) and _WITH_POINT.fullmatch(text) and len(text.partition(".")[0].lstrip("+-")) <= _EXACT_DIGITS:
        return text.partition(".")[0]
    return text


def _is_id(column: str) -> bool:
    return column in _IMAGE_COLUMNS or column.endswith("_id")


def _require_whole_ids(rows: list[Row], path: Path) -> None:
    """Raises SourceError where a program took ids for numbers and wrote back what it kept of them."""
    for column in filter(_is_id, rows[0].cells if rows else ()):
        long = [row for row in rows if len(row.cells[column].lstrip("+-")) > _EXACT_DIGITS]
        numbers = [row for row in long if row.cells[column].lstrip("+-").isdecimal()]
        cut = [row for row in numbers if not row.cells[column].lstrip("+-")[_EXACT_DIGITS:].strip("0")]
        broken = [row for row in rows if _is_no_whole_id(row.cells[column])]
        broken += cut if len(cut) > 1 and len(cut) == len(numbers) else []
        if broken:
            raise SourceError(
                f"{path}, line {broken[0].line}: {column} is {broken[0].cells[column]!r}, an id that a spreadsheet "
                f"took for a number ({len(broken)} of {len(rows)} rows); digits are lost. Get the table again, and "
                "open it with its ids as text."
            )


def _is_no_whole_id(text: str) -> bool:
    return bool(_IN_EXPONENTS.fullmatch(text) or _WITH_POINT.fullmatch(text))


def split_doubled(rows: list[Row], id_of: Callable[[Row], str]) -> Iterator[Row | Problem]:
    """Rows with one id each. Of equal rows the first stays; of contradicting ones none can be trusted."""
    by_id: dict[str, list[Row]] = {}
    for row in rows:
        by_id.setdefault(id_of(row), []).append(row)
    for row in rows:
        alike = by_id[id_of(row)]
        if all(other.cells == row.cells for other in alike):
            if row is alike[0]:
                yield row
                continue
            detail = f"{id_of(row)} stands already in line {alike[0].line}, with the same cells"
        else:
            lines = ", ".join(str(other.line) for other in alike)
            detail = f"{id_of(row)} stands in the lines {lines} with different cells; none is taken"
        yield Problem(ProblemKind.DOUBLED_ID, row.location, detail)


@dataclass(frozen=True, slots=True)
class Form:
    """How the rows of one kind of table become images."""

    id_of: Callable[[Row], str]
    image_of: Callable[[CellReader], ClinicalImage | None]  # tells the reader what it does not know, and why none
    needed: Collection[str]  # columns without which a row is of no use
    missing: Collection[str]  # upper-case texts that mean "not known"
    columns: "Columns | None" = None  # None: of columns that nothing reads, nothing is said


def read_images(items: Iterable[Row | Problem], folder: "ImageFolder", form: Form) -> Iterator[ClinicalImage | Problem]:
    """The images that a table's rows list, what is wrong with the rows, and the files that none of them names."""
    rows: list[Row] = []
    for item in items:
        if isinstance(item, Problem):
            yield item
            continue
        folder.claim(form.id_of(item))
        needed = (item.cells.get(column, "") for column in form.needed)
        if form.id_of(item) and all(cell and cell.upper() not in form.missing for cell in needed):
            rows.append(item)
        else:
            yield Problem(ProblemKind.BROKEN_ROW, item.location, f"has no {' or no '.join(form.needed)}")
    asked: set[str] = set(form.needed)
    for row in split_doubled(rows, form.id_of):
        if isinstance(row, Problem):
            yield row
            continue
        cells = CellReader(row, form.missing, asked=asked)
        image = form.image_of(cells)
        yield from cells.problems
        if image:
            yield folder.attach(image)
    if form.columns:
        yield from told_columns(rows, asked, form.columns)
    yield from folder.unclaimed()


class Columns(Protocol):
    """What is known of the columns of a table; see `origin.TableKind`."""

    @property
    def facts(self) -> Collection[str]: ...
    @property
    def unread(self) -> str: ...
    @property
    def group(self) -> str: ...


def told_columns(rows: Collection[Row], asked: Collection[str], known: Columns) -> Iterator[Problem]:
    """A problem for each column that nothing reads, with its nearest name, and for each that is looked for in vain."""
    by_table: dict[str, list[Row]] = {}
    for row in rows:
        by_table.setdefault(row.table, []).append(row)
    for table, same in by_table.items():
        columns = set().union(*(row.cells for row in same))
        lacking = [fact for fact in known.facts if not columns & set(fact.split("|"))]
        wanted = {name for fact in lacking for name in fact.split("|")}
        wanted |= {name for name in set(asked) - columns if not name[-1].isdigit()}  # levels come and go
        for column in sorted(columns - set(asked)):
            if not re.fullmatch(rf"{known.unread}|{OF_NO_TABLE}", column):
                yield Problem(ProblemKind.COLUMN, table, _not_read(column, wanted))
        for fact in lacking:
            yield Problem(ProblemKind.COLUMN, table, f"has no column {fact.replace('|', ' or ')}")
        for fact in known.facts if len(same) >= _ROWS_THAT_TELL else ():
            if fact not in lacking and not any(row.cells.get(name) for row in same for name in fact.split("|")):
                yield Problem(ProblemKind.COLUMN, table, f"no row fills the column {fact.replace('|', ' or ')}")
        group = known.group.split("|")
        alone = sum(not any(row.cells.get(column) for column in group) for row in same) if known.group else 0
        if alone:
            names = " or ".join(group)
            detail = f"{alone:,} of {len(same):,} rows have no {names}; each is taken as a group of its own"
            yield Problem(ProblemKind.COLUMN, table, detail)


def _not_read(column: str, wanted: Collection[str]) -> str:
    alias = _ALIASES.get(column.lower(), "")
    near = [alias] if alias in wanted else get_close_matches(column.lower(), sorted(wanted), n=1, cutoff=_ALIKE)
    return f"the column {column} is not read" + (f"; is it {near[0]}, which the table lacks?" if near else "")


class ImageFolder:
    """The image files below a folder, found by stem whatever the subfolder, the suffix or the case of letters.

    A stem is a name without its image suffix: tables differ in whether they write one, and copies in which.
    """

    def __init__(
        self, root: Path, files: Collection[Path], elsewhere: Callable[[], Iterable[tuple[str, set[str]]]] = tuple
    ) -> None:
        """`elsewhere` gives tables that are not the source's, each with the stems of the files that it names."""
        self._root = root
        self._elsewhere = elsewhere
        self._by_stem: dict[str, list[Path]] = {}
        for path in files:
            if path.suffix.lower() in IMAGE_SUFFIXES:
                self._by_stem.setdefault(stem_of(path.name), []).append(path)
        self._claimed: set[str] = set()
        self._copies: list[Problem] = []

    def __len__(self) -> int:
        return len(self._by_stem)

    def claim(self, name: str) -> None:
        """Notes that a row names this file, with or without its suffix, be the row of use or not."""
        self._claimed.add(stem_of(name))

    def attach(self, image: ClinicalImage) -> ClinicalImage | Problem:
        """The image with the path of its file, of several copies the largest; a problem where two files differ."""
        self.claim(image.file_name)
        paths = self._by_stem.get(stem_of(image.file_name), [])
        if not paths:
            return image
        if any(not cmp(paths[0], other, shallow=False) for other in paths[1:]):
            table = self._root / image.row_location.rpartition(", line ")[0]
            paths = [path for path in paths if table.parent in path.parents] or paths  # another set may lie beside it
        if all(cmp(paths[0], other, shallow=False) for other in paths[1:]):
            return replace(image, path=paths[0])
        names = ", ".join(location_of(path, self._root) for path in paths)
        if (largest := largest_copy(paths)) is None:
            return Problem(
                ProblemKind.CLASHING_FILES, image.row_location, f"two different files have that name: {names}"
            )
        detail = f"the same picture in several files ({names}); {location_of(largest, self._root)} is taken"
        self._copies.append(Problem(ProblemKind.SMALLER_COPY, image.row_location, detail))
        return replace(image, path=largest)

    def unclaimed(self) -> Iterator[Problem]:
        """A problem for every file that no row names, all that another set's table names, and smaller copies."""
        yield from self._copies
        left = {stem: paths for stem, paths in self._by_stem.items() if stem not in self._claimed}
        for table, stems in self._elsewhere() if left else ():
            named = [stem for stem in left if stem in stems]
            if named:
                detail = f"names {len(named):,} images here, and is no table of this set"
                yield Problem(ProblemKind.OTHER_SET, table, detail)
            left = {stem: paths for stem, paths in left.items() if stem not in stems}
        for path in (path for paths in left.values() for path in paths):
            location = location_of(path, self._root)
            yield Problem(ProblemKind.IMAGE_WITHOUT_ROW, location, "no row of the table names this file")


def stem_of(name: str) -> str:
    """The name in lower case, without its image suffix."""
    stem, dot, suffix = name.lower().rpartition(".")
    return stem if stem and dot + suffix in IMAGE_SUFFIXES else name.lower()
