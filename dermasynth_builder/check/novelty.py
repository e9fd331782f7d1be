"""Reads the question banks. Across all pairs: questions that a model wrote and that are not new."""

from collections.abc import Iterable, Iterator

from dermasynth_builder.core.records import Finding, Pair
from dermasynth_builder.plan.questions import load_prompt_book
from dermasynth_builder.plan.similarity import Known


def check_novelty(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Rejects a self-instruct question that is near a wording of the banks or an accepted question of its source.

    What no model wrote is left alone: the template engine words its questions from forms, as a bank does.
    """
    known: dict[str, Known] = {}
    for pair in pairs:
        if pair.style != "self_instruct" or pair.model is None:
            continue
        source = pair.image.source
        of_source = known.get(source) or Known().add(load_prompt_book(sources=[source]).wordings(source))
        known[source] = of_source
        if like := of_source.nearest(pair.question):
            yield Finding(pair.pair_id, "novelty", "reject", f"ROUGE-L {like[1]:.2f} with {like[0]!r}")
        else:
            of_source.add([pair.question])
