"""Effect: sends a release to a dataset repository of the Hugging Face Hub.

Data first, the card last, then a tag: whoever loads in between meets the old card or whole new data. What the
Hub has already is not sent again, and a push that was cut off goes on where it stopped.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalTokenNotFoundError,
    RepositoryNotFoundError,
)

from dermasynth_builder import __version__
from dermasynth_builder.errors import PushError, ReleaseError
from dermasynth_builder.progress import Reporter
from dermasynth_builder.release import CARD, ConfigFiles, engines, verify


@dataclass(frozen=True, slots=True)
class PushOrder:
    """What to push, where to, and what may go."""

    release: Path
    repo: str  # "user/name"
    tag: str = f"v{__version__}"
    is_private: bool = False
    is_template_allowed: bool = False
    is_dry: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """How a release differs from what the Hub has, by paths in the repository."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    same: tuple[str, ...]
    stale: tuple[str, ...]  # Parquet files on the Hub that the release has no more

    @property
    def is_none(self) -> bool:
        """Whether the Hub has just this release."""
        return not (self.new or self.changed or self.stale)


def push(order: PushOrder, report: Reporter) -> Difference:
    """Sends the release, or with `is_dry` says what would go.

    Raises ReleaseError where card and files disagree, PushError where the release must not go or the Hub refuses.
    """
    files = _require_fit(order)
    api = HfApi()
    try:
        difference, tags = _compare(api, order.repo, files)
        _tell(difference, files, report)
        if not order.is_dry:
            _send(api, order, difference, tags, report)
    except (HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OSError) as error:
        raise PushError(
            f"the Hub did not take {order.release} as {order.repo}: {_told_by_hub(error)}. Log in with "
            "`hf auth login` (a token that may write), check the name, and push again; it goes on where it stopped"
        ) from error
    return difference


def _require_fit(order: PushOrder) -> dict[str, Path]:
    """The release's files by their path in the repository, after all refusals."""
    if order.repo.count("/") != 1:
        raise PushError(f"{order.repo!r} is no repository; write it as USER/NAME")
    try:
        configs = verify(order.release)
    except ReleaseError as error:
        raise PushError(f"not pushed: {error}") from error
    template = sorted(config.name for config in configs.values() if "template" in engines(config))
    if template and not order.is_template_allowed:
        raise PushError(
            f"not pushed: {', '.join(template)} holds rows of the template engine, which looked at no image; "
            "build with a model engine, or say --allow-template if that is what you want to publish"
        )
    return _files(order.release, configs)


def _files(release: Path, configs: Mapping[str, ConfigFiles]) -> dict[str, Path]:
    data = [path for config in configs.values() for paths in config.files.values() for path in paths]
    return {path.relative_to(release).as_posix(): path for path in [*data, release / CARD]}


def _compare(api: HfApi, repo: str, files: Mapping[str, Path]) -> tuple[Difference, dict[str, str]]:
    """How the files differ from the repository's, and the tags there with their commits."""
    try:
        tree = list(api.list_repo_tree(repo, recursive=True, repo_type="dataset"))
        refs = api.list_repo_refs(repo, repo_type="dataset")
    except RepositoryNotFoundError:
        return Difference(tuple(files), (), (), ()), {}
    there = {item.path: item for item in tree if hasattr(item, "blob_id")}
    new = tuple(name for name in files if name not in there)
    same = tuple(name for name in files if name in there and _is_same(files[name], there[name]))
    changed = tuple(name for name in files if name in there and name not in same)
    stale = tuple(name for name in there if name.endswith(".parquet") and name not in files)
    return Difference(new, changed, same, stale), {tag.name: tag.target_commit for tag in refs.tags}


def _is_same(path: Path, there: Any) -> bool:
    """Whether the Hub's file has these bytes: by sha256 for large files, else by git's own hash."""
    if there.size != path.stat().st_size:
        return False
    if there.lfs is not None:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == str(there.lfs.sha256)
    content = path.read_bytes()
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    return blob == str(there.blob_id)


def _tell(difference: Difference, files: Mapping[str, Path], report: Reporter) -> None:
    for label, names in (("new", difference.new), ("changed", difference.changed), ("same", difference.same)):
        for name in names:
            report.say(f"  {label:8} {files[name].stat().st_size:>14,} bytes  {name}")
    for name in difference.stale:
        report.say(f"  {'delete':8} {'':>14}        {name}")


def _send(api: HfApi, order: PushOrder, difference: Difference, tags: Mapping[str, str], report: Reporter) -> None:
    if difference.is_none and order.tag in tags:
        report.say(f"{order.repo} has this release already, tagged {order.tag}; nothing sent")
        return
    if order.tag in tags:
        raise PushError(
            f"not pushed: tag {order.tag} of {order.repo} marks other content; give this release a tag of its own "
            "with --tag"
        )
    api.create_repo(order.repo, repo_type="dataset", private=order.is_private, exist_ok=True)
    if set(difference.new + difference.changed + difference.stale) - {CARD}:
        api.upload_folder(
            repo_id=order.repo,
            repo_type="dataset",
            folder_path=order.release,
            allow_patterns=["*.parquet"],
            delete_patterns=list(difference.stale) or None,
            commit_message=f"Data of release {order.tag}",
        )
    if CARD in difference.new + difference.changed:
        api.upload_file(
            repo_id=order.repo,
            repo_type="dataset",
            path_or_fileobj=order.release / CARD,
            path_in_repo=CARD,
            commit_message=f"Card of release {order.tag}",
        )
    api.create_tag(order.repo, tag=order.tag, repo_type="dataset")
    report.say(f"pushed to {api.endpoint}/datasets/{order.repo}, tagged {order.tag}")


def _told_by_hub(error: Exception) -> str:
    """The Hub's own first line; never a request's headers."""
    text = getattr(error, "server_message", None) or str(error)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__
