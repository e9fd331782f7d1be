"""Measuring and indexing image files beside sha256 of the same files, in one run.

    python benchmarks/read.py [--images 20000] [--folder /dev/shm] [--rounds 7]

Draws a DERM12345 release in its real layout (JPEG files of about 100 kB each), then times, with warm files and turn
by turn: sha256 of every file, file by file on one thread; the measuring of every image (header, end, metadata, sha256)
into an empty index; the same with the index of the run before; the reading of the tables; and a full decode of every
image on one thread, once, which is what `dermasynth audit --verify` adds. Prints the best of the rounds. Ratios count:
the machine is noisy.
"""

import argparse
import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from dermasynth_builder.core import registry
from dermasynth_builder.core.images.index import ImageIndex
from dermasynth_builder.core.records import ClinicalImage

_HEADER = (
    "image_id,patient_id,image_type,copyright-license,split,super_class,malignancy,main_class_1,main_class_2,"
    "sub_class,label\n"
)
_SIDE_PX = 520
_DISTINCT = 64  # drawn pictures; each file differs from all others in a pixel


def draw(folder: Path, images: int) -> int:
    """Writes the release and gives the bytes of its images."""
    rng = np.random.default_rng(7)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "train" / "acb").mkdir(parents=True)
    canvases = [
        Image.fromarray(rng.integers(0, 256, (_SIDE_PX, _SIDE_PX, 3), np.uint8)).filter(ImageFilter.GaussianBlur(0.8))
        for _ in range(_DISTINCT)
    ]
    total = 0
    with (folder / "derm12345_metadata_train.csv").open("w", encoding="utf-8") as table:
        table.write(_HEADER)
        for number in range(images):
            canvas = canvases[number % _DISTINCT]
            canvas.putpixel((number % _SIDE_PX, number // _SIDE_PX), (255, 0, 0))
            name = f"DERM_{number:06d}"
            path = folder / "train" / "acb" / f"{name}.jpg"
            canvas.save(path, quality=82)
            total += path.stat().st_size
            table.write(f"{name},PID_{number},dermoscopic,CC-BY,train,melanocytic,benign,banal,compound,acral,acb\n")
    return total


def hash_all(folder: Path) -> None:
    """The physical limit: every byte read and hashed."""
    for path in folder.rglob("*.jpg"):
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256").hexdigest()


def read_tables(folder: Path) -> list[ClinicalImage]:
    """The images that the tables list, with their files located."""
    return [item for item in registry.source("derm12345").read(folder) if isinstance(item, ClinicalImage)]


def measure_all(images: list[ClinicalImage], work: Path) -> None:
    """The real measuring of a source's images; as with the hashes, nothing that is found is held."""
    assert all(isinstance(image, ClinicalImage) for image in ImageIndex(work / "images.sqlite").measure(images))


def decode_all(folder: Path) -> None:
    """Every pixel, on one thread."""
    for path in folder.rglob("*.jpg"):
        with Image.open(path) as image:
            image.load()


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Prints a table of seconds and of ratios to sha256."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where to draw")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        folder, work = Path(scratch, "derm12345"), Path(scratch, "work")
        size = draw(folder, arguments.images)
        print(f"{arguments.images} images, {size / arguments.images / 1000:.0f} kB each, {size / 1e6:.0f} MB")
        hash_all(folder)  # warm
        images = read_tables(folder)
        steps: dict[str, Callable[[], object]] = {
            "sha256 of every file": lambda: hash_all(folder),
            "measuring, empty index": lambda: measure_all(images, work),
            "measuring, index known": lambda: measure_all(images, work),
            "reading the tables": lambda: read_tables(folder),
        }
        seconds: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(arguments.rounds):
            shutil.rmtree(work, ignore_errors=True)
            for name, step in steps.items():
                seconds[name].append(timed(step))
        best = {name: min(values) for name, values in seconds.items()}
        best["full decode (--verify)"] = timed(lambda: decode_all(folder))
        for name, value in best.items():
            ratio = value / best["sha256 of every file"]
            print(f"{name:24} {value:8.2f} s {value / arguments.images * 1e6:8.0f} us/image  {ratio:5.2f} x sha256")


if __name__ == "__main__":
    main()
