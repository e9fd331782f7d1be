"""A proxy that the environment names is used for all that goes out, and what NO_PROXY excepts goes past it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dermasynth_builder.generate.run import Run
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from tests.support.batches import gemini_batch
from tests.support.downloads import Drawn
from tests.support.fake_service import KEY, by_key, gemini, picture_requests
from tests.support.google_cloud import TokenEndpoint
from tests.support.loopback_proxy import proxying


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The URLs that went through the proxy so far."""
    with proxying(monkeypatch) as urls:
        yield urls


def test_an_online_engine_asks_through_the_proxy(tmp_path: Path, passed: list[str]) -> None:
    with FakeGemini() as fake:
        got = by_key(gemini(fake.url).answer(picture_requests(tmp_path, 3), Run()))
    assert {reply.failure for reply in got.values()} == {None}
    assert [url.startswith(f"{fake.url}/") and url.endswith(":generateContent") for url in passed] == [True] * 3


def test_on_vertex_the_token_comes_through_the_proxy_too(
    tmp_path: Path, google_cloud: TokenEndpoint, passed: list[str]
) -> None:
    with FakeGemini() as fake:
        (reply,) = gemini(fake.url, is_vertex=True).answer(picture_requests(tmp_path, 1), Run())
    assert reply.failure is None
    assert [url == google_cloud.url or url.endswith(":generateContent") for url in passed] == [True] * 2


def test_batches_are_handed_in_looked_at_and_fetched_through_the_proxy(tmp_path: Path, passed: list[str]) -> None:
    with FakeGemini() as fake:
        got = by_key(gemini_batch(fake.url, tmp_path).answer(picture_requests(tmp_path, 3), Run()))
    assert {reply.failure for reply in got.values()} == {None}
    for part in ("/upload/", ":batchGenerateContent", "/batches/", ":download"):
        assert any(part in url for url in passed), part


def test_a_download_comes_through_the_proxy(offered: Callable[[str], Drawn], monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = offered("hiba")
    with proxying(monkeypatch) as passed:
        drawn.download()
    assert drawn.images() == drawn.whole
    assert len(passed) == len(drawn.archives.requests) > len(drawn.whole)


def test_what_no_proxy_excepts_goes_past_the_proxy(
    tmp_path: Path, offered: Callable[[str], Drawn], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = offered("hiba")
    with proxying(monkeypatch) as passed, FakeGemini() as fake:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        drawn.download(limit=1)
        assert len(by_key(gemini(fake.url).answer(picture_requests(tmp_path, 1), Run()))) == 1
    assert passed == []
