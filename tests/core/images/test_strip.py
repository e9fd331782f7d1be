"""Metadata leave an image file, and its pixels, colours and orientation stay."""

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps
from PIL.ExifTags import GPS, IFD, Base
from PIL.PngImagePlugin import PngInfo

from dermasynth_builder.core.images.profile import plain_profile
from dermasynth_builder.core.images.strip import strip

XMP = (
    "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    "<rdf:Description xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation=\"3\"/></rdf:RDF></x:xmpmeta>"
)
SECRET = b"SECRET"  # stands in every kind of metadata below
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def drawn(mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(5).integers(0, 256, (37, 52, 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


def exif(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[Base.Orientation] = orientation
    block[Base.Make] = SECRET.decode()
    block.get_ifd(IFD.GPSInfo)[GPS.GPSLatitudeRef] = SECRET.decode()
    return block


def encoded(image: Image.Image, name: str, **options: Any) -> bytes:
    written = BytesIO()
    image.save(written, name, **options)
    return written.getvalue()


def decoded(content: bytes) -> Image.Image:
    with Image.open(BytesIO(content)) as image:
        image.load()
        return image


def texts() -> PngInfo:
    info = PngInfo()
    info.add_text("Author", SECRET.decode())
    info.add_text("Comment", SECRET.decode() * 50, zip=True)
    info.add_itxt("XML:com.adobe.xmp", XMP + SECRET.decode())
    info.add(b"prVt", SECRET)
    return info


FILES = {
    "jpeg with all": (
        encoded(drawn(), "JPEG", exif=exif(6), comment=SECRET, xmp=XMP.encode() + SECRET, icc_profile=PROFILE),
        ("EXIF", "XMP", "comment", "texts of the colour profile"),
    ),
    "progressive jpeg": (encoded(drawn(), "JPEG", exif=exif(8), progressive=True), ("EXIF",)),
    "jpeg with restarts": (
        encoded(drawn(), "JPEG", exif=exif(1), restart_marker_rows=1) + SECRET,
        ("EXIF", "bytes after the end"),
    ),
    "cmyk jpeg": (encoded(drawn("CMYK"), "JPEG", exif=exif(3)), ("EXIF",)),
    "grey jpeg": (encoded(drawn("L"), "JPEG", comment=SECRET), ("comment",)),
    "phone's jpeg with a second picture": (
        encoded(drawn(), "MPO", save_all=True, append_images=[drawn().rotate(90)], exif=exif(5)) + SECRET,
        ("EXIF", "thumbnail", "bytes after the end"),
    ),
    "png with all": (
        encoded(drawn("RGBA"), "PNG", exif=exif(7), pnginfo=texts(), icc_profile=PROFILE) + SECRET,
        ("text", "XMP", "other data", "EXIF", "texts of the colour profile", "bytes after the end"),
    ),
    "png with a palette": (
        encoded(drawn("P"), "PNG", pnginfo=texts(), transparency=3),
        ("text", "XMP", "other data", "unused colours"),
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_metadata_go_and_pixels_profile_and_orientation_stay(name: str) -> None:
    content, kinds = FILES[name]
    stripped = strip(content)
    assert set(stripped.removed) == set(kinds)
    assert SECRET not in stripped.content
    before, after = decoded(content), decoded(stripped.content)
    assert (after.mode, after.size, after.tobytes()) == (before.mode, before.size, before.tobytes())
    assert after.info.get("icc_profile") == (plain_profile(PROFILE) if "icc_profile" in before.info else None)
    assert after.convert("RGBA").tobytes() == before.convert("RGBA").tobytes()
    shown, meant = ImageOps.exif_transpose(after), ImageOps.exif_transpose(before)
    assert (shown.size, shown.tobytes()) == (meant.size, meant.tobytes())
    assert set(after.getexif()) <= {Base.Orientation}
    assert getattr(after, "n_frames", 1) == 1


@pytest.mark.parametrize("name", FILES)
def test_what_is_stripped_has_nothing_left_to_strip(name: str) -> None:
    once = strip(FILES[name][0]).content
    assert strip(once).content is once
    assert strip(once).removed == ()


@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_a_file_without_metadata_keeps_its_bytes(name: str) -> None:
    content = encoded(drawn(), name)
    assert strip(content).content is content


def test_a_picture_inside_the_jfif_header_is_taken_out() -> None:
    plain = encoded(drawn(), "JPEG")
    end = 4 + int.from_bytes(plain[4:6])
    header = plain[6 : end - 2] + b"\2\2" + SECRET * 2
    content = plain[:4] + struct.pack(">H", len(header) + 2) + header + plain[end:]
    assert decoded(content).size == (52, 37)
    stripped = strip(content)
    assert (stripped.removed, stripped.content) == (("thumbnail",), plain)


def test_an_orientation_that_only_xmp_gives_is_kept() -> None:
    content = encoded(drawn(), "JPEG", xmp=XMP.encode())
    assert decoded(content).getexif()[Base.Orientation] == 3
    assert dict(decoded(strip(content).content).getexif()) == {Base.Orientation: 3}


@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_a_file_cut_off_among_its_metadata_is_broken(name: str) -> None:
    content = encoded(drawn(), name, exif=exif(6))
    with pytest.raises(ValueError, match=r"truncated|broken"):
        strip(content[: content.index(SECRET) + 2])


@pytest.mark.parametrize("name", ["WEBP", "TIFF"])
def test_a_file_of_another_format_is_never_passed_on_with_its_metadata(name: str) -> None:
    with pytest.raises(ValueError, match="neither a JPEG nor a PNG file"):
        strip(encoded(drawn(), name, exif=exif(6)))
