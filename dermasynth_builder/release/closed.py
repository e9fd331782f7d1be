"""Closed questions about an image, made from its recorded facts: one right answer each, and no free text."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from string import ascii_uppercase
from types import MappingProxyType
from typing import Protocol, TypeVar

from dermasynth_builder.core.closed import TASKS, Form, Item, Task
from dermasynth_builder.core.options import DEFAULT_SEED
from dermasynth_builder.core.records import Facts, Modality, Split, digest, share_of
from dermasynth_builder.plan.facts_in_words import IMAGES

MOST_NAMED, LETTERED = 12, 4
"""How many options a question names at most, and how many it gives letters."""

_TRUTHS: tuple[str, ...] = ("true", "false")
_ASKED: Mapping[Task, tuple[str, str]] = MappingProxyType(
    {
        "diagnosis": (
            "Which diagnosis is recorded for this image?",
            "The diagnosis recorded for this image is {value}.",
        ),
        "malignancy": ("How is this finding classed?", "This finding is classed as {value}."),
        "body_site": ("Which place on the body does this image show?", "This image shows: {value}."),
        "modality": ("Which kind of image is this?", "This image is a {value}."),
    }
)
"""Task -> how it is asked, and a statement that may be true or false. Neither holds the answer by itself."""


class Pictured(Protocol):
    """What is asked about: an image with its facts."""

    @property
    def source(self) -> str: ...
    @property
    def image_id(self) -> str: ...
    @property
    def image_sha256(self) -> str: ...
    @property
    def group_id(self) -> str: ...
    @property
    def split(self) -> Split: ...
    @property
    def modality(self) -> Modality: ...
    @property
    def facts(self) -> Facts: ...


About = TypeVar("About", bound=Pictured)


@dataclass(frozen=True, slots=True)
class ClosedQuestions:
    """Makes the items of rows; the options are what a release records of a source."""

    values: Mapping[tuple[str, Task], tuple[str, ...]]  # (source, task) -> all values, sorted
    tasks: Sequence[Task]
    forms: Sequence[Form]
    seed: int = DEFAULT_SEED

    @classmethod
    def of(
        cls,
        rows: Iterable[Pictured],
        tasks: Sequence[Task] = (),
        forms: Sequence[Form] = (),
        *,
        seed: int = DEFAULT_SEED,
    ) -> "ClosedQuestions":
        """For the sources of these rows, from the facts of all; by default all tasks, answered by name."""
        found: dict[tuple[str, Task], set[str]] = {}
        for row in rows:
            found[row.source, "modality"] = set(IMAGES.values())
            for task in TASKS:
                if value := recorded(row, task):
                    found.setdefault((row.source, task), set()).add(value)
        options = {key: tuple(sorted(values)) for key, values in found.items()}
        return cls(options, tuple(dict.fromkeys(tasks)) or TASKS, tuple(dict.fromkeys(forms)) or ("named",), seed)

    def items(self, row: Pictured) -> Iterator[Item]:
        """The items of the row's image: one for each task that its facts answer, in each form."""
        for task in self.tasks:
            gold, values = recorded(row, task), self.values.get((row.source, task), ())
            if gold and len(values) > 1:
                for form in self.forms:
                    yield self._item(row, task, form, gold=gold)

    def _item(self, row: Pictured, task: Task, form: Form, *, gold: str) -> Item:
        name = f"{row.source}/{row.image_id}/{task}/{form}"
        draw = Random(f"{self.seed}/{name}")  # noqa: S311 - a draw, not a secret
        asked, statement = _ASKED[task]
        values = self.values[row.source, task]
        others = [value for value in values if value != gold]
        if form == "true_false":
            is_true = share_of(self.seed, name, "truth") < 0.5
            shown = statement.format(value=gold if is_true else draw.choice(others))
            options, gold = _TRUTHS, _TRUTHS[0 if is_true else 1]
            question = f"True or false? {shown} Answer with true or false."
        else:
            most = LETTERED if form == "lettered" else MOST_NAMED
            drawn = [gold, *draw.sample(others, min(len(others), most - 1))]
            options = tuple(draw.sample(drawn, len(drawn)))
            question = _with_options(asked, options, form)
        facts = row.facts
        return Item(
            item_id=name,
            task=task,
            form=form,
            question=question,
            options=options,
            gold=gold,
            source=row.source,
            image_id=row.image_id,
            image_sha256=row.image_sha256,
            group_id=row.group_id,
            split=row.split,
            modality=row.modality,
            fitzpatrick=facts.fitzpatrick,
            diagnosis=facts.diagnosis,
            diagnosis_isic=facts.diagnosis_isic,
            malignancy=facts.malignancy,
        )


def _with_options(asked: str, options: Sequence[str], form: Form) -> str:
    if form == "named":
        return f"{asked} Options: {'; '.join(options)}. Answer with one of them."
    lines = [f"{letter}. {option}" for letter, option in zip(ascii_uppercase, options, strict=False)]
    return "\n".join([asked, *lines, "Answer with the letter."])


def balanced(items: Iterable[Item]) -> list[Item]:
    """The same, with the right answers of lettered questions on each letter alike: guessing one letter gains nothing.

    Among items of a source, a task and as many options each letter comes in turn, in the order of a hash of their ids.
    """
    listed, turns = list(items), Counter[tuple[str, Task, int]]()
    place_of: dict[str, int] = {}
    for item in sorted(listed, key=lambda item: digest(item.item_id)):
        if item.form == "lettered":
            kind = item.source, item.task, len(item.options)
            place_of[item.item_id] = turns[kind] % len(item.options)
            turns[kind] += 1
    return [_moved(item, place_of[item.item_id]) if item.item_id in place_of else item for item in listed]


def _moved(item: Item, place: int) -> Item:
    """The item with its right answer at that place; the other options keep their order."""
    others = [option for option in item.options if option != item.gold]
    options = (*others[:place], item.gold, *others[place:])
    return replace(item, options=options, question=_with_options(_ASKED[item.task][0], options, item.form))


def recorded(row: Pictured, task: Task) -> str | None:
    """What the facts say to a task; None where they say nothing."""
    if task == "modality":
        return IMAGES[row.modality]
    value: str | None = getattr(row.facts, task)
    return value


def one_an_image(rows: Iterable[About]) -> Iterator[About]:
    """The first row of each image, for an image has several pairs."""
    seen: set[tuple[str, str]] = set()
    for row in rows:
        if (row.source, row.image_id) not in seen:
            seen.add((row.source, row.image_id))
            yield row
