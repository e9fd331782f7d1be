"""The builder class on raw images takes the options with which they were planned and asked."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder import pipeline
from dermasynth_builder.core.options import EngineOptions, PlanOptions, Settings
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from tests.release.test_load import prepare, rows_of
from tests.support.fake_service import KEY
from tests.support.releases import Built


@pytest.mark.slow
def test_raw_images_are_read_as_they_were_planned_and_asked(
    specimens: Path, build_release: Callable[..., Built], tmp_path: Path
) -> None:
    plan_options = PlanOptions(self_instruct_share=0.2, conversation_share=0.5, is_together=True)
    built = build_release(specimens, tmp_path, seed=19, plan_options=plan_options)
    raw = {"data_dir": str(specimens), "work_dir": str(tmp_path / "build"), "seed": 19}
    loaded = prepare(tmp_path, **raw, plan_options=plan_options)
    assert {row["pair_id"]: row["messages"] for rows in loaded.values() for row in rows} == {
        name: row["messages"] for name, row in rows_of(built).items()
    }
    assert {row["style"] for row in rows_of(built).values()} > {"conversation"}
    with pytest.raises(ValueError, match=r"\d+ requests of pad_ufes have no reply in .*is_partial_allowed=True"):
        prepare(tmp_path, **raw)
    by_default = prepare(tmp_path, **raw, is_partial_allowed=True)  # the requests that both plans have
    assert 0 < sum(map(len, by_default.values())) < sum(map(len, loaded.values()))


@pytest.mark.slow
def test_raw_images_are_read_with_the_replies_of_that_engine(
    specimens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    options = EngineOptions(model="gemini-3.8-flash", thinking="low")
    with FakeGemini() as fake:
        settings = Settings(
            raw={"pad_ufes": specimens},
            work=tmp_path / "build",
            engine="gemini",
            engine_options=replace(options, base_url=fake.url),
        )
        pipeline.ask(pipeline.plan(settings, SilentReporter()), settings, SilentReporter())
    raw = {"data_dir": str(specimens), "work_dir": str(tmp_path / "build"), "engine": "gemini"}
    assert prepare(tmp_path, **raw, engine_options=options, is_partial_allowed=True)["train"]["engine"][0] == "gemini"
    with pytest.raises(ValueError, match="have no reply in"):
        prepare(tmp_path, **raw)
