"""Replies become pairs: parsed, checked, split."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dermasynth_builder import __version__
from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.protocols import Check
from dermasynth_builder.core.records import (
    AnyRequest,
    ClinicalImage,
    Finding,
    Judgement,
    Pair,
    Reply,
    Review,
    Split,
    Turn,
    canonical_json,
    text_digest,
)
from dermasynth_builder.plan import reply_form
from dermasynth_builder.plan.looks import OUTCOMES, UNUSABLE

_UNFIT, _DECLINED = "image unfit: ", "declined: "
_IMAGE, _JOB = "image_sha256", "batch"  # among a reply's parameters; the first is a column, the second a service's own
Parameter = str | int | float | None


@dataclass(frozen=True, slots=True)
class ReleaseTerms:
    """What holds for all pairs of a release."""

    engine: str
    seed: int
    splits: Mapping[str, Split]  # by group
    flags: tuple[str, ...] = ()  # of every pair
    reviews: Mapping[str, tuple[Review, ...]] = field(default_factory=dict)  # by `text_digest`
    judgements: Mapping[str, tuple[Judgement, ...]] = field(default_factory=dict)  # by `text_digest`
    withdrawn: Mapping[str, str] = field(default_factory=dict)  # pair, or "source/image" -> why it is not published
    folds: Mapping[str, int] = field(default_factory=dict)  # by group, where folds are wanted
    asked_with: Mapping[str, Parameter] = field(default_factory=dict)  # what the engine asks every request with


@dataclass(frozen=True, slots=True)
class Reject:
    """A reply that does not become a row, and why."""

    pair_id: str
    request_key: str
    reasons: tuple[str, ...]
    question: str
    reply: str | None  # verbatim
    question_type: str = ""

    @property
    def is_outcome(self) -> bool:
        """Whether the model itself says that there is no answer; it is not asked again."""
        return self.reasons[0].startswith((_UNFIT, _DECLINED))


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
            yield from _items(request, reply, image=images[request.image_id], terms=terms)
        except reply_form.BadReply as error:
            yield _reject(request, f"reply: {error}", reply.text or reply.failed_text)


def _items(request: AnyRequest, reply: Reply, *, image: ClinicalImage, terms: ReleaseTerms) -> Iterator[Pair | Reject]:
    """The pairs of a reply, or why a model says that there is none. Raises BadReply."""
    exchanges, told = reply_form.read(request, reply)
    look = reply_form.look_of(request, reply) if request.style == "look" else None
    if look and look.quality == UNUSABLE:
        yield _reject(request, f"{_UNFIT}{look.quality_reason}", reply.text)
    if told and told.outcome != OUTCOMES[0]:
        yield _reject(request, f"{_DECLINED}{told.outcome}", reply.text)
    for exchange in exchanges:
        pair = _unless_withdrawn(_pair(request, reply, exchange, image=image, terms=terms), terms)
        if told and isinstance(pair, Pair):
            pair = _with_testimony(pair, told)
        yield pair


def _reject(request: AnyRequest, reason: str, text: str | None) -> Reject:
    return Reject(request.pair_id, request.key, (reason,), request.question, text, request.question_type)


def _with_testimony(pair: Pair, told: reply_form.Testimony) -> Pair:
    """The pair with what the model says beside its answer."""
    return replace(
        pair,
        certainty=told.certainty,
        observed=told.observed,
        cites=told.cites,
        not_assessable=told.not_assessable,
        conflict=told.conflict,
    )


def _unless_withdrawn(pair: Pair, terms: ReleaseTerms) -> Pair | Reject:
    image = f"{pair.image.source}/{pair.image.image_id}"
    if why := terms.withdrawn.get(pair.pair_id) or terms.withdrawn.get(image):
        return Reject(pair.pair_id, pair.request_key, (f"withdrawn {why}",), pair.question, None, pair.question_type)
    return pair


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
    messages, pair_id = exchange.turns, request.pair_id_of(exchange.step.slot)
    return Pair(
        pair_id=pair_id,
        image=image,
        split=terms.splits[image.group_id],
        fold=terms.folds.get(image.group_id),
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
        **_said_of(pair_id, messages, terms),
        look_prompt_sha256=request.look.prompt_sha256 if request.look else None,
        finish_reason=reply.finish_reason,
        parameters=canonical_json({**terms.asked_with, **own}) if (own := _asked_with(reply)) else None,
        sent_image_sha256=_sent_image(reply),
    )


def _said_of(pair_id: str, messages: Sequence[Turn], terms: ReleaseTerms) -> dict[str, Any]:
    """What persons and other models say of this very text."""
    if not (terms.reviews or terms.judgements):
        return {}
    text = text_digest(pair_id, ((turn.role, turn.content) for turn in messages))
    return {"reviews": terms.reviews.get(text, ()), "judgements": terms.judgements.get(text, ())}


def _sent_image(reply: Reply) -> str | None:
    sent = reply.parameters.get(_IMAGE)
    return sent if isinstance(sent, str) else None


def _asked_with(reply: Reply) -> dict[str, Parameter]:
    return {name: value for name, value in reply.parameters.items() if name not in (_IMAGE, _JOB)}


def _is_said(sentence: str, messages: Sequence[Turn]) -> bool:
    """Whether an answer holds the sentence; one reply may bring several pairs."""
    return any(sentence in turn.content for turn in messages if turn.role == "assistant")
