"""The rehearsal of the whole, on a few rows of each real table."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT


@pytest.mark.real
@pytest.mark.slow
def test_real_tables_become_releases_that_agree_with_plan_and_ledger(real_data: Path, tmp_path: Path) -> None:
    words = ("--images", "4", "--poll", "0.1", "--folder", str(tmp_path))
    script = ROOT / "benchmarks" / "rehearsal.py"
    done = subprocess.run([sys.executable, str(script), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "all rows agree with plan, ledger and each other" in done.stdout
    assert not list(tmp_path.iterdir())
