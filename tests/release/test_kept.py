"""A second release does only what changed: the other configs keep their files, and nothing that is spoiled is kept."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder import pipeline
from dermasynth_builder.core import registry
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.records import Finding, Reply
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.release import kept
from dermasynth_builder.release.parquet import write_config
from tests.support.recorder import Recorder

pytestmark = pytest.mark.slow  # each builds two sources two or three times
SILENT = SilentReporter()
SHARES = (0.6, 0.2, 0.2)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sources; tests must not change them."""
    folder = tmp_path_factory.mktemp("drawn")
    for name in ("pad_ufes", "hiba"):
        registry.specimens(name)(folder / name, images=8, side_px=48)
    return folder


@pytest.fixture
def settings(drawn: Path, tmp_path: Path) -> Settings:
    """A release of both, once built."""
    shutil.copytree(drawn, tmp_path / "raw")
    raw = {name: tmp_path / "raw" / name for name in ("pad_ufes", "hiba")}
    built = Settings(raw, tmp_path / "build", tmp_path / "out", split_shares=SHARES, is_specimen=True)
    pipeline.build(built, SILENT)
    return built


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the configs that are written, not kept."""
    names: list[str] = []

    def noting(folder: Path, *given: Any) -> Any:
        names.append(folder.name)
        return write_config(folder, *given)

    monkeypatch.setattr("dermasynth_builder.release.write.write_config", noting)
    return names


def release(settings: Settings, **changes: Any) -> Recorder:
    recorder = Recorder()
    changed = replace(settings, **changes)
    pipeline.release(pipeline.plan(changed, recorder), changed, recorder)
    return recorder


def digests(out: Path) -> dict[str, str]:
    files = [path for path in out.rglob("*") if path.is_file()]
    return {path.relative_to(out).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


def inodes(out: Path) -> set[int]:
    return {path.stat().st_ino for path in (out / "data").rglob("*.parquet")}  # the sample is drawn anew


def first_file(settings: Settings, name: str = "hiba") -> Path:
    return min((settings.out / "data" / name).iterdir())


def test_where_nothing_changed_every_file_is_the_same_and_none_is_written(
    settings: Settings, written: list[str]
) -> None:
    before, files = digests(settings.out), inodes(settings.out)
    for _ in range(2):
        told = release(settings).said
        assert sum(line.endswith("nothing changed, its files are kept") for line in told) == 2
    assert (digests(settings.out), inodes(settings.out), written) == (before, files, [])
    release(settings, out=settings.out.with_name("elsewhere"))
    assert digests(settings.out.with_name("elsewhere")) == before
    assert written == ["pad_ufes", "hiba"]


def test_a_reply_that_changed_has_its_config_written_and_no_other(settings: Settings, written: list[str]) -> None:
    [hiba] = [each for each in pipeline.plan(settings, SILENT) if each.read.name == "hiba"]
    request = next(request for request in hiba.requests() if request.style == "asked")
    with pipeline.open_ledger(pipeline.open_engine(settings), settings, SILENT) as ledger:
        ledger.append(Reply(request.key, '{"answer": "Another answer."}'))
    release(settings)
    assert written == ["hiba"]
    fresh = replace(settings, out=settings.out.with_name("fresh"))
    release(fresh)
    assert digests(settings.out) == digests(fresh.out)


def _a_row_of_a_table(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    table = settings.raw["hiba"] / "metadata.csv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(lines[:-1]))
    return {}


def _an_image(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    one, other, *_ = sorted(path for path in settings.raw["hiba"].rglob("*.jpg"))
    one.write_bytes(other.read_bytes())
    return {"is_partial_allowed": True}


def _the_splits(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"split_shares": (0.5, 0.25, 0.25)}


def _the_largest_side(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"max_side_px": 16}


def _the_licence(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"is_specimen": False}


def _the_code(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(kept, "code_digest", lambda: "other code")
    return {}


def _the_checks(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setitem(registry.CHECKS.shipped, "strict", "tests.release.test_kept:strict")
    return {}


def strict(pairs: Any) -> Any:
    """A check from elsewhere."""
    for pair in pairs:
        yield Finding(pair.pair_id, "strict", "flag", "is a pair")


@pytest.mark.parametrize(
    "change", [_a_row_of_a_table, _an_image, _the_splits, _the_largest_side, _the_licence, _the_code, _the_checks]
)
def test_what_shapes_a_row_has_its_config_written_anew(
    settings: Settings,
    written: list[str],
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Settings, pytest.MonkeyPatch], dict[str, Any]],
) -> None:
    changes = change(settings, monkeypatch)
    release(settings, **changes)
    assert "hiba" in written
    fresh = replace(settings, out=settings.out.with_name("fresh"), **changes)
    release(fresh)
    assert digests(settings.out) == digests(fresh.out)


def _tampered(path: Path) -> None:
    """One byte of another value, with size and time of modification as they were."""
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def _copied(path: Path) -> None:
    shutil.copy2(path, path.with_suffix(".copy"))
    path.with_suffix(".copy").replace(path)


def _removed(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("spoil", [_tampered, _cut_off, _copied, _removed])
def test_a_file_that_is_not_as_it_was_left_is_written_anew(
    settings: Settings, written: list[str], spoil: Callable[[Path], None]
) -> None:
    before = digests(settings.out)
    spoil(first_file(settings))
    release(settings)
    assert (digests(settings.out), written) == (before, ["hiba"])


def _no_record(record: Path) -> None:
    record.unlink()


def _half_a_record(record: Path) -> None:
    record.write_text(record.read_text()[:-40])


def _a_record_of_nothing(record: Path) -> None:
    record.write_text("[]")


@pytest.mark.parametrize("spoil", [_no_record, _half_a_record, _a_record_of_nothing])
def test_without_a_whole_record_the_config_is_written_anew(
    settings: Settings, written: list[str], spoil: Callable[[Path], None]
) -> None:
    before = digests(settings.out)
    [record] = (settings.work / "released").glob("hiba-*.json")
    spoil(record)
    release(settings)
    assert (digests(settings.out), written) == (before, ["hiba"])


def test_a_list_of_rejects_that_is_gone_is_made_again(settings: Settings, written: list[str]) -> None:
    rejects = settings.work / "rejects" / "hiba.jsonl"
    rejects.unlink()
    release(settings)
    assert rejects.exists()
    assert written == ["hiba"]


def test_where_links_are_not_allowed_files_are_copied(
    settings: Settings, written: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    before = digests(settings.out)
    monkeypatch.setattr(Path, "hardlink_to", refused)
    release(settings)
    assert (digests(settings.out), written) == (before, [])


def test_a_release_whose_files_may_not_be_written_is_kept_as_well(settings: Settings, written: list[str]) -> None:
    for path in settings.out.rglob("*.parquet"):
        path.chmod(0o400)
    before = digests(settings.out)
    release(settings)  # their times have changed: in doubt, all is written
    release(settings)
    assert (digests(settings.out), sorted(written)) == (before, ["hiba", "pad_ufes"])


def test_an_error_after_files_were_taken_over_leaves_the_old_release(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digests(settings.out)

    def failing(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(pipeline, "verify", failing)
    with pytest.raises(OSError, match="No space left"):
        release(settings)
    assert digests(settings.out) == before
    assert not settings.out.with_name(".out.new").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from dermasynth_builder import pipeline
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.reporter import SilentReporter
root = Path(sys.argv[1])
def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(pipeline, sys.argv[2], kill)
raw = {name: root / "raw" / name for name in ("pad_ufes", "hiba")}
settings = Settings(raw, root / "build", root / "out", split_shares=(0.6, 0.2, 0.2), is_specimen=True)
pipeline.release(pipeline.plan(settings, SilentReporter()), settings, SilentReporter())
"""


@pytest.mark.parametrize("step", ["verify", "remember"])
def test_a_release_that_is_killed_once_it_took_files_over_is_made_whole_by_the_next(
    settings: Settings, tmp_path: Path, step: str
) -> None:
    before = digests(settings.out)
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), step], check=False)
        assert done.returncode == -signal.SIGKILL
    assert digests(settings.out) == before
    release(settings)
    assert digests(settings.out) == before
    assert not settings.out.with_name(".out.new").exists()
