"""Questions that the engine writes itself: in rounds, each frozen before it begins, and only those that are new."""

from collections.abc import Callable
from pathlib import Path

from dermasynth_builder import pipeline
from dermasynth_builder.core.options import PlanOptions, Settings
from dermasynth_builder.core.records import ClinicalImage, Reply, canonical_json
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.generate.ledger import Ledger
from dermasynth_builder.generate.rounds import Planned
from dermasynth_builder.generate.run import Run
from dermasynth_builder.plan.planner import ACCEPTED_EXAMPLES, BANK_EXAMPLES, Planner
from dermasynth_builder.plan.questions import load_prompt_book
from dermasynth_builder.read.source import ReadSource
from tests.support.clinical_images import clinical_image
from tests.support.recited import Recited

BOOK = load_prompt_book()
SEED = 5
SILENT = SilentReporter()


def images(count: int) -> list[ClinicalImage]:
    return [clinical_image(f"image_{number}") for number in range(count)]


def plan_of(folder: Path, count: int = 60, **options: object) -> Planned:
    chosen = PlanOptions(self_instruct_share=0.5, **options)  # type: ignore[arg-type]  # a test's options
    read = ReadSource("pad_ufes", images(count), [])
    return Planned(read, Planner(BOOK, SEED, chosen), folder / "recited.rounds", folder / "plans")


def writer(question: Callable[[str], str]) -> Recited:
    """An engine that writes questions of its own and answers everything."""
    return Recited(lambda key: Reply(key, canonical_json({"question": question(key), "answer": "Yes."}), model="m"))


def asked_in_rounds(plan: Planned, ledger: Ledger, question: Callable[[str], str]) -> None:
    for number in range(plan.planner.options.rounds):
        assert plan.begin_round(number, ledger)
        with ledger:
            for reply in writer(question).answer(map(plan.in_full, plan.requests_of_round(number)), Run()):
                ledger.append(reply)


def ledger_in(folder: Path) -> Ledger:
    return Ledger(folder / "recited.jsonl", {"engine": "recited"}, lambda _: None)


def test_a_round_shows_what_was_accepted_in_the_rounds_before(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, rounds=3)
    asked_in_rounds(plan, ledger_in(tmp_path), lambda key: f"Where would {key[:8]} put {key[8:16]} and {key[16:24]}?")
    for number in range(3):
        requests = [r for r in plan.requests_of_round(number) if r.style == "self_instruct"]
        assert len(requests) > 10
        shown = plan.accepted_by(number) or ()
        assert (len(shown) > 10) == (number > 0)
        for request in map(plan.in_full, requests):
            assert sum(f'- "{text}"' in request.prompt for text in shown) == (ACCEPTED_EXAMPLES if number else 0)
            listed = request.prompt.partition("HAVE ASKED")[2].partition("They show")[0]
            assert listed.count("\n- ") == BANK_EXAMPLES + (ACCEPTED_EXAMPLES if number else 0)


def test_what_a_round_shows_is_frozen(tmp_path: Path) -> None:
    plan, ledger = plan_of(tmp_path), ledger_in(tmp_path)
    asked_in_rounds(plan, ledger, lambda key: f"Where would {key[:8]} put {key[8:16]} and {key[16:24]}?")
    keys = [request.key for request in plan.requests()]
    with ledger:
        for request in plan.requests_of_round(0):
            ledger.append(Reply(request.key, canonical_json({"question": "Another one?", "answer": "No."})))
    assert [request.key for request in plan_of(tmp_path).requests()] == keys
    assert plan_of(tmp_path).begin_round(1, ledger)
    assert [request.key for request in plan_of(tmp_path).requests()] == keys


def test_a_round_does_not_begin_before_all_of_the_one_before_was_asked(tmp_path: Path) -> None:
    plan, ledger = plan_of(tmp_path), ledger_in(tmp_path)
    requests = [request for request in plan.requests_of_round(0) if request.style == "self_instruct"]
    with ledger:
        for reply in writer(lambda key: f"{key}?").answer(map(plan.in_full, requests[1:]), Run()):
            ledger.append(reply)
    assert not plan.begin_round(1, ledger)
    assert plan.accepted_by(1) is None
    with ledger:
        ledger.append(Reply(requests[0].key, None, "connection: refused"))  # it will be asked again
    assert not plan.begin_round(1, ledger)
    with ledger:
        ledger.append(Reply(requests[0].key, None, "blocked: SAFETY"))  # a failure is an end too
    assert plan.begin_round(1, ledger)
    assert len(plan.accepted_by(1) or ()) == len(requests) - 1


def test_rounds_part_the_self_instruct_requests_and_miss_none(tmp_path: Path) -> None:
    plan, ledger = plan_of(tmp_path, rounds=4), ledger_in(tmp_path)
    asked_in_rounds(plan, ledger, lambda key: f"{key[:16]} or {key[16:]}?")
    by_round = [request.pair_id for number in range(4) for request in plan.requests_of_round(number)]
    assert sorted(by_round) == sorted(request.pair_id for request in plan.requests())


def test_a_whole_run_in_rounds_is_the_same_twice(specimens: Path, tmp_path: Path) -> None:
    def keys(folder: Path) -> list[str]:
        options = PlanOptions(self_instruct_share=0.5, rounds=3)
        settings = Settings(raw={"pad_ufes": specimens}, work=folder, out=folder / "out", plan_options=options)
        [config] = pipeline.build(settings, SILENT)
        assert config.rows == 48
        return [pair.request_key for pair in pipeline.pairs(settings, SILENT)]

    assert keys(tmp_path / "a") == keys(tmp_path / "b") == keys(tmp_path / "a")
