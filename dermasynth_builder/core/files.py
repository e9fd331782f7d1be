"""The prompts and the card that ship with the code, and locks on files that one process at a time may write."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dermasynth_builder.core.errors import DermaSynthError

_PACKAGE = Path(__file__).resolve().parent.parent


def resource_dir(name: str) -> Path:
    """The folder "prompts" or "card": inside the package in a wheel, beside it in a checkout."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


@cache
def code_digest(*folders: str) -> str:
    """64 hex digits that change with the code of these folders of the package; of all of it where none is named."""
    paths = [path for folder in folders or ("",) for path in (_PACKAGE / folder).rglob("*.py")]
    state = sha256()
    for path in sorted(paths):
        state.update(sha256(path.read_bytes()).digest())
    return state.hexdigest()


@cache
def jinja_environment(folder: Path) -> Environment:
    """Templates of `folder`, strict about what is undefined; rendered text is plain, not HTML."""
    return Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        auto_reload=False,  # the files of one run do not change; a look at each costs more than some templates
        autoescape=False,  # noqa: S701 - prompts, answers and Markdown are no HTML
    )


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
