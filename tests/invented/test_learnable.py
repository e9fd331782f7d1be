"""What the facts of a drawn release say shows in its pictures, with noise, and what they do not say does not.

A linear model on small pictures stands for a learner; the pictures of 600 rows are enough for it.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dermasynth_builder.invented.specimens.pad_ufes import TABLE_NAME, write_pad_ufes
from dermasynth_builder.invented.specimens.truth import FILE

pytestmark = pytest.mark.slow
Numbers = NDArray[np.float64]
Rows = list[dict[str, object]]
SIDE_PX = 20


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """Each picture's row of the table, with what is so on it and its pixels."""
    root = write_pad_ufes(tmp_path_factory.mktemp("learnable"), images=600, side_px=64)
    with (root / TABLE_NAME).open(encoding="utf-8", newline="") as file:
        told = {row["img_id"]: row for row in csv.DictReader(file)}
    truths = [json.loads(line) for line in (root / FILE).read_text("utf-8").splitlines()]
    return [
        {**told[Path(truth["image"]).name], **truth, "pixels": pixels_of(root / truth["image"])} for truth in truths
    ]


def pixels_of(path: Path) -> Numbers:
    with Image.open(path) as picture:
        small = picture.convert("RGB").resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float64).ravel() / 255


def numbers(rows: Iterable[dict[str, object]], name: str) -> Numbers:
    return np.array([float(str(row[name])) for row in rows])


def correlation(rows: Sequence[dict[str, object]], cause: str, effect: str) -> float:
    """Of two numbers of those rows that have both; each look is held to its own mean, so that no diagnosis makes it.

    But malignancy is the same for all of a look, and makes what it makes between them.
    """
    both = [row for row in rows if cause in row and effect in row]
    pairs = np.stack([numbers(both, cause), numbers(both, effect)])
    looks = np.array([str(row["look"]) for row in both])
    for look in set(looks) if cause != "is_malignant" else ():
        pairs[:, looks == look] -= np.mean(pairs[:, looks == look], axis=1, keepdims=True)
    return float(np.asarray(np.corrcoef(pairs))[0, 1])


def recovered(rows: Rows, fact: str, *, blank: bool = False) -> float:
    """Balanced accuracy of a ridge classifier, of five folds by patient."""
    known = [row for row in rows if row[fact] not in ("", "UNK")]
    classes = sorted({str(row[fact]) for row in known})
    truth = np.array([classes.index(str(row[fact])) for row in known])
    folds = np.array([int(str(row["patient_id"]).removeprefix("PAT_")) % 5 for row in known])
    pixels = np.stack([np.zeros(3 * SIDE_PX**2) if blank else np.asarray(row["pixels"]) for row in known])
    said = np.empty_like(truth)
    for fold in range(5):
        seen = folds != fold
        middle, targets = pixels[seen].mean(axis=0), np.eye(len(classes))[truth[seen]]
        weights = ridge(pixels[seen] - middle, targets - targets.mean(axis=0))
        said[~seen] = ((pixels[~seen] - middle) @ weights + targets.mean(axis=0)).argmax(axis=1)
    return float(np.mean([(said[truth == each] == each).mean() for each in range(len(classes))]))


def ridge(inputs: Numbers, targets: Numbers) -> Numbers:
    """The weights, by the kernel: there are more pixels than pictures."""
    kernel = inputs @ inputs.T + 10 * np.eye(len(inputs))
    return np.asarray(inputs.T @ np.linalg.solve(kernel, targets))


def test_a_linear_model_reads_the_diagnosis_of_unseen_patients_and_a_blank_picture_tells_nothing(rows: Rows) -> None:
    assert recovered(rows, "diagnostic") > 0.6  # of six
    assert recovered(rows, "diagnostic", blank=True) <= 1 / 6 + 0.02


@pytest.mark.parametrize("fact", ["region", "gender", "smoke"])
def test_a_fact_that_is_not_drawn_stays_at_chance(fact: str, rows: Rows) -> None:
    classes = len({row[fact] for row in rows if row[fact] not in ("", "UNK")})
    assert recovered(rows, fact) <= 1.3 / classes


@pytest.mark.parametrize(
    ("cause", "effect", "least"),
    [
        ("diameter_mm", "size", 0.6),
        ("age_years", "depth", 0.6),
        ("age_years", "down", 0.3),
        ("is_malignant", "across", 0.6),
        ("has_changed", "raggedness", 0.8),
        ("size", "share", 0.35),  # the true outline's
        ("raggedness", "solidity", -0.3),
    ],
)
def test_place_size_colour_and_outline_follow_what_drives_them(
    cause: str, effect: str, least: float, rows: Rows
) -> None:
    found = correlation(numbered(rows), cause, effect)
    assert found * np.sign(least) > abs(least)
    assert abs(found) < 0.98  # some noise


def numbered(rows: Rows) -> Rows:
    return [{name: float(so) if isinstance(so, bool) else so for name, so in row.items()} for row in rows]
