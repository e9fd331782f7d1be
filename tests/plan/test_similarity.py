"""ROUGE-L, and what it calls a near-duplicate."""

from itertools import product

import pytest

from dermasynth_builder.plan.similarity import Known, accepted, near_duplicates, rouge_l, score, tokens


def longest_common(a: list[str], b: list[str]) -> int:
    """By the textbook's table."""
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for row, column in product(range(len(a)), range(len(b))):
        is_same = a[row] == b[column]
        table[row + 1][column + 1] = (
            table[row][column] + 1 if is_same else max(table[row][column + 1], table[row + 1][column])
        )
    return table[-1][-1]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("Name the lesion.", "Name the lesion!", 1.0),
        ("What is it?", "Which one?", 0.0),
        ("", "", 0.0),
        ("", "a word", 0.0),
        ("the cat sat", "the dog sat", 2 / 3),
        ("a b c d", "d c b a", 0.25),
    ],
)
def test_words_in_common_and_in_order_make_the_score(a: str, b: str, expected: float) -> None:
    assert rouge_l(a, b) == pytest.approx(expected)


def test_the_score_is_that_of_the_definition() -> None:
    texts = ["which colours make up this lesion", "which lesion is this", "is this lesion one of many colours", "skin"]
    for a, b in product(texts, texts):
        one, other = a.split(), b.split()
        assert rouge_l(a, b) == pytest.approx(2 * longest_common(one, other) / (len(one) + len(other)))


def test_a_floor_changes_no_score_above_it() -> None:
    texts = [tokens(text) for text in ("a b c d e", "a b c d f", "a x y", "q", "a b c d e f g h i j")]
    for a, b, floor in product(texts, texts, (0.0, 0.3, 0.7, 1.0)):
        exact = score(a, b)
        assert score(a, b, floor) in ({exact} if exact >= floor else {exact, 0.0})


def test_near_duplicates_are_told_by_place_and_score() -> None:
    others = [tokens(text) for text in ("Name this lesion now.", "Describe the edge.", "Name the lesion now.")]
    assert list(near_duplicates(tokens("Name the lesion now!"), others)) == [(0, 0.75), (2, 1.0)]


def test_only_questions_far_from_the_bank_and_from_each_other_are_accepted() -> None:
    known = Known().add(["What is the diagnosis here?"])
    found = accepted(
        [
            "What is the diagnosis here, please?",
            "Does the border of this lesion fade into the skin on one side?",
            "Does the border of this lesion fade into the skin on any side?",
            "Which colours can be told apart?",
        ],
        known,
    )
    assert found == [
        "Does the border of this lesion fade into the skin on one side?",
        "Which colours can be told apart?",
    ]
