"""Which raw releases are found in a folder, and that drawn ones are known for what they are."""

from pathlib import Path

import pytest

from dermasynth_builder.cli import main
from dermasynth_builder.core import registry
from dermasynth_builder.read.find import find_raw
from dermasynth_builder.release.parquet import read_rows

SHIPPED = list(registry.SPECIMENS.shipped)
INSIDE = {"scin": Path("dataset")}  # below the folder of the release, where its bucket keeps tables and images


@pytest.mark.slow
@pytest.mark.parametrize("at", ["data/{}", "{}", "raw/{}", "photographs_{}"])
def test_each_release_is_found_under_its_source_and_no_other(at: str, tmp_path: Path) -> None:
    names = [name for name in SHIPPED if name != "folder" or at != "raw/{}"]  # own images lie where their name says
    folders = {name: tmp_path / at.format(name) for name in names}
    for name, folder in folders.items():
        registry.specimens(name)(folder, images=6)
    assert find_raw(tmp_path) == {name: folder / INSIDE.get(name, "") for name, folder in folders.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_a_release_that_lies_alone_is_its_sources(name: str, tmp_path: Path) -> None:
    registry.specimens(name)(tmp_path / "photographs", images=6)
    assert find_raw(tmp_path) == {name: tmp_path / "photographs" / INSIDE.get(name, "")}


def test_an_empty_folder_holds_none(tmp_path: Path) -> None:
    assert find_raw(tmp_path) == {}


def test_drawn_specimens_are_not_taken_for_images_of_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("data/pad_ufes", "demo/build/specimens", "hiba"):
        assert main(["specimens", "pad_ufes", "--to", folder, "--images", "4"]) == 0
    registry.specimens("hiba")(tmp_path / "photographs", images=4)  # unmarked, as a release is
    assert find_raw(tmp_path) == {"hiba": tmp_path / "photographs"}


def test_a_release_of_specimens_says_so_and_holds_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["specimens", "pad_ufes", "--to", "drawn", "--images", "4"]) == 0
    assert main(["build", "pad_ufes", "--raw", "drawn"]) == 0
    rows = list(read_rows(sorted(Path("dermasynth").rglob("*.parquet"))))
    assert {row["licence"] for row in rows} == {"CC0-1.0"}
    assert all("specimen" in str(row) for row in rows)
    registry.specimens("hiba")(tmp_path / "photographs", images=4)
    assert main(["build", "pad_ufes", "hiba", "--raw", "pad_ufes=drawn", "--raw", "hiba=photographs"]) == 2
    assert "drawn holds drawn specimens, and photographs does not" in capsys.readouterr().err
