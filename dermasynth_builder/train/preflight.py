"""What a trainer does wrongly without a word, looked for in two collated examples before the first step.

Each of these trains to a healthy loss: no pixels in the batch, the same pixels for two pictures, labels that the model
has no row for, no label at all, an answer that is cut off, a stop that is never learned, the question among the labels.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dermasynth_builder.core.errors import TrainError
from dermasynth_builder.train.turns import Example

NO_LABEL = -100
Collate = Callable[[list[dict[str, Any]]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Learner:
    """What of a model and its processor decides what two examples teach it."""

    decode: Callable[[Sequence[int]], str]  # token ids -> text, without special tokens
    stops: Collection[int]  # ids of the tokens that end a turn
    head_rows: int  # how many tokens it can answer with
    image_mark: str  # what stands for a picture in a text; "" where the family has none


@dataclass(frozen=True, slots=True)
class Figures:
    """What was seen of the examples that were looked at."""

    examples: int
    tokens: int  # of the longest
    labels: int  # of all
    pixels: tuple[int, ...]  # shape of the batch


def examples_to_check(examples: Sequence[Example]) -> tuple[Example, Example]:
    """The longest example by letters, and the shortest about another picture. Raises TrainError where there is none."""
    by_length = sorted(examples, key=lambda each: sum(len(turn.content) for turn in each.messages))
    longest = by_length[-1] if by_length else None
    for each in by_length:
        if longest and each.row.image_sha256 != longest.row.image_sha256:
            return longest, each
    raise TrainError("there are no two examples about two pictures to train on; build a larger release")


def check(
    collate: Collate, rows: Sequence[dict[str, Any]], answers: Sequence[Sequence[str]], *, learner: Learner
) -> Figures:
    """Collates the rows as the trainer would and looks at what they teach.

    `rows` are about different pictures; `answers` holds the assistant's turns of each. Raises TrainError, which names
    what is wrong.
    """
    for row in rows:
        text = " ".join(str(turn["content"]) for turn in row["messages"])
        if learner.image_mark and learner.image_mark in text:
            raise TrainError(
                f"a text holds {learner.image_mark}, which this model reads as a picture; export without it"
            )
    try:
        batch = collate([dict(row) for row in rows])
    except (ValueError, RuntimeError, IndexError, TypeError) as error:
        raise TrainError(f"two rows cannot be made a batch: {error}. {_what_to_do(str(error))}") from error
    pixels = batch.get("pixel_values")
    _check_pixels(pixels, len(rows))
    labels = batch["labels"].tolist()
    for number, (ids, said) in enumerate(zip(labels, answers, strict=True), 1):
        _check_labels([each for each in ids if each != NO_LABEL], said, learner, where=f"row {number}")
    trained = sum(each != NO_LABEL for ids in labels for each in ids)
    return Figures(len(rows), len(labels[0]), trained, tuple(pixels.shape) if pixels is not None else ())


def _what_to_do(message: str) -> str:
    if "token" in message and ("Mismatch" in message or "mismatch" in message):
        return "The tokens of a picture are cut off: leave --length out, or make it longer"
    return "Try the newest transformers and trl that dermasynth[train] allows, or another model"


def _check_pixels(pixels: Any, rows: int) -> None:
    if pixels is None:
        raise TrainError("no pixels are in a batch: the model would be tuned blind, on text alone")
    if rows > 1 and len(pixels) % rows == 0:
        first, second = pixels[: len(pixels) // rows], pixels[len(pixels) // rows : 2 * (len(pixels) // rows)]
        if bool((first == second).all()):
            raise TrainError("two pictures come to the same pixels: the model would be tuned blind")


def _check_labels(ids: Sequence[int], answers: Sequence[str], learner: Learner, *, where: str) -> None:
    if not ids:
        raise TrainError(f"{where}: nothing of the answer is learned, the loss would be 0; leave --length out")
    if max(ids) >= learner.head_rows:
        raise TrainError(
            f"{where}: a label is {max(ids)}, and the model answers with {learner.head_rows} tokens; the picture's own "
            "token is learned, as where the loss is on all of the text"
        )
    learned, wanted = "".join(learner.decode(ids).split()), "".join("".join(answers).split())
    if learned != wanted:
        if wanted.startswith(learned):
            raise TrainError(f"{where}: the answer is cut off; leave --length out, or make it longer")
        if wanted in learned:
            raise TrainError(f"{where}: the question is learned too; the loss must be on the answer alone")
        raise TrainError(f"{where}: what is learned is {learner.decode(ids)[:80]!r}, and not the answer")
    if not any(each in learner.stops for each in ids[-2:]):
        raise TrainError(
            f"{where}: the end of the answer is not learned, the model would never stop; check its template"
        )
