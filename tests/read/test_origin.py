"""One contract for every source: a table is whose its rows prove it to be, and what proves nothing is refused or told.

The cases, and what happens:

| in the folder | what happens |
|---|---|
| the tables of another source | refused; says what was found, whose it is and what is looked for |
| a table with the right columns and foreign ids or attribution | refused |
| rows of other sets among its own | its own are read; the others and their images are counted in one problem |
| more rows than the set has | refused |
| its tables under other names, in other folders | read |
| a copy of a table that agrees | read once; one problem |
| a copy of a table that contradicts it | refused; says the id, the column and both cells |
| a column that nothing reads | one problem, with the nearest name |
| a column that every table of the kind has is absent | one problem |
| a folder of the source's name in it | that one is read, the rest is not looked at |
| all sets side by side under any names | each is read, with its own images alone |
"""

import csv
import shutil
from collections.abc import Callable
from dataclasses import asdict
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import NoReleaseError, SourceError
from dermasynth_builder.core.records import ClinicalImage, Problem, ProblemKind
from dermasynth_builder.read.find import find_raw, raw_in
from dermasynth_builder.read.origin import StatesOrigin

SOURCES = [name for name in registry.SPECIMENS if isinstance(registry.source(name), StatesOrigin)]
RELEASES = [(name, layout) for name in SOURCES for layout in registry.specimen_layouts(name) or (None,)]
Drawn = dict[tuple[str, str | None], Path]
Table = list[list[str]]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """Specimens of every source in each of their layouts."""
    folder = tmp_path_factory.mktemp("raw")
    found: Drawn = {}
    for source, layout in RELEASES:
        write = registry.specimens(source)
        options: dict[str, Any] = {"layout": layout} if layout else {}
        if "side_px" in signature(write).parameters:
            options["side_px"] = 16
        found[source, layout] = write(folder / f"{source}-{layout}", images=12, **options)
    return found


@pytest.fixture(params=RELEASES, ids=lambda release: " ".join(filter(None, release)))
def release(request: pytest.FixtureRequest, drawn: Drawn, tmp_path: Path) -> tuple[str, Path]:
    """A source and a copy of its specimens, to be changed."""
    return request.param[0], Path(shutil.copytree(drawn[request.param], tmp_path / "release"))


def read(source: str, root: Path) -> tuple[list[ClinicalImage], list[Problem]]:
    items = list(registry.source(source).read(root))
    images = [item for item in items if isinstance(item, ClinicalImage)]
    return images, [item for item in items if isinstance(item, Problem)]


def told(images: list[ClinicalImage]) -> dict[str, tuple[Any, ...]]:
    """What is known of each image, but for where it stands."""
    return {i.image_id: (asdict(i.facts), i.group_id, i.official_split, i.path and i.path.name) for i in images}


def tables(root: Path) -> list[Path]:
    return sorted(root.rglob("*.csv"))


def rewrite(path: Path, change: Callable[[Table], Table]) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = change(list(csv.reader(file)))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def kinds_of(source: str) -> StatesOrigin:
    made = registry.source(source)
    assert isinstance(made, StatesOrigin)
    return made


def proving(source: str, root: Path) -> Path:
    """The first table whose rows are proved by what they say."""
    for path in tables(root):
        columns = path.read_text(encoding="utf-8-sig").splitlines()[0].split(",")
        if any(
            kind.fits(columns) and {sign.column for sign in kind.signs} & set(columns)
            for kind in kinds_of(source).tables
        ):
            return path
    raise AssertionError(f"no table of {source} proves anything")


def signed(source: str, root: Path, cell: str) -> None:
    """Writes that cell into every column by which rows are told, and gives the tables names that tell nothing."""
    columns = {sign.column for kind in kinds_of(source).tables for sign in kind.signs}

    def write(rows: Table) -> Table:
        changed = ([cell if n in columns else c for n, c in zip(rows[0], row, strict=True)] for row in rows[1:])
        return [rows[0], *changed]

    for number, path in enumerate(tables(root)):
        rewrite(path, write)
        path.rename(root / f"table{number}.csv")


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_states_what_proves_its_tables(source: str) -> None:
    for kind in kinds_of(source).tables:
        assert kind.is_joined or kind.signs
        assert str(kind).startswith(kind.what)
        assert kind.key in str(kind)


@pytest.mark.parametrize("source", SOURCES)
def test_the_tables_of_another_source_are_refused_and_named(source: str, drawn: Drawn) -> None:
    for (other, layout), root in drawn.items():
        if other == source or (layout == "isic2019" and source == "ham10000"):
            continue
        with pytest.raises(NoReleaseError) as refused:
            read(source, root)
        message = str(refused.value)
        assert "found no table that is proved to be of it. Looked for " in message
        assert f"which is of {registry.source(other).title}" in message, (other, layout)


def test_right_columns_with_foreign_cells_are_refused(release: tuple[str, Path]) -> None:
    source, root = release
    signed(source, root, "X_1")
    with pytest.raises(NoReleaseError, match="X"):
        read(source, root)


def test_right_columns_with_nothing_to_tell_by_are_refused(release: tuple[str, Path]) -> None:
    source, root = release
    signed(source, root, "")
    with pytest.raises(NoReleaseError):
        read(source, root)


def test_rows_of_other_sets_are_stepped_over_with_their_images_and_counted(release: tuple[str, Path]) -> None:
    source, root = release
    expected, problems = read(source, root)
    path = proving(source, root)
    with path.open(encoding="utf-8-sig", newline="") as file:
        columns = next(csv.reader(file))
    kind = next(kind for kind in kinds_of(source).tables if kind.fits(columns) and kind.signs)
    signs = {sign.column for sign in kind.signs}

    def mixed(rows: Table) -> Table:
        def foreign(row: list[str], number: int) -> list[str]:
            named = {kind.key: f"other_{number}"} | dict.fromkeys(signs - {kind.key}, f"Other_{number}")
            return [named.get(name, cell) for name, cell in zip(rows[0], row, strict=True)]

        return [rows[0], *(foreign(rows[1], n) for n in range(3)), *rows[1:]]

    rewrite(path, mixed)
    picture = next(image.path for image in expected if image.path)
    shutil.copy(picture, root / f"other_1{picture.suffix}")
    images, now = read(source, root)
    assert told(images) == told(expected)
    more = [problem for problem in now if problem.kind == ProblemKind.OTHER_SET]
    assert sum(int(problem.detail.split(" of ")[0]) for problem in more) == 3 + sum(
        int(problem.detail.split(" of ")[0]) for problem in problems if problem.kind == ProblemKind.OTHER_SET
    )
    assert {problem.kind for problem in now} <= {ProblemKind.OTHER_SET, *(problem.kind for problem in problems)}


def test_tables_are_found_under_any_name_and_in_any_folder(release: tuple[str, Path]) -> None:
    source, root = release
    expected, problems = read(source, root)
    (root / "deep" / "er").mkdir(parents=True)
    marked = "derm12345" if source == "derm12345" else "x"
    for number, path in enumerate(tables(root)):
        path.rename(root / "deep" / "er" / f"{marked}-{number}.CSV")
    images, now = read(source, root)
    assert told(images) == told(expected)
    assert [problem.kind for problem in now] == [problem.kind for problem in problems]


def test_a_copy_that_agrees_is_told_and_changes_nothing(release: tuple[str, Path]) -> None:
    source, root = release
    expected, _ = read(source, root)
    copied = tables(root)
    (root / "derm12345 copy").mkdir()
    for number, path in enumerate(copied):
        shutil.copy(path, root / "derm12345 copy" / f"{number}.csv")
    images, problems = read(source, root)
    assert told(images) == told(expected)
    assert sum(problem.kind == ProblemKind.TABLE_COPY for problem in problems) == len(copied)


def test_a_copy_that_contradicts_is_refused_with_the_cells(release: tuple[str, Path]) -> None:
    source, root = release
    path = proving(source, root)
    copy = root / "derm12345 copy.csv"
    shutil.copy(path, copy)
    kept = {sign.column for kind in kinds_of(source).tables for sign in kind.signs}
    kept |= {kind.key for kind in kinds_of(source).tables} | {"patient_id"}

    def changed(rows: Table) -> Table:
        place = next(n for n, name in enumerate(rows[0]) if name not in kept and rows[1][n])
        rows[1][place] = "another"
        return rows

    rewrite(copy, changed)
    with pytest.raises(SourceError, match=r"contradict each other in 1 of \d+ common rows: of .* 'another'"):
        read(source, root)


def test_a_column_that_nothing_reads_is_told_once_for_each_table(release: tuple[str, Path]) -> None:
    source, root = release
    expected, problems = read(source, root)
    assert not [problem for problem in problems if problem.kind == ProblemKind.COLUMN]
    path = proving(source, root)
    rewrite(path, lambda rows: [[*row, "mole_count" if row is rows[0] else "7"] for row in rows])
    images, now = read(source, root)
    assert told(images) == told(expected)
    more = [problem for problem in now if problem.kind == ProblemKind.COLUMN]
    assert [problem.detail for problem in more] == ["the column mole_count is not read"]


def test_a_folder_of_the_sources_name_is_meant(release: tuple[str, Path], drawn: Drawn, tmp_path: Path) -> None:
    source, root = release
    expected, problems = read(source, root)
    whole = tmp_path / "data"
    shutil.move(root, whole / source)
    for other in SOURCES:
        if other != source:
            shutil.copytree(next(path for (name, _), path in drawn.items() if name == other), whole / other)
    images, now = read(source, whole)
    assert told(images) == told(expected)
    assert now == problems


@pytest.fixture
def together(drawn: Drawn, tmp_path: Path) -> Path:
    """The first layout of every set in one folder, under names that tell nothing."""
    for number, source in enumerate(SOURCES):
        first = next(path for (name, _), path in drawn.items() if name == source)
        shutil.copytree(first, tmp_path / "data" / f"set {number}")
    return tmp_path / "data"


@pytest.mark.parametrize("source", SOURCES)
def test_sets_side_by_side_are_each_read_with_their_own_images_alone(source: str, together: Path, drawn: Drawn) -> None:
    alone, problems = read(source, next(path for (name, _), path in drawn.items() if name == source))
    images, now = read(source, together)
    assert told(images) == told(alone)
    assert {problem.kind for problem in now} - {problem.kind for problem in problems} == {ProblemKind.OTHER_SET}


def test_all_sets_in_a_folder_are_found_each_in_its_own(together: Path) -> None:
    found = raw_in(together)
    assert list(found) == SOURCES
    for number, source in enumerate(SOURCES):
        assert together / f"set {number}" in (found[source], found[source].parent)
    assert find_raw(together.parent) == raw_in(together)


def test_a_folder_of_a_sources_name_that_holds_another_is_refused(drawn: Drawn, tmp_path: Path) -> None:
    shutil.copytree(drawn["bcn20000", "flat"], tmp_path / "hiba")
    with pytest.raises(NoReleaseError, match=r"no raw release of HIBA .*which is of BCN20000"):
        raw_in(tmp_path)


def test_images_of_the_same_hospital_that_name_patients_are_of_another_set(drawn: Drawn, tmp_path: Path) -> None:
    root = Path(shutil.copytree(drawn["bcn20000", "flat"], tmp_path / "bcn"))
    cells = ["patient_id", *[""] * 9, *["IP_1"] * 3]
    rewrite(root / "metadata.csv", lambda rows: [[*row, cell] for row, cell in zip(rows, cells, strict=True)])
    images, problems = read("bcn20000", root)
    assert len(images) == 9
    assert [problem.detail for problem in problems if problem.kind == ProblemKind.OTHER_SET] == [
        "3 of 12 images are of other sets (attribution: Hospital Clínic de Barcelona 3)"
    ]


def test_more_rows_than_the_set_has_are_refused(drawn: Drawn, tmp_path: Path) -> None:
    root = Path(shutil.copytree(drawn["hiba", "flat"], tmp_path / "hiba"))
    rewrite(root / "metadata.csv", lambda rows: [*rows, *([f"ISIC_{n}", *rows[1][1:]] for n in range(1635))])
    with pytest.raises(SourceError, match=r"has 1,647 rows in metadata\.csv .* collection 251, which has 1,635"):
        read("hiba", root)
    rewrite(root / "metadata.csv", lambda rows: rows[:1636])
    assert len(read("hiba", root)[0]) == 1635
