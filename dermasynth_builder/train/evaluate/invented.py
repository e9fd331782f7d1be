"""Open answers: how often they contradict the record, and state what neither the picture nor the turn holds.

The checks that a release is held to find what contradicts a fact, and what no image shows; an age, a sex and a
confirmation that are stated although the turn holds none are found here.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import ScoreError
from dermasynth_builder.core.records import ClinicalImage, Pair, Turn, share_of
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.generate.foreign import parsed
from dermasynth_builder.train.evaluate.predict import answerer, batches, require_not_trained_on, run_cards, weights
from dermasynth_builder.train.families import presets
from dermasynth_builder.train.options import InventedOptions, PredictOptions
from dermasynth_builder.train.pictures import PictureOptions, handed_on
from dermasynth_builder.train.rows import OpenRelease, Row, open_release
from dermasynth_builder.train.run_card import write_json
from dermasynth_builder.train.turns import Example, example_of

Kind = Literal["age", "sex", "confirmation"]

_NUMBER = r"(?:\d{1,3}|[a-z]+ty(?:-[a-z]+)?)"
STATED: Mapping[Kind, re.Pattern[str]] = MappingProxyType(
    {
        "age": re.compile(
            rf"\b{_NUMBER}[- ]years?[- ]old\b|\baged (?:about )?{_NUMBER}\b"
            rf"|\bage (?:of|is|was|:) ?(?:about )?{_NUMBER}\b|\bat (?:age )?{_NUMBER}(?: years)?\b"
            rf"|\b{_NUMBER} years of age\b",
            re.IGNORECASE,
        ),
        "sex": re.compile(r"\b(?:wo)?man\b|\b(?:fe)?male\b|\bgirl\b|\bboy\b", re.IGNORECASE),
        "confirmation": re.compile(
            r"\b(?:proven|confirmed|established) by (?:a )?(?:biopsy|histopathology|tissue)|\bbiopsy[- ]proven\b"
            r"|\bmade clinically\b|\bwithout (?:a |any )?biopsy\b|\bclinical(?:ly)? diagnos\w+ without\b"
            r"|\bagreed on by experts\b|\b(?:a|no|the) (?:biopsy|histology) (?:has|had|was)\b|\btissue was examined\b"
            r"|\brests? on (?:histology|a biopsy)\b|\b(?:no histology|histology stands)\b|\bmade the diagnosis by\b",
            re.IGNORECASE,
        ),
    }
)
"""Kind of fact -> how an answer states one of this patient. By words alone: a few general sentences count too."""


def invented(answer: str, turn: str) -> set[Kind]:
    """The kinds of fact that an answer states and the user's turn does not hold in any form."""
    held = {kind: bool(pattern.search(turn)) or _LABELLED[kind] in turn for kind, pattern in STATED.items()}
    return {kind for kind, pattern in STATED.items() if pattern.search(answer) and not held[kind]}


_LABELLED: Mapping[Kind, str] = MappingProxyType(
    {"age": "Age of the patient", "sex": "Sex of the patient", "confirmation": "biopsy"}
)


def measure_invention(model: str, release: Path, options: InventedOptions, *, report: Reporter) -> dict[str, Any]:
    """Has a model answer questions of held-out rows, writes what it said into `options.to`, and gives the rates.

    Raises ScoreError where there are no rows, one was trained on, or the file holds something else.
    """
    opened = open_release(release, options.sources)
    examples = {row.pair_id: example_of(row, options.context) for row in _drawn(opened, options)}
    for card in run_cards(model, options.adapter):
        require_not_trained_on({name: example.row for name, example in examples.items()}, card)
    if options.to.exists():
        read_rates(options.to)  # whatever else it is would be lost
    said = _answers(presets().get(model, model), examples, opened, options=options, report=report)
    rates = invention_rates([(example.messages[0].content, text) for example, text in said])
    rates |= {"checks": check_rates([(example.row, text) for example, text in said])}
    about = {
        "model": presets().get(model, model),
        "weights": weights(model, options.adapter),
        "release": opened.content_digests,
        "split": options.split,
        "context": options.context,
    }
    lines = [{"pair_id": e.name, "turn": e.messages[0].content, "answer": text} for e, text in said]
    write_json(options.to, {**about, **rates, "answers": lines})
    shown = ", ".join(f"{kind} {share:.3f}" for kind, share in rates["stated_without_record"].items())
    report.say(f"{rates['n']} answers, {rates['any']:.3f} invent something ({shown}); written to {options.to}")
    found = ", ".join(f"{name} {each['share']:.3f}" for name, each in rates["checks"].items())
    report.say(f"{rates['n']} answers, the share in which a check finds something: {found}")
    return rates


def _drawn(opened: OpenRelease, options: InventedOptions) -> list[Row]:
    rows = sorted(opened.rows([options.split]), key=lambda row: share_of(options.seed, row.pair_id))[: options.rows]
    if not rows:
        raise ScoreError(f"{opened.folder} has no rows in its split {options.split}; choose another --split")
    return rows


def _answers(
    model: str,
    examples: Mapping[str, Example],
    opened: OpenRelease,
    *,
    options: InventedOptions,
    report: Reporter,
) -> list[tuple[Example, str]]:
    """What the model says to the first turn of each example."""
    told = PredictOptions(
        adapter=options.adapter, base_url=options.base_url, max_new_tokens=options.max_new_tokens, dtype=options.dtype
    )
    answer = answerer(model, told)
    said: list[tuple[Example, str]] = []
    with report.bar("answering", len(examples)) as advance:
        for batch in batches(_asked(examples, opened), options.batch):
            texts = answer([(example.messages[0].content, picture) for example, picture in batch])
            said += [(example, text) for (example, _), text in zip(batch, texts, strict=True)]
            advance(len(batch))
    return said


def invention_rates(turns_and_answers: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Of answers with the turns that they were given to: the share that invents each kind of fact, and any."""
    found = [invented(answer, turn) for turn, answer in turns_and_answers]
    total = max(len(found), 1)
    return {
        "n": len(found),
        "any": sum(map(bool, found)) / total,
        "stated_without_record": {kind: sum(kind in each for each in found) / total for kind in STATED},
    }


OF_RECORD: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "conflict": ("diagnosis", "person"),
        "unseen": ("unseen",),
        "advice": ("advice",),
        "speech": ("speech",),
        "form": ("form",),
    }
)
"""What is told of open answers -> the checks of a release that find it: a diagnosis, class, place, age or sex that the
record rules out; what no image shows and nobody recorded; dangerous advice; talk of a record, refusals; broken form."""


def check_rates(rows_and_answers: Sequence[tuple[Row, str]]) -> dict[str, dict[str, float]]:
    """Of answers to the questions of rows: in how many each kind is found, of how many, and its share."""
    pairs = [_pair(row, text) for row, text in rows_and_answers]
    total = len(pairs)
    found = {
        kind: {finding.pair_id for name in names for finding in registry.check(name)(pairs)}
        for kind, names in OF_RECORD.items()
    }
    return {
        kind: {"count": len(ids), "of": total, "share": round(len(ids) / total, 4) if total else 0.0}
        for kind, ids in found.items()
    }


def _pair(row: Row, answer: str) -> Pair:
    """The row with another answer in place of its own."""
    question = row.messages[0]
    image = ClinicalImage(
        source=row.source,
        image_id=row.image_id,
        file_name="",
        group_id=row.group_id,
        modality=row.modality,
        facts=row.facts,
        licence=row.licence,
        attribution=row.attribution,
        row_location="",
    )
    return Pair(
        pair_id=row.pair_id,
        image=image,
        split=row.split,
        question=question.content,
        answer=answer,
        messages=(question, Turn("assistant", answer)),
        style="asked",
        question_type=row.question_type,
        references=(),
        engine="",
        model=None,
        model_version=None,
        prompt_id="",
        prompt_sha256="",
        is_metadata_shown=row.is_told,
        seed=0,
        generated_at=None,
        builder_version="",
        request_key="",
    )


def read_rates(path: Path) -> dict[str, Any]:
    """The rates of a file that `measure_invention` wrote, without the answers. Raises ScoreError."""
    try:
        told = parsed(path.read_bytes())
        names = ("context", "n", "any", "stated_without_record", "checks")
        rates = {name: told[name] for name in names}
        shares = [
            rates["any"],
            *rates["stated_without_record"].values(),
            *(c["share"] for c in rates["checks"].values()),
        ]
        if not all(isinstance(each, int | float) and 0 <= each <= 1 for each in shares):
            raise ValueError("a share is no number from 0 to 1")
    except OSError as error:
        raise ScoreError(
            f"{path} cannot be read: {error.strerror}; `dermasynth evaluate invented` writes it"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ScoreError(f"{path} holds no rates of open answers ({error}); write it by `evaluate invented`") from error
    return rates


def _asked(examples: Mapping[str, Example], opened: OpenRelease) -> Iterator[tuple[Example, bytes]]:
    pictures = PictureOptions(is_rgb=True)
    row: Row
    for row, content in opened.rows_with_images(examples):
        yield examples[row.pair_id], handed_on(content, pictures, row.pair_id).content
