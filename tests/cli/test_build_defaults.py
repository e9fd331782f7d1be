"""`make build`, told no source: what lies in the folder is found, and each set becomes its own config."""

import subprocess
from pathlib import Path

import pytest

from dermasynth_builder.cli import main
from dermasynth_builder.core import registry
from dermasynth_builder.release.folder import read_card
from dermasynth_builder.release.parquet import read_rows
from tests.support.paths import ROOT

FIVE = ["pad_ufes", "derm12345", "bcn20000", "hiba", "scin"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def draw(*sources: str) -> None:
    for source in sources:
        assert main(["specimens", source, "--to", f"data/{source}", "--images", "6"]) == 0


def default_build() -> list[str]:
    """What `make build` runs where there is no recipe."""
    words = ["make", "--no-print-directory", "-n", "-o", ".venv/installed", "build"]
    printed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return printed.splitlines()[-1].partition("bin/dermasynth ")[2].split()


def sources_of_rows(config: str) -> set[str]:
    files = read_card(Path("dermasynth"))[config].paths
    return {row["source"] for row in read_rows(list(files))}


@pytest.mark.slow
def test_the_defaults_of_make_build_make_a_config_of_every_set_that_lies_in_data(here: Path) -> None:
    draw(*FIVE)
    assert main(default_build()) == 0
    assert list(read_card(Path("dermasynth"))) == [registry.SAMPLE, *FIVE, registry.ALL]
    assert [sources_of_rows(source) for source in FIVE] == [{source} for source in FIVE]


@pytest.mark.slow
@pytest.mark.parametrize("source", FIVE)
def test_with_one_set_they_make_that_one(source: str, here: Path) -> None:
    draw(source)
    assert main(default_build()) == 0
    assert [name for name in read_card(Path("dermasynth")) if name not in (registry.SAMPLE, registry.ALL)] == [source]


@pytest.mark.slow
def test_a_source_that_is_named_is_read_from_the_folder_of_its_name(here: Path) -> None:
    draw("pad_ufes", "hiba")
    assert main(["build", "pad_ufes", "--raw", "data"]) == 0
    assert sources_of_rows("pad_ufes") == {"pad_ufes"}
    assert {
        row["pair_id"].split("/")[1][:4] for row in read_rows(list(read_card(Path("dermasynth"))["pad_ufes"].paths))
    } == {"PAT_"}


def test_a_folder_without_a_release_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "data").mkdir()
    assert main(default_build()) == 2
    assert "--raw data: found no raw release with images in it" in capsys.readouterr().err


def test_a_release_that_cannot_be_read_is_not_left_out_in_silence(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw("pad_ufes", "hiba")
    table = here / "data/hiba/metadata.csv"
    table.write_text(table.read_text("utf-8").replace("isic_id,", "isic_id,isic_id,", 1), encoding="utf-8")
    assert main(default_build()) == 1
    assert "more than one column isic_id" in capsys.readouterr().err
