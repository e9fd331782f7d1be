"""What the tests of downloads share: drawn releases, offered on the loopback interface, and downloads from there."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.hub_options import DownloadOptions
from dermasynth_builder.core.records import ClinicalImage
from dermasynth_builder.invented.specimens.derm12345 import write_derm12345
from dermasynth_builder.invented.specimens.isic import write_bcn20000, write_hiba
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from dermasynth_builder.invented.specimens.scin import write_scin
from dermasynth_builder.read.download import download, hosts
from dermasynth_builder.read.download.fetcher import RetryPolicy
from tests.support.loopback_archives import LoopbackArchives
from tests.support.recorder import Recorder

QUICK = RetryPolicy(attempts=4, backoff_s=0.001, longest_wait_s=0.1, timeout_s=5)
IMAGES = 12  # of each drawn release; a few more or less in SCIN


@dataclass(frozen=True)
class Drawn:
    """A drawn release, offered on a loopback server."""

    source: str
    release: Path
    archives: LoopbackArchives
    folder: Path  # to download into; not there yet
    recorder: Recorder = field(default_factory=Recorder)

    def download(self, **changes: object) -> None:
        """Downloads it, the licence being accepted."""
        order = DownloadOptions(self.source, self.folder, is_licence_accepted=True)
        download(replace(order, **changes), self.recorder, QUICK)  # type: ignore[arg-type]  # a test's own order

    def images(self, folder: Path | None = None) -> dict[str, bytes]:
        """The bytes of the images that the source finds, by id."""
        items = registry.source(self.source).read(folder or self.folder)
        found = [item for item in items if isinstance(item, ClinicalImage)]
        return {image.image_id: image.path.read_bytes() for image in found if image.path}

    @property
    def whole(self) -> dict[str, bytes]:
        """The bytes of the images that the release has."""
        return self.images(self.release)

    def leftovers(self) -> list[str]:
        """The unfinished files in the folder."""
        return [path.name for path in self.folder.rglob("*") if ".part" in path.name]


def zipped(folder: Path) -> bytes:
    """The folder as a zip archive, in a folder of its own name."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder.parent).as_posix())
    return content.getvalue()


def offer_hiba(archives: LoopbackArchives, release: Path) -> None:
    archives.offer_isic(251, write_hiba(release, images=IMAGES, side_px=160))


def offer_bcn20000(archives: LoopbackArchives, release: Path) -> None:
    archives.offer_isic(249, write_bcn20000(release, images=IMAGES, side_px=64))


def offer_scin(archives: LoopbackArchives, release: Path) -> None:
    archives.offer_folder(write_scin(release, cases=8, side_px=32))
    for name in ("scin_app_questions", "scin_label_questions"):
        archives.files[f"/dataset/{name}.csv"] = b"question,answers\nHow long?,A day\n"


def offer_derm12345(archives: LoopbackArchives, release: Path) -> None:
    write_derm12345(release, images=IMAGES, side_px=64)
    tables = {path.name: path.read_bytes() for path in sorted(release.glob("*.csv"))}
    folders = sorted(path for path in release.iterdir() if path.is_dir())
    archives.offer_dataverse(tables, {f"{folder.name}.zip": zipped(folder) for folder in folders})


def offer_pad_ufes(archives: LoopbackArchives, release: Path) -> None:
    write_pad_ufes(release, images=IMAGES, side_px=32)
    for entry, body in mendeley_files(release):
        archives.files[f"/{entry['address']}"] = body


OFFERS: dict[str, Callable[[LoopbackArchives, Path], None]] = {
    "bcn20000": offer_bcn20000,
    "derm12345": offer_derm12345,
    "hiba": offer_hiba,
    "pad_ufes": offer_pad_ufes,
    "scin": offer_scin,
}
"""What draws a release into a folder, and has the server offer it as its official host does."""


def mendeley_files(release: Path) -> list[tuple[dict[str, object], bytes]]:
    """The entries of the source's list of files, with the sizes and hashes of the drawn ones, and their bytes."""
    details = hosts.host_entry("pad_ufes").details
    found = []
    for entry in (*details["tables"], *details["bundles"]):
        path = release / entry["path"]
        body = path.read_bytes() if path.is_file() else zipped(path.with_suffix(""))
        known = {"size_bytes": len(body), "digest": f"sha256:{sha256(body).hexdigest()}"}
        found.append((entry | known, body))
    return found


def know_drawn_files(source: str, release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts sizes, hashes and absent names of the drawn files in place of those of the real ones."""
    known = hosts.host_entry(source)  # its base is that of the server
    if source == "pad_ufes":
        entries = [entry for entry, _ in mendeley_files(release)]
        drawn = replace(known, details={"tables": entries[:1], "bundles": entries[1:]})
    else:
        present = {path.name for path in release.rglob("*.png")}
        cells = (release / "dataset/scin_cases.csv").read_text("utf-8").split(",")
        named = {cell.rpartition("/")[2] for cell in cells if cell.endswith(".png")}
        drawn = replace(known, absent=tuple(sorted(named - present)))
    monkeypatch.setattr(hosts, "host_entry", lambda *_: drawn)


def offered_release(source: str, archives: LoopbackArchives, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Drawn:
    """The source's release, drawn and offered, and the environment that leads there."""
    for name, value in archives.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    OFFERS[source](archives, folder / "release")
    if source in ("pad_ufes", "scin"):
        know_drawn_files(source, folder / "release", monkeypatch)
    return Drawn(source, folder / "release", archives, folder / "to" / source)
