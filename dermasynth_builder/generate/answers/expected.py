"""What a diagnosis shows in general, for the prompts of models that are to be told of it. Reads `prompts/answers/`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

from dermasynth_builder.core.files import resource_dir
from dermasynth_builder.core.records import Facts, Modality, digest
from dermasynth_builder.generate.answers.case import case_of
from dermasynth_builder.generate.answers.knowledge import Knowledge, knowledge_in

MOST = 3
"""Sentences that a prompt holds at most."""


@dataclass(frozen=True)  # without slots, for what is made once
class ExpectedFeatures:
    """See `dermasynth_builder.core.protocols.KnowsDiagnoses`."""

    knowledge: Knowledge

    @cached_property
    def digest(self) -> str:
        """See `KnowsDiagnoses.digest`."""
        return digest([asdict(entry) for entry in self.knowledge.entries.values()])

    def expected(self, facts: Facts, modality: Modality) -> Sequence[str]:
        """See `KnowsDiagnoses.expected`: of the recorded diagnosis alone, and nothing that a fact speaks against."""
        case, kind = case_of(facts, modality), "dermoscopy" if modality == "dermoscopic" else "look"
        for sentences in self.knowledge.of_diagnosis(facts.diagnosis, kind) if facts.diagnosis else ():
            if fitting := [each.say for each in sentences if each.fits(case)]:
                return fitting[:MOST]
        return ()


def expected_features() -> ExpectedFeatures:
    """What the package's own texts say."""
    return ExpectedFeatures(knowledge_in(resource_dir("prompts") / "answers" / "knowledge"))
