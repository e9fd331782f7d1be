"""Closed questions: one right answer among the options, and no wording that gives it away."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dermasynth_builder.core.closed import FORMS, TASKS, Form, Item, Task
from dermasynth_builder.core.errors import ReleaseError, UsageError
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.release.closed import LETTERED, MOST_NAMED, ClosedQuestions, balanced, one_an_image
from dermasynth_builder.release.folder import read_card, read_closed, verify
from dermasynth_builder.release.parquet import read_rows, read_values
from dermasynth_builder.release.viewer import unfit_columns
from dermasynth_builder.train.evaluate.answers import option_named
from dermasynth_builder.train.options import TrainOptions
from dermasynth_builder.train.rows import Row, open_release
from dermasynth_builder.train.sample import drawn, examples_to_train_on
from dermasynth_builder.train.turns import Example
from tests.support.clinical_images import FULL
from tests.support.processes import python_for, run_python
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
    questions = ClosedQuestions.of(opened.rows())
    images = list(one_an_image(opened.rows()))
    assert len(images) == len({each.image_id for each in images}) == 24
    names = [item.item_id for each in images for item in questions.items(each)]
    assert len(names) == len(set(names)) == 24 * 4


# --- the config of a release ---


def test_the_right_letters_of_each_kind_are_as_even_as_they_can_be() -> None:
    found = balanced(items("lettered"))
    assert {item.item_id: (item.gold, {*item.options}) for item in found} == {
        item.item_id: (item.gold, {*item.options}) for item in items("lettered")
    }
    for task in TASKS:
        letters = Counter(item.answer for item in found if item.task == task)
        assert max(letters.values()) - min(letters.values()) <= 1
        assert len(letters) == min(LETTERED, len(VALUES["pad_ufes", task]))
    for item in found:
        place = "ABCD".index(item.answer)
        assert item.question.splitlines()[1 + place] == f"{item.answer}. {item.gold}"
    assert balanced(reversed(items("lettered"))) == found[::-1]
    assert balanced(items("named")) == items("named")


@pytest.fixture(scope="module")
def closed(built: Built) -> list[dict[str, Any]]:
    return list(read_rows(read_closed(built.release)["closed"].paths))


def test_the_config_asks_about_each_image_of_the_test_split_and_no_other(
    built: Built, closed: list[dict[str, Any]]
) -> None:
    pairs = list(read_values(read_card(built.release)["all"].files["test"]))
    facts = {row["image_id"]: row for row in pairs}
    assert {row["origin"]["image_id"] for row in closed} == facts.keys()
    for each in closed:
        recorded = facts[each["origin"]["image_id"]]
        if each["task"] != "modality":
            assert each["gold"] == recorded[each["task"]]
        assert each["choice"]["options"]["ABCD".index(each["answer"])] == each["gold"]
        assert each["origin"]["image_sha256"] == recorded["image_sha256"] == sha256(each["image"]["bytes"]).hexdigest()
        assert (each["licence"], each["diagnosis"]) == (recorded["licence"], recorded["diagnosis"])


def test_the_config_holds_no_sentence_of_an_answer(built: Built, closed: list[dict[str, Any]]) -> None:
    told = " ".join(str({**row, "image": ""}) for row in closed)
    answers = [row["answer"] for row in read_values(read_card(built.release)["all"].paths)]
    sentences = {each.strip() for answer in answers for each in answer.split(". ") if len(each) > 30}
    assert len(sentences) > 20
    assert not any(sentence in told for sentence in sentences)


def test_a_picture_is_stored_once_although_several_questions_are_about_it(
    built: Built, closed: list[dict[str, Any]]
) -> None:
    pictures = {row["origin"]["image_sha256"]: len(row["image"]["bytes"]) for row in closed}
    assert len(closed) > 2 * len(pictures)
    [path] = read_closed(built.release)["closed"].paths
    assert path.stat().st_size < sum(pictures.values()) + 40_000


def test_the_viewer_makes_statistics_of_it(built: Built) -> None:
    assert unfit_columns(read_closed(built.release)["closed"].paths) == []


@pytest.mark.parametrize("spoil", ["answer", "rows", "image"])
def test_a_config_that_was_changed_is_told(built: Built, tmp_path: Path, spoil: str) -> None:
    release = Path(shutil.copytree(built.release, tmp_path / "dermasynth"))
    [path] = read_closed(release)["closed"].paths
    before, table = path.stat().st_size, pq.read_table(path)
    rows = table.to_pylist()
    if spoil == "rows":
        rows = rows[1:]
    elif spoil == "answer":
        rows[0]["answer"] = "D"
    else:
        rows[0]["image"], rows[-1]["image"] = rows[-1]["image"], rows[0]["image"]
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    card = release / "README.md"
    text, after = card.read_text(encoding="utf-8"), path.stat().st_size
    card.write_text(text.replace(f"download_size: {before}", f"download_size: {after}"), encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"config closed: says|the image has other bytes"):
        verify(release, SilentReporter())


LOAD = """
import json, os, sys, datasets
datasets.disable_progress_bars()
rows = datasets.load_dataset("dermasynth", "closed")["test"]
streamed = datasets.load_dataset("dermasynth", "closed", split="test", streaming=True)
found = {row["pair_id"]: [row["answer"], row["choice"]["options"], row["image"].size] for row in rows}
assert found == {row["pair_id"]: [row["answer"], row["choice"]["options"], row["image"].size] for row in streamed}
print(json.dumps(found))
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.slow
@pytest.mark.parametrize("version", ["5", "3"])
def test_it_loads_by_its_name(version: str, built: Built, closed: list[dict[str, Any]], tmp_path: Path) -> None:
    out = run_python(python_for(version), "-c", LOAD, cwd=built.folder, hf_home=tmp_path)
    assert json.loads(out.splitlines()[-1]) == {
        row["pair_id"]: [
            row["answer"],
            row["choice"]["options"],
            [row["origin"]["width_px"], row["origin"]["height_px"]],
        ]
        for row in closed
    }


def test_several_readers_share_a_large_one_as_they_do_a_split(
    specimens: Path,
    build_release: Callable[..., Built],
    closed: list[dict[str, Any]],
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dermasynth_builder.release.closed_config.MAX_GROUP_ROWS", 4)
    monkeypatch.setattr("dermasynth_builder.release.shards.FIRST_SHARD_ROWS", 4)
    release = build_release(specimens, tmp_path, split_shares=(0.6, 0.2, 0.2)).release
    files = read_closed(release)["closed"].files["test"]
    assert [path.name for path in files] == [f"test-{n:05d}-of-{len(files):05d}.parquet" for n in range(len(files))]
    assert len(files) > 2
    assert list(read_rows(files)) == closed
    assert "closed" not in verify(release, SilentReporter())  # which reads it, and gives the configs of pairs


def test_a_release_without_a_test_split_has_no_such_config(
    specimens: Path, build_release: Callable[..., Built], tmp_path: Path
) -> None:
    release = build_release(specimens, tmp_path, split_shares=(0.8, 0.2, 0.0)).release
    assert read_closed(release) == {}
    assert not (release / "closed").exists()
    assert "config `closed`" not in (release / "README.md").read_text(encoding="utf-8")
    assert "closed" not in verify(release, SilentReporter())


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
    with pytest.raises(UsageError, match="no such fold to leave out; build it with --folds 5"):
        examples_to_train_on(opened, replace(options, fold=0))
