"""The image index remembers what was measured, notices what has changed, and is only ever a cache."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image

from dermasynth_builder.core.images import index as images_module
from dermasynth_builder.core.images.index import ImageIndex
from dermasynth_builder.core.images.picture import Picture, picture_of
from dermasynth_builder.core.images.pictures import METHOD
from dermasynth_builder.core.records import ClinicalImage, Problem, ProblemKind
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from tests.support.spoiled_pad_ufes import pictures, read

Damage = Callable[[bytes], bytes]


@pytest.fixture
def images(tmp_path: Path) -> list[ClinicalImage]:
    """Nine images with their files, in the table's order."""
    return read(write_pad_ufes(tmp_path / "raw", images=9, side_px=16))[0]


@pytest.fixture
def index(tmp_path: Path) -> ImageIndex:
    return ImageIndex(tmp_path / "work" / "images.sqlite")


def path_of(image: ClinicalImage) -> Path:
    assert image.path is not None
    return image.path


def digests(index: ImageIndex, images: Sequence[ClinicalImage]) -> list[str]:
    """What the index says of each image: its sha256, or the kind of its problem."""
    measured = index.measure(images)
    return [str(item.kind) if isinstance(item, Problem) else item.file.sha256 if item.file else "" for item in measured]


def true_digests(images: Sequence[ClinicalImage]) -> list[str]:
    return [sha256(path_of(image).read_bytes()).hexdigest() for image in images]


def rewrite(path: Path, content: bytes, *, is_time_kept: bool) -> None:
    """Replaces a file's content, with or without a trace in its modification time."""
    stat = path.stat()
    path.write_bytes(content)
    later_ns = 0 if is_time_kept else 1_000_000_000
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + later_ns))


def scrambled(content: bytes) -> bytes:
    """No image any more, of the same size."""
    return content[::-1]


def test_images_come_measured_and_in_the_order_given(index: ImageIndex, images: list[ClinicalImage]) -> None:
    shuffled = images[::2] + images[1::2]
    measured = list(index.measure(shuffled))
    assert [item.image_id for item in measured if isinstance(item, ClinicalImage)] == [i.image_id for i in shuffled]
    assert digests(index, shuffled) == true_digests(shuffled)
    assert len(set(true_digests(images))) == len(images)


def test_a_second_run_reads_no_file_again(index: ImageIndex, images: list[ClinicalImage]) -> None:
    """Size and time stay while the content is ruined: whoever reads a file again meets a broken image."""
    before = digests(index, images)
    for image in images:
        rewrite(path_of(image), scrambled(path_of(image).read_bytes()), is_time_kept=True)
    assert digests(index, images) == before
    assert digests(ImageIndex(path_of(images[0]).parent / "other.sqlite"), images) == ["broken image"] * len(images)


def test_a_file_of_another_time_is_measured_again_and_no_other(index: ImageIndex, images: list[ClinicalImage]) -> None:
    before = digests(index, images)
    for place, is_time_kept in ((2, False), (5, True)):
        path = path_of(images[place])
        rewrite(path, scrambled(path.read_bytes()), is_time_kept=is_time_kept)
    after = digests(index, images)
    assert after[2] == "broken image"
    assert after[:2] + after[3:] == before[:2] + before[3:]
    assert digests(index, images) == after


def test_a_file_of_another_size_is_measured_again_whatever_its_time(
    index: ImageIndex, images: list[ClinicalImage]
) -> None:
    digests(index, images)
    rewrite(path_of(images[0]), path_of(images[0]).read_bytes() + b"appended", is_time_kept=True)
    assert digests(index, images) == true_digests(images)


def test_a_broken_file_is_looked_at_again_until_it_is_mended(index: ImageIndex, images: list[ClinicalImage]) -> None:
    path, content = path_of(images[4]), path_of(images[4]).read_bytes()
    rewrite(path, scrambled(content), is_time_kept=True)
    assert digests(index, images)[4] == "broken image"
    rewrite(path, content, is_time_kept=True)
    assert digests(index, images) == true_digests(images)


def test_a_problem_names_the_file_and_the_row(index: ImageIndex, images: list[ClinicalImage]) -> None:
    path_of(images[1]).write_bytes(b"")
    problems = [item for item in index.measure(images) if isinstance(item, Problem)]
    assert [problem.kind for problem in problems] == [ProblemKind.BROKEN_IMAGE]
    assert problems[0].location == f"{path_of(images[1])} (metadata.csv, line 3)"
    assert "empty" in problems[0].detail


def test_progress_is_told_once_an_image_on_the_first_run_and_the_next(
    index: ImageIndex, images: list[ClinicalImage]
) -> None:
    path_of(images[1]).write_bytes(b"")
    for _ in range(2):
        told: list[int] = []
        assert len(list(index.measure(images, told.append))) == 9
        assert told == [1] * 9


def test_an_image_without_a_file_passes_as_it_is(index: ImageIndex, tmp_path: Path) -> None:
    root = write_pad_ufes(tmp_path / "other", images=3, side_px=16)
    pictures(root)[0].unlink()
    images, _ = read(root)
    missing = [image for image in images if image.path is None]
    measured = list(index.measure(images))
    assert len(missing) == 1
    assert missing[0] in measured
    assert len(measured) == 3


def test_no_images_are_no_work(index: ImageIndex) -> None:
    assert list(index.measure([])) == []


def test_what_was_measured_before_a_run_ended_is_remembered(index: ImageIndex, images: list[ClinicalImage]) -> None:
    run = index.measure(images)
    first = [next(run) for _ in range(4)]
    run.close()  # type: ignore[attr-defined]  # a generator, as when the run is stopped
    for image in images:
        rewrite(path_of(image), scrambled(path_of(image).read_bytes()), is_time_kept=True)
    after = list(index.measure(images))
    assert after[:3] == first[:3]
    assert isinstance(after[8], Problem)


DAMAGES: dict[str, Damage] = {
    "emptied": lambda content: b"",
    "another kind of file": lambda content: b"no database at all\n" * 100,
    "cut in its header": lambda content: content[:50],
    "cut behind its first page": lambda content: content[:4096],
    "cut in its last page": lambda content: content[:-100],
    "zeros from its second page on": lambda content: content[:4096] + b"\0" * (len(content) - 4096),
    "garbage in its second page": lambda content: content[:4096] + b"\xff" * 4096 + content[8192:],
    "other columns": lambda content: content.replace(b"height_px", b"height_mm"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_broken_index_costs_time_and_nothing_else(
    damage: Damage, images: list[ClinicalImage], tmp_path: Path
) -> None:
    path = tmp_path / "work" / "images.sqlite"
    expected = digests(ImageIndex(path), images)
    content = path.read_bytes()
    assert len(content) > 4096
    path.write_bytes(damage(content))
    assert digests(ImageIndex(path), images) == expected
    rewrite(path_of(images[0]), scrambled(path_of(images[0]).read_bytes()), is_time_kept=True)
    assert digests(ImageIndex(path), images) == expected  # and it remembers again


def test_a_broken_page_anywhere_in_the_index_is_noticed_before_it_is_written(tmp_path: Path) -> None:
    images, _ = read(write_pad_ufes(tmp_path / "raw", images=40, side_px=16))
    path = tmp_path / "work" / "images.sqlite"
    digests(ImageIndex(path), images[:-1])
    content = path.read_bytes()
    assert len(content) >= 4 * 4096
    for start in range(4096, len(content), 4096):
        path.write_bytes(content[:start] + b"\xff" * 4096 + content[start + 4096 :])
        assert digests(ImageIndex(path), images) == true_digests(images)


def test_files_of_one_name_in_two_working_directories_are_two_files(
    index: ImageIndex, images: list[ClinicalImage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = path_of(images[0]).read_bytes()
    found = []
    for folder, bytes_there in (("here", content), ("there", scrambled(content))):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.png").write_bytes(bytes_there)
        os.utime(tmp_path / folder / "x.png", ns=(0, 0))
        monkeypatch.chdir(tmp_path / folder)
        image = ClinicalImage(
            *("pad_ufes", "x", "x.png", "PAT_9001", "clinical"),
            *(images[0].facts, "CC-BY-4.0", "invented", "metadata.csv, line 2"),
            path=Path("x.png"),
        )
        found += digests(index, [image])
    assert found == [sha256(content).hexdigest(), "broken image"]


def test_a_folder_whose_name_is_no_utf_8_is_measured_like_any_other(index: ImageIndex, tmp_path: Path) -> None:
    root = write_pad_ufes(tmp_path / os.fsdecode(b"caf\xe9"), images=3, side_px=16)
    images, _ = read(root)
    path_of(images[1]).write_bytes(b"")
    assert digests(index, images)[1] == "broken image"
    broken = [item.location for item in index.measure(images) if isinstance(item, Problem)]
    assert len(broken) == 1
    assert "caf\\xe9" in broken[0]
    broken[0].encode()  # can be written to a list


def test_two_runs_at_once_share_an_index(images: list[ClinicalImage], tmp_path: Path) -> None:
    path = tmp_path / "images.sqlite"
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: digests(ImageIndex(path), images), range(2)))
    assert both == [true_digests(images)] * 2


def test_each_file_is_decoded_once_in_two_runs(
    index: ImageIndex, images: list[ClinicalImage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts calls; that a remembered file is not even read is shown without a spy above."""
    decoded: list[str] = []

    def look_and_note(image: Image.Image) -> Picture:
        decoded.append(picture_of(image).pixel_sha256)
        return picture_of(image)

    monkeypatch.setattr(images_module, "picture_of", look_and_note)
    for _ in range(2):
        measured = list(index.measure(images))
    index.near(each for each in measured if isinstance(each, ClinicalImage))
    told = [each.file.pixel_sha256 for each in measured if isinstance(each, ClinicalImage) and each.file]
    assert sorted(decoded) == sorted(told)


def test_lost_copies_of_pictures_are_made_again_and_say_the_same(
    index: ImageIndex, images: list[ClinicalImage], tmp_path: Path
) -> None:
    turned = path_of(images[0]).with_name("turned.png")
    with Image.open(path_of(images[0])) as image:
        image.resize((64, 64)).transpose(Image.Transpose.ROTATE_90).save(turned)
    measured = list(index.measure([*images, replace(images[1], path=turned)]))
    there = [each for each in measured if isinstance(each, ClinicalImage)]
    before = index.near(there)
    assert before
    [kept] = (tmp_path / "work").glob("*-pictures.sqlite")
    for content in (b"no database", kept.read_bytes()[: kept.stat().st_size // 2]):
        kept.write_bytes(content)
        assert index.near(there) == before
    kept.unlink()
    assert index.near(there) == before


def test_what_is_seen_is_kept_by_pixels_and_looked_at_once(
    index: ImageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [image, *_] = read(write_pad_ufes(tmp_path / "drawn", images=9, side_px=128))[0]
    [measured] = [item for item in index.measure([image]) if isinstance(item, ClinicalImage)]
    [seen] = index.look([measured])
    assert {each.method for each in seen.measured} <= {METHOD}
    moved = replace(measured, path=tmp_path / "nowhere.png")
    assert index.look([moved]) == [replace(moved, measured=seen.measured)]
    monkeypatch.setattr("dermasynth_builder.core.images.pictures.METHOD", "eyes 0")
    assert index.look([moved]) == [moved], "of another method nothing is known, and the file is gone"
