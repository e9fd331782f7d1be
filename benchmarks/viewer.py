"""What the Hub's viewer makes of a release: statistics, first page, search; by its own code, without the Hub.

    python benchmarks/viewer.py RELEASE --checkout DIR [--search WORD]

DIR is a checkout of github.com/huggingface/dataset-viewer. Run it in an environment of its own with what its
`libs/libcommon` needs: appdirs, datasets, duckdb, environs, fsspec, mongoengine, orjson, polars, pymongoarrow, pytz,
s3fs, python-dateutil 2.9; and with what this package needs. Told for each config and split:

- whether `statistics_utils` makes statistics of every column, and the first column at which it ends;
- how many rows of a hundred fit on the first page;
- with --search, how long `create_index` takes and how many rows hold the word, anywhere and in question or answer.

Exit code 1 where a split has no statistics, or where `dermasynth_builder.release.viewer` had said otherwise.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from dermasynth_builder.release.folder import read_card, read_closed
from dermasynth_builder.release.parquet import read_rows
from dermasynth_builder.release.viewer import unfit_columns

FIRST_ROWS, FIRST_BYTES = 100, 200_000
ASSET = (
    "https://datasets-server.huggingface.co/cached-assets/user/dermasynth/--/"
    + "0" * 40
    + "/--/{}/{}/{}/image/image.jpg"
)


def main() -> int:
    """Tells what the viewer makes of each split."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("release", type=Path)
    parser.add_argument("--checkout", type=Path, required=True)
    parser.add_argument("--search", metavar="WORD")
    told = parser.parse_args()
    sys.path.insert(0, str(told.checkout / "libs" / "libcommon" / "src"))
    sys.modules["libviewer"] = ModuleType("libviewer")  # its reader of pages is written in Rust, and reads nothing here
    os.environ["TQDM_DISABLE"] = "1"
    logging.disable(logging.CRITICAL)
    is_good = True
    for name, config in {**read_card(told.release), **read_closed(told.release)}.items():
        for split, files in config.files.items():
            failed = failing_column(files)
            expected = {unfit.column for unfit in unfit_columns(files)}
            rows = sum(pq.read_metadata(path).num_rows for path in files)
            shown = rows_on_first_page(files, name, split)
            print(
                f"{name:12} {split:11} {rows:7,} rows  statistics {f'FAIL: {failed}' if failed else 'pass'}  "
                f"{shown} of {min(rows, FIRST_ROWS)} rows on the first page"
            )
            if bool(failed) != bool(expected):
                print(f"  the package's own check had said {sorted(expected) or 'that it passes'}")
            is_good &= not failed and not expected
            if told.search:
                print(f"  {searched(files, told.search)}")
    return 0 if is_good else 1


def failing_column(files: tuple[Path, ...]) -> str | None:
    """The first column of which the viewer makes no statistics, with its reason."""
    from libcommon.exceptions import StatisticsComputationError

    rows = sum(pq.read_metadata(path).num_rows for path in files)
    for column in columns_of(files, rows):
        try:
            if type(column).__name__ == "ImageColumn":
                column.compute_and_prepare_response(list(files))
            else:
                column.compute_and_prepare_response(frame(files, column.name))
        except StatisticsComputationError as error:
            return f"{column.name}: {str(error)[:200]}"
    return None


def frame(files: tuple[Path, ...], name: str) -> Any:
    """A column as the viewer reads it."""
    import polars

    table = pa.concat_tables(pq.ParquetFile(path).read([name]).replace_schema_metadata() for path in files)
    return polars.from_arrow(table)


def columns_of(files: tuple[Path, ...], rows: int) -> Iterator[Any]:
    """The columns of which the viewer makes statistics: no structs."""
    from libcommon import statistics_utils as judge

    scalars = {"string": judge.StringColumn, "bool": judge.BoolColumn}
    scalars |= dict.fromkeys(judge.INTEGER_DTYPES, judge.IntColumn) | dict.fromkeys(
        judge.FLOAT_DTYPES, judge.FloatColumn
    )
    for name, feature in features_of(files).items():
        kind = type(feature).__name__
        if kind == "Image":
            yield judge.ImageColumn(name, rows, None)
        elif kind in ("List", "list"):
            yield judge.ListColumn(name, rows)
        elif kind == "Value":
            yield scalars[feature.dtype](name, rows)


def features_of(files: tuple[Path, ...]) -> Any:
    """The features of a split, as its files tell them."""
    from datasets import Features

    return Features.from_arrow_schema(pq.read_schema(files[0]))


def rows_on_first_page(files: tuple[Path, ...], config: str, split: str) -> int:
    """How many of the first hundred rows the viewer shows: it drops the last ones until they fit its bytes."""
    from libcommon.utils import get_json_size
    from libcommon.viewer_utils.truncate_rows import create_truncated_row_items

    rows = list(islice(read_rows(files), FIRST_ROWS))
    for number, row in enumerate(rows):
        width, height = Image.open(BytesIO(row["image"]["bytes"])).size
        row["image"] = {"src": ASSET.format(config, split, number), "height": height, "width": width}
    features = [
        {"feature_idx": number, "name": name, "type": kind}
        for number, (name, kind) in enumerate(features_of(files).to_dict().items())
    ]
    around = get_json_size({"config": config, "split": split, "features": features, "rows": [], "truncated": False})
    shown, _ = create_truncated_row_items(
        rows=rows, min_cell_bytes=100, rows_max_bytes=FIRST_BYTES - around, rows_min_number=10,
        columns_to_keep_untruncated=["image"], truncated_columns=[],
    )  # fmt: skip
    return len(shown)


def searched(files: tuple[Path, ...], word: str) -> str:
    """How long the search index takes, over how many columns, and what it finds."""
    import duckdb
    from libcommon import duckdb_utils as judge

    columns = judge.get_indexable_columns(features_of(files))
    # The extension comes from a server; all that the index takes from it is this, and words are not stemmed either way.
    judge.LOAD_FTS_COMMAND = "CREATE TEMP MACRO stem(word, stemmer) AS word;"
    with TemporaryDirectory() as folder:
        database = f"{folder}/index.duckdb"
        listed = ", ".join(f"'{path}'" for path in files)
        chosen = ", ".join(f'"{column}"' for column in columns)
        with duckdb.connect(database) as connection:
            connection.sql(f"CREATE TABLE data AS SELECT {chosen} FROM read_parquet([{listed}]);")  # noqa: S608
            connection.sql(judge.CREATE_SEQUENCE_COMMAND)
            connection.sql(judge.ALTER_TABLE_BY_ADDING_SEQUENCE_COLUMN)
        started = time.monotonic()
        judge.create_index(database, "data", columns, "none", judge.ROW_IDX_COLUMN, "fts_main_data")
        took_s = time.monotonic() - started
        found = {}
        with duckdb.connect(database) as connection:
            for where, fields in (("anywhere", columns), ("in question or answer", ["question", "answer"])):
                names = ", ".join(f"'{field}'" for field in fields)
                counted = connection.execute(
                    "SELECT count(DISTINCT docid) FROM fts_main_data.terms AS terms "  # noqa: S608 - names of columns
                    "JOIN fts_main_data.fields USING (fieldid) JOIN fts_main_data.dict AS dict USING (termid) "
                    f"WHERE dict.term = '{word}' AND field IN ({names})"
                ).fetchone()
                found[where] = counted[0] if counted else 0
    told = ", ".join(f"{count} {where}" for where, count in found.items())
    return f"search: {len(columns)} columns indexed in {took_s:.1f} s; rows with {word!r}: {told}"


if __name__ == "__main__":
    raise SystemExit(main())
