"""The card of a tuned model: what it was made from, its figures, its licences and duties. All numbers are computed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import yaml
from annotated_types import MinLen

from dermasynth_builder.core.plain import markdown
from dermasynth_builder.core.wording import join_words
from dermasynth_builder.read.licences import by_strictness
from dermasynth_builder.train.families import Family, family_of
from dermasynth_builder.train.run_card import RUN_CARD

_TEACHERS = {
    "gemini": "Rows written by Gemini fall under Google's API terms, which bar using them to build competing models.",
    "gpt": "Rows written by OpenAI's models fall under its terms, which bar using them to build competing models.",
    "claude": "Rows written by Claude fall under Anthropic's terms, which bar using them to build competing models.",
}


@dataclass(frozen=True, slots=True)
class _Share:
    n: int
    share: float | None


@dataclass(frozen=True, slots=True)
class _Malignancy:
    recall: _Share | None = None
    specificity: _Share | None = None


@dataclass(frozen=True, slots=True)
class _System:
    n: int
    patients: int
    accuracy: float
    balanced_accuracy: float
    balanced_accuracy_95: tuple[float, float]
    macro_f1: float
    unanswered: float
    malignancy: _Malignancy | None = None


@dataclass(frozen=True, slots=True)
class _Against:
    balanced_accuracy_95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Persistence:
    n: int
    answer_stays: float | None


@dataclass(frozen=True, slots=True)
class _Task:
    systems: Annotated[dict[str, _System], MinLen(1)]
    chance: float
    first_against: dict[str, _Against] = field(default_factory=dict)
    persistence: dict[str, _Persistence] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Open:
    n: int
    context: str
    any: float


@dataclass(frozen=True, slots=True)
class Scores:
    """What a card is made of, among all that a scores.json holds."""

    tasks: Annotated[dict[str, _Task], MinLen(1)]
    runs: list[str]  # identities of the trainings that the test was held against
    about: Annotated[dict[str, dict[str, Any]], MinLen(1)]
    open: dict[str, _Open] = field(default_factory=dict)


def card_text(repo: str, card: Mapping[str, Any], scores: Scores | None) -> str:
    """The card of the model that `card`, a finished run.json, is of; the first system of the scores is the model."""
    family, name = family_of(card["family"]), repo.partition("/")[2]
    block = yaml.safe_dump(_metadata(name, card, scores), sort_keys=False, allow_unicode=True)
    parts = [
        f"---\n{block}---\n# {name}",
        *(["Built with Llama."] if family.names_begin == "Llama" else []),
        _made_of(card),
        "For research. It is no medical device, and must not be used to diagnose or to treat anybody.",
        *(_figures(scores) if scores else ["It was not measured: no scores were given when this card was made."]),
        _duties(card, family),
    ]
    return "\n\n".join(parts) + "\n"


def _metadata(name: str, card: Mapping[str, Any], scores: Scores | None) -> dict[str, Any]:
    """The block at the head; figures on drawn specimens are not for lists of results, as they tell nothing of skin."""
    is_adapter = card["options"]["method"] != "full"
    found: dict[str, Any] = {
        "base_model": card["base"]["model"],
        "base_model_relation": "adapter" if is_adapter else "finetune",
        "library_name": "peft" if is_adapter else "transformers",
        "pipeline_tag": "image-text-to-text",
        "license": "other",
        "tags": ["dermatology", "dermasynth"],
    }
    if scores is None or card["is_specimen"]:
        return found
    results = [
        {
            "task": {"type": "image-text-to-text"},
            "dataset": {"name": f"DermaSynth closed questions, {kind}", "type": "dermasynth"},
            "metrics": [
                {"type": "balanced_accuracy", "value": first.balanced_accuracy},
                {"type": "macro_f1", "value": first.macro_f1},
                {"type": "accuracy", "value": first.accuracy},
            ],
        }
        for kind, task in scores.tasks.items()
        for first in [next(iter(task.systems.values()))]
    ]
    return found | {"model-index": [{"name": name, "results": results}]}


def _made_of(card: Mapping[str, Any]) -> str:
    options = card["options"]
    rows = ", ".join(f"{count:,} rows of {source}" for source, count in card["sources"].items())
    digests = ", ".join(f"{source} {digest}" for source, digest in card["release"].items())
    shown = {
        "record": "The recorded facts that an answer uses stood before its question.",
        "question": "It was tuned on bare questions, and will invent ages, biopsies and complaints.",
        "closed": "It was tuned on closed questions with one answer each.",
    }[options["context"]]
    at = f" at {card['base']['revision'][:12]}" if card["base"]["revision"] else ""
    drawn = " The images are drawn specimens: it knows nothing of real skin." if card["is_specimen"] else ""
    return (
        f"Tuned from `{card['base']['model']}`{at} ({options['method']}) on {rows} of a DermaSynth release "
        f"({digests}), {card['steps']:,} updates, seed {options['seed']}. {shown}{drawn} `{RUN_CARD}` says all that it "
        "was made from, and who was in it."
    )


def _figures(scores: Scores) -> Iterator[str]:
    yield (
        f"## Figures\n\n`{next(iter(scores.about))}` is this model, on patients who were not in its training. "
        "Intervals draw patients. An item without an answer counts as wrong. A majority vote, shuffled labels and a "
        "linear probe on small pictures are what it has to be better than, as are blank pictures, those of others, and "
        "none."
    )
    for kind, task in scores.tasks.items():
        first = next(iter(task.systems.values()))
        yield "\n".join(
            [
                f"### {markdown(kind)}\n",
                f"{first.n} items of {first.patients} patients; a guess comes to {task.chance:.3f}.\n",
                "| | balanced accuracy (95 %) | macro-F1 | malignant recall (n) | specificity (n) | no answer |",
                "|---|---|---|---|---|---|",
                *(_line(name, each) for name, each in task.systems.items()),
            ]
        )
        if told := [*_differences(task), *_staying(task)]:
            yield "\n".join(told)
    if scores.open:
        yield "\n".join(
            f"- Of {each.n} open answers of {markdown(name)} (context {each.context}), {each.any:.3f} state an age, a "
            "sex or a confirmation that nobody gave it."
            for name, each in scores.open.items()
        )


def _line(name: str, each: _System) -> str:
    low, high = each.balanced_accuracy_95
    malignancy = each.malignancy or _Malignancy()
    return (
        f"| {markdown(name)} | {each.balanced_accuracy:.3f} ({low:.3f}-{high:.3f}) | {each.macro_f1:.3f} "
        f"| {_share(malignancy.recall)} | {_share(malignancy.specificity)} | {each.unanswered:.3f} |"
    )


def _share(share: _Share | None) -> str:
    return "" if share is None or share.share is None else f"{share.share:.3f} ({share.n})"


def _differences(task: _Task) -> Iterator[str]:
    first = next(iter(task.systems))
    for name, each in task.first_against.items():
        low, high = each.balanced_accuracy_95
        yield f"- {markdown(first)} less {markdown(name)}: {low:+.3f} to {high:+.3f}"


def _staying(task: _Task) -> Iterator[str]:
    for name, each in task.persistence.items():
        if each.answer_stays is not None:
            yield (
                f"- {markdown(name)}: {each.answer_stays:.3f} of {each.n} answers stay as they were on the right "
                "patient's image"
            )


def _duties(card: Mapping[str, Any], family: Family) -> str:
    strictest = by_strictness(card["licences"])[-1]
    told = [told for word, told in _TEACHERS.items() if any(word in writer.lower() for writer in card["writers"])]
    lines = [
        f"- Of the base model: {family.terms}. {family.duties}",
        f"- Of the images, the strictest of {_named(card['licences'])}: {markdown(strictest.name)}. {strictest.asks}",
        f"- Who wrote the rows: {_named(card['writers'])}. {' '.join(told)}".rstrip(),
    ]
    return "\n".join(["## Licences and duties\n", *lines])


def _named(names: Iterable[str]) -> str:
    """Names that tables and services have given."""
    return join_words(sorted(map(markdown, names)))
