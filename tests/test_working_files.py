"""What a run keeps for itself, replies, prompts and facts of people among it, is for its owner alone."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from dermasynth_builder.core.files import private, private_folder
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from tests.support.fake_service import run_command


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """New files are for all to read, as on most machines."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_made_is_for_its_owner_and_what_was_there_keeps_its_rights(tmp_path: Path) -> None:
    given = tmp_path / "shared"
    given.mkdir()
    made = private(given / "work" / "ledgers" / "a.jsonl")
    assert [mode_of(each) for each in (given, given / "work", made.parent, made)] == [0o755, 0o700, 0o700, 0o600]
    made.write_text("kept")
    made.chmod(0o640)
    assert private(made).read_text() == "kept"
    assert (mode_of(made), mode_of(private_folder(given))) == (0o640, 0o755)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["gemini", "gemini_batch"])
def test_nobody_else_reads_the_working_folder_and_all_may_read_the_release(
    engine: str, specimens: Path, tmp_path: Path
) -> None:
    work, out = tmp_path / "work", tmp_path / "release"
    with FakeGemini() as fake:
        asked = ("--engine", engine, "--base-url", fake.url, "--poll", "0.05", "--batch-rows", "9", "--retry-rejected")
        done = run_command("build", "pad_ufes", "--raw", specimens, "--work", work, "--out", out, *asked)
    assert out.is_dir(), done.stderr
    listed = [work, *work.rglob("*")]
    assert {path.relative_to(work).parts[0] for path in listed[1:]} >= {"ledgers", "plans", "rejects", "recipe.toml"}
    assert {path: oct(mode_of(path)) for path in listed if mode_of(path) & 0o077} == {}
    assert {mode_of(path) for path in [out, *out.rglob("*")]} == {0o755, 0o644}
