"""What a source holds, counted: files, labels, people, groups, rights, problems.

Files are measured and, if asked, decoded. All counts are of images, one for each file that the tables list, unless
their name says otherwise.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from statistics import median

from dermasynth_builder.core import registry
from dermasynth_builder.core.images.index import ImageIndex, broken_image, decode_file
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.protocols import CountsTables
from dermasynth_builder.core.records import ClinicalImage, Facts, Problem
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
    tallies: Mapping[str, int] = field(default_factory=dict)  # see `CountsTables`
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
    tallies = source.tallies(root) if isinstance(source, CountsTables) else {}
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

    listed: int
    with_file: int
    usable: int  # their file is whole, as far as it was looked at
    without_file: int
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
    groups: GroupCounts
    missing_percent: Mapping[str, float]  # fact -> share of images without it, 0 to 100; empty without images
    licences: Counts
    attributions: Counts
    problems: Sequence[ProblemCount]


def audit(survey: Survey) -> Audit:
    """The counts of a surveyed source."""
    images = survey.images
    facts = [image.facts for image in images]
    return Audit(
        source=survey.name,
        title=survey.title,
        tallies=dict(survey.tallies),
        files=_file_counts(images, survey.decoded),
        labels=_label_counts(facts),
        people=_people_counts(facts),
        groups=_group_counts(images),
        missing_percent=_missing_percent(facts),
        licences=counted(image.licence for image in images),
        attributions=counted(image.attribution for image in images),
        problems=_problem_counts(survey.problems),
    )


def counted(values: Iterable[str | None]) -> dict[str, int]:
    """How often each value occurs, the most frequent first, then by name; `None` is not counted."""
    counts = Counter(value for value in values if value is not None)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _in_order(values: Iterable[str | int | None]) -> dict[str, int]:
    """How often each value occurs, by the number that it is or begins with; `None` is not counted."""
    counts = counted(None if value is None else str(value) for value in values)
    return dict(sorted(counts.items(), key=lambda item: _leading_number(item[0])))


def _leading_number(text: str) -> int:
    digits = re.match(r"\d+", text)
    return int(digits[0]) if digits else 0


def _spread(numbers: Sequence[int]) -> Spread | None:
    if not numbers:
        return None
    middle = median(numbers)
    return Spread(min(numbers), int(middle) if middle == int(middle) else middle, max(numbers))


def _file_counts(images: Sequence[ClinicalImage], decoded: Decoded | None) -> FileCounts:
    files = [image.file for image in images if image.file]
    with_file = sum(image.path is not None for image in images)
    return FileCounts(
        listed=len(images),
        with_file=with_file,
        usable=len(files),
        without_file=len(images) - with_file,
        decoded=decoded,
        modality=counted(image.modality for image in images),
        formats=counted(f"{file.format} {file.mode}" for file in files),
        width_px=_spread([file.width_px for file in files]),
        height_px=_spread([file.height_px for file in files]),
        size_bytes=_spread([file.size_bytes for file in files]),
    )


def _label_counts(facts: Sequence[Facts]) -> LabelCounts:
    labelled = [each for each in facts if each.diagnosis_published or each.differential]
    return LabelCounts(
        labelled=len(labelled),
        unlabelled=len(facts) - len(labelled),
        with_one_diagnosis=sum(each.diagnosis is not None for each in facts),
        in_isic_taxonomy=sum(each.diagnosis_isic is not None for each in facts),
        diagnoses=_diagnosis_counts(facts),
        outside_isic_taxonomy=counted(
            each.diagnosis or each.diagnosis_published for each in facts if each.diagnosis_isic is None
        ),
        differential=counted(name for each in facts for name in dict.fromkeys(each.differential)),
        malignancy=counted(each.malignancy for each in facts),
        malignancy_published=counted(each.malignancy_published for each in facts),
        confirmation=counted(each.confirmation for each in facts),
    )


def _diagnosis_counts(facts: Sequence[Facts]) -> list[DiagnosisCount]:
    counts = Counter(
        (each.diagnosis_published, each.diagnosis, each.diagnosis_isic) for each in facts if each.diagnosis_published
    )
    found = [DiagnosisCount(published or "", name, isic, count) for (published, name, isic), count in counts.items()]
    return sorted(found, key=lambda each: (-each.images, each.published, each.isic or ""))


def _people_counts(facts: Sequence[Facts]) -> PeopleCounts:
    ages = [each.age_years for each in facts if each.age_years is not None]
    bands: dict[str, list[str]] = defaultdict(list)
    phototypes: dict[str, list[int]] = defaultdict(list)
    for each in facts:
        if band := _age_band(each):
            bands[each.sex or NOT_RECORDED].append(band)
        if each.fitzpatrick is not None:
            phototypes[each.fitzpatrick_rater or NOT_RECORDED].append(each.fitzpatrick)
    return PeopleCounts(
        age_years=_spread(ages),
        with_age_years=len(ages),
        age_zero=ages.count(0),
        age_bands=_in_order(each.age_band for each in facts),
        ages_by_sex={sex: _in_order(found) for sex, found in sorted(bands.items())},
        sex=counted(each.sex for each in facts),
        body_site=counted(each.body_site for each in facts),
        fitzpatrick={rater: _in_order(found) for rater, found in sorted(phototypes.items())},
        monk_tone_india=_in_order(each.monk_tone_india for each in facts),
        monk_tone_us=_in_order(each.monk_tone_us for each in facts),
    )


def _age_band(facts: Facts) -> str | None:
    """The ten years in which the age lies, "0 to 9", or else the published band."""
    if facts.age_years is None:
        return facts.age_band
    first = facts.age_years // 10 * 10
    return f"{first} to {first + 9}"


def _group_counts(images: Sequence[ClinicalImage]) -> GroupCounts:
    sizes = Counter(image.group_id for image in images)
    return GroupCounts(
        groups=len(sizes),
        images_per_group=_spread(list(sizes.values())),
        lesions=len({image.lesion_id for image in images if image.lesion_id}),
        official_splits=counted(image.official_split for image in images),
    )


def _missing_percent(facts: Sequence[Facts]) -> dict[str, float]:
    if not facts:
        return {}
    names = [field.name for field in fields(Facts)]
    missing = {name: sum(getattr(each, name) in (None, ()) for each in facts) for name in names}
    return {name: round(100 * count / len(facts), 2) for name, count in missing.items()}


def _problem_counts(problems: Sequence[Problem]) -> list[ProblemCount]:
    by_kind: dict[str, list[str]] = defaultdict(list)
    for problem in problems:
        by_kind[str(problem.kind)].append(f"{problem.location}: {problem.detail}")
    found = [ProblemCount(kind, len(locations), locations[:_FIRST_LOCATIONS]) for kind, locations in by_kind.items()]
    return sorted(found, key=lambda each: (-each.count, each.kind))
