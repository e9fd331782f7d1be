"""Text for people: the plan, pairs, sources, ledgers."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from dermasynth_builder.core.plain import printable
from dermasynth_builder.core.protocols import Source
from dermasynth_builder.generate.engines.batch.state import Shard
from dermasynth_builder.generate.ledger_tools import LedgerSummary
from dermasynth_builder.generate.rounds import Planned
from dermasynth_builder.generate.usage import RESOLUTION_TOKENS, Usage
from dermasynth_builder.plan.plan_file import PlanSummary
from dermasynth_builder.release.folder import ConfigFiles
from dermasynth_builder.report.audit import counted
from dermasynth_builder.report.cost import Load, workload_of
from dermasynth_builder.report.tables import cut, hanging, heading, name, table_of_numbers

_TYPE_HEADINGS = ("question types", "requests", "tokens in", "tokens out")
_TOKENS_NOTE = f"(estimated: {RESOLUTION_TOKENS['high']:,} tokens an image, no thinking; see `dermasynth cost`)"


def plan_counts(planned: Planned) -> dict[str, Any]:
    """What a plan comes to, as plain values: images, groups, diagnoses, question types with their tokens, problems."""
    images = planned.read.images
    work = workload_of(planned.all_in_full(), images)
    return {
        "source": planned.read.name,
        "images_in_tables": planned.read.on_disk.listed,
        "images_on_disk": planned.read.on_disk.with_file,
        "images": len(images),
        "patients_or_groups": len({image.group_id for image in images}),
        "lesions": len({image.lesion_id for image in images if image.lesion_id}),
        "diagnoses": counted(image.facts.diagnosis or "not recorded" for image in images),
        "requests": work.requests,
        "question_types": [_load_counts(load) for load in work.loads],
        "images_of_types_that_the_engine_cannot_answer": dict(sorted(planned.unanswerable.items())),
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


def plan_text(counts: Mapping[str, Any]) -> Group:
    """The counts of a plan as a table; long lists are cut, see `cut`."""
    table = table_of_numbers("", "", "", "")
    table.add_row(heading(counts["source"]))
    for key, value in counts.items():
        label = key.replace("_", " ")
        if isinstance(value, int):
            table.add_row(name(label, indent=2), f"{value:,}")
        elif isinstance(value, Mapping) and value:
            table.add_row(heading(label, indent=2))
            for part, count in cut(value).items():
                table.add_row(name(part, indent=4), f"{count:,}")
        elif key == "question_types":
            _add_question_types(table, value)
    return Group(table, f"  {_TOKENS_NOTE}")


def _add_question_types(table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    table.add_row(*(heading(title, indent=2 * (title == "question types")) for title in _TYPE_HEADINGS))
    for row in rows:
        label = name(f"{row['style']}, {row['slot']}: {row['question_type']}", indent=4)
        table.add_row(label, *(f"{row[number]:,}" for number in ("requests", "tokens_in", "tokens_out")))


def pair_text(row: Mapping[str, Any], width: int) -> str:
    """One row of a release, `flat`, readable, in lines of up to `width`."""
    facts = ("diagnosis", "malignancy", "body_site", "age_years", "sex", "fitzpatrick")
    known = ", ".join(f"{name} {_short(row[name])}" for name in facts if row[name] is not None)
    wrap = partial(textwrap.fill, width=width, subsequent_indent="   ")
    lines = [f"--- {row['pair_id']} ({row['style']}, {row['question_type']})"]
    for turn in row["messages"]:
        lines.append(wrap(f"{'Q' if turn['role'] == 'user' else 'A'}: {turn['content']}"))
    model = row["model_version"] or row["model"] or "no model"
    lines.append(wrap(f"facts: {known}"))
    lines += [wrap(f"rests on: {text}") for text in grounds_told(row["grounds"])]
    lines += [wrap(f"from: {text}") for text in row["references"]]
    lines.append(wrap(f"engine: {row['engine']} ({model}); image: {row['licence']}, {row['attribution']}"))
    lines += [wrap(f"flag: {doubt}") for doubt in row["doubts"]]
    return printable("\n".join(lines))


def grounds_told(grounds: Iterable[Mapping[str, str]]) -> list[str]:
    """What each sentence rests on, a line a sentence: "It is benign. <- fact malignancy"."""
    of_sentence: dict[str, list[str]] = {}
    for ground in grounds:
        of_sentence.setdefault(ground["sentence"], []).append(f"{ground['kind']} {ground['key']}")
    return [f"{sentence} <- {', '.join(keys)}" for sentence, keys in of_sentence.items()]


def _short(value: Any) -> Any:
    return f"{value:g}" if isinstance(value, float) else value


def source_text(source: Source, width: int) -> str:
    """What a source is and where to get it, in lines of up to `width`; an address is never broken."""
    parts = {
        "licence": source.licence,
        "get it from": source.homepage,
        "attribution": source.attribution,
        "cite": source.citation,
    }
    lines = [f"{source.name}: {source.title}"]
    wrap = partial(textwrap.fill, width=width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    lines += [wrap(f"  {title}: {text}") for title, text in parts.items() if text]
    return "\n".join(lines)


def ledgers_text(summaries: Mapping[Path, LedgerSummary]) -> Group:
    """What ledgers hold: a table of all, with the failures by kind, then what each was asked for and has taken."""
    table = table_of_numbers("engine", "model", "answered", "failed", "dollars", "last activity, UTC")
    table.columns[1].justify = "left"
    details: list[RenderableType] = []
    for path, summary in summaries.items():
        identity = dict(summary.identity)
        engine, model = (str(identity.pop(part, "")) for part in ("engine", "model"))
        failed = sum(summary.failures.values())
        written_at = datetime.fromtimestamp(summary.written_at, UTC).strftime("%Y-%m-%d %H:%M")
        is_free = summary.tokens == Usage()
        dollars = "" if is_free else f"{summary.cost_usd:,.4f}" if summary.cost_usd else "not known"
        table.add_row(name(engine), name(model), f"{summary.answered:,}", f"{failed:,}", dollars, written_at)
        for kind, count in sorted(summary.failures.items()):
            table.add_row("", name(kind, indent=2), "", f"{count:,}")
        settings = ", ".join(f"{setting} {value}" for setting, value in identity.items() if value is not None)
        lines = [settings, *_paid_lines(summary), *_version_lines(summary)]
        details += [str(path), *(hanging(" ", line) for line in lines if line)]
    return Group(table, *details)


def plans_text(plans: Sequence[PlanSummary], summaries: Mapping[Path, LedgerSummary]) -> Table:
    """How many requests are planned, and how many of them each ledger's engine was asked."""
    table = table_of_numbers("plan", "seed", "planned", "ledger", "asked", "missing")
    table.columns[3].justify = "left"
    for plan in plans:
        table.add_row(name(plan.source), str(plan.seed), f"{plan.requests:,}")
        for path, summary in summaries.items():
            asked = plan.asked(path.stem, summary.keys)
            table.add_row("", "", "", name(path.stem), f"{asked:,}", f"{plan.requests - asked:,}")
    return table


def _paid_lines(summary: LedgerSummary) -> list[str]:
    tokens = summary.tokens
    if tokens == Usage():
        return []
    lines = [
        f"tokens: {tokens.prompt:,} in, {tokens.cached:,} of them cached, {tokens.output:,} out, "
        f"{tokens.thoughts:,} thinking",
        *([f"cost: ${summary.cost_usd:,.4f} for all replies, replaced ones included"] if summary.cost_usd else []),
    ]
    if summary.unpriced:
        lines.append(f"the cost of {summary.unpriced:,} replies is not known: the price table has no such model")
    return lines


def _version_lines(summary: LedgerSummary) -> list[str]:
    lines = [f"{count:,} answers of {version}" for version, count in sorted(summary.model_versions.items())]
    return [*lines, *([f"{summary.torn_lines} incomplete lines skipped"] if summary.torn_lines else [])]


def shards_text(path: Path, shards: Sequence[Shard], now: float) -> Group:
    """How each shard of an engine is: its state, rows, age and job."""
    rows = sum(shard.rows for shard in shards if shard.is_open)
    table = table_of_numbers("  shard", "rows", "hours", "state", "job and what was last said of it")
    for column in table.columns[3:]:
        column.justify = "left"
    for shard in shards:
        age_h = f"{(now - shard.made_at) / 3600:.1f}"
        told = f"{shard.job or ''}  {shard.note}".strip()
        table.add_row(f"  {shard.number}", f"{shard.rows:,}", age_h, shard.state, told)
    return Group(f"{path}: {rows:,} rows submitted", table)


def release_text(folder: Path, configs: Mapping[str, ConfigFiles]) -> Group:
    """What a release holds: the pairs of each config by split."""
    splits = list(dict.fromkeys(split for config in configs.values() for split in config.rows))
    table = table_of_numbers("  config", *splits, "bytes", "content digest")
    for config in configs.values():
        pairs = (f"{config.rows[split]:,}" if split in config.rows else "" for split in splits)
        table.add_row(name(config.name, indent=2), *pairs, f"{config.download_size:,}", config.content_digest)
    return Group(f"{folder}: pairs by split", table)


def prompts_text(planned: Planned, count: int) -> str:
    """The first `count` prompts in full, each with its key."""
    shown: Sequence[str] = [
        f"=== {request.pair_id}  {request.question_type}  key {request.key}\n{request.prompt}"
        for request in map(planned.in_full, islice(planned.requests(), count))
    ]
    return "\n".join(shown)
