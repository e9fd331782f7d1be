"""Tokens, counted by the rules of each model family and read as each service names them."""

import pytest

from dermasynth_builder.core.options import Resolution
from dermasynth_builder.core.records import Style
from dermasynth_builder.generate.usage import (
    Size,
    Usage,
    image_tokens,
    output_tokens,
    read_usage,
    sent_size,
    text_tokens,
)


@pytest.mark.parametrize(
    ("resolution", "tokens"), [("low", 280), ("medium", 560), ("high", 1120), ("ultra_high", 2240)]
)
def test_gemini_3_counts_an_image_by_its_media_resolution(resolution: Resolution, tokens: int) -> None:
    assert image_tokens("resolution", (600, 450), resolution) == tokens
    assert image_tokens("resolution", None, resolution) == tokens


@pytest.mark.parametrize(
    ("size", "tiles"),
    [
        ((600, 450), 4),
        ((384, 384), 1),
        ((10, 384), 1),
        ((385, 384), 4),
        ((1024, 1024), 4),
        ((600, 400), 6),
        ((400, 1), 400),
    ],
)
def test_gemini_2_counts_tiles_of_258_tokens(size: Size, tiles: int) -> None:
    assert image_tokens("tiles", size) == 258 * tiles
    assert image_tokens("tiles", size[::-1]) == 258 * tiles


def test_the_worked_example_of_gemini_2_takes_1032_tokens() -> None:
    assert image_tokens("tiles", (600, 450)) == 1032


def test_no_photograph_in_usual_proportions_takes_more_than_one_of_unknown_size() -> None:
    sizes = [(side, side * high // wide) for side in range(385, 4000, 37) for wide, high in [(1, 1), (4, 3), (3, 2)]]
    assert max(image_tokens("tiles", size) for size in sizes) == image_tokens("tiles", None) == 1548


@pytest.mark.parametrize(
    ("size", "sent"),
    [((600, 450), (600, 450)), ((4032, 3024), (1024, 768)), ((1000, 2048), (500, 1024)), ((9000, 1), (1024, 1))],
)
def test_only_large_images_are_scaled_down_before_they_are_sent(size: Size, sent: Size) -> None:
    assert sent_size(size) == sent


def test_text_is_about_four_characters_a_token() -> None:
    assert [text_tokens("a" * length) for length in (0, 1, 4, 5, 400)] == [0, 1, 1, 2, 100]


@pytest.mark.parametrize(
    ("style", "turns", "tokens"), [("asked", None, 160), ("self_instruct", None, 200), ("conversation", 4, 800)]
)
def test_a_reply_grows_with_its_turns(style: Style, turns: int | None, tokens: int) -> None:
    assert output_tokens(style, turns) == tokens


def test_usage_is_read_under_geminis_names() -> None:
    counts = {
        "promptTokenCount": 1450,
        "cachedContentTokenCount": 400,
        "candidatesTokenCount": 160,
        "thoughtsTokenCount": 90,
        "totalTokenCount": 1700,
        "promptTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
    }
    assert read_usage(counts) == Usage(prompt=1450, cached=400, output=160, thoughts=90)
    assert read_usage({"promptTokenCount": 1450}) == Usage(prompt=1450)  # thinking ate all, or the prompt was blocked


@pytest.mark.parametrize(
    "details",
    [
        {"prompt_tokens_details": {"cached_tokens": 400}, "completion_tokens_details": {"reasoning_tokens": 90}},
        {"prompt_tokens_details.cached_tokens": 400, "completion_tokens_details.reasoning_tokens": 90},
    ],
    ids=["nested", "flat"],
)
def test_usage_is_read_under_openais_names_whose_output_holds_the_thinking(details: dict[str, object]) -> None:
    counts = {"prompt_tokens": 1450, "completion_tokens": 250, "total_tokens": 1700}
    assert read_usage(counts | details) == Usage(prompt=1450, cached=400, output=160, thoughts=90)
    assert read_usage(counts | {"prompt_tokens_details": None}) == Usage(prompt=1450, output=250)


@pytest.mark.parametrize("counts", [{}, {"input_tokens": 12, "output_tokens": 34}])
def test_usage_under_other_names_is_not_known(counts: dict[str, int]) -> None:
    assert read_usage(counts) is None
