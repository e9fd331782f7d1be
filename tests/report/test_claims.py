"""`dermasynth claims`: a second model checks pairs, blind, within its money, from a ledger of its own."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder import pipeline
from dermasynth_builder.check.claims import check_claims
from dermasynth_builder.cli import main
from dermasynth_builder.core.claims_options import ClaimsOptions
from dermasynth_builder.core.errors import PushError, ReviewError, StoppedError, UsageError
from dermasynth_builder.core.hub_options import PushOptions
from dermasynth_builder.core.options import EngineOptions, PlanOptions, Settings
from dermasynth_builder.core.records import AXES, CheckedClaim, Facts, Judgement, Reply, fake_version
from dermasynth_builder.invented.fake_gemini.answers import FakeRequest, response_of
from dermasynth_builder.invented.fake_gemini.faults import FakeAnswer
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from dermasynth_builder.plan import reply_form
from dermasynth_builder.plan.claims import claims_request
from dermasynth_builder.release.judgements import read_judgements
from dermasynth_builder.release.parquet import read_values
from dermasynth_builder.release.push import push
from dermasynth_builder.report.claims import check_pairs, claims_figures, family_of
from tests.support.clinical_images import FULL, clinical_image, pair
from tests.support.fake_service import KEY
from tests.support.recorder import Recorder

WRITER, CHECKER = "gemini-3.5-flash-lite", "qwen3-vl"
CLAIM: dict[str, object] = {"claim": "The border is sharp.", "verdict": "supported", "reason": "It is seen."}


@dataclass
class Checking(FakeGemini):
    """Writes plain answers under one name, and checks them under another; keeps what it is asked to check."""

    prompts: list[str] = field(default_factory=list)
    is_written_by_fake: bool = True
    verdict: str = "contradicted"

    def answer(self, model: str, request: FakeRequest) -> FakeAnswer:
        """Valid for what is asked."""
        members: dict[str, object] = {"answer": f"A flat lesion is seen, mark {request.digest[:12]}."}
        if "Split the answer into its claims" in request.prompt:
            self.prompts.append(request.prompt)
            members = {"claims": [CLAIM, CLAIM | {"verdict": self.verdict, "claim": "It is flat."}]}
            if "SCORES" in request.prompt:
                members["scores"] = dict.fromkeys(AXES, 4)
        version = fake_version(model) if self.is_written_by_fake or model == CHECKER else model
        return FakeAnswer(content=response_of(request, json.dumps(members), model_version=version))


@pytest.fixture
def fake() -> Iterator[Checking]:
    with Checking() as service:
        yield service


@pytest.fixture
def settings(fake: Checking, specimens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A run that has its replies."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    options = EngineOptions(model=WRITER, base_url=fake.url, concurrency=2)
    told = Settings(
        raw={"pad_ufes": specimens},
        work=tmp_path / "work",
        out=tmp_path / "release",
        is_specimen=True,
        engine="gemini",
        engine_options=options,
        plan_options=PlanOptions(self_instruct_share=0.0, look="off", limit=8),
    )
    pipeline.ask(pipeline.plan(told, Recorder()), told, Recorder())
    return told


def by(fake: Checking, **options: object) -> ClaimsOptions:
    told = {"verifier": "openai", "verifier_model": CHECKER, "verifier_url": f"{fake.url}/v1"} | options
    return ClaimsOptions(**told)  # type: ignore[arg-type]  # a test's own


# --- what is asked ---


def test_the_prompt_holds_image_record_question_and_answer_and_nothing_of_the_writer() -> None:
    written = replace(
        pair("Is it raised?", "It is flat.", image=clinical_image(facts=FULL)),
        model="secret-model",
        model_version="secret-version",
        engine="secret-engine",
        prompt_id="secret-prompt",
        flags=("secret-check: secret reason",),
        certainty="secret-certainty",
        conflict="secret-conflict",
        judgements=(Judgement("secret-verifier", ()),),
        request_key="5ec2e7" * 8,
    )
    for is_scored in (False, True):
        asked = claims_request(written, is_scored=is_scored)
        sent = f"{asked.prompt}{asked.reply_schema}{asked.question}"
        assert "secret" not in sent
        assert "5ec2e7" not in sent
        for told in ("Is it raised?", "It is flat.", "basal cell carcinoma", "forearm", "81"):
            assert told in asked.prompt
        assert all((f"- {axis}:" in asked.prompt) == is_scored for axis in AXES)
        bare = pair("Is it raised?", "It is flat.", image=clinical_image(facts=FULL))
        assert claims_request(bare, is_scored=is_scored).key == asked.key


def test_another_text_another_image_and_another_record_are_other_requests() -> None:
    told = pair("Is it raised?", "It is flat.", image=clinical_image(facts=FULL))
    assert told.image.file
    others = [
        replace(told, messages=(told.messages[0], replace(told.messages[1], content="It is raised."))),
        replace(told, image=replace(told.image, facts=Facts(sex="male"))),
        replace(told, image=replace(told.image, file=told.image.file._replace(sha256="cd" * 32))),
    ]
    assert len({claims_request(each, is_scored=False).key for each in [told, *others]}) == 4


# --- what comes back ---


def reply(**changes: object) -> Reply:
    asked = {"claims": [CLAIM], "scores": dict.fromkeys(AXES, 3)} | changes
    return Reply("k", json.dumps({name: value for name, value in asked.items() if value is not ...}), model="m")


FOREIGN: tuple[object, ...] = (None, "", 1, [], "\x00")
MEMBERS = ("claim", "verdict", "reason", "more")
VALUES: st.SearchStrategy[object] = st.sampled_from(
    [
        *(None, True, 7, "x", [], {}, [7], [CLAIM], [CLAIM, 7], [CLAIM] * 99, {"accuracy": 3}),
        *([CLAIM | {name: value}] for name in MEMBERS for value in FOREIGN),
        *(dict.fromkeys(AXES, score) for score in (0, 1, 5, 6, 2.5, "3", None, False, 10**30)),
    ]
)


@given(st.dictionaries(st.sampled_from(["claims", "scores", "more"]), VALUES, max_size=3))
def test_whatever_comes_back_is_a_judgement_or_none(changes: dict[str, object]) -> None:
    told = reply_form.judgement_of(reply(**changes))
    if changes:
        assert told is None or (told.claims and set(told.scores) <= {1, 2, 3, 4, 5})
    else:
        assert told is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"claims": []},
        {"claims": [CLAIM | {"verdict": "maybe"}]},
        {"claims": [CLAIM | {"claim": " "}]},
        {"claims": [CLAIM | {"more": "x"}]},
        {"claims": ...},
        {"scores": dict.fromkeys(AXES, 6)},
        {"scores": dict.fromkeys(AXES, 0)},
        {"scores": dict.fromkeys(AXES, True)},
        {"scores": {"accuracy": 3}},
        {"more": 1},
    ],
)
def test_what_breaks_the_form_is_no_judgement(changes: dict[str, object]) -> None:
    assert reply_form.judgement_of(reply()) is not None
    assert reply_form.judgement_of(reply(**changes)) is None
    request = claims_request(pair("Why?", "So.", image=clinical_image()), is_scored=True)
    with pytest.raises(reply_form.BadReply):
        reply_form.read(request, reply(**changes))


def test_scores_that_were_asked_for_have_to_come() -> None:
    asked = [claims_request(pair("Why?", "So.", image=clinical_image()), is_scored=scored) for scored in (True, False)]
    with pytest.raises(reply_form.BadReply, match="wrong members: expected claims, scores"):
        reply_form.read(asked[0], reply(scores=...))
    assert reply_form.read(asked[1], reply(scores=...)) == ((), None)


@pytest.mark.parametrize(
    ("verdicts", "of_pair"),
    [
        (("supported", "supported"), "supported"),
        (("supported", "not to be told"), "not to be told"),
        (("not to be told", "contradicted", "supported"), "contradicted"),
    ],
)
def test_a_pair_s_verdict_is_the_worst_of_its_claims_and_a_contradiction_is_a_flag(
    verdicts: tuple[str, ...], of_pair: str
) -> None:
    claims = tuple(CheckedClaim("It is \u202eflat.", each, "seen") for each in verdicts)  # type: ignore[arg-type]
    judged = Judgement("m-2", claims)
    assert judged.verdict == of_pair
    told = replace(pair("Why?", "So.", image=clinical_image()), judgements=(judged, judged))
    found = list(check_claims([told]))
    assert len(found) == (2 if of_pair == "contradicted" else 0)
    assert all(each.severity == "flag" and each.check == "claims" for each in found)
    assert not any("\u202e" in each.reason for each in found)


# --- the run ---


@pytest.mark.slow
def test_each_pair_is_checked_once_and_its_verdict_becomes_a_column(fake: Checking, settings: Settings) -> None:
    judgements, table = check_pairs(by(fake, judged=3), settings, Recorder())
    assert len(judgements) == 16
    assert sum(bool(each.scores) for each in judgements.values()) == 3
    assert table.parent == settings.work / "verdicts"
    asked = len(fake.prompts)
    assert asked == 16
    for again in (by(fake, judged=3), by(fake), by(fake, pairs=5)):
        check_pairs(again, settings, Recorder())
    assert len(fake.prompts) == asked, "what is known is not paid again"
    assert not any(name in prompt for prompt in fake.prompts for name in (WRITER, "gemini", "openai"))
    figures = claims_figures(judgements)
    assert figures["pairs"]["contradicted"]["count"] == 16
    assert figures["claims"]["supported"]["share"] == 0.5
    assert figures["axes"] == dict.fromkeys(AXES, 4)

    pipeline.release(pipeline.plan(settings, Recorder()), settings, Recorder())
    rows = list(read_values(sorted((settings.out / "data").rglob("*.parquet"))))
    assert [row["verdict"] for row in rows] == ["contradicted"] * 16
    assert all("claims" in row["flags"] for row in rows)
    assert sum(bool(row["judgements"][0]["scores"]) for row in rows) == 3
    assert {row["judgements"][0]["verifier"] for row in rows} == {fake_version(CHECKER)}
    assert rows[0]["judgements"][0]["claims"][0] == CLAIM


@pytest.mark.slow
def test_verdicts_of_two_models_stand_side_by_side_and_a_release_is_written_anew_for_them(
    fake: Checking, settings: Settings
) -> None:
    def verdicts() -> list[list[str]]:
        pipeline.release(pipeline.plan(settings, Recorder()), settings, Recorder())
        rows = read_values(sorted((settings.out / "data").rglob("*.parquet")), ["judgements"])
        return [[each["verdict"] for each in row["judgements"]] for row in rows]

    assert verdicts() == [[]] * 16
    check_pairs(by(fake), settings, Recorder())
    assert verdicts() == [["contradicted"]] * 16
    fake.verdict = "supported"
    check_pairs(by(fake, verifier_model="llava"), settings, Recorder())
    assert sorted(verdicts()[0]) == ["contradicted", "supported"]


@pytest.mark.slow
def test_the_money_ends_the_run_what_came_is_kept_and_the_next_run_goes_on(fake: Checking, settings: Settings) -> None:
    own = by(fake, verifier="gemini", verifier_model="gemini-3.8-flash", verifier_url=fake.url, max_usd=1e-6)
    with pytest.raises(StoppedError, match="--max-usd 1e-06 is reached"):
        check_pairs(own, settings, Recorder())
    kept = sum(map(len, read_judgements(settings.work).values()))
    assert 0 < kept == len(fake.prompts) < 16
    judgements, _ = check_pairs(replace(own, max_usd=None), settings, Recorder())
    assert len(judgements) == 16 == len(fake.prompts)


def test_a_model_of_the_writer_s_family_is_warned_of_and_another_is_not(fake: Checking, settings: Settings) -> None:
    for model, is_kin in {"google/medgemma-1.5-4b-it": True, CHECKER: False}.items():
        told = Recorder()
        check_pairs(by(fake, verifier_model=model, is_dry=True), settings, told)
        assert any("of the same family as the writer" in each for each in told.warned) == is_kin
    assert not fake.prompts


@pytest.mark.parametrize(
    ("one", "other", "is_kin"),
    [
        ("gemini-3.8-flash", "google/medgemma-1.5-4b-it", True),
        ("models/gemini-2.5-flash-lite", "Gemma-4", True),
        ("gpt-5.2", "o4-mini", True),
        ("meta-llama/Llama-3.2-11B", "DermatoLlama-1.0", True),
        ("Qwen/Qwen3-VL-8B", "qwen3.5-9b", True),
        ("gemini-3.8-flash", "Qwen/Qwen3-VL-8B", False),
    ],
)
def test_families_go_by_the_names_of_models(one: str, other: str, is_kin: bool) -> None:
    assert (family_of(one) == family_of(other)) == is_kin


def test_what_cannot_check_is_refused(fake: Checking, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--by template: it looks at no image"):
        check_pairs(by(fake, verifier="template"), settings, Recorder())
    with pytest.raises(UsageError, match="there is no pair to check"):
        check_pairs(by(fake), replace(settings, work=tmp_path / "nothing"), Recorder())
    swapped = replace(settings, plan_options=replace(settings.plan_options, control="swapped"))
    with pytest.raises(UsageError, match="--control swapped"):
        check_pairs(by(fake), swapped, Recorder())


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "verdicts").mkdir()
    for content in ("{", "[]", '{"a": 1}', '{"a": ["m", [["x"]], []]}'):
        (tmp_path / "verdicts" / "m.json").write_text(content)
        with pytest.raises(ReviewError, match=r"m\.json is damaged .*; delete it"):
            read_judgements(tmp_path)


@pytest.mark.slow
def test_verdicts_that_were_invented_are_not_pushed(fake: Checking, settings: Settings, tmp_path: Path) -> None:
    fake.is_written_by_fake = False
    honest = replace(settings, work=tmp_path / "honest")
    pipeline.ask(pipeline.plan(honest, Recorder()), honest, Recorder())
    check_pairs(by(fake), honest, Recorder())
    pipeline.release(pipeline.plan(honest, Recorder()), honest, Recorder())
    with pytest.raises(PushError, match="pad_ufes: there are answers that `dermasynth fake-gemini` has invented"):
        push(PushOptions(honest.out, "USER/name"), Recorder())


@pytest.mark.slow
def test_the_command_prints_the_rates_and_json(
    fake: Checking, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    run = [
        "claims",
        WRITER,
        "--work",
        str(settings.work),
        "--by",
        "openai",
        "--by-model",
        CHECKER,
        "--by-url",
        f"{fake.url}/v1",
    ]
    assert main([*run, "--judge", "4"]) == 0
    told = capsys.readouterr().out
    assert "mean of 4 pairs, 1 (bad) to 5" in told
    assert "contradicted" in told
    assert main([*run, "--pairs", "4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scored"] == 4
