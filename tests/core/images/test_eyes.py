"""What is measured on drawn images is what was drawn, and nothing is where nothing is sure."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from dermasynth_builder.core.images.eyes import measured_on, small_copy, standing_out
from dermasynth_builder.core.images.regions import filled, hull_area, lab_of, reached, threshold

SKIN, BROWN, RED, INK = (214, 172, 148), (104, 66, 42), (172, 70, 72), (60, 60, 150)


def skin(size: tuple[int, int] = (400, 300), colour: tuple[int, int, int] = SKIN) -> Image.Image:
    return Image.new("RGB", size, colour)


def with_area(box: tuple[int, int, int, int], colour: tuple[int, int, int] = BROWN) -> Image.Image:
    image = skin()
    ImageDraw.Draw(image).ellipse(box, colour)
    return image


def told(image: Image.Image) -> dict[str, str | float]:
    return {each.name: each.value for each in measured_on(image)}


def test_one_area_is_told_with_its_place_form_and_colour() -> None:
    assert told(with_area((20, 20, 140, 80))) == {
        "place": "in the upper left",
        "share": 5.0,
        "elongation": 2.0,
        "shape": "longer than wide",
        "solidity": pytest.approx(0.98, abs=0.02),
        "outline": "even",
        "compared": "darker",
        "colour": "dark brown",
    }


@pytest.mark.parametrize(
    ("box", "place"),
    [
        ((150, 100, 250, 200), "in the middle"),
        ((290, 200, 380, 290), "in the lower right"),
        ((150, 10, 250, 80), "in the upper part"),
        ((10, 100, 90, 200), "on the left"),
    ],
)
def test_the_place_is_said_as_a_reader_sees_it(box: tuple[int, int, int, int], place: str) -> None:
    assert told(with_area(box))["place"] == place


def test_an_area_of_two_colours_has_both_named() -> None:
    image = with_area((120, 70, 280, 230), BROWN)
    ImageDraw.Draw(image).ellipse((160, 110, 240, 190), (28, 22, 24))
    found = told(image)
    assert (found["colour"], found["second_colour"]) == ("dark brown", "black")
    assert told(with_area((120, 70, 280, 230), RED))["colour"] == "red"


def test_an_indented_outline_is_told_from_an_even_one() -> None:
    image = with_area((120, 70, 280, 230))
    ImageDraw.Draw(image).polygon([(200, 160), (165, 50), (235, 50)], SKIN)
    assert told(image)["outline"] == "indented"


@pytest.mark.parametrize(
    "image",
    [
        skin(),
        skin((1, 1)),
        skin((3, 900)),
        Image.new("L", (200, 200), 0),
        Image.new("RGBA", (200, 200), (0, 0, 0, 0)),
        with_area((-100, 60, 120, 240)),  # cut by the frame
        with_area((170, 140, 172, 142)),  # a dot
    ],
)
def test_where_no_area_is_sure_nothing_is_said(image: Image.Image) -> None:
    assert told(image) == {}


def test_two_areas_are_not_told_as_one() -> None:
    image = with_area((60, 100, 140, 180))
    ImageDraw.Draw(image).ellipse((250, 100, 330, 180), BROWN)
    assert told(image) == {}


def test_the_round_border_of_a_dermoscope_is_told_and_is_no_lesion() -> None:
    image = Image.new("RGB", (400, 300), (4, 3, 3))
    ImageDraw.Draw(image).ellipse((60, 10, 340, 290), SKIN)
    assert told(image) == {"border": "a dark round border"}
    ImageDraw.Draw(image).ellipse((170, 120, 230, 180), BROWN)
    assert {"border", "place", "share"} <= told(image).keys()


def test_a_dark_frame_that_is_not_round_is_no_border_of_a_dermoscope() -> None:
    image = Image.new("RGB", (400, 300), (4, 3, 3))
    image.paste(SKIN, (40, 40, 360, 260))
    assert "border" not in told(image)


def test_blue_ink_is_told_beside_the_area_and_a_blue_lesion_is_no_ink() -> None:
    image = with_area((150, 100, 250, 200))
    ImageDraw.Draw(image).line((60, 40, 60, 260), INK, 8)
    found = told(image)
    assert (found["ink"], found["place"]) == ("blue ink marks", "in the middle")
    assert "ink" not in told(with_area((150, 100, 250, 200)))


@settings(max_examples=15, deadline=None)
@given(st.integers(60, 140), st.integers(60, 140), st.integers(30, 55), st.integers(20, 55))
def test_the_mask_is_the_area_that_was_drawn(x: int, y: int, wide: int, high: int) -> None:
    image = skin((200, 200))
    ImageDraw.Draw(image).ellipse((x - wide, y - high, x + wide, y + high), BROWN)
    small = lab_of(np.asarray(small_copy(image)))
    seen = standing_out(small, np.ones(small.shape[:2], dtype=bool))
    rows, columns = np.mgrid[:192, :192] * 200 / 192
    drawn = ((columns - x) / wide) ** 2 + ((rows - y) / high) ** 2 <= 1
    if seen:
        assert 2 * (seen.mask & drawn).sum() / (seen.mask.sum() + drawn.sum()) > 0.93


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 2**32 - 1), st.integers(0, 255), st.sampled_from("LRP"))
def test_any_picture_at_all_is_measured_without_a_fault(wide: int, high: int, seed: int, low: int, mode: str) -> None:
    levels = np.random.default_rng(seed).integers(min(low, 254), 255, (high, wide, 3), dtype=np.uint8)
    image = Image.fromarray(levels).convert({"L": "L", "R": "RGB", "P": "P"}[mode])
    assert all(0 < each.confidence < 1 for each in measured_on(image))


def test_turning_an_image_in_its_exif_changes_nothing_of_what_is_seen() -> None:
    upright = with_area((20, 20, 140, 80))
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    turned.getexif()[0x0112] = 6
    assert told(turned)["place"] == told(upright)["place"]


def test_regions_are_what_their_names_say() -> None:
    ring = np.zeros((9, 9), dtype=bool)
    ring[2:7, 2:7] = True
    ring[4, 4] = False
    assert filled(ring).sum() == hull_area(ring) == 25
    parts = ring.copy()
    parts[:, 4] = False
    seed = np.zeros_like(ring)
    seed[2, 2] = True
    assert reached(seed, parts).sum() == 10
    assert 10 < threshold(np.array([1.0, 2.0, 10.0, 50.0, 51.0])) <= 50
    assert lab_of(np.array([[[255, 255, 255], [0, 0, 0]]], dtype=np.uint8)).round(1).tolist() == [
        [[100, 0, 0], [0, 0, 0]]
    ]


def test_the_gate_abstains_from_a_crescent_and_from_what_is_hardly_there() -> None:
    crescent = with_area((120, 70, 280, 230))
    ImageDraw.Draw(crescent).ellipse((160, 60, 300, 220), SKIN)
    assert told(crescent) == {}
    assert told(with_area((120, 70, 280, 230), (208, 166, 143))) == {}


def test_grey_beside_blue_light_is_not_called_red_and_a_cool_shade_no_ink() -> None:
    blue = skin(colour=(196, 214, 236))
    ImageDraw.Draw(blue).ellipse((120, 70, 280, 230), (62, 58, 60))
    assert told(blue)["compared"] == "darker"
    shaded = skin()
    ImageDraw.Draw(shaded).line((60, 40, 60, 260), (196, 166, 158), 8)
    assert "ink" not in told(shaded)
