"""Estimates what asking a model would cost, from the plan, the price table and the ledgers of earlier runs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from dermasynth_builder import pipeline
from dermasynth_builder.core.options import Settings, Thinking
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.generate.ledger import ledger_path
from dermasynth_builder.generate.ledger_tools import usages
from dermasynth_builder.generate.prices import PriceTable, cost_usd, load_prices, online_tier
from dermasynth_builder.generate.rounds import Planned
from dermasynth_builder.generate.usage import Resolution
from dermasynth_builder.report.cost import CostReport, Terms, combined, estimate, workload_of
from dermasynth_builder.report.cost_text import pilot_lines
from dermasynth_builder.report.pilot import Pilot, extrapolate, samples_of

_Price = Callable[[str, Mapping[str, Any]], float | None]  # model, usage of one reply -> dollars


@dataclass(frozen=True, slots=True)
class CostOrder:
    """What an estimate is wanted for."""

    models: Sequence[str] = ()  # empty: all that the price table can tell of
    prices: Path | None = None  # None: the table that ships
    resolution: Resolution = "high"
    thinking: Thinking = "medium"
    image_tokens: int | None = None  # see `Terms`
    rpm: int | None = None  # None: as the price table says
    tpm: int | None = None
    is_from_ledger: bool = False


def cost_report(order: CostOrder, settings: Settings, report: Reporter, *, on: date) -> CostReport:
    """What the plan of these settings comes to with each model, at the prices of a day.

    Raises SourceError and PriceError.
    """
    table = load_prices(order.prices)
    terms = terms_of(order, table)
    models = order.models or _tellable(table, on, terms)
    for warning in table.warnings(on, models):
        report.warn(warning)
    planned = pipeline.plan(settings, report)
    workload = combined(workload_of(each.requests(), each.read.images) for each in planned)
    estimates = {}
    for model in models:
        family = table.image_family(model, on)
        estimates[model] = estimate(workload, table.rates(model, on), family, terms=terms)
    pilots = {}
    if order.is_from_ledger:
        price = partial(cost_usd, tier="standard", on=on, table=table)
        pilots = dict(
            _pilots(order, sorted((settings.work / "ledgers").glob("*.jsonl")), workload.requests, price=price)
        )
        if not pilots:
            report.warn(f"no ledger in {settings.work} holds replies of a model with their usage; nothing to go by")
    return CostReport(workload, terms, f"{table.as_of}, {table.source}", estimates, pilots)


def terms_of(order: CostOrder, table: PriceTable) -> Terms:
    """What the estimate assumes: the order's words, else the price table's limits."""
    limits = replace(table.limits, rpm=order.rpm or table.limits.rpm, tpm=order.tpm or table.limits.tpm)
    factors = table.factors
    return Terms(limits, factors["batch"], factors["regional"], order.resolution, order.thinking, order.image_tokens)


def _tellable(table: PriceTable, on: date, terms: Terms) -> list[str]:
    """Models that answer on that day under their own name, and whose cost can be told."""
    return [
        name
        for name, model in table.models.items()
        if table.answering(name, on) is model and table.rates(name, on) and (model.images or terms.image_tokens)
    ]


def pilot_text(planned: Sequence[Planned], settings: Settings) -> str:
    """What the replies in the engine's ledger make expect of all requests, at the prices of today."""
    table = load_prices()
    tier = online_tier(settings.engine_options)
    price = partial(cost_usd, tier=tier, on=datetime.now(UTC).date(), table=table)
    ledger = ledger_path(settings.work / "ledgers", pipeline.open_engine(settings))
    requests = sum(1 for each in planned for _ in each.requests())
    pilots = dict(_pilots(CostOrder(), [ledger], requests, price=price))
    return "\n".join(pilot_lines(pilots, requests, table.factors["batch"])) or f"{ledger} holds no usage to go by"


def _pilots(order: CostOrder, paths: Iterable[Path], requests: int, *, price: _Price) -> Iterator[tuple[str, Pilot]]:
    """What each ledger's replies say, under the name of its file and model."""
    for path in paths:
        of_model: dict[str, list[tuple[str, Mapping[str, int]]]] = {}
        for key, model, usage in usages(path):
            if model and (not order.models or model in order.models):
                of_model.setdefault(model, []).append((key, usage))
        for model, counted in of_model.items():
            if samples := samples_of(counted, partial(price, model)):
                yield f"{path.name}, {model}", extrapolate(samples, requests)
