"""What users import from `dermasynth_builder`."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dermasynth_builder


@pytest.mark.parametrize("name", dermasynth_builder.__all__)
def test_every_public_name_is_to_be_had(name: str) -> None:
    assert getattr(dermasynth_builder, name) is not None


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(dermasynth_builder.__file__).read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert {"__version__", *seen} == set(dermasynth_builder.__all__)


def test_importing_the_package_loads_no_stage() -> None:
    script = "import sys, dermasynth_builder; print([n for n in sys.modules if n.startswith('dermasynth_builder.')])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Pairs'"):
        dermasynth_builder.Pairs  # noqa: B018 - asked for, and not there
