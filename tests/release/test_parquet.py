"""The Parquet files of a release: bytes as they came, each image once, groups and shards within their limits."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.records import ClinicalImage, ImageFile, Pair, Split, Turn
from dermasynth_builder.release import parquet, shards
from dermasynth_builder.release.columns import COLUMNS, flat, leaves, schema
from dermasynth_builder.release.parquet import SplitFiles, read_split, read_values, write_config
from tests.support.clinical_images import clinical_image
from tests.support.releases import Built


def image_of(folder: Path, number: int, content: bytes) -> ClinicalImage:
    """An image file whose bytes nobody looks into, as it would have been measured."""
    path = folder / f"{number}.jpg"
    path.write_bytes(content)
    mtime_ns = path.stat().st_mtime_ns
    digest = hashlib.sha256(content).hexdigest()
    file = ImageFile(digest, "JPEG", "RGB", 1, 1, len(content), mtime_ns)
    return replace(clinical_image(f"image-{number:03}"), path=path, file=file)


def noise(seed: int, size: int) -> bytes:
    """So many bytes with the marks of a JPEG file around them."""
    inside = Random(seed).randbytes(size - 8).replace(b"\xff", b"\xfe")  # noqa: S311 - no mark, and no secret
    return b"\xff\xd8\xff\xda\x00\x02" + inside + b"\xff\xd9"


def images_of(folder: Path, sizes: Sequence[int]) -> list[ClinicalImage]:
    folder.mkdir(exist_ok=True)
    return [image_of(folder, number, noise(number, size)) for number, size in enumerate(sizes)]


def pair_of(image: ClinicalImage, number: int, split: Split = "train") -> Pair:
    question, answer = f"What is image {image.image_id}, asked {number}?", "It is recorded as invented."
    return Pair(
        pair_id=f"{image.source}/{image.image_id}/{number}",
        image=image,
        split=split,
        question=question,
        answer=answer,
        messages=(Turn("user", question), Turn("assistant", answer)),
        style="asked",
        question_type="overview",
        references=("a book",) * (number % 3),
        engine="template",
        model=None,
        model_version=None,
        prompt_id="asked",
        prompt_sha256="ab" * 32,
        is_metadata_shown=True,
        seed=1,
        generated_at=None,
        builder_version="0",
        request_key=f"key of {number}",
        flags=(),
    )


def pairs_of(images: Sequence[ClinicalImage], each: int) -> Iterator[Pair]:
    return (pair_of(image, number) for image in images for number in range(each))


def write_train(folder: Path, pairs: Iterator[Pair]) -> SplitFiles:
    written = write_config(folder / "config", pairs).splits
    assert list(written) == ["train"]
    return written["train"]


def groups_of(files: Sequence[Path]) -> list[list[dict[str, Any]]]:
    """The rows of every row group."""
    found = []
    for path in files:
        with pq.ParquetFile(path) as file:
            found += [[*map(flat, file.read_row_group(group).to_pylist())] for group in range(file.num_row_groups)]
    return found


def columns_of(files: Sequence[Path], leaf: str) -> list[Any]:
    """What the footers say of a leaf column, group by group."""
    found = []
    for path in files:
        footer = pq.read_metadata(path)
        groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
        columns = [group.column(number) for group in groups for number in range(group.num_columns)]
        found += [column for column in columns if column.path_in_schema == leaf]
    assert found
    return found


def files_of(built: Built) -> list[Path]:
    return sorted((built.release / "data" / "pad_ufes").iterdir())


def test_every_row_names_the_bytes_of_its_image_and_of_the_source_file(built: Built, specimens: Path) -> None:
    sources = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in specimens.rglob("*.png")}
    rows = list(read_values(files_of(built)))
    assert {row["image_id"] for row in rows} == set(sources)
    for row in rows:
        assert hashlib.sha256(row["image"]["bytes"]).hexdigest() == row["image_sha256"]
        assert row["source_sha256"] == sources[row["image_id"]] != row["image_sha256"]
        assert row["image_change"] == "metadata removed (text)"


def test_rows_name_no_image_path_for_a_reader_to_take_another_file(built: Built) -> None:
    assert {row["image"]["path"] for row in read_values(files_of(built))} == {None}


def test_an_image_of_two_pairs_is_stored_once(tmp_path: Path) -> None:
    images = images_of(tmp_path / "raw", [60_000 + 1000 * number for number in range(40)])
    unique_bytes = sum(image.file.size_bytes for image in images if image.file)
    written = write_train(tmp_path, pairs_of(images, 2))
    text_bytes = written.arrow_bytes - 2 * unique_bytes
    assert 0 < text_bytes < 0.05 * unique_bytes
    assert written.file_bytes < 1.01 * unique_bytes + text_bytes
    for column in columns_of(written.files, "image.bytes"):
        assert column.has_dictionary_page
        assert "RLE_DICTIONARY" in column.encodings
    assert [row["image"]["bytes"] for row in read_values(written.files)] == [
        image.path.read_bytes() for image in images for _ in range(2) if image.path
    ]


def test_two_images_of_the_same_bytes_are_stored_once_and_stay_two(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    images = [image_of(tmp_path / "raw", n, noise(n // 2, 50_000)) for n in range(8)]
    written = write_train(tmp_path, pairs_of(images, 2))
    assert written.file_bytes < 1.2 * 4 * 50_000
    for row in read_values(written.files):
        assert row["image"]["bytes"] == noise(int(row["image_id"][-3:]) // 2, 50_000)


def test_text_that_is_long_is_compressed_and_images_and_what_is_short_anyway_are_not(built: Built) -> None:
    compressed = set()
    for leaf in leaves():
        for column in columns_of(files_of(built), leaf):
            if column.compression == "ZSTD":
                compressed.add(leaf)
            else:
                assert column.total_uncompressed_size < 1000 or leaf == "image.bytes", leaf
    assert {"question", "answer", "messages.list.element.content", "origin.image_sha256"} < compressed
    assert not compressed & {"image.bytes", "image.path", "sex", "recorded.signs.itches"}


def test_every_column_has_a_page_index_and_no_footer_holds_an_image(built: Built) -> None:
    for leaf in leaves():
        assert all(column.has_offset_index for column in columns_of(files_of(built), leaf)), leaf
    for column in columns_of(files_of(built), "image.bytes"):
        assert not column.is_stats_set
        assert not column.has_column_index
    for leaf in ("diagnosis", "age_years", "origin.group_id", "pair_id"):
        assert all(column.is_stats_set for column in columns_of(files_of(built), leaf)), leaf


def test_a_row_group_has_at_most_64_rows_and_never_parts_an_image(tmp_path: Path) -> None:
    groups = groups_of(write_train(tmp_path, pairs_of(images_of(tmp_path / "raw", [900] * 50), 3)).files)
    assert [len(group) for group in groups] == [63, 63, 24]
    owners = Counter(image_id for group in groups for image_id in {row["image_id"] for row in group})
    assert set(owners.values()) == {1}


def test_a_row_group_has_at_most_its_bytes_of_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parquet.MAX_GROUP_BYTES == 80_000_000
    monkeypatch.setattr(parquet, "MAX_GROUP_BYTES", 100_000)
    sizes = [30_000] * 7 + [250_000] + [100_000, 9, 99_991]  # one that is larger than a group may be
    groups = groups_of(write_train(tmp_path, pairs_of(images_of(tmp_path / "raw", sizes), 2)).files)
    assert [len(group) // 2 for group in groups] == [3, 3, 1, 1, 1, 2]


def test_an_image_of_more_pairs_than_a_group_may_have_stays_whole(tmp_path: Path) -> None:
    images = images_of(tmp_path / "raw", [5000] * 3)
    pairs = (pair_of(image, number) for image, each in zip(images, (1, 70, 2), strict=True) for number in range(each))
    assert [len(group) for group in groups_of(write_train(tmp_path, pairs).files)] == [1, 70, 2]


def test_a_split_is_cut_into_shards_with_the_names_that_readers_expect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (shards.MAX_SHARD_BYTES, shards.FIRST_SHARD_BYTES, shards.FIRST_SHARD_ROWS) == (
        100_000_000,
        12_500_000,
        64,
    )
    monkeypatch.setattr(shards, "MAX_SHARD_BYTES", 250_000)
    monkeypatch.setattr(shards, "FIRST_SHARD_BYTES", 250_000)
    monkeypatch.setattr(parquet, "MAX_GROUP_ROWS", 4)
    images = images_of(tmp_path / "raw", [50_000] * 11)
    pairs = [pair_of(image, n, "test" if image is images[-1] else "train") for image in images for n in range(2)]
    written = write_config(tmp_path / "config", iter(pairs)).splits
    train = written["train"].files
    assert [path.name for path in train] == [f"train-0000{number}-of-00003.parquet" for number in range(3)]
    assert [path.name for path in written["test"].files] == ["test-00000-of-00001.parquet"]
    assert set((tmp_path / "config").iterdir()) == {*train, *written["test"].files}
    assert [pq.read_metadata(path).num_rows for path in train] == [8, 8, 4]  # a third group would not fit
    assert [row["pair_id"] for row in read_values(train)] == [pair.pair_id for pair in pairs if pair.split == "train"]


def test_two_readers_share_every_split_of_more_than_a_group_and_no_shard_is_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "MAX_SHARD_BYTES", 800_000)
    monkeypatch.setattr(shards, "FIRST_SHARD_BYTES", 100_000)
    few, short, large = ([900] * 32, [900] * 480, [50_000] * 60)
    written = {
        name: write_train(tmp_path / name, pairs_of(images_of(tmp_path / f"{name} raw", sizes), 2)).files
        for name, sizes in (("few", few), ("short", short), ("large", large))
    }
    rows = {name: [pq.read_metadata(path).num_rows for path in files] for name, files in written.items()}
    assert rows["few"] == [64]
    assert rows["short"] == [64, 64, 128, 256, 448]
    assert rows["large"] == [64, 56]
    assert max(path.stat().st_size for path in written["large"]) < 1_700_000  # a group of 64 rows is 1.6 MB


def test_all_files_have_one_schema_and_empty_columns_keep_their_type(built: Built) -> None:
    files = files_of(built)
    assert len(files) == 3
    for path in files:
        found = pq.read_schema(path)
        assert found.equals(schema())
        assert found.metadata == schema().metadata
    table = pa.concat_tables([pq.read_table(path) for path in files])
    empty = [name for name in table.column_names if table[name].null_count == table.num_rows]
    assert "model" in empty
    assert {str(table.schema.field(name).type) for name in empty} <= {"string", "double", "bool"}
    assert pc.struct_field(table["provenance"], ["reply", "model_version"]).null_count == table.num_rows


def test_a_row_has_every_column_and_each_fact_in_its_place(tmp_path: Path) -> None:
    [image] = images_of(tmp_path / "raw", [100])
    [row] = read_values(write_train(tmp_path, iter([pair_of(image, 2)])).files)
    assert set(row) == {column.name for column in COLUMNS}
    for name in ("image_id", "group_id", "licence", "attribution", "source", "modality"):
        assert row[name] == getattr(image, name)
    for name in ("diagnosis", "age_years", "diameter_1_mm", "itches", "has_grown", "sex", "background_mother"):
        assert row[name] == getattr(image.facts, name)
    assert row["references"] == ["a book", "a book"]
    assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"]
    assert row["messages"][1]["content"] == row["answer"]


def test_what_is_read_back_is_what_was_written(tmp_path: Path) -> None:
    written = write_train(tmp_path, pairs_of(images_of(tmp_path / "raw", [700] * 70), 2))
    found = read_split(written.files)
    assert (found.rows, found.file_bytes, found.content_sha256) == (140, written.file_bytes, written.content_sha256)


@pytest.mark.parametrize("change", ["answer", "flags", "seed", "image"])
def test_the_content_hash_changes_with_any_cell(tmp_path: Path, change: str) -> None:
    images = images_of(tmp_path / "raw", [700] * 2)
    before = write_train(tmp_path / "before", pairs_of(images, 1))
    other = image_of(tmp_path, 0, noise(9, 700))
    changes: dict[str, Any] = {"answer": "Another.", "flags": ("a: b",), "seed": 2, "image": other}
    first = replace(pair_of(images[0], 0), **{change: changes[change]})
    after = write_train(tmp_path / "after", iter([first, pair_of(images[1], 0)]))
    assert before.content_sha256 != after.content_sha256


@pytest.mark.parametrize("is_longer", [True, False])
def test_an_image_that_changed_after_it_was_measured_is_refused(tmp_path: Path, is_longer: bool) -> None:
    [image] = images_of(tmp_path / "raw", [100])
    assert image.path
    assert image.file
    image.path.write_bytes(bytes(101 if is_longer else 100))
    os.utime(image.path, ns=(0, image.file.mtime_ns + (0 if is_longer else 1)))
    with pytest.raises(ReleaseError, match=r"0\.jpg has changed since it was measured"):
        write_train(tmp_path, pairs_of([image], 1))


def test_an_image_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="a release needs it"):
        write_train(tmp_path, pairs_of([clinical_image()], 1))


def test_pairs_of_an_image_that_stand_apart_are_refused(tmp_path: Path) -> None:
    images = images_of(tmp_path / "raw", [100, 100])
    pairs = [pair_of(images[0], 0), pair_of(images[1], 0), pair_of(images[0], 1)]
    with pytest.raises(ReleaseError, match="image-000: its pairs do not stand together"):
        write_train(tmp_path, iter(pairs))


def test_two_images_of_one_id_are_refused(tmp_path: Path) -> None:
    images = images_of(tmp_path / "raw", [100, 100])
    with pytest.raises(ReleaseError, match="two images have this id"):
        write_train(tmp_path, pairs_of([images[0], replace(images[1], image_id=images[0].image_id)], 1))
