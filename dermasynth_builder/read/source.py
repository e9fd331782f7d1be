"""Reads one source for a run: its images measured, its problems counted, listed and told."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.images.index import ImageIndex
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.records import ClinicalImage, Problem, ProblemKind
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.read.licences import licence_of

SPECIMEN_LICENCE = "CC0-1.0"
SPECIMEN_ATTRIBUTION = "specimen drawn by a script of dermasynth; no photograph and no patient"
_SHOWN_PROBLEMS = 3


@dataclass(frozen=True, slots=True)
class ReadSource:
    """What one source gave."""

    name: str
    images: Sequence[ClinicalImage]  # usable, sorted by id
    problems: Sequence[Problem]


def read_source(name: str, settings: Settings, report: Reporter) -> ReadSource:
    """Reads a source from its folder in `settings.raw`.

    Raises SourceError where there is no release, no usable image, or a problem under `settings.is_strict`.
    """
    root = settings.raw[name]
    read = list(registry.source(name).read(root))
    images = [item for item in read if isinstance(item, ClinicalImage)]
    problems = [item for item in read if isinstance(item, Problem)]
    if settings.is_permissive_only:
        images = _permissive(name, images, report)
    found = f"{len(images):,} rows, {sum(image.path is not None for image in images):,} files"
    if not settings.is_missing_allowed:
        problems += [row_without_image(image) for image in images if image.path is None]
        images = [image for image in images if image.path is not None]
    with report.bar(f"measuring images of {name}", len(images)) as advance:
        measured = list(ImageIndex(settings.work / "images.sqlite").measure(images, advance))
    problems += [item for item in measured if isinstance(item, Problem)]
    _tell(name, problems, settings, report=report)
    usable = [_published(item, settings) for item in measured if isinstance(item, ClinicalImage)]
    if not usable:
        zips = sorted(path.name for path in root.rglob("*.zip"))
        raise SourceError(
            f"found no usable image of {name} under {root} ({found}). Files are matched by name, in any subfolder."
            + (f" Unpack {', '.join(zips[:4])} there first." if zips else "")
        )
    report.say(f"{name}: {len(usable)} images to ask about")
    return ReadSource(name, sorted(usable, key=lambda image: image.image_id), problems)


def _permissive(name: str, images: list[ClinicalImage], report: Reporter) -> list[ClinicalImage]:
    """The images under permissive licences. Raises SourceError where there is none."""
    kept = [image for image in images if licence_of(image.licence).permits_commerce_with_attribution]
    licences = ", ".join(sorted({image.licence for image in images} - {image.licence for image in kept}))
    if not kept:
        raise SourceError(
            f"{name}: no image is under a permissive licence, they are under {licences}; leave {name} out"
        )
    if len(kept) < len(images):
        report.say(f"{name}: {len(images) - len(kept)} images are left out for their licence: {licences}")
    return kept


def _published(image: ClinicalImage, settings: Settings) -> ClinicalImage:
    """The image under the licence that it goes out with."""
    if not settings.is_specimen:
        return image
    return replace(image, licence=SPECIMEN_LICENCE, attribution=SPECIMEN_ATTRIBUTION)


def row_without_image(image: ClinicalImage) -> Problem:
    """The problem of an image that a table lists and whose file is not there."""
    return Problem(ProblemKind.ROW_WITHOUT_IMAGE, image.row_location, f"no file {image.file_name} below the folder")


def write_problems(name: str, problems: Sequence[Problem], work: Path) -> Path:
    """Lists the problems of a source, and gives the path of the list: CSV with the columns kind, location, detail."""
    path = work / "problems" / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [("kind", "location", "detail"), *((p.kind, p.location, p.detail) for p in problems)]
        )
    return path


def _tell(name: str, problems: Sequence[Problem], settings: Settings, *, report: Reporter) -> None:
    path = write_problems(name, problems, settings.work)
    for kind, count in Counter(problem.kind for problem in problems).items():
        report.warn(f"{name}: {count} x {kind}; all are listed in {path}")
        for problem in [problem for problem in problems if problem.kind == kind][:_SHOWN_PROBLEMS]:
            report.warn(f"  {problem.location}: {problem.detail}")
    if problems and settings.is_strict:
        raise SourceError(f"{name}: {len(problems)} problems, and --strict allows none; they are listed in {path}")
