"""Flags what another model says is contradicted; who is right is for a person to say, so nothing is left out."""

from collections.abc import Iterable, Iterator

from dermasynth_builder.core.plain import one_line, printable
from dermasynth_builder.core.records import Finding, Pair

_SHOWN = 160  # characters of a claim, and of a reason


def check_claims(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """One finding for each model that contradicts a claim, with the first claim that it contradicts."""
    for pair in pairs:
        for judgement in pair.judgements:
            contradicted = [each for each in judgement.claims if each.verdict == "contradicted"]
            if contradicted:
                claim, reason = (_shown(text) for text in (contradicted[0].claim, contradicted[0].reason))
                count = f"{len(contradicted)} of {len(judgement.claims)} claims"
                told = f"{judgement.verifier} contradicts {count}, the first {claim!r}: {reason}"
                yield Finding(pair.pair_id, "claims", "flag", told)


def _shown(text: str) -> str:
    return one_line(printable(text))[:_SHOWN]
