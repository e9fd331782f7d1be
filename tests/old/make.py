"""Makes a small folder of work and a release with the code of an older commit: `python tests/old/make.py COMMIT...`.

For each commit `tests/old/<day>-<commit>.zip` holds `raw/` (six drawn images), `work/` (a ledger of each engine that
the commit has, failures among them, and a batch that waits for its job) and `release/`. What is written is never made
anew: a commit that changes what is kept or released adds an archive of the commit before it.
"""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from time import sleep
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

HERE = Path(__file__).parent
_COMMAND = "from dermasynth_builder.cli import main; raise SystemExit(main())"
_DRAW = """
from importlib import import_module, util
from pathlib import Path
name = "dermasynth_builder.specimens"
found = import_module(name if util.find_spec(name) else "dermasynth_builder.invented.specimens.pad_ufes")
write = getattr(found, "write_pad_ufes", None) or found.write_specimens
write(Path("raw/pad_ufes"), images=6, side_px=16)
"""
_PORT = 8321
_FAKE = ("fake-gemini", "--port", str(_PORT), "--fault", "safety=0.2", "--fault", "always-broken=0.2")
_PLACE = ("pad_ufes", "--raw", "raw/pad_ufes", "--work", "work")
_ASKED = ("--model", "gemini-3.5-flash-lite", "--base-url", f"http://127.0.0.1:{_PORT}")
_HANDING_IN_S = 12  # on a busy machine too


def main(commits: Sequence[str]) -> None:
    """Writes the archive of each commit."""
    for commit in commits:
        with tempfile.TemporaryDirectory(prefix="old-") as name, _code_of(commit, Path(name)) as code:
            made = Path(name, "made")
            made.mkdir()
            _make(Older(made, code))
            _archive(made, HERE / f"{_git('log', '-1', '--format=%ad-%h', '--date=format:%m%d', commit)}.zip")


def _git(*words: str | Path) -> str:
    return subprocess.run(["git", *words], cwd=HERE, check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def _code_of(commit: str, folder: Path) -> Iterator[Path]:
    _git("worktree", "add", "--quiet", "--detach", folder / "code", commit)
    try:
        yield folder / "code"
    finally:
        _git("worktree", "remove", "--force", folder / "code")


@dataclass(frozen=True)
class Older:
    """The command of an older commit, which runs in `folder`."""

    folder: Path
    code: Path

    def start(self, *words: str, code: str = _COMMAND) -> subprocess.Popen[str]:
        """A process of its own."""
        environment = {**os.environ, "PYTHONPATH": str(self.code), "GEMINI_API_KEY": "none"}
        return subprocess.Popen([sys.executable, "-c", code, *words], cwd=self.folder, env=environment, text=True)

    @contextmanager
    def serving(self, *words: str) -> Iterator[None]:
        """The fake service, which is there in the block and killed behind it."""
        process = self.start(*_FAKE, *words)
        try:
            while not _is_there() and process.poll() is None:
                sleep(0.1)
            yield
        finally:
            process.kill()
            process.wait()


def _make(older: Older) -> None:
    assert older.start(code=_DRAW).wait() == 0
    assert older.start("build", *_PLACE, "--out", "release").wait() == 0
    engines = [name for name in ("gemini", "openai", "gemini_batch") if list(older.code.rglob(f"*{name}*.py"))]
    if not engines:
        return
    with older.serving():
        for engine in ("gemini", "openai"):
            older.start("generate", *_PLACE, "--engine", engine, *_ASKED).wait()
    if "gemini_batch" in engines:
        with older.serving("--job-looks", "100000"):
            handing_in = older.start("generate", *_PLACE, "--engine", "gemini_batch", *_ASKED, "--poll", "1")
            sleep(_HANDING_IN_S)
            handing_in.kill()
            handing_in.wait()


def _is_there() -> bool:
    with socket() as tried:
        return tried.connect_ex(("127.0.0.1", _PORT)) == 0


def _take_out_places(folder: Path) -> None:
    """The index of images names them by their place on this machine."""
    for path in folder.glob("work/images*.sqlite"):
        with closing(sqlite3.connect(path, isolation_level=None)) as index:
            tables = [name for (name,) in index.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%(path %'")]
            for table in tables:
                index.execute(f"UPDATE {table} SET path = replace(path, ?, 'OLD')", (str(folder),))  # noqa: S608 - no secret
            index.execute("VACUUM")


def _archive(folder: Path, path: Path) -> None:
    _take_out_places(folder)
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for file in sorted(each for each in folder.rglob("*") if each.is_file() and not each.name.endswith(".lock")):
            archive.writestr(ZipInfo(file.relative_to(folder).as_posix()), file.read_bytes(), ZIP_DEFLATED)


if __name__ == "__main__":
    main(sys.argv[1:])
