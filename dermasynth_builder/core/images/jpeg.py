"""None on disk; Pillow decodes bytes in memory. What of a JPEG file (ITU T.81) is its picture, and what is not.

The segments that a decoder needs stay, each with only what it needs. Of the application data three stay in a plain
form: JFIF without its thumbnail, Adobe's colour transform, and the colour profile without its words.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple

from PIL import Image

from dermasynth_builder.core.images.profile import plain_profile

START = b"\xff\xd8"
_END = b"\xff\xd9"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15
_HUFFMAN, _CONDITIONING, _SCAN, _QUANTISATION, _RESTART, _COMMENT = 0xC4, 0xCC, 0xDA, 0xDB, 0xDD, 0xFE
_TABLES = frozenset({_HUFFMAN, _QUANTISATION})
_END_OF_IMAGE = 0xD9
_SCANNED, _FILL, _STRAY = 0x100, 0x101, 0x102  # no markers: a scan's data, a fill byte, what stands between segments
_KEPT = _FRAMES | {_CONDITIONING, _SCAN, _RESTART, _SCANNED, _FILL}
_MARKER_IN_SCAN = re.compile(rb"\xff[^\0\xff\xd0-\xd7]")  # no stuffed byte and no restart
_PRINTABLE = bytes([9, 10, 13, *range(32, 127)])
_SHORTEST_TEXT = 6  # bytes of text at the end of a scan that are looked at: chance writes them in 3 of 1,000 files
_ADOBE, _PROFILE = b"Adobe", b"ICC_PROFILE\0"
_ADOBE_VERSIONS, _ADOBE_FLAGS = (100, 101), (0, 0x4000, 0x8000, 0xC000)
_PROFILE_PART = 65_519  # the most of a profile that one segment holds
_NAMES = {
    b"JFIF\0": "thumbnail",
    b"JFXX\0": "thumbnail",
    b"MPF\0": "thumbnail",
    b"Exif\0": "EXIF",
    b"http://ns.adobe.com/x": "XMP",  # xap/1.0/ and xmp/extension/
    b"Photoshop": "IPTC",
    b"Adobe_Photoshop": "IPTC",
}
OTHER, TRAILING = "other data", "bytes after the end"
PROFILE, PROFILE_WORDS = "colour profile", "texts of the colour profile"


class _Segment(NamedTuple):
    marker: int
    content: bytes  # with marker and length

    @property
    def payload(self) -> bytes:
        return self.content[4:]


def plain_jpeg(content: bytes) -> tuple[bytes, list[str]]:
    """The file with nothing but its picture, and what was taken out: a name for each, in the order of the file.

    Raises ValueError where the file is cut off.
    """
    segments = list(_segments(content))
    instead = _profile_in_place_of(segments) | _first_jfif_in_place_of(segments)
    used = _used_tables(segments)
    kept, removed = [START], []
    for number, segment in enumerate(segments):
        plain, name = instead.get(number) or _plain(segment, {offset for at, offset in used if at == number})
        kept.append(plain)
        if plain != segment.content:
            removed.append(name)
    return _without_text_in_scans(kept, segments, removed)


def _segments(content: bytes) -> Iterator[_Segment]:
    at = len(START)
    while at < len(content):
        start, marker = at, content[at + 1] if at + 1 < len(content) else 0
        if content[at] != 0xFF or not marker:
            at = _next_marker(content, at)
            yield _Segment(_STRAY, content[start:at])
        elif marker == 0xFF:  # a fill byte
            at += 1
            yield _Segment(_FILL, content[start:at])
        elif marker == _END_OF_IMAGE:
            yield _Segment(marker, content[at:])
            return
        elif marker == 1 or 0xD0 <= marker <= 0xD8:  # these have no length
            at += 2
            yield _Segment(_STRAY, content[start:at])
        else:
            at = start + 2 + int.from_bytes(content[start + 2 : start + 4])
            if at > len(content) or at < start + 4:
                raise ValueError("truncated JPEG file")
            yield _Segment(marker, content[start:at])
            if marker == _SCAN:
                start, at = at, _next_marker(content, at)
                yield _Segment(_SCANNED, content[start:at])


def _next_marker(content: bytes, at: int) -> int:
    found = _MARKER_IN_SCAN.search(content, at)
    return found.start() if found else len(content)


def _profile_in_place_of(segments: list[_Segment]) -> dict[int, tuple[bytes, str]]:
    """What stands in place of the segments that hold a colour profile, by their numbers."""
    parts = {at: one for at, one in enumerate(segments) if one.marker == 0xE2 and one.payload.startswith(_PROFILE)}
    in_order = sorted(parts.values(), key=lambda segment: segment.payload[12:13])
    profile = b"".join(segment.payload[14:] for segment in in_order)
    plain = plain_profile(profile)
    if plain == profile and _profile_segments(plain) == b"".join(one.content for one in parts.values()):
        return {at: (segment.content, "") for at, segment in parts.items()}
    name = PROFILE_WORDS if plain else PROFILE
    return {at: (b"" if number else _profile_segments(plain), name) for number, at in enumerate(parts)}


def _first_jfif_in_place_of(segments: list[_Segment]) -> dict[int, tuple[bytes, str]]:
    """The first JFIF segment without its thumbnail, nothing for others; by their numbers."""
    numbers = [at for at, one in enumerate(segments) if one.marker == 0xE0 and one.payload.startswith(b"JFIF\0")]
    # Whoever reads it: the plain picture has no width and no height.
    first = {at: b"\xff\xe0\x00\x10" + segments[at].payload[:12] + b"\0\0" for at in numbers[:1]}
    return {at: (first.get(at, b""), "thumbnail") for at in numbers}


def _plain(segment: _Segment, used: set[int]) -> tuple[bytes, str]:
    """What stays of a segment, and the name of what goes."""
    marker, content = segment.marker, segment.content
    if marker in _KEPT:
        return content, OTHER
    payload = segment.payload
    if marker in _TABLES:
        return _with_tables(segment, used), "unused table"
    if marker == _END_OF_IMAGE:
        return _END, TRAILING
    if marker == _COMMENT:
        return b"", "comment"
    if marker == 0xEE and payload.startswith(_ADOBE) and len(payload) >= 12:
        return _adobe(payload), OTHER
    named = 0xE0 <= marker <= 0xEF
    return b"", next((name for opening, name in _NAMES.items() if named and payload.startswith(opening)), OTHER)


def _adobe(payload: bytes) -> bytes:
    """Adobe's segment: version, flags, and the colour transform, which alone decides anything."""
    version, flags = payload[5:7], payload[7:11]
    is_known = int.from_bytes(version) in _ADOBE_VERSIONS and int.from_bytes(flags[:2]) in _ADOBE_FLAGS
    fields = version + flags[:2] + bytes(2) if is_known else b"\0\x64" + bytes(4)
    return b"\xff\xee\x00\x0e" + _ADOBE + fields + payload[11:12]


def _profile_segments(profile: bytes) -> bytes:
    parts = [profile[at : at + _PROFILE_PART] for at in range(0, len(profile), _PROFILE_PART)]
    made = b""
    for number, part in enumerate(parts, 1):
        payload = _PROFILE + bytes([number, len(parts)]) + part
        made += b"\xff\xe2" + (len(payload) + 2).to_bytes(2) + payload
    return made


def _tables(segment: _Segment) -> Iterator[tuple[int, tuple[str, int], bytes]]:
    """Each table of a segment: where it begins, its kind and number, its bytes."""
    payload, at = segment.payload, 0
    while at < len(payload):
        high, number = divmod(payload[at], 16)
        if segment.marker == _QUANTISATION:
            kind, end = "quantisation", at + 65 + 64 * bool(high)
        else:
            kind, end = "AC" if high else "DC", at + 17 + sum(payload[at + 1 : at + 17])
        yield at, (kind, number), payload[at:end]
        at = end


def _with_tables(segment: _Segment, used: set[int]) -> bytes:
    tables = b"".join(table for at, _, table in _tables(segment) if at in used)
    return segment.content[:2] + (len(tables) + 2).to_bytes(2) + tables if tables else b""


def _used_tables(segments: list[_Segment]) -> set[tuple[int, int]]:
    """The tables that a scan reads: number of the segment, place in it."""
    held: dict[tuple[str, int], tuple[int, int]] = {}
    of_component: dict[int, int] = {}
    used = set()
    for number, segment in enumerate(segments):
        payload = segment.payload if segment.marker != _SCANNED else b""  # nearly the whole file, and no header
        if segment.marker in _TABLES:
            held |= {key: (number, at) for at, key, _ in _tables(segment)}
        elif segment.marker in _FRAMES:
            of_component |= {payload[at]: payload[at + 2] for at in range(6, len(payload) - 2, 3)}
        elif segment.marker == _SCAN and payload:
            for at in range(1, min(len(payload) - 1, 1 + 2 * payload[0]), 2):
                dc, ac = divmod(payload[at + 1], 16)
                keys = [("DC", dc), ("AC", ac), ("quantisation", of_component.get(payload[at], 0))]
                used |= {held[key] for key in keys if key in held}
    return used


def _without_text_in_scans(kept: list[bytes], segments: list[_Segment], removed: list[str]) -> tuple[bytes, list[str]]:
    """Text at the end of a scan's data goes where the picture is the same without it: a decoder steps over it."""
    for number, segment in enumerate(segments, 1):
        end = len(segment.content.rstrip(_PRINTABLE)) if segment.marker == _SCANNED else len(segment.content)
        if len(segment.content) - end >= _SHORTEST_TEXT:
            cuts = (segment.content[: end + more] for more in range(_SHORTEST_TEXT))
            shorter = ([*kept[:number], cut, *kept[number + 1 :]] for cut in cuts)
            picture = _pixels(kept)
            if picture and (same := next((cut for cut in shorter if _pixels(cut) == picture), None)):
                kept, removed = same, [*removed, OTHER]
    return b"".join(kept), removed


def _pixels(parts: list[bytes]) -> bytes | None:
    """The decoded pixels; None where there is no whole picture."""
    try:
        with Image.open(BytesIO(b"".join(parts)), formats=("JPEG",)) as image:
            return image.tobytes()
    except (OSError, SyntaxError, ValueError):
        return None
