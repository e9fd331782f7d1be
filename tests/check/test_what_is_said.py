"""What checks take an answer to say of the case: a diagnosis, its nature, an age, a sex, a place, a kind of image."""

import re
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder.check.advice import check_advice
from dermasynth_builder.check.diagnosis import check_diagnosis
from dermasynth_builder.check.modality import check_modality
from dermasynth_builder.check.person import check_person
from dermasynth_builder.check.prose.ages import ages
from dermasynth_builder.check.prose.vocabulary import diagnosis_terms, word_tables, zones_of
from dermasynth_builder.check.unseen import check_unseen
from dermasynth_builder.core.records import Facts, Finding, Pair
from tests.support.clinical_images import EXPORTED, FULL, SPARSE, clinical_image, pair

MELANOMA = replace(
    EXPORTED, diagnosis_isic="Malignant:Malignant melanocytic proliferations (Melanoma):Melanoma, NOS", age_years=55
)
NEVUS = Facts(
    diagnosis="nevus",
    diagnosis_isic="Benign:Benign melanocytic proliferations:Nevus",
    malignancy="benign",
    sex="female",
)
SAYS = (  # a claim about this case, in the forms of sentences that models and people write
    "This is {}.",
    "{}.",
    "The lesion is {} with a sharp edge.",
    "Impression: {}, on the trunk.",
    "Given the edge and the colours, I would classify it as {}.",
    "Dermoscopy reveals {} with a sharp edge.",
    "The even colour makes this {}.",
    "The findings are most consistent with {}, and a visit should be arranged.",
    "I would tell the patient that this is {}.",
    "In my opinion, the lesion should be considered {}.",
    "What we see here is instead {}.",
    "The most likely diagnosis would be {}.",
)
SAYS_NOT = (  # the same words of another case, of none, or of all
    "This is not {}.",
    "If the edge were sharp, it would be {}.",
    "It might be mistaken for {}.",
    "Unlike {}, it has an even colour.",
    "Whether it is {} cannot be told from the image.",
    "The differential includes {}.",
    "{} has a rougher surface.",
    "A person with {} should see a doctor.",
    "It was once thought to be {}.",
    "Nobody would call this {}.",
)
NAMES = sorted(
    name
    for name, concept in diagnosis_terms().meanings.items()
    if concept.malignancy == "benign" and concept.node and "nevus" not in concept.node.lower() and len(name) > 8
)


def told(answer: str, facts: Facts, question: str = "What do you see?", source: str = "hiba") -> list[Finding]:
    one = pair(question, answer, image=clinical_image(facts=facts, source=source))
    return [found for check in (check_diagnosis, check_modality, check_person) for found in check([one])]


def with_article(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


@pytest.mark.parametrize("form", SAYS)
def test_another_diagnosis_is_found_in_every_form_of_claim(form: str) -> None:
    for name in ("seborrheic keratosis", "dermatofibroma", "solar lentigo", "blue nevus", "hemangioma"):
        text = form.format(with_article(name))
        assert [each.check for each in told(text[0].upper() + text[1:], MELANOMA)][:1] == ["diagnosis"], text


@pytest.mark.parametrize("form", SAYS_NOT)
def test_a_diagnosis_that_is_not_claimed_is_none(form: str) -> None:
    for name in ("seborrheic keratosis", "dermatofibroma", "solar lentigo", "blue nevus", "hemangioma"):
        text = form.format(with_article(name))
        assert told(text[0].upper() + text[1:], MELANOMA) == [], text


@pytest.mark.parametrize("form", SAYS)
def test_the_recorded_diagnosis_may_be_claimed_in_every_form(form: str) -> None:
    for name in ("melanoma", "malignant melanoma", "superficial spreading melanoma"):
        assert told(form.format(with_article(name)), MELANOMA) == [], form


@given(st.sampled_from(NAMES))
def test_every_benign_name_is_a_conflict_where_it_is_claimed_and_none_where_it_is_denied(name: str) -> None:
    assert {each.severity for each in told(f"This is {with_article(name)}.", MELANOMA)} == {"reject"}
    assert told(f"This is not {with_article(name)}, but a melanoma.", MELANOMA) == []


@pytest.mark.parametrize(
    ("question", "answer", "facts", "found"),
    [
        ("Is this a melanoma?", "Yes.", NEVUS, ["flag"]),
        ("Is this a melanoma?", "No.", NEVUS, []),
        ("Is this a melanoma?", "No.", MELANOMA, ["flag"]),
        ("Is this a nevus?", "Yes.", MELANOMA, ["reject"]),
        ("Is it malignant?", "No.", MELANOMA, ["reject"]),
        ("Is it benign?", "No.", MELANOMA, []),
        ("Is it benign?", "No.", NEVUS, ["flag"]),
        ("Benign or malignant?", "Malignant", NEVUS, ["flag"]),
        ("Benign or malignant?", "Malignant", MELANOMA, []),
        ("Benign or malignant?", "Benign", MELANOMA, ["reject"]),
        ("Is it cancer?", "No, this lesion isn't malignant.", MELANOMA, ["reject"]),
        ("Is it cancer?", "It is not malignant yet, but may become so.", SPARSE, []),
        ("Is it cancer?", "It is an invasive cancer of the skin.", SPARSE, ["flag"]),
        ("What is it?", "Melanoma can be safely excluded here.", MELANOMA, ["flag"]),
        ("What else?", "Dermatofibroma, with a central white patch.", MELANOMA, []),
    ],
)
def test_a_short_answer_is_read_with_its_question(question: str, answer: str, facts: Facts, found: list[str]) -> None:
    assert sorted({each.severity for each in told(answer, facts, question)}) == found


@given(st.integers(20, 99), st.booleans())
def test_an_age_is_read_in_figures_and_in_words(years: int, is_in_words: bool) -> None:
    tens = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")[years // 10 - 2]
    ones = ("", "-one", "-two", "-three", "-four", "-five", "-six", "-seven", "-eight", "-nine")[years % 10]
    number = f"{tens}{ones}" if is_in_words else str(years)
    for form in (
        "{}-year-old woman with a mole",
        "a woman of {} years",
        "the patient, aged {}, has a mole",
        "as she is only {}, it is new",
        "a lady of {} with a mole",
        "at {} years of age she has a mole",
    ):
        assert (years, years) in [each[1:] for each in ages(form.format(number))], form.format(number)


@pytest.mark.parametrize(
    ("text", "youngest", "oldest"),
    [
        ("a man in his twenties", 20, 29),
        ("a woman in her late 60s", 60, 69),
        ("an octogenarian with a nodule", 80, 89),
        ("a man in his seventh decade", 60, 69),
        ("mid-forties, i would guess", 40, 49),
        ("a thirty-something with a rash", 30, 39),
        ("81f with a nodule", 81, 81),
        ("28-yo man with a mole", 28, 28),
        ("a toddler with a rash", 0, 4),
        ("teenager with an eroded plaque", 10, 20),
        ("many octogenarians like her", 80, 89),
        ("this adult patient", 17, 130),
        ("a patient of advanced age", 55, 130),
        ("he is well past seventy", 70, 130),
        ("she has just turned eighteen", 18, 18),
        ("a woman aged 18 to 29", 18, 29),
        ("30 to 35 years of age", 30, 35),
    ],
)
def test_an_age_is_read_in_decades_stages_and_shorthand(text: str, youngest: int, oldest: int) -> None:
    assert (youngest, oldest) in [each[1:] for each in ages(text)]


@pytest.mark.parametrize(
    "text",
    [
        "It is 12 mm wide, and 3 to 4 mm high.",
        "By the age of 15 many have a dozen moles.",
        "Adults over 50 should have their skin checked.",
        "Moles may appear up to about 40.",
        "A child of ten has some 15 moles.",
        "A man or woman of 30 has a few dozen on average.",
        "People of 25 can be affected too.",
        "He or she removes it under local anaesthesia.",
        "If his father or sister had it, the risk would be higher.",
    ],
)
def test_people_in_general_are_not_the_patient(text: str) -> None:
    assert told(text, FULL, source="pad_ufes") == []


@pytest.mark.parametrize(
    ("question", "answer", "is_found"),
    [
        ("How old is the patient?", "62", True),
        ("How old is the patient?", "81", False),
        ("Does the age of the patient matter?", "It does: at 40, such a lesion is rare.", True),
        ("At what age do they appear?", "At 50 or 60, as a rule.", False),
        ("Where is it?", "Left cheek, below the eye", True),
        ("Where do they grow?", "Nose, cheeks, ears", False),
        ("What next?", "The gentleman should see a dermatologist.", True),
        ("What next?", "A dermatologist should see it, and he will decide.", False),
        ("Who noticed it?", "His wife did.", True),
        ("Would a man her age have it?", "He might.", False),
    ],
)
def test_a_bare_answer_is_read_with_what_was_asked_of_the_patient(question: str, answer: str, is_found: bool) -> None:
    assert bool(told(answer, FULL, question, source="pad_ufes")) is is_found


@pytest.mark.parametrize("text", ["It will go away by itself.", "No treatment is needed.", "Removal is unnecessary."])
def test_only_what_is_malignant_must_not_be_left_untreated(text: str) -> None:
    malignant, benign = (pair("What next?", text, image=clinical_image(facts=facts)) for facts in (MELANOMA, NEVUS))
    assert [each.severity for each in check_advice([malignant, benign])] == ["reject"]


PLACES = [
    place for place in word_tables().zones if not re.search(r"(?:al|ar|ary|ial|ile)$|acral| (?:her|his|your) ", place)
]  # nouns


@pytest.mark.parametrize("form", ["The lesion lies on the {}.", "The {}", "The {} shows a brown lesion.", "Left {}."])
def test_every_place_is_a_conflict_with_what_shares_no_zone_with_it(form: str) -> None:
    missed = []
    for place in PLACES:
        assert told(form.format(place), Facts(body_site=place)) == [], place
        other = next(each for each in ("face", "foot", "upper back") if not zones_of(each) & zones_of(place))
        missed += [] if told(form.format(place), Facts(body_site=other)) else [place]
    assert missed == []


@pytest.mark.parametrize(
    ("text", "source", "is_wrong"),
    [
        ("This dermoscopic image shows a brown lesion.", "pad_ufes", True),
        ("This dermoscopic image shows a brown lesion.", "hiba", False),
        ("Several milia-like cysts can be seen.", "pad_ufes", True),
        ("With a dermatoscope one would look for milia-like cysts.", "pad_ufes", False),
        ("Milia-like cysts are only visible with a dermatoscope, so they cannot be judged.", "pad_ufes", False),
        ("It is an ordinary clinical photograph, taken with a phone.", "hiba", True),
        ("It is an ordinary clinical photograph, taken with a phone.", "pad_ufes", False),
        ("A clinical photograph shows only the surface.", "hiba", False),
        ("You are looking at a histological section.", "hiba", True),
        ("This is an ultrasound scan of the arm.", "pad_ufes", True),
        ("An ultrasound scan could tell how deep it goes.", "pad_ufes", False),
        ("Histology would show horn cysts.", "hiba", False),
    ],
)
def test_an_image_is_of_its_own_kind(text: str, source: str, is_wrong: bool) -> None:
    one: Pair = pair("What do you see?", text, image=clinical_image(facts=Facts(), source=source))
    assert bool(list(check_modality([one]))) is is_wrong


@pytest.mark.parametrize("text", ["nevus ", "a nevus, ", "the back of the ", "this lesion is ", "a man of 30 "])
def test_a_loop_of_words_is_read_in_no_time(text: str) -> None:
    began = time.process_time()
    told(text * 2500, MELANOMA)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "told_of",
    [
        "lost ten kilos",
        "a temperature of 39 degrees",
        "been coughing since March",
        "a sore throat",
        "slept badly of late",
    ],
)
def test_symptoms_of_the_whole_body_that_nobody_recorded_are_found(told_of: str) -> None:
    of_patient = pair(
        "What do you see?", f"A pearly papule. The patient has {told_of}.", image=clinical_image(facts=FULL)
    )
    in_general = pair("What do you see?", f"Someone who has {told_of} should see a doctor.", image=clinical_image())
    assert [found.severity for found in check_unseen([of_patient])] == ["flag"]
    assert not list(check_unseen([in_general]))
