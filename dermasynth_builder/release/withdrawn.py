"""Rows that were withdrawn: `withdrawn.csv` says which, why and since when; it is applied at build, load and push.

A line names a pair (`pad_ufes/PAT_1_2_3/general`) or all pairs of an image (`pad_ufes/PAT_1_2_3`). A release carries
the list, so that whoever has older files can leave the same rows out.
"""

import csv
import json
from collections.abc import Container, Iterable, Mapping
from datetime import date
from io import StringIO
from pathlib import Path

from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.options import WITHDRAWN
from dermasynth_builder.core.plain import hostile_in, one_line
from dermasynth_builder.core.registry import SOURCES

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
    except OSError as error:
        raise ReleaseError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ReleaseError(f"{path}, line {line}: is not in UTF-8; save the list in that encoding") from error
    return parse_withdrawn(text, str(path))


def parse_withdrawn(text: str, where: str) -> dict[str, str]:
    """See `read_withdrawn`; `where` is for messages. Of several lines on one row the earliest day counts."""
    rows = csv.reader(StringIO(text.removeprefix("\ufeff"), newline=""))
    found: dict[str, str] = {}
    faults = []
    try:
        if tuple(cell.strip() for cell in next(rows, ())) != _COLUMNS:
            raise ReleaseError(f"{where}, line 1: the columns must be {','.join(_COLUMNS)}")
        for cells in rows:
            if not any(cell.strip() for cell in cells):
                continue
            if fault := _fault(cells):
                faults.append(f"{where}, line {rows.line_num}: {fault}")
            else:
                name, reason, day = (one_line(cell) for cell in cells)
                found[name] = min(found.get(name, told := f"{day}: {reason}"), told)
    except csv.Error as error:
        faults.append(f"{where}, line {rows.line_num}: {error}")
    if faults:
        raise ReleaseError("\n".join(faults))
    return found


def _fault(cells: list[str]) -> str | None:
    if len(cells) != len(_COLUMNS) or not all(cell.strip() for cell in cells):
        return f"write a row, a reason (in quotes where it has a comma) and a date, not {','.join(cells)!r}"
    if found := next(filter(None, map(hostile_in, cells)), None):
        return f"holds {found}, which is no text"
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


def left_out_in(rejects: Path) -> list[str]:
    """The pairs that a list of rejects names as withdrawn."""
    lines = rejects.read_text(encoding="utf-8").splitlines() if rejects.is_file() else []
    told = map(json.loads, lines)
    return [each["pair_id"] for each in told if any(reason.startswith("withdrawn ") for reason in each["reasons"])]


def without_effect(withdrawn: Mapping[str, str], left_out: Iterable[str], sources: Container[str]) -> list[str]:
    """What a list names of these sources, or of none that is known, and no pair of `left_out` is or belongs to."""
    met = {name for pair_id in left_out for name in (pair_id, "/".join(pair_id.split("/")[:2]))}
    return [
        name for name in withdrawn if name not in met and (_source(name) in sources or _source(name) not in SOURCES)
    ]


def _source(name: str) -> str:
    return name.partition("/")[0]


def withdrawn_of(pair_ids: Iterable[str], withdrawn: Mapping[str, str]) -> list[str]:
    """Those of the pairs that are withdrawn."""
    return [pair_id for pair_id in pair_ids if why_withdrawn(pair_id, withdrawn)] if withdrawn else []
