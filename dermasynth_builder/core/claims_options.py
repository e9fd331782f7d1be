"""What `dermasynth claims` is asked to do."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt

from dermasynth_builder.core.option import Option


@dataclass(frozen=True, slots=True)
class ClaimsOptions:
    """Who checks what."""

    verifier: Annotated[str, Option("the engine that checks", "--by", metavar="ENGINE")] = "gemini"
    verifier_model: Annotated[
        str | None,
        Option("its model, best of another family than the writer's (default: its own)", "--by-model", metavar="NAME"),
    ] = None
    verifier_url: Annotated[str | None, Option("address of its server", "--by-url", metavar="URL")] = None
    pairs: Annotated[int | None, Option("check N pairs, drawn by chance (default: all)", "--pairs"), Gt(0)] = None
    judged: Annotated[
        int, Option("have N pairs, drawn by chance, scored from 1 to 5 on six axes as well", "--judge"), Ge(0)
    ] = 0
    max_usd: Annotated[
        float | None, Option("stop when its replies have cost that much", "--max-usd", metavar="USD"), Gt(0)
    ] = None
    is_dry: Annotated[bool, Option("say what would be asked, and stop", "--dry-run")] = False
