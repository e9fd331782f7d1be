"""Text for people: the plan, pairs, sources, ledgers."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dermasynth_builder.core.protocols import Source
from dermasynth_builder.generate.engines.batch.state import Shard
from dermasynth_builder.generate.ledger_tools import LedgerSummary
from dermasynth_builder.generate.rounds import Planned
from dermasynth_builder.generate.usage import RESOLUTION_TOKENS, Usage
from dermasynth_builder.release.folder import ConfigFiles
from dermasynth_builder.report.audit import counted
from dermasynth_builder.report.cost import Load, workload_of

_WIDTH = 100
_TOKENS_NOTE = f"(estimated: {RESOLUTION_TOKENS['high']:,} tokens an image, no thinking; see `dermasynth cost`)"


def plan_counts(planned: Planned) -> dict[str, Any]:
    """What a plan comes to, as plain values: images, groups, diagnoses, question types with their tokens, problems."""
    images = planned.read.images
    work = workload_of(planned.requests(), images)
    return {
        "source": planned.read.name,
        "images": len(images),
        "images_without_file": sum(image.path is None for image in images),
        "patients_or_groups": len({image.group_id for image in images}),
        "lesions": len({image.lesion_id for image in images if image.lesion_id}),
        "diagnoses": counted(image.facts.diagnosis or "not recorded" for image in images),
        "requests": work.requests,
        "question_types": [_load_counts(load) for load in work.loads],
        "problems": counted(str(problem.kind) for problem in planned.read.problems),
    }


def _load_counts(load: Load) -> dict[str, Any]:
    return {
        "slot": load.slot,
        "style": load.style,
        "question_type": load.question_type,
        "requests": load.requests,
        "tokens_in": load.text_in + load.requests * RESOLUTION_TOKENS["high"],
        "tokens_out": load.out,
    }


def plan_text(counts: Mapping[str, Any]) -> str:
    """The counts of a plan as a table."""
    lines = [f"{counts['source']}"]
    for name, value in counts.items():
        if name == "question_types":
            lines += _question_type_lines(value)
        elif isinstance(value, Mapping):
            lines += [f"  {name.replace('_', ' ')}"] * bool(value)
            lines += [f"    {part:<36}{count:>8,}" for part, count in value.items()]
        elif name != "source":
            lines.append(f"  {name.replace('_', ' '):<38}{value:>8,}")
    return "\n".join(lines)


def _question_type_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [f"  {'question types':<44}{'requests':>10}{'tokens in':>14}{'tokens out':>14}"]
    for row in rows:
        name = f"{row['style']}, {row['slot']}: {row['question_type']}"
        lines.append(f"    {name:<42}{row['requests']:>10,}{row['tokens_in']:>14,}{row['tokens_out']:>14,}")
    return [*lines, f"    {_TOKENS_NOTE}"]


def pair_text(row: Mapping[str, Any]) -> str:
    """One row of a release, readable."""
    facts = ("diagnosis", "malignancy", "body_site", "age_years", "sex", "fitzpatrick")
    known = ", ".join(f"{name} {row[name]}" for name in facts if row[name] is not None)
    lines = [f"--- {row['pair_id']} ({row['style']}, {row['question_type']})"]
    for turn in row["messages"]:
        mark = "Q" if turn["role"] == "user" else "A"
        lines.append(textwrap.fill(turn["content"], _WIDTH, initial_indent=f"{mark}: ", subsequent_indent="   "))
    lines.append(textwrap.fill(f"facts: {known}", _WIDTH, subsequent_indent="   "))
    lines += [textwrap.fill(f"from: {text}", _WIDTH, subsequent_indent="   ") for text in row["references"]]
    model = row["model_version"] or row["model"] or "no model"
    lines.append(f"engine: {row['engine']} ({model}); image: {row['licence']}, {row['attribution']}")
    lines += [f"flag: {flag}" for flag in row["flags"]]
    return "\n".join(lines)


def source_text(source: Source) -> str:
    """What a source is and where to get it."""
    parts = {
        "licence": source.licence,
        "get it from": source.homepage,
        "attribution": source.attribution,
        "cite": source.citation,
    }
    lines = [f"{source.name}: {source.title}"]
    for name, text in parts.items():
        lines.append(textwrap.fill(f"  {name}: {text}", _WIDTH, subsequent_indent="    ", break_long_words=False))
    return "\n".join(lines)


def ledger_text(path: Path, summary: LedgerSummary) -> str:
    """What a ledger holds."""
    engine = ", ".join(f"{name} {value}" for name, value in summary.identity.items())
    lines = [f"{path}: {summary.answered} answers, {sum(summary.failures.values())} failures", f"  {engine}"]
    lines += [f"  {count} x {kind}" for kind, count in sorted(summary.failures.items())]
    if summary.tokens != Usage():
        lines += _paid_lines(summary)
    lines += [f"  {count} answers of {version}" for version, count in sorted(summary.model_versions.items())]
    if summary.torn_lines:
        lines.append(f"  {summary.torn_lines} incomplete lines skipped")
    return "\n".join(lines)


def _paid_lines(summary: LedgerSummary) -> list[str]:
    tokens = summary.tokens
    lines = [
        f"  tokens: {tokens.prompt:,} in, {tokens.cached:,} of them cached, {tokens.output:,} out, "
        f"{tokens.thoughts:,} thinking",
        f"  cost: ${summary.cost_usd:,.4f} for all replies, replaced ones included",
    ]
    if summary.unpriced:
        lines.append(f"  the cost of {summary.unpriced:,} replies is not known, and is not in this sum")
    return lines


def shards_text(path: Path, shards: Sequence[Shard], now: float) -> str:
    """How each shard of an engine is: its state, rows, age and job."""
    rows = sum(shard.rows for shard in shards if shard.is_open)
    lines = [f"{path}: {rows} rows submitted"]
    for shard in shards:
        age_h = (now - shard.made_at) / 3600
        told = f"{shard.state:<10}{shard.rows:>7} rows {age_h:>6.1f} h  {shard.job or ''}  {shard.note}"
        lines.append(f"  shard {shard.number:<4}{told}".rstrip())
    return "\n".join(lines)


def release_text(folder: Path, configs: Mapping[str, ConfigFiles]) -> str:
    """What a release holds."""
    lines = [f"{folder}:"]
    for config in configs.values():
        rows = ", ".join(f"{split} {count}" for split, count in config.rows.items())
        lines.append(f"  {config.name}: {rows} pairs, {config.download_size:,} bytes, {config.content_digest}")
    return "\n".join(lines)


def prompts_text(planned: Planned, count: int) -> str:
    """The first `count` prompts in full, each with its key."""
    shown: Sequence[str] = [
        f"=== {request.pair_id}  {request.question_type}  key {request.key}\n{request.prompt}"
        for request, _ in zip(planned.requests(), range(count), strict=False)
    ]
    return "\n".join(shown)
