"""Drawn ISIC exports, drawn once and copied for each test, which may change its copy."""

import shutil
from pathlib import Path

import pytest

from dermasynth_builder.invented.specimens.isic import write_bcn20000, write_hiba


@pytest.fixture(scope="session")
def isic_exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BCN20000 and HIBA in folders of their own; tests take a copy, `bcn` or `hiba`."""
    folder = tmp_path_factory.mktemp("isic")
    write_bcn20000(folder / "bcn", side_px=16)
    write_hiba(folder / "hiba", side_px=16)
    return folder


@pytest.fixture
def bcn(isic_exports: Path, tmp_path: Path) -> Path:
    return shutil.copytree(isic_exports / "bcn", tmp_path / "bcn")


@pytest.fixture
def hiba(isic_exports: Path, tmp_path: Path) -> Path:
    return shutil.copytree(isic_exports / "hiba", tmp_path / "hiba")
