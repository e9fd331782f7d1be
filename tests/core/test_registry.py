"""Names come from the registry and from installed packages; what is wrong with one package harms no other name."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dermasynth_builder.core.errors import PluginError, UsageError
from dermasynth_builder.core.registry import PlugIns
from tests.support.paths import ROOT
from tests.support.plug_ins import install, project
from tests.support.processes import run_python

SHIPPED = {"list": "builtins:list", "dict": "builtins:dict"}
Install = Callable[..., PlugIns]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs packages, each with its engines, and gives the engines that there are then."""

    def install_all(packages: dict[str, dict[str, str]], **modules: str) -> PlugIns:
        for package, engines in packages.items():
            files = {f"{name}.py": text for name, text in modules.items()}
            monkeypatch.syspath_prepend(install(tmp_path / package, project(package, engines_of_tests=engines), files))
        return PlugIns("engine", "engines_of_tests", SHIPPED)

    return install_all


def test_names_of_packages_come_after_those_that_ship(installed: Install) -> None:
    engines = installed({"one": {"zeta": "builtins:set"}, "two": {"alpha": "builtins:str"}})
    assert list(engines) == ["list", "dict", "alpha", "zeta"]
    assert len(engines) == 4
    assert "zeta" in engines
    assert "eta" not in engines
    assert (engines.load("zeta"), engines.load("list"), engines.make("alpha", 1)) == (set, list, "1")


def test_a_name_that_nobody_has_lists_those_that_there_are(installed: Install) -> None:
    engines = installed({"one": {"zeta": "builtins:set"}})
    with pytest.raises(UsageError, match="there is no engine 'eta'; there are: dict, list, zeta"):
        engines.load("eta")


def test_a_module_is_loaded_when_its_name_is_asked_for_and_not_before(installed: Install) -> None:
    engines = installed({"one": {"zeta": "loaded_late:made"}}, loaded_late="made = 1")
    assert "zeta" in list(engines)
    assert "loaded_late" not in sys.modules
    assert engines.load("zeta") == 1


@pytest.mark.parametrize(
    ("packages", "name", "said"),
    [
        (
            {"one": {"list": "builtins:set"}},
            "list",
            "is in two packages: dermasynth and one; remove one: pip uninstall one",
        ),
        (
            {"one": {"zeta": "builtins:set"}, "two": {"zeta": "builtins:set"}},
            "zeta",
            "is in two packages: (one|two) and",
        ),
    ],
)
def test_a_name_in_two_packages_is_refused_with_both_and_no_other_is(
    packages: dict[str, dict[str, str]], name: str, said: str, installed: Install
) -> None:
    engines = installed(packages)
    with pytest.raises(PluginError, match=said):
        engines.load(name)
    assert engines.load("dict") is dict
    assert list(engines).count(name) == 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no_such_module:made", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("broken_by_syntax:made", "SyntaxError"),
        ("broken_at_import:made", "ZeroDivisionError: division by zero"),
        ("builtins:no_such_object", "AttributeError"),
        ("not a reference", "AttributeError"),
    ],
)
def test_a_broken_package_is_named_with_the_reason_and_what_to_do(value: str, reason: str, installed: Install) -> None:
    engines = installed({"one": {"zeta": value}}, broken_by_syntax="def", broken_at_import="made = 1 / 0")
    with pytest.raises(
        PluginError, match=rf"engine 'zeta' of the package one \({value}\) cannot be used: {reason}"
    ) as met:
        engines.load("zeta")
    assert "Update the package, or remove it: pip uninstall one" in str(met.value)
    assert engines.load("list") is list


def test_what_fails_while_it_is_made_is_named_too_but_an_error_of_ours_stays(installed: Install) -> None:
    module = """
from dermasynth_builder.core.errors import UsageError
def refuses(*_): raise UsageError("name a model with --model")
"""
    engines = installed({"one": {"zeta": "builtins:float", "eta": "made_badly:refuses"}}, made_badly=module)
    with pytest.raises(PluginError, match=r"of the package one .* ValueError"):
        engines.make("zeta", "no number")
    with pytest.raises(UsageError, match="--model"):
        engines.make("eta", 0)
    with pytest.raises(TypeError):
        engines.make("list", 1, 2)


@pytest.mark.parametrize("name", ["Zeta", "../zeta", "1zeta", "all", "general", "zeta-2"])
def test_a_name_that_cannot_stand_in_paths_and_columns_is_refused(name: str, installed: Install) -> None:
    engines = installed({"one": {name: "builtins:set"}})
    with pytest.raises(PluginError, match="names are of a-z, 0-9 and _"):
        engines.load(name)


SOURCE = """
class Other:
    name = "something_else"
"""


def test_a_broken_source_is_told_and_the_others_are_listed(tmp_path: Path) -> None:
    sources = {"other": "other_source:Other", "gone": "no_such_module:Gone", "pad_ufes": "other_source:Other"}
    path = install(tmp_path / "one", project("one", sources=sources), {"other_source.py": SOURCE})
    script = "from dermasynth_builder.cli import main; raise SystemExit(main(['sources']))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": f"{path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "PAD-UFES-20" not in done.stdout
    assert "DERM12345" in done.stdout
    assert "its attribute `name` is 'something_else'" in done.stderr
    assert "No module named 'no_such_module'" in done.stderr
    assert "the source 'pad_ufes' is in two packages: dermasynth and one" in done.stderr


def test_help_looks_up_no_installed_package(tmp_path: Path) -> None:
    script = (
        "import sys, contextlib\n"
        "from dermasynth_builder.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "print('importlib.metadata' in sys.modules)"
    )
    assert run_python(sys.executable, "-c", script, cwd=ROOT, hf_home=tmp_path).splitlines()[-1] == "False"
