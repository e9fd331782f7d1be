"""A server that keeps all that comes, and answers that nobody is here, or that one is to ask elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.fake_service import answer_json
from tests.support.loopback_server import serving


class Listener(ThreadingHTTPServer):
    """Keeps the headers and bodies that come, and answers all alike."""

    def __init__(self, leads_to: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.leads_to = leads_to
        self.came: list[bytes] = []


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        self.server.came.append(f"{self.path}\n{self.headers}".encode() + body)
        if not self.server.leads_to:
            answer_json(self, 404, {"error": "not_found", "error_description": "nobody is here"})
            return
        self.send_response(307)
        self.send_header("location", f"{self.server.leads_to}{self.path}")
        self.send_header("content-length", "0")
        self.end_headers()

    do_GET = do_POST = do_HEAD = do_DELETE = answer  # noqa: N815 - the names that the base class looks for

    def log_message(self, format: str, *args: object) -> None:
        pass


def tempt(monkeypatch: pytest.MonkeyPatch, home: Path, proxy: str, netrc: str) -> None:
    """Has the user's home hold that `.netrc`, and the environment name that proxy for all that goes out."""
    (home / ".netrc").write_text(netrc)
    (home / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(home / ".netrc"))
    monkeypatch.setenv("HOME", str(home))
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, proxy)
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)


@contextmanager
def listening(leads_to: str = "") -> Iterator[tuple[str, list[bytes]]]:
    server = Listener(leads_to)
    with serving(server) as url:
        yield url, server.came
