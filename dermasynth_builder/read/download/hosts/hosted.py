"""Asks hosts that have files at fixed addresses: Mendeley Data, a bucket."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from dermasynth_builder.read.download.fetcher import Fetcher
from dermasynth_builder.read.download.files import Failure, RemoteFile
from dermasynth_builder.read.download.hosts import HostEntry
from dermasynth_builder.read.download.hosts.remote_zip import members


@dataclass(frozen=True, slots=True)
class HostedFile:
    """A file at a fixed address; `RemoteFile` says what the rest means."""

    path: str
    address: str  # below the host's base
    size_bytes: int | None = None
    digest: str = ""
    column: str = ""


@dataclass(frozen=True, slots=True)
class HostedDetails:
    """Which files there are: tables, and archives of images or how the address of an image is made of its name."""

    tables: tuple[HostedFile, ...]
    bundles: tuple[HostedFile, ...] = ()
    image_address: str = ""
    image_path: str = ""


class Hosted:
    """See `read.download.files.Host`."""

    def __init__(self, entry: HostEntry, fetcher: Fetcher) -> None:
        self._url, self._details, self._fetcher = entry.url, entry.details_as(HostedDetails), fetcher

    def tables(self) -> Sequence[RemoteFile]:
        """See `Host.tables`."""
        return [self._remote(file) for file in self._details.tables]

    def bundles(self) -> Sequence[RemoteFile]:
        """See `Host.bundles`."""
        return [self._remote(file) for file in self._details.bundles]

    def images(self, names: Sequence[str]) -> Iterator[RemoteFile | Failure]:
        """See `Host.images`. Where the host has archives alone, images are read out of these from afar."""
        details = self._details
        if not details.image_address:
            yield from members(self._fetcher, self.bundles(), names)
            return
        for name in names:
            address = details.image_address.format(name=quote(name, safe=""))
            yield self._remote(HostedFile(details.image_path.format(name=name), address))

    def _remote(self, file: HostedFile) -> RemoteFile:
        return RemoteFile(file.path, f"{self._url}/{file.address}", file.size_bytes, file.digest, file.column)
