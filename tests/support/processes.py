"""Processes of their own, with one or the other `datasets`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def python_for(datasets_version: str) -> str:
    """The interpreter with that major version of `datasets`; skips where there is none."""
    if datasets_version == "5":
        return sys.executable
    interpreter = os.environ.get("DERMASYNTH_DATASETS3")
    if not interpreter:
        pytest.skip("DERMASYNTH_DATASETS3 names no Python with datasets 3.6; `make test` sets one up")
    return interpreter


def run_python(interpreter: str, *words: str, cwd: Path, hf_home: Path, **variables: str) -> str:
    """Output of a Python process of its own, offline, with its own cache; fails the test if it fails."""
    environment = os.environ | {"HF_HOME": str(hf_home), "HF_HUB_OFFLINE": "1"} | variables
    done = subprocess.run([interpreter, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
