"""Whatever segments and chunks a file holds, what comes out is its picture and nothing else."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps

from dermasynth_builder.core.images.png import framed
from dermasynth_builder.core.images.profile import plain_profile
from dermasynth_builder.core.images.strip import Stripped, strip

pytestmark = pytest.mark.filterwarnings("ignore:Image appears to be a malformed MPO file")
SECRET = b"Jane Doe, 4711"
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PIXELS = np.random.default_rng(3).integers(0, 256, (24, 33, 3), np.uint8)


def encoded(name: str, mode: str = "RGB", **options: object) -> bytes:
    written = BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(written, name, **options)
    return written.getvalue()


def pixels(content: bytes) -> tuple[str, tuple[int, int], bytes]:
    with Image.open(BytesIO(content)) as image:
        shown = ImageOps.exif_transpose(image)
        return shown.mode, shown.size, shown.tobytes()


def holds_secret(content: bytes) -> bool:
    """In the bytes themselves, as UTF-16, or in what a stream of zlib in a chunk inflates to."""
    streams = [content]
    for at in range(8, len(content) - 12):
        if content[at : at + 4] in {b"iCCP", b"IDAT", b"zTXt", b"iTXt"}:
            body = content[at + 4 :]
            for start in (0, *(i + 2 for i in range(80) if body[i : i + 2] == b"\0\0")):
                inflating = zlib.decompressobj()
                try:
                    streams.append(inflating.decompress(body[start:]))
                except zlib.error:
                    continue
    return any(words in stream for stream in streams for words in (SECRET, SECRET.decode().encode("utf-16-be")))


def assert_only_the_picture(content: bytes) -> Stripped:
    stripped = strip(content)
    assert not holds_secret(stripped.content)
    assert pixels(stripped.content) == pixels(content)
    assert strip(stripped.content).content is stripped.content
    return stripped


def segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def spoken_profile(**tags: bytes) -> bytes:
    """The profile of sRGB with our words in its header, in its texts and in tags of ours."""
    entries = [struct.unpack_from(">4sII", SRGB, 132 + 12 * number) for number in range(int.from_bytes(SRGB[128:132]))]
    bodies = {name: SRGB[at : at + size] for name, at, size in entries}
    text = b"text\0\0\0\0" + SECRET + b"\0"
    bodies |= {b"cprt": text, b"dmnd": text} | {name.encode(): body for name, body in tags.items()}
    table, data, at = b"", b"", 132 + 12 * len(bodies)
    for name, body in bodies.items():
        table += struct.pack(">4sII", name, at + len(data), len(body))
        data += body + SECRET + bytes(-len(body + SECRET) % 4)
    header = SRGB[4:48] + SECRET[:4] + SRGB[52:80] + SECRET[:4] + SRGB[84:128]
    return struct.pack(">I", at + len(data)) + header + struct.pack(">I", len(bodies)) + table + data


APP_OPENINGS = [
    *(b"", b"JFIF\0\1\1\0\0\1\0\1\1\1", b"JFXX\0\x13", b"Exif\0\0", b"Photoshop 3.0\0", b"MPF\0", b"Adobe_CM\0"),
    *(
        b"Adobe_Photoshop2.5:",
        b"Adobe",
        b"Adobe\0\x64\0\0\0\0\1",
        b"ICC_PROFILE\0\1\1",
        b"http://ns.adobe.com/xap/1.0/\0",
    ),
]
STRAY_MARKERS = [*range(0xE0, 0xF0), *range(0xF0, 0xFE), 0xFE, 0xDC]
stray_segments = st.builds(
    lambda marker, opening, more: segment(marker, opening + SECRET + more),
    st.sampled_from(STRAY_MARKERS),
    st.sampled_from(APP_OPENINGS),
    st.binary(max_size=20),
)
unused_tables = st.builds(
    lambda number: segment(0xDB, bytes([number]) + (SECRET * 5)[:64]), st.integers(2, 3)
) | st.builds(
    lambda number: segment(0xC4, bytes([number, *[0] * 15, len(SECRET)]) + SECRET), st.sampled_from([2, 3, 0x12])
)
JPEGS = [
    encoded("JPEG"),
    encoded("JPEG", progressive=True),
    encoded("JPEG", "L", restart_marker_rows=1),
    encoded("JPEG", "CMYK"),
    encoded("JPEG", icc_profile=spoken_profile()),
]


@given(st.sampled_from(JPEGS), st.lists(stray_segments | unused_tables, max_size=6), st.data())
def test_no_mixture_of_segments_lets_a_word_out_of_a_jpeg(
    plain: bytes, strays: list[bytes], data: st.DataObject
) -> None:
    places = [2, *(at for at in range(2, len(plain)) if plain[at : at + 2] in {b"\xff\xdb", b"\xff\xc4", b"\xff\xda"})][
        :4
    ]
    drawn = sorted(data.draw(st.lists(st.sampled_from(places), min_size=len(strays), max_size=len(strays))))
    parts = [plain[start:end] for start, end in zip([0, *drawn], [*drawn, len(plain)], strict=True)]
    content = b"".join(part + stray for part, stray in zip(parts, [*strays, b""], strict=True))
    try:
        pixels(content)
    except (OSError, SyntaxError, ValueError):  # such a file was never an image
        return
    assert_only_the_picture(content + data.draw(st.sampled_from([b"", SECRET])))


@pytest.mark.parametrize("number", range(len(JPEGS)))
def test_words_at_the_end_of_every_scan_go(number: int) -> None:
    plain = JPEGS[number]
    assert plain.endswith(b"\xff\xd9")
    assert "other data" in assert_only_the_picture(plain[:-2] + SECRET + b"\xff\xd9").removed


@pytest.mark.parametrize("marker", [*range(0xE0, 0xF0), *range(0xF0, 0xFE), 0xFE])
@pytest.mark.parametrize("opening", APP_OPENINGS)
def test_no_segment_of_any_kind_keeps_a_word(marker: int, opening: bytes) -> None:
    content = JPEGS[0][:2] + segment(marker, opening + SECRET) + JPEGS[0][2:]
    stripped = strip(content)
    assert stripped.removed
    assert not holds_secret(stripped.content)
    assert pixels(stripped.content)[1] == PIXELS.shape[1::-1]


CHUNKS = [
    "tEXt",
    "zTXt",
    "iTXt",
    "tIME",
    "eXIf",
    "sPLT",
    "hIST",
    "prVt",
    "iCCP",
    "gAMA",
    "cHRM",
    "sBIT",
    "pHYs",
    "vpAg",
    "caBX",
]
PNGS = [
    encoded("PNG"),
    encoded("PNG", "P"),
    encoded("PNG", "LA"),
    encoded("PNG", "1"),
    encoded("PNG", "L"),
    encoded("PNG", icc_profile=spoken_profile()),
]
stray_chunks = st.builds(
    lambda kind, opening, more: framed(kind, opening + SECRET + more),
    st.sampled_from(CHUNKS),
    st.sampled_from([b"", b"Comment\0", b"x\0\0", b"XML:com.adobe.xmp\0\0\0\0\0", b"Jane\0\0" + zlib.compress(SECRET)]),
    st.binary(max_size=20),
)


@given(st.sampled_from(PNGS), st.lists(stray_chunks, max_size=6), st.sampled_from([b"", SECRET]))
def test_no_mixture_of_chunks_lets_a_word_out_of_a_png(plain: bytes, strays: list[bytes], trailing: bytes) -> None:
    content = plain[:33] + b"".join(strays) + plain[33:] + trailing
    try:
        pixels(content)
    except (OSError, SyntaxError, ValueError):
        return
    assert_only_the_picture(content)


def with_stream(stream: bytes) -> bytes:
    content = encoded("PNG")
    return content[:33] + framed("IDAT", stream) + framed("IEND", b"")


def test_words_behind_or_within_the_stream_of_pixels_go() -> None:
    content = encoded("PNG")
    at = content.index(b"IDAT")
    stream = content[at + 4 : at + 4 + int.from_bytes(content[at - 4 : at])]
    behind, within = with_stream(stream + SECRET), with_stream(zlib.compress(zlib.decompress(stream) + SECRET))
    for hiding in (behind, within):
        assert assert_only_the_picture(hiding).removed == ("other data",)


@pytest.mark.parametrize("rows", [1, 255, 256, 257, 512, 1024])
def test_words_behind_a_long_stream_of_pixels_go(rows: int) -> None:
    """A row of it has 256 bytes; streams are read in parts of 64 kB."""
    shades = np.random.default_rng(rows).integers(0, 256, (rows, 255), np.uint8)
    written = BytesIO()
    Image.fromarray(shades).save(written, "PNG")
    plain = written.getvalue()
    start = plain.index(b"IDAT") - 4
    stream = zlib.compress(b"".join(b"\0" + row.tobytes() for row in shades)) + SECRET + zlib.compress(SECRET)
    assert_only_the_picture(plain[:start] + framed("IDAT", stream) + framed("IEND", b""))


def test_colours_of_a_palette_that_no_pixel_has_go() -> None:
    image = Image.new("P", (9, 9), 1)
    image.putpalette([1, 2, 3, 200, 100, 50, *SECRET, 0])
    written = BytesIO()
    image.save(written, "PNG", bits=8)
    assert holds_secret(written.getvalue())
    assert assert_only_the_picture(written.getvalue()).removed == ("unused colours",)


def test_a_profile_keeps_its_colours_and_none_of_its_words() -> None:
    spoken = spoken_profile(tech=SECRET, meta=SECRET, Jane=SECRET)
    plain = plain_profile(spoken)
    assert SECRET in spoken
    assert b"Jane" not in plain
    assert plain_profile(plain) == plain
    target = ImageCms.createProfile("LAB")
    before, after = (
        ImageCms.profileToProfile(
            Image.fromarray(PIXELS), ImageCms.ImageCmsProfile(BytesIO(profile)), target, outputMode="LAB"
        )
        for profile in (spoken, plain)
    )
    assert before is not None
    assert after is not None
    assert before.tobytes() == after.tobytes()


@given(st.binary(max_size=400) | st.binary(max_size=300).map(lambda more: SRGB[:200] + more))
def test_a_broken_profile_is_none(profile: bytes) -> None:
    plain = plain_profile(profile)
    assert plain_profile(plain) == plain


@given(st.sampled_from(JPEGS + PNGS), st.data())
def test_a_damaged_file_is_told_or_comes_out_clean(plain: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(2, len(plain) - 1))
    content = plain[:at] + data.draw(st.binary(max_size=8)) + plain[at + data.draw(st.integers(0, 8)) :]
    try:
        once = strip(content).content
    except (ValueError, OSError, SyntaxError):
        return
    assert strip(once).content == once
