"""Sends a release to a dataset repository of the Hugging Face Hub.

Data and attribution first, the card last, then a tag: whoever loads in between meets the old card or whole new data.
What the Hub has already is not sent again, and a push that was cut off goes on where it stopped.
"""

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from huggingface_hub import DatasetCard, HfApi
from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError is httpx's or httpx2's, by version
    HFValidationError,
    HTTPError,
    RepositoryNotFoundError,
)
from huggingface_hub.utils.tqdm import disable_progress_bars

from dermasynth_builder.core.errors import PushError, ReleaseError
from dermasynth_builder.core.options import RECIPE, PushOptions
from dermasynth_builder.core.records import is_fake_version
from dermasynth_builder.core.registry import ALL
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.release.folder import ATTRIBUTION, CARD, ConfigFiles, values_in, verify
from dermasynth_builder.release.viewer import viewer_faults


@dataclass(frozen=True, slots=True)
class Difference:
    """How a release differs from what the Hub has, by paths in the repository."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    same: tuple[str, ...]
    stale: tuple[str, ...]  # Parquet files on the Hub that the release has no more
    tag: Literal["free", "head", "other"] = "free"  # what the order's tag marks: nothing, what the head has, another

    @property
    def is_none(self) -> bool:
        """Whether the Hub has just this release, under its tag."""
        return self.tag == "head" and not (self.new or self.changed or self.stale)


def push(options: PushOptions, report: Reporter) -> Difference:
    """Sends the release, or with `is_dry` says what would go.

    Raises PushError where the release must not go or the Hub refuses.
    """
    files = _require_fit(options, report)
    if not sys.stderr.isatty():
        disable_progress_bars()  # huggingface_hub draws its own, on terminals and into logs alike
    api = HfApi()
    try:
        difference = _compare(api, options, files)
        _tell(difference, files, report)
        if difference.is_none:
            report.say(f"{options.repo} has this release already, tagged {options.tag}; nothing to send")
            return difference
        _require_free_tag(options, difference)
        if not options.is_dry:
            _send(api, options, difference)
            report.say(f"pushed to {api.endpoint}/datasets/{options.repo}, tagged {options.tag}")
    except (HTTPError, HFValidationError, OSError) as error:
        raise PushError(
            f"the Hub did not take {options.release} as {options.repo}: {_told(error)}. Push again to continue "
            "where it stopped; if it is about access, check the name and log in with `hf auth login` (a token "
            "that may write)"
        ) from error
    return difference


def _require_fit(options: PushOptions, report: Reporter) -> dict[str, Path]:
    """The release's files by their path in the repository, after all refusals."""
    if options.repo.count("/") != 1:
        raise PushError(f"{options.repo!r} is not a repository name; write it as USER/NAME")
    try:
        configs = verify(options.release, report)
    except ReleaseError as error:
        raise PushError(f"not pushed: {error}") from error
    of_sources = [config for config in configs.values() if config.name != ALL]
    fake = sorted(c.name for c in of_sources if any(is_fake_version(v or "") for v in values_in(c, "model_version")))
    if fake:
        raise PushError(
            f"not pushed: {', '.join(fake)} holds answers that `dermasynth fake-gemini` has invented; ask a real "
            "service, with a --work folder of its own"
        )
    by_rule = sorted(config.name for config in of_sources if not all(values_in(config, "model")))
    if by_rule and not options.is_template_allowed:
        raise PushError(
            f"not pushed: {', '.join(by_rule)} holds rows that no model wrote: nothing looked at the image; "
            "build with a model engine, or say --allow-template if that is what you want to publish"
        )
    faults = list(viewer_faults({name: config.files for name, config in configs.items()}))
    if faults and not options.is_without_statistics:
        raise PushError(
            "not pushed: the Hub's page would show no statistics, bars and filters of "
            f"{'; '.join(faults)}. Other --splits or images give other columns, and --without-statistics pushes it so"
        )
    return _files(options.release, configs)


def _files(release: Path, configs: Mapping[str, ConfigFiles]) -> dict[str, Path]:
    data = [path for config in configs.values() for path in config.paths]
    recipe = [release / RECIPE] if (release / RECIPE).is_file() else []
    files = [*data, *recipe, release / ATTRIBUTION, release / CARD]
    return {path.relative_to(release).as_posix(): path for path in files}


def _compare(api: HfApi, options: PushOptions, files: Mapping[str, Path]) -> Difference:
    """How the files differ from the repository's, and what the tag marks there."""
    try:
        there = _tree(api, options.repo)
        tags = {tag.name for tag in api.list_repo_refs(options.repo, repo_type="dataset").tags}
    except RepositoryNotFoundError:
        return Difference(tuple(files), (), (), ())
    same = tuple(name for name in files if name in there and _is_same(files[name], there[name]))
    return Difference(
        new=tuple(name for name in files if name not in there),
        changed=tuple(name for name in files if name in there and name not in same),
        same=same,
        stale=tuple(name for name in there if name not in files),
        tag=_marked_by_tag(api, options, there) if options.tag in tags else "free",
    )


def _tree(api: HfApi, repo: str, revision: str | None = None) -> dict[str, Any]:
    """The files of the repository that are a release's by their names, by path."""
    tree = api.list_repo_tree(repo, revision=revision, recursive=True, repo_type="dataset")
    files = [item for item in tree if hasattr(item, "blob_id")]
    if scripts := [file.path for file in files if file.path.endswith(".py")]:
        raise PushError(
            f"not pushed: {repo} holds {', '.join(scripts)}, and `datasets` refuses a repository with a script; "
            "delete it there first"
        )
    return {
        file.path: file for file in files if file.path in (CARD, ATTRIBUTION, RECIPE) or file.path.endswith(".parquet")
    }


def _marked_by_tag(api: HfApi, options: PushOptions, head: Mapping[str, Any]) -> Literal["head", "other"]:
    tagged = _tree(api, options.repo, options.tag)
    is_head = {name: file.blob_id for name, file in tagged.items()} == {n: file.blob_id for n, file in head.items()}
    return "head" if is_head else "other"


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


def _require_free_tag(options: PushOptions, difference: Difference) -> None:
    if difference.tag != "free":
        raise PushError(
            f"not pushed: {options.repo} has a tag {options.tag}, and it or the newest commit there is not this "
            "release; give this release a tag of its own with --tag"
        )


def _send(api: HfApi, options: PushOptions, difference: Difference) -> None:
    to_send = difference.new + difference.changed
    if CARD in to_send:
        _require_card_accepted(options.release / CARD)
    api.create_repo(options.repo, repo_type="dataset", private=options.is_private, exist_ok=True)
    data = [name for name in to_send if name != CARD]
    if data or difference.stale:
        api.upload_folder(
            repo_id=options.repo,
            repo_type="dataset",
            folder_path=options.release,
            allow_patterns=data,  # by name: what was verified, and no hidden file that lies beside it
            delete_patterns=list(difference.stale) or None,
            commit_message=f"Data of release {options.tag}",
        )
    if CARD in to_send:
        api.upload_file(
            repo_id=options.repo,
            repo_type="dataset",
            path_or_fileobj=options.release / CARD,
            path_in_repo=CARD,
            commit_message=f"Card of release {options.tag}",
        )
    api.create_tag(options.repo, tag=options.tag, repo_type="dataset")


def _require_card_accepted(card: Path) -> None:
    """Asks the Hub before the data go: new data under an old card that cannot be replaced would fit nobody."""
    try:
        DatasetCard.load(card).validate()
    except ValueError as error:
        raise PushError(f"not pushed: the Hub refuses {card}: {_told(error)}; build the release anew") from error


def _told(error: Exception) -> str:
    """What went wrong in the Hub's own words, three lines at most; never a request's headers."""
    text = getattr(error, "server_message", None) or str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[:3]).rstrip(".") or type(error).__name__
