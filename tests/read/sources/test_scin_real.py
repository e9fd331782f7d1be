"""The real tables of SCIN give the counts that its authors and our own reading of them give."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from dermasynth_builder.core.records import ClinicalImage, Facts, Problem, ProblemKind
from dermasynth_builder.read import vocabulary
from dermasynth_builder.read.sources.scin import (
    CONDITIONS,
    MISSING,
    RETIRED,
    Scin,
    of_case,
    weighted_conditions,
    with_labels,
)
from dermasynth_builder.read.tables import CellReader, Row, read_table

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def items(real_data: Path) -> list[ClinicalImage | Problem]:
    return list(Scin().read(real_data / "scin"))


@pytest.fixture(scope="module")
def images(items: list[ClinicalImage | Problem]) -> list[ClinicalImage]:
    return [item for item in items if isinstance(item, ClinicalImage)]


@pytest.fixture(scope="module")
def case_facts(real_data: Path) -> list[Facts]:
    """The facts of all cases, those included whose files are all kept under another case."""
    cases, labels = (rows_of(real_data / "scin", name) for name in ("scin_cases.csv", "scin_labels.csv"))
    return [
        with_labels(of_case(CellReader(case, MISSING)), CellReader(label, MISSING))
        for case, label in zip(cases, labels, strict=True)
    ]


def rows_of(root: Path, name: str) -> list[Row]:
    rows = list(read_table(root / "dataset" / name, root, ("case_id",)))
    return [row for row in rows if isinstance(row, Row)]


def counted(values: Iterable[object]) -> dict[object, int]:
    return dict(Counter(value for value in values if value is not None))


def test_files_references_and_shared_files(
    images: list[ClinicalImage], items: list[ClinicalImage | Problem], real_data: Path
) -> None:
    cases = rows_of(real_data / "scin", "scin_cases.csv")
    paths = Counter(path for case in cases for shot in (1, 2, 3) if (path := case.cells[f"image_{shot}_path"]))
    assert (len(cases), paths.total(), len(images)) == (5033, 10407, 10380)
    assert len({image.image_id for image in images}) == len(paths) == 10380
    assert Counter(times for times in paths.values() if times > 1) == {2: 11, 3: 3, 11: 1}
    kinds = Counter(item.kind for item in items if isinstance(item, Problem))
    assert kinds == {ProblemKind.DOUBLED_ID: 27, ProblemKind.UNKNOWN_VALUE: 12}
    assert len({image.group_id for image in images}) == 5033 - 29 + 9


def test_no_group_loses_a_case(images: list[ClinicalImage], real_data: Path) -> None:
    group_of = {image.image_id: image.group_id for image in images}
    for case in rows_of(real_data / "scin", "scin_cases.csv"):
        paths = [path for shot in (1, 2, 3) if (path := case.cells[f"image_{shot}_path"])]
        assert len({group_of[f"scin_{Path(path).stem}"] for path in paths}) == 1


def test_what_people_said_of_themselves(case_facts: list[Facts]) -> None:
    assert counted(facts.age_band for facts in case_facts) == {
        **{"18 to 29": 769, "30 to 39": 422, "40 to 49": 435},
        **{"50 to 59": 322, "60 to 69": 165, "70 to 79": 55},
    }
    assert counted(facts.sex for facts in case_facts) == {"female": 1666, "male": 807}
    own = (facts.fitzpatrick for facts in case_facts if facts.fitzpatrick_rater == "patient")
    assert counted(own) == {1: 188, 2: 542, 3: 661, 4: 427, 5: 214, 6: 143}
    assert sum(facts.itches is True for facts in case_facts) == 2712
    assert {facts.itches for facts in case_facts} == {True, None}
    assert sum(bool(facts.textures) for facts in case_facts) == 5033 - 954
    assert counted(facts.duration for facts in case_facts)["one day"] == 784


def test_what_dermatologists_said(case_facts: list[Facts], real_data: Path) -> None:
    labels = rows_of(real_data / "scin", "scin_labels.csv")
    weighed = [weighted_conditions(row.cells[CONDITIONS]) for row in labels]
    assert sum(bool(conditions) for conditions in weighed) == 3061
    names = {name for conditions in weighed for name in conditions}
    assert len(names) == 370
    assert names - {RETIRED} == set(vocabulary.diagnoses("scin"))
    assert sum(bool(facts.differential) for facts in case_facts) == 3061
    # 925 cases tie at the top; of three others the name at the top was taken out of the list.
    assert sum(facts.diagnosis is not None for facts in case_facts) == 3061 - 925 - 3
