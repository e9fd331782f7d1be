"""What the checks say of answers that no model wrote: nothing is left out, and hardly one is called what it is not."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder.check.assemble import Reject, ReleaseTerms, assemble, checked
from dermasynth_builder.core import registry
from dermasynth_builder.core.options import PlanOptions
from dermasynth_builder.core.protocols import ChoosesQuestions
from dermasynth_builder.core.records import ClinicalImage, Ground, Pair
from dermasynth_builder.core.registry import SOURCES, source
from dermasynth_builder.generate.run import Run
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import load_prompt_book
from tests.support.clinical_images import clinical_image, many_facts, pair

BOOK = load_prompt_book(sources=SOURCES)
OF_TEXTS = frozenset({"form", "speech", "diagnosis", "modality", "person", "unseen", "advice"})
"""Checks that read what an answer says; the others hold rows or columns against each other."""
SHARE = 0.01


def items_of(images: Sequence[ClinicalImage], options: PlanOptions = PlanOptions()) -> Iterator[Pair | Reject]:  # noqa: B008 - frozen
    """What becomes of the template engine's answers about the images."""
    engine = registry.engine("template")
    assert isinstance(engine, ChoosesQuestions)
    planner, checks = Planner(BOOK, 0, options, engine), [registry.check(name) for name in registry.CHECKS]
    terms = ReleaseTerms("template", 0, {image.group_id: "train" for image in images})
    for image in images:
        requests = list(planner.requests([image]))
        answered = list(zip(requests, engine.answer(requests, Run()), strict=True))
        yield from checked(assemble(answered, {image.image_id: image}, terms), checks)


def alarms_in(images: Sequence[ClinicalImage], options: PlanOptions = PlanOptions()) -> list[tuple[str, str]]:  # noqa: B008 - frozen
    """Flags of the checks that read texts, with the answers; none is left out, and few enough have one."""
    items = list(items_of(images, options))
    assert not [item for item in items if isinstance(item, Reject) and not item.reasons[0].startswith("repeats")]
    pairs = [item for item in items if isinstance(item, Pair)]
    found = [(flag, each.answer) for each in pairs for flag in each.flags if flag.partition(":")[0] in OF_TEXTS]
    assert len(found) <= SHARE * len(pairs), "\n".join(map(str, found))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [PlanOptions(), PlanOptions(self_instruct_share=0.5), PlanOptions(is_together=True)]
)
@pytest.mark.parametrize("name", sorted(SOURCES))
def test_no_answer_of_the_engine_without_a_model_is_called_what_it_is_not(name: str, options: PlanOptions) -> None:
    facts = [each for each in many_facts() if each.diagnosis != "a disease nobody curated"]
    images = [clinical_image(f"image_{n}", facts[n % len(facts)], source=name) for n in range(2 * len(facts))]
    alarms_in(images, options)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("name", ["pad_ufes", "bcn20000", "scin", "hiba", "derm12345"])
def test_over_the_real_tables_nothing_is_left_out_and_under_one_percent_is_flagged(name: str, real_data: Path) -> None:
    images = [each for each in source(name).read(real_data / name) if isinstance(each, ClinicalImage)]
    counts = Counter(flag.partition(":")[0] for flag, _ in alarms_in(images[:4000]))
    assert set(counts) <= OF_TEXTS


@pytest.mark.parametrize(("grounds", "is_flagged"), [((), True), (("reference", "doi:10.1/1"), False)])
def test_a_sentence_that_says_what_a_reference_says_is_general(grounds: tuple[str, str], *, is_flagged: bool) -> None:
    """So it is where its words alone would not show it; a fact as a ground makes no sentence general."""
    said = "A sore that bleeds at a touch and crusts is the one to know."
    asked = pair("What is to be known of it?", said, image=clinical_image(facts=many_facts()[1]), model=None)
    asked = replace(asked, image=replace(asked.image, facts=replace(asked.image.facts, bleeds=False)))
    told = replace(asked, grounds=tuple(Ground(said, *each) for each in ([grounds] if grounds else [])))  # type: ignore[arg-type]
    of_fact = replace(asked, grounds=(Ground(said, "fact", "diagnosis"),))
    check = registry.check("unseen")
    assert bool(list(check([told]))) is is_flagged
    assert list(check([of_fact]))
