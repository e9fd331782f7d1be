"""BCN20000's training part is read out of the ISIC 2019 challenge, and what else is in it is counted."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dermasynth_builder.core.errors import SourceError, UsageError
from dermasynth_builder.core.records import ProblemKind
from dermasynth_builder.invented.specimens.isic import (
    GROUND_TRUTH_COLUMNS,
    METADATA_COLUMNS,
    STRANGERS,
    write_bcn20000,
    write_isic2019,
)
from dermasynth_builder.read.sources.bcn20000 import Bcn20000
from tests.support.isic_exports import edit_rows, read, rows_of

METADATA = "ISIC_2019_Training_Metadata.csv"
GROUND_TRUTH = "ISIC_2019_Training_GroundTruth.csv"
BROKEN = {ProblemKind.BROKEN_ROW, ProblemKind.UNKNOWN_VALUE}  # the row of the diagnosis, and the image without it


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_isic2019(tmp_path, side_px=16)


def test_its_own_images_are_read_with_diagnosis_lesion_and_part(root: Path) -> None:
    images, _ = read(Bcn20000(), root)
    assert len(images) == 12
    by_name = {row["image"]: row for row in rows_of(root / GROUND_TRUTH)}
    lesions = {row["image"]: row["lesion_id"] for row in rows_of(root / METADATA)}
    for image in images:
        assert image.path == root / "ISIC_2019_Training_Input" / f"{image.image_id}.jpg"
        assert by_name[image.image_id][image.facts.diagnosis_published or ""] == "1.0"
        assert image.facts.diagnosis_isic
        assert image.group_id == image.lesion_id == lesions[image.image_id]
        assert (image.official_split, image.licence, image.modality) == ("train", "CC-BY-NC-4.0", "dermoscopic")
    assert any(image.facts.sex for image in images)


def test_images_of_other_sets_are_one_problem_that_counts_them(root: Path) -> None:
    _, problems = read(Bcn20000(), root)
    assert [(problem.kind, problem.location) for problem in problems] == [(ProblemKind.OTHER_SET, METADATA)]
    assert problems[0].detail == "3 of 15 images are of other sets (lesion_id: HAM 1, MSK4 1, none 1)"


def test_images_of_other_sets_are_counted_by_what_stands_before_the_first_stroke(root: Path) -> None:
    def rename(rows: list[dict[str, str]]) -> None:
        for number, row in enumerate(row for row in rows if not row["lesion_id"].startswith("BCN_")):
            row["lesion_id"] = f"HAM_00_{number}"

    edit_rows(root / METADATA, rename)
    (problem,) = read(Bcn20000(), root)[1]
    assert problem.detail == "3 of 15 images are of other sets (lesion_id: HAM 3)"


def test_a_copy_without_the_suffix_in_its_names_is_known_too(root: Path) -> None:
    (stranger,) = root.rglob("*_downsampled.jpg")
    stranger.rename(stranger.with_name(stranger.name.replace("_downsampled", "")))
    assert [problem.kind for problem in read(Bcn20000(), root)[1]] == [ProblemKind.OTHER_SET]


def test_it_tells_what_figshare_tells(root: Path, tmp_path: Path) -> None:
    by_number = {image.image_id[-7:]: image for image in read(Bcn20000(), root)[0]}
    figshare, _ = read(Bcn20000(), write_bcn20000(tmp_path / "figshare", layout="figshare", images=24, side_px=16))
    alike = [image for image in figshare if image.image_id[-7:] in by_number]
    assert len(alike) == 12
    for image in alike:
        twin = by_number[image.image_id[-7:]]
        assert (image.facts, image.group_id, image.official_split) == (twin.facts, twin.group_id, twin.official_split)


@pytest.mark.parametrize(
    ("edit", "kinds"),
    [
        (lambda row: row.update({"UNK": "1.0"}), BROKEN),
        (lambda row: row.update(dict.fromkeys(GROUND_TRUTH_COLUMNS[1:], "0.0"), UNK="1.0"), set()),
        (lambda row: row.update(dict.fromkeys(GROUND_TRUTH_COLUMNS[1:], "")), BROKEN),
        (lambda row: row.update({"image": "ISIC_9999999"}), {ProblemKind.UNKNOWN_VALUE}),
    ],
)
def test_a_row_without_one_diagnosis_keeps_its_image(
    edit: Callable[[dict[str, str]], object], kinds: set[ProblemKind], root: Path
) -> None:
    edit_rows(root / GROUND_TRUTH, lambda rows: edit(rows[0]))
    images, problems = read(Bcn20000(), root)
    assert len(images) == 12
    assert [image.facts.diagnosis_published for image in images].count(None) == 1
    assert {problem.kind for problem in problems} == kinds | {ProblemKind.OTHER_SET}


def test_a_diagnosis_may_be_marked_without_decimals(root: Path) -> None:
    expected = read(Bcn20000(), root)
    edit_rows(
        root / GROUND_TRUTH,
        lambda rows: [r.update({c: str(int(float(r[c]))) for c in GROUND_TRUTH_COLUMNS[1:]}) for r in rows],
    )
    assert read(Bcn20000(), root) == expected


def test_what_is_wrong_with_a_diagnosis_is_told_with_its_row_and_costs_no_other(root: Path) -> None:
    edit_rows(root / GROUND_TRUTH, lambda rows: rows[0].update(dict.fromkeys(GROUND_TRUTH_COLUMNS[1:], "1.0")))
    edit_rows(root / GROUND_TRUTH, lambda rows: rows.insert(1, dict(rows[1])))  # said twice
    first = rows_of(root / GROUND_TRUTH)[0]["image"]
    line = next(n for n, row in enumerate(rows_of(root / METADATA), start=2) if row["image"] == first)
    images, problems = read(Bcn20000(), root)
    assert [image.facts.diagnosis_published for image in images].count(None) == 1
    told = {(problem.kind, problem.location): problem.detail for problem in problems}
    marked = len(GROUND_TRUTH_COLUMNS[1:])
    assert told[ProblemKind.BROKEN_ROW, f"{GROUND_TRUTH}, line 2"] == (
        f"{first} has {marked} diagnoses where one of the columns is to be 1.0"
    )
    assert (ProblemKind.DOUBLED_ID, f"{GROUND_TRUTH}, line 4") in told
    assert told[ProblemKind.UNKNOWN_VALUE, f"{METADATA}, line {line}"] == (
        "no diagnosis: ISIC_2019_Training_GroundTruth.csv has no usable row for it"
    )


def test_names_in_any_case_and_folder_are_found(root: Path) -> None:
    (root / "tables").mkdir()
    (root / METADATA).rename(root / "tables" / METADATA.lower())
    (root / GROUND_TRUTH).rename(root / "tables" / GROUND_TRUTH.upper())
    assert len(read(Bcn20000(), root)[0]) == 12


def test_one_table_alone_is_no_release(root: Path) -> None:
    (root / GROUND_TRUTH).unlink()
    with pytest.raises(SourceError, match=r"ISIC_2019_Training_Metadata\.csv with its ISIC_2019_Training_GroundTruth"):
        read(Bcn20000(), root)


@pytest.mark.parametrize("layout", ["flat", "figshare"])
def test_another_form_beside_it_is_refused(layout: str, root: Path) -> None:
    write_bcn20000(root, layout=layout, side_px=16)  # type: ignore[arg-type]  # pytest gives a str
    with pytest.raises(SourceError, match=r"holds BCN20000 twice: .*keep one of them"):
        read(Bcn20000(), root)


def test_a_table_of_something_else_beside_it_is_nobodys_problem(root: Path) -> None:
    expected = read(Bcn20000(), root)
    (root / "metadata.csv").write_text("key,value\nversion,1\n", encoding="utf-8")
    assert read(Bcn20000(), root) == expected


def test_specimens_have_the_columns_of_the_challenge(root: Path, tmp_path: Path) -> None:
    assert tuple(rows_of(root / METADATA)[0]) == METADATA_COLUMNS
    assert tuple(rows_of(root / GROUND_TRUTH)[0]) == GROUND_TRUTH_COLUMNS
    assert len(rows_of(root / METADATA)) == len(list(root.rglob("*.jpg"))) == 12 + len(STRANGERS)
    with pytest.raises(UsageError, match="one or more"):
        write_isic2019(tmp_path / "none", images=0)
