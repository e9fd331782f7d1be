"""What `dermasynth cost` was asked to estimate: plain values, as those of `core.options`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import Gt

from dermasynth_builder.core.option import Option
from dermasynth_builder.core.options import Resolution, Thinking

_ABOVE_ZERO = Gt(0)


@dataclass(frozen=True, slots=True)
class CostOptions:
    """What to estimate, and what to assume."""

    models: Annotated[
        Sequence[str],
        Option("name of a model; may be repeated (default: all of the price table)", "--model", metavar="M"),
    ] = ()
    prices: Annotated[Path | None, Option("price table in place of the shipped", "--prices", metavar="FILE")] = None
    resolution: Annotated[
        Resolution, Option("how finely images are looked at", "--media-resolution", metavar="LEVEL")
    ] = "high"
    thinking: Annotated[Thinking, Option("how long models think", "--thinking", metavar="LEVEL")] = "medium"
    image_tokens: Annotated[
        int | None, Option("tokens of an image, for models whose rule is not known", "--image-tokens"), _ABOVE_ZERO
    ] = None
    rpm: Annotated[int | None, Option("requests a minute (default: the price table's)", "--rpm"), _ABOVE_ZERO] = None
    tpm: Annotated[int | None, Option("input tokens a minute (default: the price table's)", "--tpm"), _ABOVE_ZERO] = (
        None
    )
    is_from_ledger: Annotated[bool, Option("extrapolate from the replies in WORK/ledgers as well", "--from-ledger")] = (
        False
    )
