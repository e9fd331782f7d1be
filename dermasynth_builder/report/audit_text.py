"""An audit as a table for people."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from dermasynth_builder.check.copies import KINDS
from dermasynth_builder.read.giveaways import Giveaway
from dermasynth_builder.read.privacy import People
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
from dermasynth_builder.report.tables import LONGEST_LIST, cut, hanging, heading, name, shortened, table_of_numbers

_PARAGRAPH_WIDTH = 60
_TOLD_FROM = 0.3  # Cramér's V
_LONGEST_LOCATION = 160
Row = tuple[Text | str, ...]


def audit_text(audit: Audit) -> Group:
    """The audit as a table; its counts are of images. Long lists are cut; see `cut`."""
    total = audit.files.counted
    table = table_of_numbers("", "", "")
    rows: list[Row] = [
        (heading(f"{audit.source}: {audit.title}"),),
        *_block("counted in its tables", audit.tallies),
        *_file_rows(audit.files),
        *_label_rows(audit.labels, total),
        *_people_rows(audit.people, total),
        *_singled_out_rows(audit.singled_out),
        *_group_rows(audit.groups, total),
        *_missing_rows(audit.missing_percent),
        *_giveaway_rows(audit.giveaways),
        *_block("pictures that are there more than once, pairs of images", _pictures(audit.pictures)),
        *_block("licence", audit.licences, total),
        *_block("attribution", audit.attributions, total),
        *_block("problems", {problem.kind: problem.count for problem in audit.problems}),
    ]
    for row in rows:
        table.add_row(*row)
    return Group(table, *_problem_lines(audit.problems))


def _file_rows(files: FileCounts) -> list[Row]:
    total = files.counted
    shares = {"on disk": files.with_file, "usable": files.usable, "not on disk": files.without_file}
    rows = [*_block("images", {"listed in the tables": files.listed}), *_rows(shares, files.listed)]
    if files.without_file:
        rows += _said(_which_count(files))
    if files.decoded:
        rows.append(_row("decoded in full", files.decoded.files, total=files.listed))
        rows.append(_row("that failed to decode", files.decoded.failed, total=files.decoded.files))
    rows += _block("format of the usable files", files.formats, files.usable)
    if files.width_px and files.height_px and files.size_bytes:
        rows += _said(f"width {_spread(files.width_px)} px")
        rows += _said(f"height {_spread(files.height_px)} px")
        rows += _said(f"file size {_spread(files.size_bytes)} bytes")
    else:
        rows.append(_headline("no file was measured: no format, no size in pixels"))
    return rows + _block("modality", files.modality, total)


def _which_count(files: FileCounts) -> str:
    if not files.with_file:
        return f"no image on disk; counts are of the {files.counted:,} images in the tables"
    if files.counted > files.with_file:
        return f"counts are of all {files.counted:,} images in the tables"
    return f"counts are of the {files.counted:,} on disk; --whole-table counts all"


def _label_rows(labels: LabelCounts, total: int) -> list[Row]:
    shares = {
        "labelled": labels.labelled,
        "unlabelled": labels.unlabelled,
        "with one diagnosis": labels.with_one_diagnosis,
        "with a place in the ISIC taxonomy": labels.in_isic_taxonomy,
    }
    rows = [_headline("labels"), *_rows(shares, total)]
    rows += _block("diagnosis, as published: in words", _diagnoses(labels.diagnoses), total)
    rows += _block("diagnoses without a place in the ISIC taxonomy", labels.outside_isic_taxonomy)
    rows += _block("condition that was considered (an image may have several)", labels.differential)
    rows += _block("malignancy, from the taxonomy", labels.malignancy, total)
    rows += _block("malignancy, as published", labels.malignancy_published, total)
    return rows + _block("confirmation", labels.confirmation, total)


def _diagnoses(found: Sequence[DiagnosisCount]) -> dict[str, int]:
    """One diagnosis a name; where two nodes of the taxonomy have one name, they are counted together."""
    counts: dict[str, int] = {}
    for each in found:
        is_said = each.name is None or each.name.lower() == each.published.lower()
        diagnosis = each.published if is_said else f"{each.published}: {each.name}"
        counts[diagnosis] = counts.get(diagnosis, 0) + each.images
    return counts


def _people_rows(people: PeopleCounts, total: int) -> list[Row]:
    rows = [_headline("age in years" if people.age_years else "no age in years is recorded")]
    if people.age_years:
        rows += _said(_spread(people.age_years))
        rows += [_row("recorded", people.with_age_years, total=total), _row("of these at age 0", people.age_zero)]
        rows.append(_row(NOT_RECORDED, total - people.with_age_years, total=total))
    rows += _block("age band", people.age_bands, total)
    rows += _block("sex", people.sex, total)
    rows += _block("body site", people.body_site, total)
    phototypes = {
        f"{phototype}, rater {rater}": count
        for rater, counts in people.fitzpatrick.items()
        for phototype, count in counts.items()
    }
    rows += _block("Fitzpatrick phototype", phototypes, total)
    rows += _block("Monk tone, rated in India", people.monk_tone_india, total)
    return rows + _block("Monk tone, rated in the United States", people.monk_tone_us, total)


def _singled_out_rows(people: People) -> list[Row]:
    """How many share what is known of them with nobody; at the level `standard` in the last column."""
    rows = [_headline("singled out by what is known (full, standard)")]
    for full, standard in zip(people.singled_out, people.singled_out_at_standard, strict=True):
        rows.append((name(full.known, indent=4), f"{full.alone_percent:.1f} %", f"{standard.alone_percent:.1f} %"))
        few = "in a class of fewer than five"
        rows.append((name(few, indent=6), f"{full.few_percent:.1f} %", f"{standard.few_percent:.1f} %"))
    return [*rows, _row("people under 18", people.minors), _row("people of 90 and more", people.from_90)]


def _group_rows(groups: GroupCounts, total: int) -> list[Row]:
    rows = _block("groups (of a patient, or else of a lesion or a case)", {"groups": groups.groups})
    if groups.images_per_group:
        rows += _said(f"images a group: {_spread(groups.images_per_group)}")
    rows += [_row("lesions", groups.lesions)] if groups.lesions else []
    return rows + _block("official split", groups.official_splits, total)


def _missing_rows(missing: Mapping[str, float]) -> list[Row]:
    """All facts: those that some images lack with the percentage of these, the others by name alone."""
    parts = {
        "facts that are not recorded, percent of images": [
            f"{_words(fact)} {share:.1f}" for fact, share in missing.items() if 0 < share < 100
        ],
        "facts that are always recorded": [_words(fact) for fact, share in missing.items() if share == 0],
        "facts that are never recorded": [_words(fact) for fact, share in missing.items() if share == 100],
    }
    return [row for title, facts in parts.items() if facts for row in (_headline(title), *_said(", ".join(facts)))]


def _giveaway_rows(found: Sequence[Giveaway]) -> list[Row]:
    """What goes with malignancy, and the shares of malignant images at both ends."""
    told = [each for each in found if each.cramers_v >= _TOLD_FROM][:LONGEST_LIST]
    if not told:
        return [_headline("no fact, and no gap in one, goes with malignancy much")] if found else []
    rows = [_headline("goes with malignancy: Cramér's V, and malignant images")]
    for each in told:
        what = f"{_words(each.fact)}{'' if each.by == 'value' else ' is recorded or not'}"
        ends = f"{each.least_percent:.0f} % ({each.least}) to {each.most_percent:.0f} % ({each.most})"
        rows += [(name(f"{what}: {ends}", indent=4), f"{each.cramers_v:.2f}", "")]
    return rows


def _pictures(counts: Counts) -> dict[str, int]:
    return {{**KINDS, "contradicted": "images that another record contradicts"}[kind]: n for kind, n in counts.items()}


def _problem_lines(problems: Sequence[ProblemCount]) -> Iterable[RenderableType]:
    """The first of each kind, each on a few lines."""
    yield heading("first of each kind of problem" if problems else "no problems", indent=2)
    for problem in problems:
        yield name(problem.kind, indent=4)
        yield from (hanging("     ", shortened(location, _LONGEST_LOCATION)) for location in problem.first)


def _block(title: str, counts: Counts, total: int = 0) -> list[Row]:
    """A heading and a row a count, with its share of `total` and what is left of it; one row where all is missing."""
    if not counts:
        return [_headline(f"{title}: {NOT_RECORDED}")] if total else []
    rest = total - sum(counts.values())
    left = [_row(NOT_RECORDED, rest, total=total)] if rest > 0 else []
    return [_headline(title), *_rows(cut(counts), total), *left]


def _rows(counts: Counts, total: int) -> list[Row]:
    return [_row(each, count, total=total) for each, count in counts.items()]


def _row(label: str, count: int, *, total: int = 0) -> Row:
    return name(label, indent=4), f"{count:,}", f"{100 * count / total:.1f} %" if total else ""


def _headline(title: str) -> Row:
    return (heading(title, indent=2),)


def _said(text: str) -> list[Row]:
    """A paragraph among the names, narrow enough for any terminal."""
    return [(name(line, indent=4),) for line in textwrap.wrap(text, _PARAGRAPH_WIDTH - 4)]


def _spread(spread: Spread) -> str:
    return f"{spread.least:,} to {spread.most:,}, median {spread.median:,}"


def _words(fact: str) -> str:
    return fact.replace("_", " ")
