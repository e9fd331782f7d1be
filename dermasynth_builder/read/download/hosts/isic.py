"""Asks the ISIC archive for the images of a collection, through its API v2 (github.com/ImageMarkup/isic).

Images stand on pages of a hundred at most, each with a signed address that opens for a short time and wants no login.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html.parser import HTMLParser
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from dermasynth_builder.core.errors import DownloadError
from dermasynth_builder.read.download.fetcher import Fetcher
from dermasynth_builder.read.download.files import Failure, RemoteFile
from dermasynth_builder.read.download.hosts import HostEntry
from dermasynth_builder.read.tables import IMAGE_SUFFIXES

PAGE_IMAGES = 100  # the most that the server gives


@dataclass(frozen=True, slots=True)
class IsicDetails:
    """Which collection it is, and the table that the archive has beside its metadata, if there is one."""

    collection: int
    doi_page: str = ""  # below the host's base; it links to the supplement
    supplement: str = ""  # its file name


class IsicArchive:
    """See `read.download.files.Host`."""

    def __init__(self, entry: HostEntry, fetcher: Fetcher) -> None:
        self._url, self._details, self._fetcher = entry.url, entry.details_as(IsicDetails), fetcher

    def tables(self) -> Sequence[RemoteFile]:
        """See `Host.tables`. The supplement's address is looked up on the page of the collection's DOI."""
        details, url = self._details, self._url
        tables = [RemoteFile("metadata.csv", f"{url}/collections/{details.collection}/metadata/", column="isic_id")]
        if details.supplement:
            renew = partial(self._supplement, f"{url}/{details.doi_page}", details.supplement)
            tables.append(RemoteFile(f"supplements/{details.supplement}", renew=renew))
        return tables

    def bundles(self) -> Sequence[RemoteFile]:
        """See `Host.bundles`."""
        return ()

    def images(self, names: Sequence[str]) -> Iterator[RemoteFile | Failure]:
        """See `Host.images`. Many are listed page by page, few are asked for by their ids."""
        wanted = {PurePosixPath(name).stem: None for name in names}
        if len(wanted) > PAGE_IMAGES:
            for entry in self._listed():
                if str(entry.get("isic_id")) in wanted:
                    file = self._file(entry)
                    del wanted[str(entry["isic_id"])]
                    yield file
                if not wanted:
                    return
        for isic_id in wanted:
            yield RemoteFile(f"images/{isic_id}.jpg", renew=partial(self._renewed, isic_id))

    def _listed(self) -> Iterator[Mapping[str, Any]]:
        """What the collection's pages say of each image."""
        url = f"{self._url}/api/v2/images/search/?collections={self._details.collection}&limit={PAGE_IMAGES}"
        seen: set[str] = set()
        while url and url not in seen:  # a list that leads back into itself has an end, too
            seen.add(url)
            page = self._fetcher.json(url)
            try:
                entries, url = list(page["results"]), urljoin(url, page["next"] or "") if page["next"] else ""
            except (KeyError, TypeError) as error:
                raise DownloadError(f"{url} is not a page of images as this version knows it: {error!r}") from error
            yield from (entry for entry in entries if isinstance(entry, Mapping))

    def _renewed(self, isic_id: str) -> RemoteFile:
        file = self._file(self._fetcher.json(f"{self._url}/api/v2/images/{quote(isic_id, safe='')}/"))
        if PurePosixPath(file.path).stem != isic_id:
            raise DownloadError(f"the ISIC archive gives {file.name}, asked for {isic_id}")
        return file

    def _file(self, entry: Mapping[str, Any]) -> RemoteFile:
        try:
            isic_id, full = str(entry["isic_id"]), entry["files"]["full"]
            suffix = PurePosixPath(urlsplit(full["url"]).path).suffix.lower()
            path = f"images/{isic_id}{suffix if suffix in IMAGE_SUFFIXES else '.jpg'}"
            return RemoteFile(path, str(full["url"]), int(full["size"]), renew=partial(self._renewed, isic_id))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DownloadError(f"the ISIC archive describes an image in an unknown form: {error!r}") from error

    def _supplement(self, page: str, name: str) -> RemoteFile:
        links = _Links()
        links.feed(self._fetcher.text(page))
        if name not in links.by_title:
            raise DownloadError(f"{page} has no link to {name}")
        return RemoteFile(f"supplements/{name}", urljoin(page, links.by_title[name]), column="isic_id")


class _Links(HTMLParser):
    """The links of a page by their titles, which on the page of a DOI are the names of its files."""

    def __init__(self) -> None:
        super().__init__()
        self.by_title: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "a" and (title := named.get("title")) and (link := named.get("href")):
            self.by_title[title] = link
