"""The files of one split in the making: how large each may be, and what they are called.

A reader of a stream holds some files at once, so each has at most 100 MB; the first are smaller, so that two readers
can share any split of size, and each in turn is twice the one before.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dermasynth_builder.core.records import Split

MAX_SHARD_BYTES = 100_000_000
FIRST_SHARD_BYTES, FIRST_SHARD_ROWS = 12_500_000, 64  # of the first two
_BUFFER_BYTES = 1 << 16  # a row group has a hundred small pages beside the images


class Shards:
    """Writes row groups into `folder` as `<split>-NNNNN-of-NNNNN.parquet`; to be closed.

    `stored` are options of `ParquetWriter`, `marks` what each file says of itself beside its schema.
    """

    def __init__(
        self, folder: Path, split: Split, schema: pa.Schema, *, stored: Mapping[str, Any], marks: dict[str, str]
    ) -> None:
        self._folder, self._split = folder, split
        self._schema, self._stored, self._marks = schema, stored, marks
        self._paths: list[Path] = []
        self._sink: Any = None  # of the file in the making, with its writer
        self._writer: pq.ParquetWriter | None = None
        self._rows = 0  # of that file

    def write(self, table: pa.Table, image_bytes: int) -> None:
        """Adds one row group, whose different images have so many bytes, to a file that has room for it."""
        if self._writer and not self._has_room(table, image_bytes):
            self.close()
        writer = self._writer = self._writer or self._opened()
        writer.write_table(table, row_group_size=table.num_rows)
        self._rows += table.num_rows

    def named(self) -> list[Path]:
        """Ends the last file and gives all their final names; none where nothing was written."""
        self.close()
        count = len(self._paths)
        return [path.rename(self._folder / shard_name(self._split, n, count)) for n, path in enumerate(self._paths)]

    def _has_room(self, table: pa.Table, image_bytes: int) -> bool:
        times: int = 2 ** max(0, len(self._paths) - 2)
        is_short = self._rows + table.num_rows <= times * FIRST_SHARD_ROWS
        return is_short and self._sink.tell() + image_bytes <= min(MAX_SHARD_BYTES, times * FIRST_SHARD_BYTES)

    def _opened(self) -> pq.ParquetWriter:
        self._paths.append(self._folder / f"{self._split}-{len(self._paths):05d}.parquet.part")
        self._sink = pa.output_stream(str(self._paths[-1]), buffer_size=_BUFFER_BYTES)
        self._rows = 0
        writer = pq.ParquetWriter(self._sink, self._schema, **self._stored)
        writer.add_key_value_metadata(self._marks)
        return writer

    def close(self) -> None:
        """Ends the file in the making; nothing where there is none."""
        if self._writer:
            self._writer.close()
            self._sink.close()
        self._writer = None


def shard_name(split: Split, number: int, count: int) -> str:
    """ "train-00000-of-00002.parquet"."""
    return f"{split}-{number:05d}-of-{count:05d}.parquet"
