"""What the tests of the online engines share: pictures to ask about, requests, engines on a fake service."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from random import Random

from PIL import Image

from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import BARE_CONTEXT
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.generate.engines.gemini import gemini_engine
from dermasynth_builder.generate.engines.online import OnlineEngine
from dermasynth_builder.plan.reply_form import schema
from tests.support.recited import request

KEY = "a-key-that-nobody-may-see"
RUN = "from dermasynth_builder.cli import main; raise SystemExit(main())"


def draw_picture(path: Path, size: tuple[int, int] = (32, 32), mode: str = "RGB") -> Path:
    """A picture of one colour that depends on the file's name."""
    shade = Random(path.name).randbytes(len(Image.new(mode, (1, 1)).tobytes()))  # noqa: S311 - no secret
    Image.new(mode, size, tuple(shade)).save(path)
    return path


def picture_requests(folder: Path, count: int) -> list[Request]:
    """Requests in pairs about one picture each."""
    paths = [draw_picture(folder / f"{number}.jpg") for number in range((count + 1) // 2)]
    return [question_about(paths[number // 2], number) for number in range(count)]


def question_about(path: Path, number: int = 0) -> Request:
    """A request about this picture."""
    asked = replace(
        request(number),
        reply_schema=schema("asked"),
        prompt=f"Describe what this photograph shows, plainly. Question {number}.",
        image_sha256=sha256(path.read_bytes()).hexdigest(),
        image_path=path,
    )
    return asked


def gemini(url: str, **options: object) -> OnlineEngine:
    """The engine on a fake service."""
    options_of_test = EngineOptions(base_url=url, **options)  # type: ignore[arg-type]  # a test's own options
    return gemini_engine(options_of_test, BARE_CONTEXT)


def by_key(replies: Iterable[Reply]) -> dict[str, Reply]:
    """Replies by the key of their request; fails where one has two."""
    listed = list(replies)
    found = {reply.key: reply for reply in listed}
    assert len(found) == len(listed)
    return found


def command(*words: str | Path) -> list[str]:
    """The command `dermasynth` in a process of its own."""
    return [sys.executable, "-c", RUN, *map(str, words)]


def environment(**variables: str) -> Mapping[str, str]:
    """Ours with a key for Gemini and no way out."""
    return {name: value for name, value in os.environ.items() if "proxy" not in name.lower()} | {
        "GEMINI_API_KEY": KEY,
        **variables,
    }


def run_command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs `dermasynth` to its end."""
    return subprocess.run(command(*words), env=environment(), capture_output=True, text=True, check=False)


def require_nowhere(secrets: Iterable[str], folder: Path, *told: str) -> None:
    """Fails where a secret is in a text, or in a file of the folder."""
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    for secret in secrets:
        assert not [text for text in told if secret in text]
        assert not [content for content in files if secret.encode() in content]


def answer_json(handler: BaseHTTPRequestHandler, status: int, content: object) -> None:
    """Answers a call of a small server."""
    body = json.dumps(content).encode()
    handler.send_response(status)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
