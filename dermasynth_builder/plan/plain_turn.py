"""A question as a tuned model was asked in training: what is recorded, a fact a line, and the question."""

from collections.abc import Iterable
from dataclasses import replace

from dermasynth_builder.core.records import Facts
from dermasynth_builder.plan.facts_in_words import metadata_lines

GIVEN_DIAGNOSIS = frozenset({"next_steps", "patient_explanation", "context", "complaints", "evolution", "history"})
"""Question types that start from the diagnosis. In all others, those that come later included, it is to be found."""

_TO_BE_FOUND = (
    *("diagnosis", "diagnosis_published", "diagnosis_isic", "malignancy", "malignancy_published"),
    *("differential", "differential_weights"),
    "is_melanocytic",  # says half of the diagnosis
)


def facts_beside(question_type: str, told: Facts) -> Facts:
    """Of the facts that an engine is told, those that may stand beside a question: all but what is to be found."""
    if question_type in GIVEN_DIAGNOSIS:
        return told
    empty = Facts()
    return replace(told, **{name: getattr(empty, name) for name in _TO_BE_FOUND})


def known_lines(question_type: str, told: Facts) -> list[str]:
    """The facts of `facts_beside` in words, one a line."""
    return metadata_lines(facts_beside(question_type, told))


def user_turn(question: str, known: Iterable[str]) -> str:
    """What is known, one fact a line, then the question; the question alone where nothing is."""
    lines = [f"- {line}" for line in known]
    return "\n".join(["Known:", *lines, "", question]) if lines else question
