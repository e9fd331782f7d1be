"""Own images become rows by a mapping alone, from files with a table, an imagefolder or Parquet."""

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dermasynth_builder import pipeline
from dermasynth_builder.cli import main
from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import SourceError, UsageError
from dermasynth_builder.core.folder_options import FolderOptions
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.recipe import read_recipe
from dermasynth_builder.core.records import ClinicalImage, Facts, Problem, ProblemKind
from dermasynth_builder.invented.specimens.mapped import write_fitzpatrick17k, write_folder, write_ham10000
from dermasynth_builder.release.folder import read_card
from dermasynth_builder.release.parquet import read_rows
from tests.support.paths import ROOT
from tests.support.recorder import Recorder

GUIDE = ROOT / "docs" / "own_images.md"


def read(root: Path, mapping: FolderOptions | None = None) -> tuple[list[ClinicalImage], list[Problem]]:
    settings = Settings(raw={"folder": root}, work=root.parent / "work")
    source = registry.source("folder", replace(settings, folder=mapping) if mapping else settings)
    items = list(source.read(root))
    images = [item for item in items if isinstance(item, ClinicalImage)]
    return images, [item for item in items if isinstance(item, Problem)]


def mapping_of(root: Path) -> FolderOptions:
    return read_recipe(root / "recipe.toml").folder


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "own", side_px=16)


def as_parquet(own: Path, target: Path, image: object) -> Path:
    """The same set as one Parquet file; `image` makes the cell of a file."""
    with (own / "patients.csv").open(encoding="utf-8", newline="") as file:
        rows = [row | {"image": image(own / row["image"])} for row in csv.DictReader(file)]  # type: ignore[operator]
    target.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), target / "train-00000-of-00001.parquet")
    shutil.copy(own / "recipe.toml", target)
    return target


def test_every_column_that_is_mapped_becomes_its_fact(own: Path) -> None:
    images, problems = read(own)
    assert problems == []
    assert len(images) == 12
    assert images[0].facts == Facts(
        diagnosis="nevus",
        diagnosis_published="NAEV",
        diagnosis_isic="Benign:Benign melanocytic proliferations:Nevus",
        malignancy="benign",
        body_site="anterior torso",
        body_site_published="anterior torso",
        age_years=images[0].facts.age_years,
        sex=images[0].facts.sex,
        fitzpatrick=2,
        itches=True,
    )
    assert {image.facts.sex for image in images} >= {None, "male"}
    assert {image.modality for image in images} == {"clinical", "dermoscopic"}
    assert {image.licence for image in images} == {"CC0-1.0"}
    assert {image.group_id for image in images} == {f"P{number}" for number in range(4)}
    assert all(image.path and image.path.name == image.file_name for image in images)


def test_an_imagefolder_has_the_same_name_in_two_folders(own: Path, tmp_path: Path) -> None:
    expected, _ = read(own)
    images, problems = read(write_folder(tmp_path / "other", layout="imagefolder", side_px=16))
    assert problems == []
    assert [image.image_id for image in images[:4]] == ["a_000", "b_000", "a_001", "b_001"]
    assert len({image.path for image in images}) == 12
    assert [image.facts for image in images] == [image.facts for image in expected]


def test_an_imagefolder_may_have_its_table_in_lines_of_json(own: Path) -> None:
    expected, _ = read(own)
    with (own / "patients.csv").open(encoding="utf-8", newline="") as file:
        lines = [json.dumps(row | {"age": int(row["age"]) if row["age"] else None}) for row in csv.DictReader(file)]
    (own / "patients.csv").unlink()
    (own / "metadata.jsonl").write_text("\n".join(lines), encoding="utf-8")
    images, problems = read(own)
    assert problems == []
    assert [(image.facts, image.path) for image in images] == [(image.facts, image.path) for image in expected]
    (own / "metadata.jsonl").write_text("{broken", encoding="utf-8")
    with pytest.raises(SourceError, match=r"metadata\.jsonl cannot be read as lines of JSON"):
        read(own)


def test_a_mirror_under_the_name_of_a_set_is_pointed_to_the_mapping(own: Path, tmp_path: Path) -> None:
    root = as_parquet(own, tmp_path / "mirror", lambda path: path.read_bytes())
    with pytest.raises(SourceError, match=r"folder reads train-0.*parquet by a mapping, see docs/own_images"):
        list(registry.source("pad_ufes").read(root))


@pytest.mark.parametrize("form", ["struct", "bytes"])
def test_parquet_gives_what_the_files_give(form: str, own: Path, tmp_path: Path) -> None:
    expected, _ = read(own)
    cell = (lambda p: {"bytes": p.read_bytes(), "path": p.name}) if form == "struct" else (lambda p: p.read_bytes())
    root = as_parquet(own, tmp_path / "mirror", cell)
    images, problems = read(root)
    assert problems == []
    assert [image.facts for image in images] == [image.facts for image in expected]
    for image, other in zip(images, expected, strict=True):
        assert image.path
        assert other.path
        assert image.path.read_bytes() == other.path.read_bytes()
        assert form == "bytes" or image.image_id == other.image_id
    assert read(root) == (images, problems)
    assert [path.name for path in root.iterdir()] == [path.name for path in root.iterdir() if path.suffix]


@pytest.mark.parametrize("lost", ["image", "group", "licence", "attribution"])
def test_what_nobody_else_can_know_has_to_be_said(lost: str, own: Path) -> None:
    with pytest.raises(SourceError, match=rf"\[folder\] does not say {lost}\. Own images need a licence"):
        read(own, replace(mapping_of(own), **{lost: ""}))  # type: ignore[arg-type]  # one of the texts


def test_without_any_mapping_the_folder_is_refused(own: Path) -> None:
    (own / "recipe.toml").unlink()
    with pytest.raises(SourceError, match=r"no recipe says what its table means.*docs/own_images\.md"):
        read(own)


def test_a_column_that_is_named_and_not_there_is_refused(own: Path) -> None:
    with pytest.raises(SourceError, match="lacks the columns stage"):
        read(own, replace(mapping_of(own), facts={"diagnosis": "stage"}))
    with pytest.raises(SourceError, match="holds no table that has rows and the columns image and person"):
        read(own, replace(mapping_of(own), group="person"))


@pytest.mark.parametrize("column", ["image", "patient", "lesion", "kind", "finding", "sex"])
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_table_that_lacks_any_column_of_the_mapping_is_refused(
    form: str, column: str, own: Path, tmp_path: Path
) -> None:
    with (own / "patients.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            {f"no_{key}" if key == column else key: cell for key, cell in row.items()} for row in csv.DictReader(file)
        ]
    (own / "patients.csv").unlink()
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), own / "own.parquet")
    elif form == "jsonl":
        (own / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    else:
        with (own / "patients.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    with pytest.raises(SourceError, match=column):
        read(own)


@pytest.mark.parametrize("cell", ["", "NA", "not asked", "sculpture"])
@pytest.mark.parametrize("member", ["licence", "attribution", "modality", "group"])
def test_a_row_that_does_not_tell_what_is_needed_is_left_out_and_told(member: str, cell: str, own: Path) -> None:
    table = own / "patients.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row | {"right": "CC-BY-4.0", "by": "the clinic"} for row in csv.DictReader(file)]
    mapping = replace(mapping_of(own), licence="column:right", attribution="column:by", missing=("not asked",))
    column = {"licence": "right", "attribution": "by", "modality": "kind", "group": mapping.group}[member]
    rows[0][column] = cell
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    images, problems = read(own, mapping)
    is_bad = cell != "sculpture" or member == "modality"
    assert len(images) == len(rows) - is_bad
    assert [problem.location for problem in problems if problem.kind == ProblemKind.BROKEN_ROW] == (
        ["patients.csv, line 2"] if is_bad else []
    )


def test_a_fact_that_there_is_not_is_refused_with_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('[folder]\nfacts.diagnose = "x"\n', encoding="utf-8")
    with pytest.raises(UsageError, match=r"facts\.diagnose is not one of .*; did you mean 'diagnosis'"):
        read_recipe(path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('homepage = "javascript:alert(1)"', "write an address that begins with https://"),
        ('citation = "<b>me</b>"', "citation: write it on one line and without < and >"),
        ('title = "a\\nb"', "title: write it on one line"),
    ],
)
def test_what_would_be_more_than_words_on_a_page_is_refused(line: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(f"[folder]\n{line}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        read_recipe(path)


def test_rows_without_a_group_and_codes_without_a_name_are_told(own: Path) -> None:
    table = own / "patients.csv"
    text = table.read_text(encoding="utf-8").replace("NAEV", "ZZ").replace("\nP3,", "\n,", 1)
    table.write_text(text, encoding="utf-8")
    images, problems = read(own)
    assert len(images) == 11
    assert {problem.kind for problem in problems} == {ProblemKind.BROKEN_ROW, ProblemKind.UNKNOWN_VALUE}
    assert "finding is 'ZZ'; a code that the mapping's diagnoses do not name; taken as not known" in [
        problem.detail for problem in problems
    ]


def test_a_path_that_leads_out_of_the_folder_finds_nothing(own: Path) -> None:
    shutil.copy(own / "photo_000.jpg", own.parent / "secret.jpg")
    table = own / "patients.csv"
    table.write_text(table.read_text("utf-8").replace("photo_000.jpg", "../secret.jpg"), encoding="utf-8")
    images, problems = read(own)
    assert images[0].path is None
    assert [problem.location for problem in problems] == ["photo_000.jpg"]


@pytest.mark.slow
def test_the_release_says_title_licence_and_recipe(own: Path, tmp_path: Path, recorder: Recorder) -> None:
    settings = replace(
        read_recipe(own / "recipe.toml"), raw={"folder": own}, work=tmp_path / "work", out=tmp_path / "r"
    )
    pipeline.build(settings, recorder)
    rows = list(read_rows(list(read_card(settings.out)["folder"].paths)))
    assert {row["pair_id"].split("/")[1] for row in rows} == {f"photo_{number:03}" for number in range(12)}
    assert {row["licence"] for row in rows} == {"CC0-1.0"}
    assert "Drawn images of a clinic that does not exist" in (settings.out / "README.md").read_text("utf-8")
    assert read_recipe(settings.out / "recipe.toml").folder == settings.folder


# --- the two public sets ---


def test_ham10000_tells_the_same_from_both_of_its_forms(tmp_path: Path) -> None:
    forms = {}
    for layout in ("kaggle", "isic"):
        root = write_ham10000(tmp_path / layout, layout=layout, side_px=16)
        items = list(registry.source("ham10000").read(root))
        assert not [item for item in items if isinstance(item, Problem)]
        forms[layout] = {item.image_id: item for item in items if isinstance(item, ClinicalImage)}
    assert forms["kaggle"].keys() == forms["isic"].keys()
    for name, image in forms["kaggle"].items():
        other = forms["isic"][name]
        assert (image.licence, image.modality) == (other.licence, other.modality) == ("CC-BY-NC-4.0", "dermoscopic")
        assert (image.facts.age_years, image.facts.sex) == (other.facts.age_years, other.facts.sex)
        assert image.group_id == image.lesion_id
        if image.facts.diagnosis_published in ("nv", "mel", "bcc", "df"):
            assert image.facts.diagnosis_isic == other.facts.diagnosis_isic
    assert {image.facts.confirmation for image in forms["kaggle"].values()} == {
        *("histopathology", "expert consensus", "serial imaging", "confocal microscopy")
    }


def test_fitzpatrick17k_reads_phototypes_and_takes_its_words_for_diagnoses(tmp_path: Path) -> None:
    items = list(registry.source("fitzpatrick17k").read(write_fitzpatrick17k(tmp_path, side_px=16)))
    images = [item for item in items if isinstance(item, ClinicalImage)]
    assert len(items) == len(images) == 12
    assert [image.facts.fitzpatrick for image in images[:8]] == [1, 2, 3, 4, 5, 6, None, 1]
    assert {image.licence for image in images} == {"CC-BY-NC-SA-3.0"}
    assert all(image.facts.malignancy == image.facts.malignancy_published for image in images)
    assert [image.group_id for image in images] == [image.image_id for image in images]


# --- the guide ---


def test_the_guide_names_every_fact_and_its_recipe_is_one(tmp_path: Path) -> None:
    from dermasynth_builder.core.folder_options import FACTS_TO_MAP

    guide = GUIDE.read_text(encoding="utf-8")
    assert all(re.search(rf"\b{fact}\b", guide) for fact in FACTS_TO_MAP)
    [recipe] = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    (tmp_path / "recipe.toml").write_text(recipe, encoding="utf-8")
    assert read_recipe(tmp_path / "recipe.toml").folder.facts["diagnosis"] == "finding"


@pytest.mark.slow
def test_the_commands_of_the_guide_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    guide = GUIDE.read_text(encoding="utf-8")
    commands = re.findall(r"^dermasynth (.*)$", guide, re.MULTILINE)
    assert len(commands) == 4
    for source, folder in (
        ("folder", "clinic"),
        ("ham10000", "data/ham10000"),
        ("fitzpatrick17k", "data/fitzpatrick17k"),
    ):
        assert main(["specimens", source, "--to", folder, "--images", "6"]) == 0
    recipe = Path("clinic/recipe.toml").read_text(encoding="utf-8")
    Path("recipe.toml").write_text('[raw]\nfolder = "clinic"\n' + recipe, encoding="utf-8")
    for words in commands:
        assert main(words.split()) == 0, words
