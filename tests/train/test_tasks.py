"""What harnesses of others run lies beside the items: lmms-eval's functions, VLMEvalKit's table, inspect_ai's task."""

import base64
import csv
import importlib.util
import io
import re
import sys
from pathlib import Path
from string import ascii_uppercase
from types import ModuleType
from typing import Any

import datasets
import pytest
from PIL import Image

from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.train.evaluate.items import ItemSet, write_items
from dermasynth_builder.train.options import ItemsOptions
from tests.support.releases import Built

pytestmark = pytest.mark.slow


@pytest.fixture
def items(built: Built, tmp_path: Path) -> ItemSet:
    options = ItemsOptions(to=tmp_path / "evaluation", tasks=("diagnosis",), forms=("named", "lettered"), split="train")
    return write_items(built.release, options, SilentReporter())


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_functions_of_lmms_eval_score_its_table(items: ItemSet, tmp_path: Path) -> None:
    tasks = items.folder / "tasks"
    functions = module(tasks / "lmms_utils.py")
    asked = (tasks / "dermasynth_closed.yaml").read_text()
    for name in re.findall(r"!function lmms_utils\.(\w+)", asked):
        assert callable(getattr(functions, name))
    [table] = re.findall(r"test: (\S+\.parquet)", asked)
    rows = datasets.load_dataset(
        "parquet", data_files={"test": str(items.folder / table)}, split="test", cache_dir=str(tmp_path / "cache")
    )
    assert rows["item_id"][:] == list(items.items)
    for row in rows:
        item = items.items[row["item_id"]]
        [picture] = functions.to_visual(row)
        assert picture.mode == "RGB"
        assert functions.to_text(row) == item.question
        wrong = next(option for option in item.options if option != item.gold)
        assert functions.process_results(row, [item.answer]) == {"accuracy": 1.0}
        assert functions.process_results(row, [f"It is {wrong}"]) == {"accuracy": 0.0}


def test_the_table_of_vlmevalkit_holds_letters_and_pictures(items: ItemSet) -> None:
    csv.field_size_limit(sys.maxsize)
    with (items.folder / "tasks" / "dermasynth.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    lettered = [item for item in items.items.values() if item.form == "lettered"]
    assert [row["item_id"] for row in rows] == [item.item_id for item in lettered]
    assert [row["index"] for row in rows] == [str(number) for number in range(len(rows))]
    images = {item.item_id: content for item, content in items.images()}
    for row, item in zip(rows, lettered, strict=True):
        assert row[row["answer"]] == item.gold
        assert [row[letter] for letter in ascii_uppercase[: len(item.options)]] == list(item.options)
        assert base64.b64decode(row["image"]) == images[item.item_id]
        Image.open(io.BytesIO(base64.b64decode(row["image"]))).load()
        assert not any(option in row["question"] for option in item.options)


@pytest.mark.filterwarnings("default")  # what inspect_ai says of itself is not ours to mend
def test_the_task_of_inspect_ai_runs(items: ItemSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inspect_ai = pytest.importorskip("inspect_ai", reason="no part of any extra")
    models = importlib.import_module("inspect_ai.model")
    asked: list[Any] = []

    @models.modelapi(name="constant")
    class Constant(models.ModelAPI):  # type: ignore[misc, name-defined]
        """Says the same to everything."""

        async def generate(self, input: Any, *_: Any, **__: Any) -> Any:
            asked.extend(input)
            return models.ModelOutput.from_content("constant", self.model_name)

        async def count_tokens(self, *_: Any, **__: Any) -> int:
            return 1  # the usual way fetches a table

    golds = [item.gold for item in items.items.values() if item.form == "named"]
    monkeypatch.chdir(items.folder)
    task = module(items.folder / "tasks" / "inspect_dermasynth.py").dermasynth()
    [log] = inspect_ai.eval(task, model=f"constant/{golds[0]}", log_dir=str(tmp_path / "log"), display="none")
    assert log.status == "success", log.error
    pictures = [part for message in asked for part in message.content if part.type == "image"]
    assert len(pictures) == len(asked) == len(items.items)
    right = sum(item.gold == golds[0] for item in items.items.values())
    assert log.results.scores[0].metrics["accuracy"].value == pytest.approx(right / len(items.items))
