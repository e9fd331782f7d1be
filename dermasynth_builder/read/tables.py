"""Walks a raw release on disk: its tables row by row, its image files by name.

Shared by all sources; nothing here knows one of them.
"""

import csv
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from filecmp import cmp
from pathlib import Path
from typing import TypeVar

from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.records import ClinicalImage, Problem, ProblemKind

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})

Choice = TypeVar("Choice")
_BOOLEANS = {"TRUE": True, "FALSE": False}


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

    def text(self, column: str) -> str | None:
        """The cell, or None where it is missing or the table has no such column."""
        value = self.row.cells.get(column, "")
        return None if value.upper() in self.missing else value

    def boolean(self, column: str) -> bool | None:
        """True or False in any case of letters."""
        return self.choice(column, _BOOLEANS)

    def choice(self, column: str, words: Mapping[str, Choice]) -> Choice | None:
        """The word for the published value; `words` has upper-case keys."""
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
            number = float(value)
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
    found: list[Path] = []
    seen: set[str] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link that leads back up
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith((".", "__MACOSX")))
        found += [path for name in names if not name.startswith(".") and (path := Path(folder, name)).is_file()]
    return sorted(found, key=lambda path: (len(path.parts), path.as_posix()))


def location_of(path: Path, root: Path) -> str:
    """The path below `root`, for people; bytes of a name that are no UTF-8 are spelled out."""
    return os.fsencode(path.relative_to(root).as_posix()).decode(errors="backslashreplace")


def columns_of(path: Path) -> list[str]:
    """The header of a CSV file; nothing where it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [name.strip() for name in next(csv.reader(file, strict=True), [])]
    except (UnicodeDecodeError, csv.Error):
        return []


def no_release(root: Path, files: Collection[Path], *, title: str, looked_for: str, advice: str) -> SourceError:
    """The error for a folder in which there is no table; archives that lie in it are named."""
    zips = [path.name for path in files if path.suffix.lower() == ".zip"]
    return SourceError(
        f"{root} holds no raw release of {title}: found no {looked_for} in it or below it. "
        + (f"Unpack {', '.join(zips[:4])} first. " if zips else "")
        + advice
    )


def read_table(path: Path, root: Path, required: Collection[str]) -> Iterator[Row | Problem]:
    """The rows of a CSV file; a row with too few or too many cells is a problem.

    Raises SourceError where the file is no CSV in UTF-8 or lacks one of the `required` columns.
    """
    table = location_of(path, root)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            columns = [name.strip() for name in next(reader, [])]
            _require(columns, required, path)
            for cells in reader:
                if cells:
                    yield _row(table, reader.line_num, columns=columns, cells=cells)
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path} cannot be read as a CSV table in UTF-8: {error}") from error


def _require(columns: list[str], required: Collection[str], path: Path) -> None:
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
    return Row(table, line, dict(zip(columns, (cell.strip() for cell in cells), strict=True)))


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
    image_of: Callable[[CellReader], ClinicalImage]  # tells the reader what it does not know
    needed: Collection[str]  # columns without which a row is of no use
    missing: Collection[str]  # upper-case texts that mean "not known"


def read_images(items: Iterable[Row | Problem], folder: "ImageFolder", form: Form) -> Iterator[ClinicalImage | Problem]:
    """The images that a table's rows list, what is wrong with the rows, and the files that none of them names."""
    rows: list[Row] = []
    for item in items:
        if isinstance(item, Problem):
            yield item
            continue
        folder.claim(form.id_of(item))
        if form.id_of(item) and all(item.cells[column] for column in form.needed):
            rows.append(item)
        else:
            yield Problem(ProblemKind.BROKEN_ROW, item.location, f"has no {' or no '.join(form.needed)}")
    for row in split_doubled(rows, form.id_of):
        if isinstance(row, Problem):
            yield row
            continue
        cells = CellReader(row, form.missing)
        image = form.image_of(cells)
        yield from cells.problems
        yield folder.attach(image)
    yield from folder.unclaimed()


class ImageFolder:
    """The image files below a folder, found by stem whatever the subfolder, the suffix or the case of letters.

    A stem is a name without its image suffix: tables differ in whether they write one, and copies in which.
    """

    def __init__(self, root: Path, files: Collection[Path]) -> None:
        self._root = root
        self._by_stem: dict[str, list[Path]] = {}
        for path in files:
            if path.suffix.lower() in IMAGE_SUFFIXES:
                self._by_stem.setdefault(_stem(path.name), []).append(path)
        self._claimed: set[str] = set()

    def __len__(self) -> int:
        return len(self._by_stem)

    def claim(self, name: str) -> None:
        """Notes that a row names this file, with or without its suffix, be the row of use or not."""
        self._claimed.add(_stem(name))

    def attach(self, image: ClinicalImage) -> ClinicalImage | Problem:
        """The image with the path of its file, if there is one; a problem where two files differ."""
        self.claim(image.file_name)
        paths = self._by_stem.get(_stem(image.file_name), [])
        if not paths:
            return image
        if any(not cmp(paths[0], other, shallow=False) for other in paths[1:]):
            names = ", ".join(location_of(path, self._root) for path in paths)
            return Problem(ProblemKind.DOUBLED_ID, image.row_location, f"two different files have that name: {names}")
        return replace(image, path=paths[0])

    def unclaimed(self) -> Iterator[Problem]:
        """A problem for every file that no row names."""
        for stem, paths in self._by_stem.items():
            if stem not in self._claimed:
                for path in paths:
                    location = location_of(path, self._root)
                    yield Problem(ProblemKind.IMAGE_WITHOUT_ROW, location, "no row of the table names this file")


def _stem(name: str) -> str:
    stem, dot, suffix = name.lower().rpartition(".")
    return stem if stem and dot + suffix in IMAGE_SUFFIXES else name.lower()
