"""The built wheel carries all that the command needs."""

import os
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.support.paths import ROOT


def run(*words: str | Path, cwd: Path, **variables: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd)} | variables
    done = subprocess.run(
        [str(w) for w in words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheel_in_an_empty_environment_runs_the_demo_from_any_folder(tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    lend_dependencies(python, tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    where = run(python, "-c", "import dermasynth_builder as d; print(d.__file__)", cwd=elsewhere).strip()
    assert Path(where).is_relative_to(tmp_path / "empty")
    printed = run(python.parent / "dermasynth", "demo", "--images", "6", cwd=elsewhere, HF_HOME=str(tmp_path / "hf"))
    assert printed.count("\nQ: ") == 3
    assert (elsewhere / "demo" / "dermasynth" / "README.md").is_file()


def test_an_editable_install_points_at_the_checkout_and_copies_nothing(tmp_path: Path) -> None:
    script = "import dermasynth_builder, importlib.util as u; print(u.find_spec('dermasynth').origin)"
    assert Path(run(sys.executable, "-c", script, cwd=tmp_path).strip()) == ROOT / "dermasynth.py"


def lend_dependencies(python: Path, folder: Path) -> None:
    """Makes this environment's packages importable there, without what is installed in editable form here."""
    purelib = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    Path(purelib, "lent.pth").write_text("\n".join(site.getsitepackages()), encoding="utf-8")
