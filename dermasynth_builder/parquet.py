"""Effect: writes and reads the Parquet files of one config.

Image bytes go in as they are. A row group keeps each image once, by dictionary encoding, so the pairs of an
image stand together and are never parted; a group has at most 64 rows and 80 MB of images, because a reader
who wants one row has to fetch its group's images.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dermasynth_builder.columns import COLUMNS, feature, row
from dermasynth_builder.errors import ReleaseError
from dermasynth_builder.images import is_unchanged
from dermasynth_builder.records import SPLITS, ClinicalImage, Pair, Split, canonical_json

MAX_GROUP_ROWS = 64
MAX_GROUP_BYTES = 80_000_000  # of images, each counted once
MAX_SHARD_BYTES = 400_000_000

_TURN = pa.struct([("role", pa.string()), ("content", pa.string())])
_ARROW: Mapping[str, pa.DataType] = {
    "image": pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    "texts": pa.list_(pa.string()),
    "messages": pa.list_(_TURN),
    "string": pa.string(),
    "bool": pa.bool_(),
    "int32": pa.int32(),
    "float64": pa.float64(),
}


def schema() -> pa.Schema:
    """The one schema of every file, with the `datasets` features in its metadata."""
    features = {column.name: feature(column) for column in COLUMNS}
    arrow_fields = [pa.field(column.name, _ARROW[column.type]) for column in COLUMNS]
    return pa.schema(arrow_fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


@dataclass(slots=True)
class ContentHash:
    """sha256 over rows without their image bytes, for which `image_sha256` stands."""

    _state: Any = field(default_factory=sha256)

    def update(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Takes in the rows, in order."""
        for values in rows:
            self._state.update(canonical_json(values).encode() + b"\n")

    def hexdigest(self) -> str:
        """64 hex digits for all rows so far."""
        return str(self._state.hexdigest())


@dataclass(frozen=True, slots=True)
class SplitFiles:
    """What was written, or found, for one split."""

    files: tuple[Path, ...]
    rows: int
    file_bytes: int
    arrow_bytes: int  # of the rows as tables in memory
    content_sha256: str


class SplitWriter:
    """Writes one split of one config into `folder` as `<split>-NNNNN-of-NNNNN.parquet`; use in a `with` block."""

    def __init__(self, folder: Path, split: Split) -> None:
        self._folder, self._split = folder, split
        self._writer: pq.ParquetWriter | None = None
        self._paths: list[Path] = []
        self._rows: list[dict[str, Any]] = []  # of the row group in the making, images included
        self._group_bytes = 0
        self._total_rows = self._arrow_bytes = 0
        self._hash = ContentHash()

    def __enter__(self) -> "SplitWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer:
            self._writer.close()
            self._writer = None

    def add(self, pairs: Sequence[Pair]) -> None:
        """Adds all pairs of one image. Raises ReleaseError where the image is not what it was when measured."""
        image = image_cell(pairs[0].image)
        size = len(image["bytes"] or b"")
        is_full = len(self._rows) + len(pairs) > MAX_GROUP_ROWS or self._group_bytes + size > MAX_GROUP_BYTES
        if self._rows and is_full:
            self._write_group()
        rows = [row(pair) for pair in pairs]
        self._hash.update(rows)
        for values in rows:
            values["image"] = image
        self._rows += rows
        self._group_bytes += size

    def finish(self) -> SplitFiles | None:
        """Writes what is left and gives the files their final names; None where nothing was added."""
        if self._rows:
            self._write_group()
        if self._writer:
            self._writer.close()
            self._writer = None
        final = [self._folder / shard_name(self._split, i, len(self._paths)) for i in range(len(self._paths))]
        for path, name in zip(self._paths, final, strict=True):
            path.rename(name)
        if not final:
            return None
        file_bytes = sum(path.stat().st_size for path in final)
        return SplitFiles(tuple(final), self._total_rows, file_bytes, self._arrow_bytes, self._hash.hexdigest())

    def _write_group(self) -> None:
        table = pa.Table.from_pylist(self._rows, schema=schema())
        self._open_shard().write_table(table, row_group_size=MAX_GROUP_ROWS)
        self._total_rows += len(self._rows)
        self._arrow_bytes += table.nbytes
        self._rows, self._group_bytes = [], 0

    def _open_shard(self) -> pq.ParquetWriter:
        if self._writer and self._paths[-1].stat().st_size >= MAX_SHARD_BYTES:
            self._writer.close()
            self._writer = None
        if self._writer is None:
            self._paths.append(self._folder / f"{self._split}-{len(self._paths):05d}.parquet.part")
            self._writer = _open_writer(self._paths[-1])
        return self._writer


def shard_name(split: Split, number: int, count: int) -> str:
    """ "train-00000-of-00002.parquet"."""
    return f"{split}-{number:05d}-of-{count:05d}.parquet"


def write_config(folder: Path, pairs: Iterable[Pair]) -> dict[Split, SplitFiles]:
    """Writes all splits of one config. The pairs of an image must stand together."""
    folder.mkdir(parents=True)
    with (
        SplitWriter(folder, "train") as train,
        SplitWriter(folder, "validation") as val,
        SplitWriter(folder, "test") as test,
    ):
        writers = dict(zip(SPLITS, (train, val, test), strict=True))
        for _, same_image in groupby(pairs, key=lambda pair: pair.image.image_id):
            of_image = list(same_image)
            writers[of_image[0].split].add(of_image)
        finished = {split: writer.finish() for split, writer in writers.items()}
    return {split: files for split, files in finished.items() if files}


def read_split(files: Sequence[Path]) -> SplitFiles:
    """What files hold: the schema is checked, and the content hash made anew from all columns but the image.

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
                content_columns = [column.name for column in COLUMNS if column.type != "image"]
                for batch in file.iter_batches(columns=content_columns, batch_size=1024):
                    content.update(batch.to_pylist())
        except (pa.ArrowInvalid, OSError) as error:
            raise ReleaseError(f"{path} cannot be read as Parquet: {error}; build the release anew") from error
    return SplitFiles(tuple(files), rows, sum(p.stat().st_size for p in files), arrow_bytes, content.hexdigest())


def _is_ours(found: pa.Schema) -> bool:
    return found.equals(schema()) and found.metadata == schema().metadata


def read_rows(files: Iterable[Path], columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of files, in order, a row group at a time."""
    for path in files:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                yield from file.read_row_group(group, columns=columns).to_pylist()


def _open_writer(path: Path) -> pq.ParquetWriter:
    text = [leaf for leaf in _leaves() if not leaf.startswith("image.")]
    compression: dict[str, Any] = dict.fromkeys(text, "zstd") | {"image.bytes": "none", "image.path": "none"}
    return pq.ParquetWriter(
        path,
        schema(),
        compression=compression,
        use_dictionary=True,
        dictionary_pagesize_limit=1 << 30,  # by default a column over 1 MB falls back to plain encoding
        write_page_index=True,
        write_statistics=text,  # no least and greatest image in the footer
    )


def _leaves() -> Iterator[str]:
    """Parquet's names of the columns' leaves."""
    for column in COLUMNS:
        match column.type:
            case "image":
                yield from ("image.bytes", "image.path")
            case "texts":
                yield f"{column.name}.list.element"
            case "messages":
                yield from (f"{column.name}.list.element.{name}" for name in ("role", "content"))
            case _:
                yield column.name


def image_cell(image: ClinicalImage) -> dict[str, bytes | None]:
    """The image as a row holds it. No path: `datasets` would look for a file of that name and take that instead.

    Raises ReleaseError where the file is not there or is not what was measured.
    """
    if image.path is None or image.file is None:
        raise ReleaseError(f"{image.source}/{image.image_id}: the image file is not there; a release needs it")
    if not is_unchanged(image.path, image.file):
        raise ReleaseError(f"{image.path} has changed since it was measured; run the build again")
    return {"bytes": image.path.read_bytes(), "path": None}
