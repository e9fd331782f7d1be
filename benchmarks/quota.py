"""How a quota of 300 requests a minute is met when the server asks for long and for short waits; llmock is the judge.

    python benchmarks/quota.py [--calls 450] [--latency-ms 0] [--retry-after 0.2 1 4 10]

llmock's own Retry-After is the time until one request is free; here it asks for at least the seconds given. Prints
llmock's verdict, attempts a call, and the wall time as a ratio to the ideal: the first 300 at once, the others as the
quota refills.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from generate import make_images, requests_of

from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import BARE_CONTEXT
from dermasynth_builder.generate.engines.gemini import gemini_engine
from dermasynth_builder.generate.run import Run

PER_MINUTE = 300
SERVER = """
import sys
from dataclasses import replace
from llmock.cli import app
from llmock.ratelimit import RateLimiter

told_s, plain = float(sys.argv.pop(1)), RateLimiter.admit

def admit(*given):
    admission = plain(*given)
    return admission if admission.allowed else replace(admission, retry_after=max(told_s, admission.retry_after))

RateLimiter.admit = admit
app()
"""


@contextmanager
def llmock(told_s: float, latency_ms: int) -> Iterator[str]:
    """llmock in a process of its own, at the address given."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["serve", "--port", f"{port}", "--rpm", f"{PER_MINUTE}", "--latency-ms", f"{latency_ms}"]
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, f"{told_s}", *words, "--log-level", "error"], stdout=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while process.poll() is None and not _is_up(url):
            time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()


def _is_up(url: str) -> bool:
    try:
        _json(f"{url}/_llmock/requests")
    except (URLError, ConnectionError):
        return False
    return True


def _json(url: str) -> Any:
    with urlopen(url) as response:  # noqa: S310 - loopback
        return json.load(response)


def main() -> None:
    """Prints a line a wait."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=450, help="more than the 300 that a full quota lets through")
    parser.add_argument("--latency-ms", type=int, default=0)
    parser.add_argument("--retry-after", type=float, nargs="+", default=[0.2, 1.0, 4.0, 10.0], metavar="SECONDS")
    arguments = parser.parse_args()
    os.environ.setdefault("GEMINI_API_KEY", "no-key")
    ideal_s = (arguments.calls - PER_MINUTE) * 60 / PER_MINUTE + arguments.latency_ms / 1000
    with tempfile.TemporaryDirectory() as folder:
        make_images(Path(folder), 8)
        asked = list(requests_of(Path(folder), arguments.calls))
        for told_s in arguments.retry_after:
            with llmock(told_s, arguments.latency_ms) as url:
                started = time.perf_counter()
                engine = gemini_engine(EngineOptions(base_url=f"{url}/gemini/v1beta"), BARE_CONTEXT)
                replies = list(engine.answer(asked, Run()))
                took_s = time.perf_counter() - started
                verdict = _json(f"{url}/_llmock/verdict")
                attempts = len(_json(f"{url}/_llmock/requests")["requests"])
            word = "passed" if verdict["passed"] and not verdict["warnings"] else f"NOT PASSED: {verdict}"
            failed = sum(reply.failure is not None for reply in replies)
            print(
                f"Retry-After {told_s:4.1f} s: {word}, {failed} failed, "
                f"{attempts / arguments.calls:.2f} attempts a call, {took_s:5.1f} s, {took_s / ideal_s:.2f} x ideal",
                flush=True,
            )


if __name__ == "__main__":
    main()
