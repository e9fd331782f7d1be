"""What asking a model would cost in tokens, money and time: from the plan and the price table, or from earlier replies.

Without replies every figure is an estimate: `generate/usage.py` says what it rests on, and how far it may be off.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from math import ceil, sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from dermasynth_builder import pipeline
from dermasynth_builder.core.cost_options import CostOptions
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.options import ImageFamily, Resolution, Settings, Thinking
from dermasynth_builder.core.records import ClinicalImage, Request, Style
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.core.wording import did_you_mean
from dermasynth_builder.generate.ledger_tools import usages
from dermasynth_builder.generate.prices import Limits, PriceTable, Rates, cost_usd, load_prices, online_tier
from dermasynth_builder.generate.rounds import Planned
from dermasynth_builder.generate.usage import (
    BESIDE_TOKENS,
    OUTPUT_ERROR,
    TEXT_ERROR,
    THINKING_TOKENS,
    Range,
    Size,
    image_tokens,
    output_tokens,
    read_usage,
    sent_size,
    text_tokens,
)
from dermasynth_builder.read.source import ReadSource

_WIDTH_95 = 1.96  # standard errors to each side of a mean that hold the true one 95 times in 100


@dataclass(frozen=True, slots=True)
class Sample:
    """What one request has taken, all its attempts together."""

    output: int  # tokens, thinking included
    cost_usd: float | None  # None: not known


@dataclass(frozen=True, slots=True)
class Pilot:
    """What a run comes to by its first requests."""

    samples: int
    output_mean: float  # tokens of a request, thinking included
    output_p95: int  # 95 of 100 requests take no more
    total_usd: Range | None  # of all requests, at 95 percent; None: a price is not known, or there is one sample only


def samples_of(
    usages: Iterable[tuple[str, Mapping[str, Any]]], cost: Callable[[Mapping[str, Any]], float | None]
) -> list[Sample]:
    """One sample a request out of (its key, the usage of one reply to it); `cost` gives the dollars of one reply.

    Replies under names that are not known, or without a usage, are left out.
    """
    samples: dict[str, Sample] = {}
    for key, counts in usages:
        usage = read_usage(counts)
        if usage is None:
            continue
        earlier, paid = samples.get(key, Sample(0, 0.0)), cost(counts)
        is_known = earlier.cost_usd is not None and paid is not None
        dollars = (earlier.cost_usd or 0.0) + (paid or 0.0) if is_known else None
        samples[key] = Sample(earlier.output + usage.output + usage.thoughts, dollars)
    return list(samples.values())


def extrapolate(samples: Sequence[Sample], requests: int) -> Pilot:
    """What `requests` requests come to if they are like the samples, drawn at random from them.

    Raises ValueError where there is no sample.
    """
    if not samples:
        raise ValueError("a pilot needs one answered request or more")
    outputs = sorted(sample.output for sample in samples)
    p95 = outputs[ceil(0.95 * len(outputs)) - 1]
    return Pilot(len(samples), mean(outputs), p95, _total([sample.cost_usd for sample in samples], requests))


def _total(costs: Sequence[float | None], requests: int) -> Range | None:
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs) or len(known) < 2:
        return None
    middle, error = mean(known), _WIDTH_95 * stdev(known) / sqrt(len(known))
    return Range(max(0.0, middle - error), middle, middle + error) * requests


_PER = 1_000_000


@dataclass(frozen=True, slots=True)
class Load:
    """The requests of one slot, style and question type."""

    slot: str
    style: Style
    question_type: str
    requests: int
    text_in: int  # tokens of prompts and reply schemas
    out: int  # tokens of replies, without thinking


@dataclass(frozen=True, slots=True)
class Workload:
    """What a plan asks of an engine."""

    loads: tuple[Load, ...]  # the most requests first
    sizes: Mapping[Size | None, int]  # size of the image as it is sent, None: not known -> requests

    @property
    def requests(self) -> int:
        """How many there are; each holds one image."""
        return sum(load.requests for load in self.loads)

    @property
    def text_in(self) -> int:
        """Tokens of all prompts and reply schemas."""
        return sum(load.text_in for load in self.loads)

    @property
    def out(self) -> int:
        """Tokens of all replies, without thinking."""
        return sum(load.out for load in self.loads)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a run is assumed to be like."""

    limits: Limits
    batch_factor: float  # price of a batch as a share of the standard one
    regional_factor: float  # the same of Vertex at a location that is not `global`
    resolution: Resolution = "high"
    thinking: Thinking = "medium"
    image_tokens: int | None = None  # of one image, for models whose rule is not known


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars of a run."""

    online: Range
    batch: Range
    online_thinking: Range
    batch_thinking: Range


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run comes to with one model; None where a price or the tokens of an image are not known."""

    image_in: int | None  # tokens, at most
    tokens_in: Range | None
    cost: Cost | None
    online_hours: Mapping[str, tuple[float, float]]  # tier -> without and with thinking
    batch_waves: Mapping[str, tuple[int, int]]  # tier -> the fewest and the most; one has to end before the next


@dataclass(frozen=True, slots=True)
class CostReport:
    """What `dermasynth cost` tells."""

    images: Mapping[str, Mapping[str, int]]  # source -> how many are in its tables, on disk, and counted
    workload: Workload
    terms: Terms
    prices_of: str  # day and source of the prices
    estimates: Mapping[str, Estimate]  # by model
    pilots: Mapping[str, Pilot]  # by ledger and model


def workload_of(requests: Iterable[Request], images: Iterable[ClinicalImage]) -> Workload:
    """What these requests ask of an engine; each is looked at once, none is kept."""
    of_image = {
        image.image_id: sent_size((image.file.width_px, image.file.height_px)) for image in images if image.file
    }
    sizes: Counter[Size | None] = Counter()
    counts: dict[tuple[str, Style, str], list[int]] = {}
    for request in requests:
        sizes[of_image.get(request.image_id)] += 1
        count = counts.setdefault((request.slot, request.style, request.question_type), [0, 0, 0])
        count[0] += 1
        count[1] += text_tokens(request.prompt) + text_tokens(request.reply_schema)
        count[2] += output_tokens(request.style) + (0 if request.style == "look" else BESIDE_TOKENS[request.look_mode])
    return Workload(_sorted(Load(*name, *count) for name, count in counts.items()), sizes)


def combined(workloads: Iterable[Workload]) -> Workload:
    """Several sources' work as one; loads of equal names stay apart."""
    loads: list[Load] = []
    sizes: Counter[Size | None] = Counter()
    for workload in workloads:
        loads += workload.loads
        sizes.update(workload.sizes)
    return Workload(_sorted(loads), sizes)


def _sorted(loads: Iterable[Load]) -> tuple[Load, ...]:
    return tuple(sorted(loads, key=lambda load: (-load.requests, load.slot, load.style, load.question_type)))


def estimate(workload: Workload, rates: Rates | None, family: ImageFamily | None, *, terms: Terms) -> Estimate:
    """What the work comes to with a model of these rates and this rule for images, None: not known."""
    image_in = _image_in(workload, family, terms)
    if image_in is None:
        return Estimate(None, None, None, {}, {})
    tokens_in = TEXT_ERROR * workload.text_in + Range(image_in, image_in, image_in)
    cost = None if rates is None else _cost(workload, tokens_in, rates, terms=terms)
    hours = _online_hours(workload.requests, tokens_in, cost, limits=terms.limits)
    return Estimate(image_in, tokens_in, cost, hours, _batch_waves(tokens_in, terms.limits))


def _image_in(workload: Workload, family: ImageFamily | None, terms: Terms) -> int | None:
    if family is None:
        return None if terms.image_tokens is None else terms.image_tokens * workload.requests
    return sum(image_tokens(family, size, terms.resolution) * count for size, count in workload.sizes.items())


def _cost(workload: Workload, tokens_in: Range, rates: Rates, *, terms: Terms) -> Cost:
    plain = tokens_in * (rates.input / _PER) + OUTPUT_ERROR * (workload.out * rates.output / _PER)
    thinking = plain + THINKING_TOKENS[terms.thinking] * (workload.requests * rates.output / _PER)
    return Cost(plain, plain * terms.batch_factor, thinking, thinking * terms.batch_factor)


def _online_hours(
    requests: int, tokens_in: Range, cost: Cost | None, *, limits: Limits
) -> dict[str, tuple[float, float]]:
    """What binds most: requests a minute, tokens a minute, or spend in ten minutes."""
    hours = {}
    for tier, usd_per_10_min in limits.spend_usd_per_10_min.items():
        minutes = max(requests / limits.rpm, tokens_in.middle / limits.tpm)
        plain, thinking = (
            max(minutes, usd * 10 / usd_per_10_min)
            for usd in ((cost.online.middle, cost.online_thinking.middle) if cost else (0, 0))
        )
        hours[tier] = (plain / 60, thinking / 60)
    return hours


def _batch_waves(tokens_in: Range, limits: Limits) -> dict[str, tuple[int, int]]:
    return {
        tier: (ceil(tokens_in.middle / most), ceil(tokens_in.middle / least))
        for tier, (least, most) in limits.batch_enqueued_tokens.items()
    }


_Price = Callable[[str, Mapping[str, Any]], float | None]  # model, usage of one reply -> dollars


def cost_report(options: CostOptions, settings: Settings, report: Reporter, *, on: date) -> CostReport:
    """What the plan of these settings comes to with each model, at the prices of a day.

    Raises SourceError and PriceError, and UsageError for a model that the price table does not have.
    """
    table = load_prices(options.prices)
    _require_known(options.models, table)
    terms = terms_of(options, table)
    models = options.models or _tellable(table, on, terms)
    for warning in table.warnings(on, models):
        report.warn(warning)
    options_of_plan = settings.plan_options
    as_a_model = replace(options_of_plan, look=options_of_plan.look or "first")
    planned = pipeline.plan(replace(settings, plan_options=as_a_model), report)
    images = {each.read.name: _image_counts(each.read) for each in planned}
    workload = combined(workload_of(each.all_in_full(), each.read.images) for each in planned)
    estimates = {}
    for model in models:
        family = table.image_family(model, on)
        estimates[model] = estimate(workload, table.rates(model, on), family, terms=terms)
    pilots = {}
    if options.is_from_ledger:
        price = partial(cost_usd, tier="standard", on=on, table=table)
        pilots = dict(
            _pilots(options, sorted((settings.work / "ledgers").glob("*.jsonl")), workload.requests, price=price)
        )
        if not pilots:
            report.warn(f"no ledger in {settings.work} holds replies of a model with their usage; nothing to go by")
    return CostReport(images, workload, terms, f"{table.as_of}, {table.source}", estimates, pilots)


def _image_counts(read: ReadSource) -> dict[str, int]:
    return {"in_tables": read.on_disk.listed, "on_disk": read.on_disk.with_file, "counted": len(read.images)}


def _require_known(models: Iterable[str], table: PriceTable) -> None:
    for model in models:
        if model not in table.models:
            raise UsageError(
                f"{table.path}: it has no price of {model!r}; --prices FILE takes a table of your own; "
                f"it has: {', '.join(table.models)}{did_you_mean(model, table.models)}"
            )


def terms_of(options: CostOptions, table: PriceTable) -> Terms:
    """What the estimate assumes: the order's words, else the price table's limits."""
    limits = replace(table.limits, rpm=options.rpm or table.limits.rpm, tpm=options.tpm or table.limits.tpm)
    factors = table.factors
    return Terms(
        limits, factors["batch"], factors["regional"], options.resolution, options.thinking, options.image_tokens
    )


def _tellable(table: PriceTable, on: date, terms: Terms) -> list[str]:
    """Models that answer on that day under their own name, and whose cost can be told."""
    return [
        name
        for name, model in table.models.items()
        if table.answering(name, on) is model and table.rates(name, on) and (model.images or terms.image_tokens)
    ]


@dataclass(frozen=True, slots=True)
class PilotReport:
    """What the replies in one ledger make expect of all requests of a plan."""

    ledger: Path
    requests: int  # of the plan
    pilots: Mapping[str, Pilot]  # by model
    batch_factor: float  # price of a batch / price online
    is_model: bool = True  # see `protocols.Engine`


def pilot_report(planned: Sequence[Planned], settings: Settings) -> PilotReport:
    """What the engine's own ledger makes expect, at the prices of today."""
    table = load_prices()
    tier = online_tier(settings.engine_options)
    price = partial(cost_usd, tier=tier, on=datetime.now(UTC).date(), table=table)
    engine = pipeline.open_engine(settings)
    ledger = pipeline.ledger_of(engine, settings)
    requests = sum(1 for each in planned for _ in each.all_keys())
    pilots = dict(_pilots(CostOptions(), [ledger], requests, price=price))
    return PilotReport(ledger, requests, pilots, table.factors["batch"], engine.is_model)


def _pilots(
    options: CostOptions, paths: Iterable[Path], requests: int, *, price: _Price
) -> Iterator[tuple[str, Pilot]]:
    """What each ledger's replies say, under the name of its file and model."""
    for path in paths:
        of_model: dict[str, list[tuple[str, Mapping[str, int]]]] = {}
        for key, model, usage in usages(path):
            if model and (not options.models or model in options.models):
                of_model.setdefault(model, []).append((key, usage))
        for model, counted in of_model.items():
            if samples := samples_of(counted, partial(price, model)):
                yield f"{path.name}, {model}", extrapolate(samples, requests)
