"""A model looks before it is told: the wall, what becomes of a look, killed runs, unfit images."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder import pipeline
from dermasynth_builder.check.assemble import Reject, ReleaseTerms, assemble
from dermasynth_builder.core.errors import StoppedError, UsageError
from dermasynth_builder.core.options import EngineOptions, PlanOptions, Settings
from dermasynth_builder.core.records import Facts, Look, Observation, Reply, Request
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.generate.retries import retries_of
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from dermasynth_builder.plan import looks, reply_form
from dermasynth_builder.plan.facts_in_words import metadata_lines
from dermasynth_builder.plan.planner import LOOK, Planner
from dermasynth_builder.plan.questions import load_prompt_book
from dermasynth_builder.release.write import checked_pairs, terms_of
from tests.support.clinical_images import EMPTY, FULL, clinical_image
from tests.support.fake_service import KEY

BOOK = load_prompt_book()
SEEN = Look(
    (Observation("o1", "scale", "white flakes"), Observation("o2", "erythema", "red")), (), "good", "none", "ab"
)
SAID = {
    "answer": "Fine white scale lies on red skin.",
    "cites": ["o1"],
    "not_assessable": ["the surface"],
    "conflict": "none",
    "conflict_how": "",
    "certainty": "low",
    "outcome": "answered",
}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pad_ufes(tmp_path_factory.mktemp("raw"), images=8, side_px=16)


@pytest.fixture
def fake() -> Iterator[FakeGemini]:
    with FakeGemini(seed=5) as service:
        yield service


def settings_of(raw: Path, work: Path, fake: FakeGemini, engine: str = "gemini", **options: object) -> Settings:
    chosen = PlanOptions(**options)  # type: ignore[arg-type]  # a test's own
    asking = EngineOptions(base_url=fake.url, concurrency=4)
    asking = replace(asking, batch=replace(asking.batch, poll_s=0.01))
    return Settings(raw={"pad_ufes": raw}, work=work, engine=engine, engine_options=asking, plan_options=chosen)


def question(look_mode: str = "first") -> Request:
    options = PlanOptions(look=look_mode, self_instruct_share=0.0)  # type: ignore[arg-type]  # a test's own
    of = Planner(BOOK, 1, options).requests([clinical_image(facts=FULL)], seen=lambda _: SEEN)
    return next(each for each in of if each.style != LOOK)


def told(request: Request, **changes: object) -> Reply:
    return Reply(request.key, json.dumps(SAID | changes))


# --- the wall ---


def test_one_prompt_asks_what_is_seen_on_all_images_of_a_kind_so_that_its_hash_proves_that_it_tells_nothing() -> None:
    planner = Planner(BOOK, 1, PlanOptions(look="first"))
    for modality in ("clinical", "dermoscopic"):
        of = [
            replace(clinical_image(f"image_{n}", facts, source=source), modality=modality)
            for n, (facts, source) in enumerate([(FULL, "pad_ufes"), (EMPTY, "hiba"), (FULL, "scin")])
        ]
        asked = list(planner.requests_of_round(of, 0, lambda _: ()))
        assert len(asked) == len(of)
        assert len({each.prompt_sha256 for each in asked}) == 1
        assert {each.facts for each in asked} == {Facts()}
        assert not any(line in asked[0].prompt for line in metadata_lines(FULL))


def test_a_question_tells_what_was_seen_and_comes_after_it() -> None:
    request = question()
    assert "- o1 (scale): white flakes" in request.prompt
    assert '"enum":["o1","o2"]' in request.reply_schema
    planner = Planner(BOOK, 1, PlanOptions(look="first"))
    unseen = list(planner.requests([clinical_image(facts=FULL)], seen=lambda _: None))
    assert [each.style for each in unseen] == [LOOK]


def test_together_what_is_seen_is_written_before_the_answer() -> None:
    members = list(json.loads(question("together").reply_schema)["properties"])
    assert members[:2] == ["observed", "answer"]


def test_a_model_that_gets_the_bare_question_is_not_asked_what_it_sees(raw: Path, tmp_path: Path) -> None:
    options = EngineOptions(model="tuned", prompt="plain")
    plan = PlanOptions(self_instruct_share=0.0)
    settings = Settings(
        raw={"pad_ufes": raw}, work=tmp_path, engine="openai", engine_options=options, plan_options=plan
    )
    [planned] = pipeline.plan(settings, SilentReporter())
    assert planned.planner.look_mode == "off"
    [planned] = pipeline.plan(replace(settings, engine_options=replace(options, prompt="full")), SilentReporter())
    assert planned.planner.look_mode == "first"


def test_an_engine_without_a_model_is_not_asked_what_it_sees(raw: Path, tmp_path: Path, fake: FakeGemini) -> None:
    blind = settings_of(raw, tmp_path, fake, engine="template", look="first")
    planned_blind = pipeline.plan(blind, SilentReporter())
    with pytest.raises(UsageError, match="template looks at no image"):
        pipeline.ask(planned_blind, blind, SilentReporter())
    [planned] = pipeline.plan(settings_of(raw, tmp_path, fake, engine="template"), SilentReporter())
    assert {request.look_mode for request in planned.requests()} == {"off"}


# --- what is said beside the answer ---


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"cites": ["o3"]}, "wrong citations: o3"),
        ({"cites": "o1"}, "wrong list: cites"),
        ({"certainty": "sure"}, "wrong choice: certainty"),
        ({"outcome": ""}, "wrong choice: outcome"),
        ({"conflict": "record and image disagree"}, "empty member: conflict_how"),
        ({"more": "x"}, "wrong members"),
    ],
)
def test_what_breaks_the_form_is_no_answer(changes: dict[str, object], fault: str) -> None:
    request = question()
    with pytest.raises(reply_form.BadReply, match=fault):
        reply_form.read(request, told(request, **changes))
    for name in SAID.keys() - {"cites"}:
        lacking = {key: value for key, value in SAID.items() if key != name}
        with pytest.raises(reply_form.BadReply):
            reply_form.read(request, Reply(request.key, json.dumps(lacking)))


ANYTHING = st.sampled_from([None, True, 3, "", "x", "answered", "none", [], ["o9"], [1], {"o1": 1}, "\ud800", ["\0"]])


@given(st.dictionaries(st.sampled_from(sorted(SAID)), ANYTHING))
def test_whatever_stands_beside_an_answer_is_read_or_is_a_bad_reply(changes: dict[str, object]) -> None:
    request = question()
    with suppress(reply_form.BadReply):
        reply_form.read(request, told(request, **changes))


def test_what_the_model_says_beside_its_answer_is_published_and_a_refusal_is_a_reject_with_its_code() -> None:
    request = question()
    images = {request.image_id: clinical_image(facts=FULL)}
    how = {"conflict": "label weakly supported", "conflict_how": "No border is seen."}
    [pair] = assemble(
        [(request, told(request, **how))], images, ReleaseTerms("gemini", 1, {clinical_image().group_id: "train"})
    )
    assert not isinstance(pair, Reject)
    assert (pair.certainty, pair.cites, pair.observed) == ("low", ("o1",), SEEN.observed)
    assert (pair.conflict, pair.look_prompt_sha256) == ("label weakly supported: No border is seen.", "ab")
    for outcome in looks.OUTCOMES[1:]:
        [reject] = assemble(
            [(request, told(request, outcome=outcome, answer=""))],
            images,
            ReleaseTerms("gemini", 1, {clinical_image().group_id: "train"}),
        )
        assert isinstance(reject, Reject)
        assert (reject.reasons, reject.is_outcome) == ((f"declined: {outcome}",), True)
        assert reply_form.question_of(request, told(request, outcome=outcome, answer="")) is None


# --- runs ---


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["gemini", "gemini_batch"])
def test_each_image_is_looked_at_once_and_a_second_run_asks_nothing(
    engine: str, raw: Path, tmp_path: Path, fake: FakeGemini
) -> None:
    settings = settings_of(raw, tmp_path, fake, engine)
    pipeline.ask(pipeline.plan(settings, SilentReporter()), settings, SilentReporter())
    [planned] = pipeline.plan(settings, SilentReporter())
    styles = Counter(request.style for request in planned.requests())
    assert styles[LOOK] == 8
    assert planned.waiting == 0
    tally = pipeline.ask([planned], settings, SilentReporter())
    assert tally.answered == 0
    pairs = list(pipeline.pairs(settings, SilentReporter()))
    assert pairs
    assert all(pair.certainty and set(pair.cites) <= {each.id for each in pair.observed} for pair in pairs)
    assert len({pair.look_prompt_sha256 for pair in pairs}) == 1
    assert all(pair.sent_image_sha256 and pair.finish_reason == "STOP" for pair in pairs)
    tier = {"tier"} if engine == "gemini_batch" else set()
    asked_with = {"image_quality", "image_side_px", "max_output_tokens", "media_resolution", "revision", "thinking"}
    assert all(set(json.loads(pair.parameters or "")) == asked_with | tier for pair in pairs)


@pytest.mark.slow
def test_a_run_that_ends_between_the_looks_and_the_questions_goes_on_there(
    raw: Path, tmp_path: Path, fake: FakeGemini
) -> None:
    settings = settings_of(raw, tmp_path, fake)
    for cap in (0.004, 0.008, 0.012):
        capped = replace(settings, max_usd=cap)
        planned = pipeline.plan(capped, SilentReporter())
        with pytest.raises(StoppedError):
            pipeline.ask(planned, capped, SilentReporter())
    pipeline.ask(pipeline.plan(settings, SilentReporter()), settings, SilentReporter())
    assert set(fake.asked.values()) == {1}


@pytest.mark.slow
def test_an_image_that_is_unfit_is_counted_with_its_reason_and_asked_nothing(
    raw: Path, tmp_path: Path, fake: FakeGemini, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "QUALITIES", ("unusable", "limited", "good"))  # the fake takes the first mostly
    reply_form.schema.cache_clear()
    settings = replace(settings_of(raw, tmp_path, fake), is_rejected_wanted=True)
    try:
        pipeline.ask(pipeline.plan(settings, SilentReporter()), settings, SilentReporter())
        [planned] = pipeline.plan(settings, SilentReporter())
        ledger = pipeline.open_ledger(pipeline.open_engine(settings), settings, SilentReporter())
        unfit = [
            item.reasons[0]
            for item in checked_pairs(planned, ledger, terms_of(settings, planned.read.images))
            if isinstance(item, Reject) and item.pair_id.endswith("/look")
        ]
        assert len(unfit) > 4
        assert not list(retries_of(ledger).keys()), "what a model declines is not asked again"
        assert all(reason.startswith("image unfit: ") for reason in unfit)
        asked = {request.image_id for request in planned.requests() if request.style != LOOK}
        assert len(asked) == 8 - len(unfit)
    finally:
        reply_form.schema.cache_clear()
