"""Split lists are held against groups, lesions and pictures; what benchmarks share is told with a control."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from dermasynth_builder.check.assemble import ReleaseTerms
from dermasynth_builder.check.copies import find_copies
from dermasynth_builder.cli import main
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.images.index import ImageIndex
from dermasynth_builder.core.records import ClinicalImage, Facts, ImageFile
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from dermasynth_builder.report.leaks import key_of, leaks_of, pictures_of, read_list, write_splits
from dermasynth_builder.report.overlap import BENCHMARKS, overlap, overlaps
from tests.support.clinical_images import clinical_image
from tests.support.planted import WAYS
from tests.support.spoiled_pad_ufes import read

Write = Callable[[str], Path]


def image(name: str, group: str, lesion: str | None = None, file: str = "") -> ClinicalImage:
    held = ImageFile(file, "PNG", "RGB", 1, 1, 1, 0, file) if file else None
    return replace(clinical_image(name, Facts(), group=group), lesion_id=lesion, file=held)


IMAGES = [
    image("ISIC_1", "p", "p1", "x"),
    image("ISIC_2", "p", "p1"),
    image("ISIC_3", "p", "p2"),
    image("ISIC_4", "q", "q1", "y"),
    image("ISIC_5", "r", None, "x"),
    image("ISIC_6", "s", "s1", "z"),
]


@pytest.fixture
def written(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "list.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_with_parts_is_held_part_against_part(separator: str, written: Write) -> None:
    rows = [
        "n,image_path,fold_name",
        "0,a/b/ISIC_1.jpg,test",
        "1,ISIC_2.JPG,train",
        "2,ISIC_4,Val",
        "3,isic_5.png,TRAIN",
    ]
    path = written("\n".join(rows).replace(",", separator))
    images = find_copies(IMAGES, []).images
    test, validation = leaks_of(path, images, pictures_of(images)).parts
    assert (test.part, test.images, test.of_group, test.of_lesion, test.of_picture, test.compared) == (
        "test",
        1,
        1,
        1,
        1,
        1,
    )
    assert (validation.part, validation.of_group, validation.of_lesion, validation.of_picture) == (
        "validation",
        0,
        0,
        0,
    )


def test_a_list_without_parts_is_a_test_set_and_all_else_the_rest(written: Write) -> None:
    told = leaks_of(written("ISIC_3.jpg\nISIC_4.jpg\nnothing.jpg\n"), IMAGES, {})
    [test] = told.parts
    assert (told.unknown, told.first_unknown, told.is_parted) == (1, ["nothing.jpg"], False)
    assert (test.images, test.of_group, test.of_lesion, test.of_picture) == (2, 1, 0, None)


def test_an_image_that_is_listed_in_two_parts_is_told(written: Write) -> None:
    [test] = leaks_of(written("id,split\nISIC_4,test\nISIC_4,train\nISIC_6,test\n"), IMAGES, {}).parts
    assert (test.in_others_too, test.of_group, test.of_lesion) == (1, 1, 1)


def test_a_list_of_something_else_is_refused_with_what_to_do(written: Write, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names no image of the sources at hand"):
        read_list(written("id,split\nABC,test\n"), IMAGES)
    binary = tmp_path / "list.bin"
    binary.write_bytes(b"\xff\xfe\x00\x81\xff")
    for path in (binary, tmp_path / "gone.csv"):
        with pytest.raises(UsageError, match="cannot be read"):
            read_list(path, IMAGES)
    with pytest.raises(UsageError, match="names no image"):
        read_list(written(""), IMAGES)


@pytest.mark.parametrize("name", ["ISIC_1", "x/y/ISIC_1.jpg", "x\\ISIC_1.PNG", " isic_1.jpeg "])
def test_names_are_compared_without_folder_suffix_and_case(name: str) -> None:
    assert key_of(name) == "isic_1"


def test_corrected_lists_part_no_group_and_no_picture(tmp_path: Path) -> None:
    many = [image(f"ISIC_{n}", f"group {n // 3}", file=f"{n if n % 7 else 0}") for n in range(120)]
    images = find_copies(many, []).images
    assert write_splits(images, ReleaseTerms("template", 3, (0.6, 0.2, 0.2)), tmp_path) == {"pad_ufes": 120}
    with (tmp_path / "pad_ufes.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert list(rows["ISIC_0"]) == ["id", "group", "fold", "split"]
    assert {row["fold"] for row in rows.values()} == set("12345")
    assert {row["split"] for row in rows.values()} == {"train", "validation", "test"}
    for one in many:
        for other in many:
            if one.group_id == other.group_id or one.file == other.file:
                there = [(rows[each.image_id]["fold"], rows[each.image_id]["split"]) for each in (one, other)]
                assert there[0] == there[1]


def test_benchmarks_are_ten_or_more_and_one_that_is_not_given_claims_nothing() -> None:
    rows = overlaps({}, IMAGES)
    assert [row.benchmark for row in rows] == list(BENCHMARKS)
    assert len(rows) >= 10
    assert {(row.by, row.is_told, row.shared) for row in rows} == {("not given", False, 0)}


def test_ids_are_compared_where_they_are_of_one_kind_and_a_control_is_planted(written: Write) -> None:
    ours = [image(f"ISIC_00000{n}", f"{n}") for n in range(10, 40)]
    listed = written("lesion,image_id\n" + "".join(f"HAM_{n},data/ISIC_00000{n}.jpg\n" for n in range(35, 60)))
    found = overlap("HAM10000", listed, ours)
    assert (found.by, found.images, found.shared, found.planted, found.found) == ("id", 25, 5, 10, 10)
    assert found.is_told
    other = overlap("Fitzpatrick17k", written("md5hash,label\n" + "ab" * 16 + ",acne\n"), ours)
    assert (other.by, other.is_told) == ("ids of another kind; give its pictures", False)
    with pytest.raises(UsageError, match="no such file"):
        overlap("PH2", written("").with_name("gone"), ours)


def test_pictures_are_compared_with_a_control_and_copies_are_counted(tmp_path: Path) -> None:
    images = read(write_pad_ufes(tmp_path / "raw", images=9, side_px=96))[0]
    measured = [each for each in ImageIndex(tmp_path / "i.sqlite").measure(images) if isinstance(each, ClinicalImage)]
    folder = tmp_path / "benchmark"
    folder.mkdir()
    (folder / "broken.jpg").write_bytes(b"no picture")
    other = write_pad_ufes(tmp_path / "other", images=30, side_px=96)
    others = sorted(other.rglob("*.png"), key=lambda path: path.name)[-3:]
    for number, path in enumerate(others):
        (folder / f"{number}.png").write_bytes(path.read_bytes())
    assert measured[0].path
    with Image.open(measured[0].path) as drawn:
        WAYS["in a mirror"](drawn.convert("RGB")).save(folder / "copy.jpg")
    found = overlap("DDI", folder, measured)
    assert (found.by, found.images, found.shared, found.is_told) == ("picture", 4, 1, True)


def test_the_command_tells_what_a_list_shares_and_writes_corrected_lists(
    specimens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = sorted(path.name for path in specimens.rglob("*.png"))
    listed = tmp_path / "list.txt"
    listed.write_text("\n".join(names[::3]), encoding="utf-8")
    words = ["leaks", str(listed), "pad_ufes", "--raw", str(specimens), "--work", str(tmp_path / "work")]
    assert main([*words, "--benchmark", f"Ours={listed}", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["parts"][0]["images"] == len(names[::3]) == told["parts"][0]["compared"]
    assert (told["overlaps"][-1]["benchmark"], told["overlaps"][-1]["shared"]) == ("Ours", len(names[::3]))
    assert (tmp_path / "work" / "splits" / "pad_ufes.csv").is_file()
    assert main(words) == 0
    assert "share a patient" in capsys.readouterr().out
    assert main([*words, "--benchmark", "Ours"]) == 2


@pytest.mark.real
def test_counts_of_a_list_that_leaves_every_third_image_out_are_those_of_the_real_table(
    real_data: Path, tmp_path: Path
) -> None:
    images = read(real_data / "pad_ufes")[0]
    listed = sorted(each.image_id for each in images)[::3]
    path = tmp_path / "list.txt"
    path.write_text("\n".join(listed), encoding="utf-8")
    [test] = leaks_of(path, images, {}).parts
    rest = {each.group_id for each in images if each.image_id not in listed}
    assert test.of_group == sum(each.group_id in rest for each in images if each.image_id in listed) > 400
