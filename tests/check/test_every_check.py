"""One contract for every check: it says something of the pairs that it was given, and of them alone."""

from collections import defaultdict
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from itertools import groupby
from random import Random
from typing import get_args

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.records import Finding, Pair, Severity, Turn
from tests.support.clinical_images import clinical_image, pair

NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
HOSTILE = (
    *("", " ", "\n\n", "\x00", "nan", "None", "{site}", "```json", "A\u202eb", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 皮膚 جلد 🩺", "%s %(x)s \\"),
    *("e" * 10_000, "word " * 5_000, "(((((((((((", "." * 2_000, " ".join(["?"] * 500), "a\u0301" * 500),
)


@pytest.fixture(params=tuple(registry.CHECKS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def found_by(name: str, pairs: Iterable[Pair]) -> list[Finding]:
    """What the check finds, one image after the other, having seen no pair before."""
    check = registry.check(name)
    return [found for _, of_image in groupby(pairs, key=lambda each: each.image) for found in check(of_image)]


def plain_pairs() -> list[Pair]:
    """Pairs of several images and sources that have nothing in common, and nothing wrong."""
    pairs = []
    for number, word in enumerate(NUMBERS):
        image = clinical_image(f"image_{number}", source=("pad_ufes", "hiba", "a_source_of_nobody")[number % 3])
        told = (f"{word} {word} {word} {word}?".capitalize(), f"It is {word}, {word}, {word} and {word}.")
        pairs.append(pair(*told, image=image, slot="source", model=None if number % 4 == 0 else "m"))
        own = pair(f"Why {word} {word} of {word}?", f"Because of {word} {word}.", image=image)
        pairs.append(replace(own, style="self_instruct", question_type="self_instruct"))
    return pairs


def faulty_pairs() -> list[Pair]:
    """Pairs with texts that no reader should meet, as question, as answer and in a later turn; all of it twice."""
    pairs = []
    for number, text in enumerate(HOSTILE * 2):
        image = clinical_image(f"faulty_{number % 7}")
        asked = pair(text, text, image=image, slot=f"{number}/asked")
        own = replace(pair(text, "Yes.", image=image, slot=f"{number}/own"), style="self_instruct")
        talk = pair("Is it flat?", "Yes.", image=image, slot=f"{number}/talk")
        turns = (*talk.messages, Turn("user", text), Turn("assistant", text))
        pairs += [asked, own, replace(talk, style="conversation", messages=turns)]
    return together(pairs)


def together(pairs: list[Pair]) -> list[Pair]:
    """The pairs of an image side by side, as in a release."""
    return sorted(pairs, key=lambda each: (each.image.source, each.image.image_id))


def by_image(findings: list[Finding], pairs: list[Pair]) -> dict[str, list[Finding]]:
    image_of = {each.pair_id: f"{each.image.source}/{each.image.image_id}" for each in pairs}
    found = defaultdict(list)
    for finding in findings:
        found[image_of[finding.pair_id]].append(finding)
    return found


def test_a_finding_names_a_pair_that_was_given_the_check_and_a_reason(name: str) -> None:
    pairs = [*plain_pairs(), *faulty_pairs()]
    for finding in found_by(name, pairs):
        assert finding.pair_id in {each.pair_id for each in pairs}
        assert finding.check == name
        assert finding.severity in get_args(Severity)
        assert finding.reason == finding.reason.strip() != ""


def test_nothing_is_found_where_there_is_nothing(name: str) -> None:
    assert list(registry.check(name)([])) == []
    assert list(registry.check(name)(iter(()))) == []


def test_pairs_with_nothing_wrong_and_nothing_in_common_are_not_rejected(name: str) -> None:
    pairs = plain_pairs()
    assert [finding for finding in found_by(name, pairs) if finding.severity == "reject"] == []


def test_each_pair_may_be_the_only_one(name: str) -> None:
    for each in [*plain_pairs(), *faulty_pairs()]:
        assert {finding.pair_id for finding in found_by(name, [each])} <= {each.pair_id}


def test_a_stream_is_as_good_as_a_list_and_a_second_run_finds_the_same(name: str) -> None:
    told = [*plain_pairs(), *faulty_pairs()]
    pairs = [replace(each, question=f"{each.question} Is it so?") for each in told]  # which no other test has shown
    found = found_by(name, pairs)
    assert found_by(name, (each for each in pairs)) == found
    assert found_by(name, pairs) == found


def test_the_pairs_are_left_as_they_are(name: str) -> None:
    pairs = [*plain_pairs(), *faulty_pairs()]
    before = deepcopy(pairs)
    found_by(name, pairs)
    assert pairs == before


def test_the_order_of_other_images_makes_no_difference_to_an_image(name: str) -> None:
    pairs = plain_pairs()
    pairs += [replace(each, pair_id=f"{each.pair_id}/again") for each in pairs[:8]]
    pairs = together(pairs)
    images = [list(of_image) for _, of_image in groupby(pairs, key=lambda each: each.image.image_id)]
    found = by_image(found_by(name, pairs), pairs)
    for seed in range(5):
        Random(seed).shuffle(images)  # noqa: S311 - an order, not a secret
        shuffled = [each for of_image in images for each in of_image]
        assert by_image(found_by(name, shuffled), pairs) == found
