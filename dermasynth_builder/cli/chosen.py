"""What the words of a command line choose, as settings."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from dermasynth_builder.cli.engine_arguments import engine_options_of
from dermasynth_builder.cli.plan_arguments import plan_options_of
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.options import DEFAULT_SPLITS, Settings
from dermasynth_builder.core.registry import SOURCES


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings that the words ask for. Raises UsageError where folders and sources do not go together."""
    given = vars(arguments)
    return Settings(
        raw=_raw_folders(arguments.sources, arguments.raw),
        work=arguments.work,
        out=arguments.out,
        engine=arguments.engine,
        seed=arguments.seed,
        engine_options=engine_options_of(arguments),
        max_usd=given.get("max_usd"),
        is_version_change_allowed=given.get("allow_version_change", False),
        shard=given.get("shard", (1, 1)),
        pilot=given.get("pilot"),
        plan_options=plan_options_of(arguments),
        split_shares=given.get("splits", DEFAULT_SPLITS),
        max_side_px=given.get("max_side"),
        is_permissive_only=arguments.licence == "permissive",
        is_strict=arguments.strict,
        rows=given.get("rows", "with_image"),
        is_failed_wanted=given.get("retry_failed", False),
        is_partial_allowed=given.get("partial", False),
    )


def audit_settings_of(arguments: argparse.Namespace) -> Settings:
    """What `dermasynth audit` asks for; see `settings_of`. Raises UsageError also for one figure of several sources."""
    raw = _raw_folders(arguments.sources, arguments.raw)
    if arguments.figure and len(raw) > 1:
        raise UsageError(f"--figure {arguments.figure} is one file for {len(raw)} sources; leave it out, or name one")
    return Settings(raw=raw, work=arguments.work, rows=arguments.rows, is_verified=arguments.verify)


def _raw_folders(sources: Sequence[str], raw: Sequence[str]) -> dict[str, Path]:
    named: dict[str, Path] = {}
    plain: list[str] = []
    for text in raw:
        name, mark, folder = text.partition("=")
        if mark and name in SOURCES:
            named[name] = Path(folder)
        else:
            plain.append(text)
    if len(plain) > 1:
        raise UsageError(f"--raw {' '.join(plain)}: with several folders, say which is whose: --raw NAME=DIR")
    names = list(dict.fromkeys(sources))
    if plain:
        named = {name: Path(plain[0], name) if len(names) > 1 else Path(plain[0]) for name in names} | named
    if lacking := [name for name in names if name not in named]:
        raise UsageError(f"no folder for {lacking[0]}; add --raw {lacking[0]}=DIR")
    return {name: named[name] for name in names}
