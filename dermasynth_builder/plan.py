"""Which questions each image gets, and the requests that ask them. Pure.

Draws are made from the item's own identity, so that adding or dropping an image changes no other's.
"""

from collections.abc import Iterable, Iterator
from random import Random

from dermasynth_builder import describe, replies
from dermasynth_builder.questions import PromptBook, QuestionType, fill, prompt_id
from dermasynth_builder.records import ClinicalImage, Request

SLOTS = ("general", "source")
"""Each image gets one question of the general bank and one of its source's."""


def plan_requests(images: Iterable[ClinicalImage], book: PromptBook, seed: int) -> Iterator[Request]:
    """The requests of each image, in the order of `SLOTS`; images in the order given.

    A slot for which no type has all its facts is left out.
    """
    for image in images:
        yield from _requests_of(image, book, seed)


def _requests_of(image: ClinicalImage, book: PromptBook, seed: int) -> Iterator[Request]:
    topics: set[str] = set()
    for slot in SLOTS:
        bank = book.banks.get("general" if slot == "general" else image.source, ())
        kinds = [kind for kind in bank if kind.suits(image.facts, image.modality) and kind.topic not in topics]
        if not kinds:
            continue
        draw = Random(f"{seed}/{image.source}/{image.image_id}/{slot}")  # noqa: S311 - a draw, not a secret
        kind = draw.choice(kinds)
        topics.add(kind.topic)
        question = fill(draw.choice(kind.wordings), image.facts)
        yield _request(image, book, slot=slot, kind=kind, question=question)


def _request(image: ClinicalImage, book: PromptBook, *, slot: str, kind: QuestionType, question: str) -> Request:
    facts = describe.told(image.facts)
    return Request(
        source=image.source,
        image_id=image.image_id,
        slot=slot,
        style=kind.style,
        question_type=kind.name,
        question=question,
        prompt=book.render(kind, question, modality=image.modality, facts=facts),
        prompt_id=prompt_id(kind),
        reply_schema=replies.SCHEMAS[kind.style],
        modality=image.modality,
        facts=facts,
        is_metadata_shown=True,
        image_sha256=image.file.sha256 if image.file else None,
        image_path=image.path,
    )
