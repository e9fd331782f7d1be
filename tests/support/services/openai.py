"""A server of chat completions that says one thing."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import BARE_CONTEXT, EngineContext
from tests.support.fake_service import answer_json
from tests.support.loopback_server import serving as serving_from_a_thread


class _Chat(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        message = {"role": "assistant", "content": json.dumps({"answer": "A raised, brown plaque."})}
        answer_json(
            self, 200, {"model": "m-1", "choices": [{"message": message, "finish_reason": "stop"}], "usage": {}}
        )

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def serving(_: Path) -> Iterator[tuple[EngineOptions, EngineContext]]:
    """The server and a model of it."""
    with serving_from_a_thread(ThreadingHTTPServer(("127.0.0.1", 0), _Chat)) as url:
        yield EngineOptions(model="m", base_url=url), BARE_CONTEXT
