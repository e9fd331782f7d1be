"""Makes one config of a release: replies to checked pairs to Parquet, with the rejects kept beside."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TextIO

from dermasynth_builder.check.assemble import Reject, ReleaseTerms, assemble, checked
from dermasynth_builder.check.splits import folds_of, splits_of
from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.files import private
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.records import ClinicalImage, Pair, canonical_json
from dermasynth_builder.core.reporter import Advance, Reporter
from dermasynth_builder.generate.ledger import Ledger
from dermasynth_builder.generate.retries import retries_of
from dermasynth_builder.generate.rounds import Planned
from dermasynth_builder.release.card import DATA, Config
from dermasynth_builder.release.folder import ConfigFiles
from dermasynth_builder.release.kept import keep, proof_of, rejects_path
from dermasynth_builder.release.parquet import read_values, write_config
from dermasynth_builder.release.reviews import read_reviews
from dermasynth_builder.release.withdrawn import read_withdrawn

SPECIMEN_FLAG = "specimen: the image is drawn and the facts are invented"


def write_source(planned: Planned, ledger: Ledger, folder: Path, *, settings: Settings, report: Reporter) -> Config:
    """Writes `<folder>/data/<source>/*.parquet`, or takes over those of the old release where they would be the same.

    Raises ReleaseError where not one pair is left.
    """
    name, proof = planned.read.name, proof_of(planned, ledger, settings)
    if config := keep(name, proof, folder, settings=settings):
        return config
    rejects = rejects_path(name, settings)
    with ExitStack() as stack:
        advance = stack.enter_context(report.bar(f"writing {name}", len(planned.read.images)))
        kept = stack.enter_context(private(rejects).open("w", encoding="utf-8", errors="backslashreplace"))
        output = _Output(kept, advance)
        written = write_config(
            folder / DATA / name,
            output.published(checked_pairs(planned, ledger, terms_of(settings, planned.read.images))),
            settings.max_side_px,
        )
    if not written.splits:
        raise ReleaseError(f"{name}: no pair is left to release; the reasons are in {rejects}")
    source = registry.source(name, settings)
    return Config(source, written.splits, output.rejected, written.changes, settings.is_specimen, proof)


def checked_pairs(planned: Planned, ledger: Ledger, terms: ReleaseTerms) -> Iterator[Pair | Reject]:
    """What becomes of all replies to one source's requests, after all checks; an image is in memory at a time."""
    checks = [registry.check(name) for name in registry.CHECKS]
    terms = replace(terms, asked_with={name: ledger.identity[name] for name in ledger.identity.keys() - _NAMED})
    images = planned.read.images
    answered = ledger.answered(retries_of(ledger).current(planned.requests(), ledger))
    for number, of_image in groupby(answered, key=lambda each: each[0].image_number):
        image = images[number]
        yield from checked(assemble(of_image, {image.image_id: image}, terms), checks)


def are_specimens(config: ConfigFiles) -> Iterator[bool]:
    """Whether each row of a config is about a drawn specimen."""
    return (SPECIMEN_FLAG in values["doubts"] for values in read_values(config.paths, ["doubts"]))


def terms_of(settings: Settings, images: Sequence[ClinicalImage]) -> ReleaseTerms:
    """What holds for all pairs of one source in a run; `images` are all that it has there."""
    return ReleaseTerms(
        settings.engine,
        settings.seed,
        splits_of(images, settings.seed, settings.split_shares),
        flags=(SPECIMEN_FLAG,) if settings.is_specimen else (),
        reviews=read_reviews(settings.work),
        withdrawn=read_withdrawn(settings.withdrawn),
        folds=folds_of(images, settings.seed, settings.folds) if settings.folds else {},
    )


_NAMED = {"engine", "model"}  # of an engine's identity; they are columns of their own


@dataclass(slots=True)
class _Output:
    """Counts what is published and writes down what is not."""

    rejects: TextIO
    advance: Advance
    rejected: int = 0

    def published(self, items: Iterable[Pair | Reject]) -> Iterator[Pair]:
        image_id = ""
        for item in items:
            if isinstance(item, Reject):
                self.rejects.write(canonical_json(asdict(item)) + "\n")
                self.rejected += 1
                continue
            if item.image.image_id != image_id:
                image_id = item.image.image_id
                self.advance(1)
            yield item
