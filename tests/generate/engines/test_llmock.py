"""llmock, which is not ours, judges how the engines meet a quota."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import BARE_CONTEXT, Engine
from dermasynth_builder.generate.engines.gemini import gemini_engine
from dermasynth_builder.generate.engines.openai import openai_engine
from dermasynth_builder.generate.run import Run
from tests.support.fake_service import KEY, picture_requests

PER_MINUTE = 300


@contextmanager
def llmock(*words: str) -> Iterator[str]:
    """A server in a process of its own, at the address given."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [Path(sys.executable).with_name("llmock"), "serve", "--port", str(port), "--log-level", "error", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not is_up(url):
            assert time.monotonic() < deadline
            time.sleep(0.05)  # another process is what we wait for
        yield url
    finally:
        process.kill()
        process.wait()


def is_up(url: str) -> bool:
    try:
        json_of(f"{url}/_llmock/requests")
    except (URLError, ConnectionError):
        return False
    return True


def json_of(url: str) -> Any:
    with urlopen(url) as response:  # noqa: S310 - loopback
        return json.load(response)


def engine_at(name: str, url: str) -> Engine:
    if name == "gemini":
        return gemini_engine(EngineOptions(base_url=f"{url}/gemini/v1beta"), BARE_CONTEXT)
    return openai_engine(EngineOptions(base_url=url, model="gpt-4o"), BARE_CONTEXT)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "calls"), [("gemini", 340), ("openai", 330)])
def test_a_quota_is_met_as_llmock_asks(name: str, calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    asked = picture_requests(tmp_path, calls)
    with llmock("--rpm", str(PER_MINUTE)) as url:
        replies = list(engine_at(name, url).answer(asked, Run()))
        verdict = json_of(f"{url}/_llmock/verdict")
        attempts = len(json_of(f"{url}/_llmock/requests")["requests"])
    assert not [reply.failure for reply in replies if reply.failure]
    assert len(replies) == calls
    assert verdict["passed"], verdict
    assert not verdict["warnings"], verdict
    assert attempts <= 1.35 * calls
