"""A Hugging Face Hub on the loopback interface, for tests that run its real clients offline.

    with LoopbackHub() as hub:
        subprocess.run([sys.executable, "push.py"], env=hub.environment(tmp_path), check=True)
        assert hub.files("tester/dermasynth")["README.md"]

The clients read their settings when they are imported, so run them in a process of their own.
Use the server only in a `with` block: left to the interpreter's end, it would wait for a thread that is gone.
"""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.loopback_hub.http import HANG_UP, TOKEN, USER, Answer, Call, answer, refusal
from tests.loopback_hub.routes import ROUTES
from tests.loopback_hub.store import Commit, Edit, HubError, HubStore, StoredFile, is_for_lfs
from tests.support.loopback_server import serving

__all__ = ["HANG_UP", "TOKEN", "USER", "Commit", "HubError", "LoopbackHub", "RecordedRequest"]

FOREIGN_PREFIXES = (
    "HF_",
    "HUGGING",
    "TRANSFORMERS_",
)  # caches, tokens, and three variables that mean offline


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request that was answered, or hung up on."""

    method: str
    path: str  # with the query, as sent; a whole URL where the client meant another host
    body_bytes: int
    status: int


@dataclass(slots=True)
class _Fault:
    method: str
    path_part: str
    status: int
    after: int
    times: int
    act: Callable[[], None] | None = None  # in place of a refusal; then the connection is closed
    body: bytes | None = None  # in place of a refusal: what somebody between has answered
    is_done: bool = False  # whether the request is answered before `act`, and does what it asks
    met: int = 0  # requests of its kind so far

    def strikes(self, call: Call) -> bool:
        """Whether this request is refused; a request of its kind is counted."""
        if self.method != call.method or self.path_part not in call.target:
            return False
        self.met += 1
        return self.after < self.met <= self.after + self.times


class LoopbackHub:
    """A Hub of dataset repositories on 127.0.0.1, in memory, whose user is `tester`."""

    def __init__(self) -> None:
        self.url = ""  # without a trailing slash; empty until the `with` block is entered
        self._store = HubStore()
        self._requests: list[RecordedRequest] = []
        self._faults: list[_Fault] = []
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
    def requests(self) -> list[RecordedRequest]:
        """What was asked so far, in the order of the answers."""
        with self._lock:
            return list(self._requests)

    def environment(self, hf_home: Path) -> dict[str, str]:
        """The whole environment for a client process: give it as `env`, do not merge it into another.

        It is ours, less all that could send a client elsewhere or stop it: HF_HUB_OFFLINE and every other
        HF_*, HUGGING* and TRANSFORMERS_* variable, and the proxies. This server is the proxy for every other
        host: a request for one is recorded, refused, and never leaves the machine.
        """
        if not self.url:
            raise RuntimeError("The loopback Hub has no address yet: enter `with LoopbackHub() as hub`")
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.upper().startswith(FOREIGN_PREFIXES) and not name.upper().endswith("_PROXY")
        }
        return kept | {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": TOKEN,
            "HF_HOME": str(hf_home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",  # datasets would tell s3.amazonaws.com of every load
            "HTTP_PROXY": self.url,
            "HTTPS_PROXY": self.url,
            "NO_PROXY": "127.0.0.1",
        }

    def commits(self, repo_id: str, revision: str = "main") -> list[Commit]:
        """The commits of a repository, newest last; the first one is the Hub's own."""
        with self._lock:
            return self._store.find(repo_id).history(revision)

    def files(self, repo_id: str, revision: str = "main") -> dict[str, bytes]:
        """The files at a branch, tag or commit oid, by path."""
        with self._lock:
            snapshot = self._store.find(repo_id).commit_at(revision).snapshot
        return {path: file.content for path, file in snapshot.items()}

    def is_private(self, repo_id: str) -> bool:
        """Whether the repository was made private."""
        with self._lock:
            return self._store.find(repo_id).is_private

    def add_repository(self, repo_id: str) -> None:
        """Makes a repository without a request: that of another user than `tester`, say."""
        with self._lock:
            self._store.create(repo_id, is_private=False)

    def write(self, repo_id: str, files: Mapping[str, bytes]) -> None:
        """Commits files to a repository, which is made if it is not there, without a request: as its owner would."""
        with self._lock:
            self._store.create(repo_id, is_private=False)
            edits = [Edit(path, StoredFile(content, is_for_lfs(path, len(content)))) for path, content in files.items()]
            self._store.find(repo_id).commit("main", "by hand", edits, parent=None)

    def tags(self, repo_id: str) -> dict[str, str]:
        """The commit oid of each tag."""
        with self._lock:
            return dict(self._store.find(repo_id).tags)

    def pull_requests(self, repo_id: str) -> dict[int, str]:
        """The status of each pull request, by number."""
        with self._lock:
            return {pull.num: pull.status for pull in self._store.find(repo_id).pull_requests}

    def fail(self, method: str, path_part: str, *, status: int = 503, after: int = 0, times: int = 1) -> None:
        """Refuses `times` requests of that method with `path_part` in the path, once `after` of them have passed.

        They do nothing. With HANG_UP for the status the connection is closed without an answer.
        """
        with self._lock:
            self._faults.append(_Fault(method, path_part, status, after, times))

    def stand_between(self, method: str, path_part: str, body: bytes) -> None:
        """Answers one such request with this body, as a proxy or a page to log in does: it gets nowhere."""
        with self._lock:
            self._faults.append(_Fault(method, path_part, 200, 0, 1, body=body))

    def interrupt(self, method: str, path_part: str, act: Callable[[], None], *, after: int = 0, is_done: bool) -> None:
        """At such a request, once `after` of them have passed: calls `act` and closes the connection.

        With `is_done` the request has done by then what it asks. `act` must not ask the Hub.
        """
        with self._lock:
            self._faults.append(_Fault(method, path_part, HANG_UP, after, 1, act, is_done=is_done))

    def answer(self, call: Call) -> Answer:
        """The recorded answer to one request: a fault that is due, or what the routes say."""
        with self._lock:
            fault = next((fault for fault in self._faults if fault.strikes(call)), None)
            if fault is not None:
                if fault.is_done:
                    answer(ROUTES, self._store, call)
                if fault.act:
                    fault.act()
                refused = refusal(HubError(fault.status, "Injected fault"))
                given = refused if fault.body is None else Answer(fault.status, fault.body)
            else:
                given = answer(ROUTES, self._store, call)
            self._requests.append(RecordedRequest(call.method, call.target, len(call.body), given.status))
        return given


class _Server(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1, one thread a connection."""

    def __init__(self, hub: LoopbackHub) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub = hub

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing of a client that was killed, and all of anything else."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    """Turns the bytes of a connection into calls, and answers into bytes."""

    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body leave together: no wait between Nagle's algorithm and a delayed acknowledgement

    def serve(self) -> None:
        """Answers one request; a client that hangs up early is let go."""
        hub = self.server.hub
        headers = {name.lower(): value for name, value in self.headers.items()}
        given = hub.answer(Call(self.command, self.path, headers, self._read_body(), hub.url))
        if given.status == HANG_UP:
            self.close_connection = True
            return
        try:
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(given.body)
            self.wfile.flush()
        except ConnectionError:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_CONNECT = serve  # noqa: N815 - names of http.server

    def log_message(self, format: str, *args: object) -> None:
        """Keeps the tests' output clean: `LoopbackHub.requests` is the log."""

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers, up to the empty line
            pass
        return b"".join(chunks)
