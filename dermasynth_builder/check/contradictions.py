"""Flags what is recorded otherwise for the same picture elsewhere; who is right cannot be told from here."""

from collections.abc import Iterable, Iterator

from dermasynth_builder.core.records import Finding, Pair


def check_contradictions(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """One finding for each record of the picture that says otherwise."""
    for pair in pairs:
        for told in pair.image.contradictions:
            yield Finding(pair.pair_id, "contradictions", "flag", told)
