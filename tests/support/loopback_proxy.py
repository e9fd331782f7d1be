"""A plain HTTP proxy on loopback, and the environment that names it."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.loopback_server import serving

_OF_ONE_HOP = frozenset({"connection", "content-length", "keep-alive", "proxy-connection", "transfer-encoding"})


@contextmanager
def proxying(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names a proxy in the environment, with no exception; gives the URLs that it was asked for so far."""
    passed: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            passed.append(self.path)
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_ONE_HOP}
            upstream = HTTPConnection(url.netloc)
            upstream.request(self.command, f"{url.path}?{url.query}", body, headers)
            with upstream.getresponse() as response:
                answered = response.read()
                self.send_response_only(response.status)
                for name, value in response.getheaders():
                    if name.lower() not in _OF_ONE_HOP:
                        self.send_header(name, value)
            upstream.close()
            self.send_header("content-length", str(len(answered)))
            self.end_headers()
            self.wfile.write(answered)

        do_GET = do_POST = do_DELETE = pass_on  # noqa: N815 - the names that the base class looks for

        def log_message(self, format: str, *args: Any) -> None:
            pass

    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        monkeypatch.setenv("HTTP_PROXY", url)
        yield passed
