"""Figures of answers, held against what scikit-learn and statsmodels count from the same answers by hand."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from dermasynth_builder.core.closed import Item
from dermasynth_builder.release.closed import ClosedQuestions
from dermasynth_builder.train.evaluate import metrics
from dermasynth_builder.train.evaluate.metrics import Answered, Resamples
from tests.support.clinical_images import FULL
from tests.support.training import row

sklearn = pytest.importorskip("sklearn.metrics", reason="make test-train has it")
np = pytest.importorskip("numpy")

CLASSES = {
    "nevus": ("benign", "benign:melanocytic:nevus"),
    "blue nevus": ("benign", "benign:melanocytic:nevus:blue"),
    "melanoma": ("malignant", "malignant:melanocytic:melanoma"),
    "basal cell carcinoma": ("malignant", "malignant:epidermal:bcc"),
}
NAMES = tuple(CLASSES)


def item(number: int, name: str) -> Item:
    malignancy, node = CLASSES[name]
    facts = replace(FULL, diagnosis=name, malignancy=malignancy, diagnosis_isic=node, fitzpatrick=1 + number % 3)  # type: ignore[arg-type]
    about = row(image_id=f"image_{number}", group_id=f"pad_ufes/{number // 3}", facts=facts)
    [made] = ClosedQuestions({("pad_ufes", "diagnosis"): NAMES}, ("diagnosis",), ("named",)).items(about)
    return made


def made_up(seed: int, right: float, count: int = 240) -> Answered:
    draw = Random(seed)  # noqa: S311 - a draw, not a secret
    items = [item(number, NAMES[Random(number).choice((0, 0, 0, 1, 2, 2, 3))]) for number in range(count)]  # noqa: S311
    named = [each.gold if draw.random() < right else draw.choice([*NAMES, None, None]) for each in items]
    return Answered(items, named)


def figures(answered: Answered) -> dict[str, Any]:
    return metrics.figures(answered, Resamples.of(answered, 300, 1))


def test_accuracy_recall_and_f1_are_those_of_scikit_learn() -> None:
    answered = made_up(1, 0.6)
    golds, said = answered.golds, [each or "none" for each in answered.named]
    found = figures(answered)
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(golds, said), abs=1e-4)
    recalls = sklearn.recall_score(golds, said, labels=sorted(NAMES), average=None)
    assert found["balanced_accuracy"] == pytest.approx(float(recalls.mean()), abs=1e-4)
    assert metrics.balanced_accuracy(answered) == pytest.approx(float(recalls.mean()))
    f1 = sklearn.f1_score(golds, said, labels=sorted(NAMES), average="macro")
    assert found["macro_f1"] == pytest.approx(float(f1), abs=1e-4)
    assert found["unanswered"] == pytest.approx(said.count("none") / len(said), abs=1e-4)
    per_class = {name: each["recall"] for name, each in found["per_class"].items()}
    assert per_class == pytest.approx(dict(zip(sorted(NAMES), recalls, strict=True)), abs=1e-4)


def test_malignant_recall_and_specificity_count_no_answer_as_wrong() -> None:
    items = [item(number, name) for number, name in enumerate(("melanoma",) * 4 + ("nevus",) * 4)]
    named = ["melanoma", "basal cell carcinoma", "nevus", None, "nevus", "blue nevus", "melanoma", None]
    found = figures(Answered([*items, item(8, "basal cell carcinoma"), item(9, "blue nevus")],
                             [*named, "basal cell carcinoma", "blue nevus"]))["malignancy"]  # fmt: skip
    assert found["recall"]["share"] == 3 / 5  # melanoma taken for another cancer is malignant
    assert found["specificity"]["share"] == 3 / 5
    assert found["recall"]["n"] == 5


def test_near_misses_earn_the_levels_that_they_share() -> None:
    items = [item(0, "nevus"), item(1, "blue nevus"), item(2, "melanoma"), item(3, "melanoma")]
    found = figures(Answered(items, ["blue nevus", "nevus", "nevus", None]))
    assert found["hierarchical_credit"] == pytest.approx((3 / 3 + 3 / 4 + 0 + 0) / 4, abs=1e-4)


def test_intervals_draw_patients_and_not_images() -> None:
    answered = made_up(2, 0.7)
    low, high = figures(answered)["balanced_accuracy_95"]
    assert low < metrics.balanced_accuracy(answered) < high
    doubled = Answered([*answered.items, *answered.items], [*answered.named, *answered.named])
    assert figures(doubled)["balanced_accuracy_95"] == [low, high]  # the same patients say no more
    draws = Resamples.of(answered, 50, 1).balanced_accuracies(answered)
    patients = sorted(set(answered.patients))
    weights = np.random.default_rng(1).multinomial(len(patients), [1 / len(patients)] * len(patients), size=50)
    for number in (0, 7, 49):
        times = dict(zip(patients, weights[number], strict=True))
        drawn = [(i, n) for i, n in zip(answered.items, answered.named, strict=True) for _ in range(times[i.group_id])]
        recalls = sklearn.recall_score(
            [i.gold for i, _ in drawn], [n or "none" for _, n in drawn], labels=sorted({i.gold for i, _ in drawn}),
            average="macro",
        )  # fmt: skip
        assert draws[number] == pytest.approx(float(recalls))


def test_one_patient_tells_nothing_of_others() -> None:
    items = [replace(item(number, name), group_id="pad_ufes/1") for number, name in enumerate(NAMES)]
    right, wrong = Answered(items, list(NAMES)), Answered(items, [None] * len(items))
    assert figures(right)["balanced_accuracy_95"] == [0, 1]
    found = metrics.difference(right, wrong, Resamples.of(right, 20, 1))
    assert (found["balanced_accuracy"], found["balanced_accuracy_95"]) == (1, [-1, 1])


def test_two_systems_are_compared_on_the_same_patients() -> None:
    from statsmodels.stats.contingency_tables import mcnemar

    first, second = made_up(3, 0.8), made_up(4, 0.4)
    found = metrics.difference(first, second, Resamples.of(first, 500, 1))
    right = [(a == i.gold, b == i.gold) for i, a, b in zip(first.items, first.named, second.named, strict=True)]
    table = [[right.count((True, True)), right.count((True, False))], [right.count((False, True)), 0]]
    assert found["mcnemar_p"] == pytest.approx(float(mcnemar(table, exact=True).pvalue))
    assert found["only_first_right"] == right.count((True, False))
    low, high = found["balanced_accuracy_95"]
    assert 0 < low < found["balanced_accuracy"] < high
    same = metrics.difference(first, first, Resamples.of(first, 500, 1))
    assert (same["balanced_accuracy"], same["balanced_accuracy_95"], same["mcnemar_p"]) == (0, [0, 0], 1)


def test_one_answer_to_everything_is_at_chance_whatever_the_mix_of_classes() -> None:
    answered = made_up(5, 1.0)
    assert figures(Answered(answered.items, ["nevus"] * len(answered.items)))["balanced_accuracy"] == 0.25


def test_slices_tell_their_size() -> None:
    by = figures(made_up(6, 0.5))["by"]
    assert {name: each["n"] for name, each in by["fitzpatrick"].items()} == {"1": 80, "2": 80, "3": 80}
    assert by["source"]["pad_ufes"]["patients"] == 80


def test_answers_that_stay_on_another_patients_image_are_counted() -> None:
    items = [item(number, "nevus") for number in range(4)]
    found = metrics.persistence(items, ["nevus", "melanoma", None, "nevus"], ["nevus", "nevus", "nevus", None])
    assert found == {"n": 3, "answer_stays": 0.3333, "right_answer_stays": 0.3333}
