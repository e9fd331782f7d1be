"""The columns of a release, in their order: the one place that says their types and meanings.

From this table come the features of `datasets`, and from these the Parquet schema and the features in the card.

About 25 columns stand at the top, in the order in which a person reads them; the rest is folded into five structs.
Where a new one goes:

- At the top stands what a person filters or reads first, and only in a form for which the Hub's viewer can always
  make statistics: a text of few values (ten at most, or a fifth of the rows), a bool, a float64. It fails on a whole
  split where integers, lengths of a list, or lengths of a text of many values span exactly two neighbouring numbers;
  so no integer, no id and no list of our own is at the top. `certainty` of an answer belongs here.
- `facts` holds what a source's metadata say in words beside the facts at the top, `recorded` what they answer with yes,
  no or a number. All of `core.records.Facts` is in one of the three. They are apart because the viewer's search reads
  every struct that holds a text, with the names of its fields: a search for melanoma would find each row by its
  `has_melanoma_history`.
- `evidence` is what a row's text rests on and what speaks against it: references, doubts; `grounds`, `measured`;
  `observed`, `cites`, `not_assessable`, `conflict`, the marks that `checks` give, `reviews` by persons.
- `provenance` is how the text was made: all that a machine needs to make it again.
- `origin` is where the image comes from: ids, hashes, what was done to its file; `pixel_sha256`, `also_in`.

A value of `Pair`, `ClinicalImage` or `Facts` becomes a column by one line here: its path, whose last part is the name
of the field. No two paths end alike, so `flat` gives the values of a row by that name alone. A struct of which nothing
is known is null as a whole.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from dermasynth_builder.core.images.renditions import PublishedImage
from dermasynth_builder.core.records import (
    AXES,
    CheckedClaim,
    Claim,
    ClinicalImage,
    Facts,
    Ground,
    Judgement,
    Measured,
    Observation,
    Pair,
    Review,
)
from dermasynth_builder.plan.facts_in_words import denied_sign
from dermasynth_builder.plan.questions import Premise, PromptBook, load_prompt_book

if TYPE_CHECKING:
    from datasets import Features


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `type` is a scalar type of `datasets`, or one of those that `features` spells out."""

    path: str  # "diagnosis"; of a field in a struct "facts.diagnosis_isic", or deeper
    type: str
    meaning: str

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]

    @property
    def struct(self) -> str:
        """The column at the top that it stands in; "" where it stands there itself."""
        return self.path.partition(".")[0] if "." in self.path else ""


COLUMNS: tuple[Column, ...] = (
    Column("image", "image", "the image; byte for byte as in the source where `origin.image_change` is empty"),
    Column("question", "string", "the first question"),
    Column("answer", "string", "the answer to it"),
    Column("diagnosis", "string", "recorded diagnosis in words"),
    Column("question_type", "string", "what kind of question"),
    Column("malignancy", "string", "class of the diagnosis in the ISIC taxonomy: benign, indeterminate, malignant"),
    Column("body_site", "string", "place on the body in words"),
    Column("sex", "string", "female or male"),
    Column("age_years", "float64", "age of the patient, whole years"),
    Column("fitzpatrick", "string", "Fitzpatrick phototype, 1 to 6"),
    Column("certainty", "string", "how sure the model says the answer may be: high, moderate, low"),
    Column("is_flagged", "bool", "whether a check doubts this row"),
    Column("flags", "string", "the checks that do, joined by semicolons; `evidence.doubts` says why"),
    Column("messages", "messages", "the whole exchange in the form that trainers read"),
    Column("source", "string", "the image set"),
    Column("modality", "string", "clinical or dermoscopic"),
    Column(
        "style",
        "string",
        "asked: a question of the bank; self_instruct: the engine wrote the question; counterfactual: the question "
        "rests on what is not so or not shown, and the answer says why it cannot be answered",
    ),
    Column("is_metadata_shown", "bool", "whether the engine was told the recorded facts"),
    Column("confirmation", "string", "how the diagnosis was confirmed"),
    Column("facts.body_sites", "texts", "each place on the body that `body_site` names"),
    Column("facts.differential", "texts", "conditions that dermatologists considered, weightiest first"),
    Column("facts.diagnosis_isic", "string", "node of the ISIC diagnosis taxonomy, levels joined by colons"),
    Column("facts.reported.age_band", "string", "age as a band of years, where no age is published"),
    Column("facts.reported.fitzpatrick_rater", "string", "who rated the phototype: patient or dermatologist"),
    Column("facts.reported.symptoms", "texts", "other reported complaints"),
    Column("facts.reported.textures", "texts", "reported textures"),
    Column("facts.reported.duration", "string", "reported duration"),
    Column("facts.shot.dermoscopic_type", "string", "kind of dermoscopy"),
    Column("facts.shot.shot_type", "string", "close-up, at an angle, at a distance, overview"),
    Column("facts.published.diagnosis_published", "string", "recorded diagnosis as the source writes it"),
    Column("facts.published.malignancy_published", "string", "class as the source writes it"),
    Column("facts.published.body_site_published", "string", "place on the body as the source writes it"),
    Column("facts.family.background_father", "string", "where the father's family comes from"),
    Column("facts.family.background_mother", "string", "where the mother's family comes from"),
    Column("recorded.is_age_rounded", "bool", "whether the age is published in steps of five years"),
    Column("recorded.is_melanocytic", "bool", "whether the lesion is melanocytic"),
    Column("recorded.signs.itches", "bool", "itching"),
    Column("recorded.signs.hurts", "bool", "pain"),
    Column("recorded.signs.bleeds", "bool", "bleeding"),
    Column("recorded.signs.has_grown", "bool", "growth"),
    Column("recorded.signs.has_changed", "bool", "change"),
    Column("recorded.signs.is_elevated", "bool", "elevation"),
    Column("recorded.size.diameter_1_mm", "float64", "first recorded diameter, mm"),
    Column("recorded.size.diameter_2_mm", "float64", "second recorded diameter, mm"),
    Column("recorded.opinions.differential_weights", "numbers", "weights of `facts.differential`, in its order"),
    Column("recorded.tone.monk_tone_india", "int32", "Monk skin tone, 1 to 10, rated in India"),
    Column("recorded.tone.monk_tone_us", "int32", "Monk skin tone, 1 to 10, rated in the United States"),
    Column("recorded.history.smokes", "bool", "the patient smokes"),
    Column("recorded.history.drinks_alcohol", "bool", "the patient drinks alcohol"),
    Column("recorded.history.uses_pesticide", "bool", "the patient uses pesticides"),
    Column("recorded.history.has_skin_cancer_history", "bool", "skin cancer in the patient's or the family's history"),
    Column("recorded.history.has_cancer_history", "bool", "cancer in the patient's or the family's history"),
    Column("recorded.melanoma.has_melanoma_history", "bool", "the patient has had melanoma before"),
    Column("recorded.melanoma.has_family_melanoma_history", "bool", "melanoma in the family"),
    Column("recorded.household.has_piped_water", "bool", "piped water at home"),
    Column("recorded.household.has_sewage_system", "bool", "sewage system at home"),
    Column("evidence.references", "texts", "sources of the curated sentences in the answer"),
    Column(
        "evidence.grounds", "grounds", "what each sentence rests on: a fact, a missing fact, a measurement, a reference"
    ),
    Column(
        "evidence.measured", "measured", "what was measured on the image's pixels, under whatever light it was taken in"
    ),
    Column(
        "evidence.observed", "observed", "what a model saw, before label and history were told where it looked first"
    ),
    Column("evidence.cites", "texts", "ids of what was seen that the answer rests on"),
    Column("evidence.not_assessable", "texts", "what the model says cannot be judged from the image"),
    Column("evidence.conflict", "string", "where the model says that record and image disagree, and how"),
    Column(
        "evidence.checks",
        "checks",
        "recorded facts that a right answer states; of what is not so, `is_answerable` no and what is so",
    ),
    Column("evidence.doubts", "texts", "what is doubtful in this row, as check: reason"),
    Column(
        "evidence.reviews",
        "reviews",
        "what persons say of this text: keep or leave_out; scores from 1 (bad) to 5 (good) for " + ", ".join(AXES),
    ),
    Column(
        "evidence.verdict",
        "string",
        "what another model says of the answer's claims: contradicted, where one is; supported, where all are; else "
        "not to be told",
    ),
    Column(
        "evidence.judgements",
        "judgements",
        "each claim with that model's verdict and reason; its scores from 1 (bad) to 5 (good) for " + ", ".join(AXES),
    ),
    Column("licence", "string", "licence of the image"),
    Column("engine", "string", "what wrote the answer; template: rules and curated sentences, no model"),
    Column("model", "string", "the model as asked for; empty where none took part"),
    Column("provenance.reply.model_version", "string", "the model as the service reported it"),
    Column("provenance.reply.generated_at", "string", "when the answer came, UTC; empty where it is a pure function"),
    Column("provenance.reply.cost_usd", "float64", "what the request cost, US dollars, all its rows together"),
    Column("provenance.reply.finish_reason", "string", "why the model stopped, in the service's word"),
    Column("provenance.reply.parameters", "string", "how it was asked beside the prompt, as JSON"),
    Column("provenance.reply.sent_image_sha256", "string", "sha256 of the image's bytes as they were sent"),
    Column(
        "provenance.look_prompt_sha256", "string", "of the prompt that asked what is seen: one for all of a modality"
    ),
    Column("provenance.prompt_id", "string", "the prompt's template"),
    Column("provenance.prompt_sha256", "string", "sha256 of the whole prompt"),
    Column("provenance.request_key", "string", "key of the request in the ledger"),
    Column("provenance.seed", "int32", "seed of the draws"),
    Column("provenance.builder_version", "string", "version of the software"),
    Column("origin.image_id", "string", "the image's id in its source"),
    Column(
        "origin.group_id",
        "string",
        "what no split parts: the patient, or the lesion or case where no patient is known; unique in its source",
    ),
    Column("origin.lesion_id", "string", "the lesion, unique in its source"),
    Column("origin.official_split", "string", "the split that the source itself gives the image"),
    Column("origin.fold", "int32", "fold of cross-validation, from 0; empty where the release has none"),
    Column("origin.attribution", "string", "whom to name beside the image"),
    Column("origin.width_px", "int32", "width of the image"),
    Column("origin.height_px", "int32", "height of the image"),
    Column("origin.image_sha256", "string", "sha256 of the image's bytes"),
    Column("origin.source_sha256", "string", "sha256 of the source's file"),
    Column("origin.pixel_sha256", "string", "sha256 of its decoded pixels: the same picture in whatever file"),
    Column("origin.also_in", "texts", "other images (source/id) and public challenges that hold the same picture"),
    Column("origin.image_change", "string", "what was done to the source's file: metadata removed, scaled"),
    Column("pair_id", "string", "the row's own name, the same on every build"),
)

NAMES: tuple[str, ...] = tuple(column.name for column in COLUMNS if column.type != "image")
"""The names of all values of a row but the image, wherever they stand in it."""
_PATHS = {column.name: column.path for column in COLUMNS}

TOP_COLUMNS: tuple[str, ...] = tuple(dict.fromkeys(column.path.partition(".")[0] for column in COLUMNS))
"""The columns as readers see them, in order; a struct stands where its first field does."""
TEXT_COLUMNS: tuple[str, ...] = tuple(name for name in TOP_COLUMNS if name != "image")
"""All of them but the image."""

_REVIEW = ("rater", "verdict", "scores", "corrected_answer", "comment")
_FACTS = tuple(field.name for field in fields(Facts))
_PAIR = frozenset(field.name for field in fields(Pair))


def _place(name: str) -> str:
    """Where a pair keeps the value of a column."""
    if name in _FACTS:
        return f"image.facts.{name}"
    return name if name in _PAIR else f"image.{name}"


# What a pair holds in another form, or its image's file alone knows.
_MADE: dict[str, Callable[[Pair, PublishedImage], Any]] = {
    "age_years": lambda pair, _: _float(pair.image.facts.age_years),
    "fitzpatrick": lambda pair, _: _text(pair.image.facts.fitzpatrick),
    "body_sites": lambda pair, _: places(pair.image.facts),
    "is_flagged": lambda pair, _: bool(pair.flags),
    "flags": lambda pair, _: "; ".join(dict.fromkeys(flag.partition(":")[0] for flag in pair.flags)) or None,
    "doubts": lambda pair, _: pair.flags,
    "checks": lambda pair, _: [claim._asdict() for claim in claims_of(pair)],
    "observed": lambda pair, _: [seen._asdict() for seen in pair.observed],
    "grounds": lambda pair, _: [ground._asdict() for ground in pair.grounds],
    "reviews": lambda pair, _: [_folded_review(review) for review in pair.reviews],
    "verdict": lambda pair, _: worst_verdict(pair.judgements),
    "judgements": lambda pair, _: [_folded_judgement(each) for each in pair.judgements],
    "measured": lambda pair, _: [_as_texts(each) for each in pair.image.measured],
    "messages": lambda pair, _: [{"role": turn.role, "content": turn.content} for turn in pair.messages],
    "image_sha256": lambda _, image: image.sha256,
    "width_px": lambda _, image: image.width_px,
    "height_px": lambda _, image: image.height_px,
    "source_sha256": lambda pair, _: pair.image.file.sha256 if pair.image.file else None,
    "pixel_sha256": lambda pair, _: pair.image.file.pixel_sha256 or None if pair.image.file else None,
    "image_change": lambda _, image: image.change,
}
_TAKEN = tuple(name for name in NAMES if name not in _MADE)
_values_of = attrgetter(*map(_place, _TAKEN))

_Tree = dict[str, "str | _Tree"]
"""Names at one level of a row, each with the name of its value or with the names below it."""


def _tree(columns: Iterable[Column]) -> "_Tree":
    tree: _Tree = {}
    for column in columns:
        *above, last = column.path.split(".")
        level: Any = tree
        for part in above:
            level = level.setdefault(part, {})
        level[last] = column.name
    return tree


_ROW = _tree(column for column in COLUMNS if column.type != "image")


def row(pair: Pair, image: PublishedImage) -> dict[str, Any]:
    """The value of every column but the image."""
    values = dict(zip(_TAKEN, _values_of(pair), strict=True))
    values |= {name: made(pair, image) for name, made in _MADE.items()}
    return {name: _folded(below, values) for name, below in _ROW.items()}


def _folded(tree: "str | _Tree", values: Mapping[str, Any]) -> Any:
    """A value, or a struct of values; None where nothing in it is known."""
    if isinstance(tree, str):
        return values[tree]
    struct = {name: values[below] if isinstance(below, str) else _folded(below, values) for name, below in tree.items()}
    for value in struct.values():
        if not (value is None or value == () or value == []):
            return struct
    return None


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row, or of those columns of it that were read, by their names, whatever structs they stand in.

    Of a struct that is null, every field that was read is None; a list of one, empty.
    """
    return dict(chain.from_iterable(_unfolded(name, value, _ROW.get(name, name)) for name, value in row.items()))


def _unfolded(name: str, value: Any, tree: "str | _Tree") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, str):
        yield name, value
        return
    for below, subtree in tree.items():
        if value is None:
            yield from _unfolded(below, [] if below in _LISTS else None, subtree)
        elif below in value:
            yield from _unfolded(below, value[below], subtree)


_LISTED = ("grounds", "measured", "observed", "checks", "reviews", "judgements")
_LISTS = frozenset(column.name for column in COLUMNS if column.type in ("texts", "numbers", *_LISTED))


def path_of(name: str) -> str:
    """Where a value stands in a row, as Parquet readers are asked for it: "origin.group_id"."""
    return _PATHS[name]


def places(facts: Facts) -> tuple[str, ...]:
    """Each place on the body that a phrase names."""
    return facts.body_sites or ((facts.body_site,) if facts.body_site else ())


def facts_of(row: Mapping[str, Any]) -> Facts:
    """The facts of a row's image, as the source's reader gave them."""
    values = flat(row)
    told = {name: values[name] for name in _FACTS}
    made = {name: tuple(told[name] or ()) for name in _LISTS.intersection(_FACTS)}
    if len(made["body_sites"]) < 2:
        made["body_sites"] = ()
    numbers = {name: None if told[name] is None else int(told[name]) for name in ("age_years", "fitzpatrick")}
    return Facts(**(told | made | numbers))


def claims_of(pair: Pair) -> list[Claim]:
    """What a right answer states; none where the engine wrote the question, or several are asked.

    Where the question rests on what is not so, that it cannot be answered, and what is so.
    """
    facts, source = pair.image.facts, pair.image.source
    if premise := _book(source).premise(source, pair.question_type) if pair.style == "counterfactual" else None:
        return [Claim("is_answerable", "no", "yes or no"), _what_is_so(premise, pair.image)]
    if pair.style != "asked":
        return []
    known = ((name, getattr(facts, name)) for name in _book(source).claims(source, pair.question_type))
    return [Claim(name, *_expected(value)) for name, value in known if value not in (None, ())]


def _what_is_so(premise: Premise, image: ClinicalImage) -> Claim:
    match premise:
        case "images":
            return Claim("images", "1", "number")
        case "modality":
            return Claim("modality", image.modality, "text")
        case "denied_sign":
            return Claim(denied_sign(image.facts) or "complaints", "no", "yes or no")
        case _:
            return Claim(premise, *_expected(getattr(image.facts, premise)))


def _expected(value: Any) -> tuple[str, str]:
    """A fact's value as text, and how to compare it."""
    match value:
        case bool():
            return ("yes" if value else "no"), "yes or no"
        case int() | float():
            return f"{value:g}", "number"
        case tuple():
            return "; ".join(value), "list"
        case _:
            return str(value), "text"


@cache
def _book(source: str) -> PromptBook:
    return load_prompt_book(sources=[source])


def _folded_review(review: Review) -> dict[str, Any]:
    """With all scores in one list: each column costs a file its part of every row group."""
    told = review._asdict()
    return {name: [told[axis] for axis in AXES] if name == "scores" else told[name] for name in _REVIEW}


def worst_verdict(judgements: Iterable[Judgement]) -> str | None:
    """Of several models that of the strictest; None where none has looked."""
    said = {each.verdict for each in judgements}
    return next((verdict for verdict in ("contradicted", "not to be told", "supported") if verdict in said), None)


def _folded_judgement(judgement: Judgement) -> dict[str, Any]:
    told = {"verifier": judgement.verifier, "verdict": judgement.verdict, "scores": list(judgement.scores)}
    return told | {"claims": [claim._asdict() for claim in judgement.claims]}


def _as_texts(measured: Measured) -> dict[str, str | float]:
    """A measurement whose value is a text, be it a word or a number."""
    value = measured.value if isinstance(measured.value, str) else f"{measured.value:g}"
    return measured._replace(value=value)._asdict()


def _float(number: int | None) -> float | None:
    return None if number is None else float(number)


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


@cache
def features() -> "Features":
    """All columns as `datasets` knows them; made when asked for, as importing `datasets` takes its time."""
    from datasets import Features, Image, Value

    text = Value("string")
    compound = {
        "image": Image(),
        "texts": [text],
        "numbers": [Value("float64")],
        "messages": [{"role": text, "content": text}],
        "grounds": [dict.fromkeys(Ground._fields, text)],
        "reviews": [{name: [Value("int32")] if name == "scores" else text for name in _REVIEW}],
        "judgements": [
            {"verifier": text, "verdict": text, "scores": [Value("int32")]}
            | {"claims": [dict.fromkeys(CheckedClaim._fields, text)]}
        ],
        "measured": [dict.fromkeys(Measured._fields, text) | {"confidence": Value("float64")}],
        "checks": [dict.fromkeys(Claim._fields, text)],
        "observed": [dict.fromkeys(Observation._fields, text)],
    }
    types = {column.name: compound.get(column.type) or Value(column.type) for column in COLUMNS}

    def spelled(tree: "str | _Tree") -> Any:
        return types[tree] if isinstance(tree, str) else {name: spelled(below) for name, below in tree.items()}

    return Features(spelled(_tree(COLUMNS)))


@cache
def schema() -> pa.Schema:
    """The one schema of every Parquet file."""
    return pa.schema(features().type, metadata=dict[bytes | str, bytes | str](file_marks().items()))


def file_marks() -> dict[str, str]:
    """What every Parquet file says of itself: its features for `datasets`, and which of its texts are synthetic."""
    return {"huggingface": features_json(), "synthetic": json.dumps(_SYNTHETIC)}


# For machines, as Art. 50(2) of the EU AI Act (Regulation 2024/1689) asks of synthetic text.
_SYNTHETIC = {
    "is_synthetic": True,
    "columns": ["question", "answer", "messages"],
    "generator_columns": ["engine", "model"],
}


@cache
def features_json() -> str:
    """Those of all columns; see `told_to_datasets`."""
    return told_to_datasets(features())


def told_to_datasets(columns: "Features") -> str:
    """Features as `datasets` looks for them under "huggingface" in a file's metadata, as every version reads them."""
    return json.dumps({"info": {"features": _spelled(columns.to_dict())}})


def _spelled(feature: Any) -> Any:
    """A list in the one form that 3.x knows and later versions read too, in structs as well."""
    match feature:
        case {"_type": "List", "feature": item}:
            return [_spelled(item)]
        case {"_type": str()}:
            return feature
        case dict():
            return {name: _spelled(below) for name, below in feature.items()}
        case _:
            return feature


@cache
def leaves() -> tuple[str, ...]:
    """Parquet's names of the columns' leaves."""
    sink = pa.BufferOutputStream()
    pq.write_table(schema().empty_table(), sink)
    written = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
    return tuple(written.column(place).path for place in range(len(written)))


def card_features() -> list[dict[str, Any]]:
    """All columns as a card's `dataset_info` spells them; made anew, as YAML writes a shared list as a reference."""
    return list(features()._to_yaml_list())
