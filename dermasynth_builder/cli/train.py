"""The commands that tune models and measure them: export, train, evaluate, push-model."""

from typing import Annotated

from dermasynth_builder.cli.command import Chosen, command
from dermasynth_builder.core.option import Option
from dermasynth_builder.core.options import Settings
from dermasynth_builder.train.options import ExportOptions, TrainOptions


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
