"""Tables with columns permuted, renamed, doubled and blanked are refused, or give rows that are right.

A row is right where each of its facts is what the table as published says, or is absent, or says less (a diagnosis one
level up, one body part of two); what a renamed column costs is told.
"""

import csv
import io
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.records import ClinicalImage, Problem, ProblemKind

Table = list[list[str]]
RELEASES = [(name, layout) for name in registry.SPECIMENS for layout in registry.specimen_layouts(name) or (None,)]
REAL = ["pad_ufes", "derm12345", "bcn20000", "hiba", "scin"]
ROWS = 40  # of each real table
# Facts that take the place of others: what of which column they may be told by instead.
STAND_INS = {
    "diagnosis": ("diagnosis", "diagnosis_published", "diagnosis_isic", "malignancy", "malignancy_published"),
    "benign_malignant": ("malignancy_published",),
    "label": ("diagnosis", "diagnosis_published", "diagnosis_isic", "malignancy", "malignancy_published"),
    "malignancy": ("malignancy_published",),
    "weighted_skin": ("diagnosis", "diagnosis_published", "diagnosis_isic", "malignancy"),
    "fitzpatrick": ("fitzpatrick", "fitzpatrick_rater"),
    "dermatologist_fitzpatrick": ("fitzpatrick",),
    "skin_type": ("fitzpatrick",),
    "super_class": ("is_melanocytic",),
    "anatom_site": ("body_site", "body_site_published"),
    "body_parts": ("body_site", "body_sites", "body_site_published"),
    "condition_symptoms": ("symptoms",),
    "other_symptoms": ("symptoms",),
    "textures": ("textures",),
    "image_type": ("modality", "shot_type"),
    "dermoscopic_type": ("modality",),
    "patient_id": ("group_id", "official_split"),
    "lesion_id": ("group_id", "lesion_id"),
    "split": ("official_split",),
    "copyright": ("licence",),
    "attribution": ("attribution",),
}


@st.composite
def changes(draw: st.DrawFn, columns: tuple[str, ...]) -> dict[str, Any]:
    """What is done to the tables of a release."""
    some = st.lists(st.sampled_from(columns), max_size=2, unique=True)
    return {
        "order": draw(st.randoms(use_true_random=False)),
        "renamed": {
            name: draw(st.sampled_from(["x1", name.upper(), f"{name}_2", "gender", "value"])) for name in draw(some)
        },
        "blanked": {name: draw(st.sampled_from(["", "NA", "nan", "-"])) for name in draw(some)},
        "doubled": draw(st.sampled_from([(), (), *((name,) for name in columns)])),
    }


def changed(rows: Table, change: dict[str, Any]) -> Table:
    columns = [change["renamed"].get(name, name) for name in rows[0]]
    body = [[change["blanked"].get(n, c) for n, c in zip(rows[0], row, strict=True)] for row in rows[1:]]
    for name in change["doubled"]:
        if name in rows[0]:
            columns.append(change["renamed"].get(name, name))
            body = [[*row, row[rows[0].index(name)]] for row in body]
    order = list(range(len(columns)))
    change["order"].shuffle(order)
    return [[row[place] for place in order] for row in [columns, *body]]


def read(source: str, root: Path) -> tuple[dict[str, dict[str, Any]], list[Problem]]:
    items = list(registry.source(source).read(root))
    images = {
        item.image_id: {**asdict(item.facts), **{name: getattr(item, name) for name in ("group_id", "lesion_id")}}
        | {name: getattr(item, name) for name in ("modality", "licence", "attribution", "official_split", "file_name")}
        for item in items
        if isinstance(item, ClinicalImage)
    }
    return images, [item for item in items if isinstance(item, Problem)]


def touched(change: dict[str, Any]) -> set[str]:
    return {*change["renamed"], *change["renamed"].values(), *change["blanked"]}


def says_otherwise(before: dict[str, Any], after: dict[str, Any], columns: Iterable[str]) -> list[str]:
    """The facts that are neither as before nor absent, and for which no column stands in."""
    excused = {
        fact for column in columns for begin, facts in STAND_INS.items() if column.startswith(begin) for fact in facts
    }
    return [
        name
        for name, value in after.items()
        if value != before[name] and value not in (None, (), "") and name not in excused
    ]


def hold(source: str, original: Path, change: dict[str, Any], scratch: Path) -> None:
    expected, _ = read(source, original)
    root = scratch / "changed"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(original, root)
    columns_of: dict[str, set[str]] = {}
    for path in root.rglob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
        columns_of[path.relative_to(root).as_posix()] = set(rows[0])
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(changed(rows, change))
    try:
        images, problems = read(source, root)
    except SourceError as error:
        told = str(error)  # ends in a refusal
        if not told:
            raise
        return
    columns = set().union(*columns_of.values())
    tables = {item.row_location.rpartition(", line ")[0] for item in registry.source(source).read(root)
              if isinstance(item, ClinicalImage)}  # fmt: skip
    assert not any(set(change["doubled"]) & columns_of[table] for table in tables), "a doubled column was read"
    assert set(images) <= set(expected) or problems  # by another id, the tables of an export beside it told no more
    for name, image in ((name, image) for name, image in images.items() if name in expected):
        assert says_otherwise(expected[name], image, touched(change)) == [], name
    lost = len(expected) - len(images)
    assert not lost or problems
    if any(image != expected.get(name) for name, image in images.items()) and set(change["renamed"]) & columns:
        assert any(problem.kind == ProblemKind.COLUMN for problem in problems) or set(change["blanked"]) & columns


def columns_under(root: Path) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for path in sorted(root.rglob("*.csv")):
        found |= dict.fromkeys(next(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig")))))
    return tuple(found)


@pytest.fixture(scope="module", params=RELEASES, ids=lambda release: " ".join(filter(None, release)))
def drawn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The tables alone of a source's specimens."""
    source, layout = request.param
    write = registry.specimens(source)
    options: dict[str, Any] = {"layout": layout} if layout else {}
    if "side_px" in signature(write).parameters:
        options["side_px"] = 16
    root = write(tmp_path_factory.mktemp("raw"), images=12, **options)
    for path in [path for path in root.rglob("*") if path.suffix.lower() in (".jpg", ".png")]:
        path.unlink()
    return source, root


@pytest.fixture(scope="module", params=REAL)
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The first rows of a real release's tables."""
    if not (real_data := os.environ.get("DERMASYNTH_REAL_DATA")):
        pytest.skip("DERMASYNTH_REAL_DATA is not set")
    root = tmp_path_factory.mktemp("real")
    for path in (Path(real_data) / request.param).rglob("*.csv"):
        if "taxonomy" in path.name:  # lists no image
            continue
        target = root / path.relative_to(Path(real_data) / request.param)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(
            "".join(path.read_text(encoding="utf-8-sig").splitlines(keepends=True)[:ROWS]), encoding="utf-8"
        )
    return request.param, root


FUZZ = settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))


@pytest.mark.slow
@FUZZ
@given(choice=st.data())
def test_the_tables_of_specimens(choice: st.DataObject, drawn: tuple[str, Path], tmp_path: Path) -> None:
    source, root = drawn
    hold(source, root, choice.draw(changes(columns_under(root))), tmp_path)


@pytest.mark.slow
@pytest.mark.real
@FUZZ
@given(choice=st.data())
def test_the_real_tables(choice: st.DataObject, real: tuple[str, Path], tmp_path: Path) -> None:
    source, root = real
    hold(source, root, choice.draw(changes(columns_under(root))), tmp_path)
