"""Reads the tables of the ISIC 2019 challenge, whose training set holds the training part of BCN20000.

Columns and names of the two tables are those that public code reads; the tables themselves were not at hand. Of the
25,331 images 12,413 are of BCN20000 and have a `lesion_id` that begins with "BCN_"; 10,015 are of HAM10000 ("HAM_...");
819 ("MSK...") and 2,084 without a lesion, some with "_downsampled" behind the name, are of MSK.
"""

from collections import Counter
from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dermasynth_builder.core.records import Problem, ProblemKind
from dermasynth_builder.read.tables import ImageFolder, Row, read_table, split_doubled

METADATA = "isic_2019_training_metadata.csv"
GROUND_TRUTH = "isic_2019_training_groundtruth.csv"
KEY = "image"
CODES = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC")  # one of these columns is 1, or else UNK
_DOWNSAMPLED = "_downsampled"


@dataclass(frozen=True, slots=True)
class Tables:
    """The two tables of the challenge's training set."""

    metadata: Path
    ground_truth: Path


def find_tables(files: Collection[Path]) -> Tables | None:
    """The nearest of each, where both are there."""
    nearest: dict[str, Path] = {}
    for path in files:
        nearest.setdefault(path.name.lower(), path)
    if METADATA in nearest and GROUND_TRUTH in nearest:
        return Tables(nearest[METADATA], nearest[GROUND_TRUTH])
    return None


def read_rows(tables: Tables, root: Path, folder: ImageFolder) -> Iterator[Row | Problem]:
    """The rows of BCN20000 in the columns of its figshare tables, but for the image's name, which is in `KEY`.

    Files of the other sets are claimed, and one problem tells how many images of them are stepped over.
    """
    codes = yield from _codes_by_image(tables.ground_truth, root)
    others: Counter[str] = Counter()
    own = 0
    for item in read_table(tables.metadata, root, (KEY, "lesion_id")):
        if isinstance(item, Problem):
            yield item
        elif item.cells["lesion_id"].startswith("BCN_"):
            own += 1
            yield from _told(item, codes)
        else:
            others[item.cells["lesion_id"].partition("_")[0] or "none"] += 1
            folder.claim(item.cells[KEY])
            folder.claim(item.cells[KEY].removesuffix(_DOWNSAMPLED))  # some copies leave it out
    if others:
        kinds = ", ".join(f"{prefix} {count:,}" for prefix, count in sorted(others.items()))
        detail = f"{others.total():,} of {own + others.total():,} images are of other sets (lesion ids: {kinds})"
        yield Problem(ProblemKind.OTHER_SET, tables.metadata.name, detail)


def _told(row: Row, codes: dict[str, str]) -> Iterator[Row | Problem]:
    """The row with its diagnosis and its part; the challenge trains on the part that BCN20000 trains on."""
    if row.cells[KEY] not in codes:
        yield Problem(ProblemKind.UNKNOWN_VALUE, row.place, f"no diagnosis: {GROUND_TRUTH} has no row of use for it")
    yield replace(row, cells={**row.cells, "diagnosis": codes.get(row.cells[KEY], ""), "split": "train"})


def _codes_by_image(table: Path, root: Path) -> Generator[Problem, None, dict[str, str]]:
    """The code of each image, "" where it is of no known class."""
    rows: list[Row] = []
    for item in read_table(table, root, (KEY, *CODES)):
        if isinstance(item, Problem):
            yield item
        else:
            rows.append(item)
    codes: dict[str, str] = {}
    for item in split_doubled(rows, lambda row: row.cells[KEY]):
        if isinstance(item, Problem):
            yield item
            continue
        marked = [code for code in (*CODES, "UNK") if item.cells.get(code) in ("1", "1.0")]
        if len(marked) == 1:
            codes[item.cells[KEY]] = marked[0] if marked[0] in CODES else ""
        else:
            detail = f"{item.cells[KEY]} has {len(marked)} diagnoses where one of the columns is to be 1.0"
            yield Problem(ProblemKind.BROKEN_ROW, item.place, detail)
    return codes
