"""Images that hold one picture are in one split and say so; the contradictions of their records are flagged."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder.check.assemble import ReleaseTerms, split_of
from dermasynth_builder.check.contradictions import check_contradictions
from dermasynth_builder.check.copies import Copies, find_copies
from dermasynth_builder.core.images.pictures import NearPictures
from dermasynth_builder.core.records import ClinicalImage, Facts, ImageFile
from tests.support.clinical_images import clinical_image, pair

TERMS = ReleaseTerms("template", 7, (0.5, 0.25, 0.25))


def image(name: str, file: str, *, pixels: str = "", source: str = "pad_ufes", **more: object) -> ClinicalImage:
    """An image of a group of its own, unless it is said."""
    made = clinical_image(name, Facts(), group=f"group of {name}", source=source)
    held = ImageFile(file, "PNG", "RGB", 64, 64, 1000, 0, pixels or f"pixels of {file}")
    return replace(made, file=held, **more)  # type: ignore[arg-type]


def by_name(copies: Copies) -> dict[str, ClinicalImage]:
    return {each.image_id: each for each in copies.images}


def test_the_same_file_the_same_pixels_and_a_copy_are_one_picture() -> None:
    images = [
        image("a", "1"),
        image("b", "1"),
        image("c", "2", pixels="p"),
        image("d", "3", pixels="p"),
        image("e", "4"),
    ]
    near = [NearPictures("p", "pixels of 4", 0.99), NearPictures("p", "pixels of 1", 0.97)]
    copies = find_copies(images, near)
    assert copies.kinds == {"file": 1, "pixels": 1, "copy": 1, "look": 1}
    found = by_name(copies)
    assert found["a"].also_in == ("pad_ufes/b",)
    assert found["d"].also_in == ("pad_ufes/c", "pad_ufes/e")
    assert {found[name].group_id for name in "cde"} == {"group of c"}
    assert {found[name].group_id for name in "ab"} == {"group of a"}
    assert copies.joined == (5, 2)


def test_what_only_looks_alike_is_listed_and_changes_nothing() -> None:
    images = [image("a", "1"), image("b", "2")]
    copies = find_copies(images, [NearPictures("pixels of 1", "pixels of 2", 0.984)])
    assert [match.kind for match in copies.matches] == ["look"]
    assert list(copies.images) == images


def test_distinct_pictures_are_left_as_they_are_and_nothing_is_said() -> None:
    images = [image("a", "1"), image("b", "2")]
    copies = find_copies(images, [])
    assert list(copies.images) == images
    assert list(copies.lines()) == []


groups = st.integers(0, 5)
held = st.lists(
    st.tuples(st.sampled_from(["pad_ufes", "hiba", "scin"]), groups, st.integers(0, 7)), min_size=2, max_size=14
)


@given(held, st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=4), st.data())
def test_whatever_shares_a_picture_with_whatever_no_picture_and_no_group_is_in_two_splits(
    told: list[tuple[str, int, int]], near: set[tuple[int, int]], data: st.DataObject
) -> None:
    part = st.sampled_from([None, None, "train", "test"])
    images = [
        replace(image(f"{n}", f"{file}", source=source), group_id=f"{source} {group}", official_split=data.draw(part))
        for n, (source, group, file) in enumerate(told)
    ]
    pairs = [NearPictures(f"pixels of {a}", f"pixels of {b}", 0.99) for a, b in near if a < b]
    copies = find_copies(images, pairs)
    splits = {each.image_id: split_of(each, TERMS) for each in copies.images}
    before = {each.image_id: each for each in images}
    tied = {frozenset((f"{a}", f"{b}")) for a, b in near if a < b}
    for one, other in product(copies.images, repeat=2):
        files = {each.file.sha256 for each in (one, other) if each.file}
        is_one_group = one.shared and other.shared and one.group_id == other.group_id
        if len(files) == 1 and one is not other:
            assert f"{other.source}/{other.image_id}" in one.also_in
        if len(files) == 1 or frozenset(files) in tied or is_one_group:
            assert splits[one.image_id] == splits[other.image_id]
    for each in copies.images:
        if before[each.image_id].official_split == "test":
            assert splits[each.image_id] == "test"


def test_what_is_found_does_not_depend_on_the_order() -> None:
    images = [image("a", "1"), image("b", "1", source="hiba"), image("c", "2"), image("d", "2")]
    first = by_name(find_copies(images, []))
    for order in permutations(images):
        assert by_name(find_copies(order, [])) == first


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        (("test", "train"), "test"),
        (("train", "test"), "test"),
        (("test", None), "test"),
        (("train", None), "train"),
        ((None, None), None),
    ],
)
def test_an_official_test_part_wins_over_all_that_shares_a_picture_with_it(
    parts: tuple[str | None, str | None], wanted: str | None
) -> None:
    images = [image(name, "1", official_split=part) for name, part in zip("ab", parts, strict=True)]
    copies = find_copies([*images, image("c", "2", group_id="group of b")], [])
    assert {each.shared and each.shared.official_split for each in copies.images} == {wanted}
    splits = {split_of(each, replace(TERMS, seed=seed)) for each in copies.images for seed in range(40)}
    assert splits == (
        {"test"} if wanted == "test" else {"train", "validation"} if wanted else {"train", "validation", "test"}
    )
    assert copies.moved_to_test == (2 if wanted == "test" else 0)


def test_a_group_that_shares_with_another_sources_is_drawn_under_one_name() -> None:
    images = [image("a", "1", source="pad_ufes"), image("b", "1", source="hiba")]
    for seed in range(40):
        terms = replace(TERMS, seed=seed)
        one, other = (split_of(each, terms) for each in find_copies(images, []).images)
        assert one == other == split_of(images[1], terms)


Told = Callable[[Sequence[ClinicalImage]], list[tuple[str, ...]]]


@pytest.fixture
def told() -> Told:
    return lambda images: [each.contradictions for each in find_copies(images, []).images]


def test_records_that_contradict_each_other_about_one_picture_are_told_on_both(told: Told) -> None:
    images = [
        image("a", "1", facts=Facts(diagnosis="melanoma", sex="male"), source="hiba"),
        image("b", "1", facts=Facts(diagnosis="Nevus", sex="male", body_site="back"), source="derm12345"),
    ]
    here, there = told(images)
    assert here == ("diagnosis: melanoma here, Nevus in derm12345/b",)
    assert there == ("diagnosis: Nevus here, melanoma in hiba/a",)


def test_one_picture_under_two_patients_of_a_source_is_a_contradiction(told: Told) -> None:
    assert told([image("a", "1"), image("b", "1")])[0] == ("group: group of a here, group of b in pad_ufes/b",)
    assert told([image("a", "1", group_id="g"), image("b", "1", group_id="g")]) == [(), ()]


def test_what_is_not_recorded_and_what_sources_word_otherwise_contradicts_nothing(told: Told) -> None:
    images = [
        image("a", "1", facts=Facts(diagnosis="nevus", body_site="front of the trunk", age_years=50), source="hiba"),
        image("b", "1", facts=Facts(diagnosis="Nevus", body_site="chest", age_years=52), source="pad_ufes"),
        image("c", "1", facts=Facts(), source="scin"),
    ]
    assert told(images) == [(), (), ()]


def test_a_contradiction_is_a_flag_and_rejects_nothing() -> None:
    doubted = replace(clinical_image(), contradictions=("diagnosis: melanoma here, nevus in hiba/a",))
    [finding] = check_contradictions([pair("Why?", "So.", image=doubted)])
    assert (finding.severity, finding.reason) == ("flag", doubted.contradictions[0])
    assert not list(check_contradictions([pair("Why?", "So.", image=clinical_image())]))


def test_an_image_of_the_training_part_of_bcn20000_is_in_a_public_challenge_too() -> None:
    images = [
        image(name, name, source="bcn20000", official_split=part) for name, part in (("a", "train"), ("b", "test"))
    ]
    assert [each.also_in for each in find_copies(images, []).images] == [("ISIC 2019 training set",), ()]
