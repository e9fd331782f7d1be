"""The report on the question banks, and its figure."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dermasynth_builder.cli import main
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.plan.question_verbs import wheel
from dermasynth_builder.plan.questions import load_prompt_book
from dermasynth_builder.release.wheel import draw_wheel
from dermasynth_builder.report.questions import bank_report, distinct

RINGS = {"describe": {"lesion": 3, "skin": 1, "others": 2}, "name": {"disease": 1}}


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return bank_report(load_prompt_book())


def test_the_banks_are_large_varied_and_free_of_near_duplicates(report: dict[str, Any]) -> None:
    assert report["distinct_wordings"] == report["wordings"] >= 640
    assert sum(count for kinds in report["banks"].values() for count in kinds.values()) == report["wordings"]
    assert report["near_duplicates"] == 0
    assert report["nearest_pair"]["rouge_l"] < 0.7
    assert report["verb_object_pairs"] > 200
    assert len(report["wheel"]) == len(report["top_root_verbs"]) == 20


def test_distinct_n_is_the_share_of_different_sequences() -> None:
    assert distinct([["a", "b", "a"], ["b"]], 1) == 0.5
    assert distinct([["a", "b", "a", "b"]], 2) == pytest.approx(2 / 3, abs=1e-4)
    assert distinct([], 2) == 0


def test_the_wheel_sums_up_what_it_does_not_show() -> None:
    pairs = {("see", thing): 1 for thing in "abcdef"} | {("name", "x"): 9}
    assert wheel(pairs) == {"name": {"x": 9}, "see": {"a": 1, "b": 1, "c": 1, "d": 1, "others": 2}}


def test_the_command_prints_the_report_for_people_and_as_json(
    report: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["questions"]) == 0
    printed = capsys.readouterr().out
    assert re.search(rf"^  wordings +{report['wordings']}$", printed, re.MULTILINE)
    assert max(map(len, printed.splitlines())) <= 100
    assert "nearest pair, ROUGE-L 0." in printed
    assert main(["questions", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == report


@pytest.mark.slow
def test_the_figure_is_the_same_bytes_each_time(
    report: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / name for name in ("a.png", "b.png", "c.svg", "d.svg")]
    assert main(["questions", "--figure", str(paths[0]), "--figure", str(paths[2])]) == 0
    for path in (paths[1], paths[3]):
        draw_wheel(report["wheel"], path)
    png, again, svg, svg_again = (path.read_bytes() for path in paths)
    assert (png, svg) == (again, svg_again)
    assert b"describe</text>" in svg
    assert b"dc:date" not in svg
    with Image.open(paths[0]) as image:
        assert image.size == (1800, 1800)
    assert capsys.readouterr().out


@pytest.mark.parametrize("name", ["wheel.pdf", "wheel"])
def test_a_figure_of_another_kind_is_refused(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["questions", "--figure", str(tmp_path / name)]) == 2
    assert "must end in .png or .svg" in capsys.readouterr().err


def test_without_matplotlib_the_figure_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=r"pip install 'dermasynth\[figures\]'"):
        draw_wheel(RINGS, tmp_path / "wheel.png")
