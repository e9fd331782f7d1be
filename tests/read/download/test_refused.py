"""Downloads from servers that lie, or have not got it: nothing wrong is kept, and a sentence says what to do."""

import csv
from collections.abc import Callable
from dataclasses import replace
from threading import Event

import pytest

from dermasynth_builder.cli import main
from dermasynth_builder.core.errors import DownloadError
from dermasynth_builder.core.hub_options import DownloadOptions
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.read import download as downloads
from dermasynth_builder.read.download import FAILURES, download, fetcher, hosts
from dermasynth_builder.read.download.fetcher import Fetcher
from dermasynth_builder.read.download.files import RemoteFile
from dermasynth_builder.read.download.hosts import isic
from dermasynth_builder.read.download.hosts.hosted import Hosted
from tests.support.downloads import QUICK, Drawn
from tests.support.loopback_archives_http import Answer, Fault

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


def test_a_wrong_hash_is_never_kept(pad_ufes: Drawn, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = bytes(len(pad_ufes.archives.files["/1cc2f71f-20a2-412d-b746-a9b9bc20c966/file_downloaded"]))
    pad_ufes.archives.fail(Fault("1cc2f71f", body=wrong, times=9))
    assert main(["download", "pad_ufes", "--accept-licence", "--to", str(pad_ufes.folder)]) == 1
    said = capsys.readouterr().err
    assert "imgs_part_1.zip: wrong twice (its sha256 is" in said
    assert "To download by hand:\nOpen https://data.mendeley.com/datasets/zr7vgbcyr2/1" in said
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
    with pytest.raises(DownloadError, match="1 of 12 images were not downloaded"):
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


def test_names_are_quoted_in_addresses() -> None:
    with Fetcher(QUICK) as fetcher:
        (file,) = Hosted(hosts.host_entry("scin", "", {}), fetcher).images(["-1 #%.png"])
    assert isinstance(file, RemoteFile)
    assert file.url.endswith("/dataset/images/-1%20%23%25.png")
    assert file.path == "dataset/images/-1 #%.png"


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
    with pytest.raises(DownloadError, match=r"(?s)(is not JSON|in the form that is known).*To download by hand:"):
        derm.download()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<html>sorry", "it is a web page"),
        (b"", "it is not a table with the column isic_id"),
        (b"\xff\xfe\x00", "it is not a table with the column isic_id"),
    ],
)
def test_a_table_that_is_none_is_not_kept(hiba: Drawn, body: bytes, told: str) -> None:
    hiba.archives.files["/collections/251/metadata/"] = body
    with pytest.raises(DownloadError, match=told):
        hiba.download()
    assert not list(hiba.folder.glob("*.csv"))


@pytest.mark.parametrize("body", [b"{}", b'{"isic_id": "x", "files": {"full": {"url": 3, "size": "many"}}}', b"[1]"])
def test_an_image_that_is_described_in_nonsense_does_not_come(hiba: Drawn, body: bytes) -> None:
    hiba.archives.pages[f"/api/v2/images/{first_image(hiba)}/"] = lambda _: Answer(200, body)
    with pytest.raises(DownloadError, match="1 of 12 images were not downloaded"):
        hiba.download()


@pytest.mark.parametrize("body", [b'{"results": 5, "next": null}', b'{"results": [], "next": 5}', b"[]"])
def test_pages_in_an_unknown_form_are_told(hiba: Drawn, monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.setattr(isic, "PAGE_IMAGES", 1)
    hiba.archives.pages["/api/v2/images/search/"] = lambda _: Answer(200, body)
    with pytest.raises(DownloadError, match="is not a page of images as this version knows it"):
        hiba.download()


def test_an_image_in_place_of_another_is_not_taken(hiba: Drawn) -> None:
    first, second = sorted(hiba.whole)[:2]
    hiba.archives.pages[f"/api/v2/images/{first}/"] = hiba.archives.pages[f"/api/v2/images/{second}/"]
    with pytest.raises(DownloadError, match=f"gives {second}.jpg, asked for {first}"):
        hiba.download()


def test_fewer_bytes_than_published_are_not_the_file(hiba: Drawn) -> None:
    name = f"{first_image(hiba)}.jpg"
    hiba.archives.fail(Fault(name, body=hiba.archives.files[f"/signed/{name}"][:-1], times=2))
    with pytest.raises(DownloadError, match=r"it has \d+ bytes instead of \d+"):
        hiba.download()
    assert name not in [path.name for path in hiba.folder.rglob("*")]


def test_a_file_that_goes_on_beyond_its_end_is_left_there(hiba: Drawn) -> None:
    name = f"{first_image(hiba)}.jpg"
    hiba.archives.fail(Fault(name, body=hiba.archives.files[f"/signed/{name}"] + bytes(20_000_000), times=9))
    before = hiba.archives.sent_bytes
    with pytest.raises(
        DownloadError, match=rf"1 of \d+ images were not downloaded, for example {name}: .* more than its [\d,]+ bytes"
    ):
        hiba.download()
    assert hiba.archives.sent_bytes - before < 15_000_000
    assert not [path.name for path in hiba.folder.rglob("*") if path.name.startswith(name)]


def test_a_page_without_end_is_not_read(monkeypatch: pytest.MonkeyPatch, hiba: Drawn) -> None:
    monkeypatch.setattr(fetcher, "_MOST_PAGE_BYTES", 100)
    with pytest.raises(DownloadError, match="sends more than the 100 bytes that it may"):
        hiba.download()


def test_a_place_that_is_gone_ends_the_run_early(hiba: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "FAILURES_IN_A_ROW", 5)
    hiba.archives.fail(Fault("/api/v2/images/", 404, times=999))
    with pytest.raises(
        DownloadError, match=r"5 files in a row could not be downloaded, the last because 127.0.0.1 answers 404"
    ):
        hiba.download(jobs=1)
    assert len(hiba.archives.asked("/api/v2/images/")) < 12
    order = DownloadOptions("hiba", hiba.folder, is_licence_accepted=True)
    hiba.archives.__exit__(None, None, None)
    (hiba.folder / "metadata.csv").unlink()
    with pytest.raises(DownloadError, match="To download by hand:"):
        download(order, SilentReporter(), QUICK)


def test_a_server_that_hangs_is_left_after_the_timeout(hiba: Drawn) -> None:
    released = Event()

    def hang(_: object) -> Answer:
        released.wait(10)
        return Answer(500)

    hiba.archives.pages["/collections/251/metadata/"] = hang
    order = DownloadOptions("hiba", hiba.folder, is_licence_accepted=True)
    with pytest.raises(DownloadError, match="timed out, 2 times"):
        download(order, SilentReporter(), replace(QUICK, attempts=2, timeout_s=0.1))
    released.set()


def test_a_challenge_is_named_as_one(hiba: Drawn) -> None:
    hiba.archives.fail(Fault("/collections/251/metadata/", status=202, body=b"", times=9))
    with pytest.raises(DownloadError, match="answers 202 Accepted: a challenge to tell people from programs"):
        hiba.download()


def test_the_words_of_a_refusal_are_shown(hiba: Drawn) -> None:
    said = b'{"message": "Fill in the guestbook first."}'
    refusal = Fault("/collections/251/metadata/", 400, {"Content-Type": "application/json"}, said, times=9)
    hiba.archives.fail(refusal)
    with pytest.raises(DownloadError, match=r"answers 400 Bad Request: Fill in the guestbook first\."):
        hiba.download()
