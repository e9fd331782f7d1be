"""Sends a release to a dataset repository of the Hugging Face Hub.

All files go into one pull request, which is merged when it is whole: whoever loads in between meets the old release or
the new one. Then the head is tagged. What the Hub has already is not sent again, and a push that was cut off goes on
with the pull request that it left open.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from json import JSONDecodeError
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError is httpx's or httpx2's, by version
    BadRequestError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
)
from huggingface_hub.utils._http import get_session, hf_raise_for_status
from huggingface_hub.utils.tqdm import disable_progress_bars

from dermasynth_builder.core.errors import PushError, ReleaseError
from dermasynth_builder.core.hub import hub_address
from dermasynth_builder.core.hub_options import PushOptions
from dermasynth_builder.core.options import WITHDRAWN
from dermasynth_builder.core.records import digest, is_fake_version
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.core.wording import join_words
from dermasynth_builder.generate.foreign import masked
from dermasynth_builder.release.card import with_repository
from dermasynth_builder.release.folder import (
    CARD,
    ConfigFiles,
    files_of,
    read_card,
    read_closed,
    sources_of,
    values_in,
    verify,
)
from dermasynth_builder.release.on_the_hub import MAIN, Difference, Snapshot, compared, snapshot
from dermasynth_builder.release.parquet import read_values
from dermasynth_builder.release.viewer import viewer_faults
from dermasynth_builder.release.withdrawn import parse_withdrawn, read_withdrawn, why_withdrawn, withdrawn_of
from dermasynth_builder.release.write import has_controls

_COMMIT_FILES = 50  # of a commit: the Hub gives one a minute
_TAG = re.compile(r"(?!(main|HEAD|[0-9a-f]{40})$)[A-Za-z0-9]([A-Za-z0-9_+-]|\.(?!\.|lock$|$))*")

Ask = Callable[[str], bool]
"""Asks a yes-or-no question of whoever runs the command; False where nobody can be asked."""


def push(options: PushOptions, report: Reporter, ask: Ask = lambda _: False) -> Difference:
    """Sends the release, or with `is_dry` says what would go. `ask` is asked before old shards are deleted.

    Raises PushError where the release must not go or the Hub refuses.
    """
    _require_names(options)
    try:
        checked = _stamps(options.release)
        fit = _require_fit(options, report)
    except ReleaseError as error:
        raise PushError(f"not pushed: {error}") from error
    with TemporaryDirectory(prefix="dermasynth-") as folder:
        files = _with_repository(fit, options.repo, Path(folder))
        api = HfApi(hub_address(lambda why: PushError(f"not pushed: {why}")))
        return _pushed(_Order(options, api, files, checked), report, ask=ask)


def _require_names(options: PushOptions) -> None:
    if options.repo.count("/") != 1:
        raise PushError(f"{options.repo!r} is not a repository name; write it as USER/NAME")
    if not _TAG.fullmatch(options.tag):
        raise PushError(
            f"--tag: {options.tag!r} cannot name a release; write letters, digits, '.', '-', '+' and '_', as in v1.0.0"
        )


@dataclass(frozen=True, slots=True)
class _Order:
    """What goes, and where."""

    options: PushOptions
    api: HfApi
    files: Mapping[str, Path]  # by path in the repository
    checked: Mapping[Path, tuple[int, ...]]  # `_stamps` of the release before it was checked

    @property
    def where(self) -> str:
        """The address of the repository's page."""
        return f"{self.api.endpoint}/datasets/{self.options.repo}"

    @property
    def title(self) -> str:
        """Of its pull request: no two releases share one, whoever pushes another under the same tag meanwhile."""
        return f"{self.tag_title}{digest(self.files[CARD].read_text(encoding='utf-8'))[:8]})"

    @property
    def tag_title(self) -> str:
        """What the title of each pull request for this tag begins with."""
        return f"Release {self.options.tag} ("

    def compared(self, ref: str = MAIN) -> Difference:
        """How it differs from what a reference of the repository leads to."""
        return compared(snapshot(self.api, self.options.repo, ref), self.files, tag=self.options.tag)


def _stamps(release: Path) -> dict[Path, tuple[int, ...]]:
    """Size, time and place on the disk of each file of a release, by which any later writer shows."""
    stats = {path: path.stat() for path in files_of(release, read_card(release)).values()}
    return {path: (stat.st_size, stat.st_mtime_ns, stat.st_ino) for path, stat in stats.items()}


def _with_repository(files: Mapping[str, Path], repo: str, folder: Path) -> dict[str, Path]:
    """The files, with a card in `folder` whose code loads the repository that it goes to."""
    card = folder / CARD
    card.write_text(with_repository(files[CARD].read_text(encoding="utf-8"), repo), encoding="utf-8")
    return {**files, CARD: card}


def _pushed(order: _Order, report: Reporter, *, ask: Ask) -> Difference:
    if not sys.stderr.isatty():
        disable_progress_bars()  # huggingface_hub draws its own, on terminals and into logs alike
    options = order.options
    try:
        difference = _compare_if_reached(order, report)
        _tell(difference, order.files, report)
        if difference.is_none:
            report.say(f"{options.repo} has this release already, tagged {options.tag}; nothing to send")
            return difference
        _require_free_tag(options, difference)
        if not options.is_dry:
            _require_deletion_wanted(options, difference, ask)
            report.say(_sent(order, difference))
    except (HTTPError, HFValidationError, JSONDecodeError, OSError) as error:
        raise PushError(
            f"the Hub did not take {options.release} as {options.repo}: {_told(error)}. Push again to continue "
            "where it stopped; if it is about access, check the name and log in with `hf auth login` (a token "
            "that may write)"
        ) from error
    return difference


def _require_fit(options: PushOptions, report: Reporter) -> dict[str, Path]:
    """The release's files by their path in the repository, after all refusals."""
    configs = verify(options.release, report)
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


def _require_nothing_unwithdrawn(options: PushOptions, main: Snapshot) -> None:
    """What the Hub's own list names must not come back, nor be forgotten."""
    text = main.text(WITHDRAWN)
    there = parse_withdrawn(text, f"{options.repo}/{WITHDRAWN}") if text else {}
    here = read_withdrawn(options.release / WITHDRAWN)
    if lost := sorted(name for name in there if not why_withdrawn(name, here)):
        raise PushError(
            f"not pushed: {options.repo} has withdrawn {', '.join(lost[:3])}{' ...' if lost[3:] else ''}, and the list "
            f"of this release does not; add the lines of {options.repo}'s {WITHDRAWN} to yours and build anew"
        )


def _compare_if_reached(order: _Order, report: Reporter) -> Difference:
    """How the release differs; a dry run does without the Hub where it cannot be reached, and takes all for new."""
    try:
        main = snapshot(order.api, order.options.repo)
        difference = compared(main, order.files, tag=order.options.tag)
        _require_nothing_unwithdrawn(order.options, main)
    except (HTTPError, ConnectionError, LocalEntryNotFoundError) as error:
        if not order.options.is_dry or isinstance(error, HfHubHTTPError):
            raise
        report.warn(f"cannot reach the Hub ({_told(error)}); these are all files, of which it may have some already")
        return Difference(tuple(order.files), (), (), ())
    return difference


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


def _sent(order: _Order, difference: Difference) -> str:
    """Sends what differs, merges and tags it; gives what was done in a sentence."""
    options, api = order.options, order.api
    commit = difference.commit
    if difference.has_changes:
        if CARD in difference.new + difference.changed:
            _require_card_accepted(order)
        api.create_repo(options.repo, repo_type="dataset", private=options.is_private, exist_ok=True)
        pull = _pull_request(order)
        _complete(order, num=pull.num)
        if options.is_pull_request:
            return f"{order.where}/discussions/{pull.num} holds the release; merge it there, then push again to tag it"
        commit = _merged(order, pull)
    api.create_tag(options.repo, tag=options.tag, revision=commit, repo_type="dataset")
    return f"pushed to {order.where}, tagged {options.tag}"


def _merged(order: _Order, pull: Any) -> str:
    """Merges a pull request that holds the release; gives the commit at which the repository has it."""
    options, api = order.options, order.api
    _require_nothing_unwithdrawn(options, snapshot(api, options.repo))
    if pull.status == "draft":
        api.change_discussion_status(options.repo, pull.num, "open", repo_type="dataset")
    api.merge_pull_request(options.repo, pull.num, repo_type="dataset")
    found = order.compared()
    if found.has_changes:
        raise PushError(f"{order.where} was changed by somebody else while this was merged; look at it and push again")
    return found.commit


def _pull_request(order: _Order) -> Any:
    """The pull request that an earlier push of this tag has left open, or a new one.

    One of another release for this tag is closed, and one that cannot be merged any more, since the repository was
    changed after it began.
    """
    repo, api = order.options.repo, order.api
    opened = api.get_repo_discussions(
        repo,
        repo_type="dataset",
        author=api.whoami()["name"],
        discussion_type="pull_request",
        discussion_status="open",
    )
    for pull in [pull for pull in opened if pull.title.startswith(order.tag_title)]:
        is_ours = pull.title == order.title
        if is_ours and not api.get_discussion_details(repo, pull.num, repo_type="dataset").conflicting_files:
            return pull
        api.change_discussion_status(repo, pull.num, "closed", comment=_SUPERSEDED, repo_type="dataset")
    return api.create_pull_request(repo, order.title, repo_type="dataset", description=_DESCRIPTION)


_DESCRIPTION = (
    "All files of a release, sent by `dermasynth push`. It is whole when the command says so, and not before."
)
_SUPERSEDED = (
    "Another pull request takes the place of this one: of another release, or after a change of the repository."
)


def _complete(order: _Order, *, num: int) -> None:
    """Commits to a pull request what it lacks of the release. Raises PushError where it then does not hold just that.

    Files that were written since they were checked are nobody's release, nor is what a .gitignore there has kept out.
    """
    ref = f"refs/pr/{num}"
    for operations, message in _commits(order, order.compared(ref)):
        order.api.create_commit(
            order.options.repo, operations, repo_type="dataset", revision=ref, commit_message=message
        )
    if _stamps(order.options.release) != order.checked:
        raise PushError(f"not merged: {order.options.release} was written to while it was pushed; push again")
    left = order.compared(ref)
    if names := [*left.new, *left.changed, *left.stale]:
        raise PushError(
            f"not merged: {order.where}/discussions/{num} does not hold {', '.join(names[:3])} as this release does; "
            "if a .gitignore there keeps files out, delete it there, and push again"
        )


def _commits(
    order: _Order, lacking: Difference
) -> Iterator[tuple[list[CommitOperationAdd | CommitOperationDelete], str]]:
    """The commits that add what is lacking and delete what is stale, each with its message."""
    names = [*(name for name in lacking.new + lacking.changed if name != CARD), *lacking.stale]
    if CARD in lacking.new + lacking.changed:
        names.append(CARD)  # last, so that a pull request with a card is whole
    batches = [names[start : start + _COMMIT_FILES] for start in range(0, len(names), _COMMIT_FILES)]
    for number, batch in enumerate(batches, 1):
        part = f", part {number} of {len(batches)}" if len(batches) > 1 else ""
        yield (
            [
                CommitOperationDelete(name) if name in lacking.stale else CommitOperationAdd(name, order.files[name])
                for name in batch
            ],
            f"Release {order.options.tag}{part}",
        )


def _require_card_accepted(order: _Order) -> None:
    """Asks the Hub before the data go: new data under an old card that cannot be replaced would fit nobody.

    The client's own way asks huggingface.co, whatever Hub the release goes to, in versions before 2.
    """
    told = {"repoType": "dataset", "content": order.files[CARD].read_text(encoding="utf-8")}
    address, headers = f"{order.api.endpoint}/api/validate-yaml", {"Accept": "text/plain"}
    response = get_session().post(address, json=told, headers=headers)
    try:
        hf_raise_for_status(response)
    except BadRequestError as error:
        raise PushError(
            f"not pushed: the Hub refuses {order.options.release / CARD}: {_in_short(response.text)}; build the "
            "release anew"
        ) from error


def _told(error: Exception) -> str:
    """What went wrong in the Hub's own words; never a request's headers."""
    if isinstance(error, JSONDecodeError):
        return "its answer is not JSON; a proxy or a page to log in to the network may stand between"
    return _in_short(getattr(error, "server_message", None) or str(error)) or type(error).__name__


def _in_short(text: str) -> str:
    """Three lines at most, as one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return masked(" ".join(lines[:3])).rstrip(".")
