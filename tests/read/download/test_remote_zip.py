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


@pytest.mark.parametrize("name", ["../escaped.png", "/escaped.png", "a/../../escaped.png", "C:\\escaped.png", "a\nb"])
def test_an_archive_that_leads_out_of_its_folder_is_not_unpacked(tmp_path: Path, name: str) -> None:
    with pytest.raises(DownloadError, match="not a path inside the folder"):
        unpack(archive_of(tmp_path, "fine.png", name), tmp_path / "to")
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".png"]


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
