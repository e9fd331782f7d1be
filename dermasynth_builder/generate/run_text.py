"""Words for a run of `generate`, under way and at its end."""

from pathlib import Path

from dermasynth_builder.generate.run import Run


def run_note(run: Run, total: int) -> str:
    """What stands beside the bar: cost so far and to come, failures by kind; nothing where there is neither."""
    tally = run.tally
    asked = tally.answered + tally.failed
    left = total - asked - tally.known - tally.failed_earlier
    notes = [f"{run.cost_usd:.3f} USD, about {run.cost_usd / asked * left:.3f} to come"] if run.cost_usd else []
    return ", ".join([*notes, *(f"{count} {kind}" for kind, count in run.failures.most_common())])


def run_text(run: Run, ledger: Path) -> str:
    """What a run came to."""
    tally = run.tally
    failures = ", ".join(f"{count} {kind}" for kind, count in run.failures.most_common())
    return (
        f"{tally.answered} answered, {tally.failed} failed{f' ({failures})' if failures else ''}, "
        f"{tally.known} known from before"
        + (f", {tally.failed_earlier} failed before and not asked again" if tally.failed_earlier else "")
        + (f"; {run.cost_usd:.4f} USD" if run.cost_usd else "")
        + f"; ledger {ledger}"
    )
