"""A proxy that the environment names is used for https, which it cannot read, and for downloads, which hold no key.

What goes to this machine goes past it, and so does what NO_PROXY excepts.
"""

import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dermasynth_builder.generate.run import Run
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from tests.support.batches import gemini_batch
from tests.support.downloads import Drawn
from tests.support.fake_service import KEY, by_key, command, environment, gemini, picture_requests
from tests.support.google_cloud import TokenEndpoint
from tests.support.loopback_proxy import proxying
from tests.support.loopback_tunnel import Tunnel, tunnelling


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The URLs that went through the proxy so far."""
    with proxying(monkeypatch) as urls:
        yield urls


def generated(tunnel: Tunnel, raw: Path, work: Path, *words: str, **variables: str) -> str:
    """Runs `dermasynth generate` in a process of its own, which trusts the tunnel; gives all that it says."""
    given = {"HTTPS_PROXY": tunnel.url, "SSL_CERT_FILE": str(tunnel.certificate), **variables}
    asked = command("generate", "pad_ufes", "--raw", raw, "--work", work, "--limit", "2", *words)
    done = subprocess.run(asked, env=environment(**given), capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["gemini", "gemini_batch", "openai"])
def test_an_engine_asks_through_the_proxy_which_sees_no_key(engine: str, specimens: Path, tmp_path: Path) -> None:
    words = ("--engine", engine, "--model", "gemini-3.8-flash", "--poll", "0.05")
    with FakeGemini() as fake, tunnelling(tmp_path) as tunnel:
        where = fake.url.replace("http://", "https://")
        told = generated(tunnel, specimens, tmp_path / "work", *words, "--base-url", where)
    assert "answered, 0 failed" in told
    assert tunnel.asked
    assert all(each.startswith(f"CONNECT {where.removeprefix('https://')} ") for each in tunnel.asked)
    assert not [each for each in tunnel.asked if KEY in each or "authorization" in each.lower()]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["gemini", "gemini_batch"])
def test_a_proxy_gets_the_password_that_is_its_own(engine: str, specimens: Path, tmp_path: Path) -> None:
    with FakeGemini() as fake, tunnelling(tmp_path) as tunnel:
        proxy = tunnel.url.replace("http://", "http://me:word@")
        words = ("--engine", engine, "--poll", "0.05", "--base-url", fake.url.replace("http://", "https://"))
        told = generated(tunnel, specimens, tmp_path / "work", *words, HTTPS_PROXY=proxy)
    assert "answered, 0 failed" in told
    own = b64encode(b"me:word").decode()
    assert all(f"proxy-authorization: basic {own}".lower() in each.lower() for each in tunnel.asked)


def test_what_goes_to_this_machine_goes_past_the_proxy(tmp_path: Path, passed: list[str]) -> None:
    with FakeGemini() as fake:
        online = by_key(gemini(fake.url).answer(picture_requests(tmp_path, 3), Run()))
        batch = by_key(gemini_batch(fake.url, tmp_path).answer(picture_requests(tmp_path, 3), Run()))
    assert {reply.failure for reply in (*online.values(), *batch.values())} == {None}
    assert passed == []


def test_on_vertex_the_token_comes_through_the_proxy(
    tmp_path: Path, google_cloud: TokenEndpoint, passed: list[str]
) -> None:
    with FakeGemini() as fake:
        (reply,) = gemini(fake.url, is_vertex=True).answer(picture_requests(tmp_path, 1), Run())
    assert reply.failure is None
    assert passed == [google_cloud.url]


def test_a_download_comes_through_the_proxy(offered: Callable[[str], Drawn], monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = offered("hiba")
    with proxying(monkeypatch) as passed:
        drawn.download()
    assert drawn.images() == drawn.whole
    assert len(passed) == len(drawn.archives.requests) > len(drawn.whole)


def test_what_no_proxy_excepts_goes_past_the_proxy(
    offered: Callable[[str], Drawn], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = offered("hiba")
    with proxying(monkeypatch) as passed:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        drawn.download(limit=1)
    assert passed == []
