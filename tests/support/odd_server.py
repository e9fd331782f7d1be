"""A server that answers in bytes: whatever a broken, old or hostile one could send in place of a good response."""

import gzip
import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_MEBIBYTE = 1 << 20

ON_DISK = "file:" + 3 * "/"


def response(body: bytes = b"{}", status: str = "200 OK", *headers: str, length: int | str | None = None) -> bytes:
    """An HTTP response; its length may be a lie."""
    told = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {told}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def _chunked(content: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + content


def odd_responses(good: bytes) -> dict[str, bytes]:
    """By what is odd; `good` is the body of a good response."""
    return {
        **_odd_http(good),
        **_odd_bodies(good),
        **{
            f"redirect to {to!r}": response(b"", "307 X", f"Location: {to}")
            for to in ("/", "http://[::1", f"{ON_DISK}x")
        },
        "a redirect to nowhere": response(b"", "302 Found"),
        "an address for a file that is none": response(b"{}", "200 OK", "X-Goog-Upload-URL: http://[::1"),
        "an address for a file elsewhere": response(b"{}", "200 OK", "X-Goog-Upload-URL: http://192.0.2.1/x"),
        "an address for a file on disk": response(b"{}", "200 OK", f"X-Goog-Upload-URL: {ON_DISK}etc/passwd"),
    }


def _odd_http(good: bytes) -> dict[str, bytes]:
    return {
        "nothing": b"",
        "half a status line": b"HTTP/1.",
        "no HTTP": b"hello there\r\n\r\n",
        "a body alone": good,
        "HTTP 9.9": b"HTTP/9.9 200 OK\r\n\r\n",
        **{
            f"status {status}": response(b"{}", f"{status} Odd")
            for status in ("000", "101", "204", "206", "999", "abc")
        },
        "100 again and again": b"HTTP/1.1 100 Continue\r\n\r\n" * 200,
        "a reason with escapes": b"HTTP/1.1 500 \x1b[31m\xff\r\nContent-Length: 2\r\n\r\n{}",
        "a body that is cut": response(good, length=len(good) + 50),
        "a body that is too long": response(good, length=10),
        **{f"length {told}": response(good, length=told) for told in ("-5", "abc", 10**30)},
        "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n{}",
        "chunks without size": _chunked(b"zz\r\n{}\r\n0\r\n\r\n"),
        "a chunk beyond reason": _chunked(b"ffffffffffffffff\r\n{}"),
        "a chunk that is cut": _chunked(b"5\r\n{}"),
        "a header without end": b"HTTP/1.1 200 OK\r\nX: " + b"a" * _MEBIBYTE,
        "20,000 headers": response(b"{}", "200 OK", *(f"X-{number}: y" for number in range(20_000))),
        "a header with NUL": response(b"{}", "200 OK", "X: a\0b"),
        "a wait that is none": response(b"{}", "503 X", "Retry-After: nan"),
        "a wait in other letters": response(b"{}", "503 X", "Retry-After: \xb2\xb3"),
        "a wait of 5,000 digits": response(b"{}", "503 X", f"Retry-After: {'9' * 5000}"),
        "a cookie": response(b"{}", "200 OK", "Set-Cookie: a=b; Domain=example.org"),
    }


def _odd_bodies(good: bytes) -> dict[str, bytes]:
    encoded = {
        "gzip that is none": (b"not gzip", "gzip"),
        "a bomb of gzip": (gzip.compress(b" " * (64 * _MEBIBYTE)), "gzip"),
        "a bomb of deflate": (zlib.compress(b"[" * (64 * _MEBIBYTE)), "deflate"),
        "brotli that is none": (b"\x0b\x02\x80{}\x03", "br"),
        "zstd that is none": (b"\x28\xb5\x2f\xfdxx", "zstd"),
        "an encoding that there is not": (b"{}", "other"),
    }
    return {
        **{name: response(body, "200 OK", f"Content-Encoding: {how}") for name, (body, how) in encoded.items()},
        "half a character": response(b'{"error": "\xe9"}', "500 X"),
        "an encoding of text that there is not": response(b"{}").replace(b"json", b"json; charset=other"),
        "NaN": response(b'{"candidates": NaN, "choices": NaN}'),
        "5,000 digits": response(b'{"usage": {"total_tokens": ' + b"9" * 5000 + b"}}"),
        "depth without end": response(b"[" * 100_000),
        "a page": response(b"<html><title>\x1b[31mbusy</title>", "502 Bad"),
        "17 MiB": response(b'"' + b"a" * (17 * _MEBIBYTE) + b'"'),
        "a stream of events": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {}\n\n",
        **{f"the JSON {text}": response(text.encode()) for text in ("null", "[]", '"x"', "true", "7", '{"file": [1]}')},
        "a list of what is no job": response(b'{"operations": [[], 1, null, {"name": "batches/../x"}]}'),
        "pages without end": response(b'{"operations": [], "nextPageToken": "again"}'),
    }


@dataclass
class OddServer:
    """Answers each body that is new with `odd`, and what it has seen before with `good`; closes after each."""

    odd: bytes
    good: bytes | None = None  # None: all is answered oddly
    count: int = 0
    _seen: set[bytes] = field(default_factory=set)

    def answer(self, connection: socket.socket) -> None:
        """One connection."""
        with connection, suppress(OSError):
            head, body = _asked(connection)
            self.count += 1
            is_new = body not in self._seen
            self._seen.add(body)
            if self.good is not None and not is_new:
                connection.sendall(response(self.good, "200 OK", "Connection: close"))
            elif self.odd:
                connection.sendall(self.odd)
            elif head:  # a reset in place of an end
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _asked(connection: socket.socket) -> tuple[bytes, bytes]:
    content = b""
    while b"\r\n\r\n" not in content:
        if not (part := connection.recv(1 << 16)):
            return b"", b""
        content += part
    head, _, body = content.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0]) and (part := connection.recv(1 << 16)):
        body += part
    return head, body


@contextmanager
def odd_server(odd: bytes, good: bytes | None = None) -> Iterator[tuple[str, OddServer]]:
    """Its address and itself."""
    server = OddServer(odd, good)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=server.answer, args=(listener.accept()[0],), daemon=True).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", server
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()
