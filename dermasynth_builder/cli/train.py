"""The commands that tune models and measure them: export, train, evaluate, push-model."""

from pathlib import Path
from typing import Annotated, Any

from dermasynth_builder.cli.command import Chosen, command
from dermasynth_builder.core.option import Option
from dermasynth_builder.core.options import Settings
from dermasynth_builder.train.options import (
    CompareOptions,
    ExportOptions,
    InventedOptions,
    ItemsOptions,
    PredictOptions,
    PushModelOptions,
    ScoreOptions,
    TrainOptions,
)


@command(
    "--out",
    own=ExportOptions,
    example="dermasynth export llamafactory --out dermasynth --to data/dermasynth",
    first=("--out", "--to", "--context", "--rgb", "--max-side"),
)
def export(
    settings: Settings,
    chosen: Chosen,
    kind: Annotated[str, Option("the format", metavar="FORMAT")],
    /,
) -> None:
    """Write a release in the form that a trainer reads.

    FORMAT: trl (TRL, unsloth, axolotl), llava, llamafactory, ms_swift, webdataset, vertex (tuning of Gemini). TRL reads
    the release itself too, but its bare questions teach a model to invent records; see --context.
    """
    from dermasynth_builder.cli.terminal import TerminalReporter
    from dermasynth_builder.train.export import export

    export(settings.out, kind, options=ExportOptions(**chosen), report=TerminalReporter())


@command(
    "--out",
    own=TrainOptions,
    example="dermasynth train medgemma --out dermasynth --to model",
    first=("--out", "--to", "--context", "--rows", "--dry-run"),
)
def train(
    settings: Settings,
    chosen: Chosen,
    model: Annotated[
        str, Option("a folder, a name on the Hub, or medgemma, llama-vision, qwen3-vl, smolvlm", metavar="MODEL")
    ],
    /,
) -> None:
    """Tune a vision-language model on a release (extra: train).

    Two rows are collated and looked at before the first step: whatever would train wrongly without a word is refused.
    Stopped or killed, the same command goes on from its last checkpoint. DIR/run.json says what the run was made from
    and who was in it, so that `dermasynth evaluate score` can refuse a test that was trained on.
    """
    from dermasynth_builder.cli.terminal import TerminalReporter
    from dermasynth_builder.train.sft import train

    train(model, settings.out, TrainOptions(**chosen), report=TerminalReporter())


@command(
    "--out",
    own=ItemsOptions,
    example="dermasynth evaluate items --out dermasynth --to evaluation",
    first=("--out", "--to", "--task", "--form", "--split"),
)
def items(settings: Settings, chosen: Chosen, /) -> None:
    """Write closed questions about held-out images, with references, controls and tasks for other harnesses.

    Beside them lie the answers of a majority vote, of shuffled labels and of a linear probe on pixels (extra:
    evaluate), and tasks/ for inspect_ai, lmms-eval and VLMEvalKit (the last of lettered items).
    """
    from dermasynth_builder.cli.terminal import TerminalReporter
    from dermasynth_builder.train.evaluate.items import write_items

    write_items(settings.out, ItemsOptions(**chosen), TerminalReporter())


@command(
    own=PredictOptions,
    example="dermasynth evaluate predict medgemma --adapter model --image blank",
    first=("--items", "--adapter", "--base-url", "--image", "--to"),
)
def predict(
    chosen: Chosen, model: Annotated[str, Option("a folder, a name on the Hub, or on the server", metavar="MODEL")], /
) -> None:
    """Have a model answer the items; stopped or killed, the same command goes on.

    The model is loaded here (extra: train), or asked at an OpenAI-compatible server. Any other tool may write the file
    too: a JSON object a line, with item_id and answer.
    """
    from dermasynth_builder.cli.terminal import TerminalReporter
    from dermasynth_builder.train.evaluate.predict import predict

    predict(model, PredictOptions(**chosen), TerminalReporter())


@command(
    own=ScoreOptions,
    example="dermasynth evaluate score tuned=tuned.jsonl base=base.jsonl other=other.jsonl",
    first=("--items", "--run", "--to", "--figure"),
)
def score(
    chosen: Chosen, *answers: Annotated[str, Option("a system's name and its file of answers", metavar="NAME=FILE")]
) -> None:
    """Score answers, the first system against all others and the controls (extra: evaluate).

    Intervals draw patients, not images. NAME `other`, or one that ends in -other, was shown other patients' images;
    NAME@1, NAME@2 are seeds of one system.
    """
    from dermasynth_builder.cli.terminal import TerminalReporter
    from dermasynth_builder.train.evaluate.score import score
    from dermasynth_builder.train.evaluate.score_text import require_drawable

    options = ScoreOptions(**chosen)
    if options.figure:
        require_drawable(options.figure)
    _show_scores(score(answers, options, TerminalReporter()), options.figure)


@command(
    own=CompareOptions,
    example="dermasynth evaluate compare medgemma --adapter model",
    first=("--items", "--adapter", "--tuned", "--batch"),
)
def compare(
    chosen: Chosen,
    base: Annotated[str, Option("the model that was tuned: a folder or a name on the Hub", metavar="BASE")],
    /,
) -> None:
    """Measure a tuned model against its base: both answer, the tuned one on blank, other and no pictures too."""
    from dermasynth_builder.cli.terminal import TerminalReporter
    from dermasynth_builder.train.evaluate.compare import compare

    _show_scores(compare(base, CompareOptions(**chosen), TerminalReporter()), None)


@command(
    own=PushModelOptions,
    example="dermasynth push-model USER/Llama-3.2-11B-Derma --scores evaluation/scores/model/scores.json --dry-run",
    first=("--model", "--scores", "--private", "--allow-template", "--dry-run"),
)
def push_model(
    chosen: Chosen,
    repo: Annotated[str, Option("the model repository; made if it is not there", metavar="USER/NAME")],
    /,
) -> None:
    """Send a tuned model to the Hugging Face Hub, with a card made of run.json and of its scores."""
    from dermasynth_builder.cli.terminal import TerminalReporter
    from dermasynth_builder.train.push_model import push_model

    push_model(repo, PushModelOptions(**chosen), TerminalReporter())


@command(
    "--out",
    own=InventedOptions,
    example="dermasynth evaluate invented medgemma --adapter model --rows 500",
    first=("--out", "--context", "--adapter", "--rows", "--to"),
)
def invented(
    settings: Settings,
    chosen: Chosen,
    model: Annotated[str, Option("a folder, a name on the Hub, or on the server", metavar="MODEL")],
    /,
) -> None:
    """Count how often a model's open answers state an age, a sex or a confirmation that nobody gave it."""
    from dermasynth_builder.cli.terminal import TerminalReporter
    from dermasynth_builder.train.evaluate.invented import measure_invention

    measure_invention(model, settings.out, InventedOptions(**chosen), report=TerminalReporter())


def _show_scores(scores: dict[str, Any], figure: Path | None) -> None:
    from dermasynth_builder.cli.terminal import show
    from dermasynth_builder.train.evaluate.score_text import draw_scores, scores_text

    show(scores_text(scores))
    if figure:
        draw_scores(scores, figure)
        print(f"scores drawn into {figure}")
