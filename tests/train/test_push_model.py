"""A tuned model goes to the Hub with a card made of its run, and not where it must not go."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from dermasynth_builder.core.errors import DermaSynthError, PushError, TrainError
from dermasynth_builder.train.evaluate.predict import weights_sha256
from dermasynth_builder.train.families import families, family_of, presets
from dermasynth_builder.train.model_card import Scores, card_text
from dermasynth_builder.train.options import Context, PushModelOptions, TrainOptions
from dermasynth_builder.train.push_model import push_model
from dermasynth_builder.train.rows import open_release
from dermasynth_builder.train.run_card import FROM_FACTS, NO_MODEL, run_card
from dermasynth_builder.train.sample import examples_to_train_on
from tests.support.recorder import Recorder
from tests.support.releases import Built
from tests.support.run_cards import CARD

SCORES: dict[str, Any] = {
    "runs": [CARD["identity"]],
    "about": {"tuned": {}},
    "tasks": {
        "diagnosis/named": {
            "systems": {
                "tuned": {
                    **{"n": 90, "patients": 40, "accuracy": 0.5, "balanced_accuracy": 0.4321},
                    **{"balanced_accuracy_95": [0.3, 0.5], "macro_f1": 0.4, "unanswered": 0.1},
                    "malignancy": {"recall": {"n": 8, "share": 0.25}, "specificity": {"n": 82, "share": 0.75}},
                }
            },
            "chance": 0.1667,
            "first_against": {"blank": {"balanced_accuracy_95": [0.1, 0.3]}},
            "persistence": {"other": {"n": 90, "answer_stays": 0.125}},
        }
    },
    "open": {"tuned": {"n": 200, "context": "record", "any": 0.015}},
}


def dry(tmp_path: Path, repo: str = "me/Llama-3.2-11B-Derma", **changes: Any) -> str:
    (tmp_path / "run.json").write_text(json.dumps({**CARD, **changes}))
    return push_model(repo, PushModelOptions(model=tmp_path, is_dry=True), Recorder())


def test_the_card_says_what_the_model_was_made_from_and_what_its_licences_ask() -> None:
    text = card_text("me/Llama-3.2-11B-Derma", CARD, TypeAdapter(Scores).validate_python(SCORES))
    block = yaml.safe_load(text.split("---\n")[1])
    assert block["base_model"] == CARD["base"]["model"]
    assert (block["library_name"], block["pipeline_tag"]) == ("peft", "image-text-to-text")
    assert block["model-index"][0]["results"][0]["metrics"][0] == {"type": "balanced_accuracy", "value": 0.4321}
    for part in (
        "Built with Llama",
        "European Union",
        "CC-BY-NC-4.0. Name the source",
        "competing models",
        "0.432 (0.300-0.500)",
        "0.250 (8) | 0.750 (82)",
        "90 items of 40 patients; a guess comes to 0.167",
        "tuned less blank: +0.100 to +0.300",
        "other: 0.125 of 90 answers stay",
        "Of 200 open answers of tuned (context record), 0.015 state",
    ):
        assert part in text, part
    drawn = card_text("me/Llama-x", {**CARD, "is_specimen": True}, TypeAdapter(Scores).validate_python(SCORES))
    assert "model-index" not in drawn  # the Hub would list it among results on skin
    assert "0.432" in drawn
    assert "It was not measured" in card_text("me/Llama-x", CARD, None)


@pytest.mark.parametrize(
    ("changes", "repo", "said"),
    [
        ({}, "me/DermatoLlama", "a name that begins with Llama"),
        ({}, "Llama", "write it as USER/NAME"),
        ({"finished_at": None, "steps": 1}, "", "drawn specimens"),
        ({"base": {**CARD["base"], "model": "/home/me/models/llama"}}, "", "which nobody else has"),
        ({"is_specimen": True}, "", "drawn specimens"),
        ({"writers": {NO_MODEL: 3}}, "", "no model wrote"),
        ({"writers": {"gemini-3.8-flash-fake": 3}}, "", "has invented rows"),
    ],
)
def test_what_must_not_go_is_refused(changes: dict[str, Any], repo: str, said: str, tmp_path: Path) -> None:
    if changes.get("finished_at", "") is None:
        unfinished = {name: value for name, value in CARD.items() if name != "finished_at"}
        (tmp_path / "run.json").write_text(json.dumps(unfinished))
        with pytest.raises(PushError, match="is not finished"):
            push_model("me/Llama-x", PushModelOptions(model=tmp_path), Recorder())
        return
    with pytest.raises(PushError, match=said):
        dry(tmp_path, **({"repo": repo} if repo else {}), **changes)


def test_scores_that_are_none_and_a_folder_without_a_run_are_told(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"is not the run.json of a training"):
        push_model("me/x", PushModelOptions(model=tmp_path), Recorder())
    dry(tmp_path)
    (tmp_path / "scores.json").write_text("[]")
    with pytest.raises(TrainError, match=r"is not the scores.json"):
        push_model("me/Llama-x", PushModelOptions(model=tmp_path, scores=tmp_path / "scores.json"), Recorder())


def test_every_family_says_what_its_licence_asks() -> None:
    assert len({family.model_type for family in families()}) == len(families()) >= 6
    assert all(family.terms and family.duties for family in families())
    assert {"medgemma", "llama-vision", "qwen3-vl", "smolvlm"} == set(presets())


BROKEN: tuple[Any, ...] = (None, 7, "x", [], {}, [7], {"x": "y"}, float("nan"))


def damages(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Where in a file something may be lost or be something else, and what it may be."""
    if not isinstance(value, dict) or not value:
        return
    for name, each in value.items():
        yield from (((*path, name), other) for other in (..., *BROKEN))
        yield from damages(each, (*path, name))


def damaged(value: dict[str, Any], path: tuple[str, ...], other: Any) -> dict[str, Any]:
    made = json.loads(json.dumps(value))
    at = made
    for name in path[:-1]:
        at = at[name]
    if other is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = other
    return dict(made)


@given(st.sampled_from(list(damages(CARD))))
def test_a_run_card_that_lacks_something_is_told_and_no_traceback(
    tmp_path_factory: pytest.TempPathFactory, damage: tuple[tuple[str, ...], Any]
) -> None:
    folder = tmp_path_factory.mktemp("card")
    (folder / "run.json").write_text(json.dumps(damaged(CARD, *damage)))
    with suppress(DermaSynthError):
        push_model("me/Llama-x", PushModelOptions(model=folder, is_dry=True), Recorder())


@given(st.sampled_from(list(damages(SCORES))))
def test_scores_that_lack_something_are_told_and_no_traceback(
    tmp_path_factory: pytest.TempPathFactory, damage: tuple[tuple[str, ...], Any]
) -> None:
    folder = tmp_path_factory.mktemp("scores")
    (folder / "run.json").write_text(json.dumps(CARD))
    (folder / "scores.json").write_text(json.dumps(damaged(SCORES, *damage)))
    with suppress(DermaSynthError):
        push_model("me/Llama-x", PushModelOptions(model=folder, scores=folder / "scores.json", is_dry=True), Recorder())


def test_scores_of_another_training_or_model_are_not_put_on_a_card(tmp_path: Path) -> None:
    options = PushModelOptions(model=tmp_path, scores=tmp_path / "scores.json", is_dry=True)
    (tmp_path / "run.json").write_text(json.dumps(CARD))
    (tmp_path / "model.safetensors").write_bytes(b"weights")

    def pushed(**changes: Any) -> str:
        options.scores.write_text(json.dumps({**SCORES, **changes}))  # type: ignore[union-attr]
        return push_model("me/Llama-x", options, Recorder())

    assert "0.432 (0.300-0.500)" in pushed()
    assert "0.432" in pushed(about={"tuned": {"weights": {"model": weights_sha256(tmp_path)}}})
    with pytest.raises(PushError, match="was not held against this training"):
        pushed(runs=["2" * 64])
    with pytest.raises(PushError, match=r"tuned, the first system of .*, is another model than this one"):
        pushed(about={"tuned": {"weights": {"model": "0" * 64}}})


@pytest.mark.parametrize(("context", "writer"), [("closed", FROM_FACTS), ("record", NO_MODEL)])
def test_a_run_card_names_who_wrote_what_is_learned(context: Context, writer: str, built: Built) -> None:
    """Of closed questions nothing that a model wrote is learned, so that its terms do not ask for anything."""
    opened, options = open_release(built.release), TrainOptions(context=context, is_template_allowed=True)
    examples = examples_to_train_on(opened, options)
    card = run_card(examples, opened, base=CARD["base"], family=family_of("gemma3"), options=options)
    assert card.about["writers"] == {writer: len(examples)}
