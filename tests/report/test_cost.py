"""What a plan comes to in tokens, money and time, beside figures worked out by hand for the paper's 92,020 requests."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from dermasynth_builder.core.options import Resolution
from dermasynth_builder.generate.prices import PriceTable, load_prices
from dermasynth_builder.generate.usage import Size
from dermasynth_builder.report.cost import Estimate, Load, Terms, Workload, combined, estimate, workload_of
from tests.support.clinical_images import clinical_image
from tests.support.recited import request

NOVEMBER, DECEMBER, JANUARY = date(2026, 11, 23), date(2026, 12, 1), date(2027, 1, 1)
REQUESTS = 92_020  # as the paper asks, each with 330 tokens of text in and 160 out
EXAMPLE: Size = (600, 450)  # 1,032 tokens for Gemini 2.x
SMALL: Size = (384, 384)  # 258
Estimated = Callable[..., Estimate]


@pytest.fixture(scope="module")
def table() -> PriceTable:
    return load_prices()


@pytest.fixture
def estimated(table: PriceTable) -> Estimated:
    """The estimate for the paper's requests; "medium" thinking is likely 400 tokens a reply."""

    def of(model: str, on: date = NOVEMBER, resolution: Resolution = "high", size: Size | None = EXAMPLE) -> Estimate:
        work = Workload((Load("general", "asked", "any", REQUESTS, 330 * REQUESTS, 160 * REQUESTS),), {size: REQUESTS})
        terms = Terms(table.limits, table.factors["batch"], table.factors["regional"], resolution, "medium")
        return estimate(work, table.rates(model, on), table.image_family(model, on), terms=terms)

    return of


@pytest.mark.parametrize(
    ("model", "on", "dollars"),
    [  # online and batch: image of 1,120 tokens; of 280; of 1,120 with 400 tokens of thinking
        ("gemini-2.5-flash-lite", NOVEMBER, (18, 9, 11, 6, 33, 17)),  # images of 1,032 and 258 tokens
        ("gemini-3.1-flash-lite", NOVEMBER, (55, 28, 36, 18, 111, 55)),
        ("gemini-3.5-flash-lite", NOVEMBER, (77, 38, 54, 27, 169, 84)),
        ("gemini-3-flash-preview", NOVEMBER, (111, 55, 72, 36, 221, 111)),
        ("gemini-3.8-flash", NOVEMBER, (155, 78, 97, 49, 293, 147)),
        ("gemini-3.8-flash", JANUARY, (311, 155, 195, 97, 587, 293)),
        ("gemini-3.5-flash", NOVEMBER, (333, 166, 217, 108, 664, 332)),
        ("gemini-3.1-pro-preview", NOVEMBER, (444, 222, 289, 144, 885, 443)),
        ("gemini-4-argon", NOVEMBER, (414, 207, 260, 130, 782, 391)),
        ("gemini-4-argon", DECEMBER, (828, 414, 519, 260, 1564, 782)),
    ],
)
def test_the_papers_requests_cost_what_was_worked_out_by_hand(
    estimated: Estimated, model: str, on: date, dollars: tuple[float, ...]
) -> None:
    large, small = estimated(model, on).cost, estimated(model, on, "low", SMALL).cost
    assert large
    assert small
    ranges = (large.online, large.batch, small.online, small.batch, large.online_thinking, large.batch_thinking)
    assert [each.middle for each in ranges] == pytest.approx(dollars, abs=0.51)
    assert all(each.low < each.middle < each.high for each in ranges)


def test_time_is_bound_by_tokens_a_minute_or_by_spend(estimated: Estimated) -> None:
    cheap, dear = estimated("gemini-3.1-flash-lite"), estimated("gemini-3.8-flash")
    assert [60 * hours for hours in cheap.online_hours["1"]] == pytest.approx((133, 133), abs=0.5)  # a million a minute
    assert dear.online_hours["1"][1] == pytest.approx(4.9, abs=0.05)  # ten dollars in ten minutes
    assert dear.online_hours["2"][1] == cheap.online_hours["1"][1]


def test_batches_go_in_waves_of_what_may_wait(estimated: Estimated) -> None:
    assert estimated("gemini-3.8-flash").batch_waves == {"1": (14, 45), "2": (1, 1)}  # 133 million tokens


def test_an_image_of_unknown_size_counts_as_the_largest(estimated: Estimated) -> None:
    assert estimated("gemini-2.5-flash-lite", size=None).image_in == 1548 * REQUESTS
    assert estimated("gemini-3.8-flash", size=None) == estimated("gemini-3.8-flash")


def test_a_model_without_price_has_tokens_and_one_without_a_rule_for_images_has_none(
    estimated: Estimated, table: PriceTable
) -> None:
    work = Workload((Load("general", "asked", "any", 2, 700, 320),), {EXAMPLE: 2})
    unpriced = estimate(work, None, "resolution", terms=Terms(table.limits, 0.5, 1.1))
    assert (unpriced.cost, unpriced.image_in) == (None, 1120 * 2)
    assert estimated("a-local-model") == Estimate(None, None, None, {}, {})


def test_tokens_of_an_image_can_be_given_where_the_rule_is_not_known(table: PriceTable) -> None:
    work = Workload((Load("general", "asked", "any", 2, 700, 320),), {None: 2})
    terms = Terms(table.limits, 0.5, 1.1, image_tokens=576)
    assert estimate(work, None, None, terms=terms).image_in == 1152
    assert estimate(work, None, "resolution", terms=terms).image_in == 2240


def test_a_workload_counts_requests_by_slot_style_and_type_and_knows_the_sizes_as_sent() -> None:
    measured = clinical_image("PAT_9001_7001_0")
    assert measured.file
    measured = replace(measured, file=measured.file._replace(width_px=3024, height_px=4032))
    asked = [
        request(0),
        replace(request(1), prompt="p" * 401),
        replace(request(0), slot="source", style="self_instruct"),
    ]
    work = workload_of(asked, [measured])
    assert work.loads == (
        Load("general", "asked", "overview", 2, 2 + 1 + 101 + 1, 320),  # the schema "{}" is a token
        Load("source", "self_instruct", "overview", 1, 3, 200),
    )
    assert work.sizes == {(768, 1024): 2, None: 1}
    assert (work.requests, work.text_in, work.out) == (3, 108, 520)


def test_workloads_of_several_sources_add_up() -> None:
    one = workload_of([request(0)], [])
    both = combined([one, one])
    assert (both.requests, both.text_in, both.out, both.sizes) == (2, 2 * one.text_in, 2 * one.out, {None: 2})
