"""The rules of the code base that a tool can hold: a pure core, small functions, a light start."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PACKAGE = sorted((ROOT / "dermasynth_builder").rglob("*.py"))
SOURCES = [
    *PACKAGE,
    ROOT / "dermasynth.py",
    *sorted((ROOT / "tests").rglob("*.py")),
    *(ROOT / "benchmarks").glob("*.py"),
]
PURE = (
    "plan/planner.py",
    "plan/reply_form.py",
    "generate/engines/online/scheduler.py",
    "generate/engines/online/pace.py",
)
"""What must be the same on every machine and in every run."""

EFFECT_MODULES = {
    *(
        "datetime",
        "filelock",
        "glob",
        "http",
        "httpx",
        "huggingface_hub",
        "io",
        "os",
        "random",
        "shutil",
        "socket",
        "sqlite3",
    ),
    *("subprocess", "tempfile", "threading", "time", "rich", "urllib"),
}
EFFECT_CALLS = {
    *("exists", "glob", "is_dir", "is_file", "iterdir", "mkdir", "open", "read_bytes", "read_text", "rename", "rglob"),
    *("rmtree", "stat", "unlink", "walk", "write_bytes", "write_text", "print", "input"),
}
PURE_NAMES = {("random", "Random"), *(("datetime", name) for name in ("UTC", "date", "datetime", "time", "timedelta"))}
"""Of modules with effects: seeded draws, and times that a caller gives."""
CLOCKS = {"now", "today", "utcnow"}


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            module = node.module.partition(".")[0]
            names |= {module} if {(module, alias.name) for alias in node.names} - PURE_NAMES else set()
    return names


def called(tree: ast.Module) -> set[str]:
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "") for func in calls}


@pytest.mark.parametrize("name", PURE)
def test_the_pure_core_knows_no_file_clock_or_network(name: str) -> None:
    tree = tree_of(ROOT / "dermasynth_builder" / name)
    assert not imported(tree) & EFFECT_MODULES
    assert not called(tree) & (EFFECT_CALLS | CLOCKS)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_functions_and_parameter_lists_are_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef):
            where = f"{path.name}:{node.lineno} {node.name}"
            positional = [a.arg for a in node.args.posonlyargs + node.args.args if a.arg not in ("self", "cls")]
            is_dunder = node.name.startswith("__") or "tests" in path.relative_to(ROOT).parts
            assert (node.end_lineno or 0) - node.lineno < 40, where
            assert is_dunder or len(positional) <= 3, where
            assert is_dunder or len(positional) + len(node.args.kwonlyargs) <= 6, where


@pytest.mark.parametrize("path", PACKAGE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_modules_classes_and_public_functions_are_documented(path: Path) -> None:
    tree = tree_of(path)
    assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path.name}:{node.lineno} {node.name}"


def test_help_and_the_command_line_load_nothing_heavy() -> None:
    script = (
        "import sys, contextlib\n"
        "from dermasynth_builder.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "heavy = {'datasets', 'pandas', 'numpy', 'pyarrow', 'PIL', 'httpx', 'huggingface_hub', 'jinja2', 'tenacity'}\n"
        "heavy |= {'torch', 'transformers', 'trl', 'peft', 'sklearn', 'scipy', 'statsmodels', 'matplotlib'}\n"
        "heavy |= {'aiohttp', 'google.genai', 'google.auth', 'pydantic'}\n"  # rich is what cyclopts draws help with
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("script", "most"),
    [
        ("from dermasynth_builder.cli import main\nwith contextlib.suppress(SystemExit): main(['--help'])", 330),
        ("import datasets\nbesides = len(sys.modules)\nimport dermasynth", 15),
    ],
    ids=["dermasynth --help", "import dermasynth"],
)
def test_a_start_loads_few_modules(script: str, most: int) -> None:
    """Counted, because seconds change from machine to machine; of the builder class what comes beside `datasets`.

    Of the command, cyclopts and rich, with which it draws help, are 180.
    """
    script = f"import contextlib, sys\nbesides = 0\n{script}\nprint(len(sys.modules) - besides)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout.splitlines()[-1]) <= most


def test_importing_the_builder_loads_no_client_of_a_service() -> None:
    script = (
        "import sys, dermasynth\n"
        "from dermasynth_builder import pipeline\n"
        "from dermasynth_builder.core import registry\n"
        "[registry.engine(name) for name in ('template', 'gemini')]\n"
        "print('google.genai' in sys.modules, 'dermasynth_builder.generate.engines.online.transport' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_only_what_makes_or_checks_rows_loads_datasets() -> None:
    script = (
        "import sys\n"
        "from dermasynth_builder import pipeline\n"
        "from dermasynth_builder.release import folder, parquet, push\n"
        "from dermasynth_builder.report import audit, cost, figures\n"
        "print(sorted({'datasets', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]"]


def test_nothing_tells_of_the_machine_it_was_made_on() -> None:
    marks = (f"{ROOT}/", f"{Path.home()}/", "file:///")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    for name in listed:
        path = ROOT / name
        if path.is_file() and path != Path(__file__):
            text = path.read_bytes().decode("utf-8", errors="ignore")
            assert not [mark for mark in marks if mark in text], name


def test_make_golden_runs_every_test_with_a_golden_text() -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef) and "golden" in [argument.arg for argument in node.args.args]
    }
    [recipe] = [line for line in (ROOT / "Makefile").read_text().splitlines() if "--write-golden" in line]
    assert set(recipe.split("--write-golden ")[1].split()) == users
