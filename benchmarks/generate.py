"""Asks a canned service on loopback, and says what asking costs beside raw aiohttp and Google's SDK.

    python benchmarks/generate.py [--requests 2000] [--in-flight 128] [--rounds 3] [--long 20000]

Each client is a process of its own, in turn, round by round; every request is a question about one of
`requests / 2` JPEGs of 58 kB, or of 650 kB. Ours reads the images, keeps the ledger and all that; raw aiohttp sends
bodies made beforehand. Prints the median over the rounds, and ratios to raw of the same round.

bespokelabs-curator is measured too where `--curator` names a Python that has it; without, the output says how to.
Clients named "chat" ask chat completions, by which curator is fastest; all others ask as Gemini is asked. The server
takes as long and says the same to both.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from meter import Meter

from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.records import Facts, Request
from dermasynth_builder.plan.reply_form import schema

PROMPT = "You are a dermatologist. Answer in plain text what this picture shows. " * 18
KEY = "no-key"
FIGURES = ("rate", "cpu_ms", "peak_mb")


@dataclass(frozen=True)
class Order:
    """What a client is to do."""

    folder: Path  # of the images
    url: str
    count: int
    in_flight: int


SIZES = {58: (480, 640, 48), 650: (1000, 1000, 90)}  # kB -> pixels and quality


def make_images(folder: Path, count: int, image_kb: int = 58) -> None:
    """Distinct JPEGs of about that size: noise, each with a pixel of its own."""
    from io import BytesIO

    import numpy as np
    from PIL import Image

    height, width, quality = SIZES[image_kb]
    noise = np.random.default_rng(0).normal(128, 28, (height, width, 3)).clip(0, 255).astype("uint8")
    for number in range(count):
        made = BytesIO()
        noise[number % height, number // height] = 255
        Image.fromarray(noise).save(made, "JPEG", quality=quality)
        (folder / f"{number:05}.jpg").write_bytes(made.getvalue())


def requests_of(folder: Path, count: int) -> Iterator[Request]:
    """Two questions an image, as a plan has them."""
    paths = sorted(folder.glob("*.jpg"))
    for number in range(count):
        path = paths[number // 2 % len(paths)]
        yield Request(
            source="benchmark",
            image_id=path.stem,
            slot="general",
            style="asked",
            question_type="overview",
            question="What does this picture show?",
            prompt=f"{PROMPT} ({number})",
            prompt_id="asked",
            reply_schema=schema("asked"),
            modality="clinical",
            facts=Facts(),
            is_metadata_shown=True,
            image_sha256=sha256(path.name.encode()).hexdigest(),  # the index of a real run has it ready
            image_path=path,
        )


def ask_ours(order: Order, name: str = "gemini", model: str | None = None) -> None:
    """`generate` with an engine and a ledger."""
    from dermasynth_builder.core import registry
    from dermasynth_builder.generate.ledger import Ledger, ledger_path
    from dermasynth_builder.generate.run import generate

    engine = registry.engine(name, EngineOptions(model=model, base_url=order.url, concurrency=order.in_flight))
    ledger = Ledger(ledger_path(order.folder / f"ledgers-{time.monotonic_ns()}", engine), engine.identity, print)
    tally = generate(requests_of(order.folder, order.count), engine, ledger)
    assert tally.answered == order.count, tally


def ask_raw(order: Order) -> None:
    """aiohttp and bodies that are ready; answers are read and thrown away."""
    import aiohttp

    from dermasynth_builder.core.images.renditions import make_sent_image
    from dermasynth_builder.generate.engines.gemini import gemini_body

    options = replace(EngineOptions(), model="gemini-3.5-flash-lite")
    few = [
        gemini_body(request, make_sent_image(request.image_path, options), options, max_output_tokens=4096)
        for request in requests_of(order.folder, min(order.count, 128))
        if request.image_path
    ]
    METER.start()

    async def run() -> None:
        left = iter(range(order.count))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def work() -> None:
                for number in left:
                    target = f"{order.url}/v1/models/gemini-3.5-flash-lite:generateContent"
                    async with session.post(target, data=few[number % len(few)]) as response:
                        json.loads(await response.read())

            await asyncio.gather(*(work() for _ in range(order.in_flight)))

    asyncio.run(run())


def ask_sdk(order: Order) -> None:
    """google-genai's own `generate_content`."""
    from google import genai
    from google.genai import types

    client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=order.url, timeout=120_000))
    config = types.GenerateContentConfig(
        response_mime_type="application/json",
        response_json_schema=json.loads(schema("asked")),
        max_output_tokens=4096,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    METER.start()

    async def run() -> None:
        left = requests_of(order.folder, order.count)

        async def work() -> None:
            for request in left:
                assert request.image_path
                image = types.Part.from_bytes(data=request.image_path.read_bytes(), mime_type="image/jpeg")
                response = await client.aio.models.generate_content(
                    model="gemini-3.5-flash-lite",
                    contents=types.Content(role="user", parts=[image, types.Part(text=request.prompt)]),
                    config=config,
                )
                assert response.text

        await asyncio.gather(*(work() for _ in range(order.in_flight)))

    asyncio.run(run())


Ask = Callable[[Order], None]
CLIENTS: dict[str, Ask] = {
    "raw aiohttp": ask_raw,
    "ours": ask_ours,
    "ours, chat": partial(ask_ours, name="openai", model="canned"),
    "google-genai": ask_sdk,
}
NOT_MEASURED = """\
bespokelabs-curator was not measured; it pins what it needs, so give it an environment of its own:
  python3 -m venv /tmp/curator && /tmp/curator/bin/pip install bespokelabs-curator==0.1.31
  python benchmarks/generate.py --curator /tmp/curator/bin/python"""
CURATOR = {"curator": "litellm", "curator, chat": "openai"}  # its backends
METER = Meter()


def job(name: str, order: Order) -> None:
    """One client in this process; prints its figures."""
    import aiohttp  # noqa: F401 - all clients need it, and its import is not what is compared

    from dermasynth_builder.core.images import renditions  # noqa: F401
    from dermasynth_builder.generate.engines.online import scheduler, transport  # noqa: F401

    METER.start()
    CLIENTS[name](order)
    print(json.dumps(METER.figures(order.count)))


def measure(name: str, order: Order) -> dict[str, float]:
    """One client in a process of its own."""
    words = ("--job", name, "--folder", str(order.folder), "--url", order.url, "--requests", str(order.count))
    done = subprocess.run(
        [sys.executable, __file__, *words, "--in-flight", str(order.in_flight)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={"GEMINI_API_KEY": KEY, "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def measure_curator(backend: str, python: str, order: Order) -> dict[str, float]:
    """See `generate_curator.py`."""
    rows = [{"image": str(each.image_path), "prompt": each.prompt} for each in requests_of(order.folder, order.count)]
    asked = {"url": order.url, "in_flight": order.in_flight, "schema": json.loads(schema("asked")), "rows": rows}
    with tempfile.TemporaryDirectory(dir=order.folder) as home:
        done = subprocess.run(
            [python, str(Path(__file__).with_name("generate_curator.py"))],
            check=False,
            input=json.dumps({"backend": backend, **asked}),
            capture_output=True,
            text=True,
            env={"HOME": home, "GEMINI_API_KEY": KEY, "OPENAI_API_KEY": KEY},
        )
    if done.returncode:
        raise SystemExit(f"{python} did not run curator: {done.stderr.strip().rpartition(chr(10))[2]}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def table(rounds: Sequence[Mapping[str, Mapping[str, float]]]) -> Iterator[str]:
    """A line a client: medians, and medians of the ratios to raw of the same round."""
    yield f"{'client':<16}{'per s':>9}{'x raw':>8}{'CPU ms':>9}{'x raw':>8}{'peak MB':>9}"
    for name in rounds[0]:
        rate, cpu_ms, peak_mb = (statistics.median(each[name][what] for each in rounds) for what in FIGURES)
        rates, cpus = (
            statistics.median(each[name][what] / each["raw aiohttp"][what] for each in rounds) for what in FIGURES[:2]
        )
        yield f"{name:<16}{rate:>9.0f}{rates:>8.2f}{cpu_ms:>9.2f}{cpus:>8.2f}{peak_mb:>9.0f}"


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, default=128)
    parser.add_argument("--latency-ms", type=float, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--image-kb", type=int, choices=SIZES, default=58)
    parser.add_argument("--long", type=int, default=0, help="then ours once more, with so many requests")
    parser.add_argument(
        "--curator", metavar="PYTHON", help="a Python that has bespokelabs-curator (default: not measured)"
    )
    for hidden in ("--job", "--folder", "--url"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.job:
        job(words.job, Order(Path(words.folder), words.url, words.requests, words.in_flight))
        return
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("generate_server.py")), str(words.latency_ms / 1000)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        with tempfile.TemporaryDirectory() as made:
            compare(Path(made), url, words)
    finally:
        server.kill()


def compare(folder: Path, url: str, words: argparse.Namespace) -> None:
    """All rounds, then the long run."""
    make_images(folder, words.requests // 2, words.image_kb)
    order = Order(folder, url, words.requests, words.in_flight)
    clients = {name: partial(measure, name) for name in CLIENTS}
    if words.curator:
        clients |= {name: partial(measure_curator, backend, words.curator) for name, backend in CURATOR.items()}
    print("\n".join(table([{name: client(order) for name, client in clients.items()} for _ in range(words.rounds)])))
    if not words.curator:
        print(NOT_MEASURED)
    if words.long:
        figures = measure("ours", replace(order, count=words.long))
        print(f"ours, {words.long:,} requests: {figures['rate']:.0f} per s, peak {figures['peak_mb']:.0f} MB")


if __name__ == "__main__":
    main()
