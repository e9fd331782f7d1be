"""Dataset repositories as a Hub keeps them: files, commits, branches and tags, in memory and without HTTP."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

LFS_SUFFIXES = (".parquet", ".png", ".jpg", ".safetensors")
LFS_BOUND_BYTES = 10 * 1024 * 1024
FIRST_COMMIT_AT = datetime(2025, 1, 1, tzinfo=UTC)


class HubError(Exception):
    """A request that the Hub refuses: HTTP status, message, the X-Error-Code of a 404, and other headers."""

    def __init__(self, status: int, message: str, code: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a snapshot."""

    content: bytes
    is_lfs: bool

    @property
    def sha256(self) -> str:
        """The name of the content in LFS."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def pointer(self) -> bytes:
        """What git keeps in the place of an LFS file (git-lfs specification, version 1)."""
        lines = (
            "version https://git-lfs.github.com/spec/v1",
            f"oid sha256:{self.sha256}",
            f"size {len(self.content)}",
        )
        return "".join(f"{line}\n" for line in lines).encode()

    @property
    def git_oid(self) -> str:
        """Git's name of the blob: of the content, or of the pointer for an LFS file."""
        blob = self.pointer if self.is_lfs else self.content
        return hashlib.sha1(b"blob %d\0" % len(blob) + blob, usedforsecurity=False).hexdigest()

    @property
    def content_oid(self) -> str:
        """The name that clients compare with their local file: preupload's `oid` and the ETag."""
        return self.sha256 if self.is_lfs else self.git_oid


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit and the whole tree that it leaves."""

    oid: str
    summary: str
    parent: str | None  # oid; None for the first commit
    date: str  # ISO 8601, UTC; invented: one minute after the commit before
    changed: tuple[str, ...]  # paths that are new or have new content, sorted
    deleted: tuple[str, ...]  # paths that are gone, sorted
    snapshot: Mapping[str, StoredFile] = field(repr=False)  # path -> file

    def touches(self, path: str) -> bool:
        """Whether the commit changed or deleted the file `path`, or any file of the folder `path`."""
        return any(one == path or one.startswith(f"{path}/") for one in (*self.changed, *self.deleted))


@dataclass(frozen=True, slots=True)
class Edit:
    """One line of a commit."""

    path: str  # a trailing slash names a folder, which can only be deleted
    file: StoredFile | None  # None deletes


def is_for_lfs(path: str, size_bytes: int) -> bool:
    """Whether a file goes to LFS: by its name, or by its size whatever its name."""
    return path.lower().endswith(LFS_SUFFIXES) or size_bytes > LFS_BOUND_BYTES


def apply_edits(snapshot: Mapping[str, StoredFile], edits: Iterable[Edit]) -> dict[str, StoredFile]:
    """The tree after the edits, made in their order; deleting what is not there is refused."""
    files = dict(snapshot)
    for edit in edits:
        if edit.file is not None:
            files[edit.path] = edit.file
            continue
        doomed = [path for path in files if path == edit.path or is_inside(path, edit.path)]
        if not doomed:
            raise HubError(404, f"A file with this name doesn't exist: {edit.path}", "EntryNotFound")
        for path in doomed:
            del files[path]
    return files


def is_inside(path: str, folder: str) -> bool:
    """Whether `path` lies below `folder`, which is written with its trailing slash."""
    return folder.endswith("/") and path.startswith(folder)


@dataclass(slots=True)
class PullRequest:
    """A pull request, whose files are the branch `refs/pr/NUM`; it begins as a draft, which cannot be merged."""

    num: int
    title: str
    author: str
    base: str  # oid of the commit at which it began
    status: str = "draft"  # "draft", "open", "closed", "merged"
    merge_oid: str | None = None

    @property
    def ref(self) -> str:
        """The name of its branch."""
        return f"refs/pr/{self.num}"


class Repository:
    """One dataset repository; like a new one of the Hub it starts with one commit of `.gitattributes`."""

    def __init__(self, repo_id: str, *, is_private: bool) -> None:
        self.repo_id = repo_id
        self.is_private = is_private
        self.branches: dict[str, str] = {}  # name -> commit oid; those of pull requests too
        self.pull_requests: list[PullRequest] = []
        self.tags: dict[str, str] = {}  # name -> commit oid
        self._commits: dict[str, Commit] = {}  # by oid
        self._lfs_objects: dict[str, bytes] = {}  # by sha256
        self._announced: set[str] = set()  # sha256 of LFS objects that may be sent
        rules = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LFS_SUFFIXES)
        attributes = {".gitattributes": StoredFile(rules.encode(), is_lfs=False)}
        self._record("main", "initial commit", attributes, parent=None)

    def commit_at(self, revision: str) -> Commit:
        """The commit that a branch, a tag or a full oid names."""
        oid = self.branches.get(revision) or self.tags.get(revision) or revision
        if oid not in self._commits:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self._commits[oid]

    def history(self, revision: str) -> list[Commit]:
        """The commits that lead to `revision`, newest last."""
        commits = [self.commit_at(revision)]
        while (parent := commits[-1].parent) is not None:
            commits.append(self._commits[parent])
        return commits[::-1]

    def commit(self, branch: str, summary: str, edits: Iterable[Edit], *, parent: str | None) -> Commit:
        """The new head of `branch`; where `parent` is given, it must still be the head."""
        if branch not in self.branches:
            raise HubError(404, f"Invalid rev id: {branch} is no branch", "RevisionNotFound")
        head = self.commit_at(branch)
        if parent is not None and parent != head.oid:
            raise HubError(412, f"A commit has happened since. Please refresh: the head is {head.oid}")
        return self._record(branch, summary, apply_edits(head.snapshot, edits), parent=head)

    def add_tag(self, name: str, revision: str) -> None:
        """Tags the commit that `revision` names; a tag that exists stays where it is."""
        if name in self.tags:
            raise HubError(409, f"Tag {name} already exists")
        self.tags[name] = self.commit_at(revision).oid

    def open_pull_request(self, title: str, author: str) -> PullRequest:
        """A draft at the head of `main`, without a commit of its own."""
        pull = PullRequest(len(self.pull_requests) + 1, title, author, self.branches["main"])
        self.pull_requests.append(pull)
        self.branches[pull.ref] = pull.base
        return pull

    def find_pull_request(self, num: int) -> PullRequest:
        """The pull request of that number, or the Hub's 404."""
        if not 0 < num <= len(self.pull_requests):
            raise HubError(404, f"Discussion {num} not found")
        return self.pull_requests[num - 1]

    def merge(self, num: int) -> Commit:
        """One commit on `main` of all that the pull request changes; `main` must have changed other files since."""
        pull = self.find_pull_request(num)
        if pull.status != "open":
            raise HubError(400, f"This pull request is {pull.status} and cannot be merged")
        if self.conflicts(pull):
            raise HubError(409, "This pull request has conflicts with main")
        head, main, changed = self.commit_at(pull.ref), self.commit_at("main"), self._changed(pull)
        kept = {path: file for path, file in main.snapshot.items() if path not in changed}
        added = {path: head.snapshot[path] for path in changed if path in head.snapshot}
        commit = self._record("main", f"{pull.title} (#{num})", kept | added, parent=main)
        pull.status, pull.merge_oid = "merged", commit.oid
        return commit

    def conflicts(self, pull: PullRequest) -> list[str]:
        """The files that a pull request changes and `main` has changed since it began."""
        base, main = (self.commit_at(name).snapshot for name in (pull.base, "main"))
        return sorted(path for path in self._changed(pull) if base.get(path) != main.get(path))

    def _changed(self, pull: PullRequest) -> set[str]:
        base, head = (self.commit_at(name).snapshot for name in (pull.base, pull.ref))
        return {path for path in {*base, *head} if base.get(path) != head.get(path)}

    def add_branch(self, name: str, revision: str) -> None:
        """Starts a branch at the commit that `revision` names."""
        if name in self.branches:
            raise HubError(409, f"Reference already exists: branch {name}")
        self.branches[name] = self.commit_at(revision).oid

    def announce_lfs_object(self, sha256: str) -> bool:
        """Whether the object has still to be sent; if so, it may be sent from now on."""
        if sha256 in self._lfs_objects:
            return False
        self._announced.add(sha256)
        return True

    def receive_lfs_object(self, sha256: str, content: bytes) -> None:
        """Keeps an announced object whose bytes are what its name says."""
        if sha256 not in self._announced:
            raise HubError(403, f"LFS object {sha256} was not announced by a batch request")
        if hashlib.sha256(content).hexdigest() != sha256:
            raise HubError(400, f"LFS object {sha256}: the {len(content)} bytes received have another sha256")
        self._lfs_objects[sha256] = content

    def lfs_file(self, sha256: str) -> StoredFile:
        """The LFS file of that name, which must have been received."""
        if sha256 not in self._lfs_objects:
            raise HubError(400, f"LFS pointer pointed to a file that does not exist: {sha256}")
        return StoredFile(self._lfs_objects[sha256], is_lfs=True)

    def _record(self, branch: str, summary: str, files: Mapping[str, StoredFile], *, parent: Commit | None) -> Commit:
        before: Mapping[str, StoredFile] = parent.snapshot if parent else {}
        number = len(self._commits)
        tree = sorted((path, file.git_oid) for path, file in files.items())
        identity = json.dumps([self.repo_id, number, parent.oid if parent else None, summary, tree])
        commit = Commit(
            oid=hashlib.sha1(identity.encode(), usedforsecurity=False).hexdigest(),
            summary=summary,
            parent=parent.oid if parent else None,
            date=f"{FIRST_COMMIT_AT + timedelta(minutes=number):%Y-%m-%dT%H:%M:%S}.000Z",
            changed=tuple(sorted(path for path in files if files[path] != before.get(path))),
            deleted=tuple(sorted(set(before) - set(files))),
            snapshot=files,
        )
        self._commits[commit.oid] = commit
        self.branches[branch] = commit.oid
        return commit


class HubStore:
    """The repositories of one Hub, by `owner/name`."""

    def __init__(self) -> None:
        self._repositories: dict[str, Repository] = {}

    def find(self, repo_id: str) -> Repository:
        """The repository of that name, or the Hub's 404."""
        if repo_id not in self._repositories:
            raise HubError(404, f"Repository not found: {repo_id}", "RepoNotFound")
        return self._repositories[repo_id]

    def create(self, repo_id: str, *, is_private: bool) -> bool:
        """Whether the repository is new; one that exists is left alone."""
        is_new = repo_id not in self._repositories
        if is_new:
            self._repositories[repo_id] = Repository(repo_id, is_private=is_private)
        return is_new
