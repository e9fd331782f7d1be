"""A folder that holds no PAD-UFES-20 release is refused, and the error says what was looked for and what to do."""

from pathlib import Path

import pytest

from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.records import ProblemKind
from dermasynth_builder.invented.specimens.pad_ufes import COLUMNS, write_pad_ufes, write_pad_ufes_table
from dermasynth_builder.read.source import read_source
from tests.support.recorder import Recorder
from tests.support.spoiled_pad_ufes import edit_lines, edit_table, kinds, pictures, read


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return write_pad_ufes(tmp_path / "raw", images=6, side_px=16)


@pytest.fixture
def settings(raw: Path, tmp_path: Path) -> Settings:
    return Settings(raw={"pad_ufes": raw}, work=tmp_path / "work", out=tmp_path / "dermasynth")


def test_a_folder_without_a_release_says_what_was_looked_for_and_where_to_get_it(tmp_path: Path) -> None:
    wanted = r"of PAD-UFES-20: found no table.*Looked for the release's metadata\.csv.*imgs_part_1\.\.3 from https://data\.mendeley\.com"
    with pytest.raises(SourceError, match=f"^{tmp_path} holds no raw release {wanted}"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["nowhere", "metadata.csv"])
def test_the_release_must_be_a_folder(name: str, raw: Path) -> None:
    with pytest.raises(SourceError, match=rf"{name} is not a folder; .*--raw"):
        read(raw / name)


def test_archives_that_are_not_unpacked_are_named(tmp_path: Path) -> None:
    for name in ("imgs_part_1.zip", "imgs_part_2.ZIP", "notes.txt"):
        (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(SourceError, match=r"Unpack imgs_part_1\.zip, imgs_part_2\.ZIP first"):
        read(tmp_path)


@pytest.mark.parametrize("column", ["img_id", "patient_id", "lesion_id", "diagnostic"])
def test_a_table_without_a_column_that_is_needed_is_named_with_what_it_has(column: str, raw: Path) -> None:
    edit_lines(raw, lambda lines: lines.__setitem__(0, lines[0].replace(column, "other")))
    with pytest.raises(SourceError, match=rf"metadata\.csv lacks the columns {column}; it has: .*other"):
        read(raw)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it has: nothing"),
        (b"\n", "lacks the columns"),
        (",".join(COLUMNS).replace(",", ";", 3).encode(), "has the separators"),
        (",".join(COLUMNS).encode("utf-16-le"), "zero bytes"),
        (",".join(COLUMNS).encode() + b"\nPAT_1,S\xe3o" + b"," * 24, "UTF-8"),
        (",".join(COLUMNS).encode() + b'\n"PAT_1' + b"," * 25 + b"\n", "unexpected end of data"),
        (b"\0" * 4096, "zero bytes"),
    ],
)
def test_a_table_that_cannot_be_read_is_an_error_that_names_it(content: bytes, message: str, raw: Path) -> None:
    (raw / "metadata.csv").write_bytes(content)
    with pytest.raises(SourceError, match=r"metadata\.csv.*" + message):
        read(raw)


def test_a_table_of_nothing_but_a_header_has_no_image_to_use(raw: Path, settings: Settings, recorder: Recorder) -> None:
    edit_table(raw, lambda rows: rows.clear())
    images, problems = read(raw)
    assert images == []
    assert kinds(problems) == [ProblemKind.IMAGE_WITHOUT_ROW] * 6
    with pytest.raises(SourceError, match="found no usable image"):
        read_source("pad_ufes", settings, recorder)


def test_a_table_alone_lists_its_images_without_files(tmp_path: Path) -> None:
    write_pad_ufes_table(tmp_path, images=6)
    images, problems = read(tmp_path)
    assert (len(images), problems, {image.path for image in images}) == (6, [], {None})


def test_where_no_image_can_be_used_that_is_an_error(raw: Path, settings: Settings, recorder: Recorder) -> None:
    for path in pictures(raw):
        path.write_bytes(b"")
    with pytest.raises(SourceError, match="found no usable image"):
        read_source("pad_ufes", settings, recorder)


def test_images_that_are_still_packed_are_named(tmp_path: Path, recorder: Recorder) -> None:
    write_pad_ufes_table(tmp_path / "raw")
    (tmp_path / "raw" / "imgs_part_1.zip").write_bytes(b"PK")
    settings = Settings(raw={"pad_ufes": tmp_path / "raw"}, work=tmp_path / "work")
    with pytest.raises(SourceError, match=r"Unpack imgs_part_1\.zip there first"):
        read_source("pad_ufes", settings, recorder)
