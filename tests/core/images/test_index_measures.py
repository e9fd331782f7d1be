"""What the bytes of an image file say, and when a file cannot be used."""

import os
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from dermasynth_builder.core.images.index import measure_file
from dermasynth_builder.core.records import ImageFile
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from tests.support.spoiled_pad_ufes import PNG_START, pictures, png_claiming


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn specimen that is not square; tests must not change it."""
    for path in pictures(write_pad_ufes(tmp_path_factory.mktemp("raw"), images=6, side_px=16)):
        with Image.open(path) as image:
            if image.width != image.height:
                return path
    pytest.fail("all specimens are square")


def encoded(picture: Path, name: str, **options: object) -> bytes:
    """The specimen in another format."""
    written = BytesIO()
    with Image.open(picture) as image:
        image.convert("RGB").save(written, name, **options)
    return written.getvalue()


def reason(path: Path, content: bytes) -> str | None:
    """Why a file of that content cannot be used, or None."""
    path.write_bytes(content)
    outcome = measure_file(path)
    return outcome if isinstance(outcome, str) else None


def test_a_file_is_measured_from_its_bytes(picture: Path) -> None:
    content = picture.read_bytes()
    with Image.open(picture) as image:
        width_px, height_px = image.size
        mode, pixels = image.mode, image.convert("RGB").tobytes()
    assert measure_file(picture) == ImageFile(
        sha256=sha256(content).hexdigest(),
        format="PNG",
        mode=mode,
        width_px=width_px,
        height_px=height_px,
        size_bytes=len(content),
        mtime_ns=picture.stat().st_mtime_ns,
        pixel_sha256=sha256(f"RGB {width_px}x{height_px}\n".encode() + pixels).hexdigest(),
    )


@pytest.mark.parametrize("name", ["PNG", "JPEG"])
def test_the_bytes_and_not_the_name_tell_the_format(name: str, picture: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(encoded(picture, name))
    outcome = measure_file(path)
    assert isinstance(outcome, ImageFile)
    assert (outcome.format, outcome.mode) == (name, "RGB")


@pytest.mark.parametrize("name", ["BMP", "TIFF", "WEBP"])
def test_a_file_of_another_format_is_refused_by_name_with_what_to_do(name: str, picture: Path, tmp_path: Path) -> None:
    assert reason(tmp_path / "x.png", encoded(picture, name)) == f"a {name} image; convert it to PNG or JPEG"


def test_a_picture_of_several_frames_as_phones_write_it_is_whole(picture: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    with Image.open(picture) as image:
        first = image.convert("RGB")
    first.save(path, "MPO", save_all=True, append_images=[first.rotate(90)])
    outcome = measure_file(path)
    assert isinstance(outcome, ImageFile)
    assert (outcome.width_px, outcome.height_px) == first.size


def test_a_png_file_cut_off_anywhere_is_broken(picture: Path, tmp_path: Path) -> None:
    content = encoded(picture, "PNG")
    path = tmp_path / "x.png"
    assert reason(path, content) is None
    assert [size for size in range(len(content)) if reason(path, content[:size]) is None] == []


@pytest.mark.parametrize("is_progressive", [False, True])
def test_a_jpeg_file_cut_off_anywhere_is_broken(is_progressive: bool, picture: Path, tmp_path: Path) -> None:
    content = encoded(picture, "JPEG", progressive=is_progressive)
    path = tmp_path / "x.jpg"
    assert reason(path, content) is None
    assert [size for size in range(len(content)) if reason(path, content[:size]) is None] == []


def test_a_changed_bit_anywhere_in_a_png_file_is_seen(picture: Path, tmp_path: Path) -> None:
    content = encoded(picture, "PNG")
    path = tmp_path / "x.png"
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        assert reason(path, bytes(changed)) is not None, place


@pytest.mark.parametrize("name", ["PNG", "JPEG"])
def test_what_a_phone_appends_behind_the_end_does_no_harm(name: str, picture: Path, tmp_path: Path) -> None:
    assert reason(tmp_path / "x", encoded(picture, name) + b"appended") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 1000,
        PNG_START,
        b"<html>404 not found</html>",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n",
        b"GIF89a" + b"\0" * 20,
        png_claiming(0, 0),
    ],
)
def test_what_is_no_image_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    said = reason(tmp_path / "x.png", content)
    assert said is not None
    assert "no image" in said


def test_a_png_file_without_pixels_is_broken(tmp_path: Path) -> None:
    assert reason(tmp_path / "x.png", png_claiming(4, 4, pixels=b"\0" * 52)) is None
    assert reason(tmp_path / "x.png", png_claiming(4, 4, pixels=None)) is not None


def test_a_header_that_claims_a_gigantic_picture_is_broken_and_costs_nothing(tmp_path: Path) -> None:
    said = reason(tmp_path / "x.png", png_claiming(50_000, 50_000))
    assert said is not None
    assert "DecompressionBombError" in said


def test_a_page_of_postscript_is_never_handed_to_an_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    interpreter = tmp_path / "gs"
    interpreter.write_text(f"#!/bin/sh\ntouch '{ran}'\n", encoding="utf-8")
    interpreter.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    page = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
    assert reason(tmp_path / "x.png", page) is not None
    assert not ran.exists()


def test_a_file_that_is_not_there_is_a_reason_and_no_exception(tmp_path: Path) -> None:
    assert "FileNotFoundError" in str(measure_file(tmp_path / "gone.png"))
