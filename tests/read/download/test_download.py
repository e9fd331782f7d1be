"""`dermasynth download` as a user meets it: every source from its official place, which is a loopback server here."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dermasynth_builder.cli import main
from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import DownloadError, UsageError
from dermasynth_builder.core.registry import SOURCES
from dermasynth_builder.read.download import hosts
from dermasynth_builder.read.download.fetcher import Fetcher, RetryPolicy
from dermasynth_builder.read.download.hosts.isic import IsicDetails
from dermasynth_builder.read.selection import sample
from tests.support.downloads import OFFERS, Drawn

Offered = Callable[[str], Drawn]
Output = pytest.CaptureFixture[str]
HOSTED = [source for source in SOURCES if hosts.host_names(source)]
IMAGE_PARTS = ("/signed/", "/api/v2/images/", ".zip", "file_downloaded", "/dataset/images/", "/datafile/")


@pytest.mark.parametrize("source", OFFERS)
def test_what_was_downloaded_is_what_the_source_reads(offered: Offered, source: str) -> None:
    drawn = offered(source)
    drawn.download()
    assert drawn.images() == drawn.whole
    assert len(drawn.whole) >= 12
    assert drawn.leftovers() == []
    assert drawn.recorder.said[-1] == (
        f"{source}: {len(drawn.whole)} images in {drawn.folder}; next: dermasynth build {source} --raw {drawn.folder}"
    )


@pytest.mark.parametrize("source", OFFERS)
def test_a_second_run_asks_for_no_image(offered: Offered, source: str) -> None:
    drawn = offered(source)
    drawn.download()
    before = len(drawn.archives.requests)
    drawn.download()
    later = [request.path for request in drawn.archives.requests[before:]]
    absent = hosts.host_entry(source).absent
    asked = [path for path in later if any(part in path for part in IMAGE_PARTS)]
    assert [path for path in asked if path.rpartition("/")[2] not in absent] == []
    assert source == "scin" or any("nothing to fetch" in line for line in drawn.recorder.said)


def test_derm12345_comes_from_the_isic_archive_with_its_supplement(offered: Offered, tmp_path: Path) -> None:
    from dermasynth_builder.invented.specimens.derm12345 import write_derm12345

    drawn = offered("derm12345")
    release = write_derm12345(tmp_path / "isic", images=12, side_px=64, layout="isic")
    drawn.archives.offer_isic(399, release)
    drawn.download(host="isic")
    assert drawn.images() == drawn.images(release)
    assert len(drawn.images()) == 12


def test_a_dataverse_that_has_unpacked_its_archives_gives_image_by_image(offered: Offered) -> None:
    drawn = offered("derm12345")
    tables = {path.name: path.read_bytes() for path in drawn.release.glob("*.csv")}
    images = {f"{image_id}.jpg": body for image_id, body in drawn.whole.items()}
    drawn.archives.offer_dataverse(tables, images)
    drawn.download()
    assert drawn.images() == drawn.whole


@pytest.mark.parametrize("source", OFFERS)
def test_a_sample_is_small_true_and_of_several_diagnoses(offered: Offered, source: str) -> None:
    from dermasynth_builder.core import registry
    from dermasynth_builder.core.records import ClinicalImage

    drawn = offered(source)
    drawn.download(limit=4)
    got = drawn.images()
    assert len(got) == 4
    assert got.items() <= drawn.whole.items()
    read = registry.source(source).read(drawn.folder)
    with_file = [item for item in read if isinstance(item, ClinicalImage) and item.path]
    assert len({image.facts.diagnosis_published for image in with_file}) >= 3
    fetched = sum(len(body) for body in got.values())
    assert fetched < sum(len(body) for body in drawn.whole.values())
    drawn.download(limit=4)
    assert any("nothing to fetch" in line for line in drawn.recorder.said)


def test_a_larger_sample_holds_a_smaller_one(offered: Offered) -> None:
    from dermasynth_builder.core import registry
    from dermasynth_builder.core.records import ClinicalImage

    drawn = offered("hiba")
    images = [item for item in registry.source("hiba").read(drawn.release) if isinstance(item, ClinicalImage)]
    assert sample(images, 7)[:3] == sample(list(reversed(images)), 3)
    assert len(sample(images, 99)) == len(images)


def test_a_sample_takes_each_diagnosis_in_turn_and_what_has_none_last_of_a_turn() -> None:
    from dataclasses import replace

    from tests.support.clinical_images import clinical_image

    named = {"": 9, "nevus": 3, "BCC": 2, "ACK": 1}  # images of each
    image = clinical_image()
    images = [
        replace(image, image_id=f"{name}_{number}", facts=replace(image.facts, diagnosis_published=name or None))
        for name, count in named.items()
        for number in range(count)
    ]
    turns = [each.facts.diagnosis_published for each in sample(images, 11)]
    assert turns == ["ACK", "BCC", "nevus", None, "BCC", "nevus", None, "nevus", None, None, None]
    order = [each.image_id for each in sample(images, 99) if not each.facts.diagnosis_published]
    assert order != sorted(order)  # neighbours in a table are often of one patient


def test_a_sample_can_be_made_whole(offered: Offered) -> None:
    drawn = offered("pad_ufes")
    drawn.download(limit=3)
    assert drawn.archives.asked("file_downloaded")[1].range  # images come out of an archive that stays there
    drawn.download()
    assert drawn.images() == drawn.whole


def test_nothing_is_asked_for_before_the_licence_is_accepted(offered: Offered, tmp_path: Path, capsys: Output) -> None:
    drawn = offered("scin")
    words = ["download", "scin", "--to", str(drawn.folder), "--limit", "2"]
    assert main(words) == 2
    printed = capsys.readouterr()
    assert "SCIN Data Use License" in printed.out
    assert "never try to identify anybody" in printed.out
    assert "--accept-licence" in printed.err
    assert drawn.archives.requests == []
    assert not drawn.folder.exists()
    assert main([*words, "--accept-licence"]) == 0
    kept = json.loads((tmp_path / "config/dermasynth/licences.json").read_text("utf-8"))
    assert kept == ["scin: SCIN Data Use License"]
    assert main(words) == 0


def test_a_licence_accepted_for_one_source_is_not_for_another(offered: Offered) -> None:
    drawn = offered("hiba")
    drawn.download(limit=1)
    with pytest.raises(UsageError, match="bcn20000: its licence is not accepted yet"):
        drawn.download(source="bcn20000", is_licence_accepted=False)
    assert any("make no commercial use" in line for line in drawn.recorder.said)


def test_a_spoiled_list_of_licences_means_that_none_is_accepted(offered: Offered, tmp_path: Path) -> None:
    drawn = offered("hiba")
    path = tmp_path / "config/dermasynth/licences.json"
    path.parent.mkdir(parents=True)
    for spoiled in ("{", '{"hiba": 1}', "\udcff"):
        path.write_bytes(spoiled.encode("utf-8", "surrogateescape"))
        with pytest.raises(UsageError):
            drawn.download(is_licence_accepted=False)
    drawn.download(limit=1)


@pytest.mark.parametrize("source", HOSTED)
def test_every_place_has_what_a_user_needs(source: str) -> None:
    for name in hosts.host_names(source):
        entry = hosts.host_entry(source, name, {})
        with Fetcher(RetryPolicy()) as fetcher:
            registry.host(entry.kind)(entry, fetcher)  # its details have the form of its kind
        assert entry.url.startswith("https://")
        assert "http" in entry.by_hand or "isic" in entry.by_hand
    with pytest.raises(UsageError, match=r"--from ftp: .* is not there"):
        hosts.host_entry(source, "ftp", {})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("images = 1616", 'images = "all"', "hosts.isic.images: 'all' should be a valid integer"),
        ("title = ", "titel = ", "hosts.isic.title is missing"),
        ("collection = ", "colection = ", "colection is not one of collection, doi_page, supplement; did you mean"),
    ],
)
def test_a_file_of_hosts_that_breaks_its_form_is_refused_with_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, said: str
) -> None:
    shipped = Path(hosts.__file__).with_name("hiba.toml").read_text("utf-8")
    (tmp_path / "hiba.toml").write_text(shipped.replace(old, new, 1), encoding="utf-8")
    monkeypatch.setattr(hosts, "_FOLDER", tmp_path)
    with pytest.raises(DownloadError, match=re.escape(said)):
        hosts.host_entry("hiba").details_as(IsicDetails)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--limit", "0"), "one image or more"),
        (("--jobs", "0"), "choose from 1 to 64"),
        (("--from", "figshare"), "--from figshare: hiba is not there; choose from: isic"),
        (("--to", "a-file"), "a-file is a file; --to takes a folder"),
    ],
)
def test_wrong_use_is_told_before_anything_is_asked(
    offered: Offered,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
    words: tuple[str, ...],
    said: str,
) -> None:
    drawn = offered("hiba")
    monkeypatch.chdir(tmp_path)
    Path("a-file").write_text("", encoding="utf-8")
    assert main(["download", "hiba", "--accept-licence", *words]) == 2
    assert said in capsys.readouterr().err
    assert drawn.archives.requests == []


def test_the_default_folder_is_data_and_the_source(
    offered: Offered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    offered("hiba")
    monkeypatch.chdir(tmp_path)
    assert main(["download", "hiba", "--accept-licence", "--limit", "2"]) == 0
    assert len(list(Path("data/hiba/images").iterdir())) == 2
    assert "next: dermasynth build hiba --raw data/hiba" in capsys.readouterr().out


def test_a_second_run_at_the_same_time_is_refused(offered: Offered) -> None:
    from filelock import FileLock

    drawn = offered("hiba")
    drawn.folder.mkdir(parents=True)
    with FileLock(drawn.folder / ".download.lock"), pytest.raises(DownloadError, match="another run downloads into"):
        drawn.download()


def test_a_folder_that_may_not_be_written_is_no_traceback(offered: Offered, capsys: Output) -> None:
    drawn = offered("hiba")
    words = ["download", "hiba", "--accept-licence", "--to", "/proc/dermasynth"]
    assert main(words) == 1
    assert "check that the disk has room and the folder may be written" in capsys.readouterr().err
    assert drawn.archives.requests == []


def test_help_names_the_variable_of_every_place_and_every_source_to_choose_from(capsys: Output) -> None:
    assert main(["download", "--help"]) == 0
    told = capsys.readouterr().out
    assert all(source in told for source in SOURCES)
    for source in SOURCES:
        assert all(hosts.url_variable(name) in told for name in hosts.host_names(source))
    assert "dataverse (default) or isic" in told
    assert hosts.host_entry("derm12345", "", {}).name == "dataverse"
