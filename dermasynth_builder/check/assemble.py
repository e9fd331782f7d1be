"""Replies become pairs: parsed, checked, split."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dermasynth_builder import __version__
from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.options import DEFAULT_SPLITS
from dermasynth_builder.core.protocols import Check
from dermasynth_builder.core.records import (
    SPLITS,
    AnyRequest,
    ClinicalImage,
    Finding,
    Pair,
    Reply,
    Split,
    Turn,
    share_of,
)
from dermasynth_builder.plan import reply_form


@dataclass(frozen=True, slots=True)
class ReleaseTerms:
    """What holds for all pairs of a release."""

    engine: str
    seed: int
    split_shares: tuple[float, float, float] = DEFAULT_SPLITS
    flags: tuple[str, ...] = ()  # of every pair
    withdrawn: Mapping[str, str] = field(default_factory=dict)  # pair, or "source/image" -> why it is not published


@dataclass(frozen=True, slots=True)
class Reject:
    """A reply that does not become a row, and why."""

    pair_id: str
    request_key: str
    reasons: tuple[str, ...]
    question: str
    reply: str | None  # verbatim
    question_type: str = ""


def assemble(
    answered: Iterable[tuple[AnyRequest, Reply | None]], images: Mapping[str, ClinicalImage], terms: ReleaseTerms
) -> Iterator[Pair | Reject]:
    """The pairs of each request that has a good reply, in the order given; requests without any are left out.

    `images` holds the images of the requests by id.
    """
    for request, reply in answered:
        if reply is None:
            continue
        try:
            for exchange in reply_form.exchanges(request, reply):
                pair = _pair(request, reply, exchange, image=images[request.image_id], terms=terms)
                yield _unless_withdrawn(pair, terms)
        except reply_form.BadReply as error:
            text = reply.text or reply.failed_text
            reasons = (f"reply: {error}",)
            yield Reject(request.pair_id, request.key, reasons, request.question, text, request.question_type)


def _unless_withdrawn(pair: Pair, terms: ReleaseTerms) -> Pair | Reject:
    image = f"{pair.image.source}/{pair.image.image_id}"
    if why := terms.withdrawn.get(pair.pair_id) or terms.withdrawn.get(image):
        return Reject(pair.pair_id, pair.request_key, (f"withdrawn {why}",), pair.question, None, pair.question_type)
    return pair


def split_of(image: ClinicalImage, terms: ReleaseTerms) -> Split:
    """The split of the image's group: by a hash of the group, so that no group is in two splits.

    Where the release parts train and test itself, its test is ours, and validation is taken from its train. Groups
    that share a picture are drawn as one; see `check.copies`.
    """
    source, official = image.source, image.official_split
    if image.shared:
        source, official = image.shared.source, image.shared.official_split
    train, validation, test = terms.split_shares
    if official == "test":
        return "test"
    kept = train + validation
    shares = (train / kept, validation / kept, 0.0) if official and kept else (train, validation, test)
    share = share_of(terms.seed, source, "split", image.group_id)
    for split, end in zip(SPLITS, _cumulated(shares), strict=True):
        if share < end:
            return split
    return SPLITS[0]


def checked(items: Iterable[Pair | Reject], checks: Sequence[Check]) -> Iterator[Pair | Reject]:
    """The pairs of one image after all checks, each with its flags or as a reject; rejects stay as they are.

    Raises ReleaseError where a check names a pair that it was not given.
    """
    items = list(items)
    pairs = [item for item in items if isinstance(item, Pair)]
    findings: dict[str, list[Finding]] = {pair.pair_id: [] for pair in pairs}
    for check in checks:
        for finding in check(pairs):
            if finding.pair_id not in findings:
                raise ReleaseError(f"the check {finding.check} names {finding.pair_id}, which is no pair of the image")
            findings[finding.pair_id].append(finding)
    for item in items:
        yield apply_findings(item, findings[item.pair_id]) if isinstance(item, Pair) else item


def apply_findings(pair: Pair, findings: Sequence[Finding]) -> Pair | Reject:
    """The pair with its flags, or a reject with its reasons."""
    if not findings:
        return pair
    rejecting = tuple(f"{f.check}: {f.reason}" for f in findings if f.severity == "reject")
    if rejecting:
        return Reject(pair.pair_id, pair.request_key, rejecting, pair.question, pair.answer, pair.question_type)
    flags = tuple(f"{f.check}: {f.reason}" for f in findings if f.severity == "flag")
    return replace(pair, flags=pair.flags + flags)


def _pair(
    request: AnyRequest, reply: Reply, exchange: reply_form.Exchange, *, image: ClinicalImage, terms: ReleaseTerms
) -> Pair:
    messages = exchange.turns
    return Pair(
        pair_id=request.pair_id_of(exchange.step.slot),
        image=image,
        split=split_of(image, terms),
        question=messages[0].content,
        answer=messages[1].content,
        messages=messages,
        style=request.style,
        question_type=exchange.step.question_type,
        references=reply.references,
        engine=terms.engine,
        model=reply.model,
        model_version=reply.model_version,
        prompt_id=request.prompt_id,
        prompt_sha256=request.prompt_sha256,
        is_metadata_shown=request.is_metadata_shown,
        seed=terms.seed,
        generated_at=reply.answered_at,
        builder_version=__version__,
        request_key=request.key,
        cost_usd=reply.cost_usd,
        grounds=tuple(ground for ground in reply.grounds if _is_said(ground.sentence, messages)),
        flags=terms.flags,
    )


def _is_said(sentence: str, messages: Sequence[Turn]) -> bool:
    """Whether an answer holds the sentence; one reply may bring several pairs."""
    return any(sentence in turn.content for turn in messages if turn.role == "assistant")


def _cumulated(shares: Iterable[float]) -> Iterator[float]:
    end = 0.0
    for share in shares:
        end += share
        yield end
