"""An answer counts where it names exactly one option and does not deny it."""

from string import ascii_uppercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder.core.closed import Form
from dermasynth_builder.train.evaluate.answers import option_named, synonyms

SKIN = ("nevus", "basal cell carcinoma", "melanoma", "melanoma in situ", "actinic keratosis", "eczema (hand)")
CLASSES = ("benign", "indeterminate", "malignant")
TRUTHS = ("true", "false")


@pytest.mark.parametrize(
    ("answer", "options", "form", "named"),
    [
        ("melanoma", SKIN, "named", "melanoma"),
        ("This is a Melanoma.", SKIN, "named", "melanoma"),
        ("melanoma in situ", SKIN, "named", "melanoma in situ"),
        ("Most likely BCC", SKIN, "named", "basal cell carcinoma"),
        ("naevi", SKIN, "named", "nevus"),
        ("eczema (hand)", SKIN, "named", "eczema (hand)"),
        ("not melanoma but nevus", SKIN, "named", "nevus"),
        ("A nevus; there is no evidence of melanoma.", SKIN, "named", "nevus"),
        ("Melanoma is unlikely, a nevus fits.", SKIN, "named", "nevus"),
        ("not a melanoma, nevus", SKIN, "named", "nevus"),
        ("Melanoma was ruled out: nevus", SKIN, "named", "nevus"),
        ("nevus rather than melanoma", SKIN, "named", "nevus"),
        ("It is not a melanoma.", SKIN, "named", None),
        ("melanoma or nevus", SKIN, "named", None),
        ("melanomatous", SKIN, "named", None),
        ("sk", ("seborrheic keratosis", "nevus"), "named", None),  # no abbreviation in lower case: "skin", "ask"
        ("", SKIN, "named", None),
        ("I cannot tell.", SKIN, "named", None),
        ("not malignant", CLASSES, "named", "benign"),
        ("malignant", CLASSES, "named", "malignant"),
        ("B", SKIN, "lettered", "basal cell carcinoma"),
        ("(b) basal cell carcinoma", SKIN, "lettered", "basal cell carcinoma"),
        ("The answer is C.", SKIN, "lettered", "melanoma"),
        ("A nevus", ("melanoma", "nevus"), "lettered", "nevus"),  # an article is no letter
        ("Z", SKIN, "lettered", None),
        ("true", TRUTHS, "true_false", "true"),
        ("No.", TRUTHS, "true_false", "false"),
        ("That is not true", TRUTHS, "true_false", "false"),
        ("true or false", TRUTHS, "true_false", None),
    ],
)
def test_one_option_said_and_not_denied_is_the_answer(
    answer: str, options: tuple[str, ...], form: Form, named: str | None
) -> None:
    assert option_named(answer, options, form) == named


@pytest.mark.parametrize("option", synonyms())
def test_every_name_of_an_option_names_it_and_no_other(option: str) -> None:
    for name in (option, *synonyms()[option]):
        assert option_named(f"{name}.", (option, "something else"), "named") == option, name


@given(st.permutations(SKIN), st.sampled_from(SKIN))
def test_the_order_of_options_changes_no_answer_but_its_letter(options: list[str], gold: str) -> None:
    assert option_named(f"I see: {gold}", options, "named") == gold
    assert option_named(ascii_uppercase[options.index(gold)], options, "lettered") == gold
