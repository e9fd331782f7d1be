"""What is wrong with an export of the ISIC archive is counted and stepped over; what is no release is refused."""

import shutil
from pathlib import Path

import pytest

from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.protocols import Source
from dermasynth_builder.core.records import Facts, Problem, ProblemKind
from dermasynth_builder.invented.specimens.isic import write_bcn20000, write_hiba
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from dermasynth_builder.read.sources.bcn20000 import Bcn20000
from dermasynth_builder.read.sources.hiba import Hiba
from tests.support.isic_exports import edit_rows, read, set_cells


def only(problems: list[Problem]) -> Problem:
    assert len(problems) == 1, problems
    return problems[0]


@pytest.mark.parametrize(
    ("column", "fact", "last", "beyond"),
    [("age_approx", "age_years", 120, 121), ("clin_size_long_diam_mm", "diameter_1_mm", 1000, 1001)],
)
def test_a_number_counts_up_to_its_bound(column: str, fact: str, last: int, beyond: int, hiba: Path) -> None:
    set_cells(hiba, 2, **{column: str(last)})
    images, problems = read(Hiba(), hiba)
    assert (getattr(images[0].facts, fact), problems) == (last, [])
    set_cells(hiba, 2, **{column: str(beyond)})
    images, problems = read(Hiba(), hiba)
    assert getattr(images[0].facts, fact) is None
    assert only(problems).detail.startswith(f"{column} is '{beyond}'; expected a number from 0 to {last}")


def test_a_small_lesion_has_a_diameter_and_one_of_zero_has_none(hiba: Path) -> None:
    set_cells(hiba, 2, clin_size_long_diam_mm="0.5")
    set_cells(hiba, 3, clin_size_long_diam_mm="0.0")
    images, problems = read(Hiba(), hiba)
    assert [image.facts.diameter_1_mm for image in images[:2]] == [0.5, None]
    assert problems == []


@pytest.mark.parametrize(
    ("column", "cell", "lost"),
    [
        ("age_approx", "old", {"age_years", "is_age_rounded"}),
        ("anatom_site_general", "elbow", {"body_site"}),
        ("diagnosis_1", "Uncertain", {"diagnosis", "diagnosis_isic", "malignancy"}),
        ("diagnosis_confirm_type", "a guess", {"confirmation"}),
        ("dermoscopic_type", "x-ray", {"dermoscopic_type"}),
        ("fitzpatrick_skin_type", "VII", {"fitzpatrick"}),
        ("image_type", "RCM: mosaic", {"shot_type"}),
        ("personal_hx_mm", "maybe", {"has_melanoma_history"}),
        ("sex", "other", {"sex"}),
    ],
)
def test_a_value_that_is_not_known_costs_its_fact_and_nothing_else(
    column: str, cell: str, lost: set[str], hiba: Path
) -> None:
    before = read(Hiba(), hiba)[0][0].facts
    set_cells(hiba, 2, **{column: cell})
    images, problems = read(Hiba(), hiba)
    after = images[0].facts
    assert len(images) == 12
    changed = {name for name in Facts.__slots__ if getattr(after, name) != getattr(before, name)}
    assert changed <= lost | {"body_site_published", "malignancy_published"}
    assert all(getattr(after, name) is None for name in lost)
    assert (only(problems).kind, only(problems).location) == (ProblemKind.UNKNOWN_VALUE, "metadata.csv, line 2")
    assert only(problems).detail.startswith(f"{column} is '{cell}")
    assert only(problems).detail.endswith("; taken as not known")


def test_a_diagnosis_that_is_not_in_the_taxonomy_is_told_whole(hiba: Path) -> None:
    set_cells(hiba, 2, diagnosis_1="Benign", diagnosis_2="Dragon pox", diagnosis_3="")
    images, problems = read(Hiba(), hiba)
    assert (images[0].facts.diagnosis, images[0].facts.diagnosis_published) == (None, "Dragon pox")
    assert only(problems).detail == (
        "diagnosis_1 is 'Benign:Dragon pox'; not a node of the installed ISIC taxonomy; taken as not known"
    )


def test_an_old_name_that_is_not_known_is_kept_as_published(tmp_path: Path) -> None:
    root = write_hiba(tmp_path, generation="2023-08", side_px=16)
    set_cells(root, 2, diagnosis="dragon pox")
    images, problems = read(Hiba(), root)
    facts = images[0].facts
    assert (facts.diagnosis, facts.diagnosis_published, facts.diagnosis_isic) == (None, "dragon pox", None)
    assert only(problems).kind is ProblemKind.UNKNOWN_VALUE


def test_a_licence_that_is_not_known_stays_as_written_and_is_told(hiba: Path) -> None:
    set_cells(hiba, 2, copyright_license="CC-BY-ND")
    images, problems = read(Hiba(), hiba)
    assert images[0].licence == "CC-BY-ND"
    assert only(problems).detail == (
        "copyright_license is 'CC-BY-ND'; known are CC-0, CC-BY, CC-BY-NC; kept as written"
    )


def test_a_site_that_is_not_in_the_tree_is_told(tmp_path: Path) -> None:
    root = write_hiba(tmp_path, generation="2026-05", side_px=16)
    set_cells(root, 2, anatom_site_1="Trunk", anatom_site_2="Tail", anatom_site_3="Tip")
    images, problems = read(Hiba(), root)
    assert (images[0].facts.body_site, images[0].facts.body_site_published) == (None, "Tip")
    assert only(problems).detail.startswith("anatom_site_1 is 'Trunk:Tail:Tip'; not a node of the installed ISIC tree")


@pytest.mark.parametrize(("column", "cell"), [("diagnosis", "XYZ"), ("split", "holdout"), ("age_approx", "?")])
def test_an_unknown_value_of_figshare_is_told(column: str, cell: str, tmp_path: Path) -> None:
    root = write_bcn20000(tmp_path, layout="figshare", side_px=16)
    edit_rows(root / "bcn_20k_train.csv", lambda rows: rows[0].update({column: cell}))
    images, problems = read(Bcn20000(), root)
    assert len(images) == 12
    assert (only(problems).kind, only(problems).location) == (ProblemKind.UNKNOWN_VALUE, "bcn_20k_train.csv, line 2")


def test_a_cell_that_the_archive_guards_with_a_tab_is_read_without_it(hiba: Path) -> None:
    set_cells(hiba, 2, attribution="\t=Hospital Italiano de Buenos Aires")
    assert read(Hiba(), hiba)[0][0].attribution == "=Hospital Italiano de Buenos Aires"


def test_a_row_without_an_id_is_broken(hiba: Path) -> None:
    set_cells(hiba, 2, isic_id="")
    images, problems = read(Hiba(), hiba)
    assert len(images) == 11
    assert [problem.kind for problem in problems] == [ProblemKind.BROKEN_ROW, ProblemKind.IMAGE_WITHOUT_ROW]
    assert problems[0].detail == "has no isic_id"


@pytest.mark.parametrize("name", ["../secret", "..\\secret"])
def test_an_id_that_is_a_path_finds_nothing(name: str, hiba: Path) -> None:
    shutil.copy(hiba / "ISIC_9990001.jpg", hiba.parent / "secret.jpg")
    set_cells(hiba, 2, isic_id=name)
    assert read(Hiba(), hiba)[0][0].path is None


def test_rows_of_one_id_that_differ_are_left_out_and_equal_ones_are_taken_once(hiba: Path) -> None:
    edit_rows(hiba / "metadata.csv", lambda rows: rows.extend([dict(rows[0]), rows[1] | {"sex": ""}]))
    images, problems = read(Hiba(), hiba)
    assert len(images) == 11
    assert [problem.kind for problem in problems] == [ProblemKind.DOUBLED_ID] * 3


def test_a_row_without_its_image_has_no_path_and_an_image_without_its_row_is_listed(hiba: Path) -> None:
    (hiba / "ISIC_9990001.jpg").rename(hiba / "ISIC_9990099.jpg")
    images, problems = read(Hiba(), hiba)
    assert [image.image_id for image in images if image.path is None] == ["ISIC_9990001"]
    assert (only(problems).kind, only(problems).location) == (ProblemKind.IMAGE_WITHOUT_ROW, "ISIC_9990099.jpg")


@pytest.mark.parametrize("suffix", [".JPEG", ".png", ".Tif"])
def test_an_image_is_found_whatever_its_suffix(suffix: str, hiba: Path) -> None:
    (hiba / "ISIC_9990001.jpg").rename(hiba / f"isic_9990001{suffix}")
    images, problems = read(Hiba(), hiba)
    assert problems == []
    assert images[0].path == hiba / f"isic_9990001{suffix}"


def test_one_name_of_two_different_files_is_not_chosen_from_but_copies_are_one(hiba: Path) -> None:
    shutil.copy(hiba / "ISIC_9990001.jpg", hiba / "ISIC_9990001.jpeg")
    assert read(Hiba(), hiba)[1] == []
    shutil.copy(hiba / "ISIC_9990002.jpg", hiba / "ISIC_9990001.png")
    images, problems = read(Hiba(), hiba)
    assert len(images) == 11
    assert only(problems).kind is ProblemKind.CLASHING_FILES


@pytest.mark.parametrize("spoil", [{"skin_type": "IX"}, {"isic_id": "ISIC_9990002"}])
def test_a_supplement_with_a_fault_costs_one_phototype(spoil: dict[str, str], tmp_path: Path) -> None:
    root = write_hiba(tmp_path, generation="2023-08", side_px=16)
    edit_rows(root / "metadata.csv", lambda rows: [row.pop("fitzpatrick_skin_type", None) for row in rows])
    edit_rows(root / "SupplementaryData.csv", lambda rows: rows[0].update(spoil))
    images, problems = read(Hiba(), root)
    assert (len(images), len(problems)) == (12, 1)
    assert images[0].facts.fitzpatrick is None


# --- folders that hold no release ---


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (
            Bcn20000(),
            r".*Looked for figshare's bcn_20k_train\.csv .*Hospital Clínic.*collection 249 .*figshare\.com",
        ),
        (
            Hiba(),
            r".*Looked for an export of collection 251 .*Found: .*notes\.csv .*Unpack ISIC-images\.zip first",
        ),
    ],
)
def test_a_folder_without_a_release_says_what_was_looked_for_and_where_to_get_it(
    source: Source, wanted: str, tmp_path: Path
) -> None:
    (tmp_path / "ISIC-images.zip").write_bytes(b"PK")
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(SourceError, match=f"^{tmp_path} holds no raw release of {source.title}: {wanted}"):
        read(source, tmp_path)


@pytest.mark.parametrize("source", [Bcn20000(), Hiba()])
def test_the_release_of_another_source_is_refused(source: Source, tmp_path: Path) -> None:
    write_pad_ufes(tmp_path, images=2, side_px=16)
    with pytest.raises(SourceError, match=r"metadata\.csv lacks the columns .*; it has: patient_id.*is of PAD-UFES-20"):
        read(source, tmp_path)


def test_a_copy_that_agrees_is_told_and_one_that_does_not_is_refused(hiba: Path) -> None:
    shutil.copy(hiba / "metadata.csv", hiba / "older.csv")
    edit_rows(hiba / "older.csv", lambda rows: rows.pop())
    images, problems = read(Hiba(), hiba)
    assert len(images) == 12
    assert (only(problems).kind, only(problems).location) == (ProblemKind.TABLE_COPY, "older.csv")
    assert only(problems).detail == "11 of 11 rows say what metadata.csv says; taken once"
    edit_rows(hiba / "older.csv", lambda rows: rows[2].update(sex="other"))
    said = r"metadata\.csv and older\.csv contradict each other in 1 of 11 common rows: of ISIC_9990003, sex is '"
    with pytest.raises(SourceError, match=said):
        read(Hiba(), hiba)


@pytest.mark.parametrize("name", ["metadata.csv", "deeper/export.csv", "hiba_more.CSV"])
def test_a_table_that_proves_nothing_is_stepped_over_whatever_its_name(name: str, hiba: Path) -> None:
    (hiba / "metadata.csv").rename(hiba / "mine.csv")
    expected, _ = read(Hiba(), hiba)
    (hiba / name).parent.mkdir(exist_ok=True)
    (hiba / name).write_text("isic_id,attribution\nISIC_9990001,Anonymous\n", encoding="utf-8")
    images, problems = read(Hiba(), hiba)
    assert images == expected
    assert (only(problems).kind, only(problems).location) == (ProblemKind.OTHER_SET, name)
    assert only(problems).detail == "1 of 1 images are of other sets (attribution: Anonymous 1)"


def test_a_table_of_something_else_is_nobodys_problem(hiba: Path) -> None:
    expected = read(Hiba(), hiba)
    (hiba / "below").mkdir()
    (hiba / "below" / "metadata.csv").write_text("key,value\nversion,1\n", encoding="utf-8")
    assert read(Hiba(), hiba) == expected


@pytest.mark.parametrize("name", ["SupplementaryData.csv", "Supplements/more.csv", "metadata.txt"])
def test_phototypes_alone_and_other_files_are_no_table_of_images(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("isic_id,skin_type\nISIC_1,II\n", encoding="utf-8")
    with pytest.raises(SourceError, match="found no table that is proved"):
        read(Hiba(), tmp_path)


def test_the_two_forms_of_bcn20000_in_one_folder_are_refused(bcn: Path) -> None:
    write_bcn20000(bcn, layout="figshare", side_px=16)
    with pytest.raises(SourceError, match=r"holds BCN20000 twice: .*test\.csv and .*metadata\.csv are .*keep one of"):
        read(Bcn20000(), bcn)


def test_a_table_of_something_else_beside_figshare_is_nobodys_problem(tmp_path: Path) -> None:
    expected = read(Bcn20000(), write_bcn20000(tmp_path, layout="figshare", side_px=16))
    (tmp_path / "metadata.csv").write_text("key,value\nversion,1\n", encoding="utf-8")
    assert read(Bcn20000(), tmp_path) == expected


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b'isic_id,"x\n'])
def test_a_table_that_cannot_be_read_is_an_error_that_names_it(content: bytes, bcn: Path) -> None:
    (bcn / "metadata.csv").write_bytes(content)
    with pytest.raises(SourceError, match=r"metadata\.csv"):
        read(Bcn20000(), bcn)
