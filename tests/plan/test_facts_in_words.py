"""Facts in words."""

import pytest

from dermasynth_builder.core.records import Facts
from dermasynth_builder.core.wording import join_words
from dermasynth_builder.plan.facts_in_words import facts_for_engine, metadata_lines, phrases, with_article
from tests.support.clinical_images import EMPTY, FULL, SPARSE


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert metadata_lines(EMPTY) == []
    assert phrases(EMPTY) == {}


def test_full_facts_become_lines_of_words() -> None:
    assert metadata_lines(facts_for_engine(FULL)) == [
        "Diagnosis on record: basal cell carcinoma, proven by biopsy",
        "Class of that diagnosis in the ISIC taxonomy: malignant",
        "Place on the body: forearm",
        "Age of the patient in years: 81",
        "Sex of the patient: female",
        "Fitzpatrick skin phototype: II",
        "Recorded diameters: 12.5 mm by 8 mm",
        "Recorded as present: itching, bleeding and elevation",
        "Recorded as not present: pain or change",
        "The patient: does not smoke, drinks alcohol, has a personal or family history of skin cancer "
        "and has no personal or family history of cancer",
    ]


@pytest.mark.parametrize(
    ("facts", "person"),
    [
        (Facts(age_years=81, sex="female"), "an 81-year-old woman"),
        (Facts(age_years=8, sex="male"), "an 8-year-old boy"),
        (Facts(age_years=11, sex="female"), "an 11-year-old girl"),
        (Facts(age_years=18, sex="male"), "an 18-year-old man"),
        (Facts(age_years=17, sex="male"), "a 17-year-old boy"),
        (Facts(age_years=110, sex="male"), "a 110-year-old man"),
        (Facts(age_years=61), "a person aged 61"),
        (Facts(age_years=0), "a person aged 0"),
        (Facts(age_years=55, is_age_rounded=True, sex="female"), "a woman aged about 55"),
        (Facts(age_years=55, is_age_rounded=True), "a person aged about 55"),
    ],
)
def test_people_are_named_by_age_and_sex(facts: Facts, person: str) -> None:
    assert phrases(facts)["person"] == person


def test_one_diameter_alone_is_told_to_a_model_but_makes_no_size() -> None:
    facts = Facts(diameter_2_mm=4.5)
    assert "size" not in phrases(facts)
    assert metadata_lines(facts) == ["Recorded diameters: 4.5 mm"]


def test_denied_signs_differ_from_signs_that_were_not_recorded() -> None:
    known = phrases(SPARSE)
    assert known["present"] == "itching"
    assert known["absent"] == "pain, bleeding, growth, change or elevation"
    assert "unrecorded" not in known
    assert phrases(FULL)["unrecorded"] == "growth"


def test_a_lesion_has_an_article_and_a_disease_of_the_skin_has_none() -> None:
    assert phrases(FULL)["a_diagnosis"] == "a basal cell carcinoma"
    assert phrases(Facts(diagnosis="eczema"))["a_diagnosis"] == "eczema"


def test_lists_and_articles_are_grammatical() -> None:
    assert [join_words(words) for words in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
    assert with_article("actinic keratosis") == "an actinic keratosis"
    assert with_article("nevus") == "a nevus"
    for several in (
        "benign epidermal proliferations",
        "ecchymoses",
        "hemorrhagic bullae",
        "gouty tophi",
        "knuckle pads",
    ):
        assert with_article(several) == several
    for one in ("herpes zoster", "abscess", "larva migrans", "lupus", "benign tumor of vessels", "scabies", "lens"):
        assert with_article(one).endswith(f" {one}")
