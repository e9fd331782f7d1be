"""Surveys one source for an audit: all that its tables list, its files measured and, if asked, decoded."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from dermasynth_builder.core import registry
from dermasynth_builder.core.images.index import ImageIndex, broken_image, decode_file
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.protocols import Tallying
from dermasynth_builder.core.records import ClinicalImage, Problem
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.read.source import row_without_image, write_problems


@dataclass(frozen=True, slots=True)
class Decoded:
    """What decoding the measured files in full came to."""

    files: int
    failed: int


@dataclass(frozen=True, slots=True)
class Survey:
    """All that one source lists, be it of use or not."""

    name: str
    title: str  # as its authors write it
    images: Sequence[ClinicalImage]  # in the tables' order; one with a path and no `file` is broken
    problems: Sequence[Problem] = ()
    tallies: Mapping[str, int] = field(default_factory=dict)  # see `Tallying`
    decoded: Decoded | None = None  # None: not asked for


def survey_source(name: str, settings: Settings, report: Reporter) -> Survey:
    """Reads a source from its folder in `settings.raw`, and lists its problems in the working folder.

    Rows without a file stay in; `settings.is_verified` decodes every file.
    Raises SourceError where there is no release.
    """
    source, root = registry.source(name), settings.raw[name]
    read = list(source.read(root))
    listed = [item for item in read if isinstance(item, ClinicalImage)]
    problems = [item for item in read if isinstance(item, Problem)]
    problems += [row_without_image(image) for image in listed if image.path is None]
    images, broken = _measured(listed, settings, report)
    problems += broken
    decoded = None
    if settings.is_verified:
        files = sum(image.file is not None for image in images)
        images, undecodable = _decoded(images, report)
        problems += undecodable
        decoded = Decoded(files, len(undecodable))
    path = write_problems(name, problems, settings.work)
    if problems:
        report.say(f"{name}: {len(problems)} problems are listed in {path}")
    tallies = source.tallies(root) if isinstance(source, Tallying) else {}
    return Survey(name, source.title, images, problems, tallies, decoded)


def _measured(
    images: Sequence[ClinicalImage], settings: Settings, report: Reporter
) -> tuple[list[ClinicalImage], list[Problem]]:
    """All images, measured where their file is whole, and the files that are not."""
    with report.bar("measuring images", len(images)) as advance:
        outcomes = list(ImageIndex(settings.work / "images.sqlite").measure(images, advance))
    pairs = zip(images, outcomes, strict=True)
    kept = [image if isinstance(outcome, Problem) else outcome for image, outcome in pairs]
    return kept, [outcome for outcome in outcomes if isinstance(outcome, Problem)]


def _decoded(images: Sequence[ClinicalImage], report: Reporter) -> tuple[list[ClinicalImage], list[Problem]]:
    """All images, those whose pixels cannot be decoded without their `file`, and why."""
    kept: list[ClinicalImage] = []
    problems: list[Problem] = []
    with ThreadPoolExecutor() as pool, report.bar("decoding images", len(images)) as advance:
        faults = pool.map(lambda image: decode_file(image.path) if image.path and image.file else None, images)
        for image, fault in zip(images, faults, strict=True):
            kept.append(replace(image, file=None) if fault else image)
            problems += [broken_image(image, fault)] if fault else []
            advance(1)
    return kept, problems
