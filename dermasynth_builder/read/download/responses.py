"""Reads the clock. What an HTTP response means for a download: go on, try again, or give up."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address

import httpx

from dermasynth_builder.core.errors import DownloadError

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_EXPIRED = frozenset({400, 401, 403, 404, 410})  # what stores answer to a signed address that is too old


class Transient(Exception):  # noqa: N818 - it is no error until it has come too often
    """Something that may be over soon."""

    def __init__(self, reason: str, *, retry_after_s: float = 0.0, is_expired: bool = False) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.is_expired = is_expired  # a fresh address may help


def require_success(response: httpx.Response, *, can_expire: bool = False) -> None:
    """Raises Transient for a response after which to try again, DownloadError for one that will not change."""
    code = response.status_code
    if response.is_success:
        return
    said = f"{response.url.host} answers {code} {response.reason_phrase}".strip()
    if code in _TRANSIENT:
        raise Transient(said, retry_after_s=_retry_after_s(response))
    if can_expire and code in _EXPIRED:
        raise Transient(said, is_expired=True)
    raise DownloadError(said)


def held_range(response: httpx.Response) -> tuple[int, int | None]:
    """Where in the file the body begins, and the size of the whole file if it is told; both in bytes."""
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if response.status_code != httpx.codes.PARTIAL_CONTENT or match is None:
        return 0, None
    return int(match[1]), None if match[2] == "*" else int(match[2])


def require_safe(message: httpx.Request | httpx.Response) -> None:
    """Raises DownloadError for plain HTTP with another machine, and for a redirect from HTTPS to HTTP."""
    url = message.url
    if isinstance(message, httpx.Response):
        if not message.has_redirect_location or url.scheme != "https":
            return
        url = url.join(message.headers["Location"])
        if url.scheme != "https":
            raise DownloadError(f"{message.url.host} leads from https to {url.scheme}://{url.host}; not followed")
    elif url.scheme != "https" and not (url.scheme == "http" and _is_this_machine(url.host)):
        raise DownloadError(f"{url.scheme}://{url.host} is not spoken to: only https is, and http with this machine")


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


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
