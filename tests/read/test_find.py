"""Which raw releases are found in a folder."""

from pathlib import Path

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.read.find import find_raw

SHIPPED = list(registry.SPECIMENS.shipped)


@pytest.mark.slow
@pytest.mark.parametrize("at", ["data/{}", "{}", "raw/{}", "photographs_{}"])
def test_each_release_is_found_under_its_source_and_no_other(at: str, tmp_path: Path) -> None:
    folders = {name: tmp_path / at.format(name) for name in SHIPPED}
    for name, folder in folders.items():
        registry.specimens(name)(folder, images=6)
    assert find_raw(tmp_path) == folders


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_a_release_that_lies_alone_is_its_sources(name: str, tmp_path: Path) -> None:
    registry.specimens(name)(tmp_path / "photographs", images=6)
    assert find_raw(tmp_path) == {name: tmp_path / "photographs"}


def test_an_empty_folder_holds_none(tmp_path: Path) -> None:
    assert find_raw(tmp_path) == {}
