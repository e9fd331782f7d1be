"""Builds a release again from its recipe, its replies and the raw images, and compares the bytes."""

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import file_digest
from json import JSONDecodeError
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from dermasynth_builder import __version__, pipeline
from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.hub import hub_address
from dermasynth_builder.core.options import RECIPE, WITHDRAWN, Settings
from dermasynth_builder.core.recipe import read_recipe
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.generate.foreign import masked
from dermasynth_builder.release.card import repository_of, with_repository
from dermasynth_builder.release.examples import FIGURES
from dermasynth_builder.release.folder import (
    CARD,
    TEXTS,
    files_of,
    is_figure,
    is_release,
    read_card,
    require_current,
    verify,
)
from dermasynth_builder.release.judgements import VERDICTS
from dermasynth_builder.release.on_the_hub import patterns_in
from dermasynth_builder.release.parquet import read_values
from dermasynth_builder.release.reviews import review_folder

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@dataclass(frozen=True, slots=True)
class Proof:
    """How a release and what was built again differ, by paths in it."""

    same: tuple[str, ...]
    different: tuple[str, ...]
    missing: tuple[str, ...]  # what was built and the release has not
    added: tuple[str, ...]  # what the release has and was not built
    first: str = ""  # where the first difference is, in words

    @property
    def is_whole(self) -> bool:
        """Whether both are the same, byte for byte."""
        return not (self.different or self.missing or self.added)


def fetched(named: str, to: Path) -> Path:
    """The folder of a release: one that is there, or that of "USER/NAME@TAG" after it was fetched below `to`.

    Raises ReleaseError where it is neither.
    """
    if is_release(Path(named)):
        return Path(named)
    repo, _, revision = named.partition("@")
    if repo.count("/") != 1 or Path(named).exists():
        raise ReleaseError(f"{named} is not a release; give a release's folder, or USER/NAME@TAG of one on the Hub")
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, HTTPError  # type: ignore[attr-defined]
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()  # `prove` draws its own
    api = HfApi(hub_address(lambda why: ReleaseError(f"{named} was not fetched: {why}")))
    try:
        return _fetched(api, repo, revision or None, to=to / "release")
    except JSONDecodeError as error:
        raise ReleaseError(
            f"{named} did not come from the Hub: its answer is not JSON; a proxy or a page to log in to the network "
            "may stand between"
        ) from error
    except (HTTPError, HFValidationError, OSError) as error:
        told = next(iter(str(error).splitlines()), type(error).__name__)
        raise ReleaseError(f"{named} did not come from the Hub: {masked(told)}") from error


def _fetched(api: "HfApi", repo: str, revision: str | None, *, to: Path) -> Path:
    """What the card of a repository names, at one commit; its owner may keep other files there too."""
    commit = api.dataset_info(repo, revision=revision).sha
    options: dict[str, Any] = {"repo_type": "dataset", "revision": commit, "local_dir": to}
    api.snapshot_download(repo, allow_patterns=[CARD], **options)
    card = (to / CARD).read_text(encoding="utf-8", errors="replace") if (to / CARD).is_file() else ""
    pictures = re.findall(rf"\]\(({FIGURES}/[^)*?\[]+)\)", card)
    api.snapshot_download(repo, allow_patterns=[*TEXTS, *pictures, *patterns_in(card).of_releases], **options)
    return to


def recipe_in(release: Path) -> Settings:
    """The recipe that a release carries. Raises ReleaseError where it has none."""
    if not (release / RECIPE).is_file():
        raise ReleaseError(
            f"{release} has no {RECIPE} to build it again by; an older version made it: build the release anew"
        )
    return read_recipe(release / RECIPE)


def prove(release: Path, raw: Mapping[str, Path], ledgers: Path | None, *, report: Reporter) -> Proof:
    """Builds the release again beside it, in a folder of its own that is removed, and compares.

    `raw` gives the raw release of each source of its recipe; `ledgers` the replies of its engine, but an engine in
    which no model takes part is asked again. What persons and other models said of the pairs is taken from the folders
    beside `ledgers`, where a working folder has them. Raises ReleaseError where the release does not hold together.
    """
    require_current(release, read_card(release).values())
    verify(release, report)
    with TemporaryDirectory(prefix=".proof-", dir=release.resolve().parent) as folder:
        settings = _again(recipe_in(release), release, raw, folder=Path(folder))
        _bring_replies(settings, ledgers, report)
        pipeline.build(settings, report)
        return _compared(release, settings.out)


def _again(recipe: Settings, release: Path, raw: Mapping[str, Path], *, folder: Path) -> Settings:
    work, out = folder / "work", folder / "release"
    return replace(recipe, raw=raw, work=work, out=out, withdrawn=release / WITHDRAWN)


def _bring_replies(settings: Settings, ledgers: Path | None, report: Reporter) -> None:
    target = settings.work / "ledgers"
    if ledgers is not None:
        if not ledgers.is_dir():
            raise ReleaseError(f"--ledgers: {ledgers} is not a folder; name the one that holds the release's replies")
        shutil.copytree(ledgers, target)
        for said in (review_folder(settings.work), settings.work / VERDICTS):
            if (beside := ledgers.parent / said.name).is_dir():
                shutil.copytree(beside, said)
    engine = pipeline.open_engine(settings)
    if engine.is_model and not len(pipeline.open_ledger(engine, settings, report)):
        raise ReleaseError(
            f"the engine {settings.engine} has no replies here, and would have to be paid again; name the folder of "
            "the release's ledger with --ledgers"
        )


def _compared(release: Path, again: Path) -> Proof:
    old, new = (files_of(folder, read_card(folder)) for folder in (release, again))
    both = [name for name in old if name in new]
    different = tuple(name for name in both if not _is_same(name, old[name], new[name]))
    named = min(different, key=lambda name: not name.endswith(".parquet"), default="")  # rows say more than pages
    first = next(_differences(old[named], new[named]), "") if named else ""
    return Proof(
        same=tuple(name for name in both if name not in different),
        different=different,
        missing=tuple(name for name in new if name not in old),
        added=tuple(name for name in old if name not in new),
        first=first and f"{named}, {first}",
    )


def _is_same(name: str, old: Path, new: Path) -> bool:
    """Whether two files of one name are the same; a card that was pushed names its repository in its code."""
    if name != CARD or _sha256(old) == _sha256(new):
        return _sha256(old) == _sha256(new)
    card = old.read_text(encoding="utf-8", errors="replace")
    return card == with_repository(new.read_text(encoding="utf-8"), repository_of(card))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _differences(old: Path, new: Path) -> Iterator[str]:
    """Where two files of one name differ, in words."""
    if is_figure(f"{old.parent.name}/{old.name}"):
        yield "the picture"
        return
    if old.suffix != ".parquet":
        texts = (path.read_text(encoding="utf-8", errors="replace").splitlines() for path in (old, new))
        pairs = enumerate(zip(*texts, strict=False), 1)
        yield from (f"line {number}: {a!r}, and again {b!r}" for number, (a, b) in pairs if a != b)
        return
    for a, b in zip(read_values([old]), read_values([new]), strict=False):
        if a["pair_id"] != b["pair_id"]:
            yield f"row {a['pair_id']}, where again is {b['pair_id']}"
        for name in a:
            if a[name] != b[name] and name != "image":
                yield f"row {a['pair_id']}, {name}: {a[name]!r}, and again {b[name]!r}"
            elif a[name] != b[name]:
                yield f"row {a['pair_id']}: another image"
    writers = (pq.read_metadata(path).created_by for path in (old, new))
    yield "the same rows in other bytes: written by {}, and again by {}".format(*writers)


def proof_text(proof: Proof) -> str:
    """What came out, in lines."""
    if proof.is_whole:
        return f"all {len(proof.same)} files are the same, byte for byte (dermasynth {__version__})"
    parts = {"different": proof.different, "built again only": proof.missing, "not built again": proof.added}
    lines = [f"{label}: {', '.join(names)}" for label, names in parts.items() if names]
    return "\n".join([f"{len(proof.same)} files are the same", *lines, *([proof.first] if proof.first else [])])
