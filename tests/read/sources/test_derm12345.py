"""A DERM12345 release is read the same however it lies on disk, and no patient is left in two official parts."""

import shutil
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import get_args

import pytest

from dermasynth_builder.check.assemble import ReleaseTerms, split_of
from dermasynth_builder.core.errors import SourceError, UsageError
from dermasynth_builder.core.records import ClinicalImage, Facts, Problem, ProblemKind
from dermasynth_builder.invented.specimens.derm12345 import Layout, write_derm12345
from dermasynth_builder.read import vocabulary
from dermasynth_builder.read.sources.derm12345 import Derm12345
from tests.support.tables import Cells, edit_table, rows_of

LAYOUTS = get_args(Layout)
MOVED = 1  # the drawn releases have one image whose patient is in both parts


def read(root: Path) -> tuple[list[ClinicalImage], list[Problem]]:
    items = list(Derm12345().read(root))
    images = [item for item in items if isinstance(item, ClinicalImage)]
    return images, [item for item in items if isinstance(item, Problem)]


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    return write_derm12345(tmp_path / "raw", images=8, layout="flat", side_px=16)


def set_cells(root: Path, **cells: str) -> None:
    """Changes cells of the first row of the flat layout."""
    edit_table(root / "derm12345_metadata_all.csv", lambda rows: rows[0].update(cells))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_all_images_with_their_files(layout: Layout, tmp_path: Path) -> None:
    images, problems = read(write_derm12345(tmp_path, layout=layout, side_px=16))
    assert [problem.kind for problem in problems] == [ProblemKind.LEAKING_GROUP] * MOVED
    assert len(images) == len({image.image_id for image in images}) == 12
    for image in images:
        assert image.path
        assert image.path.is_file()
        assert image.path.stem == image.image_id
        assert (image.source, image.modality, image.licence) == ("derm12345", "dermoscopic", "CC-BY-4.0")
    assert read(tmp_path) == (images, problems)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_tells_the_same_of_the_same_pictures(layout: Layout, tmp_path: Path) -> None:
    def told(root: Path) -> Counter[tuple[object, ...]]:
        return Counter(
            (image.group_id, image.official_split, replace(image.facts, malignancy_published=None, is_melanocytic=None))
            for image in read(root)[0]
        )

    expected = told(write_derm12345(tmp_path / "parts", side_px=16))
    assert told(write_derm12345(tmp_path / "other", layout=layout, side_px=16)) == expected


@pytest.mark.parametrize("layout", LAYOUTS)
def test_facts_are_typed_and_never_empty_texts(layout: Layout, tmp_path: Path) -> None:
    for image in read(write_derm12345(tmp_path, images=14, layout=layout, side_px=16))[0]:
        for value in asdict(image.facts).values():
            assert value not in ("", "nan", "None")
            assert not isinstance(value, str) or value == value.strip()
        node = image.facts.diagnosis_isic
        assert node is None or node in vocabulary.isic_nodes()


def test_a_row_becomes_its_facts(flat: Path) -> None:
    image = next(image for image in read(flat)[0] if image.facts.diagnosis_published == "mel")
    assert image.facts == Facts(
        diagnosis="melanoma",
        diagnosis_published="mel",
        diagnosis_isic="Malignant:Malignant melanocytic proliferations (Melanoma):Melanoma, NOS",
        malignancy="malignant",
        malignancy_published="malignant",
        is_melanocytic=True,
    )


def test_forty_labels_have_names_and_all_but_the_horn_a_place_in_the_taxonomy() -> None:
    known = vocabulary.diagnoses("derm12345")
    assert len(known) == len({diagnosis.name for diagnosis in known.values()}) == 40
    assert [label for label, diagnosis in known.items() if diagnosis.isic is None] == ["ch"]
    assert {diagnosis.isic for diagnosis in known.values() if diagnosis.isic} <= vocabulary.isic_nodes()


def test_a_cutaneous_horn_keeps_the_published_malignancy_and_gets_none_of_ours(tmp_path: Path) -> None:
    images, _ = read(write_derm12345(tmp_path, images=14, side_px=16))
    (facts, _) = [image.facts for image in images if image.facts.diagnosis_published == "ch"]
    assert (facts.diagnosis, facts.malignancy_published, facts.malignancy) == ("cutaneous horn", "malignant", None)


def test_a_patient_of_both_parts_is_moved_to_train_and_reported(tmp_path: Path) -> None:
    images, problems = read(write_derm12345(tmp_path, side_px=16))
    splits = {image.group_id: {other.official_split for other in images if other.group_id == image.group_id}
              for image in images}  # fmt: skip
    assert all(len(parts) == 1 for parts in splits.values())
    assert set.union(*splits.values()) == {"train", "test"}
    assert splits["PID_9000002"] == {"train"}
    assert problems[0].detail == (
        "DERM_9000112 is in test, but other images of its patient PID_9000002 are not; moved to train"
    )


def test_a_patient_of_whom_one_image_has_no_part_is_in_one_part_all_the_same(flat: Path) -> None:
    rows = rows_of(flat / "derm12345_metadata_all.csv")
    line = next(number for number, row in enumerate(rows) if row["split"] == "test" and row["label"] != "mel")
    edit_table(flat / "derm12345_metadata_all.csv", lambda rows: rows[line].update(split=""))
    images, _ = read(flat)
    assert {image.official_split for image in images if image.group_id == rows[line]["patient_id"]} == {"train"}
    (told,) = [each for each in read(flat)[1] if f"{rows[line]['image_id']} is in no official part, but" in each.detail]
    assert (told.kind, told.location) == (ProblemKind.LEAKING_GROUP, f"derm12345_metadata_all.csv, line {line + 2}")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_patient_is_in_two_splits(layout: Layout, tmp_path: Path) -> None:
    terms = ReleaseTerms("template", 0, (0.4, 0.3, 0.3))
    images, _ = read(write_derm12345(tmp_path, images=24, layout=layout, side_px=16))
    placed = {(image.group_id, split_of(image, terms)) for image in images}
    assert len(placed) == len({image.group_id for image in images}) == 12


def test_blanks_around_a_label_are_trimmed(flat: Path) -> None:
    expected = read(flat)
    edit_table(
        flat / "derm12345_metadata_all.csv", lambda rows: [row.update(label=f" {row['label']} ") for row in rows]
    )
    assert read(flat) == expected


@pytest.mark.parametrize(
    ("column", "value"), [("label", "xyz"), ("split", "holdout"), ("super_class", "other"), ("image_type", "clinical")]
)
def test_an_unknown_value_is_reported_and_costs_its_fact_alone(column: str, value: str, flat: Path) -> None:
    set_cells(flat, **{column: value})
    images, problems = read(flat)
    assert len(images) == 8
    (unknown,) = [problem for problem in problems if problem.kind == ProblemKind.UNKNOWN_VALUE]
    assert unknown.location == "derm12345_metadata_all.csv, line 2"
    assert f"{column} is '{value}'" in unknown.detail
    assert {image.modality for image in images} == {"dermoscopic"}


def test_an_unknown_label_is_kept_as_published(flat: Path) -> None:
    set_cells(flat, label="xyz")
    facts = read(flat)[0][0].facts
    assert (facts.diagnosis_published, facts.diagnosis, facts.malignancy) == ("xyz", None, None)


@pytest.mark.parametrize(
    ("published", "licence"), [("CC-BY", "CC-BY-4.0"), ("CC-BY-NC", "CC-BY-NC-4.0"), ("own", "own"), ("", "CC-BY-4.0")]
)
@pytest.mark.parametrize("column", ["copyright-license", "copyright_license"])
def test_the_licence_is_that_of_the_row(column: str, published: str, licence: str, flat: Path) -> None:
    def write(rows: list[Cells]) -> None:
        for row in rows:
            row.pop("copyright-license", None)
            row[column] = published

    edit_table(flat / "derm12345_metadata_all.csv", write)
    assert {image.licence for image in read(flat)[0]} == {licence}


def test_the_lesion_is_that_of_the_row_and_does_not_part_a_patient(flat: Path) -> None:
    patients = [image.group_id for image in read(flat)[0]]
    edit_table(
        flat / "derm12345_metadata_all.csv", lambda rows: [r.update(lesion_id=f"L{n}") for n, r in enumerate(rows)]
    )
    images, _ = read(flat)
    assert [image.lesion_id for image in images] == [f"L{number}" for number in range(8)]
    assert [image.group_id for image in images] == patients


@pytest.mark.parametrize(
    ("super_class", "melanocytic", "expected"),
    [("", "True", True), ("", "", None), ("nonmelanocytic", "True", False), ("melanocytic", "", True)],
)
def test_the_lineage_is_that_of_the_class_above_and_else_that_of_the_archive(
    super_class: str, melanocytic: str, expected: bool | None, flat: Path
) -> None:
    edit_table(
        flat / "derm12345_metadata_all.csv",
        lambda rows: [row.update(super_class=super_class, melanocytic=melanocytic) for row in rows],
    )
    assert {image.facts.is_melanocytic for image in read(flat)[0]} == {expected}


@pytest.mark.parametrize("suffix", [".jpg", ".JPG", ".jpeg"])
def test_an_id_may_be_written_as_the_name_of_its_file(suffix: str, flat: Path) -> None:
    images, problems = read(flat)
    first = images[0].image_id
    edit_table(
        flat / "derm12345_metadata_all.csv", lambda rows: [r.update(image_id=f"{r['image_id']}{suffix}") for r in rows]
    )
    assert read(flat) == (images, problems)
    set_cells(flat, image_id=f"{first}.v2{suffix}")
    assert read(flat)[0][0].image_id == f"{first}.v2"
    set_cells(flat, image_id=f"{first}.v2")
    assert read(flat)[0][0].image_id == f"{first}.v2"


def test_without_a_column_of_patients_every_image_is_its_own_group_and_this_is_said(flat: Path) -> None:
    edit_table(flat / "derm12345_metadata_all.csv", lambda rows: [row.pop("patient_id") for row in rows])
    images, problems = read(flat)
    assert [image.group_id for image in images] == [image.image_id for image in images]
    assert [(problem.kind, problem.location) for problem in problems] == [
        (ProblemKind.UNKNOWN_VALUE, "derm12345_metadata_all.csv")
    ]
    assert problems[0].detail.startswith("has no column patient_id; every image is taken as a group of its own")


def test_ids_and_labels_alone_are_a_release(flat: Path) -> None:
    def keep(rows: list[Cells]) -> None:
        rows[:] = [{name: row[name] for name in ("image_id", "label")} for row in rows]

    table = flat / "derm12345_metadata_all.csv"
    edit_table(table, keep)
    table.rename(flat / "mine.csv")
    images, _ = read(flat)
    assert [bool(image.facts.diagnosis_isic) for image in images] == [True] * 8
    assert {image.official_split for image in images} == {None}


def test_a_row_without_an_image_or_a_patient_is_a_broken_row(flat: Path) -> None:
    set_cells(flat, patient_id="")
    images, problems = read(flat)
    assert len(images) == 7
    assert [problem.kind for problem in problems if problem.kind != ProblemKind.LEAKING_GROUP] == [
        ProblemKind.BROKEN_ROW
    ]


def test_a_table_that_lacks_the_column_of_patients_costs_its_rows_and_no_others(tmp_path: Path) -> None:
    root = write_derm12345(tmp_path, side_px=16)
    (table,) = root.rglob("derm12345_metadata_test.csv")
    tested = len(rows_of(table))
    edit_table(table, lambda rows: [row.pop("patient_id") for row in rows])
    images, problems = read(root)
    assert len(images) == 12 - tested
    broken = [problem for problem in problems if problem.kind == ProblemKind.BROKEN_ROW]
    assert [problem.detail for problem in broken] == ["has no image_id or no patient_id"] * tested


def test_two_tables_of_one_image_that_differ_are_refused(flat: Path) -> None:
    first = read(flat)[0][0].image_id
    (flat / "older").mkdir()
    (flat / "older" / "backup_all.csv").write_text(f"image_id,label\n{first},xyz\n", encoding="utf-8")
    with pytest.raises(SourceError, match=rf"contradict each other in 1 of 1 common rows: of {first}, label is '"):
        read(flat)


def test_the_table_of_all_images_makes_those_of_the_parts_superfluous(tmp_path: Path) -> None:
    root = write_derm12345(tmp_path / "raw", side_px=16)
    write_derm12345(tmp_path / "flat", layout="flat", side_px=16)
    shutil.copy(tmp_path / "flat" / "derm12345_metadata_all.csv", root)
    images, problems = read(root)
    assert len(images) == 12
    kinds = Counter(problem.kind for problem in problems)
    assert kinds == {ProblemKind.LEAKING_GROUP: MOVED, ProblemKind.TABLE_COPY: 2}
    assert all(image.row_location.startswith("derm12345_metadata_all.csv") for image in images)


def test_the_bundle_needs_only_its_supplement(tmp_path: Path) -> None:
    root = write_derm12345(tmp_path, layout="isic", side_px=16)
    expected, _ = read(root)
    assert {image.attribution for image in expected} == {"Imperial College London"}
    assert {image.facts.malignancy_published for image in expected} == {"Benign", "Malignant", "Indeterminate"}
    (root / "metadata.csv").unlink()
    images, _ = read(root)
    assert [image.facts.diagnosis for image in images] == [image.facts.diagnosis for image in expected]


def test_a_bundle_that_proves_nothing_is_stepped_over(tmp_path: Path) -> None:
    root = write_derm12345(tmp_path, layout="isic", side_px=16)
    expected = read(root)
    copy = root / "older" / "backup"
    copy.mkdir(parents=True)
    (copy / "export.csv").write_text("isic_id,sex\nISIC_1,male\n", encoding="utf-8")
    (copy / "supplement.csv").write_text("isic_id,label,patient_id\nISIC_1,mel,P\n", encoding="utf-8")
    images, problems = read(root)
    assert images == expected[0]
    stepped_over = [problem.location for problem in problems if problem.kind == ProblemKind.OTHER_SET]
    assert stepped_over == ["older/backup/export.csv", "older/backup/supplement.csv"]


def test_where_both_tables_of_the_bundle_say_something_the_supplement_counts(tmp_path: Path) -> None:
    root = write_derm12345(tmp_path, layout="isic", side_px=16)
    edit_table(root / "metadata.csv", lambda rows: [row.update(age_approx="70") for row in rows])
    ages = ["40", *[""] * 11]
    edit_table(
        root / "supplements/derm12345_supplemental.csv",
        lambda rows: [row.update(age_approx=age) for row, age in zip(rows, ages, strict=True)],
    )
    assert [image.facts.age_years for image in read(root)[0]] == [40, *[70] * 11]


def test_a_patient_column_of_the_supplement_may_say_whose_it_is(tmp_path: Path) -> None:
    root = write_derm12345(tmp_path, layout="isic", side_px=16)
    expected = read(root)
    edit_table(
        root / "supplements/derm12345_supplemental.csv",
        lambda rows: [row.update(derm12345_patient_id=row.pop("patient_id")) for row in rows],
    )
    edit_table(root / "metadata.csv", lambda rows: [row.update(patient_id="IP_1") for row in rows])
    assert read(root) == expected


def test_an_image_that_the_supplement_does_not_list_is_reported(tmp_path: Path) -> None:
    root = write_derm12345(tmp_path, layout="isic", side_px=16)
    edit_table(root / "supplements/derm12345_supplemental.csv", lambda rows: rows.pop())
    images, problems = read(root)
    assert len(images) == 11
    (broken,) = [problem for problem in problems if problem.kind == ProblemKind.BROKEN_ROW]
    last = rows_of(root / "metadata.csv")[-1]["isic_id"]
    assert (broken.location, broken.detail) == ("metadata.csv, line 13", f"the supplement has no row for {last}")


def test_a_folder_without_a_release_is_refused_with_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "derm12345_test.zip").touch()
    wanted = r"raw release of DERM12345: .*image_id, label.*Unpack derm12345_test\.zip.*DVN/DAXZ7P"
    with pytest.raises(SourceError, match=f"^{tmp_path} holds no {wanted}"):
        read(tmp_path)


def test_specimens_are_the_same_every_time_and_need_an_image_and_some_pixels(tmp_path: Path) -> None:
    roots = [write_derm12345(tmp_path / name, images=3, layout="isic", side_px=16) for name in "ab"]
    first, second = ({path.relative_to(root): path.read_bytes() for path in root.rglob("*.*")} for root in roots)
    assert first == second
    with pytest.raises(UsageError, match="images is 0"):
        write_derm12345(tmp_path, images=0)
    with pytest.raises(UsageError, match="side_px is 15"):
        write_derm12345(tmp_path, side_px=15)


@pytest.mark.real
def test_the_real_rows_have_full_names(real_data: Path, tmp_path: Path) -> None:
    shutil.copy(real_data / "derm12345" / "derm12345_metadata_sample.csv", tmp_path / "derm12345_metadata_all.csv")
    images, problems = read(tmp_path)
    assert (len(images), problems) == (78, [])
    assert len({image.facts.diagnosis for image in images}) == 39
    assert Counter(image.official_split for image in images) == {"test": 70, "train": 8}
    assert {image.facts.diagnosis for image in images if image.facts.diagnosis_published == "mcb"} == {"Miescher nevus"}
    for image in images:
        facts = image.facts
        assert facts.malignancy == facts.malignancy_published or facts.diagnosis_published == "ch"


@pytest.mark.real
def test_the_real_labels_are_those_of_the_vocabulary(real_data: Path) -> None:
    labels = [row["label"] for row in rows_of(real_data / "derm12345" / "derm12345_taxonomy.csv")]
    assert sorted(labels) == sorted(vocabulary.diagnoses("derm12345"))
