"""The loopback Hub serves the real huggingface_hub and datasets, each in a process of its own."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.loopback_hub.client import run_script
from tests.loopback_hub.hub import LoopbackHub, RecordedRequest
from tests.support.processes import python_for

REPO = "tester/dermasynth"

CARD = """---
configs:
- config_name: hiba
  data_files: [{split: train, path: hiba/train-*}]
- config_name: pad_ufes
  data_files: [{split: train, path: pad_ufes/train-*}]
---
# DermaSynth %s
"""

PUSH = """
import json, sys
from huggingface_hub import HfApi
folder, tag = sys.argv[1:]
api, repo = HfApi(), {"repo_id": "tester/dermasynth", "repo_type": "dataset"}
urls = [api.create_repo(**repo, exist_ok=True) for _ in range(2)]
card, shards = {"ignore_patterns": ["README.md"]}, {"delete_patterns": ["*.parquet"]}
data = api.upload_folder(folder_path=folder, commit_message=f"data {tag}", **repo, **card, **shards)
card = api.upload_file(
    path_or_fileobj=f"{folder}/README.md", path_in_repo="README.md", commit_message=f"card {tag}", **repo
)
api.create_tag(tag=tag, exist_ok=True, **repo)
print(json.dumps({"user": api.whoami()["name"], "urls": urls, "data": data.oid, "card": card.oid}))
"""

READ = """
import json
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
api, repo = HfApi(), {"repo_id": "tester/dermasynth", "repo_type": "dataset"}

def refusal(ask, *arguments, **options):
    try:
        ask(*arguments, **{**repo, **options})
    except HfHubHTTPError as error:
        return [type(error).__name__, error.response.status_code]

tree = list(api.list_repo_tree(recursive=True, expand=True, revision="v1.0.0", **repo))
api.create_branch(branch="draft/one", revision="v1.0.0", **repo)
refs = api.list_repo_refs(**repo)
print(json.dumps({
    "commits": {one.path: one.last_commit.title for one in tree},
    "sha256": {one.path: one.lfs.sha256 for one in tree if getattr(one, "lfs", None)},
    "folder": [one.path for one in api.list_repo_tree(path_in_repo="pad_ufes", **repo)],
    "paths": [one.path for one in api.get_paths_info(paths=["README.md", "hiba", "none"], **repo)],
    "refs": {one.ref: one.target_commit for one in refs.branches + refs.tags},
    "snapshot": api.snapshot_download(revision="v1.0.0", **repo),
    "refusals": [
        refusal(api.repo_info, repo_id="tester/none"),
        refusal(api.repo_info, revision="v9"),
        refusal(api.hf_hub_download, filename="none.txt"),
        refusal(api.delete_file, path_in_repo="none.txt"),
        refusal(api.create_repo),
        refusal(api.create_tag, tag="v1.0.0"),
        refusal(api.create_tag, tag="v2.0.0", token=False),
        refusal(api.delete_file, path_in_repo="README.md", parent_commit="0" * 40),
    ],
}))
"""

LOAD = """
import json, datasets

def rows(**options):
    loaded = datasets.load_dataset("tester/dermasynth", "pad_ufes", split="train", **options)
    return [row["question"] for row in loaded]

tag = {"revision": "v1.0.0"}
loaded = [rows(), rows(streaming=True), rows(**tag), rows(streaming=True, **tag)]
print(json.dumps({"version": datasets.__version__, "loaded": loaded}))
"""


@dataclass(frozen=True)
class Published:
    """A Hub after three pushes: a release, the same again, and its successor with fewer shards."""

    hub: LoopbackHub
    folders: dict[str, dict[str, bytes]]  # what each release holds, by tag
    reports: list[dict[str, Any]]  # what each push printed
    requests: list[list[RecordedRequest]]  # what each push asked


def write_release(folder: Path, tag: str, **shards: list[list[str]]) -> dict[str, bytes]:
    """The files of a new release folder, which holds the questions given for each shard of each config."""
    for config, contents in shards.items():
        (folder / config).mkdir(parents=True)
        for number, questions in enumerate(contents):
            path = folder / config / f"train-{number:05}-of-{len(contents):05}.parquet"
            pq.write_table(pa.table({"question": questions}), path)
    (folder / "README.md").write_text(CARD % tag)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """The three pushes, made once for the tests that look at them."""
    root = tmp_path_factory.mktemp("published")
    folders = {
        "v1.0.0": write_release(root / "v1.0.0", "v1.0.0", hiba=[["h"]], pad_ufes=[["a", "b"], ["c"]]),
        "v1.1.0": write_release(root / "v1.1.0", "v1.1.0", hiba=[["h"]], pad_ufes=[["a", "c"]]),
    }
    reports, requests = [], []
    with LoopbackHub() as hub:
        for tag in ("v1.0.0", "v1.0.0", "v1.1.0"):
            asked_before = len(hub.requests)
            reports.append(run_script(hub, root / "home", PUSH, str(root / tag), tag))
            requests.append(hub.requests[asked_before:])
        yield Published(hub, folders, reports, requests)


def test_a_push_makes_a_data_commit_then_a_card_commit_and_a_tag(published: Published) -> None:
    hub, report = published.hub, published.reports[0]
    initial, data, card = hub.commits(REPO, "v1.0.0")
    assert (data.summary, card.summary) == ("data v1.0.0", "card v1.0.0")
    assert data.changed == tuple(sorted(set(published.folders["v1.0.0"]) - {"README.md"}))
    assert card.changed == ("README.md",)
    assert report["user"] == "tester"
    assert report["urls"] == [f"{hub.url}/datasets/{REPO}"] * 2
    assert (report["data"], report["card"]) == (data.oid, card.oid)
    assert hub.tags(REPO)["v1.0.0"] == card.oid
    attributes = {".gitattributes": hub.files(REPO, initial.oid)[".gitattributes"]}
    assert hub.files(REPO, "v1.0.0") == published.folders["v1.0.0"] | attributes


def test_shards_are_sent_as_lfs_objects_and_not_in_the_commit(published: Published) -> None:
    shards = [len(content) for path, content in published.folders["v1.0.0"].items() if path != "README.md"]
    puts = [request for request in published.requests[0] if request.method == "PUT"]
    assert sorted(request.body_bytes for request in puts) == sorted(shards)


def test_an_unchanged_push_makes_no_commit_and_sends_no_file(published: Published) -> None:
    first, again = published.reports[:2]
    assert again["data"] == again["card"] == first["card"]
    asked = [(request.method, urlsplit(request.path).path) for request in published.requests[1]]
    assert not [path for method, path in asked if method == "PUT" or "/commit/" in path]
    assert ("POST", f"/api/datasets/{REPO}/preupload/main") in asked


def test_stale_shards_leave_in_the_commit_that_replaces_them(published: Published) -> None:
    _, _, _, data, card = published.hub.commits(REPO)
    stale = ("pad_ufes/train-00000-of-00002.parquet", "pad_ufes/train-00001-of-00002.parquet")
    assert (data.changed, data.deleted) == (("pad_ufes/train-00000-of-00001.parquet",), stale)
    assert card.oid == published.hub.tags(REPO)["v1.1.0"]
    assert set(published.hub.files(REPO)) == {".gitattributes", *published.folders["v1.1.0"]}


def test_the_client_reads_trees_references_snapshots_and_refusals(published: Published, tmp_path: Path) -> None:
    seen = run_script(published.hub, tmp_path, READ)
    folder, tags = published.folders["v1.0.0"], published.hub.tags(REPO)
    data = "data v1.0.0"
    files = {path: "card v1.0.0" if path == "README.md" else data for path in folder}
    assert seen["commits"] == {**files, "hiba": data, "pad_ufes": data, ".gitattributes": "initial commit"}
    shards = {path: content for path, content in folder.items() if path.endswith(".parquet")}
    assert seen["sha256"] == {path: hashlib.sha256(content).hexdigest() for path, content in shards.items()}
    assert seen["folder"] == ["pad_ufes/train-00000-of-00001.parquet"]
    assert seen["paths"] == ["README.md", "hiba"]
    branches = {"refs/heads/main": tags["v1.1.0"], "refs/heads/draft/one": tags["v1.0.0"]}
    assert seen["refs"] == branches | {f"refs/tags/{tag}": oid for tag, oid in tags.items()}
    snapshot = Path(seen["snapshot"])
    assert {path: (snapshot / path).read_bytes() for path in folder} == folder
    assert seen["refusals"] == [
        ["RepositoryNotFoundError", 404],
        ["RevisionNotFoundError", 404],
        ["RemoteEntryNotFoundError", 404],
        ["RemoteEntryNotFoundError", 404],
        ["HfHubHTTPError", 409],
        ["HfHubHTTPError", 409],
        ["HfHubHTTPError", 401],
        ["HfHubHTTPError", 412],
    ]


@pytest.mark.slow
@pytest.mark.parametrize("version", ["5", "3"])
def test_load_dataset_reads_and_streams_the_head_and_a_tag(published: Published, tmp_path: Path, version: str) -> None:
    asked_before = len(published.hub.requests)
    seen = run_script(published.hub, tmp_path, LOAD, python=python_for(version))
    head, tagged = ["a", "c"], ["a", "b", "c"]
    assert seen["loaded"] == [head, head, tagged, tagged]
    assert seen["version"].startswith(version)
    foreign = [one for one in published.hub.requests[asked_before:] if not one.path.startswith("/")]
    assert {request.status for request in foreign} <= {501}


def test_a_503_on_the_commit_stops_the_push_and_the_next_one_resumes(tmp_path: Path) -> None:
    write_release(tmp_path / "release", "v1.0.0", hiba=[["h"]], pad_ufes=[["a"]])
    with LoopbackHub() as hub:
        hub.fail("POST", "/commit/")
        with pytest.raises(AssertionError, match="503 Service Unavailable"):
            run_script(hub, tmp_path / "home", PUSH, str(tmp_path / "release"), "v1.0.0")
        assert [one.summary for one in hub.commits(REPO)] == ["initial commit"]
        sent_before = len(hub.requests)
        run_script(hub, tmp_path / "home", PUSH, str(tmp_path / "release"), "v1.0.0")
        assert len(hub.commits(REPO)) == 3
        assert "PUT" not in {request.method for request in hub.requests[sent_before:]}
