"""Which columns the Hub's viewer can make no statistics of, and why.

It makes those of a whole split or none: one column that fails takes the histograms, the bars and the filters of all
others. The rules are those of dataset-viewer's `statistics_utils` (commit f62009e0); `benchmarks/viewer.py` runs the
original.

- Integers, lengths of lists and of texts, and widths of images are counted in bins; where they span exactly two
  neighbouring numbers, it takes the one bin for an error.
- A text is a class, and has no length, where a split has at most ten values of it, or few enough.
- The first hundred texts are tried as dates until one is none; a bare number above 2,147,483,647 ends it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dermasynth_builder.core.records import Split
from dermasynth_builder.release.columns import path_of

_MOST_VALUES = 10
_MOST_VALUES_OF_MANY, _LARGEST_SHARE = 1000, 0.2
_TRIED_AS_DATES = 100
_LARGEST_YEAR = 2**31 - 1
_DATE_DIGITS = (12, 14)  # of numbers that it reads as a date and a time
_READ_BYTES = 5_000_000_000  # of a split, in whole files: what it makes statistics of


class Unfit(NamedTuple):
    """A column of which the viewer would make no statistics, and so of none."""

    column: str
    reason: str


def unfit_columns(files: Sequence[Path]) -> list[Unfit]:
    """The columns of one split, given by its files in their order, at which the viewer's statistics would fail."""
    import pyarrow.dataset  # loads pandas

    read = pyarrow.dataset.dataset([str(path) for path in _read_files(files)], format="parquet")
    found: dict[str, str] = {}
    for field in read.schema:
        if not pa.types.is_struct(field.type) and (reason := _reason(read.to_table([field.name]).column(0))):
            found[field.name] = reason
    width = pc.field(*path_of("width_px").split("."))
    if reason := _span(read.to_table({"width_px": width}).column(0), "widths"):
        found["image"] = reason
    return [Unfit(name, reason) for name, reason in found.items()]


def viewer_faults(configs: Mapping[str, Mapping[Split, Sequence[Path]]]) -> Iterator[str]:
    """A sentence for each column that takes a split its statistics; `configs` gives the files by config and split."""
    for config, splits in configs.items():
        for split, files in splits.items():
            for unfit in unfit_columns(files):
                yield f"config {config}, split {split}, column {unfit.column}: {unfit.reason}"


def _read_files(files: Sequence[Path]) -> list[Path]:
    taken, size = [], 0
    for path in files:
        footer = pq.read_metadata(path)
        size += sum(footer.row_group(number).total_byte_size for number in range(footer.num_row_groups))
        taken.append(path)
        if size > _READ_BYTES:
            break
    return taken


def _reason(column: Any) -> str | None:
    """Why no statistics can be made of a column; None where they can."""
    kind = column.type
    if pa.types.is_integer(kind):
        return _span(column, "values")
    if pa.types.is_list(kind):
        return _span(pc.list_value_length(column), "lengths of its lists")
    if not pa.types.is_string(kind):
        return None
    if number := _overlong_number(column):
        return f"{number} looks like a number that is too large for a date"
    return None if _is_class(column) else _span(pc.utf8_length(column), "lengths of its texts")


def _span(numbers: Any, what: str) -> str | None:
    found: Any = pc.min_max(numbers).as_py()
    least, greatest = found["min"], found["max"]
    if least is None or greatest - least != 1:
        return None
    return f"the {what} span exactly {least} and {greatest}"


def _is_class(column: Any) -> bool:
    values = pc.count_distinct(column, mode="all").as_py()
    is_few_of_many = values <= _LARGEST_SHARE * len(column) and values <= _MOST_VALUES_OF_MANY
    return bool(values <= _MOST_VALUES or is_few_of_many)


def _overlong_number(column: Any) -> str | None:
    """A text at which the viewer ends when it tries for dates; those after the first that is none are not tried."""
    known = chain.from_iterable(chunk.drop_null().to_pylist() for chunk in column.chunks)
    for _, text in zip(range(_TRIED_AS_DATES), known, strict=False):
        if not (digits := re.fullmatch(r"\s*[-+]?(\d+)\s*", text)):
            return None
        if len(digits[1]) not in _DATE_DIGITS and int(digits[1]) > _LARGEST_YEAR:
            return str(text)
    return None
