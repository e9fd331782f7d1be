"""An estimate of cost as text for people and as plain values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from dermasynth_builder.generate.usage import (
    CHARACTERS_PER_TOKEN,
    OUTPUT_ERROR,
    OUTPUT_TOKENS,
    TEXT_ERROR,
    THINKING_TOKENS,
    Range,
)
from dermasynth_builder.report.cost import Cost, CostReport, Estimate, Pilot, PilotReport, Terms, Workload
from dermasynth_builder.report.tables import hanging, name, table_of_numbers

_UNKNOWN = "not known"


def cost_values(report: CostReport) -> dict[str, Any]:
    """The report as plain values."""
    work = report.workload
    return {
        "images": report.images,
        "requests": work.requests,
        "images_of_unknown_size": work.sizes.get(None, 0),
        "text_tokens_in": work.text_in,
        "tokens_out": work.out,
        "models": {model: asdict(each) for model, each in report.estimates.items()},
        "pilots": {name: asdict(pilot) for name, pilot in report.pilots.items()},
        "prices": report.prices_of,
        "assumed": assumptions(report.workload, report.terms),
    }


def assumptions(work: Workload, terms: Terms) -> list[str]:
    """What the estimates rest on, a sentence each."""
    thinking, limits = THINKING_TOKENS[terms.thinking], terms.limits
    unknown = work.sizes.get(None, 0)
    spend = ", ".join(f"${usd:g} at tier {tier}" for tier, usd in limits.spend_usd_per_10_min.items())
    told = [
        "prices are those of the Developer API and of Vertex at `global`; elsewhere Vertex asks "
        f"{terms.regional_factor:g} times as much",
        f"an image takes the most tokens that media resolution {terms.resolution.upper()} allows; "
        "Gemini 2.x counts tiles of the image's own size",
        f"text: {CHARACTERS_PER_TOKEN} characters a token, which may be off by {_percent(TEXT_ERROR)}; "
        "the reply schema counts as prompt",
        f"a reply: {OUTPUT_TOKENS['asked']} tokens, {OUTPUT_TOKENS['self_instruct']} where the model writes the "
        f"question too; assumed, {_percent(OUTPUT_ERROR)}",
        f"thinking at level {terms.thinking}: {thinking.low:g} to {thinking.high:g} tokens a reply, likely "
        f"{thinking.middle:g}; assumed, and what a pilot is for",
        f"online: at most {limits.rpm:,} requests and {limits.tpm:,} tokens a minute at every tier, and in ten "
        f"minutes {spend}; your project's limits are in AI Studio",
        "batch: tokens that may wait are those last published for flash models; a wave has to end before the next "
        "begins, and Google aims at 24 hours for one",
    ]
    if unknown:
        told.insert(2, f"{unknown:,} requests are about images whose size is not known; they count as the largest")
    return told


def _percent(error: Range) -> str:
    return f"{100 * (error.low - 1):+.0f} to {100 * (error.high - 1):+.0f} %"


def cost_text(report: CostReport) -> Group:
    """The report as tables: money, then time, then what earlier replies say, then what all rests on."""
    work = report.workload
    return Group(
        f"{work.requests:,} requests; text {_tokens(work.text_in)} tokens in, {_tokens(work.out)} out; "
        "images by model, below",
        "",
        *_money_tables(report.estimates),
        _time_table(report.estimates, report.terms),
        "hours online without and with thinking; waves of batch jobs, the fewest and the most",
        "",
        *pilot_lines(report.pilots, work.requests, report.terms.batch_factor),
        f"prices: {report.prices_of}",
        "assumed:",
        *(hanging("  -", told) for told in assumptions(report.workload, report.terms)),
    )


def _money_tables(estimates: Mapping[str, Estimate]) -> Iterator[RenderableType]:
    """Two, one below the other: side by side they would not fit 80 columns."""
    for thinking in ("without thinking", "with thinking"):
        yield f"US dollars {thinking}, likely (low-high)"
        table = table_of_numbers("model", "online", "batch or flex")
        for model, each in estimates.items():
            table.add_row(name(model), *_money_of(each.cost, is_thinking=thinking == "with thinking"))
        yield from (table, "")


def _money_of(cost: Cost | None, *, is_thinking: bool) -> tuple[str, ...]:
    if cost is None:
        return (_UNKNOWN,)
    online, batch = (cost.online_thinking, cost.batch_thinking) if is_thinking else (cost.online, cost.batch)
    return _dollars(online), _dollars(batch)


def _time_table(estimates: Mapping[str, Estimate], terms: Terms) -> Table:
    spend, waves = terms.limits.spend_usd_per_10_min, terms.limits.batch_enqueued_tokens
    headings = (*(f"hours\ntier {tier}" for tier in spend), *(f"waves\ntier {tier}" for tier in waves))
    table = table_of_numbers("model", "tokens in", *headings)
    for model, each in estimates.items():
        tokens = _tokens(each.tokens_in.middle) if each.tokens_in else _UNKNOWN
        hours = (_span(each.online_hours[tier], ".1f") for tier in spend if tier in each.online_hours)
        counts = (_span(each.batch_waves[tier], ",") for tier in waves if tier in each.batch_waves)
        table.add_row(name(model), tokens, *hours, *counts)
    return table


def pilot_text(report: PilotReport) -> str:
    """A table of what all requests would cost by the replies that are there."""
    if not report.is_model:
        return f"no model is asked: {report.requests:,} requests cost nothing"
    lines = pilot_lines(report.pilots, report.requests, report.batch_factor)
    return "\n".join(lines) or f"{report.ledger} holds no usage to go by"


def pilot_lines(pilots: Mapping[str, Pilot], requests: int, batch_factor: float) -> list[str]:
    """What replies that are there make expect of so many requests."""
    lines = []
    for ledger, pilot in pilots.items():
        total = pilot.total_usd
        online, batch = (f"${_dollars(each)}" if each else _UNKNOWN for each in (total, total and total * batch_factor))
        lines += [
            f"{ledger}: {pilot.samples:,} requests answered",
            f"  tokens out, thinking included: {pilot.output_mean:,.0f} on average, 95 % of replies up to "
            f"{pilot.output_p95:,}",
            f"  {requests:,} such requests: {online} online, {batch} as batch (low-high: 95 % interval)",
            "",
        ]
    return lines


def _dollars(dollars: Range) -> str:
    digits = 0 if dollars.middle >= 10 else 2
    return f"{dollars.middle:,.{digits}f} ({dollars.low:,.{digits}f}-{dollars.high:,.{digits}f})"


def _tokens(tokens: float) -> str:
    return f"{tokens:,.0f}" if tokens < 1_000_000 else f"{tokens / 1_000_000:,.1f} M"


def _span(ends: Sequence[float], form: str) -> str:
    low, high = (format(end, form) for end in ends)
    return low if low == high else f"{low}-{high}"
