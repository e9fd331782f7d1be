"""The closed questions as a task of inspect_ai: `inspect eval tasks/inspect_dermasynth.py --model PROVIDER/MODEL`.

Run it in the folder of the items. Intervals take the images of one patient together.
"""

import base64
from pathlib import Path
from typing import Any

from datasets import Image, load_dataset
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, ContentImage, ContentText
from inspect_ai.scorer import Score, accuracy, grouped, scorer, stderr

from dermasynth_builder.train.evaluate.answers import option_named


def _samples(folder: Path, config: str) -> MemoryDataset:
    known = {row["item_id"]: row for row in load_dataset(str(folder), "references", split="test")}
    asked = load_dataset(str(folder), config, split="test").cast_column("image", Image(decode=False))
    samples = []
    for row in asked:
        reference = known[row["item_id"]]
        picture = f"data:image/png;base64,{base64.b64encode(row['image']['bytes']).decode()}"
        said = ChatMessageUser(content=[ContentImage(image=picture), ContentText(text=row["question"])])
        about = {"patient": reference["group_id"], "gold": reference["gold"], "form": row["form"]}
        samples.append(
            Sample(
                id=row["item_id"], input=[said], target=reference["gold"], metadata={**about, "options": row["options"]}
            )
        )
    return MemoryDataset(samples)


@scorer(metrics=[accuracy(), stderr(cluster="patient"), grouped(accuracy(), "gold", all=False)])  # type: ignore[untyped-decorator]
def named() -> Any:
    """Whether the answer names the right option, by the rules of dermasynth."""

    async def score(state: Any, target: Any) -> Score:
        about = state.metadata
        found = option_named(state.output.completion, about["options"], about["form"])
        return Score(value=float(found == target.text), answer=found or "")

    return score


@task  # type: ignore[untyped-decorator]
def dermasynth(folder: str = ".", config: str = "closed") -> Task:
    """The items of a folder; config `swapped` asks them about another patient's image."""
    return Task(dataset=_samples(Path(folder).resolve(), config), scorer=named())
