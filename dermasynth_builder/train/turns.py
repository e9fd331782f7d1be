"""What a model is shown in training: the user's turn with the facts that no picture holds, and the answer.

A model that is tuned on questions alone, with answers that speak of ages, biopsies and complaints, learns to invent
them. So by default the recorded facts stand before the question, and what the answer has to find does not.
"""

import re
from dataclasses import dataclass
from typing import Literal

from dermasynth_builder.core.closed import Item
from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.records import Turn
from dermasynth_builder.plan.plain_turn import known_lines, user_turn
from dermasynth_builder.train.rows import Row

_IMAGE_MARK = re.compile(r"<image>|<\|image\|>|<image_soft_token>|<start_of_image>|<\|image_pad\|>|<\|vision_start\|>")


@dataclass(frozen=True, slots=True)
class Example:
    """One example for a trainer: an exchange about one image."""

    name: str  # unique: the pair's id, or the item's
    row: Row  # whose image it is about
    messages: tuple[Turn, ...]  # user first, then in turn


def known_of(row: Row) -> list[str]:
    """The facts that stand before the question of a row, in words; none where the engine was told none."""
    return known_lines(row.question_type, row.facts) if row.is_told else []


def example_of(row: Row, context: Literal["record", "question"]) -> Example:
    """The row as a trainer gets it. Raises ReleaseError where its turns cannot be trained on."""
    first, *rest = row.messages
    if context == "record":
        first = Turn("user", user_turn(first.content, known_of(row)))
    return checked_example(Example(row.pair_id, row, (first, *rest)))


def example_of_item(item: Item, row: Row) -> Example:
    """The item as a trainer gets it."""
    turns = (Turn("user", item.question), Turn("assistant", item.answer))
    return checked_example(Example(item.item_id, row, turns))


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
