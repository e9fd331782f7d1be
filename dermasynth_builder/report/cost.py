"""What a plan comes to in tokens, money and time, before anything is asked.

Every figure is an estimate: `tokens.py` says what it rests on, and how far it may be off.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil

from dermasynth_builder.core.options import ImageFamily, Thinking
from dermasynth_builder.core.records import ClinicalImage, Request, Style
from dermasynth_builder.generate.prices import Limits, Rates
from dermasynth_builder.generate.usage import (
    OUTPUT_ERROR,
    TEXT_ERROR,
    THINKING_TOKENS,
    Range,
    Resolution,
    Size,
    image_tokens,
    output_tokens,
    sent_size,
    text_tokens,
)
from dermasynth_builder.report.pilot import Pilot

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
        count[2] += output_tokens(request.style)
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
