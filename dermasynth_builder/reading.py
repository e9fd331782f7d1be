"""Effect: reads one source for a run: its images measured, its problems counted, listed and told."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from dermasynth_builder import registry
from dermasynth_builder.errors import SourceError
from dermasynth_builder.images import ImageIndex
from dermasynth_builder.ledger import Ledger
from dermasynth_builder.licences import licence_of
from dermasynth_builder.novelty import Known, accepted
from dermasynth_builder.plan import Planner
from dermasynth_builder.progress import Reporter
from dermasynth_builder.records import ClinicalImage, Problem, ProblemKind, Request
from dermasynth_builder.replies import question_of
from dermasynth_builder.rounds import Rounds
from dermasynth_builder.settings import Settings

SPECIMEN_LICENCE = "CC0-1.0"
SPECIMEN_ATTRIBUTION = "specimen drawn by a script of dermasynth; no photograph and no patient"
_SHOWN_PROBLEMS = 3


@dataclass(frozen=True, slots=True)
class ReadSource:
    """What one source gave."""

    name: str
    images: Sequence[ClinicalImage]  # usable, sorted by id
    problems: Sequence[Problem]


@dataclass(frozen=True, slots=True)
class Planned:
    """One source with the questions that its images get."""

    read: ReadSource
    planner: Planner
    rounds: Rounds

    def requests(self) -> Iterator[Request]:
        """All requests, those of rounds that have not begun as if nothing had been accepted before them.

        Image by image; made anew at each call, so that none is held in memory.
        """
        shown = cache(self.rounds.shown)
        return self.planner.requests(self.read.images, lambda number: shown(number) or ())

    def requests_of_round(self, number: int) -> Iterator[Request]:
        """The self-instruct requests of a round that has begun; with round 0 also all that belong to no round."""
        return self.planner.requests_of_round(self.read.images, number, cache(self.rounds.shown))

    def begin_round(self, number: int, ledger: Ledger) -> bool:
        """Freezes what a round shows, unless it has begun; False where a request of an earlier round was not asked."""
        if self.rounds.shown(number) is not None:
            return True
        earlier = [r for n in range(number) for r in self.requests_of_round(n) if r.style == "self_instruct"]
        if any(request.key not in ledger for request in earlier):
            return False
        written = (question_of(request, reply) for request, reply in ledger.answered(earlier))
        known = Known().add(self.planner.book.wordings())
        self.rounds.freeze(number, accepted((question for question in written if question), known))
        return True


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
            f"{root}: not one image of {name} is there that can be used; files are looked for by the names in the "
            "table, in any folder below." + (f" Unpack {', '.join(zips[:4])} there first." if zips else "")
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
    return Problem(ProblemKind.ROW_WITHOUT_IMAGE, image.row_place, f"no file {image.file_name} below the folder")


def write_problems(name: str, problems: Sequence[Problem], work: Path) -> Path:
    """Lists the problems of a source, and gives the path of the list: CSV with the columns kind, place, detail."""
    path = work / "problems" / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("kind", "place", "detail"), *((p.kind, p.place, p.detail) for p in problems)])
    return path


def _tell(name: str, problems: Sequence[Problem], settings: Settings, *, report: Reporter) -> None:
    path = write_problems(name, problems, settings.work)
    for kind, count in Counter(problem.kind for problem in problems).items():
        report.warn(f"{name}: {count} x {kind}; all are listed in {path}")
        for problem in [problem for problem in problems if problem.kind == kind][:_SHOWN_PROBLEMS]:
            report.warn(f"  {problem.place}: {problem.detail}")
    if problems and settings.is_strict:
        raise SourceError(f"{name}: {len(problems)} problems, and --strict allows none; they are listed in {path}")
