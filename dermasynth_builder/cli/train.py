"""The commands that tune models and measure them: export, train, evaluate, push-model."""

from typing import Annotated

from dermasynth_builder.cli.command import Chosen, command
from dermasynth_builder.core.option import Option
from dermasynth_builder.core.options import Settings
from dermasynth_builder.train.options import ExportOptions


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
