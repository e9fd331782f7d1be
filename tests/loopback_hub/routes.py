"""The endpoints of the Hub that huggingface_hub 2.4 and datasets 3.6 to 5.2 call, for dataset and model
repositories, which share one space of names.

Answers have the Hub's fields as far as these clients read them.
Left out: hiding what is private, Xet, comments, multipart uploads, pages of long trees, redirects of LFS files
to another host.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha1
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.loopback_hub.http import USER, Answer, Call, Route, json_answer
from tests.loopback_hub.store import Commit, Edit, HubError, HubStore, PullRequest, Repository, StoredFile, is_for_lfs

LICENCES = ("apache-2.0", "cc-by-4.0", "cc0-1.0", "other")  # a few of the Hub's


def whoami(_: HubStore, __: Call) -> Answer:
    """Who the token belongs to."""
    token = {"type": "access_token", "accessToken": {"displayName": "loopback", "role": "write"}}
    return json_answer({"type": "user", "name": USER, "fullname": USER, "orgs": [], "auth": token})


def create_repository(store: HubStore, call: Call) -> Answer:
    """A new dataset repository of the user; 409 with the same body where it exists."""
    wanted = json.loads(call.body)
    kind = wanted.get("type") or "model"
    if kind not in ("dataset", "model"):
        raise HubError(400, f"The loopback Hub keeps datasets and models, not a {kind}")
    owner = wanted.get("organization") or USER
    if owner != USER:
        raise HubError(403, f'You don\'t have the rights to create a {kind} under the namespace "{owner}"')
    repo_id = f"{owner}/{wanted['name']}"
    is_new = store.create(repo_id, is_private=wanted.get("visibility") == "private")
    created = {"url": f"{call.base_url}/{'datasets/' if kind == 'dataset' else ''}{repo_id}", "name": repo_id}
    if is_new:
        return json_answer(created)
    return json_answer({**created, "error": f"You already created this {kind} repo"}, status=409)


def validate_card(_: HubStore, call: Call) -> Answer:
    """A warning where the card has no metadata block, an error where the block names a licence unknown here."""
    content = json.loads(call.body)["content"]
    block = re.match(r"---\r?\n(.*?)\n---\s*(\n|$)", content, re.DOTALL)
    if block is None:
        return json_answer({"errors": [], "warnings": [{"message": "empty or missing yaml metadata in repo card"}]})
    licence = yaml.safe_load(block[1]).get("license", "other")
    if licence in LICENCES:
        return json_answer({"errors": [], "warnings": []})
    message = f'"license" must be one of [{", ".join(LICENCES)}]'
    if call.headers.get("accept") == "text/plain":
        return Answer(400, message.encode(), {"Content-Type": "text/plain"})
    return json_answer({"errors": [{"message": message}], "warnings": []}, status=400)


def describe_repository(store: HubStore, call: Call) -> Answer:
    """The dataset at a revision, with the names of its files."""
    repository = store.find(call.repo_id)
    history = repository.history(call.revision)
    fields = {
        "id": repository.repo_id,
        "author": repository.repo_id.split("/")[0],
        "sha": history[-1].oid,
        "createdAt": history[0].date,
        "lastModified": history[-1].date,
        "siblings": [{"rfilename": path} for path in sorted(history[-1].snapshot)],
    }
    never = {"gated": False, "disabled": False, "downloads": 0, "likes": 0, "tags": []}
    return json_answer(fields | never | {"private": repository.is_private})


def list_references(store: HubStore, call: Call) -> Answer:
    """Branches, tags and pull requests."""
    repository = store.find(call.repo_id)

    def listed(kind: str, oids: Mapping[str, str]) -> list[dict[str, str]]:
        return [{"name": n, "ref": f"refs/{kind}/{n}", "targetCommit": oid} for n, oid in oids.items()]

    own = {name: oid for name, oid in repository.branches.items() if not name.startswith("refs/pr/")}
    branches, tags = listed("heads", own), listed("tags", repository.tags)
    pulls = [
        {"name": str(pull.num), "ref": pull.ref, "targetCommit": repository.branches[pull.ref]}
        for pull in repository.pull_requests
    ]
    return json_answer({"branches": branches, "tags": tags, "converts": [], "pullRequests": pulls})


def describe_pull_request(repository: Repository, pull: PullRequest) -> dict[str, object]:
    """A pull request as lists and answers have it."""
    return {
        "num": pull.num,
        "title": pull.title,
        "status": pull.status,
        "isPullRequest": True,
        "author": {"name": pull.author},
        "createdAt": "2025-01-01T00:00:00.000Z",
        "repo": {"name": repository.repo_id, "type": "dataset"},
        "events": [],
        "filesWithConflicts": repository.conflicts(pull),
        "changes": {"base": "refs/heads/main", "mergeCommitId": pull.merge_oid},
        "diff": "",
    }


def create_discussion(store: HubStore, call: Call) -> Answer:
    """A new pull request, as a draft."""
    wanted = json.loads(call.body)
    if not wanted["pullRequest"]:
        raise HubError(501, "The loopback Hub has no discussions but pull requests")
    repository = store.find(call.repo_id)
    return json_answer(describe_pull_request(repository, repository.open_pull_request(wanted["title"], USER)))


def list_discussions(store: HubStore, call: Call) -> Answer:
    """The pull requests of an author; of `status=open` drafts too."""
    repository = store.find(call.repo_id)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(call.target).query).items()}
    statuses = {"open": ("draft", "open"), "closed": ("closed", "merged")}.get(asked.get("status", ""))
    found = [
        describe_pull_request(repository, pull)
        for pull in repository.pull_requests
        if (statuses is None or pull.status in statuses) and asked.get("author") in (None, pull.author)
    ]
    return json_answer({"discussions": found, "count": len(found), "start": 0})


def show_discussion(store: HubStore, call: Call) -> Answer:
    """One pull request."""
    repository = store.find(call.repo_id)
    return json_answer(describe_pull_request(repository, repository.find_pull_request(int(call.parts["num"]))))


def change_status(store: HubStore, call: Call) -> Answer:
    """Opens or closes a pull request."""
    pull = store.find(call.repo_id).find_pull_request(int(call.parts["num"]))
    pull.status = json.loads(call.body)["status"]
    event = {"id": "0", "type": "status-change", "createdAt": "2025-01-01T00:00:00.000Z", "author": {"name": USER}}
    return json_answer({"newStatus": {**event, "data": {"status": pull.status}}})


def merge_pull_request(store: HubStore, call: Call) -> Answer:
    """One commit on `main`; 409 where both have changed a file."""
    store.find(call.repo_id).merge(int(call.parts["num"]))
    return json_answer({})


def list_tree(store: HubStore, call: Call) -> Answer:
    """The entries of a folder; with `recursive`, of all folders below it, too."""
    repository = store.find(call.repo_id)
    commit = repository.commit_at(call.revision)
    folder = call.parts.get("path", "").strip("/")
    start = len(folder) + 1 if folder else 0
    paths = [path for path in files_and_folders(commit) if not folder or path.startswith(f"{folder}/")]
    if folder and not paths:
        raise HubError(404, f"{folder} does not exist on {call.revision}", "EntryNotFound")
    if not call.has_switch("recursive"):
        paths = [path for path in paths if "/" not in path[start:]]
    entries = [describe_path(commit, path) for path in paths]
    return json_answer(dated(entries, repository.history(commit.oid)) if call.has_switch("expand") else entries)


def describe_paths(store: HubStore, call: Call) -> Answer:
    """The files and folders among the paths that the form names; others are left out."""
    repository = store.find(call.repo_id)
    commit = repository.commit_at(call.revision)
    form = parse_qs(call.body.decode())
    known = files_and_folders(commit)
    entries = [describe_path(commit, path) for path in form.get("paths", []) if path in known]
    is_expanded = form.get("expand", [""])[0].lower() == "true"
    return json_answer(dated(entries, repository.history(commit.oid)) if is_expanded else entries)


def files_and_folders(commit: Commit) -> list[str]:
    """The paths of all files of a commit and of all folders above them, sorted."""
    folders = {path[:at] for path in commit.snapshot for at, character in enumerate(path) if character == "/"}
    return sorted(folders | set(commit.snapshot))


def describe_path(commit: Commit, path: str) -> dict[str, object]:
    """A file or folder as trees list it."""
    file = commit.snapshot.get(path)
    if file is None:
        below = sorted((p, f.git_oid) for p, f in commit.snapshot.items() if p.startswith(f"{path}/"))
        oid = sha1(json.dumps(below).encode(), usedforsecurity=False).hexdigest()
        return {"type": "directory", "oid": oid, "size": 0, "path": path}
    size = len(file.content)
    lfs = {"lfs": {"oid": file.sha256, "size": size, "pointerSize": len(file.pointer)}} if file.is_lfs else {}
    return {"type": "file", "oid": file.git_oid, "size": size, "path": path, **lfs}


def dated(entries: Iterable[dict[str, object]], history: list[Commit]) -> list[dict[str, object]]:
    """The entries, each with the last commit that touched it."""
    full = []
    for entry in entries:
        last = next(commit for commit in reversed(history) if commit.touches(str(entry["path"])))
        full.append({**entry, "lastCommit": {"id": last.oid, "title": last.summary, "date": last.date}})
    return full


def resolve_file(store: HubStore, call: Call) -> Answer:
    """A file's bytes, or the range of them that is asked for."""
    commit = store.find(call.repo_id).commit_at(call.revision)
    headers = {"X-Repo-Commit": commit.oid}
    if call.parts["path"] not in commit.snapshot:
        raise HubError(404, "Entry not found", "EntryNotFound", headers=headers)
    file = commit.snapshot[call.parts["path"]]
    size = len(file.content)
    headers |= {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
    headers["ETag"] = f'"{file.content_oid}"'
    if file.is_lfs:
        headers |= {"X-Linked-Etag": f'"{file.sha256}"', "X-Linked-Size": str(size)}
    span = find_span(call.headers.get("range", ""), size)
    if span is None:
        return Answer(200, file.content, headers)
    if not span:
        return Answer(416, b"", {**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
    return Answer(206, file.content[span.start : span.stop], headers)


def find_span(header: str, size: int) -> range | None:
    """The bytes that a Range header asks for: none past the end, None where it does not name one range."""
    match = re.fullmatch(r"bytes=(?:(\d+)-(\d*)|-(\d+))", header)
    if match is None:
        return None
    first, last, from_end = match.groups()
    if from_end:
        return range(max(0, size - int(from_end)), size)
    return range(int(first), min(size, int(last) + 1) if last else size)


def plan_uploads(store: HubStore, call: Call) -> Answer:
    """How each file is to be sent, and the oid of the one that is there: clients skip what is unchanged."""
    snapshot = store.find(call.repo_id).commit_at(call.revision).snapshot
    plans = []
    for wanted in json.loads(call.body)["files"]:
        path = wanted["path"]
        mode = "lfs" if is_for_lfs(path, wanted["size"]) else "regular"
        oid = snapshot[path].content_oid if path in snapshot else None
        plans.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
    return json_answer({"files": plans})


def plan_lfs_uploads(store: HubStore, call: Call) -> Answer:
    """Where to send each LFS object; one that is there gets no action."""
    repository = store.find(call.repo_id)
    plans = []
    for wanted in json.loads(call.body)["objects"]:
        plan = {"oid": wanted["oid"], "size": wanted["size"]}
        if repository.announce_lfs_object(wanted["oid"]):
            href = f"{call.base_url}/lfs-objects/{repository.repo_id}/{wanted['oid']}"
            plan["actions"] = {"upload": {"href": href}}
        plans.append(plan)
    return json_answer({"transfer": "basic", "objects": plans})


def receive_lfs_object(store: HubStore, call: Call) -> Answer:
    """Keeps an LFS object; as on the Hub, the address that the batch handed out stands for the token."""
    store.find(call.repo_id).receive_lfs_object(call.parts["oid"], call.body)
    return Answer()


def commit_edits(store: HubStore, call: Call) -> Answer:
    """A commit from lines of JSON: its header, then its edits."""
    if call.has_switch("create_pr"):
        raise HubError(501, "The loopback Hub makes pull requests by their own route alone")
    repository = store.find(call.repo_id)
    first, *rest = (json.loads(line) for line in call.body.split(b"\n") if line)
    if first["key"] != "header":
        raise HubError(400, f"A commit starts with its header, not with {first['key']}")
    header = first["value"]
    edits = [read_edit(repository, line["key"], line["value"]) for line in rest]
    commit = repository.commit(call.revision, header["summary"], edits, parent=header.get("parentCommit"))
    url = f"{call.base_url}/datasets/{repository.repo_id}/commit/{commit.oid}"
    return json_answer({"success": True, "commitOid": commit.oid, "commitUrl": url, "hookOutput": ""})


def read_edit(repository: Repository, key: str, value: Mapping[str, str]) -> Edit:
    """One edit from its line of JSON."""
    path = value["path"]
    match key:
        case "file":
            return Edit(path, StoredFile(base64.b64decode(value["content"], validate=True), is_lfs=False))
        case "lfsFile":
            return Edit(path, repository.lfs_file(value["oid"]))
        case "deletedFile":
            return Edit(path, None)
        case "deletedFolder":
            return Edit(f"{path.rstrip('/')}/", None)
    raise HubError(400, f"Unknown line in a commit: {key}")


def add_tag(store: HubStore, call: Call) -> Answer:
    """A tag on a revision; 409 where the tag exists."""
    store.find(call.repo_id).add_tag(json.loads(call.body)["tag"], call.revision)
    return Answer(201)


def add_branch(store: HubStore, call: Call) -> Answer:
    """A branch from a revision; 409 where the branch exists."""
    starting_point = json.loads(call.body or b"{}").get("startingPoint", "main")
    store.find(call.repo_id).add_branch(call.parts["branch"], starting_point)
    return Answer(201)


_API = (
    Route("GET", "/api/{kind}/{repo}", describe_repository),
    Route("GET", "/api/{kind}/{repo}/revision/{revision}", describe_repository),
    Route("GET", "/api/{kind}/{repo}/refs", list_references),
    Route("GET", "/api/{kind}/{repo}/tree/{revision}", list_tree),
    Route("GET", "/api/{kind}/{repo}/tree/{revision}/{path}", list_tree),
    Route("POST", "/api/{kind}/{repo}/paths-info/{revision}", describe_paths),
    Route("POST", "/api/{kind}/{repo}/preupload/{revision}", plan_uploads, needs_token=True),
    Route("POST", "/api/{kind}/{repo}/commit/{revision}", commit_edits, needs_token=True),
    Route("POST", "/api/{kind}/{repo}/tag/{revision}", add_tag, needs_token=True),
    Route("POST", "/api/{kind}/{repo}/branch/{branch}", add_branch, needs_token=True),
    Route("GET", "/api/{kind}/{repo}/discussions", list_discussions),
    Route("POST", "/api/{kind}/{repo}/discussions", create_discussion, needs_token=True),
    Route("GET", "/api/{kind}/{repo}/discussions/{num}", show_discussion),
    Route("POST", "/api/{kind}/{repo}/discussions/{num}/status", change_status, needs_token=True),
    Route("POST", "/api/{kind}/{repo}/discussions/{num}/merge", merge_pull_request, needs_token=True),
)


def _of_kind(kind: str, prefix: str) -> list[Route]:
    """The routes of one kind of repository, whose files lie under `prefix`."""
    return [
        *(replace(route, pattern=route.pattern.replace("{kind}", kind)) for route in _API),
        Route("POST", f"{prefix}/{{repo}}.git/info/lfs/objects/batch", plan_lfs_uploads, needs_token=True),
        Route("GET", f"{prefix}/{{repo}}/resolve/{{revision}}/{{path}}", resolve_file),
    ]


ROUTES = (
    Route("GET", "/api/whoami-v2", whoami, needs_token=True),
    Route("POST", "/api/validate-yaml", validate_card),
    Route("POST", "/api/repos/create", create_repository, needs_token=True),
    Route("PUT", "/lfs-objects/{repo}/{oid}", receive_lfs_object),
    *_of_kind("datasets", "/datasets"),
    *_of_kind("models", ""),
)
