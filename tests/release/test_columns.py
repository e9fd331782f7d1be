"""The columns: what `datasets` makes of them is the same whichever version makes the release."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder.core.images.renditions import PublishedImage
from dermasynth_builder.core.records import Facts, Turn
from dermasynth_builder.release.columns import COLUMNS, TEXT_COLUMNS, card_features, features, leaves, row, schema
from tests.support.clinical_images import clinical_image, pair
from tests.support.paths import ROOT
from tests.support.processes import python_for, run_python

SCRIPT = """
import datasets, json
from dermasynth_builder.release.columns import card_features, leaves, schema
metadata = schema().metadata[b"huggingface"].decode()
print(json.dumps([datasets.__version__, metadata, str(schema().remove_metadata()), card_features(), leaves()]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("version", ["5", "3"])
def test_schema_metadata_and_card_are_the_same_under_every_version(version: str, tmp_path: Path) -> None:
    found: list[Any] = json.loads(run_python(python_for(version), "-c", SCRIPT, cwd=ROOT, hf_home=tmp_path))
    assert found[0].startswith(version)
    metadata = schema().metadata[b"huggingface"].decode()
    assert found[1:] == [metadata, str(schema().remove_metadata()), card_features(), leaves()]


def test_lists_are_spelled_as_datasets_3_knows_them() -> None:
    spelled = json.loads(schema().metadata[b"huggingface"])["info"]["features"]
    text = {"dtype": "string", "_type": "Value"}
    assert (spelled["flags"], spelled["messages"]) == ([text], [{"role": text, "content": text}])
    assert {str(each) for each in spelled.values() if isinstance(each, dict)} == {
        str({"_type": "Image"}),
        *(str({"dtype": dtype, "_type": "Value"}) for dtype in ("string", "int32", "float64", "bool")),
    }


def test_every_column_has_a_feature_and_a_field_in_the_order_of_the_table() -> None:
    names = [column.name for column in COLUMNS]
    assert list(features()) == schema().names == [each["name"] for each in card_features()] == names
    assert {column.name: str(schema().field(column.name).type) for column in COLUMNS if column.type == "texts"} == (
        dict.fromkeys(("differential", "symptoms", "textures", "references", "flags"), "list<item: string>")
    )


def test_leaves_are_the_names_that_parquet_gives() -> None:
    assert leaves()[:2] == ["image.bytes", "image.path"]
    assert {"question", "flags.list.element", "messages.list.element.role"} <= set(leaves())


def test_every_column_has_the_value_of_its_own_name_and_no_other() -> None:
    named: dict[str, Any] = {field.name: f"the fact {field.name}" for field in fields(Facts)}
    of_image = ("source", "image_id", "group_id", "lesion_id", "modality", "official_split", "licence", "attribution")
    image = replace(clinical_image(facts=Facts(**named)), **{name: f"the image's {name}" for name in of_image})  # type: ignore[arg-type]
    told = replace(pair("Why?", "So.", image=image), messages=(Turn("user", "a"), Turn("assistant", "b")))
    lists = {"references": ("first", "second"), "flags": ("doubtful",)}
    of_pair = set(TEXT_COLUMNS) & {field.name for field in fields(told)} - {"messages", *lists}
    told = replace(told, **{name: f"the pair's {name}" for name in of_pair}, **lists)  # type: ignore[arg-type]
    assert row(told, PublishedImage(b"", "cd" * 32, "scaled")) == {
        **{field.name: f"the fact {field.name}" for field in fields(Facts) if field.name in TEXT_COLUMNS},
        **{name: f"the image's {name}" for name in of_image},
        **{name: f"the pair's {name}" for name in of_pair},
        "references": ["first", "second"],
        "flags": ["doubtful"],
        "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
        "image_sha256": "cd" * 32,
        "source_sha256": "ab" * 32,
        "image_change": "scaled",
    }


def test_an_image_that_was_not_measured_has_no_hash_of_its_source() -> None:
    told = pair("Why?", "So.", image=replace(clinical_image(), file=None))
    assert row(told, PublishedImage(b"", "cd" * 32, None))["source_sha256"] is None
