"""Run by a Python that has LLaMA-Factory: what its own loader makes of a folder, as JSON."""

import importlib.machinery
import json
import sys
import types

sys.modules["torchaudio"] = types.ModuleType("torchaudio")  # pictures need none
sys.modules["torchaudio"].__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)

from llamafactory.data.loader import _load_single_dataset  # noqa: E402 - after the stand-in
from llamafactory.data.parser import get_dataset_list  # noqa: E402 - after the stand-in
from llamafactory.hparams import DataArguments, ModelArguments, TrainingArguments  # noqa: E402 - after the stand-in

folder, name, output = sys.argv[1:]
arguments = DataArguments(dataset=[name], dataset_dir=folder, media_dir=folder, template="gemma3")
[entry] = get_dataset_list(arguments.dataset, arguments.dataset_dir)
found = _load_single_dataset(
    entry, ModelArguments(model_name_or_path="none"), arguments, TrainingArguments(output_dir=output)
)
rows = [{"messages": [*row["_prompt"], *row["_response"]], "images": row["_images"]} for row in found]
sys.stdout.write("ROWS " + json.dumps(rows))
