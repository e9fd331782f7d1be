"""A short name may give an older build out of the cache of `datasets`; the call that a build prints never does."""

import json
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder import pipeline
from dermasynth_builder.core.options import Settings
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from dermasynth_builder.release.parquet import read_rows
from tests.loopback_hub.client import LEAVE, run_process
from tests.loopback_hub.hub import LoopbackHub
from tests.support.processes import python_for
from tests.support.recorder import Recorder
from tests.support.releases import Built

LOAD = """
import json, os, sys
from datasets import disable_progress_bars, load_dataset

disable_progress_bars()
folders, calls = json.loads(sys.argv[1])

def found(call):
    try:
        return sorted(name for split in eval(call).values() for name in split["pair_id"])
    except Exception as error:
        return type(error).__name__

def found_in(folder):
    os.chdir(folder)
    return [found(call) for call in calls]

print(json.dumps([found_in(folder) for folder in folders]))
"""
SHORT, RELATIVE = 'load_dataset("dermasynth", "pad_ufes")', 'load_dataset("./dermasynth", "pad_ufes")'


def pair_ids(release: Path) -> list[str]:
    return sorted(row["pair_id"] for row in read_rows(release.glob("data/pad_ufes/*.parquet"), ["pair_id"]))


def printed_call(settings: Settings, recorder: Recorder) -> str:
    """Builds a release and gives the call that stands in the last line."""
    pipeline.build(settings, recorder)
    mark, _, call = recorder.said[-1].partition(": ")
    assert mark == "load it"
    return call


@pytest.mark.slow
@pytest.mark.parametrize("variables", [{}, {"HF_HUB_OFFLINE": "1"}], ids=["online", "offline"])
@pytest.mark.parametrize("version", ["5", "3"])
def test_a_short_name_gives_an_older_build_from_elsewhere_and_the_printed_call_gives_ones_own(
    version: str, variables: dict[str, str], built: Built, tmp_path: Path, recorder: Recorder
) -> None:
    home, elsewhere = tmp_path / 'at "home" ü', tmp_path / "elsewhere"
    elsewhere.mkdir()
    raw = write_pad_ufes(tmp_path / "raw", images=6, side_px=48)
    settings = Settings(raw={"pad_ufes": raw}, work=tmp_path / "build", out=home / "dermasynth")
    printed = printed_call(settings, recorder)
    old, own = pair_ids(built.release), pair_ids(settings.out)
    assert set(own) < set(old)

    def load(folders: list[Path], calls: list[str]) -> Any:
        words = json.dumps([[str(folder) for folder in folders], calls])
        done = run_process(hub, tmp_path / "hf", python_for(version), "-c", LOAD + LEAVE, words, **variables)
        assert done.code == 0, done.err
        return json.loads(done.out.splitlines()[-1])

    with LoopbackHub() as hub:
        assert load([built.folder], [SHORT]) == [[old]]
        away, at_home = load([elsewhere, home], [SHORT, RELATIVE, printed])
    assert at_home == [own, own, own]
    assert away[0] == old  # with a warning and no error: what `datasets` has cached last under that name
    assert away[2] == own
    assert isinstance(away[1], str)
    assert away[1].endswith("Error")
