"""Facts that an answer states and nobody gave it are counted; those that the turn holds are not."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import ScoreError
from dermasynth_builder.train.evaluate.invented import (
    OF_RECORD,
    Kind,
    check_rates,
    invented,
    invention_rates,
    read_rates,
)
from dermasynth_builder.train.rows import open_release
from dermasynth_builder.train.turns import example_of
from tests.support.clinical_images import FULL
from tests.support.releases import Built
from tests.support.training import row

BARE = "What is to be seen here?"
GIVEN = example_of(row(facts=FULL), "record").messages[0].content


@pytest.mark.parametrize(
    ("answer", "kinds"),
    [
        ("The patient is 55 years old.", {"age"}),
        ("In a 79-year-old man this is common.", {"age", "sex"}),
        ("A woman aged about 55.", {"age", "sex"}),
        ("At 43 such a spot is rare.", {"age"}),
        ("It was proven by biopsy.", {"confirmation"}),
        ("The diagnosis was made clinically, without a biopsy.", {"confirmation"}),
        ("A biopsy has proven it.", {"confirmation"}),
        ("No biopsy was taken, so this stands as a clinical diagnosis.", {"confirmation"}),
        ("Tissue was examined, so the name does not rest on looks alone.", {"confirmation"}),
        ("The name rests on histology and not on appearance.", {"confirmation"}),
        ("Histology stands behind it, which makes it firm.", {"confirmation"}),
        ("Behind the name stands a clinical examination, and no histology.", {"confirmation"}),
        ("A doctor made the diagnosis by examining the skin.", {"confirmation"}),
        ("Where melanoma is suspected, histology decides, and a biopsy is due.", set()),
        ("It comes with age, mostly past middle age.", set()),
        ("A brown patch with an even border, about 6 mm.", set()),
        ("Human skin, and a mandible.", set()),
        ("", set()),
    ],
)
def test_what_an_answer_states_of_the_patient_is_found(answer: str, kinds: set[Kind]) -> None:
    assert invented(answer, BARE) == kinds
    assert invented(answer, GIVEN) == set()


def test_a_record_that_lacks_one_of_them_covers_the_others() -> None:
    without = example_of(row(facts=replace(FULL, sex=None)), "record").messages[0].content
    assert invented("A 55-year-old woman.", without) == {"sex"}


def test_answers_of_a_release_rest_on_its_records_and_not_on_its_bare_questions(built: Built) -> None:
    rows = list(open_release(built.release).rows())

    def rate(context: str) -> float:
        examples = [example_of(each, context) for each in rows]  # type: ignore[arg-type]
        return float(invention_rates([(e.messages[0].content, e.messages[1].content) for e in examples])["any"])

    assert rate("record") == 0
    assert rate("question") > 0.1


def test_no_answers_have_no_rate() -> None:
    assert invention_rates([])["any"] == 0
    assert {each["share"] for each in check_rates([]).values()} == {0}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("This is a melanoma.", "conflict"),
        ("This lesion is malignant.", "conflict"),
        ("The lesion sits on the left foot.", "conflict"),
        ("The patch measures 34 mm across.", "unseen"),
        ("There is no need to see a doctor about it.", "advice"),
        ("I'm sorry, but I cannot help with medical images.", "speech"),
        ("", "form"),
    ],
)
def test_checks_of_a_release_find_what_is_wrong_with_an_open_answer(answer: str, kind: str) -> None:
    facts = replace(FULL, diagnosis="nevus", diagnosis_isic="Benign:Nevus", malignancy="benign", body_site="forearm")
    asked = row(facts=facts, question_type="overview")
    found = check_rates([(asked, answer), (replace(asked, pair_id="pad_ufes/other/general"), "A brown, even patch.")])
    assert found[kind] == {"count": 1, "of": 2, "share": 0.5}


def test_each_kind_of_fault_goes_by_checks_that_there_are() -> None:
    assert {name for names in OF_RECORD.values() for name in names} < set(registry.CHECKS)


def test_rates_are_read_back_as_they_were_written_and_nothing_else_is(tmp_path: Path) -> None:
    path = tmp_path / "invented.json"
    asked = row()
    rates = {"context": "record", **invention_rates([("Why?", "So.")]), "checks": check_rates([(asked, "So.")])}
    path.write_text(json.dumps({**rates, "answers": [{"pair_id": asked.pair_id, "answer": "So."}]}))
    assert read_rates(path) == rates
    for broken in ("", "[]", "{}", "7", json.dumps({**rates, "any": 2}), json.dumps({**rates, "checks": {"a": 1}})):
        path.write_text(broken)
        with pytest.raises(ScoreError, match=r"invented\.json holds no rates"):
            read_rates(path)
    with pytest.raises(ScoreError, match=r"gone\.json cannot be read"):
        read_rates(tmp_path / "gone.json")
