"""What can be measured on an image: a dark round border, one area that stands out, its form and colours, blue ink.

Every method abstains where it may be wrong, and then leaves nothing. Colours are those of the file, under whatever
light it was taken in. Never measured, because what was tried was wrong too often: blur, how many lesions there are,
whether hair is absent, the tone of the skin.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from dermasynth_builder.core.images.pictures import METHOD
from dermasynth_builder.core.images.regions import (
    Levels,
    Mask,
    filled,
    hull_area,
    lab_of,
    reached,
    shrunk,
    spread,
    threshold,
)
from dermasynth_builder.core.records import Measured

NAMES = (
    *("border", "place", "share", "elongation", "shape", "solidity", "outline"),
    *("compared", "colour", "second_colour", "ink"),
)
"""What may be measured: words, but `share` is per cent, `elongation` length by width, `solidity` the hull's part."""
SIDE_PX = 192
"""Long side of the copy that is measured."""
_DARK_L, _CORNER = 20, 1 / 24  # in L*; in long sides
_GREY, _COLOURLESS, _LABEL = 1.5, 5.0, 15.0  # chroma of a label; in L* from the middle of the picture
_LIGHTER = 10.0  # in L*; what is so much lighter than all around it is more often skin or glare than a lesion
_LEAST_SHARE, _MOST_SHARE = 0.01, 0.6  # of the picture
_EDGE, _AGREED, _SOLID = 6.0, 0.75, 0.85  # of the gate: CIE76 across the edge, overlap of two channels, of its hull
_DARKER, _REDDER, _LEAST_RED = 5.0, 3.0, 8.0  # in L*, in a*, and a* itself: beside blue light all is redder
_EVEN, _INDENTED = 0.955, 0.88  # part of the hull; a light patch at the edge of a lesion takes up to a tenth of it
_LONG, _ROUND = 1.35, 1.2  # length by width
# Nearest in Lab; a colour that lies far from all has no name.
_COLOURS = {
    "black": (12, 2, 2),
    "dark brown": (27, 14, 14),
    "brown": (42, 17, 21),
    "light brown": (58, 15, 24),
    "red": (45, 38, 22),
    "pink": (66, 24, 12),
}
_FAR, _BETWEEN = 18.0, 1.1  # in Lab; how much farther the second nearest has to be
_BROWN_HUE, _RED_HUE = 35, 40  # degrees from red towards yellow: above it brown, below it red and pink
_APART, _PART = 18.0, 0.15  # two colours: how far apart in Lab, and the smaller one's part of the area


class Seen(NamedTuple):
    """The area that stands out."""

    mask: Mask
    contrast: float  # across its edge, CIE76
    agreement: float  # 0..1, how alike two channels find it


def measured_on(image: Image.Image) -> tuple[Measured, ...]:
    """All that can be measured on an image; nothing where every method abstains. Raises as Pillow does."""
    lab, skin, border, ink = _parts(image)
    seen = standing_out(lab, skin)
    found = [Measured("border", "a dark round border", METHOD, 0.95)] if border is not None else []
    if seen:
        found += _form(seen) + _colours(lab, seen, skin)
    if ink.any() and not (seen and (ink & spread(seen.mask, 2)).sum() > 0.3 * ink.sum()):
        found.append(Measured("ink", "blue ink marks", METHOD, 0.9))
    return tuple(found)


def area_on(image: Image.Image) -> Seen | None:
    """The area that stands out, on the image's `small_copy`; None where that is not sure."""
    lab, skin, *_ = _parts(image)
    return standing_out(lab, skin)


def _parts(image: Image.Image) -> tuple[Levels, Mask, Mask | None, Mask]:
    """The small copy in Lab, where skin may be, the dark border if there is one, and the ink."""
    lab = lab_of(np.asarray(small_copy(image)))
    border = dark_border(lab)
    inner = ~(label_on(lab) if border is None else border | label_on(lab))
    ink = blue_ink(lab, inner)
    return lab, inner & ~ink, border, ink


def small_copy(image: Image.Image) -> Image.Image:
    """The image upright, in RGB on white, its long side at most `SIDE_PX`, calmed by a median."""
    image.draft("RGB", (2 * SIDE_PX, 2 * SIDE_PX))
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    image = image.convert("RGB")
    image.thumbnail((SIDE_PX, SIDE_PX), Image.Resampling.BOX, reducing_gap=None)
    return image.filter(ImageFilter.MedianFilter(5)) if min(image.size) >= 16 else image


def dark_border(lab: Levels) -> Mask | None:
    """What lies in the dark outside a round window; None where there is no such window."""
    rows, columns = lab.shape[:2]
    side = max(1, round(max(rows, columns) * _CORNER))
    corners = [lab[y, x, 0] for y in (slice(side), slice(-side, None)) for x in (slice(side), slice(-side, None))]
    dark = [bool(np.median(corner) < _DARK_L) for corner in corners]
    if sum(dark) < 3:
        return None
    y, x = np.mgrid[:rows, :columns]
    distance = np.hypot(y - (rows - 1) / 2, x - (columns - 1) / 2)
    is_dark = reached(_frame(lab.shape[:2]), lab[..., 0] < _DARK_L)
    radii = np.arange(0.35 * min(rows, columns), distance.max())
    rights = [float((is_dark == (distance > radius)).mean()) for radius in radii]
    best = int(np.argmax(rights))
    outside = distance > radii[best]
    if rights[best] < 0.9 or is_dark[outside].mean() < 0.7:
        return None
    dim = spread(reached(outside, lab[..., 0] < _DARK_L + 15), 3) & (distance > 0.85 * radii[best])
    return np.asarray(dim | outside)


def label_on(lab: Levels) -> Mask:
    """What without colour reaches in from the frame, and is no skin in lightness either: a label, a ruler."""
    is_usual = abs(lab[..., 0] - np.median(lab[..., 0])) < _LABEL
    colourless = np.hypot(lab[..., 1], lab[..., 2]) < np.where(is_usual, _GREY, _COLOURLESS)
    return spread(reached(_frame(colourless.shape), shrunk(colourless)), 4)


def _frame(shape: tuple[int, ...]) -> Mask:
    """The outermost pixels of a picture; several, as some are framed by a thin line."""
    frame = np.ones(shape, dtype=bool)
    frame[4:-4, 4:-4] = False
    return frame


def blue_ink(lab: Levels, inner: Mask) -> Mask:
    """Where there is ink of a blue marker: far bluer than the picture is on the whole; empty where it is too little."""
    if not inner.any():
        return inner
    usual = np.median(lab[inner], axis=0)
    blue = (
        inner & (lab[..., 2] < min(usual[2] - 18, -6)) & (lab[..., 0] > 12) & (np.hypot(lab[..., 1], lab[..., 2]) > 14)
    )
    return spread(blue, 2) & inner if blue.mean() > 0.003 else np.zeros_like(blue)


def standing_out(lab: Levels, inner: Mask) -> Seen | None:
    """The one area that stands out from the skin around it, found alike in two ways; None where that is not sure."""
    if inner.sum() < 400:
        return None
    away = lab - _skin(lab, inner)
    channels = (np.sqrt((away**2).sum(axis=-1)), -away[..., 0], away[..., 1], np.hypot(away[..., 0], away[..., 1]))
    found = [mask for channel in channels if (mask := _area(channel, inner)) is not None]
    best: Seen | None = None
    for at, one in enumerate(found):
        for other in found[at + 1 :]:
            agreement = float((one & other).sum() / (one | other).sum())
            if agreement > _AGREED and (contrast := _contrast(lab, one, inner)) > _EDGE and not _is_light(lab, one):
                seen = Seen(one, contrast, agreement)
                best = seen if best is None or seen.agreement > best.agreement else best
    return best


def _skin(lab: Levels, inner: Mask) -> Levels:
    """A plane of colour through the skin, which is taken to lie mostly towards the frame, in three rounds."""
    rows, columns = lab.shape[:2]
    y, x = np.mgrid[:rows, :columns]
    places = np.stack([np.ones(lab.shape[:2]), y / rows - 0.5, x / columns - 0.5], axis=-1)
    far = np.maximum(abs(places[..., 1]), abs(places[..., 2]))
    used = inner & (far > np.quantile(far[inner], 0.6))
    for _ in range(3):
        plane = places @ np.linalg.lstsq(places[used], lab[used], rcond=None)[0]
        away = np.sqrt(((lab - plane) ** 2).sum(axis=-1))
        used = inner & (away < max(4.0, 1.5 * float(np.median(away[used]))))
        if used.sum() < 100:
            break
    return np.asarray(plane)


def _area(channel: Levels, inner: Mask) -> Mask | None:
    """The area above the channel's threshold that is nearest to being the only one, if it passes the gate."""
    above = inner & (channel > threshold(channel[inner]))
    opened = spread(shrunk(above, 2), 2) & above
    rest, best = opened, np.zeros_like(above)
    while rest.sum() > best.sum():
        seed = np.zeros_like(above)
        seed.flat[int(rest.argmax())] = True
        part = reached(seed, rest)
        rest = rest & ~part
        best = part if part.sum() > best.sum() else best
    if not best.any() or best.sum() < 0.75 * opened.sum():
        return None
    mask = filled(best)
    share, edge = float(mask.mean()), spread(~inner, 2)
    edge[:2] = edge[-2:] = edge[:, :2] = edge[:, -2:] = True
    is_whole = (mask & edge).sum() <= 0.02 * np.sqrt(mask.sum()) * 4
    is_fit = _LEAST_SHARE < share < _MOST_SHARE and is_whole and mask.sum() / hull_area(mask) > _SOLID
    return mask if is_fit else None


def _contrast(lab: Levels, mask: Mask, inner: Mask) -> float:
    """How far the colours just within the edge and just without lie apart."""
    within, without = mask & ~shrunk(mask, 6), spread(mask, 6) & ~spread(mask, 1) & inner
    return float(np.linalg.norm(np.median(lab[within], axis=0) - np.median(lab[without], axis=0)))


def _is_light(lab: Levels, mask: Mask) -> bool:
    return float(np.median(lab[mask, 0]) - np.median(lab[spread(mask, 8) & ~spread(mask, 2), 0])) > _LIGHTER


def _sure(seen: Seen) -> float:
    return round(min(0.99, 0.5 + seen.agreement / 4 + min(seen.contrast, 25) / 100), 2)


def _form(seen: Seen) -> list[Measured]:
    return [Measured(name, value, METHOD, _sure(seen)) for name, value in form_of(seen.mask).items()]


def form_of(mask: Mask) -> dict[str, str | float]:
    """Place, share, elongation and outline of an area of two pixels or more, as far as there is a word for it."""
    rows, columns = mask.shape
    y, x = np.nonzero(mask)
    spreads = np.linalg.eigvalsh(np.cov(np.stack([y, x])) + np.eye(2) / 12)
    long = float(np.sqrt(spreads[1] / spreads[0]))
    solid = float(mask.sum() / hull_area(mask))
    told: dict[str, str | float | None] = {
        "place": _place(y.mean() / rows, x.mean() / columns),
        "share": _rounded_share(float(mask.mean())),
        "elongation": round(long, 1),
        "shape": "longer than wide" if long >= _LONG else "about as long as wide" if long <= _ROUND else None,
        "solidity": round(solid, 2),
        "outline": "even" if solid > _EVEN else "indented" if solid < _INDENTED else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _rounded_share(share: float) -> float:
    """Per cent of the picture, in whole ones up to ten and then in steps of five."""
    return float(max(1, round(100 * share)) if share < 0.1 else 5 * round(20 * share))


def _place(down: float, across: float) -> str:
    """In the words of a reader of the picture."""
    row = "upper" if down < 0.37 else "lower" if down > 0.63 else ""
    column = "left" if across < 0.37 else "right" if across > 0.63 else ""
    if row and column:
        return f"in the {row} {column}"
    return f"in the {row} part" if row else f"on the {column}" if column else "in the middle"


def _colours(lab: Levels, seen: Seen, inner: Mask) -> list[Measured]:
    """How it compares with the skin around it, its main colour and a second that is clearly another."""
    around = spread(seen.mask, 14) & ~spread(seen.mask, 3) & inner
    own = np.median(lab[seen.mask], axis=0)
    lightness, redness, _ = own - np.median(lab[around], axis=0)
    darker = "darker" if lightness < -_DARKER else "lighter" if lightness > _DARKER else ""
    redder = "redder" if redness > _REDDER and own[1] > _LEAST_RED else ""
    found = [
        Measured("compared", each, METHOD, _sure(seen))
        for each in [" and ".join(filter(None, (darker, redder)))]
        if each
    ]
    named = _names(lab[shrunk(seen.mask, 1)])
    for name, colour in zip(("colour", "second_colour"), named, strict=False):
        found.append(Measured(name, colour, METHOD, round(0.9 * _sure(seen), 2)))
    return found


def _names(colours: Levels) -> list[str]:
    """Name of the main colour, and of a second one; none where it has no near name."""
    first, second = np.quantile(colours[:, 0], [0.25, 0.75])
    centres = np.stack([colours[colours[:, 0] <= first].mean(axis=0), colours[colours[:, 0] >= second].mean(axis=0)])
    for _ in range(8):
        nearest = np.linalg.norm(colours[:, None] - centres, axis=-1).argmin(axis=1)
        if len({*nearest.tolist()}) < 2:
            break
        centres = np.stack([colours[nearest == each].mean(axis=0) for each in (0, 1)])
    main = _name(np.median(colours, axis=0))
    counts = np.bincount(nearest, minlength=2)
    is_two = np.linalg.norm(centres[0] - centres[1]) > _APART and counts.min() > _PART * len(colours)
    if not main or not is_two:
        return [main] if main else []
    order = np.argsort(-counts)
    names = [_name(centres[each]) for each in order]
    return names if all(names) and names[0] != names[1] else [main]


def _name(colour: Levels) -> str:
    """The nearest colour that has a name; none where it is far, or between two, or its hue is of another."""
    far = {name: float(np.linalg.norm(colour - np.array(of))) for name, of in _COLOURS.items()}
    (name, nearest), (_, second) = sorted(far.items(), key=lambda each: each[1])[:2]
    hue = float(np.degrees(np.arctan2(colour[2], colour[1])))
    is_of_hue = name == "black" or (hue > _BROWN_HUE if "brown" in name else hue < _RED_HUE)
    return name if nearest < _FAR and second > _BETWEEN * nearest and is_of_hue else ""
