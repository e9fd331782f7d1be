"""The words that say how a model is asked, and what they mean: words into engine options."""

import argparse
import re
from typing import get_args

from dermasynth_builder.cli.words import positive
from dermasynth_builder.core.options import DEFAULT_OPTIONS, BatchOptions, EngineOptions, MediaResolution, Thinking


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """What decides the answers, and so which ledger they are in."""
    group = parser.add_argument_group("engines that ask a model", "changing one of these starts a new ledger")
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
    group.add_argument(
        "--rpd", type=positive, metavar="N", help="requests a day, by all runs in WORK; a run stops there"
    )
    group.add_argument("--usd-per-10-min", type=_amount, metavar="USD", help="spend in any ten minutes")
    group.add_argument("--max-usd", type=_amount, metavar="USD", help="stop when the replies in the ledger cost that")
    group.add_argument("--base-url", metavar="URL", help="another server than the service's own")
    group.add_argument("--timeout", type=_amount, metavar="S", help="seconds for one attempt (default: the engine's)")
    group.add_argument("--vertex", action="store_true", help="Gemini on Vertex, by Google Cloud's default credentials, "
        "GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION (default: global)")  # fmt: skip
    group.add_argument("--allow-version-change", action="store_true", help="continue where the model's version changes")
    group.add_argument("--shard", type=_shard, default=(1, 1), metavar="I/N", help="ask only part I of N, by key")


def add_batch_options(parser: argparse.ArgumentParser) -> None:
    """How rows are handed in where they go in batches."""
    default = DEFAULT_OPTIONS.batch
    group = parser.add_argument_group("batches (gemini_batch)", "half the price; a job may take a day")
    group.add_argument("--batch-rows", type=positive, default=default.most_rows, metavar="N",
        help=f"rows of a shard, which is one job (default: {default.most_rows})")  # fmt: skip
    group.add_argument("--enqueued-tokens", type=positive, metavar="N",
        help="tokens that may wait at once in all jobs (default: until the service says that it is full)")  # fmt: skip
    group.add_argument("--deadline", type=_amount, metavar="HOURS",
        help="cancel a job that takes longer, and ask its rows online at the full price")  # fmt: skip
    group.add_argument("--poll", type=_amount, default=default.poll_s, metavar="S",
        help=f"seconds between two looks; more while nothing happens (default: {default.poll_s:g})")  # fmt: skip


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
        batch=BatchOptions(
            most_rows=given.get("batch_rows", DEFAULT_OPTIONS.batch.most_rows),
            enqueued_tokens=given.get("enqueued_tokens"),
            deadline_h=given.get("deadline"),
            poll_s=given.get("poll", DEFAULT_OPTIONS.batch.poll_s),
        ),
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
