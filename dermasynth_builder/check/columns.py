"""Across the columns of a row: recorded facts that do not go together."""

import itertools
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from dermasynth_builder.check.prose.vocabulary import are_related, concept
from dermasynth_builder.core.records import Facts, Finding, Malignancy, Pair

NAME = "columns"
_MELANOCYTIC = re.compile(r"melanocytic (?:proliferations|nevus)|\(Melanoma\)", re.IGNORECASE)
_NOT_MELANOCYTIC = re.compile(r"not melanocytic", re.IGNORECASE)
_UNDECIDED = re.compile(r"^[A-Za-z]+$|Collision|- Other|Exogenous|solid cancer", re.IGNORECASE)
_CLASSES = ("benign", "indeterminate", "malignant")


def check_columns(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Flags a row whose lineage, class, age, weights or history contradict each other.

    The ISIC taxonomy is the one measure of all sources: where two of them give one diagnosis different lineages or
    classes, one is not that of its node.
    """
    for pair in pairs:
        for reason in _reasons(pair.image.facts):
            yield Finding(pair.pair_id, NAME, "flag", reason)


def _reasons(facts: Facts) -> Iterator[str]:
    if facts.diagnosis_isic:
        named = facts.diagnosis or facts.diagnosis_isic
        yield from _of_node(facts.diagnosis_isic, named, facts.malignancy, is_melanocytic=facts.is_melanocytic)
    published = (facts.malignancy_published or "").lower()
    if facts.malignancy and published in _CLASSES and published != facts.malignancy:
        yield f"the class is published as {published}; its node is {facts.malignancy}: {facts.diagnosis_isic}"
    if (
        facts.age_years is not None
        and facts.age_band
        and (limits := [int(each) for each in re.findall(r"\d+", facts.age_band)])
    ) and not limits[0] <= facts.age_years <= (limits[1] if len(limits) > 1 else 130):
        yield f"the age is {facts.age_years}, its band {facts.age_band}"
    if facts.has_melanoma_history and facts.has_skin_cancer_history is False:
        yield "there is melanoma in the history, and no skin cancer"
    weights = facts.differential_weights
    if weights and len(weights) != len(facts.differential):
        yield f"{len(facts.differential)} conditions were considered, with {len(weights)} weights"
    if any(one < other for one, other in itertools.pairwise(weights)):
        yield "the conditions considered are not in the order of their weights"
    if facts.diagnosis and facts.differential and not _is_considered(facts):
        yield f"{facts.diagnosis} is recorded, and was not among the conditions considered"


@lru_cache(maxsize=4096)  # a set has few diagnoses
def _of_node(node: str, named: str, malignancy: Malignancy | None, *, is_melanocytic: bool | None) -> tuple[str, ...]:
    reasons: list[str] = []
    is_of_lineage = bool(_MELANOCYTIC.search(node)) and not _NOT_MELANOCYTIC.search(node)
    if is_melanocytic is not None and not _UNDECIDED.search(node) and is_melanocytic is not is_of_lineage:
        told, other = ("melanocytic", "not melanocytic") if is_melanocytic else ("not melanocytic", "melanocytic")
        reasons.append(f"{named} is recorded as {told}; its node is {other}: {node}")
    first = node.partition(":")[0].lower()
    if malignancy and first in _CLASSES and first != malignancy:
        reasons.append(f"the class is {malignancy}, the node {node}")
    return tuple(reasons)


def _is_considered(facts: Facts) -> bool:
    recorded = concept((facts.diagnosis or "").lower(), facts.diagnosis_isic)
    return any(are_related(recorded, concept(each.lower())) for each in facts.differential)
