"""Downloads from servers that break off, stall, refuse, lie and are replaced."""

import csv
import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Event

import httpx
import pytest
from downloading import QUICK, Drawn
from loopback_archives import PAGE_IMAGES
from loopback_archives_http import Answer, Fault

from dermasynth_builder import download as downloads
from dermasynth_builder.cli import main
from dermasynth_builder.download import FAILURES, DownloadOrder, download
from dermasynth_builder.errors import DownloadError
from dermasynth_builder.fetching import Fetcher
from dermasynth_builder.places import isic
from dermasynth_builder.progress import SilentReporter
from dermasynth_builder.remote import RemoteFile
from dermasynth_builder.unpacking import unpack

Offered = Callable[[str], Drawn]


@pytest.fixture
def hiba(offered: Offered) -> Drawn:
    return offered("hiba")


@pytest.fixture
def pad_ufes(offered: Offered) -> Drawn:
    return offered("pad_ufes")


def reasons_of(drawn: Drawn) -> dict[str, str]:
    """What the list in the folder says."""
    with (drawn.folder / FAILURES).open(encoding="utf-8", newline="") as file:
        return {row["file"]: row["reason"] for row in csv.DictReader(file)}


def first_image(drawn: Drawn) -> str:
    return sorted(drawn.whole)[0]


# --- what passes by itself ---


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_server_in_trouble_is_asked_again(hiba: Drawn, status: int) -> None:
    hiba.archives.fail(Fault("metadata", status, {"Retry-After": "0"}, times=2))
    hiba.archives.fail(Fault("/signed/", status, times=3))
    hiba.download()
    assert hiba.images() == hiba.whole
    assert len(hiba.archives.asked("metadata")) == 3


@pytest.mark.parametrize("is_date", [False, True])
def test_the_wait_that_a_server_asks_for_is_kept_within_bounds(hiba: Drawn, is_date: bool) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    hiba.archives.fail(Fault("metadata", 429, {"Retry-After": later if is_date else "3600"}))
    started = datetime.now(UTC)
    hiba.download(limit=1)
    waited_s = (datetime.now(UTC) - started).total_seconds()
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


def test_a_signed_address_that_expired_is_asked_for_anew(hiba: Drawn) -> None:
    hiba.archives.fail(Fault("/signed/", 403, times=5))
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


# --- what does not pass ---


def test_a_wrong_hash_is_never_kept(pad_ufes: Drawn, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = bytes(len(pad_ufes.archives.files["/1cc2f71f-20a2-412d-b746-a9b9bc20c966/file_downloaded"]))
    pad_ufes.archives.fail(Fault("1cc2f71f", body=wrong, times=9))
    assert main(["download", "pad_ufes", "--accept-licence", "--to", str(pad_ufes.folder)]) == 1
    said = capsys.readouterr().err
    assert "what came twice for imgs_part_1.zip is not the file: its sha256 is" in said
    assert "By hand:\nOpen https://data.mendeley.com/datasets/zr7vgbcyr2/1" in said
    assert "Traceback" not in said
    assert len(pad_ufes.archives.asked("1cc2f71f")) == 2
    assert [path.name for path in pad_ufes.folder.rglob("imgs_*") if path.suffix != ".part"] == []
    assert not (pad_ufes.folder / "imgs_part_1.zip.part").exists()


def test_a_hash_that_was_wrong_once_is_fetched_anew(pad_ufes: Drawn) -> None:
    pad_ufes.archives.fail(Fault("fa850265", body=b"img_id\nspoiled\n"))
    pad_ufes.download()
    assert pad_ufes.images() == pad_ufes.whole


@pytest.mark.parametrize("cut", [1, 40])
def test_an_image_without_its_end_is_never_kept(hiba: Drawn, cut: int) -> None:
    name = f"{first_image(hiba)}.jpg"
    hiba.archives.files[f"/signed/{name}"] = hiba.archives.files[f"/signed/{name}"][:-cut] + bytes(cut)  # size is right
    with pytest.raises(DownloadError, match="1 of 12 images did not come"):
        hiba.download()
    assert list(reasons_of(hiba)) == [name]
    assert len(hiba.images()) == len(hiba.whole) - 1
    assert hiba.leftovers() == []


def test_a_file_that_is_not_there_is_listed_and_the_rest_comes(hiba: Drawn) -> None:
    name = f"{first_image(hiba)}.jpg"
    whole = hiba.archives.files.pop(f"/signed/{name}")
    with pytest.raises(DownloadError, match=FAILURES):
        hiba.download()
    assert "answers 404" in reasons_of(hiba)[name]
    assert len(hiba.images()) == len(hiba.whole) - 1
    hiba.archives.files[f"/signed/{name}"] = whole
    hiba.download()
    assert hiba.images() == hiba.whole
    assert not (hiba.folder / FAILURES).exists()


def test_a_file_that_the_release_is_known_to_lack_is_told_and_no_error(offered: Offered) -> None:
    scin = offered("scin")
    scin.download()
    assert len(reasons_of(scin)) == 1
    assert any("the release is known to lack it" in line for line in scin.recorder.warned)


def test_names_that_begin_with_a_hyphen_are_asked_for_as_they_are(offered: Offered) -> None:
    scin = offered("scin")
    scin.download()
    assert any("/images/-" in request.path for request in scin.archives.asked("/dataset/images/"))


def test_a_table_that_names_a_path_leads_nowhere(hiba: Drawn) -> None:
    table = hiba.archives.files["/collections/251/metadata/"].decode()
    name = first_image(hiba)
    hiba.archives.files["/collections/251/metadata/"] = table.replace(name, "../../escaped").encode()
    with pytest.raises(DownloadError, match="the table names no file, but a path"):
        hiba.download()
    assert not list(hiba.folder.parent.parent.rglob("escaped*"))
    assert not hiba.archives.asked("escaped")


@pytest.mark.parametrize("body", [b"<html>sorry", b"[]", b'{"data": {"latestVersion": {"files": [{}]}}}', b"null"])
def test_an_api_that_answers_nonsense_is_told_with_a_way_by_hand(offered: Offered, body: bytes) -> None:
    derm = offered("derm12345")
    derm.archives.pages["/api/datasets/:persistentId/"] = lambda _: Answer(200, body)
    with pytest.raises(DownloadError, match=r"(?s)(in JSON|in the form that is known).*By hand:"):
        derm.download()


@pytest.mark.parametrize("body", [b"<html>sorry", b"", b"\xff\xfe\x00"])
def test_a_table_that_is_none_is_not_kept(hiba: Drawn, body: bytes) -> None:
    hiba.archives.files["/collections/251/metadata/"] = body
    with pytest.raises(DownloadError, match="no table with the column isic_id"):
        hiba.download()
    assert not list(hiba.folder.glob("*.csv"))


@pytest.mark.parametrize("body", [b"{}", b'{"isic_id": "x", "files": {"full": {"url": 3, "size": "many"}}}', b"[1]"])
def test_an_image_that_is_described_in_nonsense_does_not_come(hiba: Drawn, body: bytes) -> None:
    hiba.archives.pages[f"/api/v2/images/{first_image(hiba)}/"] = lambda _: Answer(200, body)
    with pytest.raises(DownloadError, match="1 of 12 images did not come"):
        hiba.download()


def test_a_place_that_is_gone_ends_the_run_early(hiba: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "FAILURES_IN_A_ROW", 5)
    hiba.archives.fail(Fault("/api/v2/images/", 404, times=999))
    with pytest.raises(DownloadError, match=r"5 files in a row did not come, the last because 127.0.0.1 answers 404"):
        hiba.download(jobs=1)
    assert len(hiba.archives.asked("/api/v2/images/")) < 12
    order = DownloadOrder("hiba", hiba.folder, is_licence_accepted=True)
    hiba.archives.__exit__(None, None, None)
    (hiba.folder / "metadata.csv").unlink()
    with pytest.raises(DownloadError, match="By hand:"):
        download(order, SilentReporter(), QUICK)


def test_a_server_that_hangs_is_left_after_the_timeout(hiba: Drawn) -> None:
    released = Event()

    def hang(_: object) -> Answer:
        released.wait(10)
        return Answer(500)

    hiba.archives.pages["/collections/251/metadata/"] = hang
    order = DownloadOrder("hiba", hiba.folder, is_licence_accepted=True)
    with pytest.raises(DownloadError, match="timed out, 2 times"):
        download(order, SilentReporter(), replace(QUICK, attempts=2, timeout_s=0.1))
    released.set()


def fetch_from(answers: Callable[[httpx.Request], httpx.Response], url: str, folder: Path) -> None:
    with Fetcher(QUICK, httpx.MockTransport(answers)) as fetcher:
        fetcher.fetch(RemoteFile("a.csv", url), folder, lambda _: None)


@pytest.mark.parametrize("location", ["http://example.org/a.csv", "http://127.0.0.1/a.csv", "ftp://example.org/a.csv"])
def test_no_redirect_leads_from_https_to_http(tmp_path: Path, location: str) -> None:
    asked: list[str] = []

    def answers(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"Location": location})

    with pytest.raises(DownloadError, match="leads from https to"):
        fetch_from(answers, "https://example.org/a.csv", tmp_path)
    assert asked == ["https://example.org/a.csv"]


@pytest.mark.parametrize(
    "url", ["http://example.org/a.csv", "http://127.0.0.1.example.org/a", "file:///etc/passwd", ""]
)
def test_plain_http_is_spoken_with_this_machine_alone(tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadError):
        fetch_from(lambda _: httpx.Response(200, content=b"x"), url, tmp_path)


def test_redirects_without_end_have_one(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"(?i)redirects"):
        fetch_from(lambda r: httpx.Response(302, headers={"Location": str(r.url)}), "https://example.org/a", tmp_path)


# --- archives ---


def archive_of(folder: Path, *names: str) -> Path:
    path = folder / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return path


@pytest.mark.parametrize("name", ["../escaped.png", "/escaped.png", "a/../../escaped.png", "C:\\escaped.png", "a\nb"])
def test_an_archive_that_leads_out_of_its_folder_is_not_unpacked(tmp_path: Path, name: str) -> None:
    with pytest.raises(DownloadError, match="no path below the folder"):
        unpack(archive_of(tmp_path, "fine.png", name), tmp_path / "to")
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".png"]


def test_an_archive_is_unpacked_whole_or_not_at_all(tmp_path: Path) -> None:
    path = archive_of(tmp_path, "one.png", "two.png")
    path.write_bytes(path.read_bytes().replace(b"content", b"CONTENT", 1))  # its CRC-32 is wrong now
    with pytest.raises(DownloadError, match="does not unpack"):
        unpack(path, tmp_path / "to")
    assert not (tmp_path / "to").exists()
    path.write_bytes(b"no archive")
    with pytest.raises(DownloadError, match="does not unpack"):
        unpack(path, tmp_path / "to")


def test_a_member_that_is_spoiled_on_the_way_does_not_come(pad_ufes: Drawn) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, body in pad_ufes.whole.items():
            archive.writestr(f"imgs/{name}.png", body)
    name = sorted(pad_ufes.whole)[0]
    spoiled = content.getvalue().replace(pad_ufes.whole[name], bytes(len(pad_ufes.whole[name])), 1)
    for path in [path for path in pad_ufes.archives.files if "fa850265" not in path]:
        pad_ufes.archives.files[path] = spoiled
    with pytest.raises(DownloadError, match="does not unpack: Bad CRC-32"):
        pad_ufes.download(limit=len(pad_ufes.whole))
    assert sorted(pad_ufes.images()) == sorted(pad_ufes.whole)[1:]


def test_a_sample_needs_a_server_that_gives_parts(pad_ufes: Drawn) -> None:
    pad_ufes.archives.has_ranges = False
    with pytest.raises(DownloadError, match="does not give parts of files"):
        pad_ufes.download(limit=2)
