"""One contract for every source: how a table spells, separates or damages its cells never changes a fact in silence."""

import csv
import shutil
from collections.abc import Callable
from dataclasses import asdict
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.records import ClinicalImage
from dermasynth_builder.read.tables import MISSING_WORDS

RELEASES = [(name, layout) for name in registry.SPECIMENS for layout in registry.specimen_layouts(name) or (None,)]
KEYS = {"img_id", "image_id", "isic_id", "bcn_filename", "image"}
Table = list[list[str]]


@pytest.fixture(scope="module", params=RELEASES, ids=lambda release: " ".join(filter(None, release)))
def drawn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A source, and specimens of it in one of their layouts."""
    source, layout = request.param
    write = registry.specimens(source)
    options: dict[str, Any] = {"layout": layout} if layout else {}
    if "side_px" in signature(write).parameters:
        options["side_px"] = 48
    return source, write(tmp_path_factory.mktemp("raw"), images=12, **options)


@pytest.fixture
def release(drawn: tuple[str, Path], tmp_path: Path) -> tuple[str, Path]:
    """The same, to be changed."""
    return drawn[0], Path(shutil.copytree(drawn[1], tmp_path / "raw"))


def rewritten(root: Path, change: Callable[[Table], Table], *, separator: str = ",", encoding: str = "utf-8") -> None:
    for path in root.rglob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = change(list(csv.reader(file)))
        with path.open("w", encoding=encoding, newline="") as file:
            csv.writer(file, delimiter=separator).writerows(rows)


def with_cells(change: Callable[[str, str], str]) -> Callable[[Table], Table]:
    """Changes each cell, told its column."""
    return lambda rows: [rows[0], *([change(n, c) for n, c in zip(rows[0], row, strict=True)] for row in rows[1:])]


def facts(release: tuple[str, Path]) -> dict[str, dict[str, Any]]:
    items = list(registry.source(release[0]).read(release[1]))
    images = {item.image_id: asdict(item) | {"path": None} for item in items if isinstance(item, ClinicalImage)}
    return images | {
        "found": {"files": sum(isinstance(item, ClinicalImage) and item.path is not None for item in items)}
    }


@pytest.mark.parametrize("word", [*sorted(MISSING_WORDS - {""}), "nan", "NaN", "None"])
def test_a_word_for_missing_is_a_blank_in_every_column(word: str, release: tuple[str, Path]) -> None:
    before = facts(release)
    rewritten(release[1], with_cells(lambda _, cell: cell or word))
    assert facts(release) == before


@pytest.mark.parametrize(("separator", "encoding"), [(";", "utf-8"), ("\t", "utf-8"), (",", "utf-16"), (";", "utf-16")])
def test_other_separators_and_utf16_are_read(separator: str, encoding: str, release: tuple[str, Path]) -> None:
    before = facts(release)
    rewritten(release[1], lambda rows: rows, separator=separator, encoding=encoding)
    assert facts(release) == before


def test_the_order_of_columns_tells_nothing(release: tuple[str, Path]) -> None:
    before = facts(release)
    rewritten(release[1], lambda rows: [row[::-1] for row in rows])
    assert facts(release) == before


def test_a_doubled_column_is_refused_by_name(release: tuple[str, Path]) -> None:
    rewritten(release[1], lambda rows: [[*row, row[0]] for row in rows])
    with pytest.raises(SourceError, match="more than one column"):
        facts(release)


def test_names_with_folders_and_suffixes_find_their_files(release: tuple[str, Path]) -> None:
    before = facts(release)
    rewritten(
        release[1], with_cells(lambda name, cell: f"some/folder/{cell.split('.')[0]}.JPG" if name in KEYS else cell)
    )
    assert facts(release) == before


@pytest.mark.parametrize("damaged", ["-9.05E+08", "9.05119498E+18", "9,05E+18", "1000600354148496558.0"])
def test_an_id_that_was_taken_for_a_number_is_refused(damaged: str, release: tuple[str, Path]) -> None:
    rewritten(release[1], with_cells(lambda name, cell: damaged if name in KEYS | {"case_id"} else cell))
    with pytest.raises(SourceError, match="an id that a spreadsheet took for a number"):
        facts(release)


@pytest.mark.parametrize(("column", "written"), [("sex", "gender"), ("gender", "sex")])
def test_a_renamed_column_is_told_with_the_name_it_should_have(
    column: str, written: str, release: tuple[str, Path]
) -> None:
    source, root = release
    if source == "scin" or not any(
        column in path.read_text("utf-8-sig").splitlines()[0].split(",") for path in root.rglob("*.csv")
    ):
        pytest.skip(f"no table of {source} has the column {column} in this layout")
    rewritten(root, lambda rows: [[written if name == column else name for name in rows[0]], *rows[1:]])
    told = [item.detail for item in registry.source(source).read(root) if not isinstance(item, ClinicalImage)]
    assert f"the column {written} is not read; is it {column}, which the table lacks?" in told
