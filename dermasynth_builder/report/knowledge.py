"""How far the curated knowledge of the template engine reaches: the table of docs/knowledge.md.

An image that has a diagnosis is reached by a kind of sentence where one of that diagnosis fits the image; `look` is
`dermoscopy` for a dermoscopic image.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dermasynth_builder.core import registry
from dermasynth_builder.core.files import resource_dir
from dermasynth_builder.core.records import ClinicalImage
from dermasynth_builder.generate.answers.case import case_of
from dermasynth_builder.generate.answers.knowledge import knowledge_in

KINDS = ("what", "look", "mimics", "next", "lay")


@dataclass(frozen=True, slots=True)
class Coverage:
    """Counts of one source."""

    labelled: int
    reached: Mapping[str, int]  # kind -> images


def coverage_of(images: Iterable[ClinicalImage]) -> Coverage:
    """How many of the labelled images each kind of curated sentence reaches."""
    knowledge = knowledge_in(resource_dir("prompts") / "answers" / "knowledge")
    labelled, reached = 0, Counter(dict.fromkeys(KINDS, 0))
    for image in images:
        if not image.facts.diagnosis:
            continue
        labelled += 1
        case = case_of(image.facts, image.modality)
        for kind in KINDS:
            by_modality = "dermoscopy" if kind == "look" and image.modality == "dermoscopic" else kind
            told = knowledge.of_diagnosis(image.facts.diagnosis, by_modality)
            reached[kind] += any(each.fits(case) for sentences in told for each in sentences)
    return Coverage(labelled, reached)


def coverage_row(source: str, coverage: Coverage) -> str:
    """One row of the table."""
    shares = (f"{coverage.reached[kind] / max(1, coverage.labelled):.1%}" for kind in KINDS)
    return f"| {source} | {coverage.labelled:,} | {' | '.join(shares)} |"


def main() -> None:
    """Writes the table: `python -m dermasynth_builder.report.knowledge pad_ufes=DIR scin=DIR ...`."""
    lines = [f"| source | labelled images | {' | '.join(KINDS)} |", "|---|---:" + "|---:" * len(KINDS) + "|"]
    for argument in sys.argv[1:]:
        source, _, folder = argument.partition("=")
        read = registry.source(source).read(Path(folder))
        lines.append(coverage_row(source, coverage_of(item for item in read if isinstance(item, ClinicalImage))))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
