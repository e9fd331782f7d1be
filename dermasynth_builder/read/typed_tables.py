"""Reads tables whose cells have types: lines of JSON, and Parquet with an image column, as mirrors on the Hub are."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.files import private, private_folder
from dermasynth_builder.core.records import Problem, ProblemKind
from dermasynth_builder.read.tables import IMAGE_SUFFIXES, MISSING_WORDS, Row

_SUFFIXES = {
    b"\x89PNG": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"RIFF": ".webp",
    b"BM": ".bmp",
    b"II*": ".tif",
    b"MM\0": ".tif",
}
_BATCH_ROWS = 64


def json_columns(path: Path) -> list[str]:
    """The keys of the first object in a file of JSON lines. Raises SourceError as `read_json_lines` does."""
    return list(next((values for _, values in _json_lines(path) if isinstance(values, dict)), ()))


def read_json_lines(path: Path, root: Path, columns: Sequence[str]) -> Iterator[Row | Problem]:
    """These columns of a file of JSON lines. Raises SourceError where it is none, or a column is in no line."""
    lines = list(_json_lines(path))
    there = dict.fromkeys(key for _, values in lines if isinstance(values, dict) for key in values)
    _require_columns(path, columns, list(there))
    for number, values in lines:
        row = Row(path.relative_to(root).as_posix(), number, {})
        if isinstance(values, dict):
            yield from _typed(row, {column: values.get(column) for column in columns})
        else:
            yield Problem(ProblemKind.BROKEN_ROW, row.location, "is no JSON object; left out")


def _json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), start=1):
            if line.strip():
                yield number, json.loads(line, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path} cannot be read as lines of JSON: {error}") from error


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    if doubled := next((key for key, times in Counter(key for key, _ in pairs).items() if times > 1), None):
        raise ValueError(f"the key {doubled!r} stands twice in one object")
    return dict(pairs)


class Mirror:
    """Parquet files of one folder, whose images are written once as files of another."""

    def __init__(self, root: Path, into: Path, columns: Sequence[str]) -> None:
        """Takes the columns of the files, that of the image first, and the folder for the images, which is made."""
        self.files: list[Path] = []
        self._root, self._into = root, into
        self._image, *self._others = dict.fromkeys(columns)
        self._taken: set[str] = set()
        private_folder(into)

    def rows(self, path: Path) -> Iterator[Row | Problem]:
        """The rows of a file, whose images are in `files` then. Raises SourceError where it is no whole Parquet."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(path) as table:
                schema = table.schema_arrow
                _require_columns(path, (self._image, *self._others), schema.names)
                names = _class_names(schema.metadata)
                line = 0
                for batch in table.iter_batches(_BATCH_ROWS, columns=[self._image, *self._others]):
                    for values in batch.to_pylist():
                        line += 1
                        yield from self._row(path, line, values, names=names)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            told = next(iter(str(error).splitlines()), "")
            raise SourceError(f"{path} cannot be read as Parquet: {told}; get the file again") from error

    def _row(
        self, path: Path, line: int, values: Mapping[str, Any], *, names: Mapping[str, Sequence[str]]
    ) -> Iterator[Row | Problem]:
        row = Row(path.relative_to(self._root).as_posix(), line, {})
        image = values[self._image]
        images = image if isinstance(image, list) else [image]
        if len(images) > 1:
            detail = f"{self._image} holds {len(images)} images, and a row is of one; left out"
            yield Problem(ProblemKind.BROKEN_ROW, row.location, detail)
            return
        name = self._image_file(images[0] if images else None, path, line)
        named = {column: _word(values[column], names.get(column, ())) for column in self._others}
        yield from _typed(row, {self._image: name, **named})

    def _image_file(self, value: Any, path: Path, line: int) -> str:
        """The name of the file with the image; without its bytes, that by which it is called; "" where none is."""
        content = value.get("bytes") if isinstance(value, dict) else value
        called = value.get("path") if isinstance(value, dict) else value
        called = called if isinstance(called, str) else ""
        if not isinstance(content, bytes):
            return called
        suffix = next((suffix for mark, suffix in _SUFFIXES.items() if content.startswith(mark)), ".png")
        otherwise = f"{path.relative_to(self._root).with_suffix('').as_posix()}-{line:06}"
        named = Path(called)
        stem = named.stem if named.suffix.lower() in IMAGE_SUFFIXES else otherwise
        name = self._free(stem, otherwise, suffix=suffix)
        target = self._into / name
        if not target.is_file() or target.read_bytes() != content:
            private(target).write_bytes(content)
        self.files.append(target)
        return name

    def _free(self, *stems: str, suffix: str) -> str:
        """The first of the stems, made a file's name, that no other row's image has."""
        plain = [re.sub(r"[^-\w.]+", "_", stem) for stem in stems]
        more = (f"{plain[-1]}-{number}" for number in range(2, len(self._taken) + 3))
        stem = next(stem for stem in (*plain, *more) if stem.casefold() not in self._taken)
        self._taken.add(stem.casefold())
        return stem + suffix


def _class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """Column -> the words that its numbers stand for, as `datasets` keeps them in a Parquet file."""
    try:
        features = json.loads((metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        return {
            column: list(map(str, feature["names"]))
            for column, feature in features.items()
            if isinstance(feature, dict) and isinstance(feature.get("names"), list)
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _word(value: Any, names: Sequence[str]) -> Any:
    """The word for a number that stands for one of some; -1 stands for none."""
    if not names or not isinstance(value, int) or value >= len(names):
        return value
    return names[value] if value >= 0 else None


def _typed(row: Row, values: Mapping[str, Any]) -> Iterator[Row | Problem]:
    """The row with these values as text; a list of one is that one, other lists and objects are told and not taken."""
    cells: dict[str, str] = {}
    for column, value in values.items():
        if isinstance(value, list) and len(value) < 2:
            value = value[0] if value else None
        if isinstance(value, list | dict | bytes):
            told = ", ".join(map(str, value)) if isinstance(value, list | dict) else "bytes"
            detail = f"{column} is no single value but {told[:80]}; taken as not known"
            yield Problem(ProblemKind.UNKNOWN_VALUE, row.location, detail)
            value = None
        text = "" if value is None else str(value).strip()
        cells[column] = "" if text.upper() in MISSING_WORDS else text
    yield Row(row.table, row.line, cells)


def _require_columns(path: Path, wanted: Sequence[str], there: Sequence[str]) -> None:
    if doubled := sorted({column for column in there if column in wanted and there.count(column) > 1}):
        raise SourceError(f"{path} has the columns {', '.join(doubled)} more than once; keep one of each")
    if lacking := set(wanted) - set(there):
        raise SourceError(f"{path} lacks the columns {', '.join(sorted(lacking))}; it has: {', '.join(there)}")
