"""Copies of a picture are found however they were made, and no others: specimens and real ones."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dermasynth_builder.core import registry
from dermasynth_builder.core.images.near import find_near
from dermasynth_builder.core.images.picture import THUMB_PX, picture_of
from dermasynth_builder.core.images.pictures import COPY, LOOK
from dermasynth_builder.core.records import ClinicalImage
from tests.support.planted import WAYS

Thumbs = NDArray[np.uint8]


def thumbs_of(pictures: Sequence[Image.Image]) -> Thumbs:
    levels = b"".join(picture_of(picture).thumb for picture in pictures)
    return np.frombuffer(levels, np.uint8).reshape(-1, THUMB_PX, THUMB_PX)


def opened(paths: Sequence[Path]) -> list[Image.Image]:
    pictures = []
    for path in paths:
        with Image.open(path) as picture:
            pictures.append(picture.convert("RGB"))
    return pictures


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Image.Image]:
    """The first picture of each group of three sources' specimens."""
    first: dict[tuple[str, str], Path] = {}
    for name in ("pad_ufes", "bcn20000", "hiba"):
        raw = registry.specimens(name)(tmp_path_factory.mktemp(name), images=18, side_px=160)
        for item in registry.source(name).read(raw):
            if isinstance(item, ClinicalImage) and item.path:
                first.setdefault((name, item.group_id), item.path)
    return opened(list(first.values()))


@pytest.fixture(scope="module")
def photographs(real_data: Path) -> list[Image.Image]:
    return opened(sorted([*real_data.glob("pad_ufes/*/*.png"), *real_data.glob("isic_cc0/*.jpg")]))


def require_found(pictures: Sequence[Image.Image], way: str, least: float) -> None:
    """Copies made in one way tie to their own originals, and nothing else ties."""
    copies = [WAYS[way](picture) for picture in pictures]
    matches = find_near(thumbs_of([*pictures, *copies]))
    ties = {(match.first, match.second) for match in matches if match.likeness >= COPY}
    own = {(place, place + len(pictures)) for place in range(len(pictures))}
    assert not ties - own
    assert len(ties) >= least * len(pictures)


@pytest.mark.parametrize("way", WAYS)
def test_copies_of_drawn_specimens_are_found_and_only_they(way: str, drawn: list[Image.Image]) -> None:
    require_found(drawn, way, 0.6 if "every side" in way else 0.75 if "cropped" in way else 1)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_copies_of_real_photographs_are_found_and_only_they(way: str, photographs: list[Image.Image]) -> None:
    assert len(photographs) == 17
    require_found(photographs, way, 0.9 if "cropped" in way else 1)


def test_distinct_specimens_are_no_copies(drawn: list[Image.Image]) -> None:
    assert not [match for match in find_near(thumbs_of(drawn)) if match.likeness >= COPY]


def test_what_lies_near_a_copy_is_for_a_person_to_look_at(drawn: list[Image.Image]) -> None:
    other = np.asarray(drawn[1]).astype(int)
    side = other.shape[0] // 3
    other[:side, :side] = 255 - other[:side, :side]
    changed = Image.blend(drawn[1], Image.fromarray(other.astype(np.uint8)), 0.2)
    [match] = find_near(thumbs_of([drawn[1], changed]))
    assert LOOK <= match.likeness < COPY


def test_pictures_that_show_nothing_are_compared_with_none() -> None:
    blank = [Image.new("RGB", (40, 40), colour) for colour in ("white", "black", "white")]
    assert find_near(thumbs_of(blank)) == []
    assert find_near(np.zeros((0, THUMB_PX, THUMB_PX), np.uint8)) == []


def test_many_copies_of_one_picture_are_tied_together(drawn: list[Image.Image]) -> None:
    ways = list(WAYS.values())
    matches = find_near(thumbs_of([drawn[0], *(way(drawn[0]) for way in ways[:8] * 4)]))
    reached = {0}
    for _ in matches:
        ties = (set(match[:2]) for match in matches if match.likeness >= COPY)
        reached |= {place for tie in ties if tie & reached for place in tie}
    assert reached == set(range(33))


def test_what_is_found_does_not_depend_on_the_order(drawn: list[Image.Image]) -> None:
    pictures = [*drawn[:6], *(WAYS["turned"](picture) for picture in drawn[:6])]
    there = {frozenset(match[:2]) for match in find_near(thumbs_of(pictures))}
    back = {frozenset(11 - place for place in match[:2]) for match in find_near(thumbs_of(pictures[::-1]))}
    assert there == back
