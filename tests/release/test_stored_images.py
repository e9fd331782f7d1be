"""What is stored as an image is held against the hash in its rows."""

import shutil
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.release.folder import verify
from dermasynth_builder.release.parquet import check_images, read_rows
from tests.support.recorder import Recorder
from tests.support.releases import Built

TRAIN = "pad_ufes/train-00000-of-00001.parquet"


@pytest.fixture
def train(built: Built, tmp_path: Path) -> Path:
    """The largest file of a copy of a release."""
    return Path(shutil.copytree(built.release, tmp_path / "release")) / TRAIN


def stored(path: Path) -> list[bytes]:
    """The images in the order in which they lie in the file."""
    return list(dict.fromkeys(row["image"]["bytes"] for row in read_rows([path], ["image"])))


def _a_byte_is_another(path: Path) -> None:
    content, image = bytearray(path.read_bytes()), stored(path)[3]
    content[content.index(image) + len(image) // 2] ^= 1
    path.write_bytes(content)


def _two_images_are_swapped(path: Path) -> None:
    one, other = (len(image).to_bytes(4, "little") + image for image in stored(path)[3:5])  # as Parquet's PLAIN has it
    content = path.read_bytes()
    assert one + other in content
    path.write_bytes(content.replace(one + other, other + one))


@pytest.mark.parametrize("spoil", [_a_byte_is_another, _two_images_are_swapped])
def test_an_image_with_other_bytes_is_told_with_its_row(
    train: Path, recorder: Recorder, spoil: Callable[[Path], None]
) -> None:
    before = stored(train)
    spoil(train)
    rows = list(read_rows([train], ["image", "pair_id"]))
    damaged = next(row["pair_id"] for row in rows if row["image"]["bytes"] not in before[:3])
    with pytest.raises(ReleaseError, match=rf"{TRAIN}, row {damaged}: the image has other bytes than the row says"):
        verify(train.parent.parent, recorder)


def test_each_row_is_held_against_its_image_however_a_file_is_written(built: Built, tmp_path: Path) -> None:
    told: list[int] = []
    check_images([built.release / TRAIN], told.append)
    table = pq.read_table(built.release / TRAIN)
    assert sum(told) == table.num_rows
    pq.write_table(table, tmp_path / "plain.parquet", use_dictionary=False, row_group_size=7)
    check_images([tmp_path / "plain.parquet"], told.append)
    assert sum(told) == 2 * table.num_rows
    rows = table.to_pylist()
    rows[5]["image"] = None
    pq.write_table(table.from_pylist(rows, schema=table.schema), tmp_path / "none.parquet")
    with pytest.raises(ReleaseError, match=rf"row {rows[5]['pair_id']}: the image has other bytes"):
        check_images([tmp_path / "none.parquet"], told.append)


def test_an_image_that_still_holds_metadata_is_named_with_its_row(tmp_path: Path) -> None:
    written = BytesIO()
    Image.new("RGB", (8, 8)).save(written, "JPEG", comment="Jane Doe")
    image = written.getvalue()
    origin = {"image_sha256": sha256(image).hexdigest()}
    row = {"image": {"bytes": image, "path": None}, "pair_id": "pad_ufes/x/1", "origin": origin}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "x.parquet")
    with pytest.raises(ReleaseError, match=r"x\.parquet, row pad_ufes/x/1: the image still holds comment; build"):
        check_images([tmp_path / "x.parquet"], lambda _: None)
