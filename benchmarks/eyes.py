"""How well the measurements of images hold: masks against masks drawn by people, or a sheet to look at.

    python benchmarks/eyes.py IMAGES --masks MASKS      overlap of the masks that pass, how many pass, time of an image
    python benchmarks/eyes.py IMAGES --sheet FILE.png   every image with what was found drawn into it, and said below it

IMAGES and MASKS are folders, read with all below them. A mask is a picture whose name begins with its image's name:
`ISIC_0012345_segmentation.png` of ISIC 2018 task 1, `IMD002_lesion.bmp` of PH2. What is light in it is lesion.

Exit code 1 where the median overlap (Dice) of what passes is below 0.85, its 5th percentile below 0.7, or where an
image takes more than 0.3 s of one core.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from dermasynth_builder.core.images.eyes import area_on, measured_on, small_copy
from dermasynth_builder.core.images.regions import shrunk

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp"}
MEDIAN, LOW, MOST_S = 0.85, 0.7, 0.3
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
    parser.add_argument("images", type=Path)
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--masks", type=Path)
    wanted.add_argument("--sheet", type=Path)
    arguments = parser.parse_args()
    if arguments.masks:
        return 0 if against_masks(arguments.images, arguments.masks) else 1
    write_sheet(arguments.images, arguments.sheet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
