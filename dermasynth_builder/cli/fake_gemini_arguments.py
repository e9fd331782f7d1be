"""The words of `dermasynth fake-gemini`, and the service that they ask for."""

import argparse
from typing import TYPE_CHECKING

from dermasynth_builder.cli.words import positive
from dermasynth_builder.core.options import DEFAULT_SEED
from dermasynth_builder.invented.fake_gemini.faults import ENDINGS, LASTING, PASSING, ending_of, shares_of

if TYPE_CHECKING:
    from dermasynth_builder.invented.fake_gemini.service import FakeGemini

_FAULTS = f"""\
kinds of --fault:
  another attempt may come through: {", ".join(PASSING)}
  every attempt at the same request: {", ".join(LASTING)}
  batch jobs as a whole: {", ".join(ENDINGS)}
The first two strike requests online and rows of batch jobs alike.
"""


def add_fake_options(parser: argparse.ArgumentParser) -> None:
    """How the service goes, and how it goes wrong."""
    parser.description = f"{parser.description}\n\n{_FAULTS}"
    parser.add_argument("--port", type=int, default=8099, help="where to listen on 127.0.0.1 (default: 8099)")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="of the answers and faults")
    parser.add_argument("--latency-ms", type=float, default=0.0, metavar="MS", help="how long an answer takes")
    parser.add_argument("--rpm", type=float, metavar="N", help="requests a minute, then 429")
    parser.add_argument("--rpd", type=int, metavar="N", help="requests in all, then 429 for the day")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="KIND=SHARE",
        help="how often something goes wrong, as safety=0.01 or job-expired=0.3; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--job-looks", type=positive, default=2, metavar="N", help="looks at a batch job until it ends (default: 2)"
    )
    parser.add_argument(
        "--job-tokens", type=positive, metavar="N", help="tokens in all batch jobs that have not ended, then 429"
    )


def fake_of(arguments: argparse.Namespace) -> "FakeGemini":
    """The service that the words ask for. Raises UsageError for a fault that there is not."""
    from dermasynth_builder.invented.fake_gemini.batches import FakeBatches
    from dermasynth_builder.invented.fake_gemini.service import FakeGemini

    seed, shares = arguments.seed, shares_of(arguments.fault)
    return FakeGemini(
        seed=seed,
        shares=shares,
        latency_s=arguments.latency_ms / 1000,
        per_minute=arguments.rpm,
        per_day=arguments.rpd,
        batches=FakeBatches(
            looks_until_ended=arguments.job_looks,
            most_tokens=arguments.job_tokens,
            ending=lambda job: ending_of(job.name, shares, seed=seed),
        ),
    )
