"""Writes and reads the Parquet files of one config.

Image bytes go in as they are. A row group keeps each image once, by dictionary encoding, so the pairs of an
image stand together and are never parted; a group has at most 64 rows and 80 MB of images, because a reader
who wants one row has to fetch its group's images.
Read back, each image is held to the hash in its rows.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import accumulate, groupby
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.images.renditions import PublishedImage, publish_image
from dermasynth_builder.core.images.strip import strip
from dermasynth_builder.core.records import SPLITS, Pair, Split, canonical_json
from dermasynth_builder.core.reporter import Advance
from dermasynth_builder.release.columns import TEXT_COLUMNS, file_marks, flat, leaves, path_of, row, schema
from dermasynth_builder.release.shards import Shards


def check_images(files: Iterable[Path], advance: Advance) -> None:
    """Holds every image of Parquet files against `image_sha256` of its rows, and to the gate for image bytes.

    `advance` hears of rows. A row group is in memory at a time, and each of its images is looked at once.
    Raises ReleaseError naming the first row whose image has other bytes or holds metadata.
    """
    for path in files:
        try:
            with pq.ParquetFile(path, read_dictionary=["image.bytes"]) as file:
                for group in range(file.num_row_groups):
                    table = file.read_row_group(group, columns=["image.bytes", path_of("image_sha256"), "pair_id"])
                    for batch in table.to_batches():
                        _check(batch, path)
                        advance(batch.num_rows)
        except (pa.ArrowException, ValueError, OSError) as error:
            raise ReleaseError(f"{path} cannot be read as Parquet: {error}; build the release anew") from error


def _check(batch: pa.RecordBatch, path: Path) -> None:
    cells: Any = batch.column("image")
    images = cells.field(0)
    found = [sha256(image.as_buffer()).hexdigest() for image in images.dictionary]
    left = {place: kinds for place, image in enumerate(images.dictionary) if (kinds := _metadata_in(image.as_py()))}
    told = map(flat, batch.drop_columns(["image"]).to_pylist())
    for place, values in zip(images.indices.to_pylist(), told, strict=True):
        where = f"{path}, row {values['pair_id']}"
        if place is None or found[place] != values["image_sha256"]:
            raise ReleaseError(f"{where}: the image has other bytes than the row says; build it anew")
        if place in left:
            raise ReleaseError(f"{where}: the image still holds {left[place]}; build the release anew")


def _metadata_in(image: bytes) -> str:
    """What the gate for image bytes would take out of an image."""
    try:
        return ", ".join(strip(image).removed)
    except ValueError as error:
        return str(error)


MAX_GROUP_ROWS = 64
MAX_GROUP_BYTES = 80_000_000  # of images, each counted once
_HASHED_ROWS = 1024  # together

# Columns whose values are long, or others in each row: zstd, and no dictionary. Those with a few short values take some
# bytes a row group, of which zstd makes more, in half the time that all other work on text takes. Nobody looks for the
# least and greatest of a hash or of a text; of ids readers do, to leave out row groups.
_HAS_NO_ORDER = re.compile(r"^(image\.|question$|answer$|messages\b|evidence\b)|sha256|request_key|parameters")
_VARIES = re.compile(rf"{_HAS_NO_ORDER.pattern}|^pair_id$|_id$|attribution")

_IMAGE = pa.struct([("bytes", pa.dictionary(pa.int32(), pa.binary())), ("path", pa.string())])


@cache
def _written_schema() -> pa.Schema:
    """What is written holds each image once; what a reader gets is `schema()`."""
    return schema().set(schema().get_field_index("image"), pa.field("image", _IMAGE)).remove_metadata()


class ContentHash:
    """sha256 over rows without their image bytes, for which `image_sha256` stands: a line of canonical JSON each."""

    def __init__(self) -> None:
        self._state = sha256()
        self._waiting: list[pa.Table] = []  # small tables are hashed together: most of the work is once a table

    def update(self, table: pa.Table) -> None:
        """Takes in the rows of a table, in order."""
        if table.num_rows:
            self._waiting.append(table.select(TEXT_COLUMNS))
        if sum(each.num_rows for each in self._waiting) >= _HASHED_ROWS:
            self._flush()

    def hexdigest(self) -> str:
        """64 hex digits for all rows so far."""
        self._flush()
        return self._state.hexdigest()

    def _flush(self) -> None:
        if self._waiting:
            table = pa.concat_tables(self._waiting)
            while any(map(pa.types.is_struct, table.schema.types)):
                table = table.flatten()
            [batch] = table.combine_chunks().to_batches()
            rows = zip(*map(_as_json, batch.columns), strict=True)
            self._state.update("".join(f"[{','.join(cells)}]\n" for cells in rows).encode())
        self._waiting = []


def _as_json(column: Any) -> list[str]:
    """The values of a column as canonical JSON; equal ones are put into JSON once, but for numbers: -0.0 equals 0.0."""
    if pa.types.is_nested(column.type) or pa.types.is_floating(column.type):
        return ["null" if value is None else canonical_json(value) for value in column.to_pylist()]
    encoded = column.dictionary_encode("encode")  # a missing value is a value too
    texts = [canonical_json(value) for value in encoded.dictionary.to_pylist()]
    return [texts[place] for place in encoded.indices.to_numpy().tolist()]


@dataclass(frozen=True, slots=True)
class SplitFiles:
    """What was written, or found, for one split."""

    files: tuple[Path, ...]
    rows: int
    file_bytes: int
    arrow_bytes: int  # of the rows as tables in memory
    content_sha256: str


class _RowGroup:
    """Rows in the making, each image held once."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._images: list[bytes] = []
        self._place_of: dict[str, int] = {}  # sha256 -> place in `_images`; two images may have the same bytes
        self._places: list[int] = []  # row by row
        self.image_bytes = 0  # each image counted once
        self.repeated_bytes = 0  # of images, each counted once a row

    def has_room(self, image: bytes, rows: int) -> bool:
        """Whether one more image with so many rows keeps to the limits."""
        return len(self.rows) + rows <= MAX_GROUP_ROWS and self.image_bytes + len(image) <= MAX_GROUP_BYTES

    def add(self, published: PublishedImage, rows: Sequence[dict[str, Any]]) -> None:
        image = published.content
        place = self._place_of.setdefault(published.sha256, len(self._images))
        if place == len(self._images):
            self._images.append(image)
        self._places += [place] * len(rows)
        self.rows += rows
        self.image_bytes += len(image)
        self.repeated_bytes += len(image) * len(rows)

    def table(self) -> pa.Table:
        arrays = [
            self._image_array()
            if column.type == _IMAGE
            else pa.array([values[column.name] for values in self.rows], column.type)
            for column in _written_schema()
        ]
        return pa.Table.from_arrays(arrays, schema=_written_schema())

    def _image_array(self) -> pa.StructArray:
        """Made from one buffer that is filled once: the bytes of images are most of the work."""
        ends = pa.array([0, *accumulate(map(len, self._images))], pa.int32())
        joined = pa.py_buffer(b"".join(self._images))
        images = pa.BinaryArray.from_buffers(pa.binary(), len(self._images), [None, ends.buffers()[1], joined])
        cells = pa.DictionaryArray.from_arrays(pa.array(self._places, pa.int32()), images)
        return pa.StructArray.from_arrays([cells, pa.nulls(len(cells), pa.string())], fields=list(_IMAGE))


@cache
def _stored() -> dict[str, Any]:
    """How the columns are stored, as `ParquetWriter` is told it."""
    varying = [leaf for leaf in leaves() if _VARIES.search(leaf)]
    compression: dict[str, Any] = dict.fromkeys(leaves(), "none")
    compression |= {leaf: "zstd" for leaf in varying if not leaf.startswith("image.")}
    return {
        "compression": compression,
        "use_dictionary": ["image.bytes", *(leaf for leaf in leaves() if leaf not in varying)],
        "write_page_index": True,
        "write_statistics": [leaf for leaf in leaves() if not _HAS_NO_ORDER.search(leaf)],
        "store_schema": False,  # or readers would be told that images are of a dictionary type
    }


class SplitWriter:
    """Writes one split of one config into `folder` as `<split>-NNNNN-of-NNNNN.parquet`; use in a `with` block.

    While a row group is written in the thread, the images of the next one are read.
    """

    def __init__(self, folder: Path, split: Split, thread: ThreadPoolExecutor) -> None:
        self._folder, self._split = folder, split
        self._thread = thread
        self._group = _RowGroup()  # in the making
        self._writing: Future[None] | None = None  # of the group before
        self._shards = Shards(folder, split, _written_schema(), stored=_stored(), marks=file_marks())
        self._total_rows = self._arrow_bytes = 0
        self._hash = ContentHash()

    def __enter__(self) -> "SplitWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writing:
            wait([self._writing])
        self._shards.close()

    def add(self, image: PublishedImage, rows: Sequence[dict[str, Any]]) -> None:
        """Adds all rows of one image, as `columns.row` makes them."""
        if not self._group.has_room(image.content, len(rows)):
            self._end_group()
        self._group.add(image, rows)

    def finish(self) -> SplitFiles | None:
        """Writes what is left and gives the files their final names; None where nothing was added."""
        self._end_group()
        self._await_group()
        if not (final := self._shards.named()):
            return None
        file_bytes = sum(path.stat().st_size for path in final)
        return SplitFiles(tuple(final), self._total_rows, file_bytes, self._arrow_bytes, self._hash.hexdigest())

    def _end_group(self) -> None:
        group, self._group = self._group, _RowGroup()
        if not group.rows:
            return
        table = group.table()
        self._total_rows += table.num_rows
        self._hash.update(table)
        self._arrow_bytes += table.drop_columns("image").nbytes + group.repeated_bytes
        self._await_group()
        self._writing = self._thread.submit(self._shards.write, table, group.image_bytes)

    def _await_group(self) -> None:
        if self._writing:
            self._writing.result()  # raises what went wrong


@dataclass(frozen=True, slots=True)
class WrittenConfig:
    """What was written for one config."""

    splits: Mapping[Split, SplitFiles]
    changes: Counter[str]  # what was done to image files -> how many; "" for those that went out byte for byte


def write_config(folder: Path, pairs: Iterable[Pair], max_side_px: int | None = None) -> WrittenConfig:
    """Writes all splits of one config, its images at most `max_side_px` a side.

    Raises ReleaseError where the pairs of an image do not stand together, and as `publish_image` does.
    """
    folder.mkdir(parents=True)
    with (
        ThreadPoolExecutor(max_workers=1) as thread,
        SplitWriter(folder, "train", thread) as train,
        SplitWriter(folder, "validation", thread) as val,
        SplitWriter(folder, "test", thread) as test,
    ):
        writers = dict(zip(SPLITS, (train, val, test), strict=True))
        seen: set[str] = set()
        changes: Counter[str] = Counter()
        for image, same_image in groupby(pairs, key=lambda pair: pair.image):
            if image.image_id in seen:
                raise ReleaseError(
                    f"{image.source}/{image.image_id}: its pairs do not stand together, or two images have this id"
                )
            seen.add(image.image_id)
            of_image = list(same_image)
            published = publish_image(image, max_side_px)
            changes[published.change or ""] += 1
            writers[of_image[0].split].add(published, [row(pair, published) for pair in of_image])
        finished = {split: writer.finish() for split, writer in writers.items()}
    return WrittenConfig({split: files for split, files in finished.items() if files}, changes)


def write_split(folder: Path, split: Split, rows: Iterable[tuple[PublishedImage, dict[str, Any]]]) -> SplitFiles | None:
    """Writes one split of rows as `columns.row` makes them, in their order; None where there are none."""
    folder.mkdir(parents=True)
    with ThreadPoolExecutor(max_workers=1) as thread, SplitWriter(folder, split, thread) as writer:
        for image, values in rows:
            writer.add(image, [values])
        return writer.finish()


def read_split(files: Sequence[Path], advance: Advance = lambda _: None) -> SplitFiles:
    """What files hold: the schema is checked, and the content hash made anew from all columns but the image.

    `advance` hears of rows.
    Raises ReleaseError where a file is no Parquet or has another schema.
    """
    rows = arrow_bytes = 0
    content = ContentHash()
    for path in files:
        try:
            with pq.ParquetFile(path) as file:
                if not _is_ours(file.schema_arrow):
                    raise ReleaseError(f"{path} has another schema than this version writes; build the release anew")
                rows += file.metadata.num_rows
                for batch in file.iter_batches(columns=list(TEXT_COLUMNS), batch_size=1024):
                    content.update(pa.Table.from_batches([batch]))
                    advance(batch.num_rows)
        except (pa.ArrowException, ValueError, OSError) as error:
            raise ReleaseError(f"{path} cannot be read as Parquet: {error}; build the release anew") from error
    return SplitFiles(tuple(files), rows, sum(p.stat().st_size for p in files), arrow_bytes, content.hexdigest())


def _is_ours(found: pa.Schema) -> bool:
    return found.equals(schema()) and found.metadata == schema().metadata


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    """A file of a release; what is damaged or not there is told, when it is opened and while it is read."""
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        raise ReleaseError(f"{path} cannot be read as Parquet: {error}; build the release anew") from error


def rows_in(path: Path) -> int:
    """How many rows a file has, by its footer. Raises ReleaseError where it cannot be read."""
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def read_rows(files: Iterable[Path], columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of files, in order, a row group at a time. Raises ReleaseError where a file cannot be read."""
    for path in files:
        with _opened(path) as file:
            for group in range(file.num_row_groups):
                yield from file.read_row_group(group, columns=columns).to_pylist()


def read_values(files: Iterable[Path], names: Iterable[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of files as `flat` gives them, with the values of these names alone; all where none are given."""
    return map(flat, read_rows(files, None if names is None else [path_of(name) for name in names]))


def rows_where(
    files: Iterable[Path], fits: Callable[[dict[str, Any]], bool], *, tested: Iterable[str], columns: Iterable[str]
) -> Iterator[dict[str, Any]]:
    """The rows that fit, as `read_rows` gives them with these columns; `fits` is told the values of `tested` alone."""
    paths = [path_of(name) for name in tested]
    for path in files:
        with _opened(path) as file:
            for group in range(file.num_row_groups):
                is_wanted = [fits(flat(row)) for row in file.read_row_group(group, columns=paths).to_pylist()]
                if any(is_wanted):
                    table = file.read_row_group(group, columns=list(columns))
                    yield from table.filter(pa.array(is_wanted)).to_pylist()
