"""What the tests of tuning share: a release of 600 drawn specimens."""

from collections.abc import Callable

import pytest

from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from tests.support.releases import Built


@pytest.fixture(scope="session")
def specimens600(build_release: Callable[..., Built], tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Seven tenths of the patients are for training, three for the test."""
    folder = tmp_path_factory.mktemp("specimens600")
    raw = write_pad_ufes(folder / "raw", images=600, side_px=112)
    return build_release(raw, folder, split_shares=(0.7, 0.0, 0.3), is_specimen=True)
