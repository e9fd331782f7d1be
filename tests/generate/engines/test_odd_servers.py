"""Sixty odd responses, as bytes on the wire: each ends in an outcome, and one that is odd but once costs no row."""

import gc
import json
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import DermaSynthError, EngineError, StoppedError
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import EngineContext
from dermasynth_builder.generate.engines.batch.google import BatchFault, BatchService, RemoteJob
from dermasynth_builder.generate.run import Run
from dermasynth_builder.train.evaluate.predict import answerer
from dermasynth_builder.train.options import PredictOptions
from tests.support.answers import TEXT, said
from tests.support.fake_service import KEY, picture_requests
from tests.support.odd_server import odd_responses, odd_server

GEMINI = json.dumps({"candidates": [{"content": {"parts": [{"text": TEXT}]}, "finishReason": "STOP"}]}).encode()
GOOD = {"gemini": GEMINI, "openai": json.dumps(said(TEXT)).encode()}
ODD = odd_responses(b'{"never": "complete"')
ENDING = [name for name in ODD if "redirect" in name]  # of a run: the address is wrong
JOB = RemoteJob("batches/b", "r/1/1", "SUCCEEDED", "files/r", "", "")
CALLS: dict[str, Callable[[BatchService, Path], object]] = {
    "upload": lambda service, folder: service.upload(folder / "sent.jsonl", "n"),
    "create": lambda service, _: service.create("m", "files/x", "r/1/1"),
    "jobs": lambda service, _: service.jobs("r"),
    "job": lambda service, _: service.job("batches/b"),
    "cancel": lambda service, _: service.cancel("batches/b"),
    "download": lambda service, folder: service.download("files/x", folder / "came"),
    "forget": lambda service, _: service.forget(JOB, "files/u"),
}


@pytest.fixture
def collected() -> Iterator[None]:
    """Clients that nobody closes are gone before the next test begins, which would be blamed for them."""
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "engine"), list(zip(ODD, cycle(GOOD))))
def test_an_odd_response_ends_no_run_and_settles_no_row(name: str, engine: str, tmp_path: Path) -> None:
    with odd_server(ODD[name], GOOD[engine]) as (url, server):
        options = EngineOptions(model="m", base_url=url, timeout_s=5, concurrency=2)
        made = registry.engine(engine, options, EngineContext())
        if name in ENDING:
            with pytest.raises(EngineError, match="check --base-url"):
                list(made.answer(picture_requests(tmp_path, 2), Run()))
            return
        replies = list(made.answer(picture_requests(tmp_path, 2), Run()))
    assert [(reply.failure, reply.attempts) for reply in replies] == [(None, 2)] * 2
    assert server.count == 4


def calls_to(url: str) -> BatchService:
    return BatchService(EngineOptions(model="m", base_url=url, timeout_s=2))


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_every_call_about_batches_ends_in_what_it_gives_or_in_a_fault(name: str, tmp_path: Path) -> None:
    (tmp_path / "sent.jsonl").write_text('{"key":"a"}\n')
    with odd_server(ODD[name]) as (url, _), calls_to(url) as service:
        for call in CALLS.values():
            try:
                call(service, tmp_path)
            except BatchFault as fault:
                told = fault.outcome.reason
                assert told, name
                assert told.isprintable()
                assert KEY not in told
            except DermaSynthError as error:
                pytest.fail(f"{name}: {error}")


@pytest.mark.slow
@pytest.mark.usefixtures("collected")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it never closes
@pytest.mark.parametrize("name", [name for name in ODD if "header" not in name and "wait" not in name])
def test_a_model_that_is_scored_is_told_to_be_away(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dermasynth_builder.train.evaluate.predict._TRIES", 1)
    with odd_server(ODD[name]) as (url, _), pytest.raises(StoppedError, match="gives no answer"):
        answerer("m", PredictOptions(items=tmp_path, base_url=url))([("What is it?", None)])
