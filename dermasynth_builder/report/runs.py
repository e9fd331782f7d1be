"""Finds a run by the name that `generate` gave it."""

from dataclasses import replace
from pathlib import Path

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.recipe import RUNS, read_recipe
from dermasynth_builder.core.wording import did_you_mean, join_words


def run_path(wanted: str, work: Path) -> Path:
    """The settings of the run of that name in `work`, with the six hex digits at its end or without; or its file.

    Raises UsageError where there is none, or several.
    """
    if wanted.endswith(".toml") and Path(wanted).is_file():
        return Path(wanted)
    folder = work / RUNS
    runs = {path.stem: path for path in sorted(folder.glob("*.toml"))}
    found = [name for name in runs if wanted in (name, name.rpartition("-")[0])]
    if len(found) == 1:
        return runs[found[0]]
    if found:
        raise UsageError(f"{wanted} may be {join_words(found, 'or')}; write the whole name")
    has = f"runs in {folder}: {', '.join(runs)}" if runs else f"{folder} holds no run; `dermasynth generate` makes one"
    raise UsageError(f"found no run {wanted}; {has}{did_you_mean(wanted, runs)}")


def settings_of_run(path: Path, work: Path) -> Settings:
    """What a run used, wherever its working folder lies now."""
    return replace(read_recipe(path), work=path.resolve().parent.parent if path.parent.name == RUNS else work)
