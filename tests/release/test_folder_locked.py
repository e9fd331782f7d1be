"""One build at a time writes a release folder; a killed one does not stand in the way."""

import subprocess
import sys
from pathlib import Path

import pytest

from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.release.folder import new_release
from tests.support.fake_service import run_command

MAKE_AND_WAIT = """
import sys
from pathlib import Path
from dermasynth_builder.release.folder import new_release
with new_release(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("a half release")
    print("begun", flush=True)
    sys.stdin.read()
"""


def test_a_second_build_into_a_folder_is_refused_and_the_first_one_ends_well(specimens: Path, tmp_path: Path) -> None:
    out = tmp_path / "dermasynth"
    given = ("build", "pad_ufes", "--raw", specimens, "--work", tmp_path / "build", "--out", out)
    with new_release(out) as folder:
        (folder / "README.md").write_text("the first")
        refused = run_command(*given)
        with pytest.raises(ReleaseError, match="another build writes"), new_release(out):
            pass
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == (
        f"dermasynth: another build writes {out}; wait for it or stop it, or choose another --out"
    )
    assert (out / "README.md").read_text() == "the first"
    assert not list(tmp_path.glob("build/rejects/*"))  # not even begun


def test_a_build_that_is_killed_leaves_no_lock(tmp_path: Path) -> None:
    out = tmp_path / "dermasynth"
    command = [sys.executable, "-c", MAKE_AND_WAIT, str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout
        assert killed.stdout.readline() == "begun\n"
        with pytest.raises(ReleaseError, match="another build writes"), new_release(out):
            pass
        killed.kill()
        killed.wait()
    assert (tmp_path / ".dermasynth.new" / "half").exists()
    with new_release(out) as folder:
        (folder / "README.md").write_text("whole")
    assert [path.name for path in out.iterdir()] == ["README.md"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".dermasynth.lock", "dermasynth"]
