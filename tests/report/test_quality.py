"""`dermasynth report`: what it counts is what the rows say, and its page needs nothing but itself."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder.cli import main
from dermasynth_builder.core.images.eyes import NAMES
from dermasynth_builder.core.registry import ALL
from dermasynth_builder.release.parquet import read_values
from dermasynth_builder.report.quality import GROUPINGS, NOT_RECORDED, quality, rate, rejected, skeleton
from dermasynth_builder.report.quality_text import page_of
from tests.support.releases import Built

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def figures(built: Built) -> dict[str, Any]:
    return quality(built.release, built.settings.work / "rejects")


def test_every_pair_is_counted_once_in_each_grouping(built: Built, figures: dict[str, Any]) -> None:
    rows = list(read_values(sorted((built.release / "data").rglob("*.parquet"))))
    assert figures["pairs"] == len(rows)
    assert figures["images"] == len({row["image_id"] for row in rows})
    for grouping in GROUPINGS:
        assert sum(told["pairs"] for told in figures["flags_by"][grouping].values()) == len(rows)
        for check, told in figures["flags"].items():
            assert sum(each[check]["count"] for each in figures["flags_by"][grouping].values()) == told["count"]
    images = {row["image_id"]: row["sex"] for row in rows}
    assert figures["balance"]["pad_ufes"]["missing"]["sex"] == list(images.values()).count(None) / len(images)


def test_what_was_measured_is_counted_once_an_image_by_source_and_phototype(
    built: Built, figures: dict[str, Any]
) -> None:
    rows = list(read_values(sorted((built.release / "data").rglob("*.parquet"))))
    images = {row["image_id"]: row for row in rows}
    told = figures["measured"]["pad_ufes"]
    for group, counts in told.items():
        of_group = [row for row in images.values() if group == ALL or group == str(row["fitzpatrick"] or NOT_RECORDED)]
        assert counts["images"] == len(of_group)
        for name in NAMES:
            found = [row for row in of_group if name in {each["name"] for each in row["measured"] or ()}]
            assert (counts[name]["count"], counts[name]["of"]) == (len(found), len(of_group)), (group, name)
    assert told[ALL]["place"]["count"] > 0
    assert sum(counts["images"] for group, counts in told.items() if group != ALL) == len(images)


def test_flags_are_those_of_the_rows_and_the_mark_of_specimens_is_none(built: Built, figures: dict[str, Any]) -> None:
    rows = list(read_values(sorted((built.release / "data").rglob("*.parquet")), ["doubts"]))
    flagged = [{doubt.partition(": ")[0] for doubt in row["doubts"]} - {"specimen"} for row in rows]
    assert {check: told["count"] for check, told in figures["flags"].items()} == {
        check: sum(check in each for each in flagged) for check in set().union(*flagged)
    }


def test_a_reject_counts_once_a_check_however_many_reasons_it_has(tmp_path: Path) -> None:
    reasons = ["form: it is cut", "form: it holds markup", "speech: it speaks of the record"]
    reject = {"pair_id": "x", "question": "What is it?", "reply": "A", "reasons": reasons}
    (tmp_path / "pad_ufes.jsonl").write_text(json.dumps(reject), encoding="utf-8")
    told = rejected(tmp_path, ["pad_ufes"], pairs=1)
    assert {check: each["share"] for check, each in told["by_check"].items()} == {"form": 0.5, "speech": 0.5}
    assert told["examples"]["form"][0]["reason"] == "it is cut"


def test_the_same_text_in_train_and_test_is_counted(figures: dict[str, Any]) -> None:
    for shared in figures["shared_text"]["pad_ufes"].values():
        assert 0 <= shared["count"] <= shared["of"] <= figures["pairs"]


def test_a_skeleton_has_neither_diagnoses_nor_places_nor_numbers() -> None:
    one, other = "A nevus of 5 mm on the back.", "A melanoma of 12.5 mm on the cheek."
    assert skeleton(one) == skeleton(other) != skeleton("A nevus of 5 mm is on the back.")


@given(st.integers(0, 500), st.integers(0, 500))
def test_an_interval_holds_its_share_and_stays_between_none_and_all(one: int, other: int) -> None:
    count, total = sorted((one, other))
    told = rate(count, total)
    assert 0 <= told["low"] <= told["share"] + 1e-9
    assert told["share"] - 1e-9 <= told["high"] <= 1


def test_the_page_needs_nothing_from_elsewhere_and_shows_texts_as_texts(figures: dict[str, Any]) -> None:
    hostile = '<script>alert(1)</script><img src="x">'
    example = {"reason": hostile, "question": hostile, "answer": hostile, "image": hostile}
    page = page_of(
        {
            **figures,
            "flags": {hostile: rate(1, 2)},
            "flag_examples": {hostile: [example]},
            "flags_by": {name: {hostile: {"pairs": 2, hostile: rate(1, 2)}} for name in GROUPINGS},
        },
        hostile,
    )
    assert "<script" not in page
    assert "<img" not in page
    assert not re.search(r"<[^>]*\b(?:src|href)\s*=|url\(", page)
    assert "&lt;script&gt;" in page
    assert page.count("<svg") > 3


def test_the_command_writes_page_and_figures_and_prints_a_table(built: Built, tmp_path: Path, capsys: Output) -> None:
    words = ("report", "--out", str(built.release), "--work", str(built.settings.work), "--to", str(tmp_path / "told"))
    assert main([*words]) == 0
    assert "found by checks" in capsys.readouterr().out
    assert json.loads((tmp_path / "told" / "report.json").read_text("utf-8"))["pairs"] > 0
    assert (tmp_path / "told" / "report.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pairs"] > 0


def test_a_folder_that_is_no_release_is_told_as_one(tmp_path: Path, capsys: Output) -> None:
    assert main(["report", "--out", str(tmp_path), "--work", str(tmp_path)]) == 1
    assert "is not a release" in capsys.readouterr().err
