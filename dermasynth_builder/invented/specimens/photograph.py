"""One drawn picture of one invented skin lesion; it shows nobody's skin.

Equal specimens give equal pixels on every platform (how: see `drawn_lesions`). Lengths are in short sides of
the picture.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from dermasynth_builder.invented.specimens.lesions import (
    FORMS,
    PAINTERS,
    RED,
    Axes,
    Canvas,
    Colour,
    Look,
    Outline,
    Traits,
    between,
    direction,
    generator,
    noise,
    outlined,
    rise,
)

_SKIN: tuple[Colour, ...] = (  # Fitzpatrick I to VI
    (0.90, 0.75, 0.69),
    (0.87, 0.69, 0.59),
    (0.79, 0.60, 0.46),
    (0.67, 0.47, 0.34),
    (0.51, 0.34, 0.245),
    (0.37, 0.25, 0.19),
)
_CAPTION = (  # "drawn specimen": pixels instead of a font, which differs from one machine to the next
    "...#.............................................#................",
    "...#..............................................................",
    ".###.#.##..##..#...#.###.......###.###...##...##.#.####...##..###.",
    "#..#.##......#.#...#.#..#.....#....#..#.#..#.#...#.#.#.#.#..#.#..#",
    "#..#.#.....###.#.#.#.#..#......##..#..#.####.#...#.#.#.#.####.#..#",
    "#..#.#....#..#.#.#.#.#..#........#.#..#.#....#...#.#.#.#.#....#..#",
    ".###.#.....###..#.#..#..#.....###..###...###..##.#.#.#.#..###.#..#",
    "...................................#..............................",
    "...................................#..............................",
)
_CAPTIONED_FROM_PX = 96  # a shorter side has no room for it
_HAIRY_FROM_PX = 96  # below it a hair is thinner than a pixel can show


@dataclass(frozen=True, slots=True)
class Told:
    """What a table says of a lesion and shows on its picture; None leaves it to chance, or in the middle.

    Beside these the diagnosis and the phototype show, and no other fact: sex, place on the body and habits are nowhere
    in the pixels.
    """

    age_years: float | None = None
    is_malignant: bool | None = None
    diameter_mm: float | None = None  # the longest
    has_changed: bool | None = None  # grown, or changed otherwise


@dataclass(frozen=True, slots=True)
class Specimen:
    """What is drawn. Specimens with one `lesion` show the same lesion again."""

    look: Look  # what the lesion resembles
    phototype: int  # Fitzpatrick skin type, 1..6
    lesion: str  # identity that shape, colours and skin are drawn from
    shot: str  # identity that framing, light, hairs and pen are drawn from
    size_px: tuple[int, int]  # width, height
    told: Told = Told()


class Drawn(NamedTuple):
    """A picture, and what is so on it: what measurements can be held to."""

    picture: Image.Image  # RGB; captioned from 96 pixels on
    lesion: NDArray[np.bool_]  # where it lies, (rows, columns)
    traits: Traits
    has_ink: bool  # of a blue marker, outside the lesion
    has_border: bool  # a dark round one, in three corners at least


def draw(specimen: Specimen) -> Drawn:
    """A photograph of the specimen."""
    photograph = _photographed(specimen, _traits(specimen, aside=0.07))
    return photograph._replace(picture=_captioned(photograph.picture))


def draw_through_dermoscope(specimen: Specimen) -> Drawn:
    """The same as a dermoscope shows it: through a round window, whose black border is wide, thin or out of sight.

    Whoever holds one puts it over the lesion: the place says less of the facts than that on a photograph.
    """
    photograph = _photographed(specimen, _traits(specimen, aside=0.03))
    size = photograph.picture.size
    radius = min(size) * between(generator(f"{specimen.shot}/window"), 0.44, 0.8)
    x, y = (np.arange(length, dtype=np.float32) - (length - 1) / 2 for length in size)
    distance = np.sqrt(x * x + (y * y)[:, None])
    light = rise(np.float32(radius) - distance, 0, max(1.0, 0.03 * radius))
    levels = np.asarray(photograph.picture, dtype=np.float32) * light[:, :, None]
    picture = _captioned(Image.fromarray(levels.astype(np.uint8)))
    seen = photograph.lesion & (light > 0.5)
    return photograph._replace(picture=picture, lesion=seen, has_border=bool(radius < 0.97 * distance.max()))


def _traits(specimen: Specimen, *, aside: float) -> Traits:
    """What is drawn for what the table says; facts move the lesion `aside` from the middle, noise a little more."""
    told, lesion, shot = specimen.told, generator(f"{specimen.lesion}/traits"), generator(f"{specimen.shot}/place")
    chance, grain = between(lesion, 0, 1), between(lesion, -0.15, 0.15)
    # From 2 mm to 30 mm, the small ones farther apart than the large.
    size = chance if told.diameter_mm is None else 1.5 * told.diameter_mm / (told.diameter_mm + 8) - 0.2 + grain
    age = 0.5 if told.age_years is None else told.age_years / 90
    side = 0 if told.is_malignant is None else 1 if told.is_malignant else -1
    return Traits(
        size=min(1.0, max(0.0, size)),
        depth=0.3 * min(1.0, max(0.0, age + between(lesion, -0.2, 0.2))),
        raggedness=between(lesion, 0.15, 0.35) if told.has_changed else 0.0,
        centre=(
            0.5 + aside * (side + between(shot, -1.3, 1.3)),
            0.5 + aside * (min(1.0, 2 * age - 1) + between(shot, -1.3, 1.3)),
        ),
    )


def _photographed(specimen: Specimen, traits: Traits) -> Drawn:
    lesion, shot = generator(specimen.lesion), generator(specimen.shot)
    frame = _framed(specimen.size_px, traits.centre, shot)
    canvas = _bare_skin(_SKIN[specimen.phototype - 1], frame, lesion)
    outline = outlined(FORMS[specimen.look], frame.axes, traits, rng=lesion)
    deep = 1 - traits.depth
    canvas.stain((1.0 if specimen.look in RED else deep, deep, deep), outline.mask)  # below crust and scale
    PAINTERS[specimen.look](canvas, outline)
    if has_ink := shot.random() < 0.35:
        _mark_with_pen(canvas, outline, shot)
    _light(canvas, frame, shot)
    _grow_hairs(canvas, frame, shot)
    return Drawn(_exposed(canvas, shot), np.asarray(outline.mask > 0.5), traits, has_ink, has_border=False)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What of the skin is in the picture."""

    axes: Axes  # 0 at the lesion's centre
    short_px: int


def _framed(size_px: tuple[int, int], centre: tuple[float, float], rng: np.random.Generator) -> _Frame:
    """The lesion in its place, a little nearer or farther."""
    short = min(size_px)
    pixel = np.float32(1 / (short * between(rng, 0.9, 1.15)))
    x, y = (
        (np.arange(length, dtype=np.float32) - np.float32(length * part)) * pixel
        for length, part in zip(size_px, centre, strict=True)
    )
    return _Frame((x, y), short)


def _bare_skin(tone: Colour, frame: _Frame, rng: np.random.Generator) -> Canvas:
    """Skin with furrows, pores, blotches and a freckle here and there."""
    x, y = frame.axes
    red, green, blue = tone
    skin = (red * between(rng, 0.95, 1.03), green * between(rng, 0.95, 1.03), blue)
    spots = noise(rng, frame.axes, 13)
    blotches = noise(rng, frame.axes, 5) + 0.5 * spots
    furrows = np.minimum(
        np.abs(noise(rng, (x, y * 0.5), 40) - 0.5),
        np.abs(noise(rng, (x * 0.5, y), 44) - 0.5),
    )
    pores = noise(rng, frame.axes, 83)
    canvas = Canvas(skin, rise(furrows, 0, 0.1) * 0.0004 + pores * 0.0010 + blotches * 0.003)
    canvas.rgb *= 0.92 + 0.10 * blotches
    canvas.stain((1.03, 0.90, 0.91), noise(rng, frame.axes, 3))
    canvas.stain((0.90, 0.86, 0.84), rise(furrows, 0.04, 0) * 0.4)
    canvas.stain((0.80, 0.70, 0.62), rise(spots + 0.25 * pores, 0.9, 1.1) * 0.7)
    return canvas


def _mark_with_pen(canvas: Canvas, outline: Outline, rng: np.random.Generator) -> None:
    """A broken ring of blue marker outside the lesion."""
    line = rise(np.abs(outline.depth + between(rng, 0.35, 0.5)), 0.09, 0.04)
    strokes = rise(noise(rng, outline.axes, 1.3), 0.45, 0.6)
    grain = 0.3 + 0.6 * noise(rng, outline.axes, 16)
    canvas.cover((0.25, 0.22, 0.55), line * strokes * grain)


def _light(canvas: Canvas, frame: _Frame, rng: np.random.Generator) -> None:
    """Shades the relief from one side, adds the shine of what is wet or waxy, and the lamp's own tint."""
    cosine, sine = direction(rng)
    height = canvas.height
    slope = np.zeros_like(height)
    slope[:, 1:-1] = (height[:, 2:] - height[:, :-2]) * cosine
    slope[1:-1] += (height[2:] - height[:-2]) * sine
    slope *= 0.5 * min(frame.short_px, 400)
    x, y = frame.axes[0], frame.axes[1][:, None]
    fall = between(rng, 0.96, 1.06) - 0.2 * (x * cosine + y * sine) - 0.2 * (x * x + y * y)
    shade = np.clip(1 + 1.2 * slope, 0.5, 1.4) * fall
    shine = rise(slope + 0.25 * canvas.gloss, 0.22, 0.6) * (0.1 + 0.6 * canvas.gloss)
    warmth = between(rng, -0.04, 0.04)
    for plane, tint in zip(canvas.rgb, (1 + warmth, 1.0, 1 - warmth), strict=True):
        plane *= shade * tint
        plane += (0.95 - plane) * shine


def _grow_hairs(canvas: Canvas, frame: _Frame, rng: np.random.Generator) -> None:
    """Up to a dozen fine curves, roughly one way, where a pixel is fine enough for a hair."""
    if frame.short_px < _HAIRY_FROM_PX:
        return
    rows, columns = canvas.height.shape
    strands = Image.new("L", (2 * columns, 2 * rows))  # twice as large, so that reducing thins and smooths
    pencil = ImageDraw.Draw(strands)
    heading = direction(rng)
    for _ in range(int(between(rng, 0, 13))):
        root = (between(rng, 0, 2 * columns), between(rng, 0, 2 * rows))
        length = between(rng, 0.3, 1.0) * frame.short_px
        points = _curve(root, heading, length=length, rng=rng)
        pencil.line(points, fill=int(between(rng, 120, 255)))
    canvas.cover((0.17, 0.12, 0.10), np.asarray(strands.reduce(2), dtype=np.float32) * np.float32(1.3 / 255))


def _curve(
    root: tuple[float, float], heading: tuple[float, float], *, length: float, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Whole points of a parabola that leaves `root` about in the direction `heading`."""
    (x, y), (cosine, sine) = root, heading
    lean, bend = between(rng, -0.4, 0.4), between(rng, -0.4, 0.4)
    points = []
    for step in range(9):
        along = length * step / 8
        aside = along * (lean + bend * step / 8)
        points.append((int(x + cosine * along - sine * aside), int(y + sine * along + cosine * aside)))
    return points


def _exposed(canvas: Canvas, rng: np.random.Generator) -> Image.Image:
    """The canvas as whole levels, with a sensor's grain."""
    grain = rng.random(canvas.height.shape, dtype=np.float32) * np.float32(0.03)
    levels = np.clip((canvas.rgb + grain) * 255 - 3.5, 0, 255).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(levels.transpose(1, 2, 0)))


def _captioned(picture: Image.Image) -> Image.Image:
    """The picture with "drawn specimen" in its lower left corner, where it fits."""
    short = min(picture.size)
    if short < _CAPTIONED_FROM_PX:
        return picture
    letters = np.array([[mark == "#" for mark in row] for row in _CAPTION])
    plate = np.pad(np.where(letters, 245, 60).astype(np.uint8), 3, constant_values=60)
    times = max(1, short // 200)
    plate = plate.repeat(times, axis=0).repeat(times, axis=1)
    rows, columns = plate.shape
    picture.paste(Image.fromarray(plate).convert("RGB"), (0, picture.height - rows, columns, picture.height))
    return picture
