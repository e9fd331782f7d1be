"""Asks a Dataverse for the list of a dataset's files, with sizes and MD5.

See guides.dataverse.org, "Native API" and "Data Access API". Tables that the Dataverse has converted are asked for as
they were uploaded; what it lists as their size and MD5 is not reliably that of the upload (IQSS/dataverse issue 9501).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from dermasynth_builder.core.errors import DownloadError
from dermasynth_builder.read.download.fetcher import Fetcher
from dermasynth_builder.read.download.files import Failure, RemoteFile
from dermasynth_builder.read.download.hosts import HostEntry
from dermasynth_builder.read.download.hosts.remote_zip import members


@dataclass(frozen=True, slots=True)
class DataverseDetails:
    """Which dataset it is."""

    doi: str  # with its scheme: "doi:10.7910/DVN/DAXZ7P"
    column: str  # that a table of metadata must have


class Dataverse:
    """See `read.download.files.Host`."""

    def __init__(self, entry: HostEntry, fetcher: Fetcher) -> None:
        self._url, self._details, self._fetcher = entry.url, entry.details_as(DataverseDetails), fetcher
        self._known: Sequence[RemoteFile] = ()

    def tables(self) -> Sequence[RemoteFile]:
        """See `Host.tables`."""
        return [file for file in self._files() if file.path.lower().endswith(".csv")]

    def bundles(self) -> Sequence[RemoteFile]:
        """See `Host.bundles`."""
        return [file for file in self._files() if file.path.lower().endswith(".zip")]

    def images(self, names: Sequence[str]) -> Iterator[RemoteFile | Failure]:
        """See `Host.images`. Files that lie open come as they are, the others out of the archives from afar."""
        by_name = {file.name: file for file in self._files()}
        yield from (by_name[name] for name in names if name in by_name)
        yield from members(self._fetcher, self.bundles(), [name for name in names if name not in by_name])

    def _files(self) -> Sequence[RemoteFile]:
        if not self._known:
            url = f"{self._url}/api/datasets/:persistentId/?persistentId={self._details.doi}"
            answer = self._fetcher.json(url)
            try:
                self._known = [self._file(entry) for entry in answer["data"]["latestVersion"]["files"]]
            except (KeyError, TypeError, ValueError) as error:
                raise DownloadError(f"{url} lists no files in the form that is known: {error!r}") from error
        return self._known

    def _file(self, entry: Mapping[str, Any]) -> RemoteFile:
        stored = entry["dataFile"]
        url = f"{self._url}/api/access/datafile/{int(stored['id'])}"
        if "originalFileName" in stored or "originalFileFormat" in stored:
            name = stored.get("originalFileName") or PurePosixPath(stored["filename"]).stem + ".csv"
            column = self._details.column if "metadata" in name else ""
            return RemoteFile(str(name), f"{url}?format=original", column=column)
        path = str(PurePosixPath(entry.get("directoryLabel", ""), stored["filename"]))
        digest = f"md5:{stored['md5']}" if stored.get("md5") else ""
        return RemoteFile(path, url, size_bytes=int(stored["filesize"]), digest=digest)
