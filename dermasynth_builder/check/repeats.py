"""Across the pairs of an image: the same thing said twice."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from dermasynth_builder.core.records import Finding, Pair


def check_repeats(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Rejects a pair whose question or answer an earlier pair of the same image has already.

    The pairs of an image stand together, as in a release.
    """
    for _, same_image in groupby(pairs, key=lambda pair: (pair.image.source, pair.image.image_id)):
        seen: dict[tuple[str, str], str] = {}
        for pair in same_image:
            for name, text in (("question", pair.question), ("answer", pair.answer)):
                earlier = seen.setdefault((name, " ".join(text.lower().split())), pair.pair_id)
                if earlier != pair.pair_id:
                    yield Finding(pair.pair_id, "repeats", "reject", f"has the {name} of {earlier}")
                    break
