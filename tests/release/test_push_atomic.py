"""Nobody ever loads half a release: pushes that are killed at every step, with readers in a loop beside them."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from dermasynth_builder import pipeline
from dermasynth_builder.core.options import Settings
from dermasynth_builder.release.folder import read_card
from dermasynth_builder.release.parquet import read_rows
from tests.loopback_hub.client import LEAVE, run_process
from tests.loopback_hub.hub import LoopbackHub
from tests.loopback_hub.push import ALLOWED, CARD, COMMAND, REPO, TAG, TRAIN, files_of, listed, published, push, sent
from tests.support.processes import python_for
from tests.support.recorder import Recorder
from tests.support.releases import Built

pytestmark = pytest.mark.slow
NEXT_TAG = "v9.0.0"

# Reads the head over and over, streaming and not, until a file tells it to stop; prints what it read and met.
READ = """
import datasets, hashlib, json, pathlib, sys, tempfile
datasets.disable_progress_bars()
stop, met = pathlib.Path(sys.argv[1]), []

def digest(rows):
    state = hashlib.sha256()
    for row in rows.cast_column("image", datasets.Image(decode=False)):
        image = hashlib.sha256(row["image"]["bytes"]).hexdigest()
        state.update(json.dumps([row["pair_id"], row["answer"], image]).encode())
    return state.hexdigest()

while not met or not stop.exists():
    for options in ({"streaming": True}, {"cache_dir": tempfile.mkdtemp()}):
        try:
            loaded = datasets.load_dataset("tester/dermasynth", "pad_ufes", **options)
            met.append("".join(digest(loaded[split]) for split in ("train", "validation", "test")))
        except Exception as error:
            met.append(f"{type(error).__name__}: {error}")
print(json.dumps(met))
"""
MOMENTS = [  # the request at which the pushing process is killed, and whether it has its effect
    ("POST", "/discussions", False),
    ("POST", "/discussions", True),
    ("POST", "/preupload/", False),
    ("PUT", "/lfs-objects/", True),
    ("POST", "/commit/", False),
    ("POST", "/commit/", True),
    ("POST", "/status", False),
    ("POST", "/status", True),
    ("POST", "/merge", False),
    ("POST", "/merge", True),
    ("POST", "/tag/", False),
    ("POST", "/tag/", True),
]


@pytest.fixture(scope="module")
def old(specimens: Path, build_release: Callable[..., Built], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release in many shards, where the newer one has few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dermasynth_builder.release.parquet.MAX_GROUP_ROWS", 8)
        patch.setattr("dermasynth_builder.release.shards.FIRST_SHARD_ROWS", 8)
        folder = tmp_path_factory.mktemp("old")
        return build_release(specimens, folder, split_shares=(0.6, 0.2, 0.2), seed=2).release


def digest(release: Path) -> str:
    """As the reading process makes it."""
    made = ""
    for split in ("train", "validation", "test"):
        state = hashlib.sha256()
        for row in read_rows(read_card(release)["pad_ufes"].files[split]):
            image = hashlib.sha256(row["image"]["bytes"]).hexdigest()
            state.update(json.dumps([row["pair_id"], row["answer"], image]).encode())
        made += state.hexdigest()
    return made


@contextmanager
def reading(hub: LoopbackHub, version: str, folder: Path) -> Iterator[Callable[[], list[str]]]:
    """A process that reads in a loop; the function stops it and gives what it met."""
    stop = folder / "stop"
    command = [python_for(version), "-c", READ + LEAVE, str(stop)]
    environment = hub.environment(folder / "home")
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=folder) as process:

        def end() -> list[str]:
            stop.touch()
            out, _ = process.communicate(timeout=120)
            met: list[str] = json.loads(out.splitlines()[-1])
            return met

        try:
            yield end
        finally:
            process.kill()


def killed_at(hub: LoopbackHub, home: Path, release: Path, moment: tuple[str, str, bool]) -> int:
    """Pushes in a process that is killed at that moment; its exit code."""
    method, path_part, is_done = moment
    command = [sys.executable, "-c", COMMAND, "push", REPO, "--out", str(release), "--tag", NEXT_TAG, *ALLOWED]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=hub.environment(home), stdout=quiet, stderr=quiet) as process:
        hub.interrupt(method, path_part, process.kill, is_done=is_done)
        return process.wait(timeout=120)


@pytest.mark.parametrize("version", ["5", "3"])
def test_readers_meet_the_old_release_or_the_new_one_whenever_a_push_is_killed(
    version: str, old: Path, built: Built, tmp_path: Path
) -> None:
    with LoopbackHub() as hub:
        assert push(hub, tmp_path / "home", old).code == 0
        with reading(hub, version, tmp_path) as stop:
            codes = [killed_at(hub, tmp_path / "home", built.release, moment) for moment in MOMENTS]
            last = push(hub, tmp_path / "home", built.release, "--tag", NEXT_TAG)
            met = stop()
        assert codes == [-9] * len(MOMENTS)
        assert (last.code, sent(last)) == (0, [])
        assert published(hub) == published(hub, NEXT_TAG) == files_of(built.release)
        assert len(hub.commits(REPO)) == 3
    assert set(met) <= {digest(old), digest(built.release)}
    assert len(met) >= 4
    assert met[0] == digest(old)


MERGE = f"""
from huggingface_hub import HfApi
HfApi().change_discussion_status("{REPO}", 1, "open", repo_type="dataset")
HfApi().merge_pull_request("{REPO}", 1, repo_type="dataset")
"""


def test_a_pull_request_is_left_open_if_asked_and_a_push_after_its_merge_tags_it(built: Built, tmp_path: Path) -> None:
    with LoopbackHub() as hub:
        asked = push(hub, tmp_path, built.release, "--pr")
        assert (asked.code, hub.pull_requests(REPO), hub.tags(REPO)) == (0, {1: "draft"}, {})
        assert f"{hub.url}/datasets/{REPO}/discussions/1 holds the release; merge it there" in asked.out
        assert (published(hub), published(hub, "refs/pr/1")) == ({}, files_of(built.release))
        again = push(hub, tmp_path, built.release, "--pr")
        assert {"commit", "lfs-objects"}.isdisjoint(sent(again))
        assert run_process(hub, tmp_path, sys.executable, "-c", MERGE).code == 0
        tagged = push(hub, tmp_path, built.release)
        assert (tagged.code, sent(tagged), set(hub.tags(REPO))) == (0, ["tag"], {TAG})


UPLOAD = """
import sys
from huggingface_hub import HfApi
for path in sys.argv[1:]:
    HfApi().upload_file(repo_id="tester/dermasynth", repo_type="dataset", path_or_fileobj=b"mine", path_in_repo=path)
"""


def test_only_shards_of_an_older_release_go_and_only_when_that_was_said(
    old: Path, built: Built, tmp_path: Path
) -> None:
    mine = ("notes/thesis.txt", "extra/train-00000-of-00001.parquet", "data/pad_ufes_crops/a.parquet", "figure.png")
    gone = {name for name in files_of(old) if name not in files_of(built.release)}
    with LoopbackHub() as hub:
        push(hub, tmp_path, old)
        assert run_process(hub, tmp_path, sys.executable, "-c", UPLOAD, *mine).code == 0
        words = ("push", REPO, "--out", str(built.release), "--tag", NEXT_TAG, "--allow-template")
        refused = run_process(hub, tmp_path, sys.executable, "-c", COMMAND, *words)
        assert refused.code == 1
        assert f"{len(gone)} files of an older release would have to go" in refused.err
        assert sent(refused) == []
        done = push(hub, tmp_path, built.release, "--tag", NEXT_TAG)
        assert (done.code, listed(done)["delete"]) == (0, gone)
        assert published(hub) == files_of(built.release) | dict.fromkeys(mine, b"mine")
        assert set(hub.tags(REPO)) == {TAG, NEXT_TAG}


def test_a_file_that_would_be_loaded_as_a_part_of_the_release_is_refused(built: Built, tmp_path: Path) -> None:
    with LoopbackHub() as hub:
        push(hub, tmp_path, built.release)
        assert run_process(hub, tmp_path, sys.executable, "-c", UPLOAD, "data/pad_ufes/train-mine.parquet").code == 0
        refused = push(hub, tmp_path, built.release, "--tag", NEXT_TAG)
        assert (refused.code, sent(refused)) == (1, [])
        assert "holds data/pad_ufes/train-mine.parquet, which `load_dataset` would take for a part" in refused.err


def test_a_release_of_which_the_page_would_show_no_statistics_is_refused(built: Built, tmp_path: Path) -> None:
    raw = shutil.copytree(built.settings.raw["pad_ufes"], tmp_path / "raw")
    for number, path in enumerate(sorted(raw.rglob("*.png"))):
        with Image.open(path) as image:
            image.resize((64 + number % 2, 64)).save(path)
    told = Recorder()
    settings = Settings(raw={"pad_ufes": raw}, work=tmp_path / "work", out=tmp_path / "out")
    pipeline.build(settings, told)
    fault = "split train, column image: the widths span exactly 64 and 65"
    assert any(fault in line for line in told.warned), told.warned
    with LoopbackHub() as hub:
        refused = push(hub, tmp_path, settings.out)
        assert (refused.code, refused.requests) == (1, [])
        assert fault in refused.err
        assert push(hub, tmp_path, settings.out, "--without-statistics").code == 0


def test_the_card_is_in_the_last_commit_of_many(built: Built, tmp_path: Path) -> None:
    script = f"from dermasynth_builder.release import push; push._COMMIT_FILES = 2\n{COMMAND}"
    words = ("push", REPO, "--out", str(built.release), *ALLOWED, "--pr")
    with LoopbackHub() as hub:
        assert run_process(hub, tmp_path, sys.executable, "-c", script, *words).code == 0
        _, *parts = hub.commits(REPO, "refs/pr/1")
        assert {len(part.changed) for part in parts[:-1]} == {2}
        assert [CARD in part.changed for part in parts] == [*[False] * (len(parts) - 1), True]
        assert [TRAIN in part.changed for part in parts].count(True) == 1
