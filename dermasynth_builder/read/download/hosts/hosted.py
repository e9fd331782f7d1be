"""Asks hosts that have files at fixed addresses: Mendeley Data, a bucket."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from dermasynth_builder.read.download.fetcher import Fetcher
from dermasynth_builder.read.download.files import Failure, RemoteFile
from dermasynth_builder.read.download.hosts import HostEntry
from dermasynth_builder.read.download.hosts.remote_zip import members


class Hosted:
    """See `read.download.files.Host`. Its details list `tables`, and `bundles` or an `image_address`."""

    def __init__(self, entry: HostEntry, fetcher: Fetcher) -> None:
        self._entry, self._fetcher = entry, fetcher

    def tables(self) -> Sequence[RemoteFile]:
        """See `Host.tables`."""
        return [self._file(**entry) for entry in self._entry.details["tables"]]

    def bundles(self) -> Sequence[RemoteFile]:
        """See `Host.bundles`."""
        return [self._file(**entry) for entry in self._entry.details.get("bundles", ())]

    def images(self, names: Sequence[str]) -> Iterator[RemoteFile | Failure]:
        """See `Host.images`. Where the host has archives alone, images are read out of these from afar."""
        details = self._entry.details
        if "image_address" not in details:
            yield from members(self._fetcher, self.bundles(), names)
            return
        for name in names:
            address = details["image_address"].format(name=quote(name, safe=""))
            yield self._file(path=details["image_path"].format(name=name), address=address)

    def _file(self, *, path: str, address: str, **known: Any) -> RemoteFile:
        return RemoteFile(path, f"{self._entry.url}/{address}", **known)
