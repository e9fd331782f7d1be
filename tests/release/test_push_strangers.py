"""A push to a repository that others write to as well, over a network that answers what it likes."""

import subprocess
import sys
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder.core.errors import PushError
from dermasynth_builder.core.hub_options import PushOptions
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.release.on_the_hub import patterns_in
from dermasynth_builder.release.push import push as push_release
from tests.loopback_hub.client import run_process
from tests.loopback_hub.hub import HANG_UP, LoopbackHub
from tests.loopback_hub.push import CARD, COMMAND, REPO, TAG, TRAIN, files_of, published, push, sent
from tests.support.releases import Built

NEXT_TAG = "v9.0.0"
LIST = b"row,reason,date\npad_ufes/PAT_9_9_9/general,asked,2026-11-01\n"
A_LOGIN_PAGE = b"<html>Please log in to the network</html>"


@pytest.fixture(scope="module")
def other(specimens: Path, build_release: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another release, of other questions."""
    folder = tmp_path_factory.mktemp("other")
    release: Path = build_release(specimens, folder, split_shares=(0.6, 0.2, 0.2), seed=7).release
    return release


NAMES = ["v1.0", "2026-11-26", "v1.0.0-rc.1+a_b", "v", "my tag", "", ".v", "v..1", "v.", "v.lock", "v~1", "v^", "v:1"]
NAMES += ["v?", "v*", "v[1]", "v\\", "v@{1}", "@", "-v", "ä", "v\n", "main", "HEAD", "0" * 40]


@pytest.mark.parametrize("tag", NAMES)
def test_a_tag_is_refused_before_anything_is_read_where_git_or_a_reader_would_refuse_it(
    tag: str, tmp_path: Path
) -> None:
    is_gits = subprocess.run(["git", "check-ref-format", f"refs/tags/{tag}"], check=False).returncode == 0
    is_good = is_gits and tag.isascii() and tag not in ("main", "HEAD", "0" * 40, "-v", "@")
    with pytest.raises(PushError) as told:  # there is no release: that is told of a good name
        push_release(PushOptions(tmp_path, REPO, tag), SilentReporter())
    assert ("--tag: " in str(told.value)) == (not is_good)


# --- what a card on the Hub may be ---

leaf = st.none() | st.booleans() | st.integers() | st.text("ab/*", max_size=4)
value = st.recursive(leaf, lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text("ab"), each, max_size=3))
data_files = st.recursive(
    leaf,
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.sampled_from(["path", "split", "train"]), each, max_size=3)
    ),
)
config = st.fixed_dictionaries({}, optional={"data_files": data_files, "description": leaf, "config_name": leaf})


@given(st.one_of(value, st.fixed_dictionaries({"configs": st.one_of(value, st.lists(config, max_size=3))})))
def test_any_card_is_read_for_the_files_that_it_names(metadata: object) -> None:
    for card in (f"---\n{yaml.safe_dump(metadata)}---\nMy own", yaml.safe_dump(metadata)):
        assert all(isinstance(each, str) for named in patterns_in(card) for each in named)


@given(st.text("-:\n [{&*ab\x00\ufffd", max_size=30))
def test_a_card_that_nobody_can_read_names_nothing(block: str) -> None:
    assert patterns_in(f"---\n{block}\n---\n") == ([], [])


@pytest.mark.parametrize(
    "listed",
    ["a/*", ["a/*"], {"train": "a/*"}, {"train": ["a/*"]}, [{"split": "train", "path": "a/*"}], [{"path": ["a/*"]}]],
)
def test_the_files_of_a_config_are_found_in_every_form_that_datasets_reads(listed: object) -> None:
    for description, expected in (("sha256:ab", (["a/*"], [])), ("mine", ([], ["a/*"]))):
        card = f"---\n{yaml.safe_dump({'configs': [{'data_files': listed, 'description': description}]})}---\n"
        assert patterns_in(card) == expected


@pytest.mark.slow
@pytest.mark.parametrize("place", ["data/train-00000-of-00001.parquet", "data/en/train-00000-of-00001.parquet"])
def test_another_dataset_is_not_taken_for_an_older_release(place: str, built: Built, tmp_path: Path) -> None:
    listed = [{"config_name": "default", "data_files": [{"split": "train", "path": f"{Path(place).parent}/train-*"}]}]
    files = {CARD: f"---\n{yaml.safe_dump({'configs': listed})}---\nMine".encode(), place: b"mine"}
    with LoopbackHub() as hub:
        hub.write(REPO, files)
        refused = push(hub, tmp_path, built.release)  # with --delete-old
        assert (refused.code, sent(refused)) == (1, [])
        assert f"{REPO} is another dataset, whose card names {place}" in refused.err
        assert published(hub) == files


@pytest.mark.slow
@pytest.mark.parametrize("card", [b"---\nconfigs: [a: b\n---\n", b"---\nlicense: mit\n---\n\xe9t\xe9", b""])
def test_a_card_that_says_nothing_of_files_is_replaced(card: bytes, built: Built, tmp_path: Path) -> None:
    with LoopbackHub() as hub:
        hub.write(REPO, {CARD: card})
        assert push(hub, tmp_path, built.release).code == 0
        assert published(hub) == files_of(built.release)


# --- what was withdrawn there ---


@pytest.mark.slow
@pytest.mark.parametrize("status", [404, 501, HANG_UP])  # 503 and its like are tried again, with pauses
def test_a_list_of_withdrawn_rows_that_cannot_be_read_lets_nothing_pass(
    status: int, built: Built, other: Path, tmp_path: Path
) -> None:
    with LoopbackHub() as hub:
        hub.write(REPO, {"withdrawn.csv": LIST.splitlines(keepends=True)[0]})
        assert push(hub, tmp_path, built.release).code == 0  # which leaves that list in the cache
        hub.write(REPO, {"withdrawn.csv": LIST})
        for method in ("HEAD", "GET"):
            hub.fail(method, "/withdrawn.csv", status=status, times=99)
        ended = push(hub, tmp_path, other, "--tag", NEXT_TAG)
        assert (ended.code, sent(ended), set(hub.tags(REPO))) == (1, [], {TAG})


@pytest.mark.slow
def test_an_image_that_is_withdrawn_as_a_whole_keeps_its_pairs_withdrawn(built: Built, tmp_path: Path) -> None:
    release = copytree(built.release, tmp_path / "release")
    with LoopbackHub() as hub:
        hub.write(REPO, {"withdrawn.csv": LIST})
        assert "has withdrawn pad_ufes/PAT_9_9_9/general" in push(hub, tmp_path, release).err
        (release / "withdrawn.csv").write_text("row,reason,date\npad_ufes/PAT_9_9_9,asked,2026-11-02\n")
        assert push(hub, tmp_path, release).code == 0


# --- what happens between the first request and the last ---


@pytest.mark.slow
def test_a_pull_request_that_conflicts_gives_way_to_another(built: Built, tmp_path: Path) -> None:
    with LoopbackHub() as hub:
        assert push(hub, tmp_path, built.release, "--pr").code == 0
        hub.write(REPO, {CARD: b"edited on the page"})
        assert push(hub, tmp_path, built.release).code == 0
        assert hub.pull_requests(REPO) == {1: "closed", 2: "merged"}
        assert published(hub) == files_of(built.release)


@pytest.mark.slow
def test_releases_that_are_pushed_under_one_tag_share_no_pull_request(
    built: Built, other: Path, tmp_path: Path
) -> None:
    with LoopbackHub() as hub:
        assert push(hub, tmp_path, other, "--pr").code == 0
        assert push(hub, tmp_path, built.release, "--pr").code == 0
        assert hub.pull_requests(REPO) == {1: "closed", 2: "draft"}
        assert published(hub, "refs/pr/2") == files_of(built.release)


IGNORING = f"""
from huggingface_hub import HfApi
made = HfApi.create_commit
def commit(self, repo_id, operations, **options):
    kept = [each for each in operations if not each.path_in_repo.endswith(".png")]
    return made(self, repo_id, kept, **options)
HfApi.create_commit = commit  # as the Hub does where a .gitignore names pictures: the client then leaves them out
{COMMAND}
"""


@pytest.mark.slow
def test_a_part_of_a_release_is_never_merged(built: Built, tmp_path: Path) -> None:
    words = ("push", REPO, "--out", str(built.release), "--allow-template")
    with LoopbackHub() as hub:
        ended = run_process(hub, tmp_path, sys.executable, "-c", IGNORING, *words)
        assert (ended.code, published(hub), hub.tags(REPO)) == (1, {}, {})
        assert "does not hold figures/" in ended.err
        assert push(hub, tmp_path, built.release).code == 0
        assert (published(hub), hub.pull_requests(REPO)) == (files_of(built.release), {1: "merged"})


@pytest.mark.slow
def test_what_is_written_after_the_check_is_not_merged(built: Built, other: Path, tmp_path: Path) -> None:
    release = copytree(built.release, tmp_path / "release")
    with LoopbackHub() as hub:
        swap = f"""
import shutil
from dermasynth_builder.release import push
check = push._require_fit
def checked(*words):
    found = check(*words)
    shutil.copyfile({str(other / TRAIN)!r}, {str(release / TRAIN)!r})
    return found
push._require_fit = checked
{COMMAND}
"""
        words = ("push", REPO, "--out", str(release), "--allow-template")
        ended = run_process(hub, tmp_path, sys.executable, "-c", swap, *words)
        assert (ended.code, published(hub), hub.tags(REPO)) == (1, {}, {})
        assert f"{release} was written to while it was pushed" in ended.err


@pytest.mark.slow
def test_a_tag_marks_what_was_compared_and_not_what_came_after(built: Built, tmp_path: Path) -> None:
    with LoopbackHub() as hub:
        hub.fail("POST", "/tag/", status=500)
        assert push(hub, tmp_path, built.release).code == 1
        merged = hub.commits(REPO)[-1].oid
        tag = push(hub, tmp_path, built.release)
        assert (tag.code, hub.tags(REPO)) == (0, {TAG: merged})
        [asked] = [each.path for each in tag.requests if each.method == "POST"]
        assert asked.endswith(f"/tag/{merged}")


STEPS = [("GET", "/refs"), ("GET", "/tree/"), ("POST", "/repos/create"), ("GET", "/whoami"), ("POST", "/discussions")]
STEPS += [("GET", "/discussions?"), ("POST", "/preupload/"), ("POST", "/objects/batch"), ("POST", "/commit/")]


@pytest.mark.slow
def test_a_page_in_place_of_an_answer_is_told_at_each_step_and_the_next_push_completes(
    built: Built, tmp_path: Path
) -> None:
    with LoopbackHub() as hub:
        hub.write(REPO, {"mine.txt": b"mine"})
        for method, path_part in STEPS:
            hub.stand_between(method, path_part, A_LOGIN_PAGE)
            ended = push(hub, tmp_path, built.release)
            assert ended.code == 1, (method, path_part)
            assert "its answer is not JSON; a proxy or a page to log in to the network may stand between" in ended.err
        assert push(hub, tmp_path, built.release).code == 0
        assert published(hub) == {**files_of(built.release), "mine.txt": b"mine"}
