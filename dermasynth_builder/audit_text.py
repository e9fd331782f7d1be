"""An audit as a table for people. Pure."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from dermasynth_builder.audit import (
    NOT_RECORDED,
    Audit,
    Counts,
    DiagnosisCount,
    FileCounts,
    GroupCounts,
    LabelCounts,
    PeopleCounts,
    Spread,
)

LONGEST_LIST = 15
"""Longer lists are cut to so many lines and a line on the others; `--json` has them whole."""
_WIDTH = 100
_NAME_WIDTH = 64


def audit_text(audit: Audit) -> str:
    """The audit as lines of at most 100 signs, but for names and paths that are longer; counts are of images."""
    total = audit.files.listed
    lines = [
        f"{audit.source}: {audit.title}",
        *_list("counted in the release's own tables", audit.tallies),
        *_file_lines(audit.files),
        *_label_lines(audit.labels, total),
        *_people_lines(audit.people, total),
        *_group_lines(audit.groups, total),
        *_missing_lines(audit.missing_percent),
        *_list("licence", audit.licences, total),
        *_list("attribution", audit.attributions, total),
        "  problems" if audit.problems else "  no problems",
    ]
    for problem in audit.problems:
        lines.append(_line(f"    {problem.kind}", problem.count))
        lines += [f"      {place}" for place in problem.first]
    return "\n".join(lines)


def spread_text(spread: Spread | None, unit: str = "") -> str:
    """The smallest, middle and largest in words: "224 to 2,223 px, median 872"."""
    if spread is None:
        return NOT_RECORDED
    return f"{spread.least:,} to {spread.most:,}{unit}, median {spread.median:,}"


def cut(counts: Counts) -> tuple[Counts, Counts]:
    """The first `LONGEST_LIST` of the counts, and the others; a single other is kept with the first."""
    kept = len(counts) if len(counts) <= LONGEST_LIST + 1 else LONGEST_LIST
    pairs = list(counts.items())
    return dict(pairs[:kept]), dict(pairs[kept:])


def _line(name: str, count: int, total: int | None = None) -> str:
    share = f"{100 * count / total:>9.1f} %" if total else ""
    return f"{textwrap.shorten(name.strip(), _NAME_WIDTH, placeholder=' ...'):<0}".join(
        (" " * (len(name) - len(name.lstrip())), "")
    ).ljust(_NAME_WIDTH + 4) + f"{count:>10,}{share}"
