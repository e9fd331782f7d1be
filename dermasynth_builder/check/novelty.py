"""Reads the question banks. Across all pairs: questions that a model wrote and that are not new."""

from collections.abc import Iterable, Iterator

from dermasynth_builder.core.records import Finding, Pair
from dermasynth_builder.plan.questions import load_prompt_book
from dermasynth_builder.plan.similarity import Known


class Novelty:
    """Rejects a self-instruct question that is near a wording of the banks or an accepted question of its source.

    What no model wrote is left alone: the template engine words its questions from forms, as a bank does.
    """

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}  # by source

    def __call__(self, pairs: Iterable[Pair]) -> Iterator[Finding]:
        """See `dermasynth_builder.core.protocols.Check`."""
        for pair in pairs:
            if pair.style != "self_instruct" or pair.model is None:
                continue
            of_source = self._of(pair.image.source)
            if like := of_source.nearest(pair.question):
                yield Finding(pair.pair_id, "novelty", "reject", f"ROUGE-L {like[1]:.2f} with {like[0]!r}")
            else:
                of_source.add([pair.question])

    def _of(self, source: str) -> Known:
        if source not in self._known:
            self._known[source] = Known().add(load_prompt_book(sources=[source]).wordings(source))
        return self._known[source]
