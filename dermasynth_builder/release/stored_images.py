"""Reads the images of a release back, and holds each to the hash in its rows."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.reporter import Advance


def check_images(files: Iterable[Path], advance: Advance) -> None:
    """Holds every image of Parquet files against `image_sha256` of its rows; `advance` hears of rows.

    A row group is in memory at a time, and each of its images is hashed once: 2 s a GB, twice what sha256 alone takes.
    Raises ReleaseError naming the first row whose image has other bytes.
    """
    for path in files:
        try:
            with pq.ParquetFile(path, read_dictionary=["image.bytes"]) as file:
                for group in range(file.num_row_groups):
                    table = file.read_row_group(group, columns=["image.bytes", "image_sha256", "pair_id"])
                    for batch in table.to_batches():
                        _check(batch, path)
                        advance(batch.num_rows)
        except (pa.ArrowException, ValueError, OSError) as error:
            raise ReleaseError(f"{path} cannot be read as Parquet: {error}; build the release anew") from error


def _check(batch: pa.RecordBatch, path: Path) -> None:
    cells: Any = batch.column("image")
    images = cells.field(0)
    found = [sha256(image.as_buffer()).hexdigest() for image in images.dictionary]
    told = (batch.column(name).to_pylist() for name in ("image_sha256", "pair_id"))
    for place, sha256_told, pair_id in zip(images.indices.to_pylist(), *told, strict=True):
        if place is None or found[place] != sha256_told:
            raise ReleaseError(f"{path}, row {pair_id}: the image has other bytes than the row says; build it anew")
