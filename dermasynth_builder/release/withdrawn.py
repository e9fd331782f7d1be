"""Rows that were withdrawn: `withdrawn.csv` says which, why and since when; it is applied at build, load and push.

A line names a pair (`pad_ufes/PAT_1_2_3/general`) or all pairs of an image (`pad_ufes/PAT_1_2_3`). A release carries
the list, so that whoever has older files can leave the same rows out.
"""

import csv
from collections.abc import Iterable, Mapping
from datetime import date
from io import StringIO
from pathlib import Path

from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.options import WITHDRAWN

_COLUMNS = ("row", "reason", "date")


def read_withdrawn(path: Path) -> dict[str, str]:
    """Why each row or image is withdrawn, by its name: "2026-11-25: the patient asked"; empty where no file is.

    Raises ReleaseError with a line for each that is wrong; a list of withdrawals is not passed over in part.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if path.name == WITHDRAWN:
            return {}
        raise ReleaseError(f"{path} is not there; --withdrawn names the list of withdrawn rows") from None
    return parse_withdrawn(text, str(path))


def parse_withdrawn(text: str, where: str) -> dict[str, str]:
    """See `read_withdrawn`; `where` is for messages."""
    rows = csv.reader(StringIO(text))
    if tuple(next(rows, ())) != _COLUMNS:
        raise ReleaseError(f"{where}, line 1: the columns must be {','.join(_COLUMNS)}")
    found: dict[str, str] = {}
    faults = []
    for cells in rows:
        if not any(cells):
            continue
        if fault := _fault(cells):
            faults.append(f"{where}, line {rows.line_num}: {fault}")
        else:
            name, reason, day = (cell.strip() for cell in cells)
            found[name] = f"{day}: {reason}"
    if faults:
        raise ReleaseError("\n".join(faults))
    return found


def _fault(cells: list[str]) -> str | None:
    if len(cells) != len(_COLUMNS) or not all(cell.strip() for cell in cells):
        return f"write a row, a reason and a date, not {','.join(cells)!r}"
    if "/" not in cells[0]:
        return f"{cells[0]!r} is not a row; write SOURCE/IMAGE, or a pair id"
    try:
        date.fromisoformat(cells[2].strip())
    except ValueError:
        return f"{cells[2]!r} is not a date; write it as 2026-11-25"
    return None


def withdrawn_text(withdrawn: Mapping[str, str]) -> str:
    """The list as a release carries it, in the order of its names."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for name, told in sorted(withdrawn.items()):
        day, _, reason = told.partition(": ")
        writer.writerow([name, reason, day])
    return text.getvalue()


def why_withdrawn(pair_id: str, withdrawn: Mapping[str, str]) -> str | None:
    """Why a pair is withdrawn, itself or with its image; None where it is not."""
    return withdrawn.get(pair_id) or withdrawn.get("/".join(pair_id.split("/")[:2]))


def withdrawn_of(pair_ids: Iterable[str], withdrawn: Mapping[str, str]) -> list[str]:
    """Those of the pairs that are withdrawn."""
    return [pair_id for pair_id in pair_ids if why_withdrawn(pair_id, withdrawn)] if withdrawn else []
