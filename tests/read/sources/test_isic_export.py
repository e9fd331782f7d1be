"""BCN20000, HIBA and the mirror of PAD-UFES-20 are read the same in every layout and every generation of columns."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.records import ClinicalImage, Facts, ProblemKind
from dermasynth_builder.invented.specimens.isic import BcnLayout, Generation, write_bcn20000, write_hiba
from dermasynth_builder.read import vocabulary
from dermasynth_builder.read.sources.bcn20000 import Bcn20000
from dermasynth_builder.read.sources.hiba import Hiba
from dermasynth_builder.read.sources.pad_ufes import PadUfes
from tests.support.isic_exports import RELEASES, drop_columns, edit_rows, read, rows_of, set_cells, write_mirror

LICENCES = {"bcn20000": "CC-BY-NC-4.0", "hiba": "CC-BY-4.0", "pad_ufes": "CC-BY-4.0"}
NODE = "Malignant:Malignant melanocytic proliferations (Melanoma):Melanoma, NOS"


def without_place(image: ClinicalImage) -> ClinicalImage:
    return replace(image, path=None, row_location="", file_name="")


# --- what holds for all ---


@pytest.mark.parametrize("name", RELEASES)
def test_every_release_keeps_the_contract(name: str, tmp_path: Path) -> None:
    source, write = RELEASES[name]
    images, problems = read(source, write(tmp_path, side_px=16))
    assert problems == []
    assert len(images) == len({image.image_id for image in images}) == 12
    assert read(source, tmp_path)[0] == images
    for image in images:
        assert (image.source, image.licence) == (source.name, LICENCES[source.name])
        assert image.attribution.startswith("Hospital")
        assert image.path is not None
        assert image.path.stem == image.image_id
        table, line = image.row_location.split(", line ")
        row = (
            next(path for path in tmp_path.rglob(table.rpartition("/")[2]))
            .read_text("utf-8")
            .splitlines()[int(line) - 1]
        )
        assert image.image_id in row
        assert not set(image.image_id + image.group_id) & set("/\\")
        assert image.lesion_id
        assert image.facts.diagnosis_isic is None or image.facts.diagnosis_isic in vocabulary.isic_nodes()
    assert len({image.group_id for image in images}) < len(images)


@pytest.mark.parametrize("name", RELEASES)
def test_no_fact_is_an_empty_or_a_telling_string(name: str, tmp_path: Path) -> None:
    source, write = RELEASES[name]
    for image in read(source, write(tmp_path, side_px=16))[0]:
        for fact in asdict(image.facts).values():
            assert str(fact).strip().lower() not in ("", "nan", "unk", "unknown", "none of")
            assert not isinstance(fact, float) or fact == fact
        assert image.facts.age_years is None or isinstance(image.facts.age_years, int)


@pytest.mark.parametrize("name", ["bcn20000", "hiba"])
def test_the_registry_gives_the_source_with_all_that_a_card_tells(name: str) -> None:
    source = registry.source(name)
    assert (source.name, source.licence) == (name, LICENCES[name])
    assert "doi:10.1038/" in source.citation
    assert source.homepage.startswith("https://")
    assert source.title
    assert source.attribution.startswith("Hospital ")


@pytest.mark.parametrize("layout", ["ISIC-images", "images", "capitals"])
def test_where_the_images_lie_changes_nothing(layout: BcnLayout, bcn: Path, tmp_path: Path) -> None:
    images, _ = read(Bcn20000(), write_bcn20000(tmp_path / "other", layout=layout, side_px=16))
    assert [without_place(image) for image in images] == [without_place(image) for image in read(Bcn20000(), bcn)[0]]


@pytest.mark.parametrize("generation", ["2023-08", "2025-07", "2026-05"])
def test_all_generations_of_columns_tell_the_same(generation: Generation, hiba: Path, tmp_path: Path) -> None:
    expected, _ = read(Hiba(), hiba)
    images, _ = read(Hiba(), write_hiba(tmp_path / "other", generation=generation, side_px=16))
    assert len(images) == 12
    told_by_some: dict[str, Any] = {
        **{"diagnosis_published": None, "malignancy_published": None, "is_melanocytic": None},
        **({"body_site": None, "body_site_published": None} if generation == "2026-05" else {}),
    }
    assert [(image.group_id, image.modality) for image in images] == [(i.group_id, i.modality) for i in expected]
    facts = [replace(image.facts, **told_by_some) for image in images]
    assert facts == [replace(image.facts, **told_by_some) for image in expected]


# --- what the columns mean ---


def test_every_cell_of_an_export_becomes_its_fact(hiba: Path) -> None:
    cells = {
        **{"age_approx": "85.0", "anatom_site_general": "posterior torso", "benign_malignant": "malignant"},
        **{"diagnosis_1": "Malignant", "diagnosis_2": "Malignant melanocytic proliferations (Melanoma)"},
        **{"diagnosis_3": "Melanoma, NOS", "diagnosis_confirm_type": "single image expert consensus"},
        **{"dermoscopic_type": "contact non-polarized", "family_hx_mm": "False", "personal_hx_mm": "True"},
        **{"fitzpatrick_skin_type": "IV", "image_type": "dermoscopic", "sex": "male", "melanocytic": "True"},
        "clin_size_long_diam_mm": "7.5",
    }
    set_cells(hiba, 2, **cells)
    assert read(Hiba(), hiba)[0][0].facts == Facts(
        diagnosis="melanoma",
        diagnosis_published="Melanoma, NOS",
        diagnosis_isic=NODE,
        malignancy="malignant",
        malignancy_published="malignant",
        confirmation="expert consensus",
        body_site="back of the trunk",
        body_site_published="posterior torso",
        age_years=85,
        is_age_rounded=True,
        sex="male",
        fitzpatrick=4,
        diameter_1_mm=7.5,
        is_melanocytic=True,
        dermoscopic_type="contact non-polarized",
        has_melanoma_history=True,
        has_family_melanoma_history=False,
    )


@pytest.mark.parametrize(
    ("published", "modality", "shot"),
    [
        ("dermoscopic", "dermoscopic", None),
        ("clinical: overview", "clinical", "overview"),
        ("clinical: close-up", "clinical", "close-up"),
        ("clinical", "clinical", None),
        ("TBP tile: close-up", "clinical", "close-up"),
    ],
)
def test_the_kind_of_image_is_that_of_its_row(published: str, modality: str, shot: str | None, hiba: Path) -> None:
    set_cells(hiba, 2, image_type=published)
    image = read(Hiba(), hiba)[0][0]
    assert (image.modality, image.facts.shot_type) == (modality, shot)


def test_without_a_column_for_the_kind_of_image_a_kind_of_dermoscopy_tells_it(hiba: Path) -> None:
    expected = [image.modality for image in read(Hiba(), hiba)[0]]
    drop_columns(hiba, "image_type")
    assert [image.modality for image in read(Hiba(), hiba)[0]] == expected


def test_rows_without_a_diagnosis_are_kept_and_a_diagnosis_may_end_a_level_early(bcn: Path) -> None:
    diagnoses = {image.facts.diagnosis: image.facts for image in read(Bcn20000(), bcn)[0]}
    assert diagnoses[None].malignancy is None
    assert diagnoses["vascular lesion"].diagnosis_published == "Benign soft tissue proliferations - Vascular"
    assert diagnoses["vascular lesion"].malignancy == "benign"


def test_a_class_alone_is_no_diagnosis(hiba: Path) -> None:
    set_cells(hiba, 2, diagnosis_1="Malignant", diagnosis_2="", diagnosis_3="")
    facts = read(Hiba(), hiba)[0][0].facts
    assert (facts.diagnosis, facts.diagnosis_published) == (None, "Malignant")
    assert (facts.malignancy, facts.diagnosis_isic) == ("malignant", "Malignant")


def test_an_age_of_zero_is_an_age(bcn: Path) -> None:
    ages = [image.facts.age_years for image in read(Bcn20000(), bcn)[0]]
    assert 0 in ages
    assert None in ages


def test_images_are_grouped_by_patient_else_by_lesion_else_alone(hiba: Path) -> None:
    set_cells(hiba, 2, patient_id="IP_9999001", lesion_id="IL_9999001")
    set_cells(hiba, 3, patient_id="", lesion_id="IL_9999002")
    set_cells(hiba, 4, patient_id="", lesion_id="")
    images, problems = read(Hiba(), hiba)
    assert [problem.detail for problem in problems] == [
        "2 of 12 rows have no patient_id; each is taken as a group of its own"
    ]
    assert [image.group_id for image in images[:3]] == ["IP_9999001", "IL_9999002", "ISIC_9990003"]
    assert [image.lesion_id for image in images[:3]] == ["IL_9999001", "IL_9999002", None]


@pytest.mark.parametrize(
    ("published", "licence"),
    [("CC-0", "CC0-1.0"), ("CC-BY", "CC-BY-4.0"), ("CC-BY-NC", "CC-BY-NC-4.0"), ("", "CC-BY-NC-4.0")],
)
def test_licence_and_attribution_are_the_rows_own(published: str, licence: str, bcn: Path) -> None:
    own = "Department of Dermatology, Hospital Clínic de Barcelona"
    set_cells(bcn, 2, copyright_license=published, attribution=own)
    set_cells(bcn, 3, attribution="")
    images, _ = read(Bcn20000(), bcn)
    assert (images[0].licence, images[0].attribution) == (licence, own)
    assert images[1].attribution == "Hospital Clínic de Barcelona"


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("age_approx", ["has no column age_approx"]),
        ("diagnosis_3", []),
        ("lesion_id", ["12 of 12 rows have no lesion_id; each is taken as a group of its own"]),
        ("sex", ["has no column sex"]),
        ("image_type", []),
    ],
)
def test_a_column_that_is_not_there_costs_its_fact_and_is_told_where_every_export_has_it(
    column: str, told: list[str], bcn: Path
) -> None:
    drop_columns(bcn, column)
    images, problems = read(Bcn20000(), bcn)
    assert len(images) == 12
    assert [(problem.kind, problem.location, problem.detail) for problem in problems] == [
        (ProblemKind.COLUMN, "metadata.csv", detail) for detail in told
    ]


def test_a_table_of_ids_alone_lists_its_images(bcn: Path) -> None:
    drop_columns(bcn, *(column for column in rows_of(bcn / "metadata.csv")[0] if column != "isic_id"))
    (bcn / "metadata.csv").rename(bcn / "bcn20000_metadata_2025-07-22.csv")
    images, problems = read(Bcn20000(), bcn)
    assert len(problems) == 5
    assert {image.facts for image in images} == {Facts()}
    assert [image.group_id for image in images] == [image.image_id for image in images]
    assert {(image.modality, image.licence) for image in images} == {("dermoscopic", "CC-BY-NC-4.0")}


def test_a_site_of_the_new_tree_has_the_words_of_the_old_column_where_both_have_it(tmp_path: Path) -> None:
    root = write_hiba(tmp_path, generation="2026-05", side_px=16)
    set_cells(root, 2, anatom_site_1="Trunk", anatom_site_2="Posterior trunk")
    set_cells(root, 3, anatom_site_1="Head and neck", anatom_site_2="Head", anatom_site_3="Scalp")
    facts = [image.facts for image in read(Hiba(), root)[0]]
    assert [(fact.body_site, fact.body_site_published) for fact in facts[:2]] == [
        ("back of the trunk", "Posterior trunk"),
        ("scalp", "Scalp"),
    ]


# --- what one source has alone ---


def test_figshare_tells_the_official_split_and_its_own_codes(tmp_path: Path) -> None:
    root = write_bcn20000(tmp_path, layout="figshare", side_px=16)
    images, _ = read(Bcn20000(), root)
    assert [image.official_split for image in images] == ["test"] * 6 + ["train"] * 6
    assert {image.facts.diagnosis for image in images if image.official_split == "test"} == {None}
    by_code = {image.facts.diagnosis_published: image.facts for image in images}
    assert by_code["BKL"].diagnosis == "seborrheic keratosis or solar lentigo"
    assert (by_code["BKL"].malignancy, by_code["BKL"].malignancy_published) == ("benign", None)
    assert by_code["VASC"].diagnosis == "vascular lesion"
    assert {image.modality for image in images} == {"dermoscopic"}
    assert {image.group_id for image in images} == {image.lesion_id for image in images}


def test_figshare_tables_are_found_in_any_case_of_letters(tmp_path: Path) -> None:
    root = write_bcn20000(tmp_path, layout="figshare", side_px=16)
    expected, _ = read(Bcn20000(), root)
    for name in ("bcn_20k_train.csv", "bcn_20k_test.csv"):
        (root / name).rename(root / name.upper())
    images, problems = read(Bcn20000(), root)
    assert problems == []
    assert [without_place(image) for image in images] == [without_place(image) for image in expected]


def test_an_export_knows_no_official_split(bcn: Path) -> None:
    assert {image.official_split for image in read(Bcn20000(), bcn)[0]} == {None}


def test_the_supplement_gives_phototypes_to_rows_without_one_of_their_own(tmp_path: Path) -> None:
    root = write_hiba(tmp_path, generation="2023-08", side_px=16)
    assert {image.facts.fitzpatrick for image in read(Hiba(), root)[0]} > {1, 2, 3}
    set_cells(root, 2, skin_type="VI")
    edit_rows(root / "SupplementaryData.csv", lambda rows: rows[1].update(skin_type="V"))
    assert [image.facts.fitzpatrick for image in read(Hiba(), root)[0]][:2] == [6, 5]
    (root / "SupplementaryData.csv").unlink()
    phototypes = [image.facts.fitzpatrick for image in read(Hiba(), root)[0]]
    assert phototypes == [6, *[None] * 11]


def test_the_mirror_of_pad_ufes_says_less_and_keeps_the_name(tmp_path: Path) -> None:
    root = write_mirror(tmp_path)
    shutil.move(root / "metadata.csv", root / "export.csv")
    images, problems = read(PadUfes(), root)
    assert problems == []
    assert {image.source for image in images} == {"pad_ufes"}
    assert {image.group_id[:3] for image in images} == {"IP_"}


def test_images_of_the_mirror_are_photographs_where_no_column_says_otherwise(tmp_path: Path) -> None:
    drop_columns(write_mirror(tmp_path), "image_type", "dermoscopic_type")
    assert {image.modality for image in read(PadUfes(), tmp_path)[0]} == {"clinical"}
