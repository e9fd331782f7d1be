"""A form can be written where its slots are known, and then without a gap."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder.generate.answers import notation
from dermasynth_builder.generate.answers.notation import FormError, can_write, parsed, slots, write


def draw(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - a draw, not a secret


FORMS = st.recursive(
    st.sampled_from(["a ", "b ", "{x} ", "{Y} ", "{z}"]),
    lambda form: st.one_of(
        st.lists(form, min_size=1, max_size=3).map("".join),
        form.map(lambda inner: f"[{inner}]"),
        st.tuples(form, form).map(lambda sides: f"<{sides[0]}|{sides[1]}>"),
    ),
    max_leaves=8,
)
KNOWN = st.dictionaries(st.sampled_from(["x", "y", "z"]), st.just("word"))


@given(FORMS, KNOWN, st.integers())
def test_what_can_be_written_is_written_whole_and_what_it_used_is_known(
    text: str, known: dict[str, str], seed: int
) -> None:
    form, used = parsed(text), list[str]()
    if can_write(form, known.__contains__):
        words = write(form, known, draw(seed), used=used)
        assert not set("[]<>{}|") & set(words)
        assert set(used) <= known.keys() & set(slots(form))
        assert words == write(form, known, draw(seed), used=[])


@given(FORMS)
def test_a_form_that_needs_what_nobody_knows_cannot_be_written(text: str) -> None:
    assert not can_write(parsed(text + "{unknown}"), {"x", "y", "z"}.__contains__)


def test_an_optional_part_is_left_out_where_it_has_a_gap_and_at_times_where_it_has_none() -> None:
    form = parsed("A[ on the {site}].")
    assert {write(form, {}, draw(seed), used=[]) for seed in range(20)} == {"A."}
    written = {write(form, {"site": "arm"}, draw(seed), used=[]) for seed in range(40)}
    assert written == {"A.", "A on the arm."}


def test_a_choice_takes_only_a_side_that_can_be_written() -> None:
    form = parsed("<{person}|the patient> came.")
    assert {write(form, {}, draw(seed), used=[]) for seed in range(20)} == {"the patient came."}


def test_a_capital_opens_a_sentence_and_changes_no_other_letter() -> None:
    assert write(parsed("{Dx}."), {"dx": "Bowen's disease"}, draw(0), used=[]) == "Bowen's disease."
    assert write(parsed("{Dx}."), {"dx": "melanoma of the Ear"}, draw(0), used=[]) == "Melanoma of the Ear."


@pytest.mark.parametrize("text", ["[a", "a]", "<a|b", "{", "{}", "a|b", "<a]"])
def test_a_form_that_is_not_well_formed_is_an_error(text: str) -> None:
    notation.parsed.cache_clear()
    with pytest.raises(FormError):
        parsed(text)
