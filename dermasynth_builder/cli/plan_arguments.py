"""The words that say what is asked, and what they mean: words into plan options."""

import argparse

from dermasynth_builder.cli.words import percent, positive
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.options import DEFAULT_SEED, PlanOptions

_DEFAULT = PlanOptions()


def add_planning_options(parser: argparse.ArgumentParser) -> None:
    """What shapes the requests; the same words have to be given to every command of a run."""
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help=f"seed of all draws (default: {DEFAULT_SEED})")
    parser.add_argument(
        "--metadata", choices=("shown", "hidden"), default="shown",
        help="hidden: the same questions, but the engine is not told the recorded facts (default: shown)",
    )  # fmt: skip
    parser.add_argument(
        "--self-instruct", type=percent, default=_DEFAULT.self_instruct_share, metavar="PERCENT",
        help="share of the pairs whose question the engine writes itself (default: 8.3, at most 50)",
    )  # fmt: skip
    parser.add_argument(
        "--conversations", type=percent, default=_DEFAULT.conversation_share, metavar="PERCENT",
        help="share of the images that get a conversation in place of their general question (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--rounds", type=positive, default=_DEFAULT.rounds, metavar="N",
        help=f"rounds of self-instruct, each showing questions accepted before (default: {_DEFAULT.rounds})",
    )  # fmt: skip
    parser.add_argument(
        "--together", action="store_true", help="both questions of an image in one request: about 30 %% cheaper"
    )
    parser.add_argument(
        "--limit", type=positive, metavar="N",
        help="N images of each source, of as many diagnoses as can be, the same on each run (default: all)",
    )  # fmt: skip
    add_where(parser)


def add_where(parser: argparse.ArgumentParser) -> None:
    """Which images or pairs are wanted."""
    parser.add_argument(
        "--where", action="append", default=[], metavar="FIELD=VALUE,...",
        help='only those whose fact is one of these, as "diagnosis=melanoma,nevus"; several --where must all hold',
    )  # fmt: skip


def plan_options_of(arguments: argparse.Namespace) -> PlanOptions:
    """The options that the words ask for. Raises UsageError where the shares do not go together."""
    if 2 * arguments.self_instruct + arguments.conversations > 1:
        raise UsageError(
            "--self-instruct is a share of all pairs and --conversations one of the images, of which each gives two "
            "pairs: twice the one and the other must not be more than 100 together"
        )
    return PlanOptions(
        self_instruct_share=arguments.self_instruct,
        conversation_share=arguments.conversations,
        rounds=arguments.rounds,
        is_metadata_shown=arguments.metadata == "shown",
        is_together=arguments.together,
        limit=arguments.limit,
        where=tuple(arguments.where),
    )
