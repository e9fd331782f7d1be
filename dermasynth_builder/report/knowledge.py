"""How far the curated knowledge of the template engine reaches: the table of docs/knowledge.md.

An image that has a diagnosis, or conditions that were considered, is reached by a kind of sentence where one of its
leading condition fits it; `look` is `dermoscopy` for a dermoscopic image.
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
    unreached: Mapping[str, int]  # diagnosis of which something is missing -> images


def coverage_of(images: Iterable[ClinicalImage]) -> Coverage:
    """How many of the labelled images each kind of curated sentence reaches."""
    knowledge = knowledge_in(resource_dir("prompts") / "answers" / "knowledge")
    labelled, reached, unreached = 0, Counter(dict.fromkeys(KINDS, 0)), Counter[str]()
    for image in images:
        case = case_of(image.facts, image.modality)
        if not image.facts.diagnosis:
            continue
        labelled += 1
        for kind in KINDS:
            by_modality = "dermoscopy" if kind == "look" and image.modality == "dermoscopic" else kind
            told = knowledge.of_diagnosis(image.facts.diagnosis, by_modality)
            is_reached = any(each.fits(case) for sentences in told for each in sentences)
            reached[kind] += is_reached
            unreached[image.facts.diagnosis] += not is_reached
    return Coverage(labelled, reached, +unreached)


def coverage_row(source: str, coverage: Coverage) -> str:
    """One row of the table."""
    shares = (f"{coverage.reached[kind] / max(1, coverage.labelled):.1%}" for kind in KINDS)
    return f"| {source} | {coverage.labelled:,} | {' | '.join(shares)} |"


def main() -> None:
    """Prints the table: `python -m dermasynth_builder.report.knowledge pad_ufes=DIR scin=DIR ...`."""
    print(f"| source | labelled images | {' | '.join(KINDS)} |")
    print("|---|---:" + "|---:" * len(KINDS) + "|")
    for argument in sys.argv[1:]:
        source, _, folder = argument.partition("=")
        read = registry.source(source).read(Path(folder))
        coverage = coverage_of(item for item in read if isinstance(item, ClinicalImage))
        print(coverage_row(source, coverage))
        for diagnosis, count in Counter(coverage.unreached).most_common(12):
            print(f"{source}: {diagnosis}: {count} lacking", file=sys.stderr)


if __name__ == "__main__":
    main()
