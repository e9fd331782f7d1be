"""Replies that the checks reject are asked for again, with the reason, at most twice; nothing else is."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder import pipeline
from dermasynth_builder.core import registry
from dermasynth_builder.core.options import EngineOptions, PlanOptions, Settings
from dermasynth_builder.core.protocols import EngineContext, EngineRun
from dermasynth_builder.core.records import Reply, Request
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.generate.retries import MOST, Retries
from dermasynth_builder.release.parquet import read_values
from tests.core.test_records import REQUEST

SORRY = "I'm sorry, but I can't help with that."
ASKED: list[Request] = []


class Stubborn:
    """A model that refuses its first requests, and refuses some again and again."""

    name = "stubborn"
    identity: Mapping[str, str | int | float | None] = {"engine": "stubborn"}
    is_model = True

    def __init__(self, _: EngineOptions, __: EngineContext) -> None:
        pass

    def answer(self, requests: Iterable[Request], _: EngineRun) -> Iterator[Reply]:
        """Good answers only to what tells of an earlier one, and not for every image."""
        for request in requests:
            ASKED.append(request)
            is_again = "AN EARLIER ANSWER" in request.prompt
            is_good = is_again and int(request.image_sha256 or "0", 16) % 3 > 0
            text = f"What is seen in {request.key[:12]} is a patch of skin with an edge." if is_good else SORRY
            yield Reply(request.key, json.dumps({"answer": text}), model="m", model_version="m-1")


@pytest.fixture
def settings(specimens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    ASKED.clear()
    monkeypatch.setitem(registry.ENGINES.shipped, "stubborn", f"{__name__}:Stubborn")
    return Settings(
        raw={"pad_ufes": specimens},
        work=tmp_path / "work",
        out=tmp_path / "out",
        engine="stubborn",
        is_rejected_wanted=True,
        plan_options=PlanOptions(self_instruct_share=0.0, look="off"),
    )


def answers(settings: Settings) -> list[str]:
    return [row["answer"] for row in read_values(sorted((settings.out / "data").rglob("*.parquet")))]


@pytest.mark.slow
def test_what_is_rejected_is_asked_again_at_most_twice_and_the_good_answer_is_released(settings: Settings) -> None:
    pipeline.build(settings, SilentReporter())
    first = [each for each in ASKED if "AN EARLIER ANSWER" not in each.prompt]
    stubborn = [each for each in first if int(each.image_sha256 or "0", 16) % 3 == 0]
    assert len(ASKED) == 2 * len(first) + len(stubborn) * (MOST - 1)
    assert "- speech: refuses: " in ASKED[-1].prompt
    assert len(answers(settings)) == len(first) - len(stubborn)
    assert SORRY not in answers(settings)
    released = answers(settings)
    ASKED.clear()
    pipeline.build(settings, SilentReporter())
    assert (ASKED, answers(settings)) == ([], released)


def test_reasons_that_tell_recorded_facts_are_not_told_where_these_are_hidden(tmp_path: Path) -> None:
    hidden = replace(REQUEST, is_metadata_shown=False)
    of_facts = ["diagnosis: says 'nevus' where melanoma is recorded"]
    assert Retries(tmp_path / "a.retries").anew(hidden, of_facts, hidden.key) is None
    again = Retries(tmp_path / "b.retries").anew(hidden, [*of_facts, "form: is cut"], hidden.key)
    assert again is not None
    assert "melanoma is recorded" not in again.prompt.removeprefix(hidden.prompt)
    assert "- form: is cut" in again.prompt


def test_a_retry_is_known_to_later_runs_and_a_line_that_was_cut_off_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.retries"
    again = Retries(path).anew(REQUEST, ["form: is cut"], REQUEST.key)
    assert again is not None
    assert list(Retries(path).keys()) == [again.key]
    path.write_text(path.read_text("utf-8") + '{"first": "x', "utf-8")
    assert list(Retries(path).keys()) == [again.key]
    assert Retries(path).anew(REQUEST, ["form: is cut"], REQUEST.key) == again


def test_after_two_retries_nothing_more_is_asked(tmp_path: Path) -> None:
    retries = Retries(tmp_path / "a.retries")
    key, again = REQUEST.key, None
    for number in range(MOST):
        again = retries.anew(REQUEST, [f"form: fault {number}"], key)
        assert again is not None
        key = again.key
    assert again is not None
    assert "- form: fault 0\n- form: fault 1" in again.prompt
    assert retries.anew(REQUEST, ["form: fault 2"], key) is None
