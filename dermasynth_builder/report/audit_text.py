"""An audit as a table for people."""

import textwrap
from collections.abc import Mapping, Sequence

from dermasynth_builder.report.audit import (
    NOT_RECORDED,
    Audit,
    Counts,
    DiagnosisCount,
    FileCounts,
    GroupCounts,
    LabelCounts,
    PeopleCounts,
    ProblemCount,
    Spread,
)

LONGEST_LIST = 15
_WIDTH = 100
_NAME_WIDTH = 76
_LONGEST_LOCATION = 160


def audit_text(audit: Audit) -> str:
    """The audit as lines; its counts are of images. Long lists are cut; see `cut`."""
    total = audit.files.listed
    lines = [
        f"{audit.source}: {audit.title}",
        *_block("counted in its tables", audit.tallies),
        *_file_lines(audit.files),
        *_label_lines(audit.labels, total),
        *_people_lines(audit.people, total),
        *_group_lines(audit.groups, total),
        *_missing_lines(audit.missing_percent),
        *_block("licence", audit.licences, total),
        *_block("attribution", audit.attributions, total),
        *_problem_lines(audit.problems),
    ]
    return "\n".join(lines)


def cut(counts: Counts) -> dict[str, int]:
    """The first `LONGEST_LIST` counts and one of all others, where there are more than fit."""
    pairs = list(counts.items())
    others = pairs[LONGEST_LIST:]
    if len(others) < 2:  # a line for itself takes no more room
        return dict(pairs)
    return dict(pairs[:LONGEST_LIST]) | {f"{len(others)} others": sum(count for _, count in others)}


def shortened(text: str, longest: int) -> str:
    """The text on one line, cut in the middle of a word if need be: a path may be one long word."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 4].rstrip()} ..."


def _file_lines(files: FileCounts) -> list[str]:
    total = files.listed
    shares = {"with a file": files.with_file, "usable": files.usable, "without a file": files.without_file}
    lines = ["  images", _row("listed in the tables", total), *(_row(*share, total=total) for share in shares.items())]
    if files.decoded:
        lines.append(_row("decoded in full", files.decoded.files, total=total))
        lines.append(_row("that failed to decode", files.decoded.failed, total=files.decoded.files))
    lines += _block("format of the usable files", files.formats, files.usable)
    if files.width_px and files.height_px and files.size_bytes:
        lines.append(f"    width {_spread(files.width_px)} px; height {_spread(files.height_px)} px")
        lines.append(f"    file size {_spread(files.size_bytes)} bytes")
    else:
        lines.append("  no file was measured: no format, no size in pixels")
    return lines + _block("modality", files.modality, total)


def _label_lines(labels: LabelCounts, total: int) -> list[str]:
    shares = {
        "labelled": labels.labelled,
        "unlabelled": labels.unlabelled,
        "with one diagnosis": labels.with_one_diagnosis,
        "with a place in the ISIC taxonomy": labels.in_isic_taxonomy,
    }
    lines = ["  labels", *(_row(*share, total=total) for share in shares.items())]
    lines += _block("diagnosis, as published: in words", _diagnoses(labels.diagnoses), total)
    if labels.outside_isic_taxonomy:
        names = "; ".join(f"{name} {count:,}" for name, count in labels.outside_isic_taxonomy.items())
        lines += ["  diagnoses without a place in the ISIC taxonomy", _paragraph(names)]
    lines += _block("condition that was considered (an image may have several)", labels.differential)
    lines += _block("malignancy, from the taxonomy", labels.malignancy, total)
    lines += _block("malignancy, as published", labels.malignancy_published, total)
    return lines + _block("confirmation", labels.confirmation, total)


def _diagnoses(found: Sequence[DiagnosisCount]) -> dict[str, int]:
    """One diagnosis a name; where two nodes of the taxonomy have one name, they are counted together."""
    counts: dict[str, int] = {}
    for each in found:
        is_said = each.name is None or each.name.lower() == each.published.lower()
        name = each.published if is_said else f"{each.published}: {each.name}"
        counts[name] = counts.get(name, 0) + each.images
    return counts


def _people_lines(people: PeopleCounts, total: int) -> list[str]:
    lines = ["  age in years" if people.age_years else "  no age in years is recorded"]
    if people.age_years:
        lines.append(f"    {_spread(people.age_years)}")
        lines += [_row("recorded", people.with_age_years, total=total), _row("of these at age 0", people.age_zero)]
        lines.append(_row(NOT_RECORDED, total - people.with_age_years, total=total))
    lines += _block("age band", people.age_bands, total)
    lines += _block("sex", people.sex, total)
    lines += _block("body site", people.body_site, total)
    phototypes = {
        f"{phototype}, rater {rater}": count
        for rater, counts in people.fitzpatrick.items()
        for phototype, count in counts.items()
    }
    lines += _block("Fitzpatrick phototype", phototypes, total)
    lines += _block("Monk tone, rated in India", people.monk_tone_india, total)
    return lines + _block("Monk tone, rated in the United States", people.monk_tone_us, total)


def _group_lines(groups: GroupCounts, total: int) -> list[str]:
    lines = ["  groups (of a patient, or else of a lesion or a case)", _row("groups", groups.groups)]
    if groups.images_per_group:
        lines.append(f"    images a group: {_spread(groups.images_per_group)}")
    lines += [_row("lesions", groups.lesions)] if groups.lesions else []
    return lines + _block("official split", groups.official_splits, total)


def _missing_lines(missing: Mapping[str, float]) -> list[str]:
    """All facts: those that some images lack with the percentage of these, the others by name alone."""
    parts = {
        "facts that are not recorded, percent of images": [
            f"{_words(name)} {share:.1f}" for name, share in missing.items() if 0 < share < 100
        ],
        "facts that are always recorded": [_words(name) for name, share in missing.items() if share == 0],
        "facts that are never recorded": [_words(name) for name, share in missing.items() if share == 100],
    }
    return [line for title, facts in parts.items() if facts for line in (f"  {title}", _paragraph(", ".join(facts)))]


def _problem_lines(problems: Sequence[ProblemCount]) -> list[str]:
    lines = ["  problems" if problems else "  no problems"]
    for problem in problems:
        lines.append(_row(problem.kind, problem.count))
        lines += [f"      {shortened(location, _LONGEST_LOCATION)}" for location in problem.first]
    return lines


def _block(title: str, counts: Counts, total: int = 0) -> list[str]:
    """A heading and a line a count, with its share of `total` and what is left of it; one line where all is missing."""
    if not counts:
        return [f"  {title}: {NOT_RECORDED}"] if total else []
    lines = [f"  {title}", *(_row(name, count, total=total) for name, count in cut(counts).items())]
    rest = total - sum(counts.values())
    return [*lines, _row(NOT_RECORDED, rest, total=total)] if rest > 0 else lines


def _row(name: str, count: int, *, total: int = 0) -> str:
    share = f"{100 * count / total:.1f} %" if total else ""
    label = shortened(name, _NAME_WIDTH - 5)
    return f"    {label:<{_NAME_WIDTH - 4}}{count:>11,}{share:>10}".rstrip()


def _spread(spread: Spread) -> str:
    return f"{spread.least:,} to {spread.most:,}, median {spread.median:,}"


def _paragraph(text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent="    ", subsequent_indent="    ", break_long_words=False)


def _words(name: str) -> str:
    return name.replace("_", " ")
