"""The engine `openai` on a real server: `transformers serve` with a tiny vision model that is made on the spot.

DERMASYNTH_SERVE_PYTHON names a Python that has torch, transformers[serving] and pillow; `make test-train` sets one up.
"""

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.generate.run import Run
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from tests.generate.engines.test_gemini_command import records_in
from tests.support.fake_service import by_key, picture_requests, run_command
from tests.support.paths import ROOT

PYTHON = os.environ.get("DERMASYNTH_SERVE_PYTHON")
ANSWER = {"answer": "A raised, brown plaque with an even border."}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON, reason="DERMASYNTH_SERVE_PYTHON names no Python with torch"),
]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Address and model of the server."""
    folder, python = tmp_path / "served", str(PYTHON)
    folder.mkdir()
    model = folder / "tiny"
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "HF_HOME": str(folder / "home")}
    offline.pop("PYTHONPATH", None)
    maker = ROOT / "tests" / "support" / "tiny_vision_model.py"
    subprocess.run([python, str(maker), str(model)], env=offline, check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = [str(Path(python).parent / "transformers"), "serve", str(model), "--device", "cpu", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(serve, env=offline, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process, folder / "log")
            yield f"http://127.0.0.1:{port}/v1", str(model)
        finally:
            process.terminate()
            process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server answers."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - loopback
                return
        except OSError:
            time.sleep(0.2)  # another process is what we wait for
    raise AssertionError(log.read_text())


def test_a_real_server_is_asked_and_understood(served: tuple[str, str], tmp_path: Path) -> None:
    for ask in (every_request_is_answered, what_has_no_room_is_cut_off, the_command_asks_nothing_twice):
        folder = tmp_path / ask.__name__
        folder.mkdir()
        ask(*served, folder)


def every_request_is_answered(url: str, model: str, folder: Path) -> None:
    engine = registry.engine("openai", EngineOptions(model=model, base_url=url, max_output_tokens=64, concurrency=4))
    asked = picture_requests(folder, 8)
    got = by_key(engine.answer(asked, Run()))
    assert {reply.failure for reply in got.values()} == {None}
    for reply in got.values():
        assert json.loads(reply.text or "") == ANSWER
        assert reply.finish_reason == "stop"
        assert reply.usage["completion_tokens"] > 0


def what_has_no_room_is_cut_off(url: str, model: str, folder: Path) -> None:
    engine = registry.engine("openai", EngineOptions(model=model, base_url=url, max_output_tokens=2, concurrency=1))
    (reply,) = engine.answer(picture_requests(folder, 1), Run())
    assert str(reply.failure).startswith("cut off: length")
    assert reply.attempts == 3  # with 2, 4 and 8 tokens


def the_command_asks_nothing_twice(url: str, model: str, folder: Path) -> None:
    raw = write_pad_ufes(folder / "raw", images=4, side_px=32)
    given = ("generate", "pad_ufes", "--raw", raw, "--work", folder / "w", "--engine", "openai", "--model", model)
    look = ("--look", "off")  # the tiny model knows one form
    more = ("--base-url", url, "--max-output-tokens", "64", "--concurrency", "4", "--self-instruct", "0", *look)
    done = run_command(*given, *more, "--body", '{"seed": 7, "temperature": 0}')
    assert done.returncode == 0, done.stderr
    records = records_in(folder / "w")
    assert len(records) == 8
    assert {json.loads(record["text"])["answer"] for record in records} == {ANSWER["answer"]}
    again = run_command(*given, *more, "--body", '{"temperature": 0, "seed": 7}')
    assert "0 answered, 0 failed, 8 known from before" in again.stdout
