"""Whatever happened while a ledger was written, the release that is built of it has the bytes of an undisturbed run."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder import pipeline
from dermasynth_builder.core.options import EngineOptions, PlanOptions, Settings
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.generate.engines.online.attempt import Identity
from dermasynth_builder.generate.ledger import Ledger
from tests.simulation import online

SEEDS = range(1, 21)
PLAN = PlanOptions(self_instruct_share=0.0, look="off")
MOMENT = "2026-11-23T09:00:00.000+00:00"


@pytest.fixture(scope="module")
def settings(specimens: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        raw={"pad_ufes": specimens},
        work=tmp_path_factory.mktemp("simulated"),
        engine="gemini",
        engine_options=EngineOptions(model="m"),
        plan_options=PLAN,
        is_partial_allowed=True,
    )


@pytest.fixture(scope="module")
def requests(settings: Settings) -> list[Request]:
    """All that the engine is to be asked."""
    planned = pipeline.plan(settings, SilentReporter())
    return [each.in_full(request) for each in planned for request in each.requests()]


def released(settings: Settings, work: Path, ledger: Path) -> dict[str, bytes]:
    """The files of the release of that ledger."""
    here = replace(settings, work=work, out=work / "release")
    target = pipeline.ledger_of(pipeline.open_engine(here), here)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(ledger.read_bytes())
    pipeline.release(pipeline.plan(here, SilentReporter()), here, SilentReporter())
    return {str(path.relative_to(here.out)): path.read_bytes() for path in here.out.rglob("*") if path.is_file()}


def rewritten(ledger: Path, requests: Sequence[Request], identity: Identity, to: Path) -> Path:
    """The last replies in the order of the requests, without what only tells when and how often was asked."""
    with Ledger(to, identity, pytest.fail) as calm:
        for _, reply in Ledger(ledger, identity, lambda _: None).answered(requests):
            assert reply
            calm.append(timeless(reply))
    return to


def timeless(reply: Reply) -> Reply:
    failure = reply.failure and reply.failure.partition(" (")[0]
    alike = {"usage": {}, "attempts": 1, "cost_usd": 0.01, "waited_s": 0.0, "parameters": {}}
    return replace(reply, failure=failure, answered_at=MOMENT, sent_at=MOMENT, **alike)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_a_release_of_a_disturbed_run_has_the_bytes_of_a_calm_one(
    seed: int, settings: Settings, requests: list[Request], tmp_path: Path
) -> None:
    engine = pipeline.open_engine(settings)
    ledgers = []
    for name in ("calm", "disturbed"):
        world = online.simulate(str(seed), tmp_path / name, requests, engine.identity, is_calm=name == "calm")
        [ledger] = (tmp_path / name).glob("*.jsonl")
        ledgers.append(rewritten(ledger, requests, engine.identity, tmp_path / f"{name}.jsonl"))
        assert world.count == len(requests) > 40
    calm, disturbed = (released(settings, tmp_path / f"{each.stem}-work", each) for each in ledgers)
    assert calm.keys() == disturbed.keys()
    assert [name for name in calm if calm[name] != disturbed[name]] == []


@pytest.mark.slow
def test_what_a_torn_and_shuffled_ledger_releases_is_what_its_replies_alone_release(
    settings: Settings, requests: list[Request], tmp_path: Path
) -> None:
    """Times and counts included: only the last reply to each request counts, wherever in the file it stands."""
    engine = pipeline.open_engine(settings)
    for seed in SEEDS:
        online.simulate(str(seed), tmp_path / str(seed), requests, engine.identity)
    ledger = max(tmp_path.glob("*/*.jsonl"), key=lambda path: path.stat().st_size)
    with Ledger(tmp_path / "plain.jsonl", engine.identity, pytest.fail) as plain:
        for _, reply in Ledger(ledger, engine.identity, lambda _: None).answered(requests):
            assert reply
            plain.append(reply)
    assert (tmp_path / "plain.jsonl").stat().st_size < ledger.stat().st_size
    as_is, alone = (released(settings, tmp_path / f"{n}-work", path) for n, path in enumerate([ledger, plain.path]))
    assert as_is == alone
