"""`dermasynth push` against the loopback Hub: the real command, client and loaders, each in a process of its own."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dermasynth_builder.release.folder import read_card
from dermasynth_builder.release.parquet import read_rows
from tests.loopback_hub.client import Ended, run_process, run_script
from tests.loopback_hub.hub import LoopbackHub
from tests.loopback_hub.push import CARD, COMMAND, REPO, TAG, files_of, listed, published, push, sent
from tests.support.paths import ROOT
from tests.support.processes import python_for
from tests.support.releases import Built

pytestmark = pytest.mark.slow
NEXT_TAG = "v9.0.0"

LOAD = """
import datasets, hashlib, json, sys

def digests(**options):
    found = {}
    for split, rows in datasets.load_dataset("tester/dermasynth", "pad_ufes", **options).items():
        state = hashlib.sha256()
        for row in rows.cast_column("image", datasets.Image(decode=False)):
            row["image"] = hashlib.sha256(row["image"]["bytes"]).hexdigest()
            state.update(json.dumps(row, sort_keys=True).encode())
        found[split] = state.hexdigest()
    return found

tag = {"revision": sys.argv[1]}
loaded = [digests(), digests(streaming=True), digests(**tag), digests(streaming=True, **tag)]
print(json.dumps({"version": datasets.__version__, "loaded": loaded}))
"""


def digests(release: Path) -> dict[str, str]:
    """A hash of all rows of each split, image bytes included, read without `datasets`."""
    found = {}
    for split, paths in read_card(release)["pad_ufes"].files.items():
        state = hashlib.sha256()
        for row in read_rows(paths):
            row["image"] = hashlib.sha256(row["image"]["bytes"]).hexdigest()
            state.update(json.dumps(row, sort_keys=True).encode())
        found[str(split)] = state.hexdigest()
    return found


@dataclass(frozen=True)
class Story:
    """A Hub and the pushes to it: a release in many shards, and its successor in one shard a split."""

    hub: LoopbackHub
    old: Path
    new: Path
    pushes: dict[str, Ended]


@pytest.fixture(scope="module")
def story(
    specimens: Path, built: Built, build_release: Callable[..., Built], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    """The pushes, made once for the tests that look at them."""
    root = tmp_path_factory.mktemp("pushed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dermasynth_builder.release.parquet.MAX_GROUP_ROWS", 8)
        patch.setattr("dermasynth_builder.release.shards.MAX_SHARD_BYTES", 1)
        old = build_release(specimens, root, split_shares=(0.6, 0.2, 0.2), seed=2).release
    home, new = root / "home", built.release
    with LoopbackHub() as hub:
        pushes = {
            "dry": push(hub, home, old, "--dry-run"),
            "first": push(hub, home, old, "--private", HF_DEBUG="1"),
            "again": push(hub, home, old),
            "same tag": push(hub, home, new),
            "dry with a tag": push(hub, home, new, "--tag", NEXT_TAG, "--dry-run"),
            "with a tag": push(hub, home, new, "--tag", NEXT_TAG, "--delete-old"),
            "dry with the old tag": push(hub, home, new, "--dry-run"),
        }
        yield Story(hub, old, new, pushes)


def test_a_dry_run_shows_what_would_go_and_sends_nothing(story: Story) -> None:
    dry, dry_with_a_tag = story.pushes["dry"], story.pushes["dry with a tag"]
    assert (dry.code, listed(dry)) == (0, {"new": set(files_of(story.old))})
    assert {one.status for one in dry.requests} == {404}
    assert dry_with_a_tag.code == 0
    sizes = {name: len(content) for name, content in files_of(story.old).items()}
    assert f"{len(sizes)} files of {sum(sizes.values()):,} bytes to send, 0 to delete" in dry.out
    old, new = files_of(story.old), files_of(story.new)
    assert listed(dry_with_a_tag) == {
        "new": set(new) - set(old),
        "changed": {name for name in set(new) & set(old) if new[name] != old[name]},
        "same": {name for name in set(new) & set(old) if new[name] == old[name]},
        "delete": set(old) - set(new),
    }
    assert sent(dry) == sent(dry_with_a_tag) == []


def test_a_push_is_one_commit_of_a_pull_request_and_tags_it(story: Story) -> None:
    first, files = story.pushes["first"], files_of(story.old)
    assert (first.code, first.out.splitlines()[-1]) == (0, f"pushed to {story.hub.url}/datasets/{REPO}, tagged {TAG}")
    _, merged = story.hub.commits(REPO, TAG)
    assert merged.changed == tuple(sorted(files))
    assert len([name for name in merged.changed if "train-" in name]) > 1
    assert merged.oid == story.hub.tags(REPO)[TAG]
    assert merged.summary == f"Release {TAG} (#1)"
    assert story.hub.pull_requests(REPO) == {1: "merged", 2: "merged"}
    assert sent(first)[-3:] == ["status", "merge", "tag"]
    assert published(story.hub, TAG) == files
    beside = {name for name in files if not name.endswith(".parquet")}
    assert beside >= {CARD, "ATTRIBUTION.md", "LICENSE", "facts.json", "figures/row-1.png", "recipe.toml"}
    assert story.hub.is_private(REPO)


def test_a_second_push_sends_nothing(story: Story) -> None:
    again = story.pushes["again"]
    assert (again.code, sent(again), again.err) == (0, [], "")
    assert listed(again) == {"same": set(files_of(story.old))}
    assert f"{REPO} has this release already, tagged {TAG}" in again.out


@pytest.mark.parametrize("name", ["same tag", "dry with the old tag"])
def test_a_tag_that_marks_other_content_is_refused_before_anything_is_sent(story: Story, name: str) -> None:
    refused = story.pushes[name]
    assert (refused.code, sent(refused)) == (1, [])
    assert f"not pushed: {REPO} has a tag {TAG}" in refused.err
    assert "--tag" in refused.err


def test_a_changed_release_replaces_the_old_one_under_a_tag_of_its_own(story: Story) -> None:
    done, old, new = story.pushes["with a tag"], files_of(story.old), files_of(story.new)
    assert (done.code, done.err) == (0, "")
    *_, before, merged = story.hub.commits(REPO)
    assert merged.deleted == tuple(sorted(set(old) - set(new))) != ()
    assert merged.parent == before.oid
    assert published(story.hub) == new
    assert story.hub.tags(REPO) == {TAG: before.oid, NEXT_TAG: merged.oid}


@pytest.mark.parametrize("version", ["5", "3"])
def test_load_dataset_gives_the_rows_that_were_pushed(story: Story, tmp_path: Path, version: str) -> None:
    seen = run_script(story.hub, tmp_path, LOAD, TAG, python=python_for(version))
    assert seen["version"].startswith(f"{version}.")
    old, new = digests(story.old), digests(story.new)
    assert set(old) == set(new) == {"train", "validation", "test"}
    assert seen["loaded"] == [new, new, old, old]


def test_make_push_hub_asks_for_the_repository_and_pushes_to_it(built: Built, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    for name in ("bin/python", "bin/dermasynth", "installed"):  # newest last: make finds nothing to install
        (venv / name).write_text(f"#!/bin/sh\nexec {sys.executable} -c '{COMMAND}' \"$@\"\n")
        (venv / name).chmod(0o755)
    make = ("make", "-C", str(ROOT), f"VENV={venv}", "PYTHON=false", "push-hub")
    with LoopbackHub() as hub:
        asked = run_process(hub, tmp_path, *make)
        assert (asked.code, "say where to: make push-hub REPO=USER/dermasynth" in asked.out) == (2, True)
        options = (f"REPO={REPO}", f"OUT={built.release}", "PUSH_OPTIONS=--allow-template --tag v7")
        assert run_process(hub, tmp_path, *make, *options).code == 0
        assert (published(hub), set(hub.tags(REPO))) == (files_of(built.release), {"v7"})
