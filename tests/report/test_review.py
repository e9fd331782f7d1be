"""Sheets, what comes back of them, and a release that waits."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder import pipeline
from dermasynth_builder.check.review import check_reviews
from dermasynth_builder.cli import main
from dermasynth_builder.core.errors import ReviewError
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.records import AXES, Review
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.release.folder import read_card
from dermasynth_builder.release.parquet import read_values
from dermasynth_builder.release.reviews import read_reviews
from dermasynth_builder.report.review import CONFIG, TASKS, Sheet, import_verdicts, write_sheet
from tests.report.test_page import shown
from tests.support.clinical_images import clinical_image, pair
from tests.support.releases import Built

TEXTS = ("one", "two", "three")


@pytest.fixture
def sheet(tmp_path: Path) -> Sheet:
    """A sheet of three pairs, noted in tmp_path/work."""
    return write_sheet(map(shown, TEXTS), tmp_path / "sheet", "Review", work=tmp_path / "work")


def export(sheet: Sheet, rater: str = "Ann", **changes: Any) -> dict[str, Any]:
    """What the page exports where all is kept."""
    verdicts = [
        {"pair_id": name, "text": text, "verdict": "keep", "scores": {"safety": 4}, **changes}
        for name, text in zip(TEXTS, sheet.texts, strict=True)
    ]
    return {"form": "dermasynth review 1", "sheet": sheet.id, "rater": rater, "verdicts": verdicts}


def written(folder: Path, table: Any, name: str = "verdicts.json") -> Path:
    path = folder / name
    path.write_text(table if isinstance(table, str) else json.dumps(table), encoding="utf-8")
    return path


def reviews(*verdicts: str, **changes: Any) -> tuple[Review, ...]:
    return tuple(Review(f"reader {n}", verdict, **changes) for n, verdict in enumerate(verdicts))  # type: ignore[arg-type]


# --- what a release makes of verdicts ---


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((), []),
        (reviews("keep", "keep", safety=3), []),
        (reviews("leave_out"), ["reject"]),
        (reviews("leave_out", "leave_out"), ["reject"]),
        (reviews("keep", "leave_out"), ["flag"]),
        (reviews("keep", "leave_out", "leave_out"), ["reject"]),
        (reviews("keep", safety=2, accuracy=1), ["flag", "flag"]),
        (reviews("keep", corrected_answer="It is a mole."), ["flag"]),
        (reviews("keep", comment="fine"), []),
    ],
)
def test_most_readers_leave_a_pair_out_and_a_doubt_flags_it(said: tuple[Review, ...], expected: list[str]) -> None:
    findings = check_reviews([replace(pair("Why?", "So.", image=clinical_image()), reviews=said)])
    assert [finding.severity for finding in findings] == expected


# --- what comes back ---


def test_two_files_are_kept_and_the_same_again_changes_nothing(sheet: Sheet, tmp_path: Path) -> None:
    work = tmp_path / "work"
    files = [written(tmp_path, export(sheet, rater), f"{rater}.json") for rater in ("Ann", "Bo")]
    assert import_verdicts(files, work) == {"new": 6, "changed": 0, "known": 0}
    before = read_reviews(work)
    assert import_verdicts([*files, files[0]], work) == {"new": 0, "changed": 0, "known": 9}
    assert read_reviews(work) == before
    assert [review.rater for review in before[sheet.texts[0]]] == ["Ann", "Bo"]
    changed = written(tmp_path, export(sheet, " Ann ", comment="on second thoughts"))
    assert import_verdicts([changed], work) == {"new": 0, "changed": 3, "known": 0}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda good: json.dumps(good)[:-40], "is not whole JSON"),
        (lambda good: "", "is not whole JSON"),
        (lambda good: good | {"sheet": "0123456789abcdef"}, "was not made in"),
        (lambda good: good | {"sheet": "../../etc"}, "was not made in"),
        (lambda good: good | {"rater": ""}, "rater"),
        (lambda good: good | {"rater": "  "}, "say who has read"),
        (lambda good: good | {"rater": "\u202eeoJ"}, "RIGHT-TO-LEFT OVERRIDE"),
        (lambda good: good | {"form": "dermasynth review 2"}, "form"),
        (lambda good: good | {"verdicts": [good["verdicts"][0] | {"text": "0" * 64}]}, "not with this text"),
        (lambda good: good | {"verdicts": [good["verdicts"][0] | {"pair_id": "four"}]}, "four is not on sheet"),
        (lambda good: good | {"verdicts": [good["verdicts"][0] | {"verdict": "maybe"}]}, "verdict"),
        (lambda good: good | {"verdicts": [good["verdicts"][0] | {"scores": {"safety": 6}}]}, "safety"),
        (lambda good: good | {"verdicts": [good["verdicts"][0] | {"scores": {"charm": 5}}]}, "charm"),
        (lambda good: good | {"verdicts": [good["verdicts"][0] | {"comment": "\x1b[31m"}]}, "comment"),
        (lambda good: good | {"verdicts": [good["verdicts"][0] | {"comment": "a" * 20_001}]}, "comment"),
        (lambda good: [], None),
        (lambda good: [1], "no export"),
        (lambda good: [{"annotations": []}], None),
        (lambda good: [{"annotations": [{}], "data": {}}], "no export"),
        (lambda good: 7, "verdicts.json"),
    ],
)
def test_what_is_wrong_is_refused_by_name_and_nothing_is_kept(
    sheet: Sheet, tmp_path: Path, change: Callable[[dict[str, Any]], Any], told: str | None
) -> None:
    files = [written(tmp_path, export(sheet, "Bo"), "good.json"), written(tmp_path, change(export(sheet)))]
    if told is None:  # an export of Label Studio in which nobody has said anything
        assert import_verdicts(files[1:], tmp_path / "work") == {"new": 0, "changed": 0, "known": 0}
        return
    with pytest.raises(ReviewError, match=told) as raised:
        import_verdicts(files, tmp_path / "work")
    assert "verdicts.json" in str(raised.value)
    assert read_reviews(tmp_path / "work") == {}


@given(
    st.text()
    | st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_no_file_ends_in_anything_but_a_sentence(tmp_path_factory: pytest.TempPathFactory, table: Any) -> None:
    folder = tmp_path_factory.mktemp("any")
    path = folder / "verdicts.json"
    path.write_bytes((table if isinstance(table, str) else json.dumps(table)).encode("utf-8", "surrogatepass"))
    told = "verdicts.json"
    try:
        assert import_verdicts([path], folder) == {"new": 0, "changed": 0, "known": 0}
    except ReviewError as error:
        told = str(error)
    assert "verdicts.json" in told


def test_of_many_faults_the_first_are_told(sheet: Sheet, tmp_path: Path) -> None:
    wrong = export(sheet)
    wrong["verdicts"] = wrong["verdicts"] * 100
    for each in wrong["verdicts"]:
        each["verdict"] = "maybe"
    with pytest.raises(ReviewError) as raised:
        import_verdicts([written(tmp_path, wrong)], tmp_path / "work")
    assert str(raised.value).splitlines()[5:] == ["and 295 more"]


def test_damaged_verdicts_are_told(sheet: Sheet, tmp_path: Path) -> None:
    import_verdicts([written(tmp_path, export(sheet))], tmp_path / "work")
    kept = tmp_path / "work" / "review" / "verdicts.json"
    kept.write_text(kept.read_text()[:-20])
    with pytest.raises(ReviewError, match="is damaged"):
        read_reviews(tmp_path / "work")


# --- Label Studio ---


def test_label_studio_gets_every_pair_and_its_export_comes_back(sheet: Sheet, tmp_path: Path) -> None:
    tasks = json.loads((sheet.folder / TASKS).read_text())
    config = ElementTree.fromstring((sheet.folder / CONFIG).read_text())  # noqa: S314 - our own
    shown_names = {each.get("value", "").removeprefix("$") for each in config if each.tag in ("Image", "Text")}
    assert shown_names <= set(tasks[0]["data"])
    assert {each.get("name") for each in config if each.tag == "Rating"} == set(AXES)
    said = [("verdict", {"choices": ["leave_out"]}), ("safety", {"rating": 2}), ("comment", {"text": ["a", "b"]})]
    said.append(("accuracy", {"rating": 0}))  # stars that were given and taken back
    result = [{"from_name": name, "to_name": "answer", "value": value} for name, value in said]
    skipped = {"completed_by": 2, "was_cancelled": True, "result": []}
    exported = [task | {"annotations": [{"completed_by": 1, "result": result}, skipped]} for task in tasks]
    exported[0]["annotations"].append({"completed_by": {"id": 3, "email": "bo@example.org"}, "result": result})
    work = tmp_path / "work"
    assert import_verdicts([written(tmp_path, exported)], work) == {"new": 4, "changed": 0, "known": 0}
    found = read_reviews(work)[sheet.texts[0]]
    assert [review.rater for review in found] == ["annotator 1", "bo@example.org"]
    assert found[0] == Review("annotator 1", "leave_out", safety=2, comment="a\nb")


# --- the commands ---


def test_a_held_release_waits_for_two_persons_and_then_goes_on(
    specimens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["build", "pad_ufes", "--raw", str(specimens), "--hold"]
    assert main(words) == 3
    told = capsys.readouterr().err
    assert "review/review.html to 2 persons" in told
    assert not (tmp_path / "dermasynth").exists()
    [noted] = (tmp_path / "build" / "review" / "sheets").iterdir()
    texts: dict[str, str] = json.loads(noted.read_text())
    first = next(iter(texts))
    for rater in ("Ann", "Bo"):
        assert main(words) == 3
        assert f"0 of {len(texts)} pairs are judged by 2 persons" in "".join(capsys.readouterr())
        verdicts = [
            {"pair_id": name, "text": text, "verdict": "leave_out" if name == first else "keep"}
            for name, text in texts.items()
        ]
        table = {"form": "dermasynth review 1", "sheet": noted.stem, "rater": rater, "verdicts": verdicts}
        assert main(["review", "import", str(written(tmp_path, table)), "--work", "build"]) == 0
        assert f"{len(texts)} new verdicts" in capsys.readouterr().out
    assert main(words) == 0
    rows = {row["pair_id"]: row for row in read_values(read_card(tmp_path / "dermasynth")["pad_ufes"].paths)}
    assert set(rows) == set(texts) - {first}
    assert all([each["rater"] for each in row["reviews"]] == ["Ann", "Bo"] for row in rows.values())
    assert main(words) == 0  # the sheet is the same, although a pair is gone


def test_a_verdict_says_nothing_of_a_text_that_has_changed(built: Built, tmp_path: Path) -> None:
    settings = replace(built.settings, work=tmp_path / "build", out=tmp_path / "dermasynth")
    settings.work.mkdir()
    (settings.work / "review").mkdir()
    judged = {"0" * 64: {"Ann": {"verdict": "leave_out", "scores": None, "corrected_answer": None, "comment": None}}}
    (settings.work / "review" / "verdicts.json").write_text(json.dumps(judged))
    rows = released(settings)
    assert {row["pair_id"] for row in rows} == {
        row["pair_id"] for row in read_values(read_card(built.release)["all"].paths)
    }
    assert not any(row["reviews"] for row in rows)


def released(settings: Settings) -> list[dict[str, Any]]:
    pipeline.build(settings, SilentReporter())
    return list(read_values(read_card(settings.out)["all"].paths))


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["review"], 2, "ACTION"),
        (["review", "send"], 2, "export"),
        (["review", "import"], 2, "name the files"),
        (["review", "export", "a.json"], 2, "takes no file"),
        (["review", "import", "missing.json"], 1, "missing.json cannot be read"),
        (["review", "export", "--out", "nowhere"], 1, "nowhere"),
    ],
)
def test_wrong_use_is_told(
    words: list[str],
    code: int,
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == code
    assert told.lower() in capsys.readouterr().err.lower()


def test_one_reader_is_counted_and_agrees_with_nobody(
    sheet: Sheet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, export(sheet))
    assert main(["review", "import", str(path), "--work", str(tmp_path / "work"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verdicts"] == {"new": 3, "changed": 0, "known": 0}
    assert told["agreement"]["safety"] == {"pairs": 3, "by_two": 0, "mean": 4, "alpha": None}
