"""The official places of all five releases on the loopback interface, with what drawn specimens hold.

    with LoopbackArchives() as archives:
        archives.offer_isic(251, folder)
        download(DownloadOptions("hiba", ...), ...)  # with the variables of `archives.environment` set

Every request is recorded, and any of them can be made to fail.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from dermasynth_builder.read.download.hosts import url_variable
from tests.support.loopback_archives_http import Answer, Fault, Request, part_of
from tests.support.loopback_server import serving

PAGE_IMAGES = 5  # small, so that a few images fill several pages
IMAGE_SUFFIXES = (".jpg", ".png")


class LoopbackArchives:
    """ISIC archive, Dataverse, Mendeley Data and a bucket on 127.0.0.1, one server for all of them."""

    def __init__(self) -> None:
        self.url = ""  # without a trailing slash; empty until the `with` block is entered
        self.has_ranges = True
        self.pause_s = 0.0  # after each kibibyte of a body
        self.pages: dict[str, Callable[[Request], Answer]] = {}  # by path, decoded
        self.files: dict[str, bytes] = {}  # by path, decoded
        self.requests: list[Request] = []
        self.sent_bytes = 0
        self._faults: list[Fault] = []
        self._signatures = count(1)  # every address of an image is a new one
        self._lock = threading.Lock()
        self._running = ExitStack()

    def __enter__(self) -> Self:
        self.url = self._running.enter_context(serving(_Server(self)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead a download here."""
        return {url_variable(name): self.url for name in ("isic", "dataverse", "mendeley", "bucket")}

    def fail(self, fault: Fault) -> None:
        """Lets requests fail; see `Fault`."""
        with self._lock:
            self._faults.append(fault)

    def asked(self, part: str) -> list[Request]:
        """The requests so far whose path has `part` in it."""
        with self._lock:
            return [request for request in self.requests if part in request.path]

    def offer_folder(self, folder: Path, below: str = "") -> None:
        """Every file of the folder at its own path, as a bucket has it."""
        for path in folder.rglob("*"):
            if path.is_file():
                self.files[f"/{below}{path.relative_to(folder).as_posix()}"] = path.read_bytes()

    def offer_isic(self, collection: int, release: Path) -> None:
        """A collection of the ISIC archive: its table, its pages of images, the page of its DOI."""
        self.files[f"/collections/{collection}/metadata/"] = (release / "metadata.csv").read_bytes()
        images = {path.stem: path for path in sorted(release.rglob("*.jpg"))}
        for isic_id, path in images.items():
            self.files[f"/signed/{path.name}"] = path.read_bytes()
            self.pages[f"/api/v2/images/{isic_id}/"] = lambda _, path=path: _json(self._entry(path))  # type: ignore[misc]
        self.pages["/api/v2/images/search/"] = lambda request: self._page(list(images.values()), request)
        for path in release.glob("supplements/*.csv"):
            self.files[f"/blobs/{path.name}"] = path.read_bytes()
            link = f'<p>Files<a href="/blobs/{path.name}?a=1&amp;b=2" title="{path.name}"><button>Download</button></a>'
            self.files["/doi/derm12345/"] = link.encode()

    def offer_dataverse(self, tables: dict[str, bytes], archives: dict[str, bytes]) -> None:
        """A dataset whose tables the Dataverse has converted."""
        entries = []
        for number, (name, body) in enumerate({**tables, **archives}.items()):
            stored = {"id": number, "filename": name, "filesize": len(body), "md5": md5(body).hexdigest()}  # noqa: S324
            if name in tables:
                stored |= {"filename": name.replace(".csv", ".tab"), "originalFileName": name, "md5": "0" * 32}
            entries.append({"label": stored["filename"], "dataFile": stored})
            self.files[f"/api/access/datafile/{number}"] = body
        listing = {"status": "OK", "data": {"latestVersion": {"files": entries}}}
        self.pages["/api/datasets/:persistentId/"] = lambda _: _json(listing)

    def answer(self, request: Request) -> Answer:
        """The recorded answer to one request."""
        with self._lock:
            self.requests.append(request)
            fault = next((fault for fault in self._faults if fault.strikes(request)), None)
        path = unquote(request.path.partition("?")[0])
        if path in self.pages:
            usual = self.pages[path](request)
        elif path in self.files:
            usual = part_of(self.files[path], request, has_ranges=self.has_ranges)
        else:
            usual = Answer(404, b"<Error>NoSuchKey</Error>")
        return fault.spoil(usual) if fault else usual

    def _entry(self, path: Path) -> dict[str, object]:
        full = {
            "url": f"{self.url}/signed/{path.name}?Signature={next(self._signatures)}&Key=a",
            "size": path.stat().st_size,
        }
        return {"isic_id": path.stem, "copyright_license": "CC-BY", "files": {"full": full}}

    def _page(self, images: list[Path], request: Request) -> Answer:
        query = parse_qs(urlsplit(request.path).query)
        start = int(query.get("cursor", ["0"])[0])
        end = start + PAGE_IMAGES
        following = f"{self.url}/api/v2/images/search/?cursor={end}&collections={query['collections'][0]}"
        entries = [self._entry(path) for path in images[start:end]]
        return _json({"count": len(images), "results": entries, "next": following if end < len(images) else None})


def _json(value: object) -> Answer:
    return Answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


class _Server(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1, one thread a connection."""

    daemon_threads = True

    def __init__(self, archives: LoopbackArchives) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.archives = archives

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing of clients that are gone."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # as the server gave them


class _Handler(BaseHTTPRequestHandler):
    """Turns the bytes of a connection into requests, and answers into bytes."""

    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        """Answers one request; a client that is killed meanwhile is let go."""
        archives = self.server.archives
        headers = {name.lower(): value for name, value in self.headers.items()}
        given = archives.answer(Request(self.path, headers))
        sent = given.body if given.sent_bytes is None else given.body[: given.sent_bytes]
        try:
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            step = 1024 if archives.pause_s else len(sent) or 1
            for start in range(0, len(sent), step):
                self.wfile.write(sent[start : start + step])
                self.wfile.flush()
                archives.sent_bytes += step
                time.sleep(archives.pause_s)
            self.wfile.flush()
        except ConnectionError:
            self.close_connection = True
        if given.sent_bytes is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Keeps the tests' output clean: `LoopbackArchives.requests` is the log."""
