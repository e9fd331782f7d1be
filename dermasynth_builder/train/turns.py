"""What a model is shown in training: the user's turn with the facts that no picture holds, and the answer.

A model that is tuned on questions alone, with answers that speak of ages, biopsies and complaints, learns to invent
them. So by default the recorded facts stand before the question, and what the answer has to find does not.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.records import Facts, Turn
from dermasynth_builder.plan.facts_in_words import metadata_lines
from dermasynth_builder.train.rows import Row

GIVEN_DIAGNOSIS = frozenset({"next_steps", "patient_explanation", "context", "complaints", "evolution", "history"})
"""Question types that start from the diagnosis. In all others, those that come later included, it is to be found."""

_TO_BE_FOUND = (
    *("diagnosis", "diagnosis_published", "diagnosis_isic", "malignancy", "malignancy_published"),
    *("differential", "differential_weights"),
    "is_melanocytic",  # says half of the diagnosis
)
_IMAGE_MARK = re.compile(r"<image>|<\|image\|>|<image_soft_token>|<start_of_image>|<\|image_pad\|>|<\|vision_start\|>")


@dataclass(frozen=True, slots=True)
class Example:
    """One example for a trainer: an exchange about one image."""

    name: str  # unique: the pair's id, or the item's
    row: Row  # whose image it is about
    messages: tuple[Turn, ...]  # user first, then in turn


def facts_shown(row: Row) -> Facts:
    """The facts that stand before the question of a row: what the engine was told, less what is to be found."""
    if not row.is_told:
        return Facts()
    if row.question_type in GIVEN_DIAGNOSIS:
        return row.facts
    empty = Facts()
    return replace(row.facts, **{name: getattr(empty, name) for name in _TO_BE_FOUND})


def known_lines(row: Row) -> list[str]:
    """The facts of `facts_shown` in words, one a line."""
    return metadata_lines(facts_shown(row))


def user_turn(question: str, known: Iterable[str]) -> str:
    """The user's first turn: what is known, one fact a line, then the question."""
    lines = [f"- {line}" for line in known]
    return "\n".join(["Known:", *lines, "", question]) if lines else question


def example_of(row: Row, context: Literal["record", "question"]) -> Example:
    """The row as a trainer gets it. Raises ReleaseError where its turns cannot be trained on."""
    first, *rest = row.messages
    if context == "record":
        first = Turn("user", user_turn(first.content, known_lines(row)))
    return checked_example(Example(row.pair_id, row, (first, *rest)))


def checked_example(example: Example) -> Example:
    """The example itself. Raises ReleaseError where a trainer would stumble over it in the middle of its run."""
    roles = [turn.role for turn in example.messages]
    if not roles or roles != ["user", "assistant"] * (len(roles) // 2):
        raise ReleaseError(f"{example.name}: its turns are {', '.join(roles)}, and not user and assistant in turn")
    for turn in example.messages:
        if found := _IMAGE_MARK.search(turn.content):
            raise ReleaseError(
                f"{example.name}: the text holds {found[0]!r}, which a model reads as a picture; build the release anew"
            )
        if not turn.content.strip():
            raise ReleaseError(f"{example.name}: the turn of the {turn.role} is empty; build the release anew")
    return example
