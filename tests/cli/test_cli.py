"""The command as a user meets it."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from dermasynth_builder import __version__
from dermasynth_builder.cli import COMMANDS, main
from dermasynth_builder.release.parquet import read_values
from tests.support.paths import ROOT
from tests.support.releases import Built

Output = pytest.CaptureFixture[str]
SetInterrupts = Callable[[signal.Handlers | Callable[..., None]], object]


def run(*words: str | Path) -> int:
    try:
        return main([str(word) for word in words])
    except SystemExit as stop:
        return int(str(stop.code or 0))


def test_every_command_has_help_with_an_example(capsys: Output) -> None:
    for name in COMMANDS:
        assert run(*name.split(), "--help") == 0
        assert f"example:\n  dermasynth {name}" in capsys.readouterr().out


@pytest.mark.slow
def test_the_demo_builds_a_release_and_prints_three_loaded_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.chdir(tmp_path)
    keep_the_cache_of_datasets_empty(monkeypatch, tmp_path / "cache")
    assert run("demo") == 0
    assert not (tmp_path / "cache").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    printed = capsys.readouterr().out
    assert "\nflag: specimen: the image is drawn and the facts are invented\n" in printed
    assert len(re.findall(r"^--- pad_ufes/", printed, re.MULTILINE)) == 3
    assert len(re.findall(r"^Q: .+\n(?:   .+\n)*A: ", printed, re.MULTILINE)) == 3
    assert sorted(path.name for path in Path("demo/dermasynth").iterdir()) == [
        *("ATTRIBUTION.md", "LICENSE", "README.md", "closed", "croissant.json", "data", "facts.json", "figures"),
        *("recipe.toml", "sample"),
    ]
    assert run("demo") == 0  # again, over the first


def keep_the_cache_of_datasets_empty(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Gives `datasets` that folder as the user's cache, which it makes when it puts the first thing there."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder)


@pytest.mark.slow
def test_the_demo_marks_its_rows_as_drawn(tmp_path: Path) -> None:
    assert run("demo", "--images", "6", "--work", tmp_path / "work", "--out", tmp_path / "dermasynth") == 0
    rows = list(read_values(sorted((tmp_path / "dermasynth").glob("data/pad_ufes/*.parquet"))))
    assert all(row["licence"] == "CC0-1.0" and "drawn" in row["attribution"] for row in rows)
    assert all(any(flag.startswith("specimen") for flag in row["doubts"]) for row in rows)
    assert "Drawn specimens" in (tmp_path / "dermasynth" / "README.md").read_text("utf-8")


def test_the_demo_does_not_replace_a_release_of_real_images(built: Built, tmp_path: Path, capsys: Output) -> None:
    before = {path: path.read_bytes() for path in built.release.rglob("*.*") if path.is_file()}
    assert run("demo", "--work", tmp_path, "--out", built.release) == 1
    assert "holds a release of real images" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in built.release.rglob("*.*") if path.is_file()}


def test_sources_say_where_to_get_them_and_how_to_cite(capsys: Output) -> None:
    assert run("sources") == 0
    printed = capsys.readouterr().out
    assert "CC-BY-4.0" in printed
    assert "https://data.mendeley.com/datasets/zr7vgbcyr2/1" in printed


def test_plan_prints_counts_prompts_and_clean_json(specimens: Path, tmp_path: Path, capsys: Output) -> None:
    words = ("plan", "pad_ufes", "--raw", specimens, "--work", tmp_path)
    assert run(*words, "--show", "2") == 0
    printed = capsys.readouterr().out
    assert printed.count("=== pad_ufes/") == 2
    assert printed.count("RECORD OF THIS CASE") == 2
    assert run(*words, "--json") == 0
    counted = json.loads(capsys.readouterr().out)[0]
    assert (counted["images"], counted["requests"], counted["problems"]) == (24, 48, {})
    assert sum(row["requests"] for row in counted["question_types"]) == 48
    assert all(row["tokens_in"] > 1120 * row["requests"] for row in counted["question_types"])
    assert all(row["tokens_out"] >= 160 * row["requests"] for row in counted["question_types"])


def test_the_stages_one_by_one_come_to_what_build_makes(specimens: Path, tmp_path: Path, capsys: Output) -> None:
    given = ("pad_ufes", "--raw", specimens, "--work", tmp_path / "work")
    assert run("generate", *given, "--dry-run") == 0
    assert "48 requests, 48 of them to ask template" in capsys.readouterr().out
    assert run("release", *given, "--out", tmp_path / "a") == 1
    assert "run `dermasynth generate` first" in capsys.readouterr().err
    assert run("generate", *given) == 0
    assert run("release", *given, "--out", tmp_path / "a") == 0
    assert run("build", *given, "--work", tmp_path / "other", "--out", tmp_path / "b") == 0
    assert "0 known from before" in capsys.readouterr().out
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}


def test_status_tells_of_ledgers_and_release(built: Built, tmp_path: Path, capsys: Output) -> None:
    assert run("status", "--work", built.settings.work, "--out", built.release) == 0
    printed = capsys.readouterr().out
    assert re.match(
        r"plan +seed +planned +ledger +asked +missing\npad_ufes +2025 +48\n +template-\w+ +48 +0\n", printed
    )
    assert re.search(
        r"^engine +model +answered +failed +dollars +last activity, UTC\ntemplate +48 +0 +20\d\d-",
        printed,
        re.MULTILINE,
    )
    assert re.search(
        r"^  config +train .* bytes +content digest\n  sample +\d+ .*\n  pad_ufes +\d+ .* sha256:",
        printed,
        re.MULTILINE,
    )
    assert run("status", "--work", tmp_path, "--out", tmp_path / "none") == 0
    assert "no ledger" in (printed := capsys.readouterr().out)
    assert "no release" in printed


def test_show_prints_the_pairs_asked_for(built: Built, capsys: Output) -> None:
    assert run("show", "pad_ufes", "-n", "2", "--skip", "1", "--out", built.release) == 0
    printed = capsys.readouterr().out
    first = list(read_values(sorted(built.release.glob("data/pad_ufes/train-*")), ["pair_id"]))[1]["pair_id"]
    assert printed.count("\n\n") == 2
    assert printed.startswith(f"--- {first} ")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, ""),
        (("fly",), 2, 'Unknown command "fly"'),
        (("plan", "isic2018", "--raw", "x"), 2, 'Invalid value "isic2018" for SOURCES. Choose from: "pad_ufes"'),
        (("plan", "pad_ufes"), 2, "no folder for pad_ufes; add --raw pad_ufes=DIR"),
        (("plan",), 2, "no source is named"),
        (("plan", "--recipe", "no.toml"), 2, "no.toml: [Errno 2]"),
        (
            ("plan", "--modle", "x"),
            2,
            "Unknown option: --modle. Did you mean --model?\nusage: dermasynth plan [SOURCE...] [--raw DIR]",
        ),
        (("generate", "--self-instruct", "101", "pad_ufes"), 2, "write a number from 0 to 100"),
        (
            ("generate", "--self-instruct", "60", "pad_ufes", "--raw", "x"),
            2,
            "must not be more than 100 percent together",
        ),
        (("plan", "pad_ufes", "--raw", "a", "--raw", "b"), 2, "--raw NAME=DIR"),
        (("plan", "pad_ufes", "--raw", "isic2018=a"), 1, "isic2018=a is not a folder"),
        (("plan", "pad_ufes", "--raw", "no/such"), 1, "no/such is not a folder"),
        (("release", "pad_ufes", "--raw", "x", "--splits", "90/10"), 2, "write three numbers"),
        (("release", "pad_ufes", "--raw", "x", "--splits", "0/0/0"), 2, "not all zero"),
        (("generate", "pad_ufes", "--raw", "x", "--shard", "3/2"), 2, "as 2/5"),
        (("generate", "pad_ufes", "--raw", "x", "--max-usd", "-1"), 2, "above zero"),
        (("merge", "no/such.jsonl"), 1, "cannot be read"),
        (("fake-gemini", "--fault", "sabotage=1"), 2, "no such kind; choose from: rate"),
        (("show", "--out", "no/such"), 1, "is not a release"),
        (("push", "dermasynth"), 1, "USER/NAME"),
        (("demo", "--images", "0"), 2, "one or more"),
    ],
)
def test_mistakes_get_a_sentence_and_an_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output, words: tuple[str, ...], code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*words) == code
    printed = capsys.readouterr()
    assert said in printed.err
    assert "Traceback" not in printed.err + printed.out


def test_an_unknown_config_names_those_that_there_are(built: Built, capsys: Output) -> None:
    assert run("show", "scin", "--out", built.release) == 2
    assert "it has: sample, pad_ufes, all" in capsys.readouterr().err


def test_a_reader_that_has_enough_is_no_error(built: Built) -> None:
    script = "from dermasynth_builder.cli import main; raise SystemExit(main())"
    command = f"'{sys.executable}' -c '{script}' show -n 40 --out '{built.release}' | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def interrupts() -> Iterator[SetInterrupts]:
    """Sets what SIGINT does; it is as before afterwards."""
    before = signal.getsignal(signal.SIGINT)
    yield partial(signal.signal, signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_is_heeded_where_it_was_ignored_and_a_callers_own_handler_stays(
    interrupts: SetInterrupts, capsys: Output
) -> None:
    def mine(*_: object) -> None:
        pass

    for before, after in ((signal.SIG_IGN, signal.default_int_handler), (mine, mine)):
        interrupts(before)
        assert run("sources") == 0
        assert signal.getsignal(signal.SIGINT) is after
    interrupts(signal.SIG_IGN)
    with ThreadPoolExecutor(1) as pool:  # no handler can be set there
        assert pool.submit(run, "sources").result() == 0
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    capsys.readouterr()


def test_version_changelog_citation_and_package_agree(capsys: Output) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"dermasynth {__version__}\n"
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text("utf-8")
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
