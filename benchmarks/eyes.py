"""How well the measurements of images hold: masks against masks drawn by people, or a sheet to look at.

    python benchmarks/eyes.py IMAGES --masks MASKS      overlap of the masks that pass, how many pass, time of an image
    python benchmarks/eyes.py IMAGES --sheet FILE.png   every image with what was found drawn into it, and said below it
    python benchmarks/eyes.py --specimens 10            statements on so many drawn lesions of each look and phototype,
                                                        of both kinds of image, held to what was drawn, by phototype

IMAGES and MASKS are folders, read with all below them. A mask is a picture whose name begins with its image's name:
`ISIC_0012345_segmentation.png` of ISIC 2018 task 1, `IMD002_lesion.bmp` of PH2. What is light in it is lesion.

Exit code 1 where the median overlap (Dice) of what passes is below 0.85, its 5th percentile below 0.7, where an image
takes more than 0.3 s of one core, or where fewer than 0.95 of the statements on the specimens of a phototype are right.
A share is right within a quarter of it, length by width within 0.25, a word where the true outline has it or has none.
What is drawn is no skin: the figures say that a method does what it says, and not how often it is right on people.
"""

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from dermasynth_builder.core.images.eyes import area_on, measured_on, small_copy
from dermasynth_builder.core.images.regions import shrunk
from dermasynth_builder.core.records import Measured
from dermasynth_builder.invented.specimens.lesions import FORMS
from dermasynth_builder.invented.specimens.photograph import Specimen, Told, draw, draw_through_dermoscope
from dermasynth_builder.invented.specimens.truth import truth_of

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp"}
MEDIAN, LOW, MOST_S = 0.85, 0.7, 0.3
PRECISION = 0.95
_PHOTOTYPES = range(1, 7)
_TILE_PX, _TEXT_PX, _COLUMNS = 240, 110, 6


def pictures(folder: Path) -> list[Path]:
    """All pictures below the folder, by name."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def paired(images: Path, masks: Path) -> Iterator[tuple[Path, Path]]:
    """Each image that has a mask, with it."""
    of_stem = {path.stem.rpartition("_")[0]: path for path in pictures(masks)}
    for path in pictures(images):
        if mask := of_stem.get(path.stem):
            yield path, mask


def overlap(path: Path, mask: Path) -> float | None:
    """Dice of the area found and the mask; None where the gate abstains."""
    with Image.open(path) as image, Image.open(mask) as drawn:
        seen, size = area_on(image), small_copy(image).size
        truth = np.asarray(drawn.convert("L").resize(size, Image.Resampling.NEAREST)) > 127
    return float(2 * (seen.mask & truth).sum() / (seen.mask.sum() + truth.sum())) if seen else None


def seconds_of(path: Path) -> float:
    """Time of one core from opening a file to its measurements."""
    start = time.process_time()
    with Image.open(path) as image:
        measured_on(image)
    return time.process_time() - start


def against_masks(images: Path, masks: Path) -> bool:
    """Prints how well they overlap. Whether all bounds are kept."""
    pairs = list(paired(images, masks))
    overlaps = [overlap(*pair) for pair in pairs]
    passed = sorted(each for each in overlaps if each is not None)
    if len(passed) < 2:
        print(f"{len(pairs)} images with masks, {len(passed)} passed: nothing to count")
        return False
    slowest = max(seconds_of(path) for path, _ in pairs[:100])
    middle, low = statistics.median(passed), float(np.quantile(passed, 0.05))
    print(f"{len(pairs)} images with masks, {len(passed)} passed ({len(passed) / len(pairs):.0%})")
    print(f"Dice of these: median {middle:.3f}, 5th percentile {low:.3f}, least {passed[0]:.3f}")
    print(f"slowest of the first {min(len(pairs), 100)}: {slowest:.2f} s of a core")
    return middle >= MEDIAN and low >= LOW and slowest <= MOST_S


def is_right(said: Measured, truth: Mapping[str, str | float]) -> bool | None:
    """Whether a statement is so; None of what the truth does not tell: colours."""
    so = truth.get(said.name)
    match said.name:
        case "share":
            return isinstance(so, float) and abs(float(said.value) - so) <= max(1.0, so / 4)
        case "elongation":
            return isinstance(so, float) and abs(float(said.value) - so) <= 0.25
        case "shape" | "outline":
            return so is None or said.value == so
        case "place" | "border" | "ink":
            return said.value == so
        case _:
            return None


def specimens_of(phototype: int, count: int) -> Iterator[Specimen]:
    """So many lesions of each look on the skin of a phototype, of many ages, sizes, sides and outlines."""
    for look in FORMS:
        for number in range(count):
            name = f"{look}/{phototype}/{number}"
            told = Told(10 + 17 * number % 80, number % 2 > 0, 2 + 11 * number % 29, number % 3 > 1)
            yield Specimen(look, phototype, f"lesion/{name}", f"shot/{name}", (256, 224), told)


def statements_on_specimens(count: int) -> dict[int, tuple[Counter[str], Counter[str], int]]:
    """By phototype: how many statements were made and how many are right, by name, and how many pictures there were."""
    found = {}
    for phototype in _PHOTOTYPES:
        made, right, pictures = Counter[str](), Counter[str](), 0
        for specimen in specimens_of(phototype, count):
            for drawn in (draw(specimen), draw_through_dermoscope(specimen)):
                pictures += 1
                truth = truth_of(specimen, drawn) | {"share": 100 * float(drawn.lesion.mean())}  # not in steps
                held = {said.name: is_right(said, truth) for said in measured_on(drawn.picture)}
                made.update(name for name, is_so in held.items() if is_so is not None)
                right.update(name for name, is_so in held.items() if is_so)
        found[phototype] = made, right, pictures
    return found


def against_drawings(count: int) -> bool:
    """Prints how many statements are right, by phototype. Whether all bounds are kept."""
    names, is_kept = ("place", "share", "elongation", "shape", "outline", "border", "ink"), True
    print("phototype  pictures  with an area  statements  right   " + "  ".join(f"{name:>10}" for name in names))
    for phototype, (made, right, pictures) in statements_on_specimens(count).items():
        precision = right.total() / made.total() if made else 1.0
        is_kept &= precision >= PRECISION
        each = "  ".join(f"{f'{right[name]}/{made[name]}':>10}" for name in names)
        area = f"{made['place'] / pictures:.0%}"
        print(f"{phototype:>9}  {pictures:>8}  {area:>12}  {made.total():>10}  {precision:.3f}   {each}")
    return is_kept


def tile(path: Path) -> Image.Image:
    """The image with the edge of its area in green, and every measurement below it."""
    with Image.open(path) as image:
        seen, measured, small = area_on(image), measured_on(image), small_copy(image)
    levels = np.array(small)
    if seen:
        levels[seen.mask & ~shrunk(seen.mask)] = (0, 255, 0)
    drawn = Image.new("RGB", (_TILE_PX, _TILE_PX + _TEXT_PX), "white")
    drawn.paste(Image.fromarray(levels))
    said = "\n".join([path.name, *(f"{each.name}: {each.value}" for each in measured if each.name != "solidity")])
    ImageDraw.Draw(drawn).text((2, small.height + 2), said, "black")
    return drawn


def write_sheet(images: Path, file: Path) -> None:
    """Draws all images on one sheet."""
    tiles = [tile(path) for path in pictures(images)]
    rows = -(-len(tiles) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * _TILE_PX, rows * (_TILE_PX + _TEXT_PX)), "white")
    for place, each in enumerate(tiles):
        sheet.paste(each, (place % _COLUMNS * _TILE_PX, place // _COLUMNS * (_TILE_PX + _TEXT_PX)))
    sheet.save(file)
    print(f"{len(tiles)} images on {file}")


def main() -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, nargs="?")
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--masks", type=Path)
    wanted.add_argument("--sheet", type=Path)
    wanted.add_argument("--specimens", type=int, metavar="N")
    arguments = parser.parse_args()
    if arguments.specimens:
        return 0 if against_drawings(arguments.specimens) else 1
    if not arguments.images:
        parser.error("name the folder of images")
    if arguments.masks:
        return 0 if against_masks(arguments.images, arguments.masks) else 1
    write_sheet(arguments.images, arguments.sheet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
