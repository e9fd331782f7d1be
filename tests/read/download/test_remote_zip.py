"""Zip archives: unpacked whole and nowhere else, or read from afar."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dermasynth_builder.core.errors import DownloadError
from dermasynth_builder.read.download.files import unpack
from tests.support.downloads import Drawn

Offered = Callable[[str], Drawn]


@pytest.fixture
def pad_ufes(offered: Offered) -> Drawn:
    return offered("pad_ufes")


def archive_of(folder: Path, *names: str) -> Path:
    path = folder / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return path


@pytest.mark.parametrize(
    "name",
    [
        *("../escaped.png", "/escaped.png", "a/../../escaped.png", "C:\\escaped.png", "a\nb.png", "x" * 300 + ".png"),
        *("a/CON.png", "nul", " x.png", "x.png ", "a./x.png", "a\N{RIGHT-TO-LEFT OVERRIDE}.png"),
    ],
)
def test_a_member_that_no_folder_should_have_is_left_out_and_told(tmp_path: Path, name: str) -> None:
    assert unpack(archive_of(tmp_path, "fine.png", name), tmp_path / "to") == [name]
    assert [path.name for path in tmp_path.rglob("*") if path.suffix == ".png"] == ["fine.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "to"]


@pytest.mark.parametrize("names", [("a", "a/b.png"), ("a/b.png", "a")])
def test_a_file_that_is_a_folder_too_leaves_nothing_behind(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(DownloadError, match="does not unpack: "):
        unpack(archive_of(tmp_path, *names), tmp_path / "to")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_an_archive_that_grows_beyond_all_measure_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.png", bytes(101_000_000))
    with pytest.raises(DownloadError, match=r"would grow to 101,000,000 bytes, 1,\d+ times its size"):
        unpack(path, tmp_path / "to")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_an_archive_is_unpacked_whole_or_not_at_all(tmp_path: Path) -> None:
    path = archive_of(tmp_path, "one.png", "two.png")
    path.write_bytes(path.read_bytes().replace(b"content", b"CONTENT", 1))  # its CRC-32 is wrong now
    with pytest.raises(DownloadError, match="does not unpack"):
        unpack(path, tmp_path / "to")
    assert not (tmp_path / "to").exists()
    path.write_bytes(b"no archive")
    with pytest.raises(DownloadError, match="does not unpack"):
        unpack(path, tmp_path / "to")


def test_a_member_that_is_spoiled_on_the_way_does_not_come(pad_ufes: Drawn) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, body in pad_ufes.whole.items():
            archive.writestr(f"imgs/{name}.png", body)
    name = sorted(pad_ufes.whole)[0]
    spoiled = content.getvalue().replace(pad_ufes.whole[name], bytes(len(pad_ufes.whole[name])), 1)
    for path in [path for path in pad_ufes.archives.files if "fa850265" not in path]:
        pad_ufes.archives.files[path] = spoiled
    with pytest.raises(DownloadError, match="does not unpack: Bad CRC-32"):
        pad_ufes.download(limit=len(pad_ufes.whole))
    assert sorted(pad_ufes.images()) == sorted(pad_ufes.whole)[1:]


def test_a_sample_needs_a_server_that_gives_parts(pad_ufes: Drawn) -> None:
    pad_ufes.archives.has_ranges = False
    with pytest.raises(DownloadError, match="cannot send parts of files"):
        pad_ufes.download(limit=2)
