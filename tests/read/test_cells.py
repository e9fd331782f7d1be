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
from dermasynth_builder.invented.specimens.scin import write_scin
from dermasynth_builder.read.tables import MISSING_WORDS, CellReader, Row, read_table

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
    if "fitzpatrick" in release[0] or (release[1] / "recipe.toml").is_file():
        pytest.skip("its ids are hashes or names of files")
    rewritten(release[1], with_cells(lambda name, cell: damaged if name in KEYS | {"case_id"} else cell))
    with pytest.raises(SourceError, match="an id that a spreadsheet took for a number"):
        facts(release)


@pytest.mark.parametrize(("column", "written"), [("sex", "gender"), ("gender", "sex")])
def test_a_renamed_column_is_told_with_the_name_it_should_have(
    column: str, written: str, release: tuple[str, Path]
) -> None:
    source, root = release
    if source in ("scin", "folder") or not any(
        column in path.read_text("utf-8-sig").splitlines()[0].split(",") for path in root.rglob("*.csv")
    ):
        pytest.skip(f"no table of {source} has the column {column} in this layout")
    rewritten(root, lambda rows: [[written if name == column else name for name in rows[0]], *rows[1:]])
    told = [item.detail for item in registry.source(source).read(root) if not isinstance(item, ClinicalImage)]
    assert f"the column {written} is not read; is it {column}, which the table lacks?" in told


def cells_of(text: str, tmp_path: Path, column: str = "x") -> CellReader:
    """The first row of a table with one more column."""
    path = tmp_path / "table.csv"
    path.write_text(f"img_id,{column}\n1,{text}\n", encoding="utf-8")
    [row] = read_table(path, tmp_path, ())
    assert isinstance(row, Row)
    return CellReader(row, {""})


@pytest.mark.parametrize(
    ("text", "number"), [('"3,5"', 3.5), ('"0,125"', 0.125), ("3.5", 3.5), ('"1,000"', None), ('"1,5,0"', None)]
)
def test_a_decimal_comma_is_read_and_what_may_be_thousands_is_not(
    text: str, number: float | None, tmp_path: Path
) -> None:
    cells = cells_of(text, tmp_path)
    assert cells.number("x", 0, 5000) == number
    assert len(cells.problems) == (number is None)


@pytest.mark.parametrize(
    ("text", "value"),
    [("yes", True), ("1", True), ("True", True), ("no", False), ("0", False), ("F", None), ("NA", None)],
)
def test_a_boolean_is_read_however_it_is_written(text: str, value: bool | None, tmp_path: Path) -> None:
    cells = cells_of(text, tmp_path)
    assert cells.boolean("x") is value
    assert len(cells.problems) == (text == "F")


def test_a_point_behind_a_whole_id_goes_and_digits_that_were_lost_are_refused(tmp_path: Path) -> None:
    assert cells_of("731.0", tmp_path, "lesion_id").text("lesion_id") == "731"
    path = tmp_path / "rounded.csv"
    path.write_text("case_id\n-1234567890123450000\n2234567890123460000\n", encoding="utf-8")
    with pytest.raises(SourceError, match="line 2: case_id is '-1234567890123450000', an id that a spreadsheet"):
        list(read_table(path, tmp_path, ()))
    path.write_text("case_id\n-1234567890123450001\n2234567890123460000\n", encoding="utf-8")
    assert len(list(read_table(path, tmp_path, ()))) == 2


def test_labels_that_join_no_case_stop_the_build(tmp_path: Path) -> None:
    raw = write_scin(tmp_path, cases=6, side_px=16)
    labels = next(raw.rglob("scin_labels.csv"))
    lines = labels.read_text(encoding="utf-8").splitlines()
    labels.write_text("\n".join([lines[0], *(f"9{line}" for line in lines[1:])]) + "\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"no case_id of .*scin_labels\.csv is in .*scin_cases\.csv"):
        facts(("scin", raw))


@pytest.mark.slow
@pytest.mark.real
def test_blanks_written_as_na_change_no_fact_of_the_real_tables(real_data: Path, tmp_path: Path) -> None:
    for source in ("bcn20000", "pad_ufes"):
        raw = tmp_path / source
        raw.mkdir()
        for table in (real_data / source).rglob("*.csv"):
            shutil.copy(table, raw)
        before = facts((source, raw))
        rewritten(raw, with_cells(lambda _, cell: cell or "NA"))
        assert facts((source, raw)) == before
