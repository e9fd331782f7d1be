"""What a model may say it sees: the vocabulary of each kind of image, and the codes of what makes an image unfit.

The terms stand in `prompts/looks/<modality>.toml`, so that what is seen can be counted and compared over all images.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dermasynth_builder.core.errors import PromptError
from dermasynth_builder.core.files import read_toml
from dermasynth_builder.core.records import Look, LookMode, Modality, Observation, canonical_json

OTHER = "other"  # for what the vocabulary has no term for
UNUSABLE = "unusable"
QUALITIES = ("good", "limited", UNUSABLE)
REASONS = ("none", "blurred", "badly lit", "covered", "too small", "no skin", "several pictures", "other")
OUTCOMES = ("answered", "image unfit", "question unfit", "unsafe to answer")
CERTAINTIES = ("high", "moderate", "low")
CONFLICTS = ("none", "record and image disagree", "label weakly supported")
MOST_OBSERVED = 8


@dataclass(frozen=True, slots=True)
class Term:
    """A word for something that an image can show."""

    name: str
    meaning: str  # in plain words, as the model is told


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    term: tuple[Term, ...]

    def __post_init__(self) -> None:
        """Raises ValueError where a term stands twice, or is the one that is always there."""
        names = [term.name for term in self.term]
        if doubled := {name for name in names if names.count(name) > 1} | ({OTHER} & set(names)):
            raise ValueError(f"these terms stand twice, or are always there: {', '.join(sorted(doubled))}")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a reply has to say beside its answer, as far as it shapes the reply schema."""

    mode: LookMode = "off"
    terms: tuple[str, ...] = ()  # that observations may use, where they are asked for
    ids: tuple[str, ...] = ()  # of the observations that were made before


NO_EVIDENCE = Evidence()

ASSUMED = Look(
    tuple(
        Observation(f"o{n}", "homogeneous pattern", "brown pigment spread over the whole lesion") for n in range(1, 5)
    ),
    ("the surface", "the depth"),
    QUALITIES[0],
    REASONS[0],
)
"""What a plan takes an image to show before anybody has looked: about as long as a model's own."""


def load_terms(folder: Path, modalities: Iterable[Modality]) -> Mapping[Modality, tuple[Term, ...]]:
    """The vocabulary of each kind of image. Raises PromptError."""
    return {name: read_toml(folder / f"{name}.toml", _Vocabulary, PromptError).term for name in modalities}


def look_text(look: Look) -> str:
    """The look as canonical JSON, as it stands in files."""
    return canonical_json([look.observed, look.not_assessable, look.quality, look.quality_reason, look.prompt_sha256])


def look_from(written: str) -> Look:
    """The look that `look_text` wrote. Raises ValueError for anything else."""
    observed, not_assessable, *told = json.loads(written)
    return Look(tuple(Observation(*each) for each in observed), tuple(not_assessable), *told)


def names(terms: Iterable[Term]) -> tuple[str, ...]:
    """The terms that a reply may use, the catch-all last."""
    return (*(term.name for term in terms), OTHER)
