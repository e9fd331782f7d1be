"""Takes out of a release the pairs that a page shows."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.wording import did_you_mean
from dermasynth_builder.read.selection import conditions_of
from dermasynth_builder.release.columns import TOP_COLUMNS, flat
from dermasynth_builder.release.folder import read_card, require_current, require_whole, sources_of
from dermasynth_builder.release.parquet import read_values, rows_where
from dermasynth_builder.report.chosen import READ, candidate, choose
from dermasynth_builder.report.page import MOST_PAIRS, Shown
from dermasynth_builder.report.pairs import FIELDS, find_pairs


def pairs_to_show(
    release: Path, number: int, wanted: str | None = None, *, where: Sequence[str] = ()
) -> Iterator[Shown]:
    """So many pairs of a config, or of all sources, for which `where` holds, in the order of the files.

    Raises UsageError where there is none, or for more than a page can hold, and ReleaseError where there is no release.
    """
    if not 1 <= number <= MOST_PAIRS:
        raise UsageError(f"-n {number}: a page holds 1 to {MOST_PAIRS:,} pairs; choose others with --where")
    configs = read_card(release)
    if wanted and wanted not in configs:
        raise UsageError(
            f"{release} has no config {wanted!r}; it has: {', '.join(configs)}{did_you_mean(wanted, configs)}"
        )
    looked_in = [configs[wanted]] if wanted else sources_of(configs)
    require_current(release, looked_in)
    require_whole(release, looked_in)
    paths = [path for config in looked_in for path in config.paths]
    conditions = conditions_of(where, FIELDS)
    names = list(dict.fromkeys([*READ, *(condition.field for condition in conditions)]))
    fitting = (row for row in read_values(paths, names) if all(each.holds(row[each.field]) for each in conditions))
    ids = set(choose(map(candidate, fitting), number))
    if not ids:
        next(find_pairs(release, wanted, where))  # says why
    for row in rows_where(paths, lambda row: row["pair_id"] in ids, tested=["pair_id"], columns=TOP_COLUMNS):
        image = (row.pop("image") or {}).get("bytes") or b""
        yield Shown(flat(row), image)
