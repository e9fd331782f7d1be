"""What is to be fetched, what came of it, and zip archives unpacked: all of one or nothing, and below one folder."""

import errno
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from dermasynth_builder.core.errors import DownloadError

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
"""What goes wrong with every file alike, and not with one."""


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


_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)  # devices of Windows
_LONGEST_PART_BYTES = 200  # a file system takes 255, and a suffix is added while it grows
_MOST_EXPANSION = 50  # images hardly shrink in an archive
_SMALL_BYTES = 100_000_000  # unpacked; as much is taken whatever the expansion


def safe_path(text: str) -> PurePosixPath:
    """The path, if it stays below where it is taken from; names come from tables and archives that others wrote.

    Raises DownloadError for one that is absolute, goes up, is empty, or that some file system does not take.
    """
    path = PurePosixPath(text)
    is_plain = text.isprintable() and not set(text) & set('\\:*?"<>|')
    if not path.parts or path.is_absolute() or not is_plain or not all(map(_is_fit, path.parts)):
        shown = text if len(text) <= _LONGEST_PART_BYTES else f"{text[:40]}..."
        raise DownloadError(f"{shown!r} is not a path inside the folder; it was skipped")
    return path


def _is_fit(part: str) -> bool:
    is_short = len(part.encode(errors="replace")) <= _LONGEST_PART_BYTES
    return is_short and part == part.strip().rstrip(".") and not _RESERVED.fullmatch(part)


def is_file_name(text: str) -> bool:
    """Whether the text is the name of a file and not a path, nor one with which a path could be made."""
    try:
        return safe_path(text).parts == (text,)
    except DownloadError:
        return False


def unpack(archive: Path, target: Path) -> list[str]:
    """Unpacks the archive as the folder `target`, which appears when it is whole, and gives the names it left out.

    Those lead out of the folder, or no file system takes them. Each member's CRC-32 is checked.
    Raises DownloadError for a broken archive, one that grows beyond all measure, and where the disk has no room.
    """
    unfinished = target.with_name(f".{target.name}.part")  # hidden, so that no source reads half of it
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            fit = [info for info in opened.infolist() if _is_safe(info.filename)]
            _require_room(fit, archive, target)
            opened.extractall(unfinished, fit)
            left_out = [info.filename for info in opened.infolist() if info not in fit]
        _put_in_place(unfinished, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        raise DownloadError(f"{archive} does not unpack: {error}; delete it and run the command again") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return left_out


def _put_in_place(unfinished: Path, target: Path) -> None:
    unfinished.mkdir(exist_ok=True)  # nothing came out of an empty archive
    shutil.rmtree(unfinished / "__MACOSX", ignore_errors=True)
    inner = unfinished / target.name  # most archives hold one folder of their own name
    is_doubled = [path.name for path in unfinished.iterdir()] == [target.name] and inner.is_dir()
    (inner if is_doubled else unfinished).rename(target)


def _is_safe(name: str) -> bool:
    try:
        safe_path(name)
    except DownloadError:
        return False
    return True


def _require_room(members: Sequence[zipfile.ZipInfo], archive: Path, target: Path) -> None:
    needed_bytes = sum(info.file_size for info in members)  # no more than this comes out of a member
    free_bytes = shutil.disk_usage(target.parent).free
    if needed_bytes > free_bytes:
        raise DownloadError(f"{target.name} takes {needed_bytes:,} bytes unpacked, and the disk has {free_bytes:,}")
    size_bytes = archive.stat().st_size
    if needed_bytes > max(_SMALL_BYTES, _MOST_EXPANSION * size_bytes):
        told = f"{archive} would grow to {needed_bytes:,} bytes, {needed_bytes // size_bytes:,} times its size"
        raise DownloadError(f"{told}; no archive of images does. Delete it and get it again")
