"""None on disk; Pillow opens bytes in memory. Takes out of an image file what is no picture.

That is: EXIF, XMP, IPTC, comments, texts, thumbnails, what follows the end. Bytes in, bytes out. All that decides the
decoded pixels and their colours stays byte for byte, the colour profile included. An orientation other than upright
decides how the image is shown and tells nothing of anybody: it stays, as an EXIF block that holds nothing else.

The containers are those of ITU T.81 and JFIF (JPEG), and the PNG specification, third edition.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO

from PIL import Image
from PIL.ExifTags import Base


@dataclass(frozen=True, slots=True)
class Stripped:
    """An image file without its metadata."""

    content: bytes  # the bytes given, where nothing was removed
    removed: tuple[str, ...] = ()  # what was: "EXIF", "comment", ...; each once, in the order of the file


@dataclass(frozen=True, slots=True)
class _Removed:
    """A stretch of a file that goes, and what stands in its place."""

    name: str
    start: int
    end: int
    instead: bytes = b""


def strip(content: bytes) -> Stripped:
    """The JPEG or PNG file, told by its first bytes, without its metadata.

    Raises ValueError where the file is cut off, a checksum of a PNG is wrong, or it is neither.
    """
    for start, (metadata_of, with_orientation) in _FORMATS.items():
        if content.startswith(start):
            removed = list(metadata_of(content))
            if not removed:
                return Stripped(content)
            stripped = with_orientation(_without(content, removed), _orientation_block(content))
            names = tuple(dict.fromkeys(part.name for part in removed))
            return Stripped(content) if stripped == content else Stripped(stripped, names)
    raise ValueError("neither a JPEG nor a PNG file")


def _without(content: bytes, removed: Iterable[_Removed]) -> bytes:
    kept, at = [], 0
    for part in removed:
        kept += [content[at : part.start], part.instead]
        at = part.end
    return b"".join([*kept, content[at:]])


def _orientation_block(content: bytes) -> bytes:
    """An EXIF block with the orientation of the image alone; nothing where it is upright or not said."""
    with Image.open(BytesIO(content)) as image:
        orientation = image.getexif().get(Base.Orientation)  # from EXIF, or else from XMP
    if orientation not in range(2, 9):
        return b""
    return b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, Base.Orientation, 3, 1, orientation, 0, 0)


_JPEG_START = b"\xff\xd8"
_JPEG_MARKER = re.compile(rb"\xff[^\0\xff\xd0-\xd7]")  # among a scan's data: no stuffed byte and no restart
_JPEG_NAMES = {
    b"JFIF\0": "thumbnail",
    b"JFXX\0": "thumbnail",
    b"MPF\0": "thumbnail",
    b"Exif\0": "EXIF",
    b"http://ns.adobe.com/x": "XMP",  # xap/1.0/ and xmp/extension/
    b"Photoshop": "IPTC",
}
_OTHER, _TRAILING = "other data", "bytes after the end"


def _jpeg_metadata(content: bytes) -> Iterator[_Removed]:
    """Segments of the kinds that hold metadata, and what follows the end."""
    at = len(_JPEG_START)
    while at < len(content):
        start, marker = at, content[at + 1 : at + 2]
        if content[at] != 0xFF or not marker:
            raise ValueError(f"truncated or broken JPEG file: no marker at byte {at}")
        if marker == b"\xff":  # a fill byte
            at += 1
            continue
        if marker == b"\xd9":
            if at + 2 < len(content):
                yield _Removed(_TRAILING, at + 2, len(content))
            return
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
        if at > len(content) or at < start + 4:
            raise ValueError("truncated JPEG file")
        if marker == b"\xda":
            found = _JPEG_MARKER.search(content, at)
            at = found.start() if found else len(content)
        elif marker == b"\xfe":
            yield _Removed("comment", start, at)
        elif b"\xe0" <= marker <= b"\xef":
            yield from _jpeg_application_data(start, content[start:at])


def _jpeg_application_data(start: int, segment: bytes) -> Iterator[_Removed]:
    payload, end = segment[4:], start + len(segment)
    if payload.startswith((b"ICC_PROFILE\0", b"Adobe")):
        return
    name = next((name for opening, name in _JPEG_NAMES.items() if payload.startswith(opening)), _OTHER)
    if not payload.startswith(b"JFIF\0"):
        yield _Removed(name, start, end)
    elif segment != (plain := b"\xff\xe0\x00\x10" + payload[:12] + b"\0\0"):  # its picture has no width and height
        yield _Removed(name, start, end, plain)


def _jpeg_with_orientation(content: bytes, block: bytes) -> bytes:
    if not block:
        return content
    payload = b"Exif\0\0" + block
    return _JPEG_START + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + content[len(_JPEG_START) :]


_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset(
    {*("IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "cHRM", "sRGB", "iCCP"), *("sBIT", "bKGD", "pHYs", "cICP")}
    | {"mDCV", "cLLI", "hIST", "sPLT"}
)
_PNG_NAMES = {"eXIf": "EXIF", "tEXt": "text", "zTXt": "text", "iTXt": "text", "tIME": "time"}
_PNG_HEADER_END = len(_PNG_START) + 25  # IHDR comes first and has 13 bytes


def _png_metadata(content: bytes) -> Iterator[_Removed]:
    """Chunks that do not make the picture, and what follows the end; the checksums of all are held to."""
    at, view = len(_PNG_START), memoryview(content)
    kind, has_pixels = "", False
    while kind != "IEND":
        start, at = at, at + 12 + int.from_bytes(view[at : at + 4])
        if at > len(content):
            raise ValueError("truncated PNG file")
        kind = bytes(view[start + 4 : start + 8]).decode("latin-1")
        if zlib.crc32(view[start + 4 : at - 4]) != int.from_bytes(view[at - 4 : at]):
            raise ValueError(f"broken PNG file: wrong checksum in its chunk {kind!r} at byte {start}")
        has_pixels = has_pixels or kind == "IDAT"
        if kind not in _PNG_KEPT:
            is_xmp = kind == "iTXt" and content.startswith(b"XML:com.adobe.xmp", start + 8)
            yield _Removed("XMP" if is_xmp else _PNG_NAMES.get(kind, _OTHER), start, at)
    if not has_pixels:
        raise ValueError("broken PNG file: it has no pixels")
    if at < len(content):
        yield _Removed(_TRAILING, at, len(content))


def _png_with_orientation(content: bytes, block: bytes) -> bytes:
    if not block:
        return content
    chunk = b"eXIf" + block
    framed = struct.pack(">I", len(block)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return content[:_PNG_HEADER_END] + framed + content[_PNG_HEADER_END:]


_FORMATS: dict[bytes, tuple[Callable[[bytes], Iterator[_Removed]], Callable[[bytes, bytes], bytes]]] = {
    _JPEG_START: (_jpeg_metadata, _jpeg_with_orientation),
    _PNG_START: (_png_metadata, _png_with_orientation),
}
"""First bytes of a file -> where its metadata are, and how an orientation block is put into what is left of it."""
