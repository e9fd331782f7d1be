"""A PAD-UFES-20 release is read the same however it lies on disk, and every cell becomes its fact."""

import shutil
from collections import Counter
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image

from dermasynth_builder.core.images.index import ImageIndex
from dermasynth_builder.core.records import ClinicalImage, Facts, ProblemKind
from dermasynth_builder.invented.specimens.pad_ufes import Layout, TableDialect, write_pad_ufes, write_pad_ufes_table
from dermasynth_builder.read.sources.pad_ufes import PadUfes
from dermasynth_builder.read.tables import walk_files
from tests.support.spoiled_pad_ufes import edit_table, kinds, pictures, read, set_cells

IDS = ("patient_id", "lesion_id", "img_id")
FULL_CELLS = {
    "smoke": "False",
    "drink": "True",
    "background_father": "BRASIL",
    "background_mother": "NETHERLANDS",
    "age": "81",
    "pesticide": "True",
    "gender": "FEMALE",
    "skin_cancer_history": "False",
    "cancer_history": "True",
    "has_piped_water": "False",
    "has_sewage_system": "True",
    "fitspatrick": "3.0",
    "region": "FOREARM",
    "diameter_1": "12.5",
    "diameter_2": "8.0",
    "diagnostic": "BCC",
    "itch": "True",
    "grew": "False",
    "hurt": "True",
    "changed": "False",
    "bleed": "True",
    "elevation": "False",
    "biopsed": "True",
}
FULL_FACTS = Facts(
    diagnosis="basal cell carcinoma",
    diagnosis_published="BCC",
    diagnosis_isic="Malignant:Malignant adnexal epithelial proliferations - Follicular:Basal cell carcinoma",
    malignancy="malignant",
    confirmation="histopathology",
    body_site="forearm",
    body_site_published="FOREARM",
    age_years=81,
    sex="female",
    fitzpatrick=3,
    diameter_1_mm=12.5,
    diameter_2_mm=8.0,
    itches=True,
    has_grown=False,
    hurts=True,
    has_changed=False,
    bleeds=True,
    is_elevated=False,
    smokes=False,
    drinks_alcohol=True,
    uses_pesticide=True,
    has_skin_cancer_history=False,
    has_cancer_history=True,
    has_piped_water=False,
    has_sewage_system=True,
    background_father="Brazil",
    background_mother="the Netherlands",
)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return write_pad_ufes(tmp_path / "raw", images=6, side_px=16)


def image_in_line(root: Path, line: int) -> ClinicalImage:
    images, problems = read(root)
    assert problems == []
    return next(image for image in images if image.row_location == f"metadata.csv, line {line}")


@pytest.mark.parametrize("layout", get_args(Layout))
def test_the_release_is_read_from_every_layout(layout: Layout, tmp_path: Path) -> None:
    expected, _ = read(write_pad_ufes(tmp_path / "parts", images=8, side_px=16, layout="parts"))
    images, problems = read(write_pad_ufes(tmp_path / "other", images=8, side_px=16, layout=layout))
    assert problems == []
    assert [replace(image, path=None) for image in images] == [replace(image, path=None) for image in expected]
    assert len(images) == 8
    for image in images:
        assert image.path is not None
        assert image.path.is_file()
        assert image.path.name == image.file_name == f"{image.image_id}.png"


@pytest.mark.parametrize(("newline", "true", "mark"), list(product(("\n", "\r\n"), ("True", "TRUE"), (False, True))))
def test_line_ends_capitals_and_a_byte_order_mark_change_nothing(
    newline: str, true: str, mark: bool, raw: Path
) -> None:
    expected = read(raw)
    dialect = TableDialect(newline, true, mark)  # type: ignore[arg-type]  # each is one of its literals
    write_pad_ufes_table(raw, images=6, dialect=dialect)
    assert read(raw) == expected
    assert any(value is True for image in expected[0] for value in asdict(image.facts).values())


def test_images_come_in_the_order_of_the_table_with_their_lines(raw: Path) -> None:
    images, _ = read(raw)
    assert [image.row_location for image in images] == [f"metadata.csv, line {line}" for line in range(2, 8)]
    assert [image.image_id for image in images] != sorted(image.image_id for image in images)


def test_an_image_carries_its_source_licence_and_attribution(raw: Path) -> None:
    image = image_in_line(raw, 2)
    assert (image.source, image.licence, image.modality) == ("pad_ufes", "CC-BY-4.0", "clinical")
    assert "Pacheco" in image.attribution
    assert "10.17632/zr7vgbcyr2.1" in image.attribution


def test_every_cell_becomes_its_fact(raw: Path) -> None:
    set_cells(raw, 2, **FULL_CELLS)
    assert image_in_line(raw, 2).facts == FULL_FACTS
    known = {name for name, value in asdict(FULL_FACTS).items() if value not in (None, ())}
    assert len(known) == len(FULL_CELLS) + 4  # the code and the region as published, and the code's node and class


@pytest.mark.parametrize("missing", ["", "UNK", "unk", "  ", " UNK "])
def test_missing_is_an_empty_cell_or_unk_and_leaves_no_fact(missing: str, raw: Path) -> None:
    set_cells(raw, 3, **dict.fromkeys(FULL_CELLS, missing))
    assert image_in_line(raw, 3).facts == Facts()


def test_a_table_without_the_optional_columns_leaves_their_facts_out(raw: Path) -> None:
    lines = (raw / "metadata.csv").read_text(encoding="utf-8").splitlines()
    wanted = [lines[0].split(",").index(name) for name in (*IDS, "diagnostic")]
    narrow = [",".join(line.split(",")[place] for place in wanted) for line in lines]
    (raw / "metadata.csv").write_text("\n".join(narrow), encoding="utf-8")
    images, problems = read(raw)
    assert {problem.kind for problem in problems} == {ProblemKind.COLUMN}
    assert "has no column gender" in [problem.detail for problem in problems]
    assert len(problems) == len(lines[0].split(",")) - len(wanted)
    assert len(images) == 6
    for image in images:
        facts = image.facts
        assert facts.diagnosis
        known = Facts(facts.diagnosis, facts.diagnosis_published, facts.diagnosis_isic, facts.malignancy)
        assert facts == known


@pytest.mark.parametrize(
    ("code", "diagnosis", "malignancy"),
    [
        ("ACK", "actinic keratosis", "indeterminate"),
        ("BCC", "basal cell carcinoma", "malignant"),
        ("MEL", "melanoma", "malignant"),
        ("NEV", "nevus", "benign"),
        ("SCC", "squamous cell carcinoma", "malignant"),
        ("SEK", "seborrheic keratosis", "benign"),
    ],
)
def test_a_code_becomes_a_diagnosis_in_words(code: str, diagnosis: str, malignancy: str, raw: Path) -> None:
    set_cells(raw, 4, diagnostic=code)
    facts = image_in_line(raw, 4).facts
    assert (facts.diagnosis, facts.diagnosis_published, facts.malignancy) == (diagnosis, code, malignancy)


@pytest.mark.parametrize(
    ("spelled", "name"),
    [("BRASIL", "Brazil"), ("BRAZIL", "Brazil"), ("CZECH", "Czechia"), ("POMERANIA", "Pomerania"), ("ITALY", "Italy")],
)
def test_a_background_has_one_spelling(spelled: str, name: str, raw: Path) -> None:
    set_cells(raw, 2, background_father=spelled, background_mother=spelled)
    facts = image_in_line(raw, 2).facts
    assert (facts.background_father, facts.background_mother) == (name, name)


@pytest.mark.parametrize("zero", ["0", "0.0"])
def test_a_diameter_of_zero_is_not_known(zero: str, raw: Path) -> None:
    set_cells(raw, 2, diameter_1=zero, diameter_2="4.0")
    facts = image_in_line(raw, 2).facts
    assert (facts.diameter_1_mm, facts.diameter_2_mm) == (None, 4.0)


@pytest.mark.parametrize(("published", "years"), [("0", 0), ("6", 6), ("94", 94), ("45.0", 45)])
def test_an_age_is_in_whole_years(published: str, years: int, raw: Path) -> None:
    set_cells(raw, 2, age=published)
    assert image_in_line(raw, 2).facts.age_years == years


@pytest.mark.parametrize(
    ("column", "fact", "ends", "beyond"),
    [
        ("age", "age_years", ("0", "120"), ("-1", "121")),
        ("fitspatrick", "fitzpatrick", ("1", "6"), ("0", "7")),
        ("diameter_1", "diameter_1_mm", ("0.5", "1000"), ("-1", "1001")),
        ("diameter_2", "diameter_2_mm", ("0.5", "1000"), ("-1", "1001")),
    ],
)
def test_a_number_counts_between_its_bounds(
    column: str, fact: str, ends: tuple[str, str], beyond: tuple[str, str], raw: Path
) -> None:
    for line, cell in enumerate((*ends, *beyond), start=2):
        set_cells(raw, line, **{column: cell})
    images, problems = read(raw)
    assert [getattr(image.facts, fact) for image in images[:4]] == [*map(float, ends), None, None]
    assert [problem.location for problem in problems] == ["metadata.csv, line 4", "metadata.csv, line 5"]
    assert [problem.detail.partition(";")[0] for problem in problems] == [f"{column} is {cell!r}" for cell in beyond]


def test_images_are_grouped_by_patient_and_lesions_by_patient_and_number(raw: Path) -> None:
    for line, (patient, lesion) in enumerate((("PAT_9101", "7050"), ("PAT_9102", "7050"), ("PAT_9101", "7051")), 2):
        set_cells(raw, line, patient_id=patient, lesion_id=lesion, img_id=f"{patient}_{lesion}_{line}.png")
    images, _ = read(raw)
    assert [image.group_id for image in images[:3]] == ["PAT_9101", "PAT_9102", "PAT_9101"]
    assert [image.lesion_id for image in images[:3]] == ["PAT_9101_7050", "PAT_9102_7050", "PAT_9101_7051"]


@pytest.mark.parametrize("missing", ["", "UNK"])
def test_a_missing_lesion_number_is_no_lesion(missing: str, raw: Path) -> None:
    set_cells(raw, 2, lesion_id=missing)
    assert image_in_line(raw, 2).lesion_id is None


def test_pictures_with_and_without_an_alpha_channel_are_both_taken(raw: Path, tmp_path: Path) -> None:
    images, _ = read(raw)
    measured = [item for item in ImageIndex(tmp_path / "index").measure(images) if isinstance(item, ClinicalImage)]
    modes = {item.file_name: item.file.mode for item in measured if item.file}
    assert set(modes.values()) == {"RGB", "RGBA"}
    for path in pictures(raw):
        with Image.open(path) as picture:
            assert modes[path.name] == picture.mode


def test_a_file_is_found_whatever_its_capitals(raw: Path) -> None:
    expected, _ = read(raw)
    for path in pictures(raw):
        path.rename(path.with_name(path.stem.lower() + ".PNG"))
    images, problems = read(raw)
    assert problems == []
    assert [image.path and image.path.suffix for image in images] == [".PNG"] * 6
    assert [image.image_id for image in images] == [image.image_id for image in expected]


@pytest.mark.parametrize("suffix", [".PNG", ".Png", ""])
def test_a_table_may_write_the_suffix_in_capitals_or_leave_it_out(suffix: str, raw: Path) -> None:
    expected = read(raw)
    edit_table(raw, lambda rows: [row.update(img_id=row["img_id"].replace(".png", suffix)) for row in rows])
    assert read(raw) == expected


def test_the_table_is_found_in_a_folder_below(raw: Path, tmp_path: Path) -> None:
    expected, _ = read(raw)
    shutil.move(raw, tmp_path / "download" / "PAD-UFES-20")
    images, problems = read(tmp_path / "download")
    assert problems == []
    assert [image.facts for image in images] == [image.facts for image in expected]
    assert images[0].row_location == "PAD-UFES-20/metadata.csv, line 2"


@pytest.mark.parametrize("name", ["metadata.csv", "Metadata.CSV"])
def test_its_own_table_goes_before_one_of_the_archive(name: str, raw: Path) -> None:
    expected = [image.facts for image in read(raw)[0]]
    (raw / "metadata.csv").rename(raw / name)
    (raw / "isic_metadata.csv").write_text("isic_id\nISIC_1\n", encoding="utf-8")
    assert [image.facts for image in read(raw)[0]] == expected


def test_of_two_copies_the_nearer_one_is_read(raw: Path) -> None:
    expected = read(raw)
    shutil.copytree(raw, raw / "copy")
    (raw / "copy" / "metadata.csv").write_text("an old one", encoding="utf-8")
    for name in ("imgs_part_1", "imgs_part_2", "imgs_part_3"):
        shutil.move(raw / name, raw / "z" / "z" / name)
    images, problems = read(raw)
    assert (len(images), problems) == (len(expected[0]), [])
    assert {image.path.relative_to(raw).parts[0] for image in images if image.path} == {"copy"}


def test_what_macos_leaves_behind_is_no_part_of_a_release(raw: Path) -> None:
    expected = read(raw)
    name = pictures(raw)[0].name
    junk = (
        f"__MACOSX/imgs_part_1/._{name}",
        f"__MACOSX/{name}",
        ".DS_Store",
        f"imgs_part_1/._{name}",
        f".Trash/{name}",
    )
    for place in (*junk, "__MACOSX/metadata.csv"):
        (raw / place).parent.mkdir(parents=True, exist_ok=True)
        (raw / place).write_bytes(b"junk")
    assert read(raw) == expected


@pytest.mark.parametrize("place", ["again", "imgs_part_1/up"])
def test_a_link_that_leads_in_a_circle_ends(place: str, raw: Path) -> None:
    files, expected = walk_files(raw), read(raw)
    (raw / place).symlink_to(raw)
    assert walk_files(raw) == files
    assert read(raw) == expected


def test_images_may_lie_behind_a_link(raw: Path, tmp_path: Path) -> None:
    shutil.move(raw / "imgs_part_2", tmp_path / "elsewhere")
    (raw / "imgs_part_2").symlink_to(tmp_path / "elsewhere")
    images, problems = read(raw)
    assert problems == []
    assert all(image.path for image in images)


@pytest.mark.real
def test_the_real_table_gives_the_published_counts(real_data: Path) -> None:
    items = list(PadUfes().read(real_data / "pad_ufes"))
    images = [item for item in items if isinstance(item, ClinicalImage)]
    assert len(images) == 2298
    assert kinds([item for item in items if not isinstance(item, ClinicalImage)]).count(ProblemKind.UNKNOWN_VALUE) == 0
    assert Counter(image.facts.diagnosis_published for image in images) == {
        **{"BCC": 845, "ACK": 730, "NEV": 244},
        **{"SEK": 235, "SCC": 192, "MEL": 52},
    }
    assert len({image.group_id for image in images}) == 1373
    assert len({image.lesion_id for image in images}) == 1891
    assert sum(image.path is not None for image in images) == 12
