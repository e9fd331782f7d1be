"""Whoever reads the Parquet files of a release, by whatever tool, gets the same rows with the same pictures."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder.core.records import SPLITS
from dermasynth_builder.release.folder import read_card
from dermasynth_builder.release.parquet import read_values
from tests.support.releases import Built

Row = tuple[str, str, str, str | None]
"""A pair's id, its answer, the sha256 of its image's bytes, and a fact out of a struct."""
Reader = Callable[[Path], Iterator[Row]]


def row_of(pair_id: str, answer: str, image: bytes, node: str | None) -> Row:
    return pair_id, answer, hashlib.sha256(image).hexdigest(), node


def of_tables(rows: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """Of rows whose structs are dictionaries."""
    for row in rows:
        node = (row["facts"] or {}).get("diagnosis_isic")
        yield row_of(row["pair_id"], row["answer"], row["image"]["bytes"], node)


def by_pyarrow(release: Path) -> Iterator[Row]:
    import pyarrow.dataset

    yield from of_tables(pyarrow.dataset.dataset(release / "data").to_table().to_pylist())


def by_polars(release: Path) -> Iterator[Row]:
    import polars

    yield from of_tables(polars.scan_parquet(release / "data" / "**" / "*.parquet").collect().iter_rows(named=True))


def by_pandas(release: Path) -> Iterator[Row]:
    import pandas

    rows: Any = pandas.read_parquet(release / "data").to_dict("records")
    yield from of_tables(rows)


def by_duckdb(release: Path) -> Iterator[Row]:
    import duckdb

    columns = "pair_id, answer, image.bytes, facts.diagnosis_isic"
    found = duckdb.execute(f"SELECT {columns} FROM read_parquet('{release}/data/*/*.parquet')")  # noqa: S608 - our own
    for row in found.fetchall():
        yield row_of(*row)


def by_streaming(release: Path) -> Iterator[Row]:
    import datasets

    for split in datasets.load_dataset(str(release), "all", streaming=True).values():
        yield from of_tables(split.cast_column("image", datasets.Image(decode=False)))


READERS: dict[str, Reader] = {
    "pyarrow.dataset": by_pyarrow,
    "polars": by_polars,
    "pandas": by_pandas,
    "duckdb": by_duckdb,
    "datasets, streaming": by_streaming,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_the_whole_folder_is_read_with_each_row_once_and_its_picture(name: str, built: Built) -> None:
    expected = sorted(
        (row["pair_id"], row["answer"], row["image_sha256"], row["diagnosis_isic"])
        for row in read_values(read_card(built.release)["all"].paths)
    )
    assert sorted(READERS[name](built.release)) == expected


@pytest.fixture(scope="module")
def larger(build_release: Callable[..., Built], tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A release whose splits are larger than a row group."""
    from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes

    folder = tmp_path_factory.mktemp("larger")
    raw = write_pad_ufes(folder / "raw", images=240, side_px=16)
    return build_release(raw, folder, split_shares=(0.4, 0.3, 0.3))


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLITS)
def test_two_workers_share_a_split_of_size_and_give_each_row_once(split: str, larger: Built) -> None:
    import datasets

    rows = datasets.load_dataset(str(larger.release), "pad_ufes", split=split, streaming=True)
    rows = rows.select_columns(["pair_id"])
    assert rows.num_shards >= 2
    expected = [row["pair_id"] for row in read_values(read_card(larger.release)["pad_ufes"].files[split])]  # type: ignore[index]
    parts = [[row["pair_id"] for row in rows.shard(2, place)] for place in range(2)]
    assert all(parts)
    assert Counter(parts[0] + parts[1]) == Counter(expected)
    assert Counter(row["pair_id"] for row in rows.reshard()) == Counter(expected)


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLITS)
def test_a_data_loader_with_two_workers_gives_each_row_once(split: str, larger: Built) -> None:
    pytest.importorskip("torch")
    import datasets
    from torch.utils.data import DataLoader

    rows = datasets.load_dataset(str(larger.release), "pad_ufes", split=split, streaming=True)
    loader = DataLoader(rows.select_columns(["pair_id"]), batch_size=16, num_workers=2)
    found = [pair_id for batch in loader for pair_id in batch["pair_id"]]
    expected = read_values(read_card(larger.release)["pad_ufes"].files[split])  # type: ignore[index]
    assert Counter(found) == Counter(row["pair_id"] for row in expected)
