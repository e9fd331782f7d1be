"""Tables of Parquet and of JSON lines, as mirrors on the Hub are, give each row its own picture and words."""

import io
import json
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.folder_options import FolderOptions
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.records import ClinicalImage, Problem

MAPPING = FolderOptions(
    title="A mirror",
    licence="CC-BY-4.0",
    attribution="Somebody 2025",
    image="image",
    group="patient",
    facts={"diagnosis": "label", "sex": "sex", "body_site": "site", "age_years": "age"},
)
FEATURES = datasets.Features(
    {
        "image": datasets.Image(),
        "label": datasets.ClassLabel(names=["melanoma", "nevus"]),
        "sex": datasets.ClassLabel(names=["female", "male"]),
        "site": datasets.Value("string"),
        "age": datasets.Value("float64"),
        "patient": datasets.Value("int64"),
    }
)


def picture(level: int) -> bytes:
    """A BMP file, whose length does not depend on its level."""
    content = io.BytesIO()
    Image.new("RGB", (16, 16), (level, 90, 90)).save(content, "BMP")
    return content.getvalue()


def row(level: int, **changed: Any) -> dict[str, Any]:
    cells = {"label": 1, "sex": 0, "site": "back", "age": 40.0, "patient": level}
    return {"image": {"bytes": picture(level), "path": None}} | cells | changed


def read(root: Path) -> tuple[list[ClinicalImage], list[Problem]]:
    source = registry.source("folder", Settings(raw={"folder": root}, work=root.parent / "work", folder=MAPPING))
    items = list(source.read(root))
    images = [item for item in items if isinstance(item, ClinicalImage)]
    return images, [item for item in items if isinstance(item, Problem)]


def level_of(image: ClinicalImage) -> int:
    assert image.path
    with Image.open(image.path) as opened:
        pixel = opened.getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return int(pixel[0])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "mirror").mkdir()
    return tmp_path / "mirror"


def write(root: Path, rows: list[dict[str, Any]], name: str = "train.parquet") -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), root / name)


def test_numbers_of_classes_are_the_words_that_they_stand_for(root: Path) -> None:
    rows = [row(1), row(2, label=0, sex=1), row(3, label=-1, sex=None)]
    datasets.Dataset.from_list(rows, features=FEATURES).to_parquet(root / "train.parquet")
    images, problems = read(root)
    assert not problems
    assert [(image.facts.diagnosis, image.facts.sex) for image in images] == [
        ("nevus", "female"),
        ("melanoma", "male"),
        (None, None),
    ]


def test_numbers_that_stand_for_nothing_known_are_told_and_not_taken(root: Path) -> None:
    write(root, [row(1)])  # without the words of `datasets`
    images, problems = read(root)
    assert (images[0].facts.diagnosis, images[0].facts.sex) == (None, None)
    assert {problem.detail.split(" is ")[0] for problem in problems} == {"label", "sex"}


@pytest.mark.parametrize(
    ("site", "expected", "told"),
    [
        ("back", "back", ""),
        (["back"], "back", ""),
        ([], None, ""),
        (["back", "arm"], None, "site is no single value but back, arm; taken as not known"),
        ({"name": "back"}, None, "site is no single value but name; taken as not known"),
    ],
)
@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_a_cell_of_several_values_is_no_fact(form: str, site: Any, expected: str | None, told: str, root: Path) -> None:
    cells = row(1, label="nevus", sex="female", site=site)
    if form == "parquet":
        write(root, [cells])
    else:
        (root / "a.bmp").write_bytes(picture(1))
        (root / "metadata.jsonl").write_text(json.dumps(cells | {"image": "a.bmp"}), encoding="utf-8")
    images, problems = read(root)
    assert [image.facts.body_site for image in images] == [expected]
    assert [problem.detail for problem in problems] == ([told] if told else [])


def test_files_of_one_name_in_two_folders_give_each_row_its_own_picture(root: Path) -> None:
    for number, folder in enumerate(("default/train", "default/test", "default_train")):
        write(root, [row(10 * number + each) for each in range(3)], f"{folder}/0000.parquet")
    named = [row(50 + each, image={"bytes": picture(50 + each), "path": "same.bmp"}) for each in range(3)]
    write(root, named, "named/0000.parquet")
    images, _ = read(root)
    assert all(image.group_id == str(level_of(image)) for image in images)
    assert len({image.image_id for image in images}) == len(images) == 12


def test_a_mirror_that_changed_gives_its_new_pictures(root: Path) -> None:
    for level in (1, 2):  # files of the same length
        write(root, [row(level)])
        assert [level_of(image) for image in read(root)[0]] == [level]


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        (None, "has no image"),
        ({"bytes": None, "path": "lost.png"}, ""),
        ([picture(1), picture(2)], "holds 2 images"),
    ],
)
def test_a_row_without_a_picture_of_its_own_costs_that_row(cell: Any, told: str, root: Path) -> None:
    write(root, [row(1, image=cell)], "a.parquet")
    write(root, [row(2)], "b.parquet")
    images, problems = read(root)
    assert [level_of(image) for image in images if image.path] == [2]
    assert len(images) == (1 if told else 2)  # a name whose file is not there is a row without image
    assert bool(told) == any(told in problem.detail for problem in problems if told)


def test_a_picture_beside_the_table_is_found_by_its_name(root: Path) -> None:
    (root / "a.bmp").write_bytes(picture(7))
    write(root, [row(1, image="a.bmp")])
    assert [level_of(image) for image in read(root)[0]] == [7]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_a_broken_file_is_refused_by_name(root: Path, data: st.DataObject) -> None:
    write(root, [row(1), row(2)])
    whole = (root / "train.parquet").read_bytes()
    cut = data.draw(st.integers(0, len(whole) - 1))
    spoiled = data.draw(st.sampled_from([whole[:cut], whole[cut:], whole[:cut] + b"\0" * 40 + whole[cut + 40 :]]))
    (root / "train.parquet").write_bytes(spoiled)
    told = ""
    try:
        images, _ = read(root)
    except SourceError as error:
        told = str(error)
    assert "train.parquet" in told or {image.group_id for image in images} <= {"1", "2"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"image": "a.bmp", "patient": 1, "patient": 2}', "'patient' stands twice"),
        ('{"image": "a.bmp"', "cannot be read as lines of JSON"),
        ("[" * 100_000, "cannot be read as lines of JSON"),
    ],
)
def test_lines_that_are_no_json_are_refused(text: str, told: str, root: Path) -> None:
    (root / "metadata.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=told):
        read(root)


def test_a_line_that_is_no_object_is_told(root: Path) -> None:
    (root / "a.bmp").write_bytes(picture(1))
    cells = row(1, label="nevus", sex="female", image="a.bmp")
    lines = "\n".join([json.dumps(cells), "5", '"text"', "", json.dumps(cells | {"image": "b.bmp"})])
    (root / "metadata.jsonl").write_text("\ufeff" + lines, encoding="utf-8")
    images, problems = read(root)
    assert [image.image_id for image in images] == ["a", "b"]
    assert [problem.location for problem in problems] == ["metadata.jsonl, line 2", "metadata.jsonl, line 3"]


def test_a_column_that_occurs_twice_is_refused(root: Path) -> None:
    table = pa.Table.from_pylist([row(1)])
    pq.write_table(table.append_column("label", pa.array([0])), root / "train.parquet")
    with pytest.raises(SourceError, match="the columns label more than once"):
        read(root)


def test_an_arrow_folder_is_told_how_to_become_parquet(root: Path) -> None:
    datasets.Dataset.from_list([row(1)], features=FEATURES).save_to_disk(root / "saved")
    with pytest.raises(SourceError, match="is of `save_to_disk`: write it by `to_parquet` first"):
        read(root)
