"""None on disk; Pillow decodes bytes in memory. What of a PNG file (third edition) is its picture, and what is not."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import NamedTuple

from PIL import Image

from dermasynth_builder.core.images.jpeg import OTHER, PROFILE, PROFILE_WORDS, TRAILING
from dermasynth_builder.core.images.profile import plain_profile

START = b"\x89PNG\r\n\x1a\n"
HEADER_END = len(START) + 25  # IHDR comes first and has 13 bytes
_PALETTE = 3  # a colour type
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # values of a pixel, by colour type
_SAMPLES = {**_CHANNELS, _PALETTE: 3}  # of a colour
_CHROMATICITY, _GAMMA, _DENSITY = 200_000, 10_000_000, 10_000_000  # the most that makes sense, in the units of the file


def _are_numbers(content: bytes, count: int, most: int) -> bool:
    """Whether it is so many numbers of four bytes, none of them larger; text makes larger ones."""
    return len(content) == 4 * count and max(struct.unpack(f">{count}I", content)) <= most


_FIT: dict[str, Callable[[bytes, int], bool]] = {
    "IHDR": lambda content, _: len(content) == 13,
    "IEND": lambda content, _: not content,
    "tRNS": lambda content, colour: len(content) == {0: 2, 2: 6}.get(colour),
    "gAMA": lambda content, _: _are_numbers(content, 1, _GAMMA),
    "cHRM": lambda content, _: _are_numbers(content, 8, _CHROMATICITY),
    "sRGB": lambda content, _: content in (b"\0", b"\1", b"\2", b"\3"),
    "sBIT": lambda content, colour: (
        len(content) == (3 if colour == _PALETTE else _CHANNELS.get(colour)) and max(content) <= 16
    ),
    "pHYs": lambda content, _: content[8:] in (b"\0", b"\1") and _are_numbers(content[:8], 2, _DENSITY),
    "cICP": lambda content, _: len(content) == 4 and max(content) < 32,
}
"""The chunks beside IDAT, iCCP and those of a palette that say how the picture looks -> whether one holds no more."""
_NAMES = {"eXIf": "EXIF", "tEXt": "text", "zTXt": "text", "iTXt": "text", "tIME": "time"}
_PROFILE_NAME = b"ICC Profile\0\0"  # and the compression, of which there is one
_INFLATED_AT_ONCE = 1 << 16  # bytes
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


class _Chunk(NamedTuple):
    kind: str
    content: bytes


def plain_png(content: bytes) -> tuple[bytes, list[str]]:
    """The file with nothing but its picture, and what was taken out: a name for each, in the order of the file.

    Raises ValueError where the file is cut off, a checksum is wrong, or the pixels are not all there.
    """
    chunks, end = chunks_of(content)
    kept, removed = [START], []
    instead = _pixels_in_place_of(chunks)
    for number, chunk in enumerate(chunks):
        plain, name = instead.get(number) or _plain(chunk, chunks[0].content, content)
        kept.append(framed(chunk.kind, plain) if plain is not None else b"")
        if plain != chunk.content:
            removed.append(name)
    return b"".join(kept), [*removed, *([TRAILING] if end < len(content) else [])]


def framed(kind: str, content: bytes) -> bytes:
    """A chunk with its length and checksum."""
    named = kind.encode("latin-1") + content
    return struct.pack(">I", len(content)) + named + struct.pack(">I", zlib.crc32(named))


def chunks_of(content: bytes) -> tuple[list[_Chunk], int]:
    """All chunks, whose checksums are held to, and where the last one ends."""
    at, view = len(START), memoryview(content)
    chunks: list[_Chunk] = []
    while not chunks or chunks[-1].kind != "IEND":
        start, at = at, at + 12 + int.from_bytes(view[at : at + 4])
        if at > len(content):
            raise ValueError("truncated PNG file")
        kind = bytes(view[start + 4 : start + 8]).decode("latin-1")
        if zlib.crc32(view[start + 4 : at - 4]) != int.from_bytes(view[at - 4 : at]):
            raise ValueError(f"broken PNG file: wrong checksum in its chunk {kind!r} at byte {start}")
        chunks.append(_Chunk(kind, bytes(view[start + 8 : at - 4])))
    if chunks[0].kind != "IHDR" or len(chunks[0].content) != 13:
        raise ValueError("broken PNG file: it has no header")
    if not any(chunk.kind == "IDAT" for chunk in chunks):
        raise ValueError("broken PNG file: it has no pixels")
    return chunks, at


def _pixels_in_place_of(chunks: list[_Chunk]) -> dict[int, tuple[bytes | None, str]]:
    """What stands in place of the IDAT chunks, by their numbers: themselves if they are the pixels and no more."""
    parts = {number: chunk.content for number, chunk in enumerate(chunks) if chunk.kind == "IDAT"}
    stream, size = b"".join(parts.values()), _size_of_pixels(chunks[0].content)
    if _is_whole_and_no_more(stream, size):
        return {number: (part, "") for number, part in parts.items()}
    pixels = zlib.decompressobj().decompress(stream, size)
    first = next(iter(parts))
    return {number: (zlib.compress(pixels) if number == first else None, OTHER) for number in parts}


def _is_whole_and_no_more(stream: bytes, size: int) -> bool:
    """Whether a stream of zlib holds `size` bytes and ends there. Raises ValueError where it holds fewer."""
    inflating, found, pending = zlib.decompressobj(), 0, stream
    try:
        while pending and found <= size and not inflating.eof:  # what comes after the end stays in the tail
            found += len(inflating.decompress(pending, _INFLATED_AT_ONCE))
            pending = inflating.unconsumed_tail
    except zlib.error as error:
        raise ValueError(f"broken PNG file: {error}") from error
    if found < size:
        raise ValueError("truncated PNG file: not all of its pixels are there")
    return found == size and inflating.eof and not inflating.unused_data


def _size_of_pixels(header: bytes) -> int:
    """Bytes of the pixels with a filter byte each row."""
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", header)
    bits = depth * _CHANNELS.get(colour, 1)
    passes = _ADAM7 if interlace else ((0, 0, 1, 1),)
    sizes = ((-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes)
    return sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in sizes if columns > 0 and rows > 0)


def _plain(chunk: _Chunk, header: bytes, file: bytes) -> tuple[bytes | None, str]:
    """What stays of a chunk, None where nothing does, and the name of what goes."""
    kind, content, colour = chunk.kind, chunk.content, header[9]
    if kind == "iCCP":
        return _profile(content)
    if kind == "PLTE" and colour == _PALETTE:
        return _palette(content, file), "unused colours"
    if kind == "tRNS" and colour == _PALETTE:
        return _transparency(content, file), "unused colours"
    if kind in _FIT and _FIT[kind](content, colour):
        return content, OTHER
    is_xmp = kind == "iTXt" and content.startswith(b"XML:com.adobe.xmp")
    return None, "XMP" if is_xmp else _NAMES.get(kind, OTHER)


def _profile(content: bytes) -> tuple[bytes | None, str]:
    """An iCCP chunk whose profile has no words, under the one name that all have."""
    name, _, packed = content.partition(b"\0")
    inflating = zlib.decompressobj()
    try:
        profile = inflating.decompress(packed[1:], 1 << 24)
    except zlib.error:
        return None, PROFILE
    plain = plain_profile(profile)
    if not plain:
        return None, PROFILE
    is_plain = plain == profile and name + b"\0" + packed[:1] == _PROFILE_NAME
    if is_plain and inflating.eof and not inflating.unused_data:
        return content, PROFILE_WORDS
    return _PROFILE_NAME + zlib.compress(plain), PROFILE_WORDS


def _palette(content: bytes, file: bytes) -> bytes:
    """The colours that pixels have; black for each that none has."""
    counts = _counts(file)
    colours = (content[at : at + 3] for at in range(0, len(content), 3))
    return b"".join(colour if counts[number] else bytes(3) for number, colour in enumerate(colours))


def _transparency(content: bytes, file: bytes) -> bytes:
    """How opaque the colours are that pixels have; wholly for each that none has."""
    counts = _counts(file)
    return bytes(alpha if counts[number] else 255 for number, alpha in enumerate(content[:256]))


def _counts(file: bytes) -> list[int]:
    """How many pixels have each colour of the palette."""
    with Image.open(BytesIO(file), formats=("PNG",)) as image:
        return image.histogram()
