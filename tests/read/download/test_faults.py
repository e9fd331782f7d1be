"""Downloads from servers that break off, stall, refuse for a while, and lead elsewhere: in the end all is there."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from dermasynth_builder.core.errors import DownloadError
from dermasynth_builder.read.download.fetcher import Fetcher
from dermasynth_builder.read.download.files import RemoteFile
from dermasynth_builder.read.download.hosts import isic
from tests.support.downloads import QUICK, Drawn
from tests.support.loopback_archives import PAGE_IMAGES
from tests.support.loopback_archives_http import Answer, Fault

Offered = Callable[[str], Drawn]


@pytest.fixture
def hiba(offered: Offered) -> Drawn:
    return offered("hiba")


@pytest.fixture
def pad_ufes(offered: Offered) -> Drawn:
    return offered("pad_ufes")


def first_image(drawn: Drawn) -> str:
    return sorted(drawn.whole)[0]


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_server_in_trouble_is_asked_again(hiba: Drawn, status: int) -> None:
    hiba.archives.fail(Fault("metadata", status, {"Retry-After": "0"}, times=2))
    hiba.archives.fail(Fault("/signed/", status, times=3))
    hiba.download()
    assert hiba.images() == hiba.whole
    assert len(hiba.archives.asked("metadata")) == 3


@pytest.mark.parametrize("is_date", [False, True])
def test_the_wait_that_a_server_asks_for_is_kept_within_bounds(tmp_path: Path, is_date: bool) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    asked_at: list[datetime] = []

    def answers(_: httpx.Request) -> httpx.Response:
        asked_at.append(datetime.now(UTC))
        headers = {"Retry-After": later if is_date else "3600"}
        return httpx.Response(429, headers=headers) if len(asked_at) == 1 else httpx.Response(200, content=b"a")

    fetch_from(answers, "https://example.org/a.csv", tmp_path)
    waited_s = (asked_at[1] - asked_at[0]).total_seconds()
    assert QUICK.longest_wait_s <= waited_s < 10


def test_a_connection_that_breaks_goes_on_where_it_broke(pad_ufes: Drawn) -> None:
    part = "1cc2f71f"  # imgs_part_1.zip
    for _ in range(6):  # more often than there are attempts: each of them brings the file forward
        pad_ufes.archives.fail(Fault(part, sent_bytes=700))
    pad_ufes.download()
    asked = pad_ufes.archives.asked(part)
    assert [request.range for request in asked] == ["", *(f"bytes={700 * n}-" for n in range(1, 7))]
    assert all(request.headers["if-range"] for request in asked[1:])
    assert pad_ufes.images() == pad_ufes.whole


def test_a_server_that_ignores_ranges_starts_anew(pad_ufes: Drawn) -> None:
    pad_ufes.archives.has_ranges = False
    pad_ufes.archives.fail(Fault("1cc2f71f", sent_bytes=700))
    pad_ufes.download()
    assert pad_ufes.images() == pad_ufes.whole


def test_a_file_that_was_replaced_meanwhile_starts_anew(hiba: Drawn) -> None:
    name = f"{first_image(hiba)}.jpg"
    whole = hiba.archives.files[f"/signed/{name}"]
    part = hiba.folder / "images" / f"{name}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"of another picture")
    part.with_name(f"{name}.etag.part").write_text('"another"', encoding="utf-8")
    hiba.download()
    assert (hiba.folder / "images" / name).read_bytes() == whole
    assert hiba.archives.asked(name)[0].range == "bytes=18-"


def test_more_than_the_file_is_here_starts_anew(pad_ufes: Drawn) -> None:
    pad_ufes.folder.mkdir(parents=True)
    (pad_ufes.folder / "imgs_part_1.zip.part").write_bytes(bytes(500_000))
    pad_ufes.download()
    assert pad_ufes.images() == pad_ufes.whole


def test_another_part_than_was_asked_for_is_not_put_together_with_what_is_here(pad_ufes: Drawn) -> None:
    lie = {"Content-Range": "bytes 5-1000/1001", "ETag": '"x"'}
    pad_ufes.archives.fail(Fault("1cc2f71f", sent_bytes=700))
    pad_ufes.archives.fail(Fault("1cc2f71f", 206, lie, times=2))
    pad_ufes.download()
    assert pad_ufes.images() == pad_ufes.whole
    assert [request.range for request in pad_ufes.archives.asked("1cc2f71f")] == ["", "bytes=700-", "", ""]


def test_a_signed_address_that_expired_is_asked_for_anew(hiba: Drawn) -> None:
    for number in (1, 2, 5):
        hiba.archives.fail(Fault(f"Signature={number}&", 403, times=99))
    hiba.download()
    assert hiba.images() == hiba.whole


def test_pages_are_followed_and_a_list_that_leads_back_ends(hiba: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isic, "PAGE_IMAGES", PAGE_IMAGES)
    hiba.download()
    assert hiba.images() == hiba.whole
    assert len(hiba.archives.asked("/search/")) == 3
    assert len(hiba.archives.asked("/api/v2/images/ISIC")) == 0


def test_a_list_of_pages_without_end_has_one(hiba: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isic, "PAGE_IMAGES", PAGE_IMAGES)
    url = f"{hiba.archives.url}/api/v2/images/search/?cursor=1"
    body = f'{{"results": [], "next": "{url}"}}'.encode()
    hiba.archives.pages["/api/v2/images/search/"] = lambda _: Answer(200, body)
    hiba.download()
    assert hiba.images() == hiba.whole  # what no page had was asked for by its id


def test_a_redirect_is_followed(hiba: Drawn) -> None:
    hiba.archives.files["/elsewhere.csv"] = hiba.archives.files["/collections/251/metadata/"]
    hiba.archives.fail(Fault("/collections/", 302, {"Location": "/elsewhere.csv"}))
    hiba.download(limit=1)
    assert hiba.archives.asked("/elsewhere.csv")


def fetch_from(answers: Callable[[httpx.Request], httpx.Response], url: str, folder: Path) -> None:
    with Fetcher(QUICK, httpx.MockTransport(answers)) as fetcher:
        fetcher.fetch(RemoteFile("a.csv", url), folder, lambda _: None)


ELSEWHERE = [
    "http://example.org/a",
    "http://127.0.0.1/a",
    "https://127.0.0.1/a",
    "https://[::1]/a",
    "https://localhost/a",
]


@pytest.mark.parametrize("location", [*ELSEWHERE, "ftp://example.org/a.csv", "https://user:word@example.org/a"])
def test_no_redirect_leads_to_plain_http_to_this_machine_or_to_a_password(tmp_path: Path, location: str) -> None:
    asked: list[str] = []

    def answers(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"Location": location})

    with pytest.raises(DownloadError, match="not fetched"):
        fetch_from(answers, "https://example.org/a.csv", tmp_path)
    assert asked == ["https://example.org/a.csv"]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a.csv",
        "http://127.0.0.1.example.org/a",
        "file:/etc/passwd",
        "",
        "https://me:word@example.org/a",
    ],
)
def test_plain_http_is_spoken_with_this_machine_alone(tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadError):
        fetch_from(lambda _: httpx.Response(200, content=b"x"), url, tmp_path)


def test_redirects_without_end_have_one(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"(?i)redirects"):
        fetch_from(lambda r: httpx.Response(302, headers={"Location": str(r.url)}), "https://example.org/a", tmp_path)
