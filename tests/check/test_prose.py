"""How checks read texts: sentences and how they are meant, terms, patterns that are tried only where they may fit."""

import re
from importlib import import_module
from inspect import getmembers

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder.check.prose.patterns import Pattern, Patterns, letters_of
from dermasynth_builder.check.prose.statements import answers, statements
from dermasynth_builder.check.prose.talk import TALK
from dermasynth_builder.check.prose.terms import Terms
from dermasynth_builder.check.prose.vocabulary import (
    Concept,
    are_related,
    concept,
    diagnosis_terms,
    word_tables,
    zones_of,
)
from dermasynth_builder.core.records import Facts
from dermasynth_builder.read import vocabulary
from tests.support.clinical_images import clinical_image, pair
from tests.support.labelled import LABELLED, labelled

NO_GROUP = frozenset[str]()
MODULES = ("form", "speech", "diagnosis", "modality", "person", "unseen", "advice")
PATTERNS = {
    f"{name}.{place} {number}": pattern
    for name in MODULES
    for place, value in getmembers(import_module(f"dermasynth_builder.check.{name}"))
    for number, pattern in enumerate(value if isinstance(value, tuple) else [value])
    if isinstance(pattern, re.Pattern)
} | {f"talk {name} {number}": pattern for name, parts in TALK.items() for number, pattern in enumerate(parts)}
TEXTS = [item.pair.answer.lower() for path in sorted(LABELLED.glob("*.jsonl")) for item in labelled(path)]


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_is_passed_over_only_where_it_finds_nothing(name: str) -> None:
    pattern = PATTERNS[name]
    sieve = Patterns({"one": pattern}, is_of_sentences=False)
    for text in TEXTS:
        assert pattern.search(text) is None or "one" in sieve.possible(text), text


@given(
    st.text("abc ", max_size=40),
    st.sampled_from(["ab+c", "(?:abc|cab) ?b", "a{2}|bcb", "(?:ab)?cc", "a[bc]a", "^abca?"]),
)
def test_a_pattern_behind_its_letters_finds_what_it_finds_alone(text: str, pattern: str) -> None:
    alone = re.compile(pattern)
    found, other = alone.search(text), Pattern(alone, is_of_sentences=False).search(text)
    assert (found and found.span()) == (other and other.span())


def test_letters_are_of_every_alternative() -> None:
    assert letters_of(re.compile("(?:mole|nevus) is")) == [frozenset({"mole", "nevus"}), frozenset({" is"})]
    assert letters_of(re.compile("(?:mole)?|x")) == []


@pytest.mark.parametrize(
    ("text", "term", "is_claimed"),
    [
        ("This is a mole.", "mole", True),
        ("This is not a mole.", "mole", False),
        ("It could be a mole.", "mole", False),
        ("Unlike a mole, it is red.", "mole", False),
        ("Is it a mole?", "mole", False),
        ("Most people have a mole.", "mole", False),
        ("It is red, but it is a mole.", "mole", True),
        ("It is not red; it is a mole.", "mole", True),
        ("A mole is absent.", "mole", False),
        ("Whether it is a mole cannot be told.", "mole", False),
    ],
)
def test_a_term_is_claimed_unless_it_is_denied_supposed_compared_or_general(
    text: str, term: str, is_claimed: bool
) -> None:
    [statement] = statements(text)
    start = statement.text.index(term)
    assert statement.claims(start, start + len(term)) is is_claimed


def test_sentences_are_parted_at_their_ends_and_not_in_numbers() -> None:
    told = [each.text for each in statements("It is 2.5 mm wide. Is it red? (It is.) Yes!\nNo.")]
    assert told == ["it is 2.5 mm wide.", "is it red?", "(it is.", "yes!", "no."]


def test_what_was_read_of_a_pair_is_never_taken_for_that_of_another() -> None:
    """Pairs come and go, and a new one may stand where an old one stood."""
    image = clinical_image("one", Facts())
    for number in range(500):
        one = pair("What is it?", f"Answer {number}.", image=image)
        assert [each.answer for each in answers(one)] == [one.answer]


def test_the_longer_term_is_found_whole_and_in_the_plural() -> None:
    terms = Terms({"mole": 1, "blue mole": 2, "keratosis": 3, "nevus": 4})
    assert [hit.meaning for hit in terms.find("a blue mole, moles, molecules, keratoses and nevi")] == [2, 1, 3, 4]


@pytest.mark.parametrize(
    ("one", "other", "is_related"),
    [
        ("mole", "compound nevus", True),
        ("nodular melanoma", "lentigo maligna", True),
        ("bowen's disease", "squamous cell carcinoma", True),
        ("eczema", "allergic contact dermatitis", True),
        ("a disease of nobody", "melanoma", True),
        ("nevus", "melanoma", False),
        ("basal cell carcinoma", "squamous cell carcinoma", False),
        ("psoriasis", "tinea", False),
        ("melanoma", "eczema", False),
    ],
)
def test_two_names_are_related_where_one_lesion_may_have_both(one: str, other: str, is_related: bool) -> None:
    assert are_related(concept(one), concept(other)) is is_related
    assert are_related(concept(other), concept(one)) is is_related


def test_every_alias_leads_to_a_diagnosis_of_which_something_is_known() -> None:
    assert [alias for alias in word_tables().aliases if not concept(alias).is_known] == []
    assert len(diagnosis_terms().meanings) > 500


def test_places_share_a_zone_where_one_holds_the_other() -> None:
    assert zones_of("arm and leg") & zones_of("forearm")
    assert zones_of("front of the trunk") & zones_of("chest")
    assert not zones_of("nose") & zones_of("scalp")
    assert not zones_of("upper arm") & zones_of("back")


def test_no_alias_takes_a_name_that_stands_for_something_else_in_the_taxonomy() -> None:
    """A simple lentigo is no solar one, though both are flat and brown."""
    nodes = {vocabulary.node_name(node).lower(): node for node in vocabulary.isic_nodes() if ":" in node}
    aliases = {alias: concept(name) for alias, name in word_tables().aliases.items() if alias in nodes}
    other = {
        alias for alias, meant in aliases.items() if not are_related(meant, Concept(alias, nodes[alias], NO_GROUP))
    }
    assert other == {"keratoacanthoma"}, "which many count as a squamous cell carcinoma"
