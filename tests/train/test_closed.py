"""Closed questions: one right answer among the options, and no wording that gives it away."""

from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder.train.closed import LETTERED, MOST_NAMED, ClosedQuestions, Item, one_an_image
from dermasynth_builder.train.evaluate.answers import option_named
from dermasynth_builder.train.options import FORMS, TASKS, Form, Task, TrainOptions
from dermasynth_builder.train.rows import Row, open_release
from dermasynth_builder.train.sample import drawn, examples_to_train_on
from dermasynth_builder.train.turns import Example
from tests.support.clinical_images import FULL
from tests.support.releases import Built
from tests.support.training import row

DIAGNOSES = tuple(f"disease {letter}" for letter in "abcdefghijklmnop")
VALUES: dict[tuple[str, Task], tuple[str, ...]] = {
    ("pad_ufes", "diagnosis"): DIAGNOSES,
    ("pad_ufes", "malignancy"): ("benign", "malignant"),
    ("pad_ufes", "body_site"): ("face", "nose", "arm"),
    ("pad_ufes", "modality"): ("clinical photograph", "dermoscopic image"),
}
QUESTIONS = ClosedQuestions(VALUES, TASKS, FORMS, seed=3)


def rows(count: int = 60) -> list[Row]:
    return [
        row(
            image_id=f"image_{number}",
            group_id=f"pad_ufes/patient_{number // 2}",
            facts=replace(FULL, diagnosis=DIAGNOSES[number % 16], malignancy="benign", body_site="nose"),
        )
        for number in range(count)
    ]


def items(form: Form) -> list[Item]:
    return [item for each in rows() for item in QUESTIONS.items(each) if item.form == form]


@pytest.mark.parametrize("form", FORMS)
def test_the_right_answer_is_one_of_the_options_and_is_read_back(form: Form) -> None:
    for item in items(form):
        assert item.gold in item.options
        assert len(set(item.options)) == len(item.options) <= (LETTERED if form == "lettered" else MOST_NAMED)
        assert option_named(item.answer, item.options, form) == item.gold


def test_a_question_without_its_options_is_the_same_whatever_the_answer_is() -> None:
    for task in TASKS:
        asked = {item.question.partition(" Options: ")[0] for item in items("named") if item.task == task}
        [wording] = asked
        assert not any(value in wording for value in VALUES["pad_ufes", task])


def test_the_right_answer_has_no_place_of_its_own() -> None:
    for form in ("named", "lettered"):
        places = {item.options.index(item.gold) for item in items(form) if item.task == "diagnosis"}
        assert len(places) >= LETTERED


def test_half_of_the_statements_are_true_and_false_ones_say_what_is_not_recorded() -> None:
    statements = [item for item in items("true_false") if item.task == "diagnosis"]
    true = [item for item in statements if item.gold == "true"]
    assert 0.3 < len(true) / len(statements) < 0.7
    for item in statements:
        assert (f"is {item.diagnosis}." in item.question) is (item.gold == "true")


def test_what_is_not_recorded_is_not_asked() -> None:
    bare = row(facts=replace(FULL, diagnosis=None, malignancy=None))
    assert {item.task for item in QUESTIONS.items(bare)} == {"body_site", "modality"}
    alone = ClosedQuestions({**VALUES, ("pad_ufes", "body_site"): ("nose",)}, TASKS, FORMS)
    assert "body_site" not in {item.task for item in alone.items(rows(1)[0])}  # one option is no question


def test_a_release_gives_one_item_an_image_and_task(built: Built) -> None:
    opened = open_release(built.release)
    questions = ClosedQuestions.of(opened)
    images = list(one_an_image(opened.rows()))
    assert len(images) == len({each.image_id for each in images}) == 24
    names = [item.item_id for each in images for item in questions.items(each)]
    assert len(names) == len(set(names)) == 24 * 4


# --- which examples ---


def test_diagnoses_are_drawn_in_equal_shares_and_the_same_on_every_run() -> None:
    many = [
        Example(f"{name}_{number}", row(facts=replace(FULL, diagnosis=name)), row().messages)
        for name, count in (("nevus", 500), ("melanoma", 30))
        for number in range(count)
    ]
    found = drawn(many, 40, seed=1)
    assert [each.row.facts.diagnosis for each in found].count("melanoma") == 20
    assert drawn(many[::-1], 40, seed=1) == found
    assert drawn(many, 40, seed=2) != found
    assert len(drawn(many, 100, seed=1)) == 100  # 30 melanomas are all there are
    assert [each.row.facts.diagnosis for each in drawn(many, 100, seed=1)].count("melanoma") == 30


def test_only_the_training_part_is_trained_on(built: Built, tmp_path: Path) -> None:
    opened = open_release(built.release)
    options = TrainOptions(is_template_allowed=True)
    found = examples_to_train_on(opened, options)
    trained = {each.image_id for each in opened.rows(["train"])}
    assert {each.row.image_id for each in found} == trained
    assert len(examples_to_train_on(opened, replace(options, rows=7))) == 7
    assert examples_to_train_on(opened, replace(options, fold=0)) == []  # a release without folds
