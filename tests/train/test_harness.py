"""The tasks for harnesses of others, run by these where they are installed."""

import importlib.util
from pathlib import Path

import pytest

from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.train.evaluate.items import write_items
from dermasynth_builder.train.options import ItemsOptions
from tests.support.releases import Built

inspect_ai = pytest.importorskip("inspect_ai", reason="inspect_ai is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


def test_inspect_ai_scores_the_items_and_each_answer_by_itself(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    options = ItemsOptions(to=tmp_path / "evaluation", tasks=("diagnosis",), split="train")
    items = write_items(built.release, options, SilentReporter()).items.values()
    monkeypatch.chdir(tmp_path / "evaluation")
    spec = importlib.util.spec_from_file_location("asked", Path("tasks", "inspect_dermasynth.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    said = [ModelOutput.from_content("mockllm/model", "nevus") for _ in items]
    for each in said:
        each.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)  # to count them needs the network
    model = get_model("mockllm/model", custom_outputs=said)
    [log] = inspect_ai.eval(module.dermasynth(), model=model, display="none", log_dir=str(tmp_path / "logs"))
    assert log.status == "success"
    found = {name: metric.value for score in log.results.scores for name, metric in score.metrics.items()}
    right = sum(item.gold == "nevus" for item in items)
    assert found["accuracy"] == pytest.approx(right / len(items))
    assert found["nevus"] == 1
