"""`dermasynth cost` as a user meets it, and what `status` tells of money."""

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest

from dermasynth_builder.cli import main
from dermasynth_builder.core.cost_options import CostOptions
from dermasynth_builder.core.options import PlanOptions, Settings
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.generate.ledger import Ledger, ledger_path
from dermasynth_builder.generate.rounds import Planned
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import PromptBook, load_prompt_book
from dermasynth_builder.read.source import ReadSource
from dermasynth_builder.report.cost import cost_report
from dermasynth_builder.report.cost_text import cost_text, cost_values
from dermasynth_builder.report.show import plan_counts
from dermasynth_builder.report.tables import plain_text
from tests.support.clinical_images import clinical_image
from tests.support.recited import Recited, answer, failure
from tests.support.recorder import Recorder

NOVEMBER = date(2026, 11, 23)
MODEL = "gemini-3.8-flash"
Output = pytest.CaptureFixture[str]


def run(*words: str | Path) -> int:
    given = [str(word) for word in words]
    return main([*given, "--look", "off"] if given[0] == "cost" and "--look" not in given else given)


def write_ledger(work: Path, outputs: list[int], model: str = MODEL) -> Path:
    """A ledger of one reply a request, each of which took that many tokens."""
    engine = Recited(identity={"engine": "recited", "model": model})
    ledger = Ledger(ledger_path(work / "ledgers", engine), engine.identity, lambda _: None)
    with ledger:
        for number, output in enumerate(outputs):
            usage = {"promptTokenCount": 1450, "candidatesTokenCount": output, "thoughtsTokenCount": 100}
            ledger.append(replace(answer(f"{number:064x}"), model=model, usage=usage))
        ledger.append(failure("f" * 64))
    return ledger.path


@pytest.fixture
def settings(specimens: Path, tmp_path: Path) -> Settings:
    return Settings(raw={"pad_ufes": specimens}, work=tmp_path, plan_options=PlanOptions(look="off"))


def test_cost_prints_money_time_and_what_they_rest_on(specimens: Path, tmp_path: Path, capsys: Output) -> None:
    assert run("cost", "pad_ufes", "--raw", specimens, "--work", tmp_path, "--model", "gemini-3.5-flash") == 0
    printed = capsys.readouterr().out
    assert "48 requests; text" in printed
    assert printed.count("\ngemini-3.5-flash ") == 3
    for part in ("without thinking", "with thinking", " hours ", "tier 1", "waves", "tier 2", "assumed:", "AI Studio"):
        assert part in printed
    assert "size is not known" not in printed


def test_cost_in_json_holds_what_the_tables_hold(settings: Settings) -> None:
    report = cost_report(CostOptions(models=[MODEL]), settings, SilentReporter(), on=NOVEMBER)
    values = json.loads(json.dumps(cost_values(report)))
    estimate = values["models"][MODEL]
    assert (values["requests"], estimate["image_in"]) == (48, 48 * 1120)
    assert "elsewhere Vertex asks 1.1 times as much" in values["assumed"][0]
    cost = estimate["cost"]
    by_hand = (values["text_tokens_in"] + 48 * 1120) * 0.75e-6 + values["tokens_out"] * 3.75e-6
    assert cost["online"]["middle"] == pytest.approx(by_hand)
    assert cost["online_thinking"]["middle"] == pytest.approx(by_hand + 48 * 400 * 3.75e-6)
    assert cost["batch_thinking"]["high"] == pytest.approx(cost["online_thinking"]["high"] / 2)


def test_cost_knows_that_a_look_is_a_request_of_its_own_or_makes_replies_longer(settings: Settings) -> None:
    def reported(look: Literal["first", "together"] | None) -> dict[str, Any]:
        looking = replace(settings, plan_options=PlanOptions(look=look))
        return cost_values(cost_report(CostOptions(models=[MODEL]), looking, SilentReporter(), on=NOVEMBER))

    off = cost_values(cost_report(CostOptions(models=[MODEL]), settings, SilentReporter(), on=NOVEMBER))
    first, together = reported(None), reported("together")
    assert (off["requests"], first["requests"], together["requests"]) == (48, 48 + 24, 48)
    assert first["models"][MODEL]["image_in"] == (48 + 24) * 1120
    assert off["tokens_out"] < together["tokens_out"]
    assert off["text_tokens_in"] < together["text_tokens_in"] < first["text_tokens_in"]


def test_json_is_all_that_stdout_gets(specimens: Path, tmp_path: Path, capsys: Output) -> None:
    assert run("cost", "pad_ufes", "--raw", specimens, "--work", tmp_path, "--json", "--thinking", "low") == 0
    values = json.loads(capsys.readouterr().out)
    assert {MODEL, "gemini-3.5-flash-lite"} <= set(values["models"])
    assert any("thinking at level low: 100 to 400" in told for told in values["assumed"])


def test_models_that_have_ended_or_whose_images_nobody_can_count_are_left_out(settings: Settings) -> None:
    known, given = (
        cost_report(CostOptions(image_tokens=tokens), settings, SilentReporter(), on=date(2026, 12, 1)).estimates
        for tokens in (None, 256)
    )
    assert not {"gemini-2.0-flash", "gemini-2.5-pro", "gemini-2.5-flash", "gemma-4-31b-it"} & set(known)
    assert set(given) - set(known) == {"gemma-4-31b-it", "gemma-4-26b-a4b-it"}


def test_a_model_that_the_table_does_not_have_is_an_error_that_names_the_nearest(
    specimens: Path, tmp_path: Path, capsys: Output
) -> None:
    words = ("cost", "pad_ufes", "--raw", specimens, "--work", tmp_path, "--model", MODEL)
    assert run(*words, "--model", "gemini-3.8-flsh") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "prices.toml: it has no price of 'gemini-3.8-flsh'" in printed.err
    assert printed.err.endswith("; did you mean 'gemini-3.8-flash'?\n")


@pytest.mark.slow
def test_cost_counts_what_is_on_disk_and_the_whole_table_where_it_is_asked_for(
    real_data: Path, tmp_path: Path, capsys: Output
) -> None:
    words = ("cost", "pad_ufes", "--raw", real_data / "pad_ufes", "--work", tmp_path, "--model", MODEL)
    assert run(*words) == 0
    printed = capsys.readouterr().out
    assert "pad_ufes: 12 of 2,298 images on disk\n" in printed
    assert "\n24 requests; " in printed
    assert "size is not known" not in printed
    assert run(*words, "--whole-table") == 0
    printed = capsys.readouterr().out
    assert "pad_ufes: 12 of 2,298 images on disk; counts are of the 2,298 images in the tables\n" in printed
    assert f"\n{2 * 2298:,} requests; " in printed
    assert f"{2 * 2286:,} requests are about images whose size is not known" in printed


@pytest.mark.slow
def test_cost_and_plan_count_the_table_where_no_image_is_on_disk(
    real_data: Path, tmp_path: Path, capsys: Output
) -> None:
    (tmp_path / "metadata.csv").write_bytes((real_data / "pad_ufes" / "metadata.csv").read_bytes())
    given = ("pad_ufes", "--raw", tmp_path, "--work", tmp_path / "work")
    assert run("cost", *given, "--json") == 0
    printed = capsys.readouterr()
    assert "pad_ufes: no image on disk; counts are of the 2,298 images in the tables\n" in printed.err
    values = json.loads(printed.out)
    assert values["images"] == {"pad_ufes": {"in_tables": 2298, "on_disk": 0, "counted": 2298}}
    assert values["requests"] == values["images_of_unknown_size"] == 2 * 2298
    assert run("plan", *given, "--json") == 0
    [counts] = json.loads(capsys.readouterr().out)
    assert (counts["images_in_tables"], counts["images_on_disk"], counts["images"]) == (2298, 0, 2298)
    assert run("generate", *given) == 1
    assert "found no usable image" in capsys.readouterr().err


def test_earlier_replies_are_extrapolated_to_the_whole_plan(settings: Settings) -> None:
    path = write_ledger(settings.work, [100, 200, 300])
    write_ledger(settings.work, [7], model="another-model")
    order = CostOptions(models=[MODEL], is_from_ledger=True)
    report = cost_report(order, settings, SilentReporter(), on=NOVEMBER)
    [(name, pilot)] = report.pilots.items()
    assert name == f"{path.name}, {MODEL}"
    assert (pilot.samples, pilot.output_mean, pilot.output_p95) == (3, 300, 400)
    assert pilot.total_usd
    assert pilot.total_usd.middle == pytest.approx(48 * (1450 * 0.75e-6 + 300 * 3.75e-6))
    assert "3 requests answered" in plain_text(cost_text(report))
    everything = cost_report(replace(order, models=()), settings, SilentReporter(), on=NOVEMBER)
    assert len(everything.pilots) == 2
    assert "48 such requests: not known online, not known as batch" in plain_text(cost_text(everything))


def test_ledgers_without_usage_are_nothing_to_go_by(settings: Settings, recorder: Recorder) -> None:
    cost_report(CostOptions(is_from_ledger=True), settings, recorder, on=NOVEMBER)
    assert "nothing to go by" in recorder.warned[-1]


def test_status_tells_tokens_and_money(tmp_path: Path, capsys: Output) -> None:
    path = write_ledger(tmp_path, [100, 200])
    record: dict[str, Any] = json.loads(path.read_text("utf-8").splitlines()[1])
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record | {"cost_usd": 0.0125}) + "\n")
    assert run("status", "--work", tmp_path, "--out", tmp_path / "none") == 0
    printed = capsys.readouterr().out
    assert re.search(
        rf"^recited +{MODEL} +2 +1 +0\.0125 +20\d\d-\d\d-\d\d \d\d:\d\d\n +blocked +1$", printed, re.MULTILINE
    )
    assert "tokens: 4,350 in, 0 of them cached, 400 out, 300 thinking" in printed
    assert "cost: $0.0125 for all replies, replaced ones included" in printed
    assert "the cost of 2 replies is not known: the price table has no such model" in printed


def test_a_broken_price_table_ends_the_command(specimens: Path, tmp_path: Path, capsys: Output) -> None:
    own = tmp_path / "own.toml"
    own.write_text("as_of = 2026-10-07\n")
    assert run("cost", "pad_ufes", "--raw", specimens, "--work", tmp_path, "--prices", own) == 1
    assert "models is missing" in capsys.readouterr().err


def test_a_plan_renders_each_prompt_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    images = [clinical_image(f"PAT_9001_7001_{number}") for number in range(5)]
    rendered: list[str] = []
    render = PromptBook.render

    def counting(*given: Any, **named: Any) -> str:
        rendered.append(render(*given, **named))
        return rendered[-1]

    monkeypatch.setattr(PromptBook, "render", counting)
    read = ReadSource("pad_ufes", images, [])
    planned = Planned(read, Planner(load_prompt_book(), 1), tmp_path / "rounds", tmp_path / "plans")
    counts = plan_counts(planned)
    assert len(rendered) == counts["requests"] == 10
