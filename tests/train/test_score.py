"""The test set and its scores through the commands: what is asked, who answers, and what is no fair test."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest

from dermasynth_builder.cli import main
from dermasynth_builder.core.errors import ScoreError, UsageError
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from dermasynth_builder.train.evaluate.invented import check_rates, invention_rates
from dermasynth_builder.train.evaluate.items import ItemSet, read_items, write_items
from dermasynth_builder.train.evaluate.predict import read_predictions
from dermasynth_builder.train.evaluate.score import score
from dermasynth_builder.train.options import ItemsOptions, ScoreOptions, TrainOptions
from dermasynth_builder.train.rows import open_release
from dermasynth_builder.train.sample import examples_to_train_on
from tests.support.releases import Built
from tests.support.training import row as row_of

pytest.importorskip("sklearn", reason="make test-train has it")
pytest.importorskip("statsmodels")
pytestmark = pytest.mark.slow
Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def release(build_release: Callable[..., Built], tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("score")
    raw = write_pad_ufes(folder / "raw", images=90, side_px=32)
    return build_release(raw, folder, split_shares=(0.6, 0.0, 0.4), folds=3)


@pytest.fixture
def items(release: Built, tmp_path: Path) -> ItemSet:
    options = ItemsOptions(to=tmp_path / "evaluation", tasks=("diagnosis",), forms=("named", "lettered"))
    return write_items(release.release, options, SilentReporter())


def answers_of(items: ItemSet, path: Path, answer: Callable[[Any], str]) -> str:
    lines = [json.dumps({"item_id": each.item_id, "answer": answer(each)}) for each in items.items.values()]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return f"{path.stem}={path}"


def scored(items: ItemSet, *files: str, **changes: Any) -> dict[str, Any]:
    return score(list(files), ScoreOptions(items=items.folder, resamples=200, **changes), SilentReporter())


def test_the_right_answers_are_right_and_a_constant_is_at_chance(items: ItemSet, tmp_path: Path) -> None:
    right = answers_of(items, tmp_path / "right.jsonl", lambda item: item.answer)
    constant = answers_of(items, tmp_path / "constant.jsonl", lambda item: "nevus")
    found = scored(items, right, constant)["tasks"]["diagnosis/named"]
    assert found["systems"]["right"]["balanced_accuracy"] == 1
    assert found["systems"]["constant"]["balanced_accuracy"] == pytest.approx(1 / 6, abs=1e-4)
    assert found["systems"]["majority"]["balanced_accuracy"] == pytest.approx(1 / 6, abs=1e-4)
    assert found["systems"]["shuffled"]["balanced_accuracy"] < 0.5
    assert found["systems"]["probe"]["balanced_accuracy"] > 0.3  # one look a diagnosis
    assert found["first_against"]["constant"]["balanced_accuracy_95"][0] > 0.5


def test_a_test_that_is_none_is_refused(items: ItemSet, tmp_path: Path) -> None:
    whole = {each.item_id: each.answer for each in items.items.values()}
    first = next(iter(whole))
    broken = {
        "leaves 1 of": {name: answer for name, answer in whole.items() if name != first},
        "is no item of": {**whole, "hiba/x/diagnosis/named": "nevus"},
    }
    for said, answers in broken.items():
        path = tmp_path / "broken.jsonl"
        path.write_text("".join(json.dumps({"item_id": n, "answer": a}) + "\n" for n, a in answers.items()))
        with pytest.raises(ScoreError, match=said):
            scored(items, f"broken={path}")
    path.write_text(path.read_text() * 2)
    with pytest.raises(ScoreError, match="is answered twice"):
        read_predictions(path)
    path.write_text('{"item_id": "x"}\n')
    with pytest.raises(ScoreError, match="line 1: expected a JSON object with item_id and answer"):
        read_predictions(path)


def test_items_whose_patients_were_trained_on_are_refused(release: Built, items: ItemSet, tmp_path: Path) -> None:
    right = answers_of(items, tmp_path / "right.jsonl", lambda item: item.answer)
    rows = list(open_release(release.release).rows())
    card = {"examples": [], "images": [], "groups": [row.group_id for row in rows if row.split == "train"]}
    (tmp_path / "run.json").write_text(json.dumps(card))
    scored(items, right, run=(tmp_path / "run.json",))
    tested = next(row for row in rows if row.split == "test")
    for leak in ({"groups": [tested.group_id]}, {"images": [tested.image_sha256]}):
        (tmp_path / "run.json").write_text(json.dumps({**card, **leak}))
        with pytest.raises(ScoreError, match="was trained on"):
            scored(items, right, run=(tmp_path / "run.json",))


def test_the_folder_is_a_data_set_whose_questions_do_not_tell_the_answers(items: ItemSet, tmp_path: Path) -> None:
    def load(config: str) -> Any:
        return datasets.load_dataset(str(items.folder), config, split="test", cache_dir=str(tmp_path / "cache"))

    closed, references, swapped = load("closed"), load("references"), load("swapped")
    assert "gold" not in closed.column_names
    assert "answer" not in closed.column_names
    assert closed["item_id"][:] == references["item_id"][:] == list(items.items)
    shown = {row["item_id"]: row["image"].tobytes() for row in closed}
    for row in swapped:
        item, twin = items.items[row["item_id"]], items.twins[row["item_id"]]
        assert item.group_id != twin.group_id
        assert item.gold != twin.gold
        assert row["image"].tobytes() == shown[twin.item_id]
    assert {"inspect_dermasynth.py", "dermasynth.tsv", "lmms_test.parquet"} <= {
        path.name for path in (items.folder / "tasks").iterdir()
    }


def test_a_fold_is_asked_about_in_place_of_a_split(release: Built, tmp_path: Path) -> None:
    asked = set()
    for fold in range(3):
        options = ItemsOptions(to=tmp_path / str(fold), tasks=("diagnosis",), fold=fold)
        asked |= {each.image_id for each in write_items(release.release, options, SilentReporter()).items.values()}
    assert len(asked) == 90
    opened, training = open_release(release.release), TrainOptions(context="closed", tasks=("diagnosis",), fold=1)
    trained = {each.row.image_id for each in examples_to_train_on(opened, training)}
    assert trained == {row.image_id for row in opened.rows() if row.fold != 1}
    with pytest.raises(UsageError, match="no such fold to leave out; its folds are 0 to 2"):
        examples_to_train_on(opened, replace(training, fold=7))
    with pytest.raises(ScoreError, match="no image in its fold 7"):
        write_items(release.release, ItemsOptions(to=tmp_path / "7", fold=7), SilentReporter())


def test_items_that_were_changed_are_refused_and_writing_again_gives_the_same(
    release: Built, items: ItemSet, tmp_path: Path
) -> None:
    options = ItemsOptions(to=tmp_path / "again", tasks=("diagnosis",), forms=("named", "lettered"))
    assert write_items(release.release, options, SilentReporter()).sha256 == items.sha256
    about = items.folder / "about.json"
    about.write_text(about.read_text().replace(items.sha256, "0" * 64))
    with pytest.raises(ScoreError, match="are not those that it was made with"):
        read_items(items.folder)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "a.tex").write_text("years")
    with pytest.raises(ScoreError, match="would be lost"):
        write_items(release.release, ItemsOptions(to=tmp_path / "thesis"), SilentReporter())


def test_the_command_shows_a_table_and_names_what_is_wrong(items: ItemSet, tmp_path: Path, capsys: Output) -> None:
    right = answers_of(items, tmp_path / "right.jsonl", lambda item: item.answer)
    seeds = [answers_of(items, tmp_path / f"right@{n}.jsonl", lambda item: item.answer) for n in (1, 2)]
    words = ["evaluate", "score", right, *seeds, "--items", str(items.folder), "--resamples", "100"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "diagnosis/named: " in out
    assert "right: 2 seeds, 1.000 (1.000 to 1.000)" in out
    assert main(["evaluate", "score", "x.jsonl", "--items", str(items.folder)]) == 2
    assert "name each file of answers once" in capsys.readouterr().err
    assert main(["evaluate", "score", "x=x.jsonl", "--items", str(items.folder)]) == 1
    assert "x.jsonl cannot be read" in capsys.readouterr().err


def test_a_system_is_named_by_the_images_that_it_was_shown(items: ItemSet, tmp_path: Path) -> None:
    right = answers_of(items, tmp_path / "right.jsonl", lambda item: item.answer)
    lines = (tmp_path / "right.jsonl").read_text()
    for shown, name in (("other", "tuned"), ("real", "other"), ("blank", "tuned-other")):
        (tmp_path / "about.jsonl").write_text(json.dumps({"about": {"image": shown}}) + "\n" + lines)
        with pytest.raises(ScoreError, match=f"was answered with --image {shown}"):
            scored(items, right, f"{name}={tmp_path / 'about.jsonl'}")


def test_chance_is_a_guess_among_the_options_that_are_shown(items: ItemSet, tmp_path: Path) -> None:
    found = scored(items, answers_of(items, tmp_path / "right.jsonl", lambda item: item.answer))["tasks"]
    assert found["diagnosis/named"]["chance"] == pytest.approx(1 / 6, abs=1e-4)
    assert found["diagnosis/lettered"]["chance"] == 0.25  # of six diagnoses four have a letter


def test_a_control_that_cannot_answer_a_form_is_not_shown_as_wrong(release: Built, tmp_path: Path) -> None:
    options = ItemsOptions(to=tmp_path / "stated", tasks=("diagnosis",), forms=("true_false", "named"))
    stated = write_items(release.release, options, SilentReporter())
    tasks = scored(stated, answers_of(stated, tmp_path / "none.jsonl", lambda _: ""))["tasks"]
    assert {"none", "majority", "shuffled"} == tasks["diagnosis/true_false"]["systems"].keys()
    assert "probe" in tasks["diagnosis/named"]["systems"]
    assert tasks["diagnosis/named"]["systems"]["none"]["unanswered"] == 1  # a system's silence is shown


def test_the_figure_is_asked_for_by_a_name_that_can_be_drawn(items: ItemSet, tmp_path: Path, capsys: Output) -> None:
    pytest.importorskip("matplotlib")
    right = answers_of(items, tmp_path / "right.jsonl", lambda item: item.answer)
    words = ["evaluate", "score", right, "--items", str(items.folder), "--resamples", "20", "--figure"]
    assert main([*words, str(tmp_path / "figure.xyz")]) == 2
    assert "has to be .png or .svg" in capsys.readouterr().err
    assert not (items.folder / "scores").exists()
    words[2] = words[2].replace("right=", "[/b] $x_{$ Ärzte=")  # no markup, no formula
    for name in ("new/figure.png", "figure.svg"):
        assert main([*words, str(tmp_path / name)]) == 0
        assert (tmp_path / name).stat().st_size > 1000
        assert "[/b] $x_{$ Ärzte" in capsys.readouterr().out


def test_rates_of_open_answers_stand_beside_the_scores(items: ItemSet, tmp_path: Path, capsys: Output) -> None:
    right = answers_of(items, tmp_path / "right.jsonl", lambda item: item.answer)
    asked = row_of()
    said = {"tuned": [(asked, "In a 79-year-old man."), (asked, "A brown patch.")], "base": [(asked, "A patch.")]}
    words = ["evaluate", "score", right, "--items", str(items.folder), "--resamples", "50"]
    for name, answers in said.items():
        rates = invention_rates([("Why?", answer) for _, answer in answers]) | {"checks": check_rates(answers)}
        (tmp_path / f"{name}.json").write_text(json.dumps({"context": "question", **rates, "answers": []}))
        words += ["--open", f"{name}={tmp_path / name}.json"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "tuned (2)" in out
    assert "base (1)" in out
    [age] = [line.split() for line in out.splitlines() if "age without record" in line]
    assert age[-2:] == ["0.500", "0.000"]
    scores = json.loads((items.folder / "scores" / "scores.json").read_text())
    assert scores["open"]["tuned"]["any"] == 0.5
    assert "answers" not in scores["open"]["tuned"]
    for wrong, told in (("tuned.json", "name each file of"), (f"x={tmp_path / 'right.jsonl'}", "holds no rates")):
        assert main([*words, "--open", wrong]) != 0
        assert told in capsys.readouterr().err


def test_scores_name_the_trainings_that_they_were_held_against(items: ItemSet, tmp_path: Path) -> None:
    right = answers_of(items, tmp_path / "right.jsonl", lambda item: item.answer)
    card: dict[str, Any] = {"examples": [], "images": [], "groups": []}  # of a training by other means
    (tmp_path / "theirs.json").write_text(json.dumps(card))
    (tmp_path / "ours.json").write_text(json.dumps({**card, "identity": "1" * 64}))
    found = scored(items, right, run=(tmp_path / "theirs.json", tmp_path / "ours.json"))
    assert found["runs"] == ["1" * 64]


# --- the folder of the items ---

KEPT = {"predictions/real.jsonl": "dear", "invented.json": "dear too", "notes.txt": "mine"}


def fill(folder: Path) -> None:
    for name, text in KEPT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def kept(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in KEPT if (folder / name).exists()}


@pytest.fixture
def rewrite(release: Built, items: ItemSet) -> Callable[[], ItemSet]:
    options = ItemsOptions(to=items.folder, tasks=("malignancy",))
    return lambda: write_items(release.release, options, SilentReporter())


def test_what_others_put_beside_the_items_stays(items: ItemSet, rewrite: Callable[[], ItemSet]) -> None:
    fill(items.folder)
    assert {item.task for item in rewrite().items.values()} == {"malignancy"}
    assert kept(items.folder) == KEPT
    assert sorted(path.name for path in items.folder.parent.iterdir()) == [".evaluation.lock", "evaluation"]


@pytest.mark.parametrize("moved", [True, False])
def test_it_stays_too_where_a_run_was_killed_between_two_names(
    moved: bool, items: ItemSet, rewrite: Callable[[], ItemSet]
) -> None:
    fill(items.folder)
    old = items.folder.with_name(".evaluation.old")
    shutil.copytree(items.folder, old)
    if moved:  # the new items are in their place, what was beside the old ones not yet
        for name in KEPT:
            (items.folder / name).unlink()
        (items.folder / "predictions").rmdir()
    else:
        shutil.rmtree(items.folder)
    rewrite()
    assert kept(items.folder) == KEPT
    assert not old.exists()


def test_it_stays_where_the_writing_fails(
    items: ItemSet, rewrite: Callable[[], ItemSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(items.folder)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dermasynth_builder.train.evaluate.harness.write_tasks", full)
    with pytest.raises(OSError, match="No space left"):
        rewrite()
    assert kept(items.folder) == KEPT
    assert read_items(items.folder).sha256 == items.sha256


def test_answers_may_be_there_before_the_items_and_nothing_else(release: Built, tmp_path: Path) -> None:
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "invented.json").write_text("dear")
    write_items(release.release, ItemsOptions(to=tmp_path / "evaluation"), SilentReporter())
    assert (tmp_path / "evaluation" / "invented.json").read_text() == "dear"
    other = tmp_path / "package"
    other.mkdir()
    (other / "about.json").write_text('{"sha256": "of something else"}')
    with pytest.raises(ScoreError, match="would be lost"):
        write_items(release.release, ItemsOptions(to=other), SilentReporter())
