"""What is to be fetched, what came of it, and zip archives unpacked: all of one or nothing, and below one folder."""

import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from dermasynth_builder.core.errors import DownloadError


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a release where it is to be had. It has a `url`, a `renew` or an `opened`."""

    path: str  # below the folder, with slashes: "images/ISIC_0012345.jpg"
    url: str = ""
    size_bytes: int | None = None  # as published
    digest: str = ""  # as published: "sha256:<hex>" or "md5:<hex>"
    column: str = ""  # that the file must have, if it is a table
    renew: "Callable[[], RemoteFile] | None" = None  # the same file at a fresh address; signed ones expire
    opened: Callable[[], IO[bytes]] | None = None  # its bytes, where it is a member of an archive that stays remote

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self.path).name

    @property
    def safe_path(self) -> PurePosixPath:
        """The path, which leads nowhere but below the folder. Raises DownloadError for another."""
        return safe_path(self.path)


@dataclass(frozen=True, slots=True)
class Failure:
    """One file that did not come."""

    name: str
    reason: str
    is_known: bool = False  # the release itself is known to lack it


class Host(Protocol):
    """Where a release is to be had: which files there are.

    Each method raises DownloadError where the host does not answer.
    """

    def tables(self) -> Sequence[RemoteFile]:
        """The files without which no image can be named; they are few, and fetched first."""

    def bundles(self) -> Sequence[RemoteFile]:
        """Zip archives that hold the images, to be unpacked; none where images are to be had one by one alone."""

    def images(self, names: Sequence[str]) -> Iterator[RemoteFile | Failure]:
        """Each of those images by itself, in any order, found by its file name as the source's tables give it."""


def safe_path(text: str) -> PurePosixPath:
    """The path, if it stays below where it is taken from; names come from tables and archives that others wrote.

    Raises DownloadError for one that is absolute, goes up, is empty or has a character that no path should have.
    """
    path = PurePosixPath(text)
    is_plain = text.isprintable() and not set(text) & set('\\:*?"<>|')
    if not path.parts or path.is_absolute() or ".." in path.parts or not is_plain:
        raise DownloadError(f"{text!r} is not a path inside the folder; it was skipped")
    return path


def is_file_name(text: str) -> bool:
    """Whether the text is the name of a file and not a path, nor one with which a path could be made."""
    try:
        return safe_path(text).parts == (text,)
    except DownloadError:
        return False


def unpack(archive: Path, target: Path) -> None:
    """Unpacks the archive as the folder `target`, which appears when it is whole; each member's CRC-32 is checked.

    Raises DownloadError for a broken archive, one with a path that leads out of it, and where the disk has no room.
    """
    unfinished = target.with_name(f".{target.name}.part")  # hidden, so that no source reads half of it
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            _require_safe(opened, target)
            opened.extractall(unfinished)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DownloadError(f"{archive} does not unpack: {error}; delete it and run the command again") from error
    shutil.rmtree(unfinished / "__MACOSX", ignore_errors=True)
    inner = unfinished / target.name  # most archives hold one folder of their own name
    is_doubled = [path.name for path in unfinished.iterdir()] == [target.name] and inner.is_dir()
    (inner if is_doubled else unfinished).rename(target)
    shutil.rmtree(unfinished, ignore_errors=True)


def _require_safe(opened: zipfile.ZipFile, target: Path) -> None:
    for info in opened.infolist():
        safe_path(info.filename)
    needed_bytes = sum(info.file_size for info in opened.infolist())
    free_bytes = shutil.disk_usage(target.parent).free
    if needed_bytes > free_bytes:
        raise DownloadError(f"{target.name} takes {needed_bytes:,} bytes unpacked, and the disk has {free_bytes:,}")
