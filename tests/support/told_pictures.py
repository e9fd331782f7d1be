"""Photographs that tell of a person: names, places and dates in every corner that JPEG and PNG files have."""

import csv
import re
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

NAME, PLACE, DAY = "Jane Doe-Quartz", "Ankara, Zebra Street 4711", "1951:05:04 07:08:09"
TOLD = (NAME, PLACE, DAY)
"""What nobody may read; each corner holds all of it."""
WORDS = " / ".join(TOLD)
_TEXT = WORDS.encode()
_SIDES = ((300, 220), (640, 480), (1300, 1000))  # stored as it is, scaled by --max-side, scaled when sent
_RECIPE = """\
[raw]
folder = "."

[folder]
title = "Told pictures"
licence = "CC-BY-4.0"
attribution = "Nobody"
image = "image"
group = "patient"
facts.diagnosis = "finding"
facts.age_years = "age"
"""
_BOXES: dict[bytes, bytes] = {  # how segments of makers begin, by the number of their APPn where it matters
    b"JFXX\0\x13": b"\xe0",
    b"Exif\0\0": b"\xe1",
    b"http://ns.adobe.com/xap/1.0/\0": b"\xe1",
    b"http://ns.adobe.com/xmp/extension/\0": b"\xe1",
    b"ICC_PROFILE\0\x01\x01": b"\xe2",
    b"MPF\0": b"\xe2",
    b"FPXR\0": b"\xe2",
    b"Meta\0\0": b"\xe3",
    b"Scalado\0": b"\xe4",
    b"RMETA\0": b"\xe5",
    b"NITF\0": b"\xe6",
    b"Qualcomm\0": b"\xe7",
    b"SPIFF\0": b"\xe8",
    b"MediaJukebox\0": b"\xe9",
    b"PhotoStudio\0": b"\xea",
    b"HDR_RI ver": b"\xeb",
    b"Ducky\0": b"\xec",
    b"Photoshop 3.0\0": b"\xed",
    b"Adobe_Photoshop2.5:": b"\xed",
    b"Adobe_CM": b"\xed",
    b"Adobe\0\x64\0\0\0\0\x01": b"\xee",
    b"anything": b"\xef",
}


def write_told_pictures(folder: Path, *, images: int = 20) -> Path:
    """Writes so many pictures, every other one a JPEG, their table and the recipe that maps it."""
    folder.mkdir(parents=True)
    rows = []
    for number, side in zip(range(images), cycle(_SIDES), strict=False):
        name = f"photo_{number:03}.{'png' if number % 2 else 'jpg'}"
        (folder / name).write_bytes(_png(number, side) if number % 2 else _jpeg(number, side))
        age = 30 + number
        rows.append((name, f"patient_{number:04}", "Nevus" if number % 3 else "Melanoma", age, NAME, PLACE, DAY))
    with (folder / "patients.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("image", "patient", "finding", "age", "name", "home", "seen_at"), *rows])
    (folder / "recipe.toml").write_text(_RECIPE, encoding="utf-8")
    return folder


def _picture(number: int, side: tuple[int, int], mode: str) -> Image.Image:
    width, height = side
    shades = np.linspace(90, 200, width * height * 3).reshape(height, width, 3)
    shades += np.random.default_rng(number).normal(0, 9, shades.shape)
    return Image.fromarray(shades.clip(0, 255).astype(np.uint8)).convert(mode)


def _exif(is_turned: bool) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6 if is_turned else 1
    for tag in (0x010D, 0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298):
        exif[tag] = WORDS
    for tag in (0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F):  # Windows' own title, comment, author, keywords, subject
        exif[tag] = WORDS.encode("utf-16-le") + b"\0\0"
    details: dict[int, Any] = exif.get_ifd(0x8769)
    details |= {0x9003: DAY, 0x9286: b"ASCII\0\0\0" + _TEXT, 0x927C: _TEXT, 0xA420: WORDS, 0xA430: WORDS, 0xA431: WORDS}
    places: dict[int, Any] = exif.get_ifd(0x8825)
    places |= {1: "N", 2: (39.0, 55.0, 12.5), 3: "E", 4: (32.0, 51.0, 9.5), 27: _TEXT, 28: _TEXT, 29: DAY[:10]}
    return exif.tobytes()


def _xmp() -> bytes:
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:creator>{WORDS}</dc:creator></x:xmpmeta>'.encode()


def _iptc() -> bytes:
    fields = b"".join(
        b"\x1c\x02" + bytes([tag]) + struct.pack(">H", len(_TEXT)) + _TEXT for tag in (5, 55, 80, 90, 120)
    )
    return b"8BIM\x04\x04\0\0" + struct.pack(">I", len(fields)) + fields + b"\0" * (len(fields) % 2)


def _profile() -> bytes:
    """A true profile of sRGB whose description and copyright are told."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for tag in (b"desc", b"cprt"):
        at = profile.index(tag, 128)
        start, size = struct.unpack(">II", profile[at + 4 : at + 12])
        words = WORDS.encode("utf-16-be")[: size - 28]
        profile[start : start + size] = (
            b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(words), 28) + words
        ).ljust(size, b"\0")
    return bytes(profile)


def _jpeg(number: int, side: tuple[int, int]) -> bytes:
    mode = ("RGB", "L", "CMYK")[number // 2 % 3]
    written = BytesIO()
    icc = {"icc_profile": _profile()} if mode == "RGB" else {}
    _picture(number, side, mode).save(
        written, "JPEG", quality=88, progressive=bool(number % 4), exif=_exif(number % 4 == 0), comment=_TEXT, **icc
    )
    plain = written.getvalue()
    table = b"\xff\xdb" + struct.pack(">H", 67) + b"\x03" + _TEXT.ljust(64, b".")[:64]  # a table that nothing uses
    segments = b"".join(
        b"\xff" + marker + struct.pack(">H", 2 + len(box) + len(body)) + box + body
        for box, marker in _BOXES.items()
        for body in [_xmp() if b"xap" in box else _iptc() if b"hotoshop" in box else _TEXT]
        if not (box.startswith(b"Adobe\0") and mode == "CMYK")  # it has one, which says what its colours are
    )
    scan = re.search(rb"\xff\xda", plain)
    assert scan
    again = b"\xff\xfe" + struct.pack(">H", 2 + len(_TEXT)) + _TEXT
    whole = plain[: scan.start()] + segments + table + again + plain[scan.start() : -2]
    return whole + again + b"\xff\xd9" + _TEXT + plain


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _png(number: int, side: tuple[int, int]) -> bytes:
    mode = ("RGB", "L", "P", "RGBA")[number // 2 % 4]
    told = PngImagePlugin.PngInfo()
    told.add_text("Author", WORDS)
    told.add_text("Comment", WORDS, zip=True)
    told.add_itxt(NAME, WORDS, "en", PLACE)
    told.add_itxt("XML:com.adobe.xmp", _xmp().decode(), zip=True)
    written = BytesIO()
    _picture(number, side, mode).save(written, "PNG", pnginfo=told, exif=_exif(number % 4 == 1))
    chunks = list(_chunks_of(written.getvalue()))
    profile = [(b"iCCP", NAME.encode() + b"\0\0" + zlib.compress(_profile()))] if mode in ("RGB", "RGBA") else []
    strays = [
        *profile,
        (b"sPLT", NAME.encode() + b"\0\x08" + b"\1\2\3\4\0\1"),
        (b"tIME", struct.pack(">HBBBBB", 1951, 5, 4, 7, 8, 9)),
        (b"prVt", _TEXT),
        (b"dSIG", _TEXT),
        (b"gIFx", _TEXT),
        (b"vpAg", _TEXT),
    ]
    pixels = b"".join(body for name, body in chunks if name == b"IDAT") + _TEXT + zlib.compress(_TEXT)
    head = [chunk for chunk in chunks if chunk[0] not in (b"IDAT", b"IEND")]
    ordered = [head[0], *strays, *head[1:], (b"IDAT", pixels), (b"tEXt", b"Late\0" + _TEXT), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in ordered) + _TEXT + zlib.compress(_TEXT)


def _chunks_of(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(content):
        (size,) = struct.unpack(">I", content[at : at + 4])
        yield content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        at += 12 + size


def told_in(content: bytes) -> list[str]:
    """What a file or a message tells of the person: as it stands, as UTF-16, or packed in it."""
    streams = [content, *_unpacked(content)]
    known = (*TOLD, "Doe-Quartz", "Zebra Street", "1951:05:04")
    forms = {word: [word.encode(), word.encode("utf-16-le"), word.encode("utf-16-be")] for word in known}
    return sorted({word for word, each in forms.items() for form in each for stream in streams if form in stream})


def _unpacked(content: bytes) -> Iterator[bytes]:
    """What any stream of zlib inflates to, wherever in the content it begins."""
    for found in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", content):
        try:
            yield zlib.decompressobj().decompress(content[found.start() :], 1 << 22)
        except zlib.error:
            continue
