"""The columns: what `datasets` makes of them is the same whichever version makes the release."""

import json
import re
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dermasynth_builder.core.images.renditions import PublishedImage
from dermasynth_builder.core.records import CheckedClaim, Facts, Ground, Judgement, Measured, Observation, Review, Turn
from dermasynth_builder.plan.questions import QuestionType
from dermasynth_builder.release.columns import (
    COLUMNS,
    NAMES,
    TEXT_COLUMNS,
    TOP_COLUMNS,
    card_features,
    claims_of,
    facts_of,
    features,
    flat,
    leaves,
    places,
    row,
    schema,
)
from tests.support.clinical_images import EMPTY, clinical_image, many_facts, pair
from tests.support.paths import ROOT
from tests.support.processes import python_for, run_python

REVIEWED = {
    "rater": "Ann",
    "verdict": "keep",
    "scores": [None, 4, None, None, None, None],
    "corrected_answer": None,
    "comment": None,
}
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
    assert found[1:] == [metadata, str(schema().remove_metadata()), card_features(), list(leaves())]


def test_lists_are_spelled_as_datasets_3_knows_them() -> None:
    spelled = json.loads(schema().metadata[b"huggingface"])["info"]["features"]
    text = {"dtype": "string", "_type": "Value"}
    assert (spelled["evidence"]["doubts"], spelled["messages"]) == ([text], [{"role": text, "content": text}])
    assert spelled["recorded"]["signs"]["itches"] == {"dtype": "bool", "_type": "Value"}
    assert '"List"' not in schema().metadata[b"huggingface"].decode()


def test_every_column_has_a_feature_and_a_field_in_the_order_of_the_table() -> None:
    assert list(features()) == schema().names == [each["name"] for each in card_features()] == list(TOP_COLUMNS)
    written = [leaf.partition(".list.")[0] for leaf in leaves() if not leaf.startswith(("image.", "messages."))]
    assert sorted(set(written)) == sorted(each.path for each in COLUMNS if each.name not in ("image", "messages"))


def test_no_two_values_have_one_name() -> None:
    assert max(Counter(column.name for column in COLUMNS).values()) == 1


def test_the_top_holds_what_the_viewer_can_always_count() -> None:
    types = {column.path: column.type for column in COLUMNS if "." not in column.path}
    assert set(types.values()) == {"image", "messages", "string", "bool", "float64"}
    assert len(TOP_COLUMNS) == 28
    assert TOP_COLUMNS[:7] == ("image", "question", "answer", "diagnosis", "question_type", "malignancy", "body_site")


def test_a_search_finds_no_word_of_medicine_in_the_names_of_columns() -> None:
    """The viewer's search reads a struct that holds any text as one text, with the names of its fields."""
    read = {column.path.split(".")[0] for column in COLUMNS if column.type in ("string", "texts")}
    names = " ".join(column.path for column in COLUMNS if column.path.split(".")[0] in read and "." in column.path)
    assert "recorded" not in read
    assert not re.search("melanoma|cancer|itch|hurt|bleed|grow|smok|alcohol|lesion(?!_id)", names)


def test_leaves_are_the_names_that_parquet_gives() -> None:
    assert leaves()[:2] == ("image.bytes", "image.path")
    assert {"question", "evidence.doubts.list.element", "messages.list.element.role"} <= set(leaves())


MEASURED = (Measured("share", 7.0, "eyes 1", 0.9), Measured("place", "in the middle", "eyes 1", 0.8))
MEASURED_IN_ROWS = [
    {"name": "share", "value": "7", "method": "eyes 1", "confidence": 0.9},
    {"name": "place", "value": "in the middle", "method": "eyes 1", "confidence": 0.8},
]
SEEN = (Observation("o1", "scale", "white flakes"),)
JUDGEMENT = Judgement("m-2", (CheckedClaim("Flat.", "supported", "seen"),), (5,) * 6)
JUDGED = {"verifier": "m-2", "verdict": "supported", "scores": [5] * 6} | {
    "claims": [{"claim": "Flat.", "verdict": "supported", "reason": "seen"}]
}


def test_every_column_has_the_value_of_its_own_name_and_no_other() -> None:
    named: dict[str, Any] = {field.name: f"the fact {field.name}" for field in fields(Facts)}
    lists = {name: (f"first of {name}", "second") for name in ("body_sites", "differential", "symptoms", "textures")}
    named |= {**lists, "differential_weights": (0.6, 0.4), "age_years": 55, "fitzpatrick": 4}
    of_image = ("source", "image_id", "group_id", "lesion_id", "modality", "official_split", "licence", "attribution")
    drawn = clinical_image(facts=Facts(**named))
    file = drawn.file and drawn.file._replace(pixel_sha256="ef" * 32)
    shares = {"file": file, "also_in": ("hiba/ISIC_1",), "measured": MEASURED}
    image = replace(drawn, **{name: f"the image's {name}" for name in of_image}, **shares)  # type: ignore[arg-type]
    told = replace(pair("Why?", "So.", image=image), messages=(Turn("user", "a"), Turn("assistant", "b")))
    grounds = (Ground("So.", "fact", "sex"),)
    flags = ("form: is short", "form: is plain", "novelty: is old")
    lists_of_pair = {"references", "flags", "grounds", "reviews", "observed", "judgements"}
    of_pair = set(NAMES) & {field.name for field in fields(told)} - {"messages", *lists_of_pair}
    told = replace(told, **{name: f"the pair's {name}" for name in of_pair}, references=("one", "two"), flags=flags)  # type: ignore[arg-type]
    reviews = (Review("Ann", "keep", safety=4),)
    told = replace(told, grounds=grounds, reviews=reviews, observed=SEEN, judgements=(JUDGEMENT,))
    made = row(told, PublishedImage(b"", "cd" * 32, "scaled", 40, 30))
    assert list(made) == list(TEXT_COLUMNS)
    assert flat(made) == {
        **named,
        "age_years": 55.0,
        "fitzpatrick": "4",
        **{name: f"the image's {name}" for name in of_image},
        **{name: f"the pair's {name}" for name in of_pair},
        "references": ("one", "two"),
        "grounds": [{"sentence": "So.", "kind": "fact", "key": "sex"}],
        **{"reviews": [REVIEWED], "measured": MEASURED_IN_ROWS},
        **{"verdict": "supported", "judgements": [JUDGED]},
        "is_flagged": True,
        "flags": "form; novelty",
        "doubts": flags,
        **{"observed": [SEEN[0]._asdict()], "checks": []},
        "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
        **{"width_px": 40, "height_px": 30},
        **{"image_sha256": "cd" * 32, "source_sha256": "ab" * 32, "pixel_sha256": "ef" * 32},
        "also_in": ("hiba/ISIC_1",),
        "image_change": "scaled",
    }


def test_a_row_says_what_a_right_answer_states_so_that_a_machine_can_check_it() -> None:
    known = Facts(
        diagnosis="nevus", malignancy="benign", is_elevated=False, diameter_1_mm=12.5, differential=("a", "b")
    )
    image = clinical_image(facts=known)
    asked = {
        kind: replace(pair("Why?", "So.", image=image), question_type=kind) for kind in ("identify", "relief", "size")
    }
    assert claims_of(asked["identify"]) == [("diagnosis", "nevus", "text"), ("malignancy", "benign", "text")]
    assert claims_of(asked["relief"]) == [("is_elevated", "no", "yes or no")]
    assert claims_of(asked["size"]) == [("diameter_1_mm", "12.5", "number")], "what is not recorded is not claimed"
    assert claims_of(replace(asked["size"], style="self_instruct")) == []
    considered = replace(image, source="scin")
    of_scin = replace(pair("Why?", "So.", image=considered), question_type="reasoning")
    assert claims_of(of_scin) == [("differential", "a; b", "list")]


@pytest.mark.parametrize(
    ("kind", "facts", "so"),
    [
        ("other_image", Facts(), ("images", "1", "number")),
        ("absent_structure", Facts(), ("modality", "clinical", "text")),
        ("beyond_view", Facts(), ("modality", "clinical", "text")),
        ("other_place", Facts(body_site="forearm"), ("body_site", "forearm", "text")),
        ("denied_complaint", Facts(itches=True, hurts=False, bleeds=False), ("hurts", "no", "yes or no")),
    ],
)
def test_of_a_question_on_what_is_not_so_a_row_says_that_it_has_no_answer_and_what_is_so(
    kind: str, facts: Facts, so: tuple[str, str, str]
) -> None:
    untrue = replace(pair("Why?", "So.", image=clinical_image(facts=facts)), style="counterfactual", question_type=kind)
    assert claims_of(untrue) == [("is_answerable", "no", "yes or no"), so]


def test_each_counterfactual_type_names_its_premise_and_no_other_type_has_one() -> None:
    told: dict[str, object] = {"needs": (), "wordings": ("What is it?",)}
    for style, premise in (("counterfactual", None), ("asked", "images")):
        with pytest.raises(ValueError, match="a counterfactual type has one"):
            QuestionType("place", "place", "a clinician", "the place", **told, style=style, premise=premise)  # type: ignore[arg-type]


def test_no_wording_tells_what_its_answer_claims() -> None:
    told = {"needs": ("body_site",), "claims": ("body_site",)}
    with pytest.raises(ValueError, match="claims body_site, which a wording tells itself"):
        QuestionType("place", "place", "a clinician", "the place", wordings=("Is this the {site}?",), **told)  # type: ignore[arg-type]


@pytest.mark.parametrize("facts", many_facts())
def test_facts_can_be_read_out_of_a_stored_row(facts: Facts) -> None:
    told = pair("Why?", "So.", image=clinical_image(facts=facts))
    values = row(told, PublishedImage(b"", "cd" * 32, None, 1, 1))
    assert facts_of(pa.Table.from_pylist([values], schema().remove(0)).to_pylist()[0]) == facts


def test_a_struct_of_which_nothing_is_known_is_null() -> None:
    told = row(pair("Why?", "So.", image=clinical_image(facts=EMPTY)), PublishedImage(b"", "cd" * 32, None, 1, 1))
    assert (told["facts"], told["recorded"], told["evidence"]) == (None, None, None)
    assert (told["is_flagged"], told["flags"], flat(told)["symptoms"], flat(told)["itches"]) == (False, None, [], None)
    partly = row(
        pair("Why?", "So.", image=clinical_image(facts=Facts(hurts=False))), PublishedImage(b"", "c", None, 1, 1)
    )
    assert (partly["recorded"]["signs"]["hurts"], partly["recorded"]["history"]) == (False, None)


def test_every_place_is_in_the_list_whether_one_is_recorded_or_several() -> None:
    assert places(Facts(body_site="arm")) == ("arm",)
    assert places(Facts(body_site="arm and leg", body_sites=("arm", "leg"))) == ("arm", "leg")
    assert places(Facts()) == ()


def test_an_image_that_was_not_measured_has_no_hash_of_its_source() -> None:
    told = pair("Why?", "So.", image=replace(clinical_image(), file=None))
    assert flat(row(told, PublishedImage(b"", "cd" * 32, None, 1, 1)))["source_sha256"] is None
