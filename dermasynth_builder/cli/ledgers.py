"""The commands that change ledgers and batch jobs: merge, cancel."""

from pathlib import Path
from typing import Annotated

from dermasynth_builder.cli.command import command
from dermasynth_builder.core.option import Option
from dermasynth_builder.core.options import Settings


@command(
    *("--work", "--allow-version-change"),
    example="dermasynth merge ../machine2/build/ledgers/*.jsonl",
    first=("--work", "--allow-version-change"),
)
def merge(
    settings: Settings,
    ledger: Annotated[Path, Option("ledger files, of one engine identity", metavar="LEDGER")],
    /,
    *ledgers: Annotated[Path, Option("more of them", metavar="LEDGER")],
) -> None:
    """Join ledgers of one engine, so that machines can share a run."""
    from dermasynth_builder.cli.terminal import TerminalReporter
    from dermasynth_builder.generate.ledger_tools import merge

    merged = merge(
        [ledger, *ledgers],
        settings.work / "ledgers",
        warn=TerminalReporter().warn,
        is_version_change_allowed=settings.is_version_change_allowed,
    )
    repeated = f"{merged.repeated} there already ({merged.repeated_usd:.4f} USD)"
    print(f"{merged.added} replies added, {repeated}; ledger {merged.path}")


@command("--work", "--base-url", example="dermasynth cancel", first=("--work", "--base-url"))
def cancel(settings: Settings, /) -> None:
    """Cancel the batch jobs that have not ended; `generate` asks their rows again."""
    from dermasynth_builder.core.options import BATCHES
    from dermasynth_builder.generate.engines.batch import cancel_batches

    rows = 0
    for path in sorted((settings.work / BATCHES).rglob("*.sqlite")):
        for shard in cancel_batches(path, settings.engine_options):
            print(f"shard {shard.number} of {path.name}: cancelled, {shard.rows} rows")
            rows += shard.rows
    if rows:
        print(f"{rows} rows withdrawn; `dermasynth generate` asks them again")
    else:
        print(f"{settings.work}: no row waits for a job")
