"""What a reply has cost by the dated price table, and what is said of a table that is old or broken."""

from datetime import date
from pathlib import Path

import pytest

from dermasynth_builder.core.errors import PriceError
from dermasynth_builder.generate.prices import SHIPPED, PriceTable, Tier, cost_usd, load_prices

NOVEMBER, DECEMBER, JANUARY = date(2026, 11, 23), date(2026, 12, 1), date(2027, 1, 1)
USAGE = {
    "promptTokenCount": 1_450_000,
    "cachedContentTokenCount": 450_000,
    "candidatesTokenCount": 160_000,
    "thoughtsTokenCount": 40_000,
}


@pytest.fixture(scope="module")
def table() -> PriceTable:
    return load_prices()


@pytest.mark.parametrize(("tier", "share"), [("standard", 1.0), ("batch", 0.5), ("flex", 0.5), ("regional", 1.1)])
def test_a_reply_costs_its_input_its_cached_input_and_its_output_with_thinking(
    table: PriceTable, tier: Tier, share: float
) -> None:
    at_two_and_ten = cost_usd("gemini-4-argon", USAGE, tier=tier, on=NOVEMBER, table=table)
    assert at_two_and_ten == pytest.approx(share * (1.0 * 2.00 + 0.45 * 0.10 + 0.2 * 10.00))


def test_openais_counts_cost_the_same_as_geminis(table: PriceTable) -> None:
    counts = {
        "prompt_tokens": 1_450_000,
        "completion_tokens": 200_000,
        "prompt_tokens_details": {"cached_tokens": 450_000},
        "completion_tokens_details": {"reasoning_tokens": 40_000},
    }
    ours, theirs = (
        cost_usd("gemini-3.5-flash", usage, tier="standard", on=NOVEMBER, table=table) for usage in (USAGE, counts)
    )
    assert ours == theirs == pytest.approx(1.0 * 1.50 + 0.45 * 0.15 + 0.2 * 9.00)


@pytest.mark.parametrize(
    ("model", "on", "rates"),
    [
        ("gemini-4-argon", date(2026, 11, 30), (2.0, 10.0, 0.10)),
        ("gemini-4-argon", DECEMBER, (4.0, 20.0, 0.20)),
        ("gemini-3.8-flash", date(2026, 12, 31), (0.75, 3.75, 0.075)),
        ("gemini-3.8-flash", JANUARY, (1.50, 7.50, 0.15)),
        ("gemini-2.5-pro", NOVEMBER, (1.25, 10.0, 0.125)),
        ("gemini-2.5-pro", DECEMBER, (0.75, 3.75, 0.075)),  # routed to 3.8-flash
        ("gemini-2.5-flash", DECEMBER, (0.30, 2.50, 0.03)),  # routed to 3.5-flash-lite
        ("gemini-3.7-flash", JANUARY, (1.50, 7.50, None)),  # after the promotion
        ("gemini-2.0-flash", NOVEMBER, None),  # shut down
        ("gemini-3.1-flash-lite", date(2027, 5, 7), None),
        ("a-local-model", NOVEMBER, None),
    ],
)
def test_a_price_is_that_of_the_day(
    table: PriceTable, model: str, on: date, rates: tuple[float, float, float | None] | None
) -> None:
    found = table.rates(model, on)
    assert (found and (found.input, found.output, found.cached)) == rates


def test_a_routed_model_counts_images_as_what_answers_for_it(table: PriceTable) -> None:
    families = [table.image_family("gemini-2.5-pro", on) for on in (NOVEMBER, DECEMBER)]
    assert families == ["tiles", "resolution"]


def test_what_is_not_known_costs_none_and_never_nothing(table: PriceTable) -> None:
    assert cost_usd("a-local-model", USAGE, tier="standard", on=NOVEMBER, table=table) is None
    assert cost_usd("gemini-3.5-flash", {"input_tokens": 5}, tier="standard", on=NOVEMBER, table=table) is None
    assert cost_usd("gemma-4-31b-it", USAGE, tier="standard", on=NOVEMBER, table=table) == 0  # it is free


def test_cached_input_of_unknown_price_is_counted_in_full(table: PriceTable) -> None:
    cost = cost_usd("gemini-3.7-flash", USAGE, tier="standard", on=JANUARY, table=table)
    assert cost == pytest.approx(1.45 * 1.50 + 0.2 * 7.50)


def test_every_price_says_where_it_comes_from(table: PriceTable) -> None:
    assert all(model.mark and model.status and model.prices for model in table.models.values())
    assert table.source


@pytest.mark.parametrize(
    ("on", "model", "said"),
    [
        (NOVEMBER, "gemini-3.8-flash", []),
        (DECEMBER, "gemini-4-argon", ["held until 2026-11-30"]),
        (DECEMBER, "gemini-2.5-flash", ["routed to gemini-3.5-flash-lite"]),
        (date(2027, 1, 5), "gemini-3.5-flash", []),
        (date(2027, 1, 6), "gemini-3.5-flash", ["prices of 2026-10-07 are older than 90 days"]),
        (date(2027, 1, 6), "gemini-3.7-flash", ["older than 90 days", "held until 2026-12-31"]),
    ],
)
def test_an_old_table_and_a_price_past_its_day_are_told(
    table: PriceTable, on: date, model: str, said: list[str]
) -> None:
    told = table.warnings(on, [model])
    assert len(told) == len(said)
    assert all(part in line for part, line in zip(said, told, strict=True))


def test_a_table_of_ones_own_takes_the_place_of_the_one_that_ships(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        SHIPPED.read_text("utf-8") + '\n[models."a-local-model"]\nprices = [{ input = 0.01, output = 0.02 }]\n'
    )
    cost = cost_usd("a-local-model", USAGE, tier="standard", on=NOVEMBER, table=load_prices(own))
    assert cost == pytest.approx(1.45 * 0.01 + 0.2 * 0.02)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "as_of = 2026-10-07",
            'as_of = "7 October"',
            "'7 October' should be a valid date in the format YYYY-MM-DD",
        ),
        ("as_of = 2026-10-07", "as_of = 2026-10-07T08:00:00", "as_of: '2026-10-07 08:00:00' should be a valid date"),
        ("as_of = 2026-10-07", "", "as_of is missing"),
        ("flex = 0.5", "", "factors.flex is missing"),
        ("flex = 0.5", "flax = 0.5", "factors.flax: 'flax' is not one of standard, batch, flex, regional"),
        ("input = 2.00", "input = -2.00", "prices.1.input: -2.0 should be greater than or equal to 0"),
        ("input = 2.00", "input = nan", "prices.1.input: nan should be a finite number"),
        ("input = 2.00", 'input = "two"', "models.gemini-4-argon.prices.1.input: 'two' should be a valid number"),
        (
            "input = 2.00",
            "inpt = 2.00",
            "models.gemini-4-argon.prices.1.inpt is not one of input, output, cached, until; did you mean 'input'?",
        ),
        ('images = "tiles"', 'images = "tile"', "models.gemini-2.5-pro.images: 'tile' is not one of resolution, tiles"),
        ('routed_to = "gemini-3.8-flash"', 'routed_to = "gemini-5"', "is routed to gemini-5, which has no prices"),
        ('routed_to = "gemini-3.8-flash"', 'routed_to = "gemini-2.5-flash"', "or is routed on"),
        ("[limits]", "[limits", "own.toml: Expected ']'"),
    ],
)
def test_a_broken_table_is_refused_with_what_is_wrong(tmp_path: Path, old: str, new: str, said: str) -> None:
    own = tmp_path / "own.toml"
    text = SHIPPED.read_text("utf-8")
    assert old in text
    own.write_text(text.replace(old, new, 1))
    with pytest.raises(PriceError) as caught:
        load_prices(own)
    assert said in str(caught.value)
    assert "prices.toml shows the form" in str(caught.value)


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PriceError, match=r"none\.toml"):
        load_prices(tmp_path / "none.toml")
