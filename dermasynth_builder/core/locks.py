"""Locks files, so that no two processes write one thing."""

from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from dermasynth_builder.core.errors import DermaSynthError


def lock_beside(path: Path, taken: DermaSynthError) -> BaseFileLock:
    """Locks `path` by a file beside it, until it is released or the process ends, however that is.

    Raises `taken` where another process has the lock.
    """
    lock = FileLock(f"{path}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise taken from error
    return lock
