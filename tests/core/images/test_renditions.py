"""What becomes of a source's image file in a release."""

import os
from base64 import b64decode
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.ExifTags import Base
from PIL.PngImagePlugin import PngInfo

from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.images.index import measure_file
from dermasynth_builder.core.images.renditions import make_sent_image, publish_image
from dermasynth_builder.core.images.strip import strip
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.records import ClinicalImage, ImageFile
from tests.support.clinical_images import clinical_image


def image_of(path: Path) -> ClinicalImage:
    file = measure_file(path)
    assert isinstance(file, ImageFile), file
    return replace(clinical_image(), path=path, file=file)


def saved(folder: Path, mode: str = "RGB", name: str = "x.png", **options: Any) -> ClinicalImage:
    colours: Any = {"RGBA": (200, 120, 90, 128), "L": 90, "CMYK": (9, 90, 80, 0), "I;16": 900}.get(mode, (200, 120, 90))
    Image.new(mode, (300, 200), colours).save(folder / name, **options)
    return image_of(folder / name)


def test_a_clean_file_goes_out_byte_for_byte(tmp_path: Path) -> None:
    image = saved(tmp_path)
    published = publish_image(image)
    assert image.path
    assert image.file
    assert (published.content, published.change) == (image.path.read_bytes(), None)
    assert published.sha256 == image.file.sha256 == sha256(published.content).hexdigest()


def test_what_was_removed_is_said(tmp_path: Path) -> None:
    published = publish_image(saved(tmp_path, name="x.jpg", comment="by somebody"))
    assert published.change == "metadata removed (comment)"
    assert published.sha256 == sha256(published.content).hexdigest()


@pytest.mark.parametrize(("mode", "made"), [("RGB", "JPEG"), ("L", "JPEG"), ("RGBA", "PNG"), ("P", "JPEG")])
def test_a_large_image_is_scaled_to_the_longest_side_asked_for(mode: str, made: str, tmp_path: Path) -> None:
    published = publish_image(saved(tmp_path, mode), 150)
    with Image.open(BytesIO(published.content)) as image:
        assert (image.format, image.size) == (made, (150, 100))
    assert published.sha256 == sha256(published.content).hexdigest()
    assert published.change is not None
    assert published.change.startswith("scaled to at most 150 px a side, Lanczos, " + made)
    assert publish_image(saved(tmp_path, mode), 150) == published


def named_exif() -> Image.Exif:
    block = Image.Exif()
    block[Base.Artist] = "Jane Doe"
    return block


SPOKEN: dict[str, tuple[str, str, dict[str, Any]]] = {
    "jpeg": ("RGB", "x.jpg", {"comment": "Jane Doe", "xmp": b"<x>Jane Doe</x>", "exif": named_exif()}),
    "grey jpeg": ("L", "x.jpg", {"comment": "Jane Doe"}),
    "print's jpeg": ("CMYK", "x.jpg", {"comment": "Jane Doe"}),
    "png": ("RGB", "x.png", {"pnginfo": True}),
    "transparent png": ("RGBA", "x.png", {"pnginfo": True}),
    "palette png": ("P", "x.png", {"pnginfo": True}),
}


@pytest.mark.parametrize("name", SPOKEN)
@pytest.mark.parametrize("side", [None, 150])
def test_no_word_of_a_file_is_in_what_is_stored_scaled_or_sent(name: str, side: int | None, tmp_path: Path) -> None:
    mode, file_name, options = SPOKEN[name]
    if "pnginfo" in options:
        options = {"pnginfo": PngInfo()}
        options["pnginfo"].add_text("Comment", "Jane Doe")
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", "Jane Doe")
    image = saved(tmp_path, mode, file_name, **options)
    assert image.path
    assert b"Jane" in image.path.read_bytes()
    published = publish_image(image, side)
    sent = b64decode(make_sent_image(image.path, EngineOptions(image_side_px=side or 1024)).base64)
    for content in (published.content, sent):
        assert b"Jane" not in content
        assert strip(content).content is content
    assert published.change
    assert "metadata removed" in published.change


def test_a_png_goes_as_jpeg_where_that_is_allowed_and_smaller(tmp_path: Path) -> None:
    noise, flat = tmp_path / "noise.png", tmp_path / "flat.png"
    Image.effect_noise((200, 200), 60).convert("RGB").save(noise)
    Image.new("RGB", (200, 200), "brown").save(flat)
    as_jpeg = EngineOptions(png_as="jpeg")
    assert make_sent_image(noise, as_jpeg).mime_type == "image/jpeg"
    assert len(make_sent_image(noise, as_jpeg).base64) < len(make_sent_image(noise, EngineOptions()).base64)
    for path, options in ((noise, EngineOptions()), (flat, as_jpeg)):
        assert make_sent_image(path, options).mime_type == "image/png"
        assert b64decode(make_sent_image(path, options).base64) == strip(path.read_bytes()).content


def test_an_opaque_alpha_channel_is_no_reason_for_png(tmp_path: Path) -> None:
    Image.new("RGBA", (300, 200), (1, 2, 3, 255)).save(tmp_path / "x.png")
    change = publish_image(image_of(tmp_path / "x.png"), 100).change
    assert change is not None
    assert "JPEG of quality 90" in change


def test_a_scaled_image_stands_upright_and_says_all_that_was_done(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[Base.Orientation] = 6
    published = publish_image(saved(tmp_path, name="x.jpg", exif=exif, comment="by somebody"), 150)
    with Image.open(BytesIO(published.content)) as image:
        assert (image.size, dict(image.getexif())) == ((100, 150), {})
    assert (
        published.change
        == "metadata removed (EXIF, comment); scaled to at most 150 px a side, Lanczos, JPEG of quality 90"
    )


@pytest.mark.parametrize(("mode", "side"), [("RGB", 300), ("I;16", 100)])
def test_a_small_image_and_one_of_unusual_depth_are_not_scaled(mode: str, side: int, tmp_path: Path) -> None:
    image = saved(tmp_path, mode)
    assert publish_image(image, side) == publish_image(image)


def test_a_file_that_has_changed_since_it_was_measured_is_refused(tmp_path: Path) -> None:
    image = saved(tmp_path)
    assert image.path
    os.utime(image.path, ns=(1, 1))
    with pytest.raises(ReleaseError, match="has changed since it was measured"):
        publish_image(image)


def test_an_image_that_cannot_be_decoded_is_named_when_it_must_be_scaled(tmp_path: Path) -> None:
    image = saved(tmp_path, name="x.jpg", quality=95)
    assert image.path
    content = bytearray(image.path.read_bytes())
    middle = content.index(b"\xff\xc0") + 4  # the frame's header
    content[middle] = 3  # bits a sample, which no decoder knows
    image.path.write_bytes(bytes(content))
    assert image.file
    unmeasured = image.file._replace(size_bytes=len(content), mtime_ns=image.path.stat().st_mtime_ns)
    with pytest.raises(ReleaseError, match=r"x\.jpg cannot be decoded"):
        publish_image(replace(image, file=unmeasured), 100)
