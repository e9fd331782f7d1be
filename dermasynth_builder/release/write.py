"""Makes one config of a release: replies to checked pairs to Parquet, with the rejects kept beside."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from dermasynth_builder.check.assemble import Recipe, Reject, apply_findings, assemble, find
from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.records import Pair, canonical_json
from dermasynth_builder.core.reporter import Advance, Reporter
from dermasynth_builder.generate.ledger import Ledger
from dermasynth_builder.generate.rounds import Planned
from dermasynth_builder.release.card import Config, ConfigStats
from dermasynth_builder.release.folder import ConfigFiles
from dermasynth_builder.release.parquet import read_rows, write_config

SPECIMEN_FLAG = "specimen: the image is drawn and the facts are invented"


def write_source(planned: Planned, ledger: Ledger, folder: Path, *, settings: Settings, report: Reporter) -> Config:
    """Writes `<folder>/<source>/*.parquet`. Raises ReleaseError where not one pair is left."""
    name = planned.read.name
    assembled = Assembled(planned, ledger, recipe_of(settings))
    rejects = settings.work / "rejects" / f"{name}.jsonl"
    rejects.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        advance = stack.enter_context(report.bar(f"writing {name}", len(planned.read.images)))
        kept = stack.enter_context(rejects.open("w", encoding="utf-8", errors="backslashreplace"))
        output = _Output(kept, ConfigStats(), advance)
        written = write_config(folder / name, output.published(assembled), settings.max_side_px)
    if not written.splits:
        raise ReleaseError(f"{name}: no pair is left to release; the reasons are in {rejects}")
    source = registry.source(name)
    return Config(source, written.splits, output.stats, output.rejected, written.changes, settings.is_specimen)


@dataclass(frozen=True, slots=True)
class Assembled:
    """The pairs of one source. Every pass makes them anew from the ledger, so that none is held in memory."""

    planned: Planned
    ledger: Ledger
    recipe: Recipe

    def __iter__(self) -> Iterator[Pair]:
        """The pairs before checking."""
        return (item for item in self._with_rejects() if isinstance(item, Pair))

    def checked(self) -> Iterator[Pair | Reject]:
        """The pairs after all checks, each with its flags or as a reject."""
        findings = find(self, [registry.check(name) for name in registry.CHECKS])
        for item in self._with_rejects():
            yield apply_findings(item, findings.get(item.pair_id, [])) if isinstance(item, Pair) else item

    def _with_rejects(self) -> Iterator[Pair | Reject]:
        images = {image.image_id: image for image in self.planned.read.images}
        return assemble(self.ledger.answered(self.planned.requests()), images, self.recipe)


def are_specimens(config: ConfigFiles) -> Iterator[bool]:
    """Whether each row of a config is about a drawn specimen."""
    return (SPECIMEN_FLAG in row["flags"] for row in read_rows(config.paths, ["flags"]))


def recipe_of(settings: Settings) -> Recipe:
    """What holds for all pairs of a run."""
    flags = (SPECIMEN_FLAG,) if settings.is_specimen else ()
    return Recipe(settings.engine, settings.seed, settings.split_shares, flags)


@dataclass(slots=True)
class _Output:
    """Counts what is published and writes down what is not."""

    rejects: TextIO
    stats: ConfigStats
    advance: Advance
    rejected: int = 0

    def published(self, assembled: Assembled) -> Iterator[Pair]:
        image_id = ""
        for item in assembled.checked():
            if isinstance(item, Reject):
                self.rejects.write(canonical_json(asdict(item)) + "\n")
                self.rejected += 1
                continue
            if item.image.image_id != image_id:
                image_id = item.image.image_id
                self.advance(1)
            self.stats.take(item)
            yield item
