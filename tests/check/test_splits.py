"""Splits and folds: whole groups, each diagnosis in its shares, the official parts as they are."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder import pipeline
from dermasynth_builder.check.splits import folds_of, splits_of, stratified
from dermasynth_builder.core.options import DEFAULT_SEED, DEFAULT_SPLITS, Settings
from dermasynth_builder.core.records import ClinicalImage, Split, share_of
from dermasynth_builder.core.reporter import SilentReporter
from tests.support.clinical_images import FULL, clinical_image

CASES = ("nevus", 300, 1), ("melanoma", 30, 3), ("psoriasis", 10, 1)
"""Diagnosis, groups that have it, images of each."""


def images_of(cases: Iterable[tuple[str, int, int]], official: str | None = None) -> list[ClinicalImage]:
    return [
        replace(
            clinical_image(f"{name}_{group}_{number}", replace(FULL, diagnosis=name), f"{name}_{group}"),
            official_split=official,
        )
        for name, groups, images in cases
        for group in range(groups)
        for number in range(images)
    ]


def counted(images: Iterable[ClinicalImage], placed: dict[str, Split]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for image in images:
        found[str(image.facts.diagnosis)][placed[image.group_id]] += 1
    return found


def test_every_diagnosis_is_parted_by_the_shares_asked_for() -> None:
    images = images_of(CASES)
    found = counted(images, splits_of(images, 3, (0.6, 0.2, 0.2)))
    assert found["nevus"] == {"train": 180, "validation": 60, "test": 60}
    assert found["melanoma"] == {"train": 54, "validation": 18, "test": 18}
    assert found["psoriasis"] == {"train": 6, "validation": 2, "test": 2}


def test_from_ten_groups_on_a_diagnosis_is_in_the_test() -> None:
    for groups in range(1, 40):
        images = images_of([("nevus", 400, 1), ("melanoma", groups, 1)])
        found = counted(images, splits_of(images, 3, DEFAULT_SPLITS))["melanoma"]
        assert found["train"] / groups >= 0.8
        assert bool(found["test"]) is (groups >= 10)


def test_an_official_test_part_is_our_test_and_nothing_else_is_in_it() -> None:
    images = images_of(CASES, "test") + images_of([("nevus", 90, 1)], "train")[:60]
    tested, trained = images[:400], images[400:]
    trained = [replace(image, group_id=f"train_{number}") for number, image in enumerate(trained)]
    for shares in ((0.6, 0.3, 0.1), (1.0, 0.0, 0.0), (0.5, 0.0, 0.5)):
        placed = splits_of([*tested, *trained], 3, shares)
        assert {placed[image.group_id] for image in tested} == {"test"}
        found = Counter(placed[image.group_id] for image in trained)
        kept = shares[0] + shares[1]
        assert found["test"] == 0
        assert found["train"] == pytest.approx(60 * shares[0] / kept, abs=1)


def test_a_group_that_the_release_has_in_both_parts_is_in_the_test_as_a_whole() -> None:
    images = images_of([("nevus", 20, 2)], "train")
    images[1] = replace(images[1], official_split="test")
    assert splits_of(images, 3, DEFAULT_SPLITS)[images[0].group_id] == "test"


def test_an_official_train_part_where_all_is_to_be_tested_is_train() -> None:
    assert set(splits_of(images_of(CASES, "train"), 3, (0.0, 0.0, 1.0)).values()) == {"train"}


def test_a_split_depends_on_groups_diagnoses_source_and_seed_and_on_nothing_else() -> None:
    images = images_of(CASES)
    placed = splits_of(images, 3, (0.6, 0.2, 0.2))
    same = [replace(image, image_id="other", file_name="other.png", path=None, file=None) for image in images]
    assert splits_of(same, 3, (0.6, 0.2, 0.2)) == placed
    assert splits_of(images[::-1], 3, (0.6, 0.2, 0.2)) == placed
    assert splits_of(images, 4, (0.6, 0.2, 0.2)) != placed
    assert splits_of([replace(image, source="hiba") for image in images], 3, (0.6, 0.2, 0.2)) != placed


def test_folds_hold_equal_parts_of_every_diagnosis() -> None:
    images = images_of(CASES)
    folds = folds_of(images, 3, 5)
    found = Counter((image.facts.diagnosis, folds[image.group_id]) for image in images)
    assert {found["nevus", fold] for fold in range(5)} == {60}
    assert {found["melanoma", fold] for fold in range(5)} == {18}
    assert {found["psoriasis", fold] for fold in range(5)} == {2}
    assert folds_of(images, 4, 5) != folds


GROUPS = st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(1, 6), min_size=1), min_size=1, max_size=60)


@given(GROUPS, st.integers(2, 6))
def test_whole_groups_go_where_there_is_a_share_for_them(contents: list[dict[str, int]], parts: int) -> None:
    groups = {f"g{number}": Counter[str | None](found) for number, found in enumerate(contents)}
    order = {name: share_of(name) for name in groups}
    placed = stratified(groups, [*((part, 1 / parts) for part in range(parts)), (parts, 0.0)], order.__getitem__)
    assert placed.keys() == groups.keys()
    assert set(placed.values()) <= set(range(parts))
    sizes = sorted(sum(sum(groups[name].values()) for name in groups if placed[name] == part) for part in range(parts))
    assert max(later - before for before, later in pairwise(sizes)) <= 3 * max(
        sum(found.values()) for found in groups.values()
    )


def test_folds_are_as_even_as_those_of_scikit_learn() -> None:
    selection = pytest.importorskip("sklearn.model_selection", reason="make test-train has it")
    draw = Random(7)  # noqa: S311 - a draw, not a secret
    names = [("nevus", 60), ("basal cell carcinoma", 25), ("melanoma", 5)]
    images = [
        clinical_image(f"{group}_{number}", replace(FULL, diagnosis=name), f"group_{group}")
        for group in range(800)
        for name in draw.choices([name for name, _ in names], [weight for _, weight in names])
        for number in range(draw.choice((1, 1, 1, 2, 5)))
    ]
    labels = [image.facts.diagnosis for image in images]
    patients = [image.group_id for image in images]
    theirs = [0] * len(images)
    splitter = selection.StratifiedGroupKFold(5, shuffle=True, random_state=1)
    for fold, (_, tested) in enumerate(splitter.split(labels, labels, patients)):
        for place in tested:
            theirs[place] = fold
    ours = [folds_of(images, 3, 5)[patient] for patient in patients]

    def unevenness(folds: list[int]) -> dict[str, int]:
        found = Counter(zip(labels, folds, strict=True))
        of_class = {name: [found[name, fold] for fold in range(5)] for name, _ in names}
        return {name: max(counts) - min(counts) for name, counts in of_class.items()}

    assert sum(unevenness(ours).values()) <= sum(unevenness(theirs).values()) + len(names), (
        unevenness(ours),
        unevenness(theirs),
    )


@pytest.mark.real
def test_the_default_test_part_of_the_real_pad_ufes_holds_melanomas_of_several_patients(
    real_data: Path, tmp_path: Path
) -> None:
    settings = Settings(raw={"pad_ufes": real_data / "pad_ufes"}, work=tmp_path, rows="all")
    images = pipeline.plan(settings, SilentReporter())[0].read.images
    placed = splits_of(images, DEFAULT_SEED, DEFAULT_SPLITS)
    melanomas = [image for image in images if image.facts.diagnosis == "melanoma"]
    assert len(melanomas) == 52
    for split in ("validation", "test"):
        found = [image.group_id for image in melanomas if placed[image.group_id] == split]
        assert 2 <= len(found) <= 3, split
        assert len(set(found)) >= 2, split
    folds = folds_of(images, DEFAULT_SEED, 5)
    assert sorted(Counter(folds[image.group_id] for image in melanomas).values()) == [10, 10, 10, 11, 11]
