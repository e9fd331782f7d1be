"""What a dataset repository of the Hub holds at one commit, and how a release differs from it.

All is read at a commit's own id: a text out of a cache is that commit's or none, and what was compared is what is
tagged, whoever else pushes meanwhile.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml
from huggingface_hub import HfApi
from huggingface_hub.errors import RepositoryNotFoundError

from dermasynth_builder.core.errors import PushError
from dermasynth_builder.release.folder import CARD, is_figure

MAIN = "refs/heads/main"
_SHARD = re.compile(r"(data/\w+|sample|closed)/(train|validation|test)-\d{5}-of-\d{5}\.parquet")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of a repository at one commit, and its tags; nothing where there is no repository."""

    api: HfApi
    repo: str
    commit: str = ""  # its id
    files: Mapping[str, Any] = field(default_factory=dict)  # as the Hub describes them, by path
    tags: Mapping[str, str] = field(default_factory=dict)  # -> the id of the commit

    def text(self, name: str) -> str:
        """A text; "" where there is none of that name."""
        if name not in self.files:
            return ""
        path = self.api.hf_hub_download(self.repo, name, repo_type="dataset", revision=self.commit)
        return Path(path).read_text(encoding="utf-8-sig", errors="replace")


def snapshot(api: HfApi, repo: str, ref: str = MAIN) -> Snapshot:
    """What a reference of the repository leads to now. Raises PushError where a script is in it."""
    try:
        listed = api.list_repo_refs(repo, repo_type="dataset", include_pull_requests=True)
    except RepositoryNotFoundError:
        return Snapshot(api, repo)
    commits = {each.ref: each.target_commit for each in [*listed.branches, *(listed.pull_requests or [])]}
    if ref not in commits:
        raise PushError(f"not pushed: {repo} has no {ref.rpartition('/')[2]} to send a release to")
    tags = {tag.name: tag.target_commit for tag in listed.tags}
    return Snapshot(api, repo, commits[ref], _tree(api, repo, commits[ref]), tags)


def _tree(api: HfApi, repo: str, commit: str) -> dict[str, Any]:
    """The files of the repository by path."""
    tree = api.list_repo_tree(repo, revision=commit, recursive=True, repo_type="dataset")
    files = {item.path: item for item in tree if hasattr(item, "blob_id")}
    if scripts := [path for path in files if path.endswith(".py")]:
        raise PushError(
            f"not pushed: {repo} holds {', '.join(scripts)}, and `datasets` refuses a repository with a script; "
            "delete it there first"
        )
    return files


@dataclass(frozen=True, slots=True)
class Difference:
    """How a release differs from what the Hub has, by paths in the repository."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    same: tuple[str, ...]
    stale: tuple[str, ...]  # shards and pictures of an older release that this one has no more
    tag: Literal["free", "head", "other"] = "free"  # what the order's tag marks: nothing, what the head has, another
    commit: str = ""  # the id of what was compared

    @property
    def has_changes(self) -> bool:
        """Whether a file of the repository has to change."""
        return bool(self.new or self.changed or self.stale)

    @property
    def is_none(self) -> bool:
        """Whether the Hub has just this release, under its tag."""
        return self.tag == "head" and not self.has_changes


def compared(there: Snapshot, files: Mapping[str, Path], *, tag: str) -> Difference:
    """How the files differ from what is there, and what the tag marks.

    Raises PushError where somebody else's file would be loaded as a part of this release, or no longer as what it is.
    """
    stale = _of_older_releases(there, files)
    same = tuple(name for name in files if name in there.files and _is_same(files[name], there.files[name]))
    return Difference(
        new=tuple(name for name in files if name not in there.files),
        changed=tuple(name for name in files if name in there.files and name not in same),
        same=same,
        stale=stale,
        tag=_marked_by(tag, there, files) if tag in there.tags else "free",
        commit=there.commit,
    )


def _of_older_releases(there: Snapshot, files: Mapping[str, Path]) -> tuple[str, ...]:
    """The shards and pictures that a release's card on the Hub names, and this one has not."""
    new_patterns = patterns_in(files[CARD].read_text(encoding="utf-8")).of_releases
    old = patterns_in(card := there.text(CARD))
    gone = [path for path in there.files if path not in files]
    shards = {path for path in gone if _SHARD.fullmatch(path)}
    stale = {path for path in shards if _fits(path, [*old.of_releases, *new_patterns])}
    stale |= {path for path in gone if is_figure(path) and f"]({path})" in card}
    if not old.of_releases and (others := [path for path in there.files if _fits(path, old.of_others)]):
        raise PushError(
            f"not pushed: {there.repo} is another dataset, whose card names {', '.join(others[:3])}; the card of this "
            "release would take its place. Push to another name, or delete that there first"
        )
    if strangers := [path for path in gone if path not in stale and _fits(path, new_patterns)]:
        raise PushError(
            f"not pushed: {there.repo} holds {', '.join(strangers)}, which `load_dataset` would take for a part of "
            "this release; move it there first, to another folder"
        )
    return tuple(sorted(stale))


def _fits(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


class Patterns(NamedTuple):
    """The patterns of files that a card names."""

    of_releases: list[str]  # in configs that a release describes: by the hash of their content
    of_others: list[str]


def patterns_in(card: str) -> Patterns:
    """What a card names; nothing where it has no metadata block, or one that nobody can read."""
    found = Patterns([], [])
    try:
        _, block, _ = card.split("---\n", 2)
        for config in yaml.safe_load(block)["configs"]:
            is_ours = str(config.get("description")).startswith("sha256:")
            found[0 if is_ours else 1].extend(_paths(config["data_files"]))
    except (ValueError, TypeError, AttributeError, KeyError, yaml.YAMLError):
        return found
    return found


def _paths(listed: Any) -> Iterator[str]:
    """The paths in any form in which a config may list its files: one, several, by split, or each with its split."""
    if isinstance(listed, str):
        yield listed
    elif isinstance(listed, dict):
        yield from _paths(listed["path"] if "path" in listed else list(listed.values()))
    elif isinstance(listed, list):
        for each in listed:
            yield from _paths(each)


def _marked_by(tag: str, head: Snapshot, files: Mapping[str, Path]) -> Literal["head", "other"]:
    """Whether the tag has the head's files, as far as they are a release's."""

    def ours(tree: Mapping[str, Any]) -> dict[str, str]:
        named = [path for path in tree if path in files or _SHARD.fullmatch(path) or is_figure(path)]
        return {path: tree[path].blob_id for path in named}

    commit = head.tags[tag]
    is_head = commit == head.commit or ours(_tree(head.api, head.repo, commit)) == ours(head.files)
    return "head" if is_head else "other"


def _is_same(path: Path, there: Any) -> bool:
    """Whether the Hub's file has these bytes: by sha256 for large files, else by git's own hash."""
    if there.size != path.stat().st_size:
        return False
    if there.lfs is not None:
        return _sha256_of(path) == str(there.lfs.sha256)
    content = path.read_bytes()
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    return blob == str(there.blob_id)


@cache
def _sha256_of(path: Path) -> str:
    """Made once a push: it takes a second or two a GB."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
