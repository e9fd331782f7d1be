"""Reads one source for a run: its images measured, its problems counted, listed and told."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import SourceError, UsageError
from dermasynth_builder.core.files import private
from dermasynth_builder.core.images.index import ImageIndex
from dermasynth_builder.core.options import Rows, Settings
from dermasynth_builder.core.plain import table_cell
from dermasynth_builder.core.protocols import KeepsNames
from dermasynth_builder.core.records import ClinicalImage, Problem, ProblemKind
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.read.gate import images_of
from dermasynth_builder.read.licences import licence_of
from dermasynth_builder.read.privacy import at_standard
from dermasynth_builder.read.selection import Condition, chosen, conditions_of, part_text, sample, value_of

SPECIMEN_LICENCE = "CC0-1.0"
SPECIMEN_ATTRIBUTION = "specimen drawn by a script of dermasynth; no photograph and no patient"
_SHOWN_PROBLEMS = 3


@dataclass(frozen=True, slots=True)
class OnDisk:
    """How many of the images that a source's tables list are on disk, and which of them count."""

    listed: int
    with_file: int
    rows: Rows

    @classmethod
    def of(cls, images: Sequence[ClinicalImage], problems: Iterable[Problem], rows: Rows) -> "OnDisk":
        """What holds for all that the tables list: these images, and those of which two files clash."""
        clashing = sum(problem.kind == ProblemKind.CLASHING_FILES for problem in problems)
        return cls(len(images) + clashing, sum(image.path is not None for image in images), rows)

    @property
    def is_whole_table(self) -> bool:
        """Whether images count that are not on disk."""
        return self.rows == "all" or (self.rows == "with_image_or_all" and not self.with_file)

    def counted(self, images: Sequence[ClinicalImage]) -> list[ClinicalImage]:
        """Those of the images that count."""
        return [image for image in images if self.is_whole_table or image.path is not None]

    def faults(self, problems: Iterable[Problem]) -> list[Problem]:
        """The problems, but rows without image where most are so: then a part was fetched on purpose."""
        is_part = 2 * self.with_file < self.listed
        return [each for each in problems if not (is_part and each.kind == ProblemKind.ROW_WITHOUT_IMAGE)]

    def __str__(self) -> str:
        """ "12 of 2,298 images on disk"."""
        found = f"{self.with_file:,} of {self.listed:,} images on disk" if self.with_file else "no image on disk"
        return f"{found}; counts are of the {self.listed:,} images in the tables" if self.is_whole_table else found


@dataclass(frozen=True, slots=True)
class ReadSource:
    """What one source gave."""

    name: str
    images: Sequence[ClinicalImage]  # usable, sorted by id
    problems: Sequence[Problem]  # see `OnDisk.faults`
    on_disk: OnDisk = OnDisk(0, 0, "with_image")
    chosen_of: int = 0  # images from which these were chosen, see `PlanOptions`


def read_source(name: str, settings: Settings, report: Reporter) -> ReadSource:
    """Reads a source from its folder in `settings.raw`.

    Raises SourceError where there is no release, no usable image, or a problem under `settings.is_strict`, and
    UsageError where `settings.plan_options` choose no image, or by what there is not.
    """
    conditions = conditions_of(settings.plan_options.where)
    images, problems = _listed(name, settings, report)
    _require_known(name, images, conditions, settings=settings, report=report)
    on_disk = OnDisk.of(images, problems, settings.rows)
    problems += [] if on_disk.is_whole_table else rows_without_image(images)
    counted = on_disk.counted(images)
    wanted = chosen(counted, conditions)
    measured = _measured(name, wanted, settings, report=report)
    problems += [item for item in measured if isinstance(item, Problem)]
    faults = _told(name, problems, on_disk, settings=settings, report=report)
    usable = [_published(item, settings) for item in measured if isinstance(item, ClinicalImage)]
    with report.bar(f"looking at images of {name}", len(usable)) as advance:
        usable = ImageIndex(settings.work / "images.sqlite").look(usable, advance)
    part = part_text(settings.plan_options)
    if counted and not wanted:
        raise UsageError(f"{name}: none of {len(counted):,} images fits: {part}; choose otherwise or leave {name} out")
    if not usable:
        raise _no_usable(name, settings.raw[name], on_disk)
    if part:
        report.say(f"{name}: {len(usable):,} of {len(counted):,} images chosen ({part})")
    report.say(f"{name}: {len(usable)} images to ask about")
    _tell_names(name, usable, settings, report=report)
    return ReadSource(name, sorted(usable, key=lambda image: image.image_id), faults, on_disk, len(counted))


def _tell_names(name: str, images: Sequence[ClinicalImage], settings: Settings, *, report: Reporter) -> None:
    """Warns of names that its owner gave and that will be published; of those that hold a date, how many they are."""
    source = registry.source(name, settings)
    if not (isinstance(source, KeepsNames) and source.are_names_kept):
        return
    names = list(dict.fromkeys(each for image in images for each in (image.image_id, image.group_id)))
    dated = [each for each in names if _DATE.search(each)]
    told = f"{len(dated):,} of them seem to hold a date, as {dated[0]!r}. " if dated else ""
    shown = ", ".join(map(repr, [images[0].image_id, images[-1].image_id, images[0].group_id]))
    report.warn(
        f"{name}: names of images and groups are published as ids, as {shown}. {told}If they tell of a person, a date "
        'or a record, write names = "hashed" into the recipe\'s [folder]'
    )


_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d[-_. ]?(?:0[1-9]|1[0-2])[-_. ]?(?:0[1-9]|[12]\d|3[01])(?!\d)")


def _listed(name: str, settings: Settings, report: Reporter) -> tuple[list[ClinicalImage], list[Problem]]:
    """What the tables list, under licences that are wanted, and what is wrong with it."""
    read = list(read_tables(name, settings, report))
    images = [item for item in read if isinstance(item, ClinicalImage)]
    if settings.is_permissive_only:
        images = _permissive(name, images, report)
    return images, [item for item in read if isinstance(item, Problem)]


def read_tables(name: str, settings: Settings, report: Reporter) -> Iterator[ClinicalImage | Problem]:
    """What a source reads in its folder, with a bar."""
    with report.bar(f"reading tables of {name}", None) as advance:
        for item in images_of(registry.source(name, settings), settings.raw[name]):
            advance(1)
            yield item


def _no_usable(name: str, root: Path, on_disk: OnDisk) -> SourceError:
    zips = sorted(path.name for path in root.rglob("*.zip"))
    return SourceError(
        f"found no usable image of {name} under {root} ({on_disk.listed:,} rows, {on_disk.with_file:,} files). "
        "Files are matched by name, in any subfolder." + (f" Unpack {', '.join(zips[:4])} there first." if zips else "")
    )


def _require_known(
    name: str, images: Sequence[ClinicalImage], wanted: Iterable[Condition], *, settings: Settings, report: Reporter
) -> None:
    """Tells which values no image has. Raises UsageError there, unless other sources may have them."""
    for condition in wanted:
        for told in condition.unknown(value_of(image, condition.field) for image in images):
            if len(settings.raw) == 1:
                raise UsageError(f"{name}, --where: {told}")
            report.warn(f"{name}, --where: {told}")


def _measured(
    name: str, images: Sequence[ClinicalImage], settings: Settings, *, report: Reporter
) -> list[ClinicalImage | Problem]:
    """The images measured until as many are usable as are wanted, a fixed sample of them; with broken ones between."""
    limit = settings.plan_options.limit
    measured: list[ClinicalImage | Problem] = []
    with report.bar(f"measuring images of {name}", min(limit or len(images), len(images))) as advance:
        usable = 0
        for item in ImageIndex(settings.work / "images.sqlite").measure(sample(images) if limit else images, advance):
            measured.append(item)
            usable += isinstance(item, ClinicalImage)
            if usable == limit:
                break
    return measured


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
    """The image with the facts and under the licence that it goes out with."""
    facts = at_standard(image.facts) if settings.privacy == "standard" else image.facts
    if settings.is_specimen:
        return replace(image, facts=facts, licence=SPECIMEN_LICENCE, attribution=SPECIMEN_ATTRIBUTION)
    return image if facts is image.facts else replace(image, facts=facts)


def rows_without_image(images: Iterable[ClinicalImage]) -> list[Problem]:
    """The problems of images that a table lists and whose files are not there."""
    return [
        Problem(ProblemKind.ROW_WITHOUT_IMAGE, image.row_location, f"no file {image.file_name} below the folder")
        for image in images
        if image.path is None
    ]


def write_problems(name: str, problems: Sequence[Problem], work: Path) -> Path:
    """Lists the problems of a source, and gives the path of the list: CSV with the columns kind, location, detail."""
    path = work / "problems" / f"{name}.csv"
    with private(path).open("w", encoding="utf-8", newline="") as file:
        rows = ((each.kind, table_cell(each.location), table_cell(each.detail)) for each in problems)
        csv.writer(file).writerows([("kind", "location", "detail"), *rows])
    return path


def _told(
    name: str, problems: Sequence[Problem], on_disk: OnDisk, *, settings: Settings, report: Reporter
) -> list[Problem]:
    """Lists all problems, tells of the faults among them, and gives these.

    Raises SourceError for any problem under `settings.is_strict`.
    """
    path = write_problems(name, problems, settings.work)
    if on_disk.with_file < on_disk.listed:
        report.say(f"{name}: {on_disk}")
    faults = on_disk.faults(problems)
    for kind, count in Counter(problem.kind for problem in faults).items():
        report.warn(f"{name}: {count} x {kind}; all are listed in {path}")
        for problem in [problem for problem in faults if problem.kind == kind][:_SHOWN_PROBLEMS]:
            report.warn(f"  {problem.location}: {problem.detail}")
    if problems and settings.is_strict:
        raise SourceError(f"{name}: {len(problems)} problems, and --strict allows none; they are listed in {path}")
    return faults
