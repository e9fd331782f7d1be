"""Reads the dated price table, and says what a reply has cost.

The table that ships is `prices.toml`; its head explains it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import NonNegativeFloat, PositiveInt

from dermasynth_builder.core.errors import PriceError
from dermasynth_builder.core.files import read_toml
from dermasynth_builder.core.options import EngineOptions, ImageFamily
from dermasynth_builder.generate.engines.vertex import GLOBAL, vertex_location
from dermasynth_builder.generate.usage import read_usage

Tier = Literal["standard", "batch", "flex", "regional"]

SHIPPED = Path(__file__).with_name("prices.toml")
_OLD_AFTER = timedelta(days=90)
_PER = 1_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """US dollars per million tokens."""

    input: NonNegativeFloat
    output: NonNegativeFloat  # thinking included
    cached: NonNegativeFloat | None = None  # None: not known, counted as input
    until: date | None = None  # the last day; None: until further notice


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """One model of the table; `prices.toml` explains the fields."""

    prices: tuple[Rates, ...]  # in order of time
    images: ImageFamily | None = None
    ends: date | None = None
    routed_to: str | None = None
    status: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a service lets through; tiers are Google's, "1" to "3"."""

    rpm: PositiveInt  # requests a minute
    tpm: PositiveInt  # input tokens a minute
    spend_usd_per_10_min: Mapping[str, NonNegativeFloat]  # by tier
    batch_enqueued_tokens: Mapping[str, tuple[PositiveInt, PositiveInt]]  # by tier, the least and the most that may be


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices of a day."""

    as_of: date
    source: str
    factors: Mapping[Tier, NonNegativeFloat]
    limits: Limits
    models: Mapping[str, ModelPrice]
    path: Path = SHIPPED  # where it was read

    def __post_init__(self) -> None:
        """Raises ValueError for a tier without a factor, and a route that leads to no price."""
        if faults := [*self._without_factor(), *self._lost_routes()]:
            raise ValueError("; ".join(faults))

    def answering(self, model: str, on: date) -> ModelPrice | None:
        """What answers under that name on a day, a route followed; None for an unknown model or one that has ended."""
        found = self.models.get(model)
        if found is None or found.ends is None or on < found.ends:
            return found
        return self.answering(found.routed_to, on) if found.routed_to else None

    def image_family(self, model: str, on: date) -> ImageFamily | None:
        """How the model that answers on a day counts images; None where that is not known."""
        found = self.answering(model, on)
        return found.images if found else None

    def rates(self, model: str, on: date) -> Rates | None:
        """The rates of a day; None where the table has none."""
        found = self.answering(model, on)
        return (
            next((rates for rates in found.prices if rates.until is None or on <= rates.until), None) if found else None
        )

    def warnings(self, on: date, models: Iterable[str]) -> list[str]:
        """What may be wrong with prices of these models of the table on that day."""
        told = []
        if on - self.as_of > _OLD_AFTER:
            told.append(f"{self.path}: prices of {self.as_of} are older than {_OLD_AFTER.days} days; check them")
        for model in models:
            found = self.models[model]
            if found.ends and on >= found.ends:
                told.append(f"{model}: {found.status}")
            passed = [rates.until for rates in found.prices if rates.until and rates.until < on]
            if passed:
                told.append(f"{model}: its price held until {passed[-1]}; check the one that follows in {self.path}")
        return told

    def _without_factor(self) -> Iterator[str]:
        return (f"factors.{tier} is missing" for tier in get_args(Tier) if tier not in self.factors)

    def _lost_routes(self) -> Iterator[str]:
        for name, model in self.models.items():
            if model.routed_to and (
                model.routed_to not in self.models or self.models[model.routed_to].routed_to is not None
            ):
                yield f"models.{name} is routed to {model.routed_to}, which has no prices or is routed on"


def online_tier(options: EngineOptions) -> Tier:
    """At which price an engine with these options asks request by request."""
    if options.tier == "flex":
        return "flex"
    return "regional" if options.is_vertex and vertex_location() != GLOBAL else "standard"


def cost_usd(model: str, usage: Mapping[str, Any], *, tier: Tier, on: date, table: PriceTable) -> float | None:
    """What a reply has cost by the service's own counts; see `tokens.read_usage` for their names.

    None, never 0, where the model, its price on that day or the names are not known.
    """
    counted, rates = read_usage(usage), table.rates(model, on)
    if counted is None or rates is None:
        return None
    cached_rate = rates.input if rates.cached is None else rates.cached
    dollars = (
        (counted.prompt - counted.cached) * rates.input
        + counted.cached * cached_rate
        + (counted.output + counted.thoughts) * rates.output
    )
    return dollars / _PER * table.factors[tier]


def load_prices(path: Path | None = None) -> PriceTable:
    """The table of a file, by default the one that ships. Raises PriceError."""
    path = path or SHIPPED
    table = read_toml(path, PriceTable, lambda told: PriceError(f"{told}\n{SHIPPED} shows the form"))
    return replace(table, path=path)
