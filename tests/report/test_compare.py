"""`dermasynth compare`: a planted effect is found with its interval, none is told where there is none."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder import pipeline
from dermasynth_builder.cli import main
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.options import EngineOptions, PlanOptions, Settings
from dermasynth_builder.core.records import fake_version, share_of
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.invented.fake_gemini.answers import FakeRequest, response_of
from dermasynth_builder.invented.fake_gemini.faults import FakeAnswer
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from dermasynth_builder.report.compare import MEASURES, Answered, Comparison, Side, is_conflict, side_of
from dermasynth_builder.report.compare_text import comparison_text, page_of, summary
from dermasynth_builder.report.tables import plain_text
from tests.support.fake_service import KEY
from tests.support.releases import Built

GOOD, WORSE, AS_GOOD = "gemini-3.5-flash-lite", "gemini-3.1-flash-lite", "gemini-3.8-flash"
SHARES = {GOOD: 0.04, WORSE: 0.12, AS_GOOD: 0.04}
CONTRADICTION = "The patient is 3 years old."
IMAGES = 220


@dataclass
class Contradicting(FakeGemini):
    """Contradicts the record in a share of its answers that the model has."""

    planted: dict[str, int] = field(default_factory=dict)  # model -> how often

    def answer(self, model: str, request: FakeRequest) -> FakeAnswer:
        """A plain answer, or one with another age than any of these patients'."""
        members = {"answer": f"A lesion is seen, mark {request.digest[:12]}."}
        if share_of("planted", model, request.digest) < SHARES[model]:
            members["answer"] += f" {CONTRADICTION}"
            self.planted[model] = self.planted.get(model, 0) + 1
        return FakeAnswer(content=response_of(request, json.dumps(members), model_version=fake_version(model)))


def asked_of(model: str, raw: Path, work: Path, url: str) -> Settings:
    options = EngineOptions(model=model, base_url=url, concurrency=16)
    plan = PlanOptions(self_instruct_share=0.0, look="off")
    settings = Settings(raw={"pad_ufes": raw}, work=work, engine="gemini", engine_options=options, plan_options=plan)
    pipeline.ask(pipeline.plan(settings, SilentReporter()), settings, SilentReporter())
    return settings


@dataclass(frozen=True)
class Runs:
    work: Path
    planted: Mapping[str, int]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Three models asked about the same images, one of which contradicts the record more often."""
    folder = tmp_path_factory.mktemp("runs")
    raw = write_pad_ufes(folder / "raw", images=IMAGES, side_px=16)
    with pytest.MonkeyPatch.context() as patch, Contradicting() as fake:
        patch.setenv("GEMINI_API_KEY", KEY)
        for model in SHARES:
            asked_of(model, raw, folder / "work", fake.url)
        yield Runs(folder / "work", fake.planted)


def compared(runs: Runs, first: str, second: str) -> tuple[Comparison, dict[str, Any]]:
    comparison = Comparison.of(*(side_of(name, runs.work, SilentReporter()) for name in (first, second)))
    return comparison, comparison.figures()


@pytest.mark.slow
def test_a_planted_effect_is_found_with_its_interval(runs: Runs) -> None:
    _, figures = compared(runs, GOOD, WORSE)
    conflict = figures["measures"]["conflict"]
    assert figures["pairs"] == 2 * IMAGES
    assert figures["same_question"] == figures["pairs"]
    assert conflict["counts"] == (runs.planted[GOOD], runs.planted[WORSE])  # each that was planted, and no other
    assert conflict["is_different"]
    assert conflict["apart"] > 0
    assert 0 < conflict["low"] < 0.08 < conflict["high"] < 0.16
    of_both = sum(share * (1 - share) for share in (0.04, 0.12)) / figures["pairs"]
    assert conflict["high"] - conflict["low"] == pytest.approx(2 * 1.96 * of_both**0.5, rel=0.25)
    assert "conflict: B is higher" in summary(figures)
    turned = compared(runs, WORSE, GOOD)[1]["measures"]["conflict"]
    assert turned["apart"] == -conflict["apart"]
    assert turned["is_different"]


@pytest.mark.slow
def test_where_nothing_was_planted_no_difference_is_told(runs: Runs) -> None:
    comparison, figures = compared(runs, GOOD, AS_GOOD)
    assert not any(each["is_different"] for each in figures["measures"].values())
    assert summary(figures).startswith("No difference found; conflicts may differ by ")
    assert "No difference found" in plain_text(comparison_text(comparison, figures, 2))


@pytest.mark.slow
def test_the_command_prints_the_table_and_writes_page_and_figures(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", GOOD, WORSE, "--work", str(runs.work), "--to", str(tmp_path), "-n", "5"]) == 0
    told = capsys.readouterr()
    assert "B is higher" in told.out
    assert CONTRADICTION in " ".join(told.out.split())
    figures = json.loads((tmp_path / "compare.json").read_text(encoding="utf-8"))
    page = (tmp_path / "compare.html").read_text(encoding="utf-8")
    assert page.count('class="pair"') == 5
    assert page.count("data:image/jpeg;base64,") == 10
    assert f"{figures['pairs']:,} questions" in told.out
    assert main(["compare", GOOD, WORSE, "--work", str(runs.work), "--to", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == figures


def test_a_run_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"found no run nobody; .* holds no run"):
        side_of("nobody", tmp_path, SilentReporter())
    for name in ("model-look-first-aaaaaa", "model-look-first-bbbbbb"):
        (tmp_path / "runs").mkdir(exist_ok=True)
        (tmp_path / "runs" / f"{name}.toml").touch()
    with pytest.raises(UsageError, match="may be model-look-first-aaaaaa or model-look-first-bbbbbb"):
        side_of("model-look-first", tmp_path, SilentReporter())
    with pytest.raises(UsageError, match=r"runs in .*: model-look-first-aaaaaa, model-look-first-bbbbbb"):
        side_of("model", tmp_path, SilentReporter())


def test_a_release_is_compared_by_its_rows_and_says_nothing_of_rejects(built: Built) -> None:
    sides = [side_of(str(built.release), built.settings.work, SilentReporter()) for _ in range(2)]
    comparison = Comparison.of(*sides)
    figures = comparison.figures(resamples=50)
    assert figures["same_answer"] == figures["both_answered"] == figures["pairs"]
    assert figures["likeness"] == pytest.approx(1)
    assert not {"rejected", "declined"} & figures["measures"].keys()
    assert "name its run instead" in plain_text(comparison_text(comparison, figures, 1))
    assert page_of(comparison, figures, 2).count("data:image/jpeg;base64,") == 4


HOSTILE = '</p><script>alert("x")</script><img src=x onerror=alert(1)> {{ 7*7 }} & \u202e\x1b[31m'


def said(answer: str, number: int = 0, **changes: Any) -> Answered:
    found = Answered(
        f"s/{number}/general", "s", str(number), f"s/{number}", "overview", "What?", answer, "kept", (), None
    )
    return replace(found, **changes)


def sided(name: str, answered: list[Answered], unfit: dict[tuple[str, str], str] | None = None) -> Side:
    return Side(name, lambda _: {}, answered={each.pair_id: each for each in answered}, unfit=unfit or {})


def test_no_text_of_a_run_becomes_markup_or_moves_a_terminal() -> None:
    spoilt = said(HOSTILE, question=HOSTILE, findings=(f"form: {HOSTILE}",), told=HOSTILE)
    spoilt = replace(spoilt, pair_id=HOSTILE)
    comparison = Comparison.of(sided(HOSTILE, [spoilt]), sided("b", [replace(spoilt, fate="rejected")]))
    figures = comparison.figures(resamples=10)
    page = page_of(comparison, figures, 3)
    assert not re.search(r"<script|<img|onerror=alert\(1\)>|\u202e|\x1b", page.replace("&lt;", ""))
    assert "{{ 7*7 }}" in page
    assert not re.search("\u202e|\x1b", plain_text(comparison_text(comparison, figures, 3)))


def test_what_is_not_asked_because_its_image_is_unfit_counts_as_declined() -> None:
    first = sided("a", [said("Flat.", number) for number in range(10)])
    seen = [said("Flat.", number) for number in range(4)]
    second = sided("b", seen, {("s", str(number)): "image unfit: blurred" for number in range(4, 9)})
    comparison = Comparison.of(first, second)
    figures = comparison.figures(resamples=10)
    assert figures["pairs"] == 9
    assert figures["only_first"] == 1
    assert figures["measures"]["declined"]["counts"] == (0, 5)
    assert figures["both_answered"] == figures["same_answer"] == 4
    with pytest.raises(UsageError, match="no question about the same image in common"):
        Comparison.of(first, sided("c", [said("Flat.", 77)]))


def test_only_what_contradicts_the_record_is_a_conflict() -> None:
    assert is_conflict("person: says '113 years ' where the recorded age is 81")
    assert is_conflict("diagnosis: says 'nevus' where basal cell carcinoma is recorded")
    assert not is_conflict("diagnosis: names 'nevus' to a question that wants no diagnosis")
    assert not is_conflict("form: says nothing")
    rejected = said("A nevus.", fate="rejected", findings=("diagnosis: says 'nevus' where melanoma is recorded",))
    assert rejected.has("conflict")
    assert rejected.has("rejected")
    assert not rejected.has("flagged")
    declined = replace(rejected, fate="declined")
    assert [name for name in MEASURES if declined.has(name)] == ["declined"]


def test_pairs_that_differ_stand_first_side_by_side() -> None:
    alike = [said("Flat.", number) for number in range(20)]
    flagged = replace(alike[13], findings=("advice: is surer than an image allows: 'certainly'",))
    second = [flagged if each.pair_id == flagged.pair_id else each for each in alike]
    comparison = Comparison.of(sided("a", alike), sided("b", second))
    assert comparison.examples(3)[0] == (alike[13], flagged)
    assert len(comparison.examples(50)) == 20
