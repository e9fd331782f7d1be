"""The builder class on raw images takes the options with which they were planned and asked."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.options import EngineOptions, PlanOptions
from dermasynth_builder.generate.ledger import FORMAT, ledger_name
from tests.release.test_load import prepare, rows_of
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


def test_raw_images_are_read_with_the_replies_of_that_engine(built: Built, specimens: Path, tmp_path: Path) -> None:
    options = EngineOptions(model="gemini-3.8-flash", thinking="low")
    identity = registry.engine("gemini", options).identity
    [template] = (built.folder / "build" / "ledgers").glob("*.jsonl")
    _, *replies = template.read_text(encoding="utf-8").splitlines()
    ledger = tmp_path / "build" / "ledgers" / ledger_name(identity)
    ledger.parent.mkdir(parents=True)
    ledger.write_text("\n".join([json.dumps({"ledger": FORMAT, "identity": identity}), *replies, ""]), encoding="utf-8")
    raw = {"data_dir": str(specimens), "work_dir": str(tmp_path / "build"), "engine": "gemini"}
    assert prepare(tmp_path, **raw, engine_options=options, is_partial_allowed=True)["train"]["engine"][0] == "gemini"
    with pytest.raises(ValueError, match="have no reply in"):
        prepare(tmp_path, **raw)
