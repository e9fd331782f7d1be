"""A Gemini service on the loopback interface, for tests and for trying things without a key.

    with FakeGemini(shares={"safety": 0.01}) as fake:
        engine = registry.engine("gemini", EngineOptions(base_url=fake.url))

It speaks the REST of `generativelanguage.googleapis.com`, v1 and v1beta, Files and Batches too, `generateContent` of
Vertex, and OpenAI's chat completions. What it answers depends on the seed and the request alone; the version of the
model that each answer names ends in "-fake". Beside these paths, GET /requests tells how often each request was asked.
"""

import asyncio
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.records import fake_version
from dermasynth_builder.core.signals import STOP_SIGNALS
from dermasynth_builder.invented.fake_gemini.answers import BadRequest, FakeRequest, answer_text, response_of
from dermasynth_builder.invented.fake_gemini.batches import FakeBatches
from dermasynth_builder.invented.fake_gemini.chat import chat_form, gemini_form
from dermasynth_builder.invented.fake_gemini.faults import FakeAnswer, day_quota, error_answer, fault_of, minute_quota
from dermasynth_builder.invented.fake_gemini.routes import (
    add_batch_routes,
    guarded,
    json_of,
    refusal_of_key,
    refusal_of_token,
    response,
)

MODELS = ("gemini-3.5-flash-lite", "gemini-3.1-flash-lite", "gemini-3.8-flash", "gemini-2.5-flash-lite")
_HOST = "127.0.0.1"
_VERTEX_PLACE = "projects/{project}/locations/{location}/publishers/google"
_WORK = "build/fake"  # apart from what a real service answers
_MOST_BODY_BYTES = 100 << 20


@dataclass
class FakeGemini:
    """The service and all that it remembers. In a `with` block it runs in a thread at `url`."""

    seed: int = 0
    shares: Mapping[str, float] = field(default_factory=dict)  # of requests that meet a fault, by kind
    latency_s: float = 0.0
    per_minute: float | None = None  # a quota that refills steadily, and begins full
    per_day: int | None = None  # requests until the quota of the day is used up
    asked: Counter[str] = field(default_factory=Counter)  # attempts at each request, by its digest
    answered: Counter[int] = field(default_factory=Counter)  # by status; 0: the connection was dropped
    batches: FakeBatches = field(default_factory=FakeBatches)
    url: str = ""  # empty until it runs

    def __post_init__(self) -> None:
        """The quota of the minute begins full."""
        self._left, self._left_at = self.per_minute or 0.0, time.monotonic()

    def generate(self, model: str, body: Any) -> FakeAnswer:
        """The answer to a GenerateContentRequest, quotas and faults included."""
        if model.removeprefix("models/") not in MODELS:
            return error_answer(404, "NOT_FOUND", f"models/{model} is not found for API version v1")
        return self._asked(body, lambda request: self._refusal() or self.answer(model, request))

    def chat(self, body: Any) -> FakeAnswer:
        """The answer to the body of a chat completion; any model is known."""
        try:
            asked = gemini_form(body)
        except BadRequest as error:
            return error_answer(400, "INVALID_ARGUMENT", str(error))
        model = str(body.get("model", ""))
        return chat_form(self._asked(asked, lambda request: self._refusal() or self.answer(model, request)))

    def answer_row(self, model: str, body: Any) -> FakeAnswer:
        """What becomes of a row of a batch: faults strike, quotas do not."""
        return self._asked(body, lambda request: self.answer(model, request))

    def _asked(self, body: Any, answer: Callable[[FakeRequest], FakeAnswer]) -> FakeAnswer:
        try:
            request = FakeRequest(body)
        except BadRequest as error:
            return error_answer(400, "INVALID_ARGUMENT", str(error))
        self.asked[request.digest] += 1
        return answer(request)

    def answer(self, model: str, request: FakeRequest) -> FakeAnswer:
        """The answer of the model itself, faults included."""
        text, version = answer_text(request, self.seed), fake_version(model)
        fault = fault_of(request, self.asked[request.digest], self.shares, seed=self.seed)
        if fault:
            return fault(request, text, version)
        return FakeAnswer(content=response_of(request, text, model_version=version))

    def _refusal(self) -> FakeAnswer | None:
        if self.per_day is not None and self.answered[200] >= self.per_day:
            return day_quota()
        if self.per_minute is None:
            return None
        now, per_s = time.monotonic(), self.per_minute / 60
        self._left = min(self.per_minute, self._left + (now - self._left_at) * per_s)
        self._left_at = now
        if self._left < 1:
            return minute_quota(round((1 - self._left) / per_s, 3))
        self._left -= 1
        return None

    def application(self) -> web.Application:
        """The routes."""
        routes = _Routes(self)
        made = web.Application(client_max_size=_MOST_BODY_BYTES, middlewares=[guarded])
        for version in ("v1", "v1beta"):
            made.router.add_get(f"/{version}/models", routes.models)
            made.router.add_get(f"/{version}/models/{{model}}", routes.model)
            made.router.add_post(f"/{version}/models/{{model}}:generateContent", routes.generate)
            made.router.add_post(f"/{version}/models/{{model}}:countTokens", routes.count_tokens)
            add_batch_routes(made.router, version, self.batches, answer=self.answer_row)
        for version in ("v1", "v1beta1"):
            made.router.add_post(f"/{version}/{_VERTEX_PLACE}/models/{{model}}:generateContent", routes.generate)
        made.router.add_post("/v1/chat/completions", routes.chat)
        made.router.add_get("/requests", routes.requests)
        return made

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._runner = _runner(self)
        self.url = f"http://{_HOST}:{asyncio.run_coroutine_threadsafe(_start(self._runner, 0), self._loop).result()}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.batches.close()


def serve(fake: FakeGemini, port: int, say: Callable[[str], object]) -> None:
    """Runs the service until Ctrl-C, SIGTERM or SIGHUP. Raises UsageError where the port is taken."""

    async def run() -> None:
        runner, stopped = _runner(fake), asyncio.Event()
        for number in STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        try:
            at = await _start(runner, port)
        except OSError as error:
            raise UsageError(
                f"--port {port}: cannot listen there: {os.strerror(error.errno or 0)}; choose another"
            ) from error
        url = f"http://{_HOST}:{at}"
        say(f"a service that invents its answers is at {url}; Ctrl-C stops it. In another terminal, as Gemini:\n")
        say(f"  GEMINI_API_KEY=any dermasynth generate --engine gemini --base-url {url} --work {_WORK}")
        say("\nor as a server of OpenAI's chat completions:\n")
        say(f"  dermasynth generate --engine openai --model any --base-url {url} --work {_WORK}")
        try:
            await stopped.wait()
        finally:
            await runner.cleanup()
            fake.batches.close()

    asyncio.run(run())


class _Routes:
    """HTTP in and out."""

    def __init__(self, fake: FakeGemini) -> None:
        self._fake = fake

    async def generate(self, call: web.Request) -> web.StreamResponse:
        refusal = refusal_of_token(call) if "project" in call.match_info else refusal_of_key(call)
        answer = refusal or self._fake.generate(call.match_info["model"], await json_of(call))
        self._fake.answered[0 if answer.is_dropped else answer.status] += 1
        await asyncio.sleep(self._fake.latency_s + answer.delay_s)
        return response(call, answer)

    async def chat(self, call: web.Request) -> web.StreamResponse:
        answer = self._fake.chat(await json_of(call))
        self._fake.answered[0 if answer.is_dropped else answer.status] += 1
        await asyncio.sleep(self._fake.latency_s + answer.delay_s)
        return response(call, answer)

    async def count_tokens(self, call: web.Request) -> web.StreamResponse:
        body = await json_of(call)
        try:
            request = FakeRequest(body.get("generateContentRequest", body) if isinstance(body, dict) else body)
        except BadRequest as error:
            return response(call, error_answer(400, "INVALID_ARGUMENT", str(error)))
        by_modality = request.prompt_tokens
        details = [{"modality": name, "tokenCount": count} for name, count in by_modality.items()]
        return web.json_response({"totalTokens": sum(by_modality.values()), "promptTokensDetails": details})

    async def models(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"models": [_described(model) for model in MODELS]})

    async def model(self, call: web.Request) -> web.StreamResponse:
        model = call.match_info["model"]
        if model not in MODELS:
            return response(call, error_answer(404, "NOT_FOUND", f"models/{model} is not found"))
        return web.json_response(_described(model))

    async def requests(self, _: web.Request) -> web.StreamResponse:
        statuses = {str(status): count for status, count in self._fake.answered.items()}
        return web.json_response({"asked": self._fake.asked, "answered": statuses})


def _described(model: str) -> dict[str, Any]:
    methods = ["generateContent", "countTokens", "batchGenerateContent"]
    return {"name": f"models/{model}", "version": "001", "displayName": model, "supportedGenerationMethods": methods}


def _runner(fake: FakeGemini) -> web.AppRunner:
    """Slow answers are dropped when it ends."""
    return web.AppRunner(fake.application(), access_log=None, shutdown_timeout=0.1, handler_cancellation=True)


async def _start(runner: web.AppRunner, port: int) -> int:
    """Gives the port."""
    await runner.setup()
    await web.TCPSite(runner, _HOST, port).start()
    return int(runner.addresses[0][1])
