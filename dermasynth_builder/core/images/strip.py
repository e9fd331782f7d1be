"""None on disk; Pillow opens bytes in memory. The one gate for image bytes: takes out of a file what is no picture.

That is: EXIF, XMP, IPTC, comments, texts, thumbnails, tables that nothing reads, the words of a colour profile, what
follows the end, and whatever is not known to be needed. Bytes in, bytes out. All that decides the decoded pixels and
their colours stays. An orientation other than upright decides how the image is shown and tells nothing of anybody: it
stays, as an EXIF block that holds nothing else.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from PIL import Image
from PIL.ExifTags import Base

from dermasynth_builder.core.images import jpeg, png

_NEITHER = "neither a JPEG nor a PNG file"


@dataclass(frozen=True, slots=True)
class Stripped:
    """An image file without its metadata."""

    content: bytes  # the bytes given, where nothing was removed
    removed: tuple[str, ...] = ()  # what was: "EXIF", "comment", ...; each once, in the order of the file


def strip(content: bytes) -> Stripped:
    """The JPEG or PNG file, told by its first bytes, without its metadata.

    Raises ValueError where the file is cut off, a checksum of a PNG is wrong, or it is neither.
    """
    for start, (plain, with_orientation) in _FORMATS.items():
        if content.startswith(start):
            kept, removed = plain(content)
            if kept == content:
                return Stripped(content)
            stripped = with_orientation(kept, _orientation_block(content))
            return Stripped(content) if stripped == content else Stripped(stripped, tuple(dict.fromkeys(removed)))
    raise ValueError(_NEITHER)


def require_whole(content: bytes) -> None:
    """Walks through the parts of a JPEG or PNG file without a look at its pixels, and holds checksums to them.

    Raises ValueError as `strip` does.
    """
    if content.startswith(jpeg.START):
        jpeg.plain_jpeg(content)
    elif content.startswith(png.START):
        png.chunks_of(content)
    else:
        raise ValueError(_NEITHER)


def _orientation_block(content: bytes) -> bytes:
    """An EXIF block with the orientation of the image alone; nothing where it is upright or not said."""
    with Image.open(BytesIO(content)) as image:
        orientation = image.getexif().get(Base.Orientation)  # from EXIF, or else from XMP
    if orientation not in range(2, 9):
        return b""
    return b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, Base.Orientation, 3, 1, orientation, 0, 0)


def _jpeg_with_orientation(content: bytes, block: bytes) -> bytes:
    if not block:
        return content
    payload = b"Exif\0\0" + block
    return jpeg.START + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + content[len(jpeg.START) :]


def _png_with_orientation(content: bytes, block: bytes) -> bytes:
    if not block:
        return content
    return content[: png.HEADER_END] + png.framed("eXIf", block) + content[png.HEADER_END :]


_FORMATS: dict[bytes, tuple[Callable[[bytes], tuple[bytes, list[str]]], Callable[[bytes, bytes], bytes]]] = {
    jpeg.START: (jpeg.plain_jpeg, _jpeg_with_orientation),
    png.START: (png.plain_png, _png_with_orientation),
}
"""First bytes of a file -> what is its picture, and how an orientation block is put into that."""
