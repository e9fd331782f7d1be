"""What is wrong with a PAD-UFES-20 release is counted, listed with its place and stepped over."""

import csv
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder import pipeline
from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.records import Facts, Problem, ProblemKind
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from dermasynth_builder.read.source import read_source
from tests.support.recorder import Recorder
from tests.support.spoiled_pad_ufes import edit_lines, kinds, pictures, read, set_cells

Spoil = Callable[[Path], object]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return write_pad_ufes(tmp_path / "raw", images=6, side_px=16)


@pytest.fixture
def settings(raw: Path, tmp_path: Path) -> Settings:
    return Settings(raw={"pad_ufes": raw}, work=tmp_path / "work", out=tmp_path / "dermasynth")


def only(problems: list[Problem]) -> Problem:
    assert len(problems) == 1, problems
    return problems[0]


# --- rows and files that do not go together ---


def test_a_row_without_its_image_has_no_path(raw: Path) -> None:
    gone = pictures(raw)[0]
    gone.unlink()
    images, problems = read(raw)
    assert problems == []
    assert [image.file_name for image in images if image.path is None] == [gone.name]
    assert len(images) == 6


@pytest.mark.parametrize(
    "name", ["PAT_1_2_3.png", "PAT_1_2_3.JPG", "imgs_part_1/stray.webp", os.fsdecode(b"caf\xe9.png")]
)
def test_an_image_without_a_row_is_listed_by_its_path(name: str, raw: Path) -> None:
    (raw / name).write_bytes(b"x")
    images, problems = read(raw)
    assert len(images) == 6
    location = name.replace("\udce9", "\\xe9")
    assert (only(problems).kind, only(problems).location) == (ProblemKind.IMAGE_WITHOUT_ROW, location)


def test_files_that_are_no_images_are_nobodys_problem(raw: Path) -> None:
    for name in ("README.txt", "imgs_part_1.zip", "imgs_part_1/Thumbs.db", "table.csv"):
        (raw / name).write_bytes(b"x")
    assert read(raw)[1] == []


def test_the_same_file_twice_is_taken_once_and_is_no_problem(raw: Path) -> None:
    first = pictures(raw)[0]
    (raw / "images").mkdir()
    (raw / "images" / first.name).write_bytes(first.read_bytes())
    images, problems = read(raw)
    assert problems == []
    assert len(images) == 6


def test_two_different_files_of_one_name_are_not_chosen_from(raw: Path) -> None:
    first, second = pictures(raw)[:2]
    (raw / first.name).write_bytes(second.read_bytes())
    images, problems = read(raw)
    assert first.name not in [image.file_name for image in images]
    assert len(images) == 5
    assert only(problems).kind is ProblemKind.CLASHING_FILES
    assert first.name in only(problems).detail
    assert first.relative_to(raw).as_posix() in only(problems).detail
    assert only(problems).location.startswith("metadata.csv, line ")


@pytest.mark.parametrize("target", ["/nowhere/x.png", "."])
def test_a_link_that_leads_to_no_file_is_no_image(target: str, raw: Path) -> None:
    first = pictures(raw)[0]
    (raw / first.name).symlink_to(target)  # beside the real one
    assert read(raw)[1] == []
    first.unlink()
    assert [image.path for image in read(raw)[0] if image.file_name == first.name] == [None]


def test_a_name_that_leads_out_of_the_folder_finds_nothing(raw: Path) -> None:
    (raw.parent / "secret.png").write_bytes(pictures(raw)[0].read_bytes())
    set_cells(raw, 2, img_id="../secret.png")
    images, problems = read(raw)
    assert [image for image in images if image.row_location == "metadata.csv, line 2"] == []
    assert problems[0].detail == "1 of 6 images are of other sets (img_id: ../secret.png 1)"


# --- rows ---


def test_a_row_that_stands_twice_is_taken_once(raw: Path) -> None:
    edit_lines(raw, lambda lines: lines.append(lines[2]))
    images, problems = read(raw)
    assert [image.row_location for image in images if image.row_location.endswith((" 3", " 8"))] == [
        "metadata.csv, line 3"
    ]
    assert (only(problems).kind, only(problems).location) == (ProblemKind.DOUBLED_ID, "metadata.csv, line 8")
    assert "line 3" in only(problems).detail


def test_rows_that_contradict_each_other_are_all_left_out_and_their_image_is_not_called_nameless(raw: Path) -> None:
    edit_lines(raw, lambda lines: lines.extend([lines[2], lines[2]]))
    set_cells(raw, 8, age="7")
    images, problems = read(raw)
    assert len(images) == 5
    assert kinds(problems) == [ProblemKind.DOUBLED_ID] * 3
    assert [problem.location for problem in problems] == [f"metadata.csv, line {line}" for line in (3, 8, 9)]
    assert all("3, 8, 9" in problem.detail for problem in problems)


@pytest.mark.parametrize("column", ["img_id", "patient_id"])
@pytest.mark.parametrize("cell", ["", "   "])
def test_a_row_needs_the_ids_of_its_image_and_its_patient(column: str, cell: str, raw: Path) -> None:
    set_cells(raw, 4, **{column: cell})
    images, problems = read(raw)
    assert len(images) == 5
    assert problems[0].kind is ProblemKind.BROKEN_ROW
    assert problems[0].location == "metadata.csv, line 4"
    nameless = [problem.kind for problem in problems[1:]]
    assert nameless == ([ProblemKind.IMAGE_WITHOUT_ROW] if column == "img_id" else [])


def test_a_row_that_names_nothing_but_a_suffix_has_no_id(raw: Path) -> None:
    set_cells(raw, 4, img_id=".png")
    assert read(raw)[1][0].kind is ProblemKind.OTHER_SET


@pytest.mark.parametrize("extra", [",", ",more,and more"])
def test_a_row_with_too_many_cells_is_broken(extra: str, raw: Path) -> None:
    edit_lines(raw, lambda lines: lines.__setitem__(3, lines[3].rstrip("\n") + extra + "\n"))
    images, problems = read(raw)
    assert len(images) == 5
    assert (problems[0].kind, problems[0].location) == (ProblemKind.BROKEN_ROW, "metadata.csv, line 4")
    assert f"has {26 + extra.count(',')} cells where the header has 26" in problems[0].detail


@pytest.mark.parametrize("kept", [1, 5, 20, 60])
def test_a_table_that_was_cut_off_loses_its_last_row_alone(kept: int, raw: Path) -> None:
    edit_lines(raw, lambda lines: lines.__setitem__(6, lines[6][:kept]))
    images, problems = read(raw)
    assert [image.row_location for image in images] == [f"metadata.csv, line {line}" for line in range(2, 7)]
    assert (problems[0].kind, problems[0].location) == (ProblemKind.BROKEN_ROW, "metadata.csv, line 7")
    assert "cut off" in problems[0].detail
    assert kinds(problems)[1:] == [ProblemKind.IMAGE_WITHOUT_ROW]


def test_blank_lines_are_no_rows_but_are_counted(raw: Path) -> None:
    edit_lines(raw, lambda lines: lines.insert(1, "\n\n"))
    images, problems = read(raw)
    assert problems == []
    assert images[0].row_location == "metadata.csv, line 4"


@pytest.mark.parametrize(
    ("column", "cell", "facts"),
    [
        ("diagnostic", "XYZ", {"diagnosis": None, "diagnosis_isic": None, "malignancy": None}),
        ("age", "abc", {"age_years": None}),
        ("age", "200", {"age_years": None}),
        ("age", "-1", {"age_years": None}),
        ("age", "inf", {"age_years": None}),
        ("age", "41.5", {"age_years": None}),
        ("fitspatrick", "2.5", {"fitzpatrick": None}),
        ("fitspatrick", "0", {"fitzpatrick": None}),
        ("fitspatrick", "7.0", {"fitzpatrick": None}),
        ("gender", "X", {"sex": None}),
        ("region", "ELSEWHERE", {"body_site": None}),
        ("diameter_1", "1001", {"diameter_1_mm": None}),
        ("diameter_2", "-3", {"diameter_2_mm": None}),
        ("itch", "maybe", {"itches": None}),
        ("biopsed", "2", {"confirmation": None}),
        ("background_mother", "ATLANTIS", {"background_mother": None}),
    ],
)
def test_a_value_that_is_not_known_costs_its_fact_and_nothing_else(
    column: str, cell: str, facts: dict[str, None], raw: Path
) -> None:
    before = read(raw)[0][1].facts
    set_cells(raw, 3, **{column: cell})
    images, problems = read(raw)
    after = images[1].facts
    assert len(images) == 6
    changed = {name for name in Facts.__slots__ if getattr(after, name) != getattr(before, name)}
    assert changed <= set(facts) | {"diagnosis_published", "body_site_published"}
    assert all(getattr(after, name) is None for name in facts)
    assert (only(problems).kind, only(problems).location) == (ProblemKind.UNKNOWN_VALUE, "metadata.csv, line 3")
    assert column in only(problems).detail
    assert cell in only(problems).detail


# --- --strict, and the list ---


def test_problems_are_listed_in_a_file_and_told_with_their_count(
    raw: Path, settings: Settings, recorder: Recorder
) -> None:
    for path in pictures(raw)[:2]:
        path.unlink()
    pictures(raw)[0].write_bytes(b"")
    set_cells(raw, 3, age="abc")
    source = read_source("pad_ufes", settings, recorder)
    assert len(source.images) == 3
    listed = list(
        csv.DictReader((settings.work / "problems" / "pad_ufes.csv").read_text(encoding="utf-8").splitlines())
    )
    assert sorted(row["kind"] for row in listed) == [
        "broken image",
        "row without image",
        "row without image",
        "unknown value",
    ]
    assert all(row["location"] and row["detail"] for row in listed)
    assert any("2 x row without image" in line for line in recorder.warned)
    assert [image.image_id for image in source.images] == sorted(image.image_id for image in source.images)


def test_where_most_images_are_not_on_disk_the_rest_is_counted_and_listed_but_no_problem(
    raw: Path, settings: Settings, recorder: Recorder
) -> None:
    for path in pictures(raw)[2:]:
        path.unlink()
    source = read_source("pad_ufes", settings, recorder)
    assert (len(source.images), source.problems, recorder.warned) == (2, [], [])
    assert "pad_ufes: 2 of 6 images on disk" in recorder.said
    listed = (settings.work / "problems" / "pad_ufes.csv").read_text(encoding="utf-8")
    assert listed.count("row without image") == 4
    with pytest.raises(SourceError, match="4 problems, and --strict allows none"):
        read_source("pad_ufes", replace(settings, is_strict=True), recorder)


SPOILS: dict[str, Spoil] = {
    "a row without its image": lambda raw: pictures(raw)[0].unlink(),
    "an image without its row": lambda raw: (raw / "stray.png").write_bytes(b"x"),
    "an image of no bytes": lambda raw: pictures(raw)[0].write_bytes(b""),
    "an image cut off": lambda raw: pictures(raw)[0].write_bytes(pictures(raw)[0].read_bytes()[:-9]),
    "a doubled row": lambda raw: edit_lines(raw, lambda lines: lines.append(lines[1])),
    "a cut row": lambda raw: edit_lines(raw, lambda lines: lines.__setitem__(6, lines[6][:9])),
    "an unknown value": lambda raw: set_cells(raw, 2, age="abc"),
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_under_strict_any_problem_ends_the_run_and_is_listed(
    spoil: Spoil, raw: Path, settings: Settings, recorder: Recorder
) -> None:
    strict = Settings(raw=settings.raw, work=settings.work, is_strict=True)
    assert len(pipeline.plan(strict, recorder)[0].read.images) == 6
    spoil(raw)
    listed = settings.work / "problems" / "pad_ufes.csv"
    with pytest.raises(SourceError, match=r"--strict allows none; they are listed in .*pad_ufes\.csv"):
        pipeline.plan(strict, recorder)
    assert len(listed.read_text(encoding="utf-8").splitlines()) >= 2
    assert pipeline.plan(settings, recorder)[0].read.images  # not strict: what is left
