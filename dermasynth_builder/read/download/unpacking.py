"""Unpacks zip archives that others made: all of an archive or nothing, and nothing outside of the folder."""

import shutil
import zipfile
import zlib
from pathlib import Path

from dermasynth_builder.core.errors import DownloadError
from dermasynth_builder.read.download.files import safe_path


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
