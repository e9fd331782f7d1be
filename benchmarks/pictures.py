"""How well copies of pictures are found, and what it takes at the size of all five sources.

    python benchmarks/pictures.py                     drawn specimens; the real pictures where DERMASYNTH_REAL_DATA is
    python benchmarks/pictures.py --folder DIR        also the pictures of a folder
    python benchmarks/pictures.py --images 45585      how many pictures are measured and compared; 3,000 by default

Rates: copies are made of every picture in each way of `tests/support/planted.py`; found are those that tie to their
original, false are ties to another picture. Time: so many drawn pictures are indexed in the product's way and, in the
same run and in as many threads, merely read and decoded; then compared; then looked up again. Exit code 1 where a bound
is broken.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from dermasynth_builder.core import registry
from dermasynth_builder.core.images.index import ImageIndex
from dermasynth_builder.core.images.near import find_near
from dermasynth_builder.core.images.picture import THUMB_PX, picture_of
from dermasynth_builder.core.images.pictures import COPY
from dermasynth_builder.core.records import ClinicalImage, Facts
from tests.support.clinical_images import clinical_image
from tests.support.planted import WAYS

MAX_SECONDS_BEYOND_DECODING = 120.0  # at 45,000 pictures
MAX_LOOK_UP_CPU_S = 1.0  # of what is known
_SIZE_PX = (512, 384)


def opened(paths: Sequence[Path]) -> list[Image.Image]:
    pictures = []
    for path in paths:
        with Image.open(path) as picture:
            picture.load()
            upright = picture.convert("RGB")
        upright.thumbnail((1024, 1024))
        pictures.append(upright)
    return pictures


def specimens(root: Path) -> list[Path]:
    """The first picture of each group of every source, so that no lesion is there twice."""
    first: dict[tuple[str, str], Path] = {}
    for name in registry.SOURCES.shipped:
        for item in registry.source(name).read(registry.specimens(name)(root / name, images=60)):
            if isinstance(item, ClinicalImage) and item.path:
                first.setdefault((name, item.group_id), item.path)
    return list(first.values())


def rates(name: str, paths: Sequence[Path]) -> bool:
    """Prints what is found; whether nothing else is tied."""
    pictures = opened(paths)
    own = [picture_of(each).thumb for each in pictures]
    ties = matches(own)
    print(
        f"{name}: {len(pictures)} pictures, {ties} pairs of them taken for copies, {matches(own, 0)} listed to look at"
    )
    are_right = ties == 0
    for way, make in WAYS.items():
        copies = [picture_of(make(each)).thumb for each in pictures]
        found = find_near(as_levels([*own, *copies]))
        tied = [pair for pair in found if pair.likeness >= COPY]
        mine = sum(pair.second - pair.first == len(own) for pair in tied)
        others = sum(pair.first < len(own) <= pair.second != pair.first + len(own) for pair in tied)
        print(f"  {way:30} found {mine:4} of {len(own)} ({100 * mine / len(own):5.1f} %), false {others}")
        are_right &= not others
    return are_right


def as_levels(thumbs: Sequence[bytes]) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    return np.frombuffer(b"".join(thumbs), np.uint8).reshape(-1, THUMB_PX, THUMB_PX)


def matches(thumbs: Sequence[bytes], least: float = COPY) -> int:
    return sum(pair.likeness >= least for pair in find_near(as_levels(thumbs)))


def lay_out(folder: Path, count: int) -> list[ClinicalImage]:
    """So many distinct pictures: blots and grain, as unlike each other as pictures of skin are."""
    template = clinical_image("i", Facts())
    images = []
    for number, content in enumerate(drawn(count)):
        path = folder / f"{number // 1000:03}" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        images.append(replace(template, image_id=f"i{number}", group_id=f"g{number}", path=path, file=None))
    return images


def drawn(count: int) -> Iterator[bytes]:
    draw = np.random.default_rng(11)
    for _ in range(count):
        coarse = draw.normal(draw.uniform(110, 200), 30, (6, 8, 3))
        fine = draw.normal(0, 14, (48, 64, 3))
        levels = np.kron(coarse, np.ones((8, 8, 1))) + fine
        picture = Image.fromarray(levels.clip(0, 255).astype(np.uint8)).resize(_SIZE_PX, Image.Resampling.BICUBIC)
        made = BytesIO()
        picture.save(made, "JPEG", quality=88)
        yield made.getvalue()


def decoded(image: ClinicalImage) -> None:
    with Image.open(BytesIO(image.path.read_bytes() if image.path else b"")) as picture:
        picture.load()


def timed(count: int) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        images = lay_out(Path(folder), count)
        started = time.perf_counter()
        with ThreadPoolExecutor() as pool:
            list(pool.map(decoded, images))
        plain = time.perf_counter() - started
        index = ImageIndex(Path(folder) / "work" / "images.sqlite")
        started = time.perf_counter()
        measured = [item for item in index.measure(images) if isinstance(item, ClinicalImage)]
        indexed = time.perf_counter() - started
        started, cpu = time.perf_counter(), time.process_time()
        pairs = index.near(measured)
        compared, compared_cpu = time.perf_counter() - started, time.process_time() - cpu
        cpu = time.process_time()
        index.near(measured)
        again = time.process_time() - cpu
    print(
        f"{count:,} pictures of {_SIZE_PX[0]} x {_SIZE_PX[1]}: read and decoded {plain:.1f} s; indexed {indexed:.1f} s "
        f"({indexed / plain:.2f} x); compared {compared:.1f} s ({compared_cpu:.1f} CPU s, {compared / plain:.2f} x), "
        f"{len(pairs)} pairs; known {again:.2f} CPU s"
    )
    is_quick = indexed - plain + compared <= MAX_SECONDS_BEYOND_DECODING * max(1.0, count / 45_000)
    return is_quick and again <= MAX_LOOK_UP_CPU_S


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--images", type=int, default=3_000)
    parser.add_argument("--time-only", action="store_true")
    options = parser.parse_args()
    are_kept = [timed(options.images)]
    if options.time_only:
        return 0 if all(are_kept) else 1
    with tempfile.TemporaryDirectory() as folder:
        are_kept.append(rates("drawn specimens", specimens(Path(folder))))
    if real := os.environ.get("DERMASYNTH_REAL_DATA"):
        paths = [*Path(real).glob("pad_ufes/*/*.png"), *Path(real).glob("isic_cc0/*.jpg")]
        are_kept.append(rates("real pictures at hand", sorted(paths)))
    if options.folder:
        paths = [each for each in options.folder.rglob("*") if each.suffix.lower() in (".jpg", ".png")]
        are_kept.append(rates(str(options.folder), sorted(paths)))
    return 0 if all(are_kept) else 1


if __name__ == "__main__":
    sys.exit(main())
