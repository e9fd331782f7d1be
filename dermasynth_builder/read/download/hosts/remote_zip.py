"""Reads single members of zip archives that stay where they are, by ranges of bytes (RFC 9110, section 14).

Not by fsspec: its HTTP files give up at the first 429, 503 or broken connection, and take another range than was asked
for as the right one.
"""

import io
import zipfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import IO

from dermasynth_builder.core.errors import DownloadError
from dermasynth_builder.read.download.fetcher import Fetcher
from dermasynth_builder.read.download.files import Failure, RemoteFile

_BUFFER_BYTES = 1 << 20  # one request for most images, and few for a directory


def members(fetcher: Fetcher, bundles: Sequence[RemoteFile], names: Sequence[str]) -> Iterator[RemoteFile | Failure]:
    """The members of those archives that have these file names, whatever the folder in the archive.

    Raises DownloadError where an archive cannot be read from afar.
    """
    wanted = set(names)
    for bundle in bundles if wanted else ():
        buffered = io.BufferedReader(_RangeReader(fetcher, bundle.url), _BUFFER_BYTES)
        try:
            archive = zipfile.ZipFile(buffered)
        except zipfile.BadZipFile as error:
            raise DownloadError(f"{bundle.path} is not a readable remote zip archive: {error}") from error
        for info in archive.infolist():
            name = PurePosixPath(info.filename).name
            if name in wanted and not info.is_dir() and "__MACOSX" not in info.filename:
                wanted.remove(name)
                yield RemoteFile(f"images/{name}", size_bytes=info.file_size, opened=partial(_opened, archive, info))
    for name in sorted(wanted):
        yield Failure(name, "none of the archives has it")


def _opened(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    """The member's bytes; reading them to the end checks their CRC-32."""
    return archive.open(info)


class _RangeReader(io.RawIOBase):
    """A remote file as one that can be read anywhere."""

    def __init__(self, fetcher: Fetcher, url: str) -> None:
        self._fetcher, self._url, self._at = fetcher, url, 0
        self._size = fetcher.piece(url, 0, 1)[1]

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Goes there."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: object, /) -> int:
        """Reads as much as there is room for, up to the end."""
        view = memoryview(buffer)  # type: ignore[arg-type]  # io gives it a writable buffer
        length = min(len(view), self._size - self._at)
        if length <= 0:
            return 0
        content = self._fetcher.piece(self._url, self._at, length)[0]
        view[: len(content)] = content
        self._at += len(content)
        return len(content)
