"""Fetches files over HTTP: continues where it stopped, tries again where that helps, checks, puts in place whole.

A file grows as `<name>.part`, beside it `<name>.etag.part` with the server's own mark of its version, so that a later
run goes on only with the same bytes (RFC 9110, sections 13.1.5 and 14).
"""

import hashlib
import json
import os
import re
import threading
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Self, TypeVar

import httpx
import tenacity

from dermasynth_builder import __version__
from dermasynth_builder.core.errors import DownloadError
from dermasynth_builder.core.images.index import measure_file
from dermasynth_builder.core.outbound import address_fault, is_this_machine
from dermasynth_builder.read.download.files import RemoteFile
from dermasynth_builder.read.tables import IMAGE_SUFFIXES, columns_of

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_SHOWN_REASON = 300  # characters
_EXPIRED = frozenset({400, 401, 403, 404, 410})  # what stores answer to a signed address that is too old


class Transient(Exception):  # noqa: N818 - it is no error until it has come too often
    """Something that may be over soon."""

    def __init__(self, reason: str, *, retry_after_s: float = 0.0, is_expired: bool = False) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.is_expired = is_expired  # a fresh address may help


class _TooLongError(DownloadError):
    """A file goes on beyond its end."""


def require_success(response: httpx.Response, *, can_expire: bool = False) -> None:
    """Raises Transient for a response after which to try again, DownloadError for one that will not change."""
    code = response.status_code
    said = f"{response.url.host} answers {code} {response.reason_phrase}".strip()
    if code == httpx.codes.ACCEPTED or "x-amzn-waf-action" in response.headers:
        raise DownloadError(f"{said}: a challenge to tell people from programs; get the file in a browser")
    if response.is_success:
        return
    said += _reason_given(response)
    if code in _TRANSIENT:
        raise Transient(said, retry_after_s=_retry_after_s(response))
    if can_expire and code in _EXPIRED:
        raise Transient(said, is_expired=True)
    raise DownloadError(said)


def _reason_given(response: httpx.Response) -> str:
    """What the JSON of a refusal says, such as that a guestbook or a licence comes first; else nothing."""
    if "json" not in response.headers.get("Content-Type", ""):
        return ""
    try:
        told = json.loads(_read(response, _MOST_PAGE_BYTES))
    except (ValueError, RecursionError, DownloadError):
        return ""
    message = told.get("message") if isinstance(told, dict) else None
    return f": {' '.join(message.split())[:_SHOWN_REASON]}" if isinstance(message, str) and message else ""


def held_range(response: httpx.Response) -> tuple[int, int | None]:
    """Where in the file the body begins, and the size of the whole file if it is told; both in bytes."""
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if response.status_code != httpx.codes.PARTIAL_CONTENT or match is None:
        return 0, None
    return int(match[1]), None if match[2] == "*" else int(match[2])


def _retry_after_s(response: httpx.Response) -> float:
    """The wait that the server asks for, in seconds or until a date (RFC 9110, section 10.2.3); else 0."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


Advance = Callable[[int], object]  # told the bytes that came; a negative number takes some back
Answer = TypeVar("Answer")

_CHUNK_BYTES = 1 << 18
_MOST_PAGE_BYTES = 64_000_000  # of a page or an answer of an API
_MOST_BYTES = 1_000_000_000  # of a file whose size is not published: tables, and images of a bucket
_TURNS = 2  # a file that came wrong is fetched once more from its start
_AGENT = f"dermasynth/{__version__}"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to go on with a server that does not answer well. Times are in seconds."""

    attempts: int = 6  # without a byte gained
    backoff_s: float = 1.0  # a wait is drawn from 0 to this, doubled with each attempt ("full jitter")
    longest_wait_s: float = 120.0  # also of what a server asks for with Retry-After
    timeout_s: float = 30.0  # without a byte received


class Fetcher:
    """An HTTP client for many threads; use it in a `with` block. Every method raises DownloadError."""

    def __init__(self, retry_policy: RetryPolicy, transport: httpx.BaseTransport | None = None) -> None:
        self._retry_policy = retry_policy
        self._is_stopped = threading.Event()
        self._begins_here: bool | None = None  # whether the first address is on this machine
        self._client = httpx.Client(
            follow_redirects=True,
            timeout=retry_policy.timeout_s,
            headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"},  # sizes and ranges are those of the file
            limits=httpx.Limits(max_connections=None),  # as many as there are threads
            event_hooks={"request": [self._require_safe]},  # each redirect is a request
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._client.close()

    def stop(self) -> None:
        """Ends all that other threads fetch at their next byte or wait."""
        self._is_stopped.set()

    def _require_safe(self, request: httpx.Request) -> None:
        """Raises DownloadError for an address to which nothing goes, and where a host leads to this machine."""
        is_here = is_this_machine(request.url.host)
        if self._begins_here is None:
            self._begins_here = is_here
        fault = address_fault(str(request.url))
        if is_here and not self._begins_here:
            fault = "it is on this machine, to which a host elsewhere has no reason to lead"
        if fault:
            raise DownloadError(f"{request.url.host}: not fetched: {fault}")

    def json(self, url: str) -> Any:
        """What an API answers."""
        text = self.text(url)
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise DownloadError(f"{url}: the answer is not JSON; it begins with {text[:60]!r}") from None

    def text(self, url: str) -> str:
        """A page."""

        def ask() -> str:
            with self._client.stream("GET", url) as response:
                require_success(response)
                return _read(response, _MOST_PAGE_BYTES).decode(response.encoding or "utf-8", errors="replace")

        return self._tried(ask, url)

    def piece(self, url: str, start: int, length: int) -> tuple[bytes, int]:
        """`length` bytes of a file from `start` on, or those that there are, and the size of the whole in bytes."""

        def ask() -> tuple[bytes, int]:
            headers = {"Range": f"bytes={start}-{start + length - 1}"}
            with self._client.stream("GET", url, headers=headers) as response:
                require_success(response)
                begins, total = held_range(response)
                if response.status_code != httpx.codes.PARTIAL_CONTENT or begins != start or total is None:
                    raise DownloadError(f"{response.url.host} cannot send parts of files")
                return _read(response, length), total

        return self._tried(ask, url)

    def fetch(self, file: RemoteFile, folder: Path, advance: Advance) -> None:
        """Puts the file in its place below `folder`, whole and checked; a file that is there already is replaced."""
        located = file.renew() if file.renew and not file.url else file
        target = folder / located.safe_path
        self.bring(located, folder, advance).replace(target)
        forget(target)

    def bring(self, file: RemoteFile, folder: Path, advance: Advance) -> Path:
        """The file, whole and checked, still under its name with `.part`."""
        part = _part_of(folder / file.safe_path)
        part.parent.mkdir(parents=True, exist_ok=True)
        wrong = ""
        for _ in range(_TURNS):
            self._fill(file, part, advance)
            wrong = _wrong_with(file, part)
            if not wrong:
                return part
            advance(-_size_of(part))
            forget(folder / file.safe_path)  # what is wrong with it does not get right by going on
        raise DownloadError(f"{file.path}: wrong twice ({wrong}); nothing of it was kept")

    def _fill(self, file: RemoteFile, part: Path, advance: Advance) -> None:
        """Fetches until all is there. Attempts are counted anew as long as they bring the file forward."""
        current = file
        advance(_size_of(part))

        def once() -> None:
            nonlocal current
            try:
                self._receive(current, part, advance)
            except Transient as failure:
                if failure.is_expired and file.renew:
                    current = file.renew()
                raise

        while True:
            held_bytes = _size_of(part)
            try:
                return self._tried(once, file.path)
            except _TooLongError as error:
                advance(-_size_of(part))
                forget(part.with_suffix(""))
                raise DownloadError(f"{file.path}: {error}") from error
            except DownloadError:
                if _size_of(part) <= held_bytes or self._is_stopped.is_set():
                    raise

    def _receive(self, file: RemoteFile, part: Path, advance: Advance) -> None:
        most_bytes = _MOST_BYTES if file.size_bytes is None else file.size_bytes
        if file.opened:
            self._copy(file.opened, part, most_bytes=most_bytes, advance=advance)
            return
        held_bytes = _size_of(part)
        if file.size_bytes is not None and held_bytes == file.size_bytes:
            return
        with self._client.stream("GET", file.url, headers=self._conditions(file, part)) as response:
            begins = held_range(response)[0]
            is_beside = response.status_code == httpx.codes.PARTIAL_CONTENT and begins != held_bytes
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE or is_beside:
                _restart(part, advance)
                raise Transient("the server gives another part of the file than was asked for")
            require_success(response, can_expire=file.renew is not None)
            if not begins:
                _restart(part, advance)
                # The mark of a body that came encoded is none of the bytes that are kept.
                etag = "" if "Content-Encoding" in response.headers else response.headers.get("ETag", "")
                _etag_of(part.with_suffix("")).write_text(etag, encoding="utf-8")
            with part.open("ab") as out:
                for chunk in response.iter_bytes():  # as it comes: a break loses nothing
                    self._write(out, chunk, most_bytes=most_bytes, advance=advance)

    def _copy(self, opened: Callable[[], IO[bytes]], part: Path, *, most_bytes: int, advance: Advance) -> None:
        _restart(part, advance)
        try:
            with opened() as stream, part.open("ab") as out:
                while chunk := stream.read(_CHUNK_BYTES):
                    self._write(out, chunk, most_bytes=most_bytes, advance=advance)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise Transient(f"a member of a remote archive does not unpack: {error}") from error

    def _write(self, out: BinaryIO, chunk: bytes, *, most_bytes: int, advance: Advance) -> None:
        if self._is_stopped.is_set():
            raise DownloadError("stopped")
        if out.tell() + len(chunk) > most_bytes:
            raise _TooLongError(f"more than its {most_bytes:,} bytes came; nothing of it is kept")
        out.write(chunk)
        out.flush()  # what is here when the process is killed need not come again
        advance(len(chunk))

    def _conditions(self, file: RemoteFile, part: Path) -> dict[str, str]:
        """The headers that ask for the rest of a file, if the rest can be told to belong to what is here."""
        held_bytes = _size_of(part)
        if not held_bytes:
            return {}
        etag = ""
        with suppress(OSError):
            etag = _etag_of(part.with_suffix("")).read_text(encoding="utf-8")
        if etag and not etag.startswith("W/"):  # a weak mark does not vouch for bytes
            return {"Range": f"bytes={held_bytes}-", "If-Range": etag}
        return {"Range": f"bytes={held_bytes}-"} if file.digest else {}

    def _tried(self, ask: Callable[[], Answer], what: str) -> Answer:
        """What `ask` gives, asked again after a transient failure."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type((Transient, httpx.TransportError)),
            stop=tenacity.stop_after_attempt(self._retry_policy.attempts)
            | tenacity.stop_when_event_set(self._is_stopped),
            wait=self._wait_s,
            sleep=tenacity.sleep_using_event(self._is_stopped),
            reraise=True,
        )
        try:
            return retrying(ask)
        except Transient as failure:
            raise DownloadError(f"{what}: {failure}, {self._retry_policy.attempts} times") from failure
        except httpx.TransportError as failure:
            reason = str(failure) or type(failure).__name__
            raise DownloadError(f"{what}: {reason}, {self._retry_policy.attempts} times") from failure
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            raise DownloadError(f"{what}: {failure}") from failure

    def _wait_s(self, state: tenacity.RetryCallState) -> float:
        """Full jitter, and not less than what the server asks for."""
        failure = state.outcome.exception() if state.outcome else None
        asked_s = failure.retry_after_s if isinstance(failure, Transient) else 0.0
        longest_s = self._retry_policy.longest_wait_s
        drawn_s = tenacity.wait_random_exponential(multiplier=self._retry_policy.backoff_s, max=longest_s)(state)
        return min(max(asked_s, drawn_s), longest_s)


def _read(response: httpx.Response, most_bytes: int) -> bytes:
    """The body. Raises DownloadError for a longer one."""
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > most_bytes:
            raise DownloadError(f"{response.url.host} sends more than the {most_bytes:,} bytes that it may")
    return bytes(content)


def _part_of(target: Path) -> Path:
    """Where a file grows until it is whole."""
    return target.with_name(f"{target.name}.part")


def forget(target: Path) -> None:
    """Removes what is kept of a file that is not whole."""
    _part_of(target).unlink(missing_ok=True)
    _etag_of(target).unlink(missing_ok=True)


def _etag_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.etag.part")


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _restart(part: Path, advance: Advance) -> None:
    """Empties the file; what it held is taken back."""
    advance(-_size_of(part))
    part.write_bytes(b"")


def _wrong_with(file: RemoteFile, part: Path) -> str:
    """Why the bytes are not those of the file; nothing where they are."""
    size_bytes = part.stat().st_size
    with part.open("rb") as content:
        if content.read(256).lstrip().lower().startswith((b"<!doctype html", b"<html")):
            return "it is a web page, as hosts give in place of a file to ask for a person; get it in a browser"
    if file.size_bytes not in (None, size_bytes):
        return f"it has {size_bytes} bytes instead of {file.size_bytes}"
    if file.digest:
        name, _, wanted = file.digest.partition(":")
        with part.open("rb") as content:
            found = hashlib.file_digest(content, name).hexdigest()
        if found != wanted.lower():
            return f"its {name} is {found} instead of {wanted}"
    if file.column and file.column not in columns_of(part):
        return f"it is not a table with the column {file.column}"
    if os.path.splitext(file.path)[1].lower() in IMAGE_SUFFIXES:
        outcome = measure_file(part)
        return outcome if isinstance(outcome, str) else ""
    return ""
