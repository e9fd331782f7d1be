"""The columns of a release, in their order: the one place that says their types and meanings.

From this table come the features of `datasets`, and from these the Parquet schema and the features in the card.
"""

import json
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from dermasynth_builder.core.images.renditions import PublishedImage
from dermasynth_builder.core.records import Facts, Pair

if TYPE_CHECKING:
    from datasets import Features


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `type` is "image", "messages", "texts", "numbers" or a `datasets` scalar type."""

    name: str
    type: str
    meaning: str


COLUMNS: tuple[Column, ...] = (
    Column("image", "image", "the image; byte for byte as in the source where `image_change` is empty"),
    Column("question", "string", "the first question"),
    Column("answer", "string", "the answer to it"),
    Column("source", "string", "the image set"),
    Column("image_id", "string", "the image's id in its source"),
    Column(
        "group_id",
        "string",
        "what no split parts: the patient, or the lesion or case where no patient is known",
    ),
    Column("lesion_id", "string", "the lesion, unique in its source"),
    Column("modality", "string", "clinical or dermoscopic"),
    Column("official_split", "string", "the split that the source itself gives the image"),
    Column("fold", "int32", "fold of cross-validation, from 0; empty where the release has none"),
    Column("style", "string", "asked: a question of the bank; self_instruct: the engine wrote the question"),
    Column("question_type", "string", "what kind of question"),
    Column("diagnosis", "string", "recorded diagnosis in words"),
    Column("diagnosis_published", "string", "recorded diagnosis as the source writes it"),
    Column("diagnosis_isic", "string", "its node in the ISIC diagnosis taxonomy, levels joined by colons"),
    Column("malignancy", "string", "class of that node: benign, indeterminate, malignant"),
    Column("malignancy_published", "string", "class as the source writes it"),
    Column("confirmation", "string", "how the diagnosis was confirmed"),
    Column("differential", "texts", "conditions that dermatologists considered, weightiest first"),
    Column("differential_weights", "numbers", "their weights as published, in the same order"),
    Column("body_site", "string", "place on the body in words"),
    Column("body_site_published", "string", "place on the body as the source writes it"),
    Column("age_years", "int32", "age of the patient, years"),
    Column("is_age_rounded", "bool", "whether the age is published in steps of five years"),
    Column("age_band", "string", "age as a band of years, where no age is published"),
    Column("sex", "string", "female or male"),
    Column("fitzpatrick", "int32", "Fitzpatrick phototype, 1 to 6"),
    Column("fitzpatrick_rater", "string", "who rated the phototype: patient or dermatologist"),
    Column("monk_tone_india", "int32", "Monk skin tone, 1 to 10, rated in India"),
    Column("monk_tone_us", "int32", "Monk skin tone, 1 to 10, rated in the United States"),
    Column("diameter_1_mm", "float64", "first recorded diameter, mm"),
    Column("diameter_2_mm", "float64", "second recorded diameter, mm"),
    Column("itches", "bool", "itching"),
    Column("hurts", "bool", "pain"),
    Column("bleeds", "bool", "bleeding"),
    Column("has_grown", "bool", "growth"),
    Column("has_changed", "bool", "change"),
    Column("is_elevated", "bool", "elevation"),
    Column("symptoms", "texts", "other reported complaints"),
    Column("textures", "texts", "reported textures"),
    Column("duration", "string", "reported duration"),
    Column("is_melanocytic", "bool", "whether the lesion is melanocytic"),
    Column("dermoscopic_type", "string", "kind of dermoscopy"),
    Column("shot_type", "string", "close-up, at an angle, at a distance, overview"),
    Column("smokes", "bool", "the patient smokes"),
    Column("drinks_alcohol", "bool", "the patient drinks alcohol"),
    Column("uses_pesticide", "bool", "the patient uses pesticides"),
    Column("has_skin_cancer_history", "bool", "skin cancer in the history of the patient or the family"),
    Column("has_cancer_history", "bool", "cancer in the history of the patient or the family"),
    Column("has_melanoma_history", "bool", "the patient has had melanoma before"),
    Column("has_family_melanoma_history", "bool", "melanoma in the family"),
    Column("has_piped_water", "bool", "piped water at home"),
    Column("has_sewage_system", "bool", "sewage system at home"),
    Column("background_father", "string", "where the father's family comes from"),
    Column("background_mother", "string", "where the mother's family comes from"),
    Column("licence", "string", "licence of the image"),
    Column("attribution", "string", "whom to name beside the image"),
    Column("engine", "string", "what wrote the answer; template: rules and curated sentences, no model"),
    Column("model", "string", "the model as asked for; empty where none took part"),
    Column("model_version", "string", "the model as the service reported it"),
    Column("references", "texts", "sources of the curated sentences in the answer"),
    Column("prompt_id", "string", "the prompt's template"),
    Column("prompt_sha256", "string", "sha256 of the whole prompt"),
    Column("is_metadata_shown", "bool", "whether the engine was told the recorded facts"),
    Column("seed", "int32", "seed of the draws"),
    Column("generated_at", "string", "when the answer came, UTC; empty where it is a pure function"),
    Column("builder_version", "string", "version of the software"),
    Column("cost_usd", "float64", "what the request cost, US dollars; questions asked together share one request"),
    Column("request_key", "string", "key of the request in the ledger"),
    Column("pair_id", "string", "the row's own name, the same on every build"),
    Column("image_sha256", "string", "sha256 of the image's bytes"),
    Column("source_sha256", "string", "sha256 of the source's file"),
    Column("image_change", "string", "what was done to the source's file: metadata removed, scaled"),
    Column("flags", "texts", "what is doubtful in this row, as check: reason"),
    Column("messages", "messages", "the whole exchange in the form that trainers read"),
)

TEXT_COLUMNS: tuple[str, ...] = tuple(column.name for column in COLUMNS if column.type != "image")
"""The names of all columns but the image."""

_FACTS = frozenset(field.name for field in fields(Facts))
_PAIR = frozenset(field.name for field in fields(Pair))


def _place(name: str) -> str:
    """Where a pair keeps the value of a column."""
    if name in _FACTS:
        return f"image.facts.{name}"
    return name if name in _PAIR else f"image.{name}"


_OF_PUBLISHED = ("image_sha256", "source_sha256", "image_change")  # what the pair alone does not know
_OF_PAIR = tuple(name for name in TEXT_COLUMNS if name not in _OF_PUBLISHED)
_values_of = attrgetter(*map(_place, _OF_PAIR))


def row(pair: Pair, image: PublishedImage) -> dict[str, Any]:
    """The value of every column but the image."""
    values = dict(zip(_OF_PAIR, _values_of(pair), strict=True))
    file = pair.image.file
    return values | {
        "messages": [{"role": turn.role, "content": turn.content} for turn in pair.messages],
        "references": list(pair.references),
        "flags": list(pair.flags),
        "image_sha256": image.sha256,
        "source_sha256": file.sha256 if file else None,
        "image_change": image.change,
    }


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
    }
    return Features({column.name: compound.get(column.type) or Value(column.type) for column in COLUMNS})


@cache
def schema() -> pa.Schema:
    """The one schema of every Parquet file."""
    return pa.schema(features().type, metadata={"huggingface": features_json()})


def features_json() -> str:
    """The features of all columns, as `datasets` looks for them under "huggingface" in a file's metadata."""
    spelled = {name: _spelled(feature) for name, feature in features().to_dict().items()}
    return json.dumps({"info": {"features": spelled}})


def _spelled(feature: Any) -> Any:
    """A list in the one form that 3.x knows and later versions read too."""
    match feature:
        case {"_type": "List", "feature": item}:
            return [item]
        case _:
            return feature


def leaves() -> list[str]:
    """Parquet's names of the columns' leaves."""
    sink = pa.BufferOutputStream()
    pq.write_table(schema().empty_table(), sink)
    written = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
    return [written.column(place).path for place in range(len(written))]


def card_features() -> list[dict[str, Any]]:
    """All columns as a card's `dataset_info` spells them; made anew, as YAML writes a shared list as a reference."""
    return list(features()._to_yaml_list())
