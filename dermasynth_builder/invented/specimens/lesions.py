"""The lesions of the drawn specimens: noise, a canvas of skin, outlines, and one painter a look.

Fields are made with `+ - * /`, square root and comparison alone: IEEE 754 rounds these alike on every
platform, which `sin`, `exp` and matrix products are not promised to be. Colours are sRGB in 0..1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Look = Literal[
    "nevus",
    "seborrheic_keratosis",
    "actinic_keratosis",
    "basal_cell_carcinoma",
    "squamous_cell_carcinoma",
    "melanoma",
]
Field = NDArray[np.floating[Any]]  # float32 throughout, but numpy's stubs lose the width
Axes = tuple[Field, Field]  # where the columns and the rows lie
Colour = tuple[float, float, float]

_LATTICE = 40  # cells after which noise repeats


# --- draws and fields ---


def generator(identity: str) -> np.random.Generator:
    """The draws that belong to an identity."""
    return np.random.Generator(np.random.PCG64(int.from_bytes(sha256(identity.encode()).digest())))


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A number from `low` up to `high`."""
    return low + (high - low) * float(rng.random())


def direction(rng: np.random.Generator) -> tuple[float, float]:
    """A cosine and a sine, from the rational points of the circle."""
    t = between(rng, -1, 1)
    sign = 1 if rng.random() < 0.5 else -1
    return sign * (1 - t * t) / (1 + t * t), sign * 2 * t / (1 + t * t)


def rise(field: Field, low: float, high: float) -> Field:
    """0 below `low`, 1 above `high`, smooth between; where `low` is the greater, it falls."""
    t: Field = (field - low) * (1 / (high - low))
    np.clip(t, 0, 1, out=t)
    return t * t * (3 - 2 * t)


def noise(rng: np.random.Generator, axes: Axes, cells: float) -> Field:
    """Smooth noise over the axes, about 0.5 and seldom outside 0..1: `cells` bumps a unit."""
    x, y = axes
    lattice = rng.random((_LATTICE, _LATTICE), dtype=np.float32) * 1.4 - 0.2
    if cells * (x[1] - x[0]) > 0.5:  # detail under two pixels would only flicker
        return np.full((y.size, x.size), 0.5, dtype=np.float32)
    return _splined(_splined(lattice, x, cells, axis=1), y, cells, axis=0)


def _splined(lattice: Field, at: Field, cells: float, *, axis: Literal[0, 1]) -> Field:
    """The lattice along one axis, at other points: quadratic, so that its lines do not show."""
    place = at * cells
    cell = np.floor(place)
    t = place - cell
    first = cell.astype(np.intp)
    far = 0.5 * t * t
    near = 0.5 - t + far
    weights = (near, 1 - near - far, far)
    terms = (
        lattice.take(first + step, axis=axis, mode="wrap") * (weight[:, None] if axis == 0 else weight)
        for step, weight in enumerate(weights)
    )
    total: Field = next(terms)
    for term in terms:
        total += term
    return total


# --- canvas and outline ---


class Canvas:
    """Skin that painters stain, cover and raise."""

    def __init__(self, skin: Colour, height: Field) -> None:
        self.skin = skin
        self.height = height  # relief, in short sides of the picture
        self.gloss = np.zeros_like(height)  # how wet or waxy, 0..1
        self.rgb = np.empty((3, *height.shape), dtype=np.float32)
        for plane, part in zip(self.rgb, skin, strict=True):
            plane[:] = part

    def stain(self, colour: Colour, mask: Field) -> None:
        """Multiplies, so that the skin shows through: pigment and blood."""
        for plane, part in zip(self.rgb, colour, strict=True):
            plane *= 1 + (part - 1) * mask

    def cover(self, colour: Colour, mask: Field) -> None:
        """Mixes in a colour of its own, dimmer on dark skin: crust, scale, ink."""
        dim = 0.5 + 0.55 * self.skin[0]
        for plane, part in zip(self.rgb, colour, strict=True):
            plane += (part * dim - plane) * mask


@dataclass(frozen=True, slots=True)
class Form:
    """The outline that a look has. Pairs are ranges."""

    radius: tuple[float, float]  # in short sides of the picture
    stretch: tuple[float, float]  # length by width
    lobes: float  # how far the outline leaves the oval, in radii
    ragged: float  # how far fine noise moves it, in radii
    soft: float  # half the width of the blurred edge, in radii


@dataclass(frozen=True, slots=True)
class Traits:
    """What the facts of a table make of a lesion. Nobody's lesion keeps to this; a learner can find it out.

    Shares are of 1, and all hold some noise, so that no fact can be read off without fault.
    """

    size: float  # from the least radius of its form to the greatest: its diameter
    depth: float  # of the colour, none to a third: the age makes brown ones darker and red ones redder
    raggedness: float  # of the outline, beside that of its form: growth or change
    centre: tuple[float, float]  # in shares of the picture, right and down: malignancy and age


@dataclass(frozen=True, slots=True)
class Outline:
    """Where the lesion is."""

    axes: Axes  # in radii, 0 at its centre
    rng: np.random.Generator
    depth: Field  # how far inside: 1 at the centre, 0 on the edge, negative outside
    mask: Field  # 1 inside, 0 outside, smooth between

    def noise(self, cells: float) -> Field:
        """Noise of its own at every call, fixed to the lesion."""
        return noise(self.rng, self.axes, cells)


def outlined(form: Form, axes: Axes, traits: Traits, *, rng: np.random.Generator) -> Outline:
    """An outline of that form round the origin of the axes, which are in short sides of the picture."""
    least, greatest = form.radius
    radius = np.float32(least + (greatest - least) * traits.size)
    x, y = axes[0] / radius, axes[1] / radius
    cosine, sine = direction(rng)
    stretch = between(rng, *form.stretch)
    long = x * cosine + (y * sine)[:, None]
    wide = ((y * cosine)[:, None] - x * sine) * stretch
    distance = np.sqrt(long * long + wide * wide) + np.float32(1e-4)
    edge = 1 + (form.ragged + traits.raggedness) * (noise(rng, (x, y), 2.2) + 0.5 * noise(rng, (x, y), 6) - 0.75)
    edge += form.lobes * _lobes(long / distance, wide / distance, rng)
    depth = 1 - distance / edge
    return Outline((x, y), rng, depth, rise(depth, -form.soft, form.soft))


def _lobes(cosine: Field, sine: Field, rng: np.random.Generator) -> Field:
    """Waves round the centre, two to five a turn, by the addition theorem."""
    total = np.zeros_like(cosine)
    waves, shifted = cosine, sine
    for _ in range(4):
        waves, shifted = waves * cosine - shifted * sine, shifted * cosine + waves * sine
        a, b = direction(rng)
        total += waves * a + shifted * b
    return total


# --- painters ---

_BROWN = (0.60, 0.44, 0.33)
_DARK_BROWN = (0.38, 0.28, 0.24)
_BLOOD = (0.94, 0.44, 0.46)


def _paint_nevus(canvas: Canvas, outline: Outline) -> None:
    speckle = outline.noise(8)
    canvas.stain(_BROWN, outline.mask * (0.88 + 0.12 * speckle))
    canvas.stain((0.72, 0.65, 0.62), rise(outline.depth + 0.8 * outline.noise(2.5), 0.3, 1.5))
    canvas.height += rise(outline.depth, -0.2, 0.9) * 0.014 + outline.mask * speckle * 0.0015


def _paint_seborrheic_keratosis(canvas: Canvas, outline: Outline) -> None:
    folds = np.abs(outline.noise(6) - 0.5)
    lumps = outline.noise(9)
    canvas.stain((0.66, 0.51, 0.41), outline.mask)
    canvas.stain((0.70, 0.60, 0.53), outline.mask * rise(outline.noise(3), 0.3, 0.8))
    canvas.cover((0.62, 0.48, 0.35), outline.mask * rise(lumps, 0.2, 0.9) * 0.4)
    canvas.stain((0.70, 0.62, 0.58), outline.mask * rise(folds, 0.06, 0.0))
    canvas.stain((0.42, 0.34, 0.30), outline.mask * rise(outline.noise(8), 0.76, 0.86))
    canvas.stain((0.75, 0.68, 0.66), rise(np.abs(outline.depth + 0.04), 0.10, 0.0) * 0.7)
    swell = rise(outline.depth, -0.06, 0.25)
    canvas.height += swell * (0.012 + 0.004 * lumps + 0.003 * rise(folds, 0, 0.12))
    canvas.gloss += outline.mask * 0.35


def _paint_actinic_keratosis(canvas: Canvas, outline: Outline) -> None:
    patches = rise(outline.noise(2.5) + 0.6 * outline.noise(7), 0.45, 1.15) * outline.mask
    canvas.stain((1.02, 0.72, 0.75), outline.mask * 0.6)
    canvas.stain((1.00, 0.66, 0.68), patches * 0.7)
    canvas.stain((0.84, 0.74, 0.64), outline.mask * rise(outline.noise(5), 0.5, 0.8) * 0.5)
    flakes = rise(outline.noise(11) + 0.8 * outline.noise(23), 0.90, 1.25)
    scale = flakes * rise(outline.noise(2) + 0.6 * outline.depth, 0.40, 0.9)
    canvas.cover((0.96, 0.90, 0.82), scale * 0.75)
    canvas.height += outline.mask * outline.noise(18) * 0.0035 + scale * 0.004
    canvas.gloss += scale * 0.3


def _paint_basal_cell_carcinoma(canvas: Canvas, outline: Outline) -> None:
    canvas.stain((1.03, 0.76, 0.78), rise(outline.depth, -0.8, 0.2) * 0.6)
    canvas.cover((0.88, 0.60, 0.58), outline.mask * (0.25 + 0.35 * outline.noise(3)))
    rim = rise(np.abs(outline.depth - 0.25), 0.3, 0.0) * outline.mask
    canvas.cover((0.97, 0.82, 0.78), rim * (0.15 + 0.35 * outline.noise(4)))
    branches = np.abs(outline.noise(2.6) + 0.3 * outline.noise(7) - 0.65)
    canvas.stain(_BLOOD, rise(branches, 0.03, 0.004) * rise(outline.depth, -0.15, 0.1) * 0.85)
    pit = rise(outline.depth + 0.3 * outline.noise(4), 0.75, 1.0)
    canvas.stain((0.72, 0.42, 0.40), pit * 0.8)
    canvas.stain((0.62, 0.60, 0.68), outline.mask * rise(outline.noise(3), 0.74, 0.9) * 0.6)
    canvas.height += rise(outline.depth, -0.2, 0.8) * 0.030 - pit * 0.008
    canvas.gloss += outline.mask * (0.5 - 0.3 * pit)


def _paint_squamous_cell_carcinoma(canvas: Canvas, outline: Outline) -> None:
    canvas.stain((1.03, 0.64, 0.66), rise(outline.depth + 0.3 * outline.noise(3), -0.7, 0.3) * 0.7)
    canvas.cover((0.76, 0.36, 0.36), outline.mask * (0.35 + 0.3 * outline.noise(4)))
    crust = rise(outline.depth + 0.7 * outline.noise(3.5), 0.65, 0.95)
    flakes = outline.noise(9)
    canvas.cover((0.66, 0.48, 0.30), crust * (0.35 + 0.5 * flakes))
    canvas.cover((0.30, 0.11, 0.10), crust * rise(outline.noise(5), 0.52, 0.72) * 0.8)
    canvas.cover((0.94, 0.88, 0.78), crust * rise(outline.noise(9), 0.6, 0.78) * 0.75)
    canvas.height += rise(outline.depth, -0.2, 0.8) * 0.034 + crust * (0.004 + 0.020 * flakes)
    canvas.gloss += outline.mask * (1 - crust) * 0.35


def _paint_melanoma(canvas: Canvas, outline: Outline) -> None:
    mask, depth = outline.mask, outline.depth
    canvas.stain((0.60, 0.45, 0.36), mask * (0.75 + 0.25 * outline.noise(7)))
    canvas.stain((0.42, 0.34, 0.33), mask * rise(outline.noise(1.6) + 0.3 * outline.noise(6), 0.4, 0.9))
    canvas.cover((0.14, 0.11, 0.12), mask * rise(outline.noise(1.8) + 0.3 * outline.noise(5), 0.6, 0.95) * 0.85)
    canvas.cover((0.38, 0.41, 0.50), mask * rise(outline.noise(2.2), 0.55, 0.85) * 0.6)
    canvas.cover((0.70, 0.36, 0.36), mask * rise(outline.noise(2.2) - 0.4 * depth, 0.38, 0.7) * 0.6)
    canvas.cover((0.80, 0.70, 0.68), mask * rise(outline.noise(2.6), 0.65, 0.9) * 0.5)
    canvas.stain(_DARK_BROWN, mask * rise(outline.noise(9), 0.68, 0.86) * 0.7)
    canvas.height += rise(depth, -0.1, 0.5) * (0.004 + 0.010 * outline.noise(3))
    canvas.gloss += mask * 0.15


FORMS: Mapping[Look, Form] = {
    "nevus": Form((0.12, 0.19), (1.1, 1.6), 0.015, 0.12, 0.10),
    "seborrheic_keratosis": Form((0.18, 0.27), (1.1, 1.4), 0.03, 0.22, 0.04),
    "actinic_keratosis": Form((0.22, 0.32), (1.1, 1.6), 0.06, 0.80, 0.40),
    "basal_cell_carcinoma": Form((0.15, 0.22), (1.0, 1.3), 0.02, 0.12, 0.16),
    "squamous_cell_carcinoma": Form((0.18, 0.25), (1.0, 1.3), 0.03, 0.25, 0.14),
    "melanoma": Form((0.20, 0.29), (1.1, 1.6), 0.07, 0.55, 0.07),
}
RED: frozenset[Look] = frozenset({"actinic_keratosis", "basal_cell_carcinoma", "squamous_cell_carcinoma"})
PAINTERS: Mapping[Look, Callable[[Canvas, Outline], None]] = {
    "nevus": _paint_nevus,
    "seborrheic_keratosis": _paint_seborrheic_keratosis,
    "actinic_keratosis": _paint_actinic_keratosis,
    "basal_cell_carcinoma": _paint_basal_cell_carcinoma,
    "squamous_cell_carcinoma": _paint_squamous_cell_carcinoma,
    "melanoma": _paint_melanoma,
}
