"""A question that a model wrote is rejected where a bank, or an accepted question of its source, has it already."""

from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder.check.novelty import Novelty
from dermasynth_builder.core import registry
from dermasynth_builder.core.records import Pair, Style
from dermasynth_builder.plan.questions import load_prompt_book
from tests.support.clinical_images import clinical_image, pair


def pair_of(question: str, number: int, model: str | None = "some-model", style: Style = "self_instruct") -> Pair:
    return replace(pair(question, "Yes.", image=clinical_image(f"image_{number}"), model=model), style=style)


def test_a_models_question_that_is_not_new_is_rejected_with_the_one_that_it_repeats() -> None:
    taken = load_prompt_book().banks["general"][0].wordings[0]
    pairs = [pair_of(taken, 0), pair_of("Is the left edge darker?", 1), pair_of("Is the left edge darker now?", 2)]
    findings = list(Novelty()(pairs))
    assert [(finding.pair_id, finding.severity) for finding in findings] == [
        ("pad_ufes/image_0/general", "reject"),
        ("pad_ufes/image_2/general", "reject"),
    ]
    assert taken in findings[0].reason
    assert "Is the left edge darker?" in findings[1].reason


def test_a_wording_of_the_sources_own_bank_is_not_new_either() -> None:
    own = next(w for kind in load_prompt_book().banks["pad_ufes"] for w in kind.every_wording if "{" not in w)
    (finding,) = Novelty()([pair_of(own, 0)])
    assert finding.reason == f"ROUGE-L 1.00 with {own!r}"


def test_pairs_of_other_styles_among_them_are_stepped_over() -> None:
    asked = pair_of("Is it flat?", 0, style="asked")
    pairs = [asked, pair_of("Is the left edge darker?", 1), asked, pair_of("Is the left edge darker?", 2)]
    assert [finding.pair_id for finding in Novelty()(pairs)] == ["pad_ufes/image_2/general"]


@pytest.mark.parametrize("changed", [{"model": None}, {"style": "asked"}])
def test_forms_and_questions_of_the_bank_may_come_again(changed: dict[str, None]) -> None:
    assert not list(Novelty()([pair_of("Is it flat?", number, **changed) for number in range(3)]))  # type: ignore[arg-type]


def test_what_one_source_was_asked_may_be_asked_of_another() -> None:
    here = pair_of("Is the left edge darker?", 0)
    assert not list(Novelty()([here, replace(here, image=replace(here.image, source="hiba"))]))


def test_the_bank_of_a_source_of_another_package_counts_for_that_source_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = tmp_path / "questions.toml"
    wording = "Which properties of this square catch the eye?"
    entry = {"name": "edge", "topic": "edge", "audience": "anyone", "good_answer": "what is seen"}
    lines = [f'{key} = "{value}"' for key, value in entry.items()]
    bank.write_text("\n".join(["[[type]]", *lines, "needs = []", f'wordings = ["{wording}"]']), encoding="utf-8")
    monkeypatch.setattr(registry, "resource", lambda source, _: bank if source == "squares" else None)
    own = pair_of(wording, 0)
    brought = replace(own, image=replace(own.image, source="squares"))
    assert [finding.severity for finding in Novelty()([brought])] == ["reject"]
    assert not list(Novelty()([own]))
