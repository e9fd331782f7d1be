"""None on disk. A colour profile (ICC.1:2022) with its numbers and without its words.

A profile may name the machine, the person and the program that made it, and may hold tags of anybody's. What colours
are made from stays: the kind of the profile, its curves, matrices and tables.
"""

import struct
from collections.abc import Iterator
from io import BytesIO

from PIL import ImageCms

_HEADER_SIZE, _SIGNATURE_AT, _SIGNATURE = 128, 36, b"acsp"
_KINDS = frozenset({b"scnr", b"mntr", b"prtr", b"spac"})
_SPACES = frozenset({b"RGB ", b"GRAY", b"CMYK", b"Lab "})
_CONNECTIONS = frozenset({b"XYZ ", b"Lab "})
_D50 = struct.pack(">III", 0xF6D6, 0x10000, 0xD32D)  # the only illuminant that a profile may have
_NUMBERS = frozenset(
    b"rXYZ gXYZ bXYZ rTRC gTRC bTRC kTRC wtpt bkpt chad lumi gamt A2B0 A2B1 A2B2 B2A0 B2A1 B2A2".split()
)
_TYPES = frozenset([b"XYZ ", b"sf32", b"curv", b"para", b"mft1", b"mft2", b"mAB ", b"mBA "])
_PARAMETERS = (1, 3, 4, 5, 7)  # of a parametric curve, by its function type
_WORDS = "colour profile"  # for the two texts that a profile must have


def plain_profile(profile: bytes) -> bytes:
    """The profile without texts, names, dates and unknown tags; empty where it is none that can be used.

    A plain profile comes out as it is.
    """
    kind, space, connection = profile[12:16], profile[16:20], profile[20:24]
    is_profile = len(profile) >= _HEADER_SIZE + 4 and profile[_SIGNATURE_AT : _SIGNATURE_AT + 4] == _SIGNATURE
    if not is_profile or kind not in _KINDS or space not in _SPACES or connection not in _CONNECTIONS:
        return b""
    tags = _text_tags(is_version_4=profile[8] >= 4) | dict(_number_tags(profile))
    made = _assembled(profile[:_HEADER_SIZE], tags)
    try:
        ImageCms.ImageCmsProfile(BytesIO(made))
    except OSError:
        return b""
    return made


def _number_tags(profile: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The tags whose numbers make colours, each cut to its own length; in the order of the profile."""
    for at in range(_HEADER_SIZE + 4, min(len(profile) - 11, _HEADER_SIZE + 4 + 12 * _count(profile)), 12):
        name, offset, size = struct.unpack_from(">4sII", profile, at)
        body = profile[offset : offset + size]
        if name in _NUMBERS and body[:4] in _TYPES:
            yield name, body[:4] + bytes(4) + body[8 : _body_size(body)]


def _count(profile: bytes) -> int:
    return int.from_bytes(profile[_HEADER_SIZE : _HEADER_SIZE + 4])


def _body_size(body: bytes) -> int:
    """How many bytes of a tag's body are its numbers."""
    if body[:4] == b"XYZ ":
        return 20
    if body[:4] == b"sf32":
        return 8 + 4 * 9  # a matrix
    if body[:4] == b"curv":
        return 12 + 2 * int.from_bytes(body[8:12])
    if body[:4] == b"para":
        kind = int.from_bytes(body[8:10])
        return 12 + 4 * _PARAMETERS[min(kind, len(_PARAMETERS) - 1)]
    return len(body)


def _text_tags(*, is_version_4: bool) -> dict[bytes, bytes]:
    if is_version_4:
        words = _WORDS.encode("utf-16-be")
        body = b"mluc" + bytes(4) + struct.pack(">II4sII", 1, 12, b"enUS", len(words), 28) + words
        return {b"desc": body, b"cprt": body}
    text = _WORDS.encode() + b"\0"
    description = b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(4 + 4 + 2 + 1 + 67)
    return {b"desc": description, b"cprt": b"text" + bytes(4) + text}


def _assembled(header: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A profile of these tags; equal bodies stand once. Of the header stays what colours are made from."""
    at = _HEADER_SIZE + 4 + 12 * len(tags)
    offsets: dict[bytes, int] = {}
    table, bodies = struct.pack(">I", len(tags)), b""
    for name, body in tags.items():
        if body not in offsets:
            offsets[body] = at + len(bodies)
            bodies += body + bytes(-len(body) % 4)
        table += struct.pack(">4sII", name, offsets[body], len(body))
    intent = bytes(3) + bytes([header[67] & 3])
    kinds = bytes(4) + header[8:10] + bytes(2) + header[12:24]
    kept = kinds + bytes(12) + _SIGNATURE + bytes(24) + intent + _D50 + bytes(48)
    return struct.pack(">I", at + len(bodies)) + kept + table + bodies
