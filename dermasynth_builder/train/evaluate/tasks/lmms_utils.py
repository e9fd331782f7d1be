"""What dermasynth_closed.yaml of lmms-eval calls; run it with `--include_path tasks --tasks dermasynth_closed`."""

from collections.abc import Mapping, Sequence
from typing import Any

from dermasynth_builder.train.evaluate.answers import option_named


def to_visual(row: Mapping[str, Any]) -> list[Any]:
    """The item's picture."""
    return [row["image"].convert("RGB")]


def to_text(row: Mapping[str, Any], lmms_eval_specific_kwargs: Any = None) -> str:
    """The item's question, with its options."""
    return str(row["question"])


def process_results(row: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Whether the answer names the right option, by the rules of dermasynth."""
    return {"accuracy": float(option_named(results[0], row["options"], row["form"]) == row["gold"])}
