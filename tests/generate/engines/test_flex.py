"""The service tier flex: half the price, shed now and then, and the tier that was served in the row."""

from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import EngineContext
from dermasynth_builder.core.records import Reply
from dermasynth_builder.generate.engines.gemini import GeminiService
from dermasynth_builder.generate.prices import cost_usd, load_prices, online_tier
from dermasynth_builder.generate.run import Run
from tests.generate.engines.test_dialects import Say, server
from tests.support.answers import GOOD, google
from tests.support.fake_service import KEY, picture_requests

MODEL = "gemini-3.5-flash-lite"
FLEX = EngineOptions(model=MODEL, tier="flex")
DAY = date(2026, 11, 25)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


def asked(say: Say, folder: Path) -> tuple[Reply, list[dict[str, Any]]]:
    price = partial(cost_usd, on=DAY, table=load_prices())
    context = EngineContext(
        price=partial(price, tier=online_tier(FLEX)), standard_price=partial(price, tier="standard")
    )
    with server(say) as (url, bodies):
        options = EngineOptions(model=MODEL, tier="flex", base_url=url)
        (reply,) = registry.engine("gemini", options, context).answer(picture_requests(folder, 1), Run())
    return reply, bodies


def served_as(traffic: str | None) -> Say:
    usage = GOOD.gemini["usageMetadata"] | ({"trafficType": traffic} if traffic else {})
    return lambda _: (200, GOOD.gemini | {"usageMetadata": usage})


@pytest.mark.parametrize(
    ("traffic", "tier", "factor"),
    [("ON_DEMAND_FLEX", "flex", 0.5), ("ON_DEMAND", "standard", 1.0), (None, "flex", 0.5), ("ALIENS", "flex", 0.5)],
)
def test_a_row_says_at_which_tier_it_was_served_and_costs_that(
    traffic: str | None, tier: str, factor: float, tmp_path: Path
) -> None:
    reply, (body,) = asked(served_as(traffic), tmp_path)
    assert body["serviceTier"] == "flex"
    assert reply.parameters["tier"] == tier
    whole = cost_usd(MODEL, reply.usage, tier="standard", on=DAY, table=load_prices())
    assert whole
    assert reply.cost_usd == pytest.approx(whole * factor)


@pytest.mark.slow
def test_what_is_shed_waits_and_costs_no_try(tmp_path: Path) -> None:
    count = iter(range(9))
    shed = google(503, "UNAVAILABLE", "The model is overloaded.")

    def say(body: dict[str, Any]) -> tuple[int, Any]:
        return (503, shed) if next(count) < 2 else served_as("ON_DEMAND_FLEX")(body)

    reply, bodies = asked(say, tmp_path)
    assert (reply.failure, len(bodies)) == (None, 3)
    assert reply.waited_s >= 2


def test_flex_is_waited_for_and_refused_where_it_does_not_fit() -> None:
    assert GeminiService(FLEX).options.timeout_s == 900
    assert GeminiService(EngineOptions(model=MODEL)).options.timeout_s == 120
    assert GeminiService(FLEX).identity == GeminiService(EngineOptions(model=MODEL)).identity
    for engine, options in (
        ("gemini_batch", FLEX),
        ("openai", FLEX),
        ("gemini", EngineOptions(model=MODEL, tier="flex", is_vertex=True)),
        ("gemini", EngineOptions(model=MODEL, thinking="off")),
    ):
        with pytest.raises(UsageError):
            registry.engine(engine, options)


@pytest.mark.parametrize("model", ["gemini-3.6-flash", "gemini-3.7-flash", "gemini-3.8-flash"])
def test_prices_after_the_promotion_are_known(model: str) -> None:
    rates = load_prices().rates(model, date(2027, 1, 1))
    assert rates
    assert (rates.input, rates.output) == (1.5, 7.5)
