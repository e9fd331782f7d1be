"""The words that say how a model is asked, and what they mean: words into engine options. Pure."""

import argparse
import re
from typing import get_args

from dermasynth_builder.settings import DEFAULT_OPTIONS, EngineOptions, MediaResolution, Thinking
from dermasynth_builder.words import positive


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """What decides the answers, and so which ledger they are in."""
    group = parser.add_argument_group("engines that ask a model", "answers to other words are kept in another ledger")
    group.add_argument("--model", metavar="NAME", help="the model (default: the engine's)")
    group.add_argument("--thinking", choices=get_args(Thinking), help="how long it thinks (default: the model's)")
    group.add_argument(
        "--media-resolution",
        choices=get_args(MediaResolution),
        help="how finely Gemini looks at images, at 280, 560 or 1,120 tokens each (default: the model's)",
    )
    group.add_argument(
        "--max-output-tokens",
        type=positive,
        default=DEFAULT_OPTIONS.max_output_tokens,
        metavar="N",
        help=f"thoughts included (default: {DEFAULT_OPTIONS.max_output_tokens})",
    )
    group.add_argument(
        "--image-side",
        type=positive,
        default=DEFAULT_OPTIONS.image_side_px,
        metavar="N",
        help=f"larger images are sent with N pixels a side (default: {DEFAULT_OPTIONS.image_side_px})",
    )


def add_asking_options(parser: argparse.ArgumentParser) -> None:
    """What decides how fast, for how much and from where."""
    group = parser.add_argument_group("pace and money")
    group.add_argument("--concurrency", type=positive, default=DEFAULT_OPTIONS.concurrency, metavar="N",
        help=f"most requests in flight (default: {DEFAULT_OPTIONS.concurrency})")  # fmt: skip
    group.add_argument("--rpm", type=_amount, metavar="N", help="requests a minute")
    group.add_argument("--tpm", type=_amount, metavar="N", help="tokens a minute")
    group.add_argument("--rpd", type=positive, metavar="N", help="requests a day; a run stops there")
    group.add_argument("--usd-per-10-min", type=_amount, metavar="USD", help="spend in any ten minutes")
    group.add_argument("--max-usd", type=_amount, metavar="USD", help="stop when the replies in the ledger cost that")
    group.add_argument("--base-url", metavar="URL", help="another server than the service's own")
    group.add_argument("--timeout", type=_amount, metavar="S", help="seconds for one attempt (default: the engine's)")
    group.add_argument("--vertex", action="store_true", help="Gemini by Google Cloud's default credentials")
    group.add_argument("--allow-version-change", action="store_true", help="go on where the model's version changes")
    group.add_argument("--shard", type=_shard, default=(1, 1), metavar="I/N", help="ask only part I of N, by key")


def engine_options_of(arguments: argparse.Namespace) -> EngineOptions:
    """The options that the words ask for; what a command has no words for stays at its default."""
    given = vars(arguments)
    return EngineOptions(
        model=given.get("model"),
        thinking=given.get("thinking"),
        media_resolution=given.get("media_resolution"),
        max_output_tokens=given.get("max_output_tokens", DEFAULT_OPTIONS.max_output_tokens),
        image_side_px=given.get("image_side", DEFAULT_OPTIONS.image_side_px),
        base_url=given.get("base_url"),
        is_vertex=given.get("vertex", False),
        concurrency=given.get("concurrency", DEFAULT_OPTIONS.concurrency),
        timeout_s=given.get("timeout"),
        requests_per_minute=given.get("rpm"),
        tokens_per_minute=given.get("tpm"),
        requests_per_day=given.get("rpd"),
        usd_per_10_minutes=given.get("usd_per_10_min"),
    )


def _amount(text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", text) or float(text) == 0:
        raise argparse.ArgumentTypeError("write a number above zero")
    return float(text)


def _shard(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError("write which part of how many, as 2/5")
    return int(found[1]), int(found[2])
