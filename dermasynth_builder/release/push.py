"""Sends a release to a dataset repository of the Hugging Face Hub.

All files go into one pull request, which is merged when it is whole: whoever loads in between meets the old release or
the new one. Then the head is tagged. What the Hub has already is not sent again, and a push that was cut off goes on
with the pull request that it left open.
"""

import hashlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import yaml
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, DatasetCard, HfApi
from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError is httpx's or httpx2's, by version
    EntryNotFoundError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    RepositoryNotFoundError,
)
from huggingface_hub.utils.tqdm import disable_progress_bars

from dermasynth_builder.core.errors import PushError, ReleaseError
from dermasynth_builder.core.hub import hub_address
from dermasynth_builder.core.hub_options import PushOptions
from dermasynth_builder.core.options import WITHDRAWN
from dermasynth_builder.core.records import is_fake_version
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.core.wording import join_words
from dermasynth_builder.generate.foreign import masked
from dermasynth_builder.release.card import with_repository
from dermasynth_builder.release.folder import (
    CARD,
    ConfigFiles,
    files_of,
    is_figure,
    read_closed,
    sources_of,
    values_in,
    verify,
)
from dermasynth_builder.release.parquet import read_values
from dermasynth_builder.release.viewer import viewer_faults
from dermasynth_builder.release.withdrawn import parse_withdrawn, read_withdrawn, why_withdrawn, withdrawn_of
from dermasynth_builder.release.write import has_controls

_COMMIT_FILES = 50  # of a commit: the Hub gives one a minute
_SHARD = re.compile(r"(data/)?\w+/(train|validation|test)-\d{5}-of-\d{5}\.parquet")

Ask = Callable[[str], bool]
"""Asks a yes-or-no question of whoever runs the command; False where nobody can be asked."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How a release differs from what the Hub has, by paths in the repository."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    same: tuple[str, ...]
    stale: tuple[str, ...]  # shards and pictures of an older release that this one has no more
    tag: Literal["free", "head", "other"] = "free"  # what the order's tag marks: nothing, what the head has, another

    @property
    def has_changes(self) -> bool:
        """Whether a file of the repository has to change."""
        return bool(self.new or self.changed or self.stale)

    @property
    def is_none(self) -> bool:
        """Whether the Hub has just this release, under its tag."""
        return self.tag == "head" and not self.has_changes


def push(options: PushOptions, report: Reporter, ask: Ask = lambda _: False) -> Difference:
    """Sends the release, or with `is_dry` says what would go. `ask` is asked before old shards are deleted.

    Raises PushError where the release must not go or the Hub refuses.
    """
    with TemporaryDirectory(prefix="dermasynth-") as folder:
        files = _with_repository(_require_fit(options, report), options.repo, Path(folder))
        return _pushed(options, files, report, ask=ask)


def _with_repository(files: Mapping[str, Path], repo: str, folder: Path) -> dict[str, Path]:
    """The files, with a card in `folder` whose code loads the repository that it goes to."""
    card = folder / CARD
    card.write_text(with_repository(files[CARD].read_text(encoding="utf-8"), repo), encoding="utf-8")
    return {**files, CARD: card}


def _pushed(options: PushOptions, files: Mapping[str, Path], report: Reporter, *, ask: Ask) -> Difference:
    if not sys.stderr.isatty():
        disable_progress_bars()  # huggingface_hub draws its own, on terminals and into logs alike
    api = HfApi(hub_address(lambda why: PushError(f"not pushed: {why}")))
    try:
        difference = _compare_if_reached(api, options, files, report=report)
        _tell(difference, files, report)
        if difference.is_none:
            report.say(f"{options.repo} has this release already, tagged {options.tag}; nothing to send")
            return difference
        _require_free_tag(options, difference)
        if not options.is_dry:
            _require_deletion_wanted(options, difference, ask)
            report.say(_sent(api, options, files, difference=difference))
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
    of_sources = sources_of(configs)
    for reason in _reasons_against(options, of_sources, configs):
        if not options.is_dry:
            raise PushError(f"not pushed: {reason}")
        report.warn(f"a push would be refused: {reason}")
    return files_of(options.release, configs)


def _reasons_against(
    options: PushOptions, of_sources: Sequence[ConfigFiles], configs: Mapping[str, ConfigFiles]
) -> Iterator[str]:
    """Why a release that is whole must not go all the same."""
    if controls := sorted(config.name for config in of_sources if has_controls(config)):
        yield f"{join_words(controls)}: there are answers of a run with --control, which are about other pictures"
    fake = sorted(c.name for c in of_sources if any(is_fake_version(v or "") for v in _versions_in(c)))
    if fake:
        yield (
            f"{join_words(fake)}: there are answers that `dermasynth fake-gemini` has invented; ask a real service, "
            "with a --work folder of its own"
        )
    by_rule = sorted(config.name for config in of_sources if not all(values_in(config, "model")))
    if by_rule and not options.is_template_allowed:
        yield (
            f"{join_words(by_rule)}: there are rows that no model wrote, so nothing looked at the image; build with a "
            "model engine, or say --allow-template if that is what you want to publish"
        )
    for listed in (options.release / WITHDRAWN, Path(WITHDRAWN)):
        yield from _withdrawn_in(options.release, of_sources, read_withdrawn(listed))
    shown = {**configs, **read_closed(options.release)}
    faults = list(viewer_faults({name: config.files for name, config in shown.items()}))
    if faults and not options.is_without_statistics:
        yield (
            "the Hub's page would show no statistics, bars and filters of "
            f"{'; '.join(faults)}. Other --splits or images give other columns, and --without-statistics pushes it so"
        )


def _versions_in(config: ConfigFiles) -> Iterator[str | None]:
    """The models that wrote a config's rows, and those that checked them."""
    yield from values_in(config, "model_version")
    for values in read_values(config.paths, ["judgements"]):
        yield from (each["verifier"] for each in values["judgements"] or ())


def _withdrawn_in(release: Path, configs: Sequence[ConfigFiles], withdrawn: Mapping[str, str]) -> Iterator[str]:
    found = [name for config in configs for name in withdrawn_of(values_in(config, "pair_id"), withdrawn)]
    if withdrawn and found:
        yield (
            f"{release} holds {len(found)} withdrawn rows, the first {min(found)} "
            f"({why_withdrawn(min(found), withdrawn)}); build the release anew with the list of what is withdrawn"
        )


def _require_nothing_unwithdrawn(api: HfApi, options: PushOptions) -> None:
    """What the Hub's own list names must not come back, nor be forgotten."""
    there = (
        parse_withdrawn(text, f"{options.repo}/{WITHDRAWN}") if (text := _text_there(api, options, WITHDRAWN)) else {}
    )
    here = read_withdrawn(options.release / WITHDRAWN)
    if lost := sorted(set(there) - set(here)):
        raise PushError(
            f"not pushed: {options.repo} has withdrawn {', '.join(lost[:3])}{' ...' if lost[3:] else ''}, and the list "
            f"of this release does not; add the lines of {options.repo}'s {WITHDRAWN} to yours and build anew"
        )


def _compare_if_reached(api: HfApi, options: PushOptions, files: Mapping[str, Path], *, report: Reporter) -> Difference:
    """As `_compare`; a dry run does without the Hub where it cannot be reached, and takes all files for new."""
    try:
        difference = _compare(api, options, files)
        _require_nothing_unwithdrawn(api, options)
    except (HTTPError, ConnectionError) as error:
        if not options.is_dry or isinstance(error, HfHubHTTPError):
            raise
        report.warn(f"cannot reach the Hub ({_told(error)}); these are all files, of which it may have some already")
        return Difference(tuple(files), (), (), ())
    return difference


def _compare(api: HfApi, options: PushOptions, files: Mapping[str, Path], *, revision: str | None = None) -> Difference:
    """How the files differ from the repository's at a revision, and what the tag marks there."""
    try:
        tags = {tag.name for tag in api.list_repo_refs(options.repo, repo_type="dataset").tags}  # at once or not at all
        there = _tree(api, options.repo, revision)
    except RepositoryNotFoundError:
        return Difference(tuple(files), (), (), ())
    card_there = _text_there(api, options, CARD) if CARD in there else ""
    stale = _of_older_releases(options.repo, there, files, card_there=card_there)
    same = tuple(name for name in files if name in there and _is_same(files[name], there[name]))
    return Difference(
        new=tuple(name for name in files if name not in there),
        changed=tuple(name for name in files if name in there and name not in same),
        same=same,
        stale=stale,
        tag=_marked_by_tag(api, options, files, head=there) if options.tag in tags else "free",
    )


def _tree(api: HfApi, repo: str, revision: str | None = None) -> dict[str, Any]:
    """The files of the repository by path."""
    tree = api.list_repo_tree(repo, revision=revision, recursive=True, repo_type="dataset")
    files = {item.path: item for item in tree if hasattr(item, "blob_id")}
    if scripts := [path for path in files if path.endswith(".py")]:
        raise PushError(
            f"not pushed: {repo} holds {', '.join(scripts)}, and `datasets` refuses a repository with a script; "
            "delete it there first"
        )
    return files


def _of_older_releases(
    repo: str, there: Mapping[str, Any], files: Mapping[str, Path], *, card_there: str
) -> tuple[str, ...]:
    """The shards and pictures that the card on the Hub names and this release has not.

    Raises PushError where somebody else's file would be loaded as a part of this release.
    """
    new_patterns = _patterns(files[CARD].read_text(encoding="utf-8"))
    old_patterns = _patterns(card_there)
    gone = [path for path in there if path not in files]
    stale = {path for path in gone if _SHARD.fullmatch(path) and _fits(path, [*old_patterns, *new_patterns])}
    stale |= {path for path in gone if is_figure(path) and f"]({path})" in card_there}
    if strangers := [path for path in gone if path not in stale and _fits(path, new_patterns)]:
        raise PushError(
            f"not pushed: {repo} holds {', '.join(strangers)}, which `load_dataset` would take for a part of this "
            "release; move it there first, to another folder"
        )
    return tuple(sorted(stale))


def _fits(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def _patterns(card: str) -> list[str]:
    """The patterns of files that a card names; none where it has no metadata block."""
    match card.split("---\n", 2):
        case ["", block, _]:
            configs = (yaml.safe_load(block) or {}).get("configs") or []
        case _:
            return []
    listed = [file["path"] for config in configs for file in config.get("data_files") or [] if isinstance(file, dict)]
    return [pattern for each in listed for pattern in ([each] if isinstance(each, str) else each)]


def _text_there(api: HfApi, options: PushOptions, name: str) -> str:
    """A text of the repository's head; "" where it is not there."""
    try:
        return Path(api.hf_hub_download(options.repo, name, repo_type="dataset")).read_text(encoding="utf-8")
    except (EntryNotFoundError, RepositoryNotFoundError):
        return ""


def _marked_by_tag(
    api: HfApi, options: PushOptions, files: Mapping[str, Path], *, head: Mapping[str, Any]
) -> Literal["head", "other"]:
    """Whether the tag has the head's files, as far as they are a release's."""

    def ours(tree: Mapping[str, Any]) -> dict[str, str]:
        named = [path for path in tree if path in files or _SHARD.fullmatch(path) or is_figure(path)]
        return {path: tree[path].blob_id for path in named}

    return "head" if ours(_tree(api, options.repo, options.tag)) == ours(head) else "other"


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


def _tell(difference: Difference, files: Mapping[str, Path], report: Reporter) -> None:
    for label, names in (("new", difference.new), ("changed", difference.changed), ("same", difference.same)):
        for name in names:
            report.say(f"  {label:8} {files[name].stat().st_size:>14,} bytes  {name}")
    for name in difference.stale:
        report.say(f"  {'delete':8} {'':>14}        {name}")
    sent = [*difference.new, *difference.changed]
    size = sum(files[name].stat().st_size for name in sent)
    whole = sum(path.stat().st_size for path in files.values())
    report.say(
        f"{len(sent)} files of {size:,} bytes to send, {len(difference.stale)} to delete; the release takes {whole:,} "
        "bytes of the Hub's storage, and what it replaces stays there in the history and under its tags"
    )


def _require_free_tag(options: PushOptions, difference: Difference) -> None:
    if difference.tag != "free":
        raise PushError(
            f"not pushed: {options.repo} has a tag {options.tag}, and it or the newest commit there is not this "
            "release; give this release a tag of its own with --tag"
        )


def _require_deletion_wanted(options: PushOptions, difference: Difference, ask: Ask) -> None:
    count = len(difference.stale)
    if count and not options.is_deletion_allowed and not ask(f"delete {count} files of the older release?"):
        raise PushError(
            f"not pushed: {count} files of an older release would have to go, which `load_dataset` would read beside "
            "the new ones; --delete-old deletes them (they stay in the history and under their tags)"
        )


def _sent(api: HfApi, options: PushOptions, files: Mapping[str, Path], *, difference: Difference) -> str:
    """Sends what differs, merges and tags it; gives what was done in a sentence."""
    where = f"{api.endpoint}/datasets/{options.repo}"
    if difference.has_changes:
        if CARD in difference.new + difference.changed:
            _require_card_accepted(files[CARD], options.release / CARD)
        api.create_repo(options.repo, repo_type="dataset", private=options.is_private, exist_ok=True)
        pull = _pull_request(api, options)
        _complete(api, options, files, num=pull.num)
        if options.is_pull_request:
            return f"{where}/discussions/{pull.num} holds the release; merge it there, then push again to tag it"
        if pull.status == "draft":
            api.change_discussion_status(options.repo, pull.num, "open", repo_type="dataset")
        api.merge_pull_request(options.repo, pull.num, repo_type="dataset")
        if _compare(api, options, files).has_changes:
            raise PushError(f"{where} was changed by somebody else while this was merged; look at it and push again")
    api.create_tag(options.repo, tag=options.tag, repo_type="dataset")
    return f"pushed to {where}, tagged {options.tag}"


def _pull_request(api: HfApi, options: PushOptions) -> Any:
    """The pull request that an earlier push of this tag has left open, or a new one."""
    title, me = f"Release {options.tag}", api.whoami()["name"]
    opened = api.get_repo_discussions(
        options.repo, repo_type="dataset", author=me, discussion_type="pull_request", discussion_status="open"
    )
    for pull in opened:
        if pull.title == title:
            return pull
    return api.create_pull_request(options.repo, title, repo_type="dataset", description=_DESCRIPTION)


_DESCRIPTION = (
    "All files of a release, sent by `dermasynth push`. It is whole when the command says so, and not before."
)


def _complete(api: HfApi, options: PushOptions, files: Mapping[str, Path], *, num: int) -> None:
    """Commits to a pull request what it lacks of the release."""
    revision = f"refs/pr/{num}"
    lacking = _compare(api, options, files, revision=revision)
    names = [*(name for name in lacking.new + lacking.changed if name != CARD), *lacking.stale]
    if CARD in lacking.new + lacking.changed:
        names.append(CARD)  # last, so that a pull request with a card is whole
    batches = [names[start : start + _COMMIT_FILES] for start in range(0, len(names), _COMMIT_FILES)]
    for number, batch in enumerate(batches, 1):
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            CommitOperationDelete(name) if name in lacking.stale else CommitOperationAdd(name, files[name])
            for name in batch
        ]
        part = f", part {number} of {len(batches)}" if len(batches) > 1 else ""
        api.create_commit(
            options.repo,
            operations,
            repo_type="dataset",
            revision=revision,
            commit_message=f"Release {options.tag}{part}",
        )


def _require_card_accepted(card: Path, built: Path) -> None:
    """Asks the Hub before the data go: new data under an old card that cannot be replaced would fit nobody.

    `built` is what the user knows the card as.
    """
    try:
        DatasetCard.load(card).validate()
    except ValueError as error:
        raise PushError(f"not pushed: the Hub refuses {built}: {_told(error)}; build the release anew") from error


def _told(error: Exception) -> str:
    """What went wrong in the Hub's own words, three lines at most; never a request's headers."""
    text = getattr(error, "server_message", None) or str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return masked(" ".join(lines[:3])).rstrip(".") or type(error).__name__
