"""What a source holds, counted: files, labels, people, groups, rights, problems.

Files are measured and, if asked, decoded. All counts are of images, one for each file that the tables list, unless
their name says otherwise; mostly of those on disk, see `Settings.rows`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from operator import attrgetter
from statistics import median
from typing import TYPE_CHECKING, Any

from dermasynth_builder.check.copies import Copies
from dermasynth_builder.core import registry
from dermasynth_builder.core.images.index import ImageIndex, broken_image, decode_file
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.protocols import CountsTables
from dermasynth_builder.core.records import ClinicalImage, Facts, ImageFile, Problem
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.pipeline import copies_of
from dermasynth_builder.read.giveaways import Giveaway, giveaways
from dermasynth_builder.read.privacy import People, people_of
from dermasynth_builder.read.source import OnDisk, read_tables, rows_without_image, write_problems

if TYPE_CHECKING:
    from pandas import DataFrame, Series


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
    images: Sequence[ClinicalImage]  # that count, in the tables' order; one with a path and no `file` is broken
    on_disk: OnDisk
    problems: Sequence[Problem] = ()  # see `OnDisk.faults`
    tallies: Mapping[str, int] = field(default_factory=dict)  # see `CountsTables`
    decoded: Decoded | None = None  # None: not asked for
    copies: Copies = field(default_factory=lambda: Copies((), ()))  # among its own images


def survey_source(name: str, settings: Settings, report: Reporter) -> Survey:
    """Reads a source from its folder in `settings.raw`, and lists its problems in the working folder.

    `settings.rows` says which images count; `settings.is_verified` decodes every file.
    Raises SourceError where there is no release.
    """
    source, root = registry.source(name, settings), settings.raw[name]
    read = list(read_tables(name, settings, report))
    listed = [item for item in read if isinstance(item, ClinicalImage)]
    problems = [item for item in read if isinstance(item, Problem)]
    on_disk = OnDisk.of(listed, problems, settings.rows)
    problems += rows_without_image(listed)
    images, broken = _measured(on_disk.counted(listed), settings, report)
    problems += broken
    decoded = None
    if settings.is_verified:
        files = sum(image.file is not None for image in images)
        images, undecodable = _decoded(images, report)
        problems += undecodable
        decoded = Decoded(files, len(undecodable))
    path = write_problems(name, problems, settings.work)
    if problems:
        report.say(f"{name}: {len(problems):,} problems and images not on disk are listed in {path}")
    tallies = source.tallies(root) if isinstance(source, CountsTables) else {}
    copies = copies_of(images, settings, report)
    return Survey(name, source.title, copies.images, on_disk, on_disk.faults(problems), tallies, decoded, copies)


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


Counts = Mapping[str, int]  # what is not recorded is not counted
NOT_RECORDED = "not recorded"  # a group of its own where counts are parted by a fact that may be missing
_FIRST_LOCATIONS = 3


@dataclass(frozen=True, slots=True)
class Spread:
    """Where some numbers lie."""

    least: int
    median: float
    most: int


@dataclass(frozen=True, slots=True)
class FileCounts:
    """The images as files."""

    listed: int  # in the tables
    with_file: int
    usable: int  # their file is whole, as far as it was looked at
    without_file: int
    counted: int  # what the counts that follow are of: those with a file, or all
    decoded: Decoded | None  # None: not asked for
    modality: Counts
    formats: Counts  # Pillow's format and mode: "PNG RGBA"
    width_px: Spread | None
    height_px: Spread | None
    size_bytes: Spread | None


@dataclass(frozen=True, slots=True)
class DiagnosisCount:
    """One published diagnosis and how many images have it."""

    published: str
    name: str | None  # in words; None where the release's word names no disease or is not known
    isic: str | None  # node of the ISIC taxonomy; None where it has no place there
    images: int


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """What is known of the disease."""

    labelled: int  # have a diagnosis, or several that were considered
    unlabelled: int
    with_one_diagnosis: int
    in_isic_taxonomy: int
    diagnoses: Sequence[DiagnosisCount]  # most frequent first
    outside_isic_taxonomy: Counts
    differential: Counts  # images for which each condition was considered
    malignancy: Counts
    malignancy_published: Counts
    confirmation: Counts


@dataclass(frozen=True, slots=True)
class PeopleCounts:
    """What is known of the people; each image counts, so that a person with many weighs more."""

    age_years: Spread | None
    with_age_years: int
    age_zero: int  # of those; a real age
    age_bands: Counts  # as published where no age in years is
    ages_by_sex: Mapping[str, Counts]  # sex or `NOT_RECORDED` -> ten years, or published band
    sex: Counts
    body_site: Counts
    fitzpatrick: Mapping[str, Counts]  # rater or `NOT_RECORDED` -> phototype "1" to "6"
    monk_tone_india: Counts
    monk_tone_us: Counts


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """What belongs together."""

    groups: int  # of one patient, or of one lesion or case where no patient is known
    images_per_group: Spread | None
    lesions: int
    official_splits: Counts


@dataclass(frozen=True, slots=True)
class ProblemCount:
    """One kind of problem."""

    kind: str
    count: int
    first: Sequence[str]  # at most three, with their location


@dataclass(frozen=True, slots=True)
class Audit:
    """What one source holds. Its fields, by name, are the keys of `dermasynth audit --json`."""

    source: str
    title: str
    tallies: Counts  # what the release's own tables count beside images
    files: FileCounts
    labels: LabelCounts
    people: PeopleCounts
    singled_out: People
    groups: GroupCounts
    missing_percent: Mapping[str, float]  # fact -> share of images without it, 0 to 100; empty without images
    giveaways: Sequence[Giveaway]  # facts and gaps that go with malignancy, most first; see `read.giveaways`
    pictures: Counts  # pairs of images that hold the same picture, by kind; see `check.copies`
    licences: Counts
    attributions: Counts
    problems: Sequence[ProblemCount]


def audit(survey: Survey) -> Audit:
    """The counts of a surveyed source."""
    images = table_of(survey.images, ClinicalImage)
    facts = table_of(images["facts"], Facts)
    return Audit(
        source=survey.name,
        title=survey.title,
        tallies=dict(survey.tallies),
        files=_file_counts(images, survey.on_disk, survey.decoded),
        labels=_label_counts(facts),
        people=_people_counts(facts),
        singled_out=people_of(survey.images),
        groups=_group_counts(images),
        missing_percent=_missing_percent(facts),
        giveaways=giveaways(survey.images),
        pictures=dict(survey.copies.kinds)
        | ({"contradicted": survey.copies.contradicted} if survey.copies.matches else {}),
        licences=counted(images["licence"]),
        attributions=counted(images["attribution"]),
        problems=_problem_counts(table_of(survey.problems, Problem)),
    )


def table_of(records: Iterable[object], kind: type) -> "DataFrame":
    """A row a record and a column a field of its `kind`. Every cell is kept as it is; what is absent is `None`."""
    from pandas import DataFrame  # takes half a second

    names = list(kind.__annotations__)
    return DataFrame(map(attrgetter(*names), records), columns=names, dtype=object)


def counted(values: Iterable[str | None]) -> dict[str, int]:
    """How often each value occurs, the most frequent first, then by name; `None` is not counted."""
    counts = Counter(value for value in values if value is not None)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _in_order(values: "Series[Any]") -> dict[str, int]:
    """How often each value occurs, by the number that it is or begins with; `None` is not counted."""
    counts = counted(values.dropna().map(str))
    return dict(sorted(counts.items(), key=lambda item: _leading_number(item[0])))


def _leading_number(text: str) -> int:
    digits = re.match(r"\d+", text)
    return int(digits[0]) if digits else 0


def _parted(values: "Series[Any]", parts: "Series[Any]") -> dict[str, Counts]:
    """How often each value occurs in each part, by name; where it is not known, in `NOT_RECORDED`."""
    return {part: _in_order(same) for part, same in values.dropna().groupby(parts.fillna(NOT_RECORDED))}


def _spread(numbers: "Series[Any]") -> Spread | None:
    known = numbers.dropna().tolist()
    if not known:
        return None
    middle = median(known)
    return Spread(min(known), int(middle) if middle == int(middle) else middle, max(known))


def _picture_counts(copies: Copies) -> dict[str, int]:
    contradicted = {"contradicted": copies.contradicted} if copies.contradicted else {}
    return dict(copies.kinds) | contradicted


def _file_counts(images: "DataFrame", on_disk: OnDisk, decoded: Decoded | None) -> FileCounts:
    files = table_of(images["file"].dropna(), ImageFile)
    return FileCounts(
        listed=on_disk.listed,
        with_file=on_disk.with_file,
        usable=len(files),
        without_file=on_disk.listed - on_disk.with_file,
        counted=len(images),
        decoded=decoded,
        modality=counted(images["modality"]),
        formats=counted(files["format"] + " " + files["mode"]),
        width_px=_spread(files["width_px"]),
        height_px=_spread(files["height_px"]),
        size_bytes=_spread(files["size_bytes"]),
    )


def _label_counts(facts: "DataFrame") -> LabelCounts:
    is_labelled = facts[["diagnosis_published", "differential"]].astype(bool).any(axis="columns")
    is_outside = facts["diagnosis_isic"].isna()
    return LabelCounts(
        labelled=int(is_labelled.sum()),
        unlabelled=int((~is_labelled).sum()),
        with_one_diagnosis=int(facts["diagnosis"].count()),
        in_isic_taxonomy=int((~is_outside).sum()),
        diagnoses=_diagnosis_counts(facts),
        outside_isic_taxonomy=counted(facts["diagnosis"].fillna(facts["diagnosis_published"])[is_outside]),
        differential=counted(facts["differential"].map(set).explode().dropna()),
        malignancy=counted(facts["malignancy"]),
        malignancy_published=counted(facts["malignancy_published"]),
        confirmation=counted(facts["confirmation"]),
    )


def _diagnosis_counts(facts: "DataFrame") -> list[DiagnosisCount]:
    names = facts[["diagnosis_published", "diagnosis", "diagnosis_isic"]].dropna(subset="diagnosis_published")
    counts = Counter(names.itertuples(index=False, name=None))  # pandas would group by NaN where there is none
    found = [DiagnosisCount(published, name, isic, count) for (published, name, isic), count in counts.items()]
    return sorted(found, key=lambda each: (-each.images, each.published, each.isic or ""))


def _people_counts(facts: "DataFrame") -> PeopleCounts:
    ages = facts["age_years"]
    return PeopleCounts(
        age_years=_spread(ages),
        with_age_years=int(ages.count()),
        age_zero=int((ages == 0).sum()),
        age_bands=_in_order(facts["age_band"]),
        ages_by_sex=_parted(ages.dropna().map(_ten_years).combine_first(facts["age_band"]), facts["sex"]),
        sex=counted(facts["sex"]),
        body_site=counted(facts["body_site"]),
        fitzpatrick=_parted(facts["fitzpatrick"], facts["fitzpatrick_rater"]),
        monk_tone_india=_in_order(facts["monk_tone_india"]),
        monk_tone_us=_in_order(facts["monk_tone_us"]),
    )


def _ten_years(age: int) -> str:
    """The ten years in which the age lies: "0 to 9"."""
    return f"{age // 10 * 10} to {age // 10 * 10 + 9}"


def _group_counts(images: "DataFrame") -> GroupCounts:
    sizes = images["group_id"].value_counts()
    return GroupCounts(
        groups=len(sizes),
        images_per_group=_spread(sizes),
        lesions=images["lesion_id"].nunique(),
        official_splits=counted(images["official_split"]),
    )


def _missing_percent(facts: "DataFrame") -> dict[str, float]:
    if facts.empty:
        return {}
    missing = facts.isin([None, ()]).sum()
    return {str(name): round(100 * int(count) / len(facts), 2) for name, count in missing.items()}


def _problem_counts(problems: "DataFrame") -> list[ProblemCount]:
    told = (problems["location"] + ": " + problems["detail"]).groupby(problems["kind"])
    found = [ProblemCount(str(kind), len(same), same.head(_FIRST_LOCATIONS).tolist()) for kind, same in told]
    return sorted(found, key=lambda each: (-each.count, each.kind))
