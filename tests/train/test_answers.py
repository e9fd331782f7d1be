"""An answer counts where it names exactly one option and does not deny it."""

from pathlib import Path
from string import ascii_uppercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder.core.closed import Form
from dermasynth_builder.core.errors import ScoreError, TrainError
from dermasynth_builder.train.evaluate.answers import option_named, synonyms
from dermasynth_builder.train.evaluate.predict import read_predictions
from dermasynth_builder.train.run_card import read_run_card, write_json

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
        ("This doesn't look like a melanoma", SKIN, "named", None),
        ("It cannot be a melanoma: nevus", SKIN, "named", "nevus"),
        ("Unlikely to be melanoma, so nevus", SKIN, "named", "nevus"),
        ("Nevus, melanoma being less probable", SKIN, "named", None),
        ("Nevus. Melanoma is less likely.", SKIN, "named", "nevus"),
        ("Nevus, excluding melanoma", SKIN, "named", "nevus"),
        ("basal-cell carcinoma", SKIN, "named", "basal cell carcinoma"),
        ("melanoma or nevus", SKIN, "named", None),
        ("melanomatous", SKIN, "named", None),
        ("sk", ("seborrheic keratosis", "nevus"), "named", None),  # no abbreviation in lower case: "skin", "ask"
        ("**Melanoma**", SKIN, "named", "melanoma"),
        ("_melanoma_", SKIN, "named", "melanoma"),
        ("basal_cell_carcinoma", SKIN, "named", "basal cell carcinoma"),
        ("Basal\u2011cell\u00a0carcinoma", SKIN, "named", "basal cell carcinoma"),
        ("It isn\u2019t a melanoma.", SKIN, "named", None),
        ("Na\u0065\u0301vus", ("na\u00e9vus", "melanoma"), "named", "na\u00e9vus"),
        ("\uff4d\uff45\uff4c\uff41\uff4e\uff4f\uff4d\uff41", SKIN, "named", "melanoma"),
        ("", SKIN, "named", None),
        ("I cannot tell.", SKIN, "named", None),
        ("not malignant", CLASSES, "named", "benign"),
        ("malignant", CLASSES, "named", "malignant"),
        ("B", SKIN, "lettered", "basal cell carcinoma"),
        ("(b) basal cell carcinoma", SKIN, "lettered", "basal cell carcinoma"),
        ("The answer is C.", SKIN, "lettered", "melanoma"),
        ("A nevus", ("melanoma", "nevus"), "lettered", "nevus"),  # an article is no letter
        ("B is correct.", SKIN, "lettered", "basal cell carcinoma"),
        ("C because of its border", SKIN, "lettered", "melanoma"),
        ("A is the answer", SKIN, "lettered", "nevus"),
        ("**B**", SKIN, "lettered", "basal cell carcinoma"),
        ("__C__", SKIN, "lettered", "melanoma"),
        ("I see a nevus", SKIN, "lettered", "nevus"),
        ("A melanoma", SKIN, "lettered", "melanoma"),
        ("Dermatofibroma", SKIN, "lettered", None),
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


def test_a_very_long_answer_takes_no_longer_than_its_length_asks_for() -> None:
    """A model that repeats itself to its last token: a look at all that stands before each name would take hours."""
    assert option_named("nevus " * 200_000, ("nevus", "melanoma"), "named") == "nevus"
    assert option_named("It is not a nevus. " * 100_000, ("nevus", "melanoma"), "named") is None


LINES = {
    "a byte-order mark, blank lines, line ends of Windows": ('\ufeff{"item_id": "a", "answer": "x"}\r\n\r\n', "x"),
    "what ends a line elsewhere": ('{"item_id": "a", "answer": "one\u2028two\x85three"}\n', "one\u2028two\x85three"),
    "an answer that is none": ('{"item_id": "a", "answer": null}\n', ""),
}


@pytest.mark.parametrize("name", LINES)
def test_answers_are_read_as_others_write_them(name: str, tmp_path: Path) -> None:
    text, expected = LINES[name]
    path = tmp_path / "answers.jsonl"
    path.write_bytes(text.encode())
    assert read_predictions(path).answers == {"a": expected}


NO_ANSWERS = {
    "true or false of JSON": '{"item_id": "a", "answer": true}',
    "a number": '{"item_id": "a", "answer": 1}',
    "a list": '{"item_id": "a", "answer": ["x"]}',
    "an array of all": '[{"item_id": "a", "answer": "x"}]',
    "brackets without end": "[" * 100_000,
    "CSV": "item_id,answer",
    "no answer": '{"item_id": "a"}',
    "a line cut off": '{"item_id": "a", "answer": "x"',
    **{line: line for line in ("7", "[1]", '"about"', "\x00", "NaN")},
}


@pytest.mark.parametrize("line", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_what_is_no_answer_is_told_with_its_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(f'{{"item_id": "b", "answer": "x"}}\n{line}\n')
    with pytest.raises(ScoreError, match=r"answers\.jsonl, line 2: expected a JSON object"):
        read_predictions(path)


@pytest.mark.parametrize("told", ["{}", "[]", "7", '{"examples": [], "images": 3, "groups": []}'])
def test_what_is_no_card_of_a_run_is_told(told: str, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(told)
    with pytest.raises(TrainError, match=r"run\.json is not the run\.json of a training"):
        read_run_card(path)


def test_a_file_that_cannot_be_written_whole_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    write_json(path, {"n": 1})
    with pytest.raises(TypeError):
        write_json(path, {"n": object()})
    (tmp_path / ".scores.json").unlink(missing_ok=True)
    (tmp_path / ".scores.json").mkdir()  # as where the disk is full
    with pytest.raises(OSError, match="directory"):
        write_json(path, {"n": 2})
    assert path.read_text() == '{\n "n": 1\n}\n'
