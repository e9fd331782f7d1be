"""How many tokens a request takes, before it is sent and after.

What a service has counted is exact. All else here is an estimate, and says what it rests on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from dermasynth_builder.core.options import ImageFamily, Resolution, Thinking
from dermasynth_builder.core.records import LookMode, Style
from dermasynth_builder.generate.foreign import count, mapping

Size = tuple[int, int]  # width and height in pixels

RESOLUTION_TOKENS: Mapping[Resolution, int] = {"low": 280, "medium": 560, "high": 1120, "ultra_high": 2240}
"""Media resolution -> tokens of an image at most, Gemini 3 and 4. A request that names none gets "high"."""

SENT_SIDE_PX = 1024  # of the image as engines send it, unless told otherwise
_TILE_TOKENS = 258
_ONE_TILE_PX = 384  # an image no side of which is longer is one tile
_MOST_TILES = 6  # of an image whose sides are at most as 3 to 2
CHARACTERS_PER_TOKEN = 4
OUTPUT_TOKENS: Mapping[Style, int] = {
    "asked": 160,
    "self_instruct": 200,
    "conversation": 200,
    "counterfactual": 100,
    "look": 160,
}
"""Style -> tokens of one turn's answer and, where the engine writes it, its question. Assumed until a pilot says."""
BESIDE_TOKENS: Mapping[LookMode, int] = {"off": 0, "first": 70, "together": 200}
"""What a reply says beside its answers, and together with them of what is seen. Assumed until a pilot says."""
_TURNS: Mapping[Style, int] = {"asked": 1, "self_instruct": 1, "conversation": 3, "counterfactual": 1, "look": 1}


@dataclass(frozen=True, slots=True)
class Range:
    """A number that is not known: its likely value between a low and a high one."""

    low: float
    middle: float
    high: float

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.middle + other.middle, self.high + other.high)

    def __mul__(self, factor: float) -> "Range":
        return Range(self.low * factor, self.middle * factor, self.high * factor)


TEXT_ERROR = Range(0.92, 1.0, 1.23)
"""What characters / 4 may have to be multiplied with. Google gives 100 tokens for 60 to 80 English words; our prompts
have 5.4 characters a word, spaces included, so that a token is 3.26 to 4.35 characters."""
OUTPUT_ERROR = Range(0.5, 1.0, 1.5)
"""Assumed: prompts ask for two to eight sentences."""
THINKING_TOKENS: Mapping[Thinking, Range] = {
    "off": Range(0, 0, 0),
    "minimal": Range(0, 50, 100),
    "low": Range(100, 200, 400),
    "medium": Range(200, 400, 800),
    "high": Range(400, 800, 1600),
    "xhigh": Range(800, 1600, 3200),
}
"""Thinking level -> tokens thought over one answer. Assumed, nothing is measured: the main reason to ask a pilot."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that a service has counted, by what they cost."""

    prompt: int = 0  # text, image and what was read from a cache
    cached: int = 0  # the part of `prompt` that was read from a cache
    output: int = 0  # without thinking
    thoughts: int = 0  # billed as output

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt + other.prompt,
            self.cached + other.cached,
            self.output + other.output,
            self.thoughts + other.thoughts,
        )


def read_usage(counts: Mapping[str, Any]) -> Usage | None:
    """The usage under Gemini's or OpenAI's names; None where neither's are there.

    OpenAI's details count as the service nests them, or flat: "prompt_tokens_details.cached_tokens".
    """
    if "promptTokenCount" in counts:
        prompt = _count(counts, "promptTokenCount")
        return Usage(
            prompt,
            min(prompt, _count(counts, "cachedContentTokenCount")),
            _count(counts, "candidatesTokenCount"),
            _count(counts, "thoughtsTokenCount"),
        )
    if "prompt_tokens" in counts:
        thoughts = _count(counts, "completion_tokens_details", "reasoning_tokens")
        prompt, written = _count(counts, "prompt_tokens"), _count(counts, "completion_tokens")
        return Usage(
            prompt,
            min(prompt, _count(counts, "prompt_tokens_details", "cached_tokens")),
            max(0, written - thoughts),
            thoughts,
        )
    return None


def _count(counts: Mapping[str, Any], name: str, detail: str = "") -> int:
    """A count, or the detail of one; services leave out or send null for what is zero."""
    if not detail:
        return count(counts.get(name)) or 0
    return count(mapping(counts.get(name)).get(detail)) or count(counts.get(f"{name}.{detail}")) or 0


def image_tokens(family: ImageFamily, size: Size | None, resolution: Resolution = "high") -> int:
    """Tokens of one image as it is sent, the most that they can be where its size is not known (None).

    Family "resolution" is Gemini 3 and 4. Family "tiles" is Gemini 2.x, which does not follow `resolution` here;
    its most is that of an image whose sides are at most as 3 to 2.
    """
    if family == "resolution":
        return RESOLUTION_TOKENS[resolution]
    return _TILE_TOKENS * (_MOST_TILES if size is None else _tiles(*size))


def sent_size(size: Size, max_side_px: int = SENT_SIDE_PX) -> Size:
    """The size of an image that is scaled down to `max_side_px` a side, if it is larger, before it is sent."""
    share = min(1.0, max_side_px / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def _tiles(width_px: int, height_px: int) -> int:
    if max(width_px, height_px) <= _ONE_TILE_PX:
        return 1
    unit_px = max(1, int(min(width_px, height_px) / 1.5))
    return ceil(width_px / unit_px) * ceil(height_px / unit_px)


def text_tokens(text: str) -> int:
    """About how many tokens a text is, see `TEXT_ERROR`: a token is about four characters of English."""
    return ceil(len(text) / CHARACTERS_PER_TOKEN)


def output_tokens(style: Style, turns: int | None = None) -> int:
    """About how many tokens a reply is, without thinking; see `OUTPUT_TOKENS`."""
    return OUTPUT_TOKENS[style] * (_TURNS[style] if turns is None else turns)
