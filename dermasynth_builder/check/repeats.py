"""Across the pairs of an image: the same thing said twice."""

from collections.abc import Iterable, Iterator

from dermasynth_builder.core.records import Finding, Pair


def check_repeats(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Rejects a pair whose question or answer an earlier pair of the same image has already."""
    seen: dict[tuple[str, str, str, str], str] = {}
    for pair in pairs:
        for name, text in (("question", pair.question), ("answer", pair.answer)):
            told = " ".join(text.lower().split())
            earlier = seen.setdefault((pair.image.source, pair.image.image_id, name, told), pair.pair_id)
            if earlier != pair.pair_id:
                yield Finding(pair.pair_id, "repeats", "reject", f"has the {name} of {earlier}")
                break
