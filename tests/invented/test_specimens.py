"""The drawn release has the layout, the table and the oddities of PAD-UFES-20, and says that it is drawn."""

import csv
from collections import Counter, defaultdict
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image, ImageChops, ImageStat, PngImagePlugin

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.invented.specimens.lesions import Look
from dermasynth_builder.invented.specimens.pad_ufes import (
    COLUMNS,
    PNG_TEXT,
    TABLE_NAME,
    Layout,
    TableDialect,
    write_pad_ufes,
    write_pad_ufes_table,
)
from dermasynth_builder.invented.specimens.photograph import Specimen, draw

REAL_HEADER = (
    "patient_id,lesion_id,smoke,drink,background_father,background_mother,age,pesticide,gender,"
    "skin_cancer_history,cancer_history,has_piped_water,has_sewage_system,fitspatrick,region,diameter_1,"
    "diameter_2,diagnostic,itch,grew,hurt,changed,bleed,elevation,img_id,biopsed"
)
DEMOGRAPHICS = (
    *("smoke", "drink", "background_father", "background_mother", "pesticide", "gender"),
    *("skin_cancer_history", "cancer_history", "has_piped_water", "has_sewage_system", "fitspatrick"),
    *("diameter_1", "diameter_2"),
)
SYMPTOMS = ("itch", "grew", "hurt", "changed", "bleed", "elevation")
REGIONS = {
    *("FACE", "FOREARM", "CHEST", "BACK", "ARM", "NOSE", "HAND", "NECK", "THIGH", "EAR", "ABDOMEN"),
    *("LIP", "SCALP", "FOOT"),
}
FOLDERS: dict[Layout, set[str]] = {
    "parts": {"imgs_part_1", "imgs_part_2", "imgs_part_3"},
    "doubled": {"imgs_part_1/imgs_part_1", "imgs_part_2/imgs_part_2", "imgs_part_3/imgs_part_3"},
    "images": {"images"},
    "beside": {"."},
}


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def pictures_of(root: Path) -> list[Path]:
    return sorted(root.rglob("*.png"))


def bytes_of(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def departure(picture: Image.Image, tone: Image.Image) -> float:
    """How far the pixels lie from a tone on average, in levels."""
    return sum(ImageStat.Stat(ImageChops.difference(picture, tone.resize(picture.size))).mean)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pad_ufes(tmp_path_factory.mktemp("release"), side_px=128)


@pytest.fixture(scope="module")
def many_rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    return rows_of(write_pad_ufes_table(tmp_path_factory.mktemp("table"), images=600))


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    once, again = (write_pad_ufes(tmp_path / name, images=7, side_px=100) for name in ("once", "again"))
    assert bytes_of(once) == bytes_of(again)


def test_another_seed_gives_other_pictures_and_another_table(tmp_path: Path) -> None:
    one, other = (write_pad_ufes(tmp_path / f"{seed}", images=7, side_px=48, seed=seed) for seed in (0, 1))
    assert not set(bytes_of(one).values()) & set(bytes_of(other).values())


@pytest.mark.parametrize("layout", get_args(Layout))
def test_every_layout_puts_every_picture_in_its_folders(layout: Layout, tmp_path: Path) -> None:
    root = write_pad_ufes(tmp_path / "new" / layout, images=6, layout=layout, side_px=32)
    pictures = pictures_of(root)
    assert {path.parent.relative_to(root).as_posix() for path in pictures} == FOLDERS[layout]
    assert {path.name for path in pictures} == {row["img_id"] for row in rows_of(root / TABLE_NAME)}
    assert len(pictures) == 6


def test_the_table_has_the_real_columns_in_their_order(release: Path) -> None:
    header, _, _ = (release / TABLE_NAME).read_bytes().partition(b"\n")
    assert header.decode("ascii") == REAL_HEADER == ",".join(COLUMNS)


@pytest.mark.parametrize(
    ("dialect", "start", "newline", "spellings"),
    [
        (TableDialect(), b"patient_id,", b"\n", {"True", "False"}),
        (TableDialect(newline="\r\n"), b"patient_id,", b"\r\n", {"True", "False"}),
        (TableDialect(true="TRUE"), b"patient_id,", b"\n", {"TRUE", "FALSE"}),
        (TableDialect(byte_order_mark=True), b"\xef\xbb\xbfpatient_id,", b"\n", {"True", "False"}),
    ],
    ids=["released", "crlf", "upper", "mark"],
)
def test_every_dialect_spells_the_same_rows(
    dialect: TableDialect, start: bytes, newline: bytes, spellings: set[str], tmp_path: Path
) -> None:
    table = write_pad_ufes_table(tmp_path, dialect=dialect)
    text = table.read_bytes()
    assert text.startswith(start)
    assert text.endswith(newline)
    assert text.count(b"\r") == (text.count(b"\n") if newline == b"\r\n" else 0)
    assert {row["biopsed"] for row in rows_of(table)} == spellings
    spelled = [{name: cell.title() for name, cell in row.items()} for row in rows_of(table)]
    released = rows_of(write_pad_ufes_table(tmp_path / "released"))
    assert spelled == [{name: cell.title() for name, cell in row.items()} for row in released]


def test_a_table_written_over_a_release_fits_its_pictures(tmp_path: Path) -> None:
    root = write_pad_ufes(tmp_path, images=5, side_px=32, seed=3)
    rows = rows_of(write_pad_ufes_table(root, images=5, seed=3, dialect=TableDialect(true="TRUE")))
    assert {row["img_id"] for row in rows} == {path.name for path in pictures_of(root)}


@pytest.mark.parametrize("images", [1, 2, 5, 6, 17, 18, 100])
def test_there_is_one_row_an_image_and_the_codes_are_even(images: int, tmp_path: Path) -> None:
    rows = rows_of(write_pad_ufes_table(tmp_path, images=images))
    counts = Counter(row["diagnostic"] for row in rows)
    assert len(rows) == images == len({row["img_id"] for row in rows})
    assert max(counts.values()) - min(counts.values()) <= 1
    assert len(counts) == min(images, 6)


def test_ids_are_made_of_one_another_and_are_not_the_real_ones(many_rows: list[dict[str, str]]) -> None:
    for row in many_rows:
        patient, lesion, last = row["img_id"].removesuffix(".png").rsplit("_", 2)
        assert (patient, lesion) == (row["patient_id"], row["lesion_id"])
        assert last.isdigit()
        assert int(patient.removeprefix("PAT_")) > 9000
        assert int(lesion) > 7000


def test_patients_lesions_and_images_nest_as_in_the_real_release(release: Path) -> None:
    lesions, images, owners = defaultdict(set), Counter[tuple[str, str]](), defaultdict(set)
    for row in rows_of(release / TABLE_NAME):
        lesions[row["patient_id"]].add(row["lesion_id"])
        owners[row["lesion_id"]].add(row["patient_id"])
        images[row["patient_id"], row["lesion_id"]] += 1
    assert {len(ids) for ids in lesions.values()} == {1, 2}
    assert set(images.values()) == {1, 2}
    assert {len(ids) for ids in owners.values()} == {1, 2}


def test_only_benign_and_precancerous_rows_lack_demographics(many_rows: list[dict[str, str]]) -> None:
    undescribed = [row for row in many_rows if not row["gender"]]
    described = [row for row in many_rows if row["gender"]]
    assert {row["diagnostic"] for row in undescribed} == {"ACK", "NEV", "SEK"}
    assert {row["diagnostic"] for row in described} == {"ACK", "NEV", "SEK", "BCC", "SCC", "MEL"}
    assert not any(row[name] for row in undescribed for name in DEMOGRAPHICS)
    told = [name for name in DEMOGRAPHICS if not name.startswith("background")]
    assert all(row[name] for row in described for name in told)


def test_eighteen_rows_already_hold_the_oddities(release: Path) -> None:
    rows = rows_of(release / TABLE_NAME)
    backgrounds = {row[name] for row in rows for name in ("background_father", "background_mother")}
    assert {"BRASIL", "BRAZIL", "UNK", ""} <= backgrounds
    assert all("UNK" in {row[name] for row in rows} for name in SYMPTOMS)
    assert {row["diagnostic"] for row in rows if not row["gender"]} == {"ACK", "NEV", "SEK"}
    assert [(row["diameter_1"], row["diameter_2"]) for row in rows].count(("0.0", "0.0")) == 1
    assert {row["fitspatrick"] for row in rows} == {"", "1.0", "2.0", "3.0", "4.0", "5.0", "6.0"}


def test_values_stay_within_the_real_ones(many_rows: list[dict[str, str]]) -> None:
    assert all(8 <= int(row["age"]) <= 90 for row in many_rows)
    assert {row["region"] for row in many_rows} == REGIONS
    assert {row["gender"] for row in many_rows} == {"", "FEMALE", "MALE"}
    assert {row[name] for row in many_rows for name in SYMPTOMS} == {"True", "False", "UNK"}
    assert {row["biopsed"] for row in many_rows if row["diagnostic"] in ("BCC", "SCC", "MEL")} == {"True"}
    assert all(0 <= float(row["diameter_1"]) <= 100 for row in many_rows if row["diameter_1"])
    ages = defaultdict(set)
    for row in many_rows:
        ages[row["patient_id"]].add(row["age"])
    assert {len(seen) for seen in ages.values()} == {1, 2}


def test_one_patient_has_one_phototype(many_rows: list[dict[str, str]]) -> None:
    phototypes = defaultdict(set)
    for row in many_rows:
        phototypes[row["patient_id"]].add(row["fitspatrick"])
    assert {len(seen) for seen in phototypes.values()} == {1}


def test_every_picture_opens_and_says_that_it_is_drawn(release: Path) -> None:
    modes = Counter[str]()
    for path in pictures_of(release):
        with Image.open(path) as picture:
            picture.load()
            assert isinstance(picture, PngImagePlugin.PngImageFile)
            assert picture.text["Description"] == PNG_TEXT
            modes[picture.mode] += 1
        assert b"tEXtDescription" in path.read_bytes()
    assert set(modes) == {"RGB", "RGBA"}


def test_pictures_have_many_sizes_about_the_side_that_was_asked_for(release: Path) -> None:
    sizes = []
    for path in pictures_of(release):
        with Image.open(path) as picture:
            sizes.append(picture.size)
    assert all(96 <= side <= 192 for size in sizes for side in size)
    assert len(set(sizes)) > 9
    assert 0 < sum(width != height for width, height in sizes) < len(sizes)


def test_a_tiny_picture_keeps_its_mark_though_it_has_no_room_for_the_caption(tmp_path: Path) -> None:
    (path,) = pictures_of(write_pad_ufes(tmp_path, images=1, side_px=16))
    assert PNG_TEXT.encode() in path.read_bytes()


def test_the_caption_is_drawn_from_96_pixels_on() -> None:
    small, large = (draw(Specimen("nevus", 4, "a lesion", "a shot", (side, side))).picture for side in (95, 96))
    ink = b"\xf5\xf5\xf5"
    assert ink not in small.tobytes()
    assert large.tobytes().count(ink) > 100


@pytest.mark.parametrize("look", get_args(Look))
@pytest.mark.parametrize("phototype", range(1, 7))
def test_every_lesion_stands_out_on_every_skin(look: Look, phototype: int) -> None:
    picture = draw(Specimen(look, phototype, f"{look} lesion", "a shot", (120, 120))).picture
    skin = picture.crop((0, 0, 120, 12))
    tone = skin.resize((1, 1), Image.Resampling.BOX)
    assert departure(picture.crop((42, 42, 78, 78)), tone) > 1.5 * departure(skin, tone)


def test_one_lesion_taken_twice_is_alike_but_not_equal() -> None:
    first, second = (draw(Specimen("melanoma", 2, "one lesion", shot, (96, 96))).picture for shot in ("a", "b"))
    assert first.tobytes() != second.tobytes()


@pytest.mark.parametrize(("images", "side_px", "named"), [(0, 320, "images is 0"), (3, 15, "side_px is 15")])
def test_what_cannot_be_drawn_is_refused_by_name(images: int, side_px: int, named: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=named):
        write_pad_ufes(tmp_path, images=images, side_px=side_px)
    assert not list(tmp_path.iterdir())
