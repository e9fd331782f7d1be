"""`--vertex`: Google's own google-auth logs in on loopback, and the fake service asks for the token that it got."""

import asyncio
import json
import logging
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from google import genai
from google.auth import jwt

from dermasynth_builder.core.errors import EngineError
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.generate.engines.gemini import GeminiService
from dermasynth_builder.generate.engines.online.attempt import Outcome, Status
from dermasynth_builder.generate.engines.vertex import VertexAccess
from dermasynth_builder.generate.run import Run
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from tests.generate.engines.test_gemini_command import ask, records_in, settings_of, words
from tests.support.fake_service import KEY, by_key, gemini, picture_requests, require_nowhere, run_command
from tests.support.google_cloud import (
    LOCATION,
    PROJECT,
    REFUSED,
    TokenEndpoint,
    private_key,
    secrets,
    write_service_account,
)
from tests.support.recorder import Recorder

ON_VERTEX = EngineOptions(is_vertex=True, model="gemini-3.5-flash-lite")
LOG_IN = "gcloud auth application-default login.*GOOGLE_APPLICATION_CREDENTIALS"


@pytest.mark.slow
def test_the_command_asks_all_with_one_token_and_tells_no_secret(google_cloud: TokenEndpoint, tmp_path: Path) -> None:
    raw, work = write_pad_ufes(tmp_path / "raw", images=12, side_px=16), tmp_path / "build"
    with FakeGemini() as fake:
        done = run_command(*words(raw, work, fake.url, "--vertex", "--rounds", "1"))
        assert done.returncode == 0, done.stderr
        google_cloud.refusal = REFUSED
        refused = run_command(*words(raw, tmp_path / "refused", fake.url, "--vertex"))
    assert len(records_in(work)) == len(fake.asked) == fake.asked.total() == 24
    grant, _ = google_cloud.asked  # one a run
    claims = jwt.decode(grant["assertion"][0], verify=False)  # type: ignore[no-untyped-call]  # google-auth's
    assert claims["iss"] == f"tester@{PROJECT}.iam.gserviceaccount.com"
    assert claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    assert refused.returncode == 1
    assert "no token of Google Cloud: invalid_grant: Invalid JWT Signature" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    require_nowhere([KEY, *secrets()], tmp_path, done.stdout, done.stderr, refused.stdout, refused.stderr)


def test_no_secret_is_in_a_log_an_identity_or_a_repr(
    google_cloud: TokenEndpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    access = VertexAccess(ON_VERTEX)
    assert not isinstance(asyncio.run(access.headers()), Outcome)
    with FakeGemini() as fake:
        engine = gemini(fake.url, is_vertex=True)
        assert len(by_key(engine.answer(picture_requests(tmp_path, 4), Run()))) == 4
    told = f"{access!r} {access.__dict__} {engine!r} {engine.__dict__} {engine.identity}"
    require_nowhere(secrets(), tmp_path, told, caplog.text)
    assert len(google_cloud.asked) == 2


@pytest.mark.slow
def test_a_token_that_expires_in_a_run_is_renewed_once(google_cloud: TokenEndpoint, tmp_path: Path) -> None:
    google_cloud.lives_s = [226]  # google-auth renews 225 s before the end
    with FakeGemini(latency_s=0.2) as fake:
        got = by_key(gemini(fake.url, is_vertex=True, concurrency=4).answer(picture_requests(tmp_path, 60), Run()))
    assert {reply.failure for reply in got.values()} == {None}
    assert len(got) == fake.asked.total() == 60
    assert len(google_cloud.asked) == 2


def test_a_token_is_made_once_for_all_who_wait_and_nothing_else_waits(google_cloud: TokenEndpoint) -> None:
    google_cloud.released.clear()

    async def release() -> None:
        while not google_cloud.asked:
            await asyncio.sleep(0.005)  # the endpoint is in another thread
        google_cloud.released.set()

    async def storm() -> Sequence[object]:
        access = VertexAccess(ON_VERTEX)
        return await asyncio.gather(release(), *(access.headers() for _ in range(50)))

    _, *headers = asyncio.run(storm())
    assert google_cloud.was_released
    assert len(google_cloud.asked) == 1
    assert headers == [headers[0]] * 50


def test_a_token_endpoint_that_cannot_be_reached_is_a_broken_way_and_worth_another_try(
    google_cloud: TokenEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for refusal, url in (((200, "no object"), google_cloud.url), (None, "http://127.0.0.1:1/token")):
        google_cloud.refusal = refusal
        key_file = write_service_account(tmp_path / "key.json", url)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
        outcome = asyncio.run(VertexAccess(ON_VERTEX).headers())
        assert isinstance(outcome, Outcome)
        assert outcome.status is Status.SERVER_ERROR
        assert outcome.reason.startswith("connection: no token of Google Cloud: ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, f"no credentials of Google Cloud: File .* was not found; .*{LOG_IN}"),
        ("", f"no credentials of Google Cloud: File .* is not a valid json file; .*{LOG_IN}"),
        ("[]", f"no credentials of Google Cloud: their file is not in the form of credentials; .*{LOG_IN}"),
        ('{"type": "password"}', f"no credentials of Google Cloud: .* does not have a valid type.*{LOG_IN}"),
        ({"client_email": None}, f"no credentials of Google Cloud: Failed to load service account .*{LOG_IN}"),
        ({"private_key": "cut"}, f"no credentials of Google Cloud: Failed to load service account .*{LOG_IN}"),
        ({"project_id": None}, "no project of Google Cloud: set GOOGLE_CLOUD_PROJECT"),
        ({}, f"no token of Google Cloud: invalid_grant: Invalid JWT Signature; .*{LOG_IN}; answers are saved"),
    ],
)
def test_a_login_that_does_not_work_ends_the_run_with_what_to_do(
    google_cloud: TokenEndpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str | dict[str, str | None] | None,
    said: str,
) -> None:
    google_cloud.refusal = REFUSED
    path = tmp_path / "broken.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    if isinstance(content, dict):
        cut = {"private_key": private_key()[:-200]} if "private_key" in content else {}
        write_service_account(path, google_cloud.url, **content | cut)
    elif content is not None:
        path.write_text(content)
    with FakeGemini() as fake, pytest.raises(EngineError, match=said) as raised:
        list(gemini(fake.url, is_vertex=True).answer(picture_requests(tmp_path, 8), Run()))
    assert not fake.answered
    path.unlink(missing_ok=True)
    require_nowhere(secrets(), tmp_path, *traceback.format_exception(raised.value))


@pytest.mark.slow
def test_who_is_not_logged_in_hears_how_in_one_line(
    google_cloud: TokenEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    raw = write_pad_ufes(tmp_path / "raw", images=2, side_px=16)
    done = run_command(*words(raw, tmp_path / "build", "http://127.0.0.1:1", "--vertex"))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "no credentials of Google Cloud" in line
    assert "gcloud auth application-default login" in line


@pytest.mark.parametrize("location", ["global", "eu", LOCATION])
def test_the_host_is_that_of_googles_sdk(
    google_cloud: TokenEndpoint, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", location)
    asked = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(200, json={})

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = genai.Client(vertexai=True, http_options=genai.types.HttpOptions(httpx_client=transport))
    client.models.generate_content(model="gemini-3.5-flash-lite", contents="Describe it.")
    assert asked == [GeminiService(ON_VERTEX).access().url]
    assert f"/projects/{PROJECT}/locations/{location}/" in asked[0]


@pytest.mark.usefixtures("google_cloud")
def test_replies_cost_as_much_as_with_a_key_and_more_where_vertex_is_not_global(
    tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = write_pad_ufes(tmp_path / "raw", images=3, side_px=16)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    spent = []
    with FakeGemini() as fake:
        for is_vertex, location in ((False, LOCATION), (True, "global"), (True, LOCATION)):
            monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", location)
            settings = settings_of(raw, tmp_path / f"{is_vertex} {location}", fake.url)
            options = replace(settings.engine_options, is_vertex=is_vertex)
            ask(replace(settings, engine_options=options), recorder)
            spent.append(sum(record["cost_usd"] for record in records_in(settings.work)))
    assert spent == pytest.approx([spent[0], spent[0], 1.1 * spent[0]])
    assert spent[0] > 0


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_the_fake_wants_a_token_and_no_key(version: str) -> None:
    path = f"{version}/projects/p/locations/global/publishers/google/models/gemini-3.5-flash-lite:generateContent"
    body = json.dumps({"contents": [{"parts": [{"text": "Describe it."}]}]})
    with FakeGemini() as fake:
        for headers, status in (
            ({"Authorization": "Bearer any"}, 200),
            ({"Authorization": "Bearer wrong"}, 401),
            ({"x-goog-api-key": KEY}, 401),
        ):
            answered = httpx2.post(f"{fake.url}/{path}", content=body, headers=headers)
            assert answered.status_code == status
    assert answered.json()["error"]["status"] == "UNAUTHENTICATED"
    assert answered.json()["error"]["message"].startswith("Request is missing required authentication credential.")
