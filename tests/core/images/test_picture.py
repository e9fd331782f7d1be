"""The hash of pixels is of what is seen, and not of how it is stored."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import Base

from dermasynth_builder.core.images.picture import picture_of


@pytest.fixture
def drawn() -> Image.Image:
    levels = np.random.default_rng(7).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    return Image.fromarray(levels)


def pixels(image: Image.Image) -> str:
    return picture_of(image).pixel_sha256


def stored(image: Image.Image, kind: str, **options: object) -> Image.Image:
    made = BytesIO()
    image.save(made, kind, **options)
    again = Image.open(made)
    again.load()
    return again


def test_how_a_picture_is_stored_makes_no_difference(drawn: Image.Image) -> None:
    grey = drawn.convert("L")
    assert pixels(stored(drawn, "PNG")) == pixels(drawn)
    assert pixels(drawn.convert("RGBA")) == pixels(drawn)
    assert pixels(grey.convert("RGB")) == pixels(grey) == pixels(grey.convert("LA"))
    few = drawn.quantize(16)
    assert pixels(few) == pixels(few.convert("RGB"))


def test_a_picture_is_hashed_upright(drawn: Image.Image) -> None:
    exif = Image.Exif()
    exif[Base.Orientation] = 6  # turned by a quarter to the right when it is shown
    told = stored(drawn.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)
    assert pixels(told) == pixels(drawn)
    assert picture_of(told).thumb == picture_of(drawn).thumb


def test_another_size_other_pixels_and_what_shows_through_are_other_pictures(drawn: Image.Image) -> None:
    levels = np.asarray(drawn).copy()
    levels[3, 5, 1] ^= 1
    clear = drawn.convert("RGBA")
    clear.putpixel((0, 0), (*drawn.getpixel((0, 0)), 254))  # type: ignore[misc]
    reshaped = Image.frombytes("RGB", (24, 40), drawn.tobytes())
    others = [Image.fromarray(levels), clear, reshaped, drawn.transpose(Image.Transpose.ROTATE_180)]
    assert len({pixels(each) for each in [drawn, *others]}) == 5


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F", "I;16"])
def test_every_kind_of_picture_has_a_hash_and_a_small_copy(mode: str) -> None:
    assert len(picture_of(Image.new(mode, (9, 5))).thumb) == 1024


def test_a_jpeg_that_breaks_off_in_its_pixels_has_none(tmp_path: Path, drawn: Image.Image) -> None:
    made = BytesIO()
    drawn.resize((400, 240)).save(made, "JPEG")
    with Image.open(BytesIO(made.getvalue()[:2000])) as cut, pytest.raises(OSError, match="truncated"):
        picture_of(cut)
