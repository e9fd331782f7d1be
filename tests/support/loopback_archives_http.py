"""What the loopback archives answer, as values: faults, recorded requests, ranges of a body."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as it came."""

    path: str  # with the query, percent-encoded
    headers: Mapping[str, str]  # names in lower case

    @property
    def range(self) -> str:
        """The range that is asked for."""
        return self.headers.get("range", "")


@dataclass(frozen=True, slots=True)
class Answer:
    """One response; `sent_bytes` of its body leave before the connection breaks, all if None."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    sent_bytes: int | None = None


@dataclass(slots=True)
class Fault:
    """What goes wrong with the next `times` requests whose path has `part` in it."""

    part: str
    status: int = 0  # 0: the answer is the usual one
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None  # these bytes instead of the usual ones
    sent_bytes: int | None = None  # so many of the body, then the connection breaks
    times: int = 1

    def strikes(self, request: Request) -> bool:
        """Whether this request is hit; the hit is counted."""
        if self.times < 1 or self.part not in request.path:
            return False
        self.times -= 1
        return True

    def spoil(self, usual: Answer) -> Answer:
        """The answer with this fault."""
        if self.status:
            return Answer(self.status, b"an injected fault" if self.body is None else self.body, self.headers)
        body = usual.body if self.body is None else self.body
        return Answer(usual.status, body, usual.headers, self.sent_bytes)


def part_of(body: bytes, request: Request, *, has_ranges: bool) -> Answer:
    """The body, or the range of it that is asked for if it is still the same (RFC 9110, sections 13.1.5 and 14)."""
    etag = f'"{sha256(body).hexdigest()[:16]}"'
    headers = {"ETag": etag}
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.range)
    if not has_ranges or match is None or request.headers.get("if-range", etag) != etag:
        return Answer(200, body, headers)
    start = int(match[1])
    end = min(int(match[2] or len(body)), len(body) - 1)
    if start >= len(body):
        return Answer(416, b"", {"Content-Range": f"bytes */{len(body)}"})
    return Answer(206, body[start : end + 1], {**headers, "Content-Range": f"bytes {start}-{end}/{len(body)}"})
