"""Questions that rest on what is not so or not shown: how many, about what, and that nobody goes along with them."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder import pipeline
from dermasynth_builder.core import registry
from dermasynth_builder.core.options import EngineOptions, PlanOptions, Settings
from dermasynth_builder.core.protocols import ChoosesQuestions
from dermasynth_builder.core.records import ClinicalImage, Facts, Pair, Request
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.generate.run import Run
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from dermasynth_builder.plan import reply_form
from dermasynth_builder.plan.facts_in_words import phrases
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import load_prompt_book
from dermasynth_builder.release.columns import claims_of
from tests.support.clinical_images import EMPTY, EXPORTED, FULL, REPORTED, clinical_image
from tests.support.fake_service import KEY

BOOK = load_prompt_book()
ENGINE = registry.engine("template")
SHARE = 0.06


def images_of(source: str, count: int = 400) -> list[ClinicalImage]:
    given = (FULL, EXPORTED, REPORTED, EMPTY)
    return [clinical_image(f"image_{n}", given[n % len(given)], source=source) for n in range(count)]


def requests_of(source: str, share: float, count: int = 400, **options: object) -> list[Request]:
    chosen = PlanOptions(counterfactual_share=share, **options)  # type: ignore[arg-type]  # a test's own
    return list(Planner(BOOK, 5, chosen).requests(images_of(source, count)))


@pytest.mark.parametrize("options", [{}, {"is_together": True}, {"conversation_share": 0.5}, {"look": "first"}])
def test_so_many_percent_of_the_pairs_are_counterfactual_and_all_others_are_as_without_them(
    options: dict[str, object],
) -> None:
    made, plain = (requests_of("pad_ufes", share, 2000, **options) for share in (SHARE, 0.0))
    untrue = [each for each in made if each.style == "counterfactual"]
    pairs = sum(1 if each.style == "conversation" else len(each.steps) or 1 for each in made if each.style != "look")
    assert abs(len(untrue) / pairs - SHARE) < 0.015
    assert {each.slot for each in untrue} == {"source"}
    touched = {each.image_id for each in untrue}
    assert [each for each in made if each.image_id not in touched] == [
        each for each in plain if each.image_id not in touched
    ]


def test_a_plan_without_them_is_named_as_before() -> None:
    assert PlanOptions(counterfactual_share=0.5).values()["counterfactual_share"] == 0.5
    assert "counterfactual_share" not in PlanOptions().values(), "names made of the options stay"


@pytest.mark.parametrize("source", sorted(set(BOOK.banks) - {"general"}))
def test_hidden_no_premise_rests_on_what_is_recorded(source: str) -> None:
    shown, hidden = (requests_of(source, 0.5, is_metadata_shown=is_shown) for is_shown in (True, False))
    types = [Counter(each.question_type for each in of if each.style == "counterfactual") for of in (shown, hidden)]
    assert types[1].keys() <= {"other_image", "absent_structure", "beyond_view"}
    assert types[1].total() == types[0].total() == 400
    assert "other_place" in types[0]


PLACES = {
    "head": "scalp|forehead|cheek",
    "arm": "elbow|palm of the hand",
    "leg": "thigh|sole of the foot|knee",
    "trunk": "chest|abdomen",
}
SITES = {
    "forearm": "arm",
    "back of the hand": "arm trunk",  # "back" is read as the trunk too, which forbids more
    "ear": "head",
    "head or neck": "head",
    "front of the trunk": "trunk",
    "lower extremity": "leg",
    "head or neck and leg": "head leg",
    "arm, palm of the hand and front of the torso": "arm trunk",
}


@pytest.mark.parametrize("age", range(12))
@pytest.mark.parametrize("site", SITES)
def test_the_place_that_is_asked_for_is_on_another_part_of_the_body(site: str, age: int) -> None:
    other = phrases(Facts(body_site=site, age_years=age))["other_site"]
    [part] = [part for part, words in PLACES.items() if re.fullmatch(words, other)]
    assert part not in SITES[site].split()


@pytest.mark.parametrize(
    "site",
    [
        None,
        "buttocks",
        "genitalia or groin",
        "oral or genital region",
        "palms or soles",
        "arm and buttocks",
        "elsewhere",
    ],
)
def test_where_a_place_may_lie_on_several_parts_none_is_asked_for(site: str | None) -> None:
    assert "other_site" not in phrases(Facts(body_site=site))


def test_only_a_complaint_that_was_denied_is_taken_for_granted() -> None:
    assert phrases(Facts(itches=True, hurts=False, bleeds=None))["denied_sign"] == "pain"
    assert "denied_sign" not in phrases(Facts(itches=True, bleeds=None))


@pytest.mark.parametrize("source", sorted(set(BOOK.banks) - {"general"}))
def test_the_engine_without_a_model_answers_them_and_goes_along_with_none(source: str) -> None:
    assert isinstance(ENGINE, ChoosesQuestions)
    planner = Planner(BOOK, 5, PlanOptions(counterfactual_share=0.5), ENGINE)
    photographs = [replace(each, modality="clinical") for each in images_of(source, 200)]
    asked = [each for each in planner.requests([*images_of(source), *photographs]) if each.style == "counterfactual"]
    assert len({each.question_type for each in asked}) >= 3
    for request, reply in zip(asked, ENGINE.answer(asked, Run()), strict=True):
        [exchange] = reply_form.exchanges(request, reply)
        question, answer = (turn.content for turn in exchange.turns)
        assert question == request.question
        assert " ".join(dict.fromkeys(ground.sentence for ground in reply.grounds)) == answer
        if request.question_type == "other_place":
            assert request.facts.body_site
            assert request.facts.body_site in answer
            assert phrases(request.facts)["other_site"] not in answer
        if request.question_type == "denied_complaint":
            assert re.search(r"\bno\b", answer)


def test_a_model_is_told_not_to_go_along_with_it() -> None:
    said = "The question rests on what is not so"
    for look in ("off", "first", "together"):
        for request in requests_of("pad_ufes", 0.25, look=look):
            assert (said in request.prompt) is (request.style == "counterfactual")
            if request.style == "counterfactual":
                assert ('Its outcome is "answered".' in request.prompt) is (look != "off")


def of_record(pair: Pair) -> bool:
    return pair.question_type in ("other_place", "denied_complaint")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["template", "gemini", "gemini_batch"])
def test_a_run_publishes_them_with_their_style(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    raw = write_pad_ufes(tmp_path / "raw", images=48, side_px=16)
    with FakeGemini(seed=5) as fake:
        asking = EngineOptions(base_url=fake.url) if engine != "template" else EngineOptions()
        asking = replace(asking, batch=replace(asking.batch, poll_s=0.01))
        settings = Settings(
            raw={"pad_ufes": raw},
            work=tmp_path,
            engine=engine,
            engine_options=asking,
            plan_options=PlanOptions(counterfactual_share=0.25),
        )
        pipeline.ask(pipeline.plan(settings, SilentReporter()), settings, SilentReporter())
        pairs = list(pipeline.pairs(settings, SilentReporter()))
    untrue = [pair for pair in pairs if pair.style == "counterfactual"]
    assert len(untrue) >= 6
    assert all(claims_of(pair)[0] == ("is_answerable", "no", "yes or no") for pair in untrue)
    assert all(
        getattr(pair.image.facts, claims_of(pair)[1].fact, None) is not None for pair in untrue if of_record(pair)
    )
    assert len({pair.question_type for pair in untrue}) >= 2
