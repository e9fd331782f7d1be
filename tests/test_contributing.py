"""What CONTRIBUTING.md says is so: its package works from end to end, its paths and commands exist."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT
from tests.support.plug_ins import files_of_contributing, install_example
from tests.support.processes import run_python

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

FROM_END_TO_END = """
import contextlib, io, json
import datasets
from dermasynth import DermaSynth
from dermasynth_builder.cli import main

datasets.disable_progress_bars()

def said(*words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        return [main(words), out.getvalue() + err.getvalue()]

def rows(folder):
    loaded = datasets.load_dataset(f"./{folder}", "example").remove_columns("image")
    return [row for split in loaded.values() for row in split]

run = ("example", "--raw", "raw", "--work", "work", "--out")
said_by = {
    "sources": said("sources"),
    "specimens": said("specimens", "example", "--to", "raw", "--images", "24"),
    "audit": said("audit", "example", "--raw", "raw", "--work", "work", "--json"),
    "download": said("download", "example"),
    "plan": said("plan", *run, "template", "--json"),
    "build": said("build", *run, "template"),
    "build with recorded": said("build", *run, "recorded", "--engine", "recorded"),
}
configs = list(DermaSynth.builder_configs)
rows_by = {name: rows(name) for name in ("template", "recorded")}
print(json.dumps({"said": said_by, "rows": rows_by, "configs": configs}))
"""


@dataclass(frozen=True)
class Run:
    """What came of the package's names."""

    said: Mapping[str, tuple[int, str]]  # command -> exit code and output
    rows: Mapping[str, list[dict[str, Any]]]  # engine -> rows of its release
    configs: list[str]  # of the builder class


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every command on the package, where it is installed."""
    folder = tmp_path_factory.mktemp("example")
    path = os.pathsep.join([str(install_example(folder / "installed")), str(ROOT)])
    out = run_python(sys.executable, "-c", FROM_END_TO_END, cwd=folder, hf_home=folder / "hf", PYTHONPATH=path)
    return Run(**json.loads(out.splitlines()[-1]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("sources", "example: Example"),
        ("specimens", "next: dermasynth build example --raw raw"),
        ("audit", '"source": "example"'),
        ("plan", '"malignancy"'),
        ("plan", '"example: visual_features": '),
        ("build", " answered, 0 failed"),
        ("build with recorded", "no words"),
    ],
)
def test_every_command_works_on_the_source_of_another_package(command: str, told: str, example: Run) -> None:
    code, output = example.said[command]
    assert code == 0, output
    assert told in output


@pytest.mark.slow
def test_the_rows_hold_its_questions_in_the_template_engines_words(example: Run) -> None:
    rows = example.rows["template"]
    assert len(rows) >= 40
    assert {row["source"] for row in rows} == {"example"}
    types = {row["question_type"] for row in rows}
    assert "malignancy" in types
    assert "visual_features" not in types  # only eyes can answer it, and the engine has none
    assert "example" in example.configs


@pytest.mark.slow
def test_its_engine_answers_what_it_can(example: Run) -> None:
    assert {row["engine"] for row in example.rows["recorded"]} == {"recorded"}
    answers = {f"On record this is {diagnosis}." for diagnosis in ("nevus", "melanoma")}
    assert {row["answer"] for row in example.rows["recorded"]} == answers


@pytest.mark.slow
def test_a_source_without_a_host_says_how_to_get_it_by_hand(example: Run) -> None:
    code, output = example.said["download"]
    assert code == 2
    assert "example cannot be downloaded by this program. Get it by hand from https://example.org/squares:" in output
    assert "Ask its authors for squares.zip, and unpack it.\nthen give the folder: dermasynth build example" in output


def test_the_paths_that_it_names_exist() -> None:
    named = set(re.findall(r"`([\w/]+\.(?:py|toml)|[\w/]+/)`", CONTRIBUTING)) - set(files_of_contributing())
    named = {name for name in named if "/" in name and "NAME" not in name}
    assert len(named) >= 10
    bases = (ROOT, ROOT / "dermasynth_builder")
    assert [name for name in named if not any((base / name).exists() for base in bases)] == []


def test_the_tests_that_it_names_exist() -> None:
    for words in re.findall(r"`pytest ([^`]+)`", CONTRIBUTING):
        assert all((ROOT / name).exists() for name in words.split())


def test_the_example_keeps_the_rules_of_the_code(tmp_path: Path) -> None:
    install_example(tmp_path)
    ours = f'extend = "{ROOT / "pyproject.toml"}"\n[lint.isort]\nknown-first-party = ["dermasynth_builder"]\n'
    (tmp_path / "ruff.toml").write_text(ours, encoding="utf-8")
    for words in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *words, "--no-cache", "dermasynth_example"]
        done = subprocess.run(ruff, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
