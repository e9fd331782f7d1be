"""The engine `gemini` on a fake service: what it sends is what Google's SDK sends, and every request is settled."""

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai import types
from PIL import Image

from dermasynth_builder.core.errors import EngineError
from dermasynth_builder.core.images.renditions import ImageFault, make_sent_image
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.records import Request
from dermasynth_builder.generate.engines.gemini import SAFETY_OFF
from dermasynth_builder.generate.run import Run
from dermasynth_builder.invented.fake_gemini.answers import camel_keys
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from dermasynth_builder.plan import reply_form
from tests.support.fake_service import KEY, answer_json, by_key, draw_picture, gemini, picture_requests, question_about
from tests.support.google_cloud import LOCATION, PAYER, PROJECT, TOKEN, write_user
from tests.support.loopback_server import serving


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


@pytest.fixture
def sniffed() -> Iterator[tuple[str, list[tuple[str, dict[str, str], bytes]]]]:
    """A server that keeps what it is sent, and where it is."""
    kept: list[tuple[str, dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            candidate = {"content": {"parts": [{"text": '{"answer": "x"}'}]}, "finishReason": "STOP"}
            answer_json(self, 200, {"candidates": [candidate]})

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url, kept


def ask_sdk(url: str, asked: Request, options: EngineOptions) -> None:
    """The same request in the words of Google's SDK."""
    assert asked.image_path
    thinking = {"thinking_level": options.thinking.upper()} if options.thinking else None
    if options.thinking and "2.5" in str(options.model):
        thinking = {"thinking_budget": "1024"}
    config = types.GenerateContentConfig(
        response_mime_type="application/json",
        response_json_schema=json.loads(asked.reply_schema),
        max_output_tokens=options.max_output_tokens,
        thinking_config=types.ThinkingConfig.model_validate(thinking) if thinking else None,
        media_resolution=(
            types.MediaResolution(f"MEDIA_RESOLUTION_{options.media_resolution.upper()}")
            if options.media_resolution
            else None
        ),
        safety_settings=[
            types.SafetySetting(category=types.HarmCategory(category), threshold=types.HarmBlockThreshold.OFF)
            for category in SAFETY_OFF
        ],
        service_tier=types.ServiceTier(options.tier) if options.tier else None,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    image = types.Part.from_bytes(data=asked.image_path.read_bytes(), mime_type="image/jpeg")
    way: dict[str, Any] = {"project": PROJECT, "location": LOCATION} if options.is_vertex else {"api_key": KEY}
    client = genai.Client(vertexai=options.is_vertex, **way, http_options=types.HttpOptions(base_url=url))
    contents = types.Content(role="user", parts=[image, types.Part(text=asked.prompt)])
    client.models.generate_content(model=str(options.model), contents=contents, config=config)


@pytest.mark.parametrize(
    "options",
    [
        EngineOptions(model="gemini-3.5-flash-lite"),
        EngineOptions(model="gemini-3.8-flash", thinking="low", media_resolution="high", max_output_tokens=100),
        EngineOptions(model="gemini-2.5-flash-lite", thinking="low"),
        EngineOptions(model="gemini-3.5-flash", thinking="xhigh", tier="flex"),
    ],
    ids=lambda options: options.model,
)
@pytest.mark.parametrize("login", ["key", "service account", "user"])
def test_a_request_goes_out_as_googles_sdk_sends_it(
    sniffed: tuple[str, list[tuple[str, dict[str, str], bytes]]],
    tmp_path: Path,
    options: EngineOptions,
    login: str,
    request: pytest.FixtureRequest,
) -> None:
    url, kept = sniffed
    if options.tier and login != "key":
        pytest.skip("the tier flex is of the Developer API")
    if login != "key":
        log_in(login, tmp_path, request)
        options = replace(options, is_vertex=True)
    asked = question_about(draw_picture(tmp_path / "a.jpg"))
    ask_sdk(url, asked, options)
    engine = gemini(
        url,
        model=options.model,
        thinking=options.thinking,
        media_resolution=options.media_resolution,
        max_output_tokens=options.max_output_tokens,
        tier=options.tier,
        is_vertex=options.is_vertex,
    )
    assert next(engine.answer([asked], Run())).text == '{"answer": "x"}'
    (sdk_path, sdk_headers, sdk_body), (path, headers, body) = kept
    assert path == sdk_path
    assert permission_in(headers) == permission_in(sdk_headers) == PERMISSIONS[login]
    assert with_plain_base64(json.loads(body)) == with_plain_base64(json.loads(sdk_body))


PERMISSIONS = {
    "key": {"x-goog-api-key": KEY},
    "service account": {"authorization": f"Bearer {TOKEN}"},
    "user": {"authorization": f"Bearer {TOKEN}", "x-goog-user-project": PAYER},
}


def log_in(login: str, folder: Path, request: pytest.FixtureRequest) -> None:
    """Logs in at Google Cloud; a key, which is there too, does not count then."""
    endpoint = request.getfixturevalue("google_cloud")
    environment = request.getfixturevalue("monkeypatch")
    environment.setenv("GEMINI_API_KEY", KEY)
    environment.setenv("GOOGLE_CLOUD_LOCATION", LOCATION)
    if login == "user":
        environment.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(write_user(folder / "user.json")))
        environment.setenv("GOOGLE_CLOUD_PROJECT", PROJECT)
        environment.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", endpoint.url)


def permission_in(headers: dict[str, str]) -> dict[str, str]:
    """What says who asks; tokens without their number."""
    names = ("x-goog-api-key", "authorization", "x-goog-user-project")
    return {name: re.sub(r"-\d+$", "", headers[name]) for name in names if name in headers}


def with_plain_base64(body: Any) -> Any:
    """The SDK mixes the cases of keys and writes the alphabet for URLs."""
    plain = camel_keys(body)
    inline = plain["contents"][0]["parts"][0]["inlineData"]
    inline["data"] = b64decode(inline["data"].replace("-", "+").replace("_", "/"))
    return plain


def test_every_request_gets_an_answer_with_its_provenance(tmp_path: Path) -> None:
    asked = picture_requests(tmp_path, 40)
    with FakeGemini(latency_s=0.01) as fake:
        got = by_key(gemini(fake.url, thinking="low").answer(asked, Run()))
    assert got.keys() == {each.key for each in asked}
    for each in asked:
        reply = got[each.key]
        assert reply_form.exchanges(each, reply)
        assert (reply.model, reply.model_version) == ("gemini-3.5-flash-lite", "gemini-3.5-flash-lite-fake")
        assert (reply.attempts, reply.finish_reason, reply.cost_usd) == (1, "STOP", None)
        assert reply.usage["promptTokenCount.IMAGE"] == 1120
        assert reply.usage["thoughtsTokenCount"] > 0
        assert str(reply.sent_at) < str(reply.answered_at)
    assert set(fake.asked.values()) == {1}


def test_requests_are_pulled_no_faster_than_they_may_be_in_flight(tmp_path: Path) -> None:
    pulled = answered = most = 0

    def pull() -> Iterator[Request]:
        nonlocal pulled, most
        for each in picture_requests(tmp_path, 60):
            pulled += 1
            most = max(most, pulled - answered)
            yield each

    with FakeGemini(latency_s=0.01) as fake:
        for _ in gemini(fake.url, concurrency=7).answer(pull(), Run()):
            answered += 1
    assert (pulled, answered, most) == (60, 60, 7)


def test_an_engine_that_is_closed_early_leaves_nothing_behind(tmp_path: Path) -> None:
    with FakeGemini(latency_s=0.05) as fake:
        answers = gemini(fake.url, concurrency=4).answer(picture_requests(tmp_path, 20), Run())
        next(answers)
        answers.close()  # type: ignore[attr-defined]  # a generator
        assert sum(fake.asked.values()) <= 8


def test_it_works_where_a_loop_is_running_already(tmp_path: Path) -> None:
    import asyncio

    async def in_a_notebook(url: str) -> int:
        return len(list(gemini(url).answer(picture_requests(tmp_path, 5), Run())))

    with FakeGemini() as fake:
        assert asyncio.run(in_a_notebook(fake.url)) == 5


@pytest.mark.parametrize(
    ("key", "options", "said"),
    [
        ("", {}, "set GEMINI_API_KEY"),
        ("wrong", {}, "API key not valid.*check the key"),
        (KEY, {"model": "gemini-2.0-flash"}, "404 NOT_FOUND.*--model"),
    ],
)
def test_what_no_request_can_mend_ends_the_run_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, options: dict[str, Any], said: str
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", key)
    with FakeGemini() as fake, pytest.raises(EngineError, match=said) as raised:
        list(gemini(fake.url, concurrency=4, **options).answer(picture_requests(tmp_path, 20), Run()))
    assert KEY not in str(raised.value)
    assert sum(fake.answered.values()) <= 4


def test_an_image_that_cannot_be_read_is_a_failure_and_no_exception(tmp_path: Path) -> None:
    broken = question_about(draw_picture(tmp_path / "a.jpg"))
    (tmp_path / "a.jpg").write_bytes(b"no image")
    with FakeGemini() as fake:
        (reply,) = gemini(fake.url).answer([broken], Run())
    assert str(reply.failure).startswith("image: a.jpg cannot be read")
    assert not fake.asked


def test_images_are_sent_small_upright_and_without_metadata(tmp_path: Path) -> None:
    large = draw_picture(tmp_path / "large.png", (3000, 1500), "RGBA")
    small = draw_picture(tmp_path / "small.jpg", (640, 480))
    turned = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a name"
    Image.new("RGB", (2000, 1000), "red").save(turned, exif=exif)
    options = EngineOptions()
    assert b64decode(make_sent_image(small, options).base64) == small.read_bytes()
    for path, size in ((large, (1024, 512)), (turned, (512, 1024))):
        sent = make_sent_image(path, options)
        with Image.open(BytesIO(b64decode(sent.base64))) as image:
            assert (sent.mime_type, image.format, image.size) == ("image/jpeg", "JPEG", size)
            assert not image.getexif()
    with pytest.raises(ImageFault):
        make_sent_image(tmp_path / "none.jpg", options)


def test_the_key_is_in_no_identity_repr_or_error(tmp_path: Path) -> None:
    with FakeGemini() as fake:
        engine = gemini(fake.url)
        assert not re.search(KEY, f"{engine!r} {engine.identity} {engine.__dict__}")
