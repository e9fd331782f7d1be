"""Goes by what persons said of a pair: leaves out what most of them would, and flags what they doubt."""

from collections.abc import Iterable, Iterator, Sequence

from dermasynth_builder.core.records import AXES, Finding, Pair, Review, Severity

_LOW = 2  # of 5


def check_reviews(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """See `dermasynth_builder.core.protocols.Check`."""
    for pair in pairs:
        for severity, reason in _said(pair.reviews) if pair.reviews else ():
            yield Finding(pair.pair_id, "review", severity, reason)


def _said(reviews: Sequence[Review]) -> Iterator[tuple[Severity, str]]:
    leaving = sum(review.verdict == "leave_out" for review in reviews)
    if leaving:
        reason = f"{leaving} of {len(reviews)} who read it would leave it out"
        yield "reject" if 2 * leaving > len(reviews) else "flag", reason
    for axis in AXES:
        scores = [score for score in (getattr(review, axis) for review in reviews) if score is not None]
        if scores and min(scores) <= _LOW:
            yield "flag", f"{axis} {min(scores)} of 5"
    if any(review.corrected_answer for review in reviews):
        yield "flag", "a reader has corrected the answer"
