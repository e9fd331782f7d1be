"""What the tests of tuning share: a release of 600 drawn specimens, and questions about it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from tests.support.releases import Built


@pytest.fixture(scope="session")
def specimens600(build_release: Callable[..., Built], tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Seven tenths of the patients are for training, three for the test."""
    folder = tmp_path_factory.mktemp("specimens600")
    raw = write_pad_ufes(folder / "raw", images=600, side_px=112)
    return build_release(raw, folder, split_shares=(0.7, 0.0, 0.3), is_specimen=True)


@pytest.fixture(scope="session")
def evaluation(specimens600: Built) -> Path:
    """Closed questions about its test patients: the diagnosis, and the place, which is not drawn."""
    from tests.support.tuning import run  # torch may not be there

    folder = specimens600.folder / "evaluation"
    run(
        "evaluate", "items", "--out", specimens600.release, "--to", folder, "--task", "diagnosis", "--task", "body_site"
    )
    return folder
