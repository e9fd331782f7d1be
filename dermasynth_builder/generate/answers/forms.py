"""Reads `prompts/answers/blocks/` and `plans.toml`: sentence forms, and which of them answer which question.

A block is a pool of forms with one meaning. A plan is the parts of an answer in order: names of blocks, kinds of
curated knowledge, or both with a bar between them where the first that is possible is taken. The head of plans.toml
says what the marks behind a part mean.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from dermasynth_builder.core.errors import PromptError
from dermasynth_builder.core.files import read_toml
from dermasynth_builder.generate.answers import notation
from dermasynth_builder.generate.answers.case import MARKS, Case, columns_of
from dermasynth_builder.generate.answers.knowledge import KINDS, TOPICS

PLANS = "plans.toml"
SOMETIMES = 0.5
_MANY = 10_000  # questions; there are some hundred wordings, and each is looked up for every image
_KNOWN = {"rival", "by", "knowledge"}  # slots that a block brings itself


@dataclass(frozen=True, slots=True)
class Block:
    """Forms of one meaning and when they apply."""

    say: tuple[str, ...]
    when: tuple[str, ...] = ()  # marks that a case has to have
    unless: tuple[str, ...] = ()  # marks that it must not have
    cite: str = ""  # a name in the references, where the sentences hold general knowledge
    absent: tuple[str, ...] = ()  # columns of facts of which the sentences say that they are not known
    about: tuple[str, ...] = ()  # columns of facts that the sentences rest on beside those of their slots and marks

    def __post_init__(self) -> None:
        """Raises ValueError where a form is not well formed or a condition is no mark."""
        if unknown := {*self.when, *self.unless} - MARKS.keys():
            raise ValueError(f"{', '.join(sorted(unknown))} is no mark of a case")
        for text in self.say:
            for slot in notation.slots(notation.parsed(text)):
                if not (columns_of(slot) or slot in _KNOWN or slot.startswith("measured_")):
                    raise ValueError(f"{{{slot}}} is no slot")

    def applies(self, case: Case) -> bool:
        """Whether the case has what the forms rest on."""
        return case.marks.issuperset(self.when) and case.marks.isdisjoint(self.unless)


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to answer the questions of a type that `asked` finds."""

    parts: tuple[str, ...]
    asked: str = ""  # a regular expression on the question; "" finds all
    question: str = ""  # for self-instruct: the block of the question
    when: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError where the expression or a condition is wrong."""
        try:
            re.compile(self.asked)
        except re.error as error:
            raise ValueError(f"{self.asked!r} is no regular expression: {error}") from error
        if unknown := {*self.when, *self.unless} - MARKS.keys():
            raise ValueError(f"{', '.join(sorted(unknown))} is no mark of a case")

    def finds(self, question: str) -> bool:
        """Whether the plan is one for that question."""
        return bool(re.search(self.asked, question))

    def applies(self, case: Case) -> bool:
        """Whether the case has what the plan asks for."""
        return case.marks.issuperset(self.when) and case.marks.isdisjoint(self.unless)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a plan: alternatives of which the first possible is taken."""

    alternatives: tuple[str, ...]
    is_required: bool
    share: float  # how often it is written where it can be


@cache
def part(text: str) -> Part:
    """ "mimics|rival", "what?" (where possible), "who~" (at times)."""
    mark = text[-1]
    return Part(tuple(text.rstrip("?~").split("|")), mark not in "?~", SOMETIMES if mark == "~" else 1.0)


@dataclass(frozen=True, slots=True)
class Forms:
    """All blocks and plans."""

    blocks: Mapping[str, tuple[Block, ...]]
    plans: Mapping[str, tuple[Plan, ...]]  # by question type
    _found: dict[tuple[str, str], tuple[Plan, ...]] = field(default_factory=dict, repr=False)

    def plans_for(self, question_type: str, question: str) -> tuple[Plan, ...]:
        """The plans of a type that find the question, in order."""
        asked = (question_type, question)
        if asked not in self._found:
            if len(self._found) >= _MANY:
                self._found.clear()
            self._found[asked] = tuple(plan for plan in self.plans.get(question_type, ()) if plan.finds(question))
        return self._found[asked]


@cache
def load_forms(folder: Path) -> Forms:
    """All forms of `prompts/answers/`. Raises PromptError where a file breaks its form or names what is not there."""
    blocks: dict[str, tuple[Block, ...]] = {}
    for path in sorted((folder / "blocks").glob("*.toml")):
        read = read_toml(path, dict[str, tuple[Block, ...]], PromptError)
        if doubled := blocks.keys() & read.keys():
            raise PromptError(f"{path}: {', '.join(sorted(doubled))} stands in another file too")
        blocks |= read
    plans = read_toml(folder / PLANS, dict[str, tuple[Plan, ...]], PromptError)
    for kind, of_kind in plans.items():
        for plan in of_kind:
            named = [name for text in plan.parts for name in part(text).alternatives]
            _require([*named, *([plan.question] if plan.question else [])], blocks, f"{folder / PLANS}, {kind}")
    return Forms(blocks, plans)


def _require(names: list[str], blocks: Mapping[str, tuple[Block, ...]], where: str) -> None:
    for name in names:
        topic, _, kind = name.rpartition(".")
        if (
            name not in blocks
            and not (kind in KINDS and topic in ("", "second", *TOPICS))
            and kind not in ("rival", "appearance")
        ):
            raise PromptError(f"{where}: {name!r} is no block and no kind of knowledge")
