"""A tuned model against the one that it was tuned from, with all that it is shown: one command."""

from pathlib import Path
from typing import Any

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.train.evaluate.predict import predict
from dermasynth_builder.train.evaluate.score import score
from dermasynth_builder.train.options import CompareOptions, PredictOptions, ScoreOptions, Shown
from dermasynth_builder.train.run_card import RUN_CARD

_SHOWN: dict[str, Shown] = {"tuned": "real", "blank": "blank", "other": "other", "text-only": "none"}


def compare(base: str, options: CompareOptions, report: Reporter) -> dict[str, Any]:
    """Has both models answer, the tuned one also on grey pictures, other patients' pictures and none, and scores all.

    For what is raised see `predict` and `score`; UsageError where no tuned model is named, or two are.
    """
    tuned = options.adapter or options.tuned
    if tuned is None or (options.adapter and options.tuned):
        raise UsageError("say which model was tuned: --adapter DIR for an adapter, --tuned DIR for a whole model")
    files: dict[str, Path] = {}
    own = tuned.resolve().name  # of "." too
    for name, shown in {**_SHOWN, "base": "real"}.items():
        is_base = name == "base"
        asked = PredictOptions(
            items=options.items,
            to=options.items / "predictions" / own / f"{name}.jsonl",
            adapter=None if is_base else options.adapter,
            image=shown,
            batch=options.batch,
            max_new_tokens=options.max_new_tokens,
            max_side_px=options.max_side_px,
            dtype=options.dtype,
        )
        model = base if is_base or options.adapter else str(tuned)
        files[name] = predict(model, asked, report)
    cards = tuple(path for path in [tuned / RUN_CARD] if path.is_file())
    to = options.items / "scores" / own
    return score(
        [f"{name}={path}" for name, path in files.items()],
        ScoreOptions(items=options.items, to=to, run=cards, resamples=options.resamples),
        report,
    )
