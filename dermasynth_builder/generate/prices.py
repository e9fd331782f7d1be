"""Reads the dated price table, and says what a reply has cost.

The table that ships is `prices.toml`; its head explains it.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from dermasynth_builder.core.errors import PriceError
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

    input: float
    output: float  # thinking included
    cached: float | None = None  # None: not known, counted as input
    until: date | None = None  # the last day; None: until further notice


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """One model of the table; `prices.toml` explains the fields."""

    rates: tuple[Rates, ...]  # in order of time
    images: ImageFamily | None = None
    ends: date | None = None
    routed_to: str | None = None
    status: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a service lets through; tiers are Google's, "1" to "3"."""

    rpm: int  # requests a minute
    tpm: int  # input tokens a minute
    spend_usd_per_10_min: Mapping[str, float]  # by tier
    batch_enqueued_tokens: Mapping[str, tuple[int, int]]  # by tier, the least and the most that may be


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices of a day."""

    path: Path
    as_of: date
    source: str
    factors: Mapping[Tier, float]
    limits: Limits
    models: Mapping[str, ModelPrice]

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
            next((rates for rates in found.rates if rates.until is None or on <= rates.until), None) if found else None
        )

    def warnings(self, on: date, models: Iterable[str]) -> list[str]:
        """What may be wrong with prices of these models on that day."""
        told = []
        if on - self.as_of > _OLD_AFTER:
            told.append(f"{self.path}: prices of {self.as_of} are older than {_OLD_AFTER.days} days; check them")
        for model in models:
            found = self.models.get(model)
            if found is None:
                told.append(f"{self.path} has no model {model!r}; its cost is not known")
                continue
            if found.ends and on >= found.ends:
                told.append(f"{model}: {found.status}")
            passed = [rates.until for rates in found.rates if rates.until and rates.until < on]
            if passed:
                told.append(f"{model}: its price held until {passed[-1]}; check the one that follows in {self.path}")
        return told


def online_tier(options: EngineOptions) -> Tier:
    """At which price an engine with these options asks request by request."""
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
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        models = {name: _model(entry) for name, entry in entries["models"].items()}
        factors = {tier: float(entries["factors"][tier]) for tier in get_args(Tier)}
        limits = _limits(entries["limits"])
        table = PriceTable(path, _day(entries["as_of"]), str(entries["source"]), factors, limits, models)
        _require_routes(models)
    except KeyError as error:
        raise PriceError(f"{path}: {error} is lacking; {SHIPPED} shows the form") from error
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, AttributeError, TypeError, ValueError) as error:
        raise PriceError(f"{path}: {error}; {SHIPPED} shows the form") from error
    return table


def _model(entry: Mapping[str, Any]) -> ModelPrice:
    """Raises KeyError, TypeError or ValueError where an entry breaks the form."""
    fields = {name: value for name, value in entry.items() if name != "prices"}
    model = ModelPrice(tuple(_rates(price) for price in entry["prices"]), **fields)
    if model.images is not None and model.images not in get_args(ImageFamily):
        raise ValueError(f"there is no rule {model.images!r} for images")
    if model.ends is not None:
        _day(model.ends)
    return model


def _rates(entry: Mapping[str, Any]) -> Rates:
    dollars = {name: float(value) for name, value in entry.items() if name != "until"}
    if any(value < 0 for value in dollars.values()):
        raise ValueError(f"{dict(entry)} is below zero")
    return Rates(**dollars, until=_day(entry["until"]) if "until" in entry else None)


def _day(value: object) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError(f"{value!r} is not a date; write it as 2026-10-07, without quotes")
    return value


def _limits(entry: Mapping[str, Any]) -> Limits:
    enqueued = {tier: (least, most) for tier, (least, most) in entry["batch_enqueued_tokens"].items()}
    return Limits(entry["rpm"], entry["tpm"], entry["spend_usd_per_10_min"], enqueued)


def _require_routes(models: Mapping[str, ModelPrice]) -> None:
    for name, model in models.items():
        if model.routed_to is None:
            continue
        if model.routed_to not in models or models[model.routed_to].routed_to is not None:
            raise ValueError(f"{name} is routed to {model.routed_to}, which has no prices or is routed on")
