"""No lesion and no patient is in two groups, whatever a table says."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder.core import registry
from dermasynth_builder.core.records import ClinicalImage, Problem, ProblemKind
from dermasynth_builder.read.gate import images_of
from dermasynth_builder.read.groups import joined
from tests.support.clinical_images import clinical_image

NAMES = st.sampled_from(["P1", "P2", "P3", "P4", "p4"])
LESIONS = st.sampled_from([None, "L1", "L2", "L3"])


def read(name: str, root: Path) -> tuple[list[ClinicalImage], list[Problem]]:
    items = list(images_of(registry.source(name), root))
    return [item for item in items if isinstance(item, ClinicalImage)], [
        item for item in items if isinstance(item, Problem) and item.kind == ProblemKind.JOINED_GROUPS
    ]


@given(st.lists(st.tuples(NAMES, LESIONS), min_size=1, max_size=12))
def test_images_are_of_one_group_exactly_where_lesions_and_names_join_them(said: list[tuple[str, str | None]]) -> None:
    given_images = [
        replace(clinical_image(), image_id=str(at), group_id=group, lesion_id=lesion)
        for at, (group, lesion) in enumerate(said)
    ]
    items = list(joined(given_images))
    found = [item for item in items if isinstance(item, ClinicalImage)]
    assert [image.image_id for image in found] == [image.image_id for image in given_images]
    sets = [{at} for at in range(len(said))]
    for _ in said:  # as often as the longest chain is long
        for one in sets:
            one |= {
                other
                for at in list(one)
                for other, (group, lesion) in enumerate(said)
                if group.lower() == said[at][0].lower() or (lesion and lesion == said[at][1])
            }
    for at, image in enumerate(found):
        assert {other for other, each in enumerate(found) if each.group_id == image.group_id} == sets[at]
        assert image.group_id in {said[other][0] for other in sets[at]}
    assert any(isinstance(item, Problem) for item in items) == any(
        image.group_id != before.group_id for image, before in zip(found, given_images, strict=True)
    )


@pytest.mark.parametrize("name", sorted(registry.SPECIMENS))
def test_a_whole_release_joins_no_groups(name: str, tmp_path: Path) -> None:
    assert read(name, registry.specimens(name)(tmp_path, images=40))[1] == []


def rewritten(path: Path, change: dict[int, dict[str, str]]) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for at, cells in change.items():
        rows[at] |= cells
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)


def test_a_lesion_whose_patient_is_told_in_some_rows_alone_is_in_one_group(tmp_path: Path) -> None:
    root = registry.specimens("hiba")(tmp_path, images=40)
    before, _ = read("hiba", root)
    lesions = [image.lesion_id for image in before]
    several = next(lesion for lesion in lesions if lesion and lesions.count(lesion) > 1)
    table = next(root.rglob("*.csv"))
    with table.open(encoding="utf-8", newline="") as file:
        first = next(at for at, row in enumerate(csv.DictReader(file)) if row["lesion_id"] == several)
    for patient in ("", "IP_0000001"):
        rewritten(table, {first: {"patient_id": patient}})
        images, problems = read("hiba", root)
        assert len({image.group_id for image in images if image.lesion_id == several}) == 1
        assert several in problems[0].detail
        assert "taken as one" in problems[0].detail


@pytest.mark.parametrize("column", ["patient_id", "lesion_id", "img_id"])
def test_a_column_that_was_sorted_alone_costs_its_rows_and_no_other(column: str, tmp_path: Path) -> None:
    root = registry.specimens("pad_ufes")(tmp_path, images=40)
    before, _ = read("pad_ufes", root)
    table = next(root.rglob("metadata.csv"))
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    other = next(row for row in rows if row["patient_id"] != rows[0]["patient_id"] and row[column] != rows[0][column])
    at = rows.index(other)
    rewritten(table, {0: {column: other[column]}, at: {column: rows[0][column]}})
    items = list(images_of(registry.source("pad_ufes"), root))
    broken = [item for item in items if isinstance(item, Problem) and item.kind == ProblemKind.BROKEN_ROW]
    assert len(broken) == 2
    assert "left out" in broken[0].detail
    now = {item.image_id: item for item in items if isinstance(item, ClinicalImage)}
    assert len(now) == len(before) - 2
    assert all(image == now.get(image.image_id, image) for image in before)
