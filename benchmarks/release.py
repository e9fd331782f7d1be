"""What writing a release costs, against copying the same image files: time, size and peak memory.

    python benchmarks/release.py            2,400 rows, two an image, about 200 kB an image; half a minute
    python benchmarks/release.py --quick    less of everything; some seconds
    python benchmarks/release.py --folder DIR   on the disk of that folder; else on this folder's

Copy, hash and release take turns in one run, each reads the same files from a warm page cache, and each has ended when
its bytes are on the disk; the best of all rounds counts; so the ratios say something where the seconds do not. The copy
is what `cp` does, file by file; the same bytes into one file are told too, which is what no writer can beat. In memory
alone (--folder /dev/shm) a copy is one system call a file, and whatever looks at the bytes takes several times that.

Exit code 1 where a bound is broken.
"""

import argparse
import hashlib
import io
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from random import Random

from PIL import Image

from dermasynth_builder.core.images.index import measure_file
from dermasynth_builder.core.records import ClinicalImage, Facts, ImageFile, Pair, Split, Turn
from dermasynth_builder.release.parquet import SplitFiles, read_split, write_config

MAX_TIMES_SIZE = 1.02
MAX_TIMES_MEMORY = 1.3  # of four times the rows; it would be near 4 if they were held
MEAN_IMAGE_BYTES = 200_000
PAIRS_AN_IMAGE = 2


@dataclass(frozen=True, slots=True)
class Scale:
    """How much to measure."""

    rows: int
    rounds: int
    memory_rows: tuple[int, ...]  # the last is four times the one before
    max_times_copy: float


FULL = Scale(rows=2400, rounds=9, memory_rows=(600, 2400, 9600), max_times_copy=3.0)
QUICK = Scale(rows=800, rounds=4, memory_rows=(800, 3200), max_times_copy=4.0)  # little time, much noise


# --- what is released ---


def make_images(folder: Path, count: int) -> list[Path]:
    """Files that open as JPEG and do not compress: the header of a real one, then noise."""
    folder.mkdir(parents=True)
    drawn = io.BytesIO()
    Image.new("RGB", (1024, 768)).save(drawn, "JPEG")
    header = drawn.getvalue()[: drawn.getvalue().index(b"\xff\xda") + 14]  # up to the first coded pixel
    paths = [folder / f"{number:05}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        draw = Random(number)  # noqa: S311 - noise, not a secret
        size = draw.randint(MEAN_IMAGE_BYTES * 3 // 4, MEAN_IMAGE_BYTES * 5 // 4)
        noise = draw.randbytes(size - len(header) - 2).replace(b"\xff", b"\xfe")  # which would begin a marker
        path.write_bytes(header + noise + b"\xff\xd9")
    return paths


def measured(paths: Sequence[Path]) -> list[tuple[Path, ImageFile]]:
    """The files as the image index knows them."""
    outcomes = [(path, measure_file(path)) for path in paths]
    return [(path, file) for path, file in outcomes if isinstance(file, ImageFile)]


def pairs(files: Sequence[tuple[Path, ImageFile]], rows: int) -> Iterator[Pair]:
    """So many rows; where the files do not suffice, they come again as other images."""
    for number, (path, file) in enumerate(islice(cycle(files), rows // PAIRS_AN_IMAGE)):
        image = _image(number, path, file)
        split: Split = "test" if number % 20 == 0 else "validation" if number % 20 == 1 else "train"
        for place in range(PAIRS_AN_IMAGE):
            yield _pair(image, split, place)


def _image(number: int, path: Path, file: ImageFile) -> ClinicalImage:
    facts = Facts(diagnosis="nevus", body_site="forearm", age_years=number % 90, itches=number % 2 == 0)
    return ClinicalImage(
        source="pad_ufes",
        image_id=f"IMG_{number:06}",
        file_name=path.name,
        group_id=f"PAT_{number // 3}",
        lesion_id=f"PAT_{number // 3}_{number}",
        modality="clinical",
        facts=facts,
        licence="CC-BY-4.0",
        attribution="noise made by a benchmark",
        row_location=f"metadata.csv, line {number + 2}",
        path=path,
        file=file,
    )


def _pair(image: ClinicalImage, split: Split, place: int) -> Pair:
    key = hashlib.sha256(f"{image.image_id}/{place}".encode()).hexdigest()
    question = f"What is on record of {image.image_id}, and what is not, asked {place}?"
    answer = " ".join(f"The record of {key[start : start + 8]} says nothing of it." for start in range(0, 64, 8))
    return Pair(
        pair_id=f"pad_ufes/{image.image_id}/{place}",
        image=image,
        split=split,
        question=question,
        answer=answer,
        messages=(Turn("user", question), Turn("assistant", answer)),
        style="asked",
        question_type="overview",
        references=("A book about nothing. Nowhere, 2020.", "A paper about nothing. Nowhere, 2021."),
        engine="template",
        model=None,
        model_version=None,
        prompt_id="asked",
        prompt_sha256=key,
        is_metadata_shown=True,
        seed=2025,
        generated_at=None,
        builder_version="0.1.0",
        request_key=key[::-1],
    )


# --- what is timed ---


def copy_files(paths: Sequence[Path], folder: Path) -> None:
    """As `cp` does it."""
    for path in paths:
        shutil.copyfile(path, folder / path.name)


def copy_into_one(paths: Sequence[Path], folder: Path) -> None:
    """The bytes alone: no file to make but one."""
    with (folder / "all").open("wb") as one:
        for path in paths:
            one.write(path.read_bytes())


def hash_files(paths: Sequence[Path], _: Path) -> None:
    """sha256 of every file."""
    for path in paths:
        hashlib.sha256(path.read_bytes()).hexdigest()


def seconds(work: Callable[[Path], object], folder: Path) -> float:
    """How long `work` takes in an empty folder, which goes again, until what it wrote is on the disk."""
    folder.mkdir()
    started = time.perf_counter()
    work(folder)
    os.sync()
    taken = time.perf_counter() - started
    shutil.rmtree(folder)
    return taken


def best_times(paths: Sequence[Path], rows: int, rounds: int) -> dict[str, float]:
    """The least seconds of each work; all works take turns."""
    files = measured(paths)
    works: dict[str, Callable[[Path], object]] = {
        "plain copy, file by file": lambda folder: copy_files(paths, folder),
        "the same bytes into one file": lambda folder: copy_into_one(paths, folder),
        "sha256 of the same bytes": lambda folder: hash_files(paths, folder),
        "release": lambda folder: write_config(folder / "release", pairs(files, rows)),
    }
    scratch = paths[0].parent.with_name("scratch")
    turns = [{name: seconds(work, scratch) for name, work in works.items()} for _ in range(rounds + 1)]
    return {name: min(turn[name] for turn in turns[1:]) for name in works}  # the first turn warms the cache


def written_bytes(paths: Sequence[Path], rows: int) -> tuple[int, float]:
    """Bytes of the release's files, and how long it takes to read their text back and hash it, as `verify` does."""
    folder = paths[0].parent.with_name("release")
    splits = write_config(folder, pairs(measured(paths), rows)).splits
    started = time.perf_counter()
    found: list[SplitFiles] = [read_split(files.files) for files in splits.values()]
    taken = time.perf_counter() - started
    shutil.rmtree(folder)
    assert sum(files.rows for files in found) == rows
    return sum(files.file_bytes for files in found), taken


def peak_memory_mb(images: Path, rows: int) -> float:
    """The most memory that a process of its own holds while it writes so many rows."""
    words = [sys.executable, str(Path(__file__).resolve()), "--write", str(images), str(rows)]
    return float(subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout)


def write_and_tell_memory(images: Path, rows: int) -> None:
    """The child's part of `peak_memory_mb`."""
    folder = images.with_name(f"release-{rows}")
    write_config(folder, pairs(measured(sorted(images.iterdir())), rows))
    shutil.rmtree(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak / (1_000_000 if sys.platform == "darwin" else 1_000_000 / 1024))


# --- the report ---


def report(folder: Path, scale: Scale) -> list[str]:
    """Measures, prints and gives the bounds that are broken."""
    paths = make_images(folder / "images", scale.rows // PAIRS_AN_IMAGE)
    unique_bytes = sum(path.stat().st_size for path in paths)
    print(
        f"{scale.rows:,} rows over {len(paths):,} images of {unique_bytes / 1e6:.0f} MB, in {folder}, "
        f"best of {scale.rounds}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors\n"
    )
    peaks = {rows: peak_memory_mb(folder / "images", rows) for rows in scale.memory_rows}  # while this process is small
    times = best_times(paths, scale.rows, scale.rounds)
    size, reading = written_bytes(paths, scale.rows)
    copied = times["plain copy, file by file"]
    print(f"{'':32}{'seconds':>9}{'x copy':>9}")
    for name, taken in (times | {"reading the text back": reading}).items():
        print(f"{name:32}{taken:9.3f}{taken / copied:9.2f}")
    *_, fewer, most = scale.memory_rows
    print("\npeak memory: " + ", ".join(f"{peak:.0f} MB for {rows:,} rows" for rows, peak in peaks.items()) + "\n")
    bounds = [
        ("release, x plain copy", times["release"] / copied, scale.max_times_copy),
        ("file size, x unique image bytes", size / unique_bytes, MAX_TIMES_SIZE),
        ("peak memory of four times the rows, x", peaks[most] / peaks[fewer], MAX_TIMES_MEMORY),
    ]
    for name, value, limit in bounds:
        print(f"{name:38}{value:7.3f}   at most {limit:g}   {'ok' if value <= limit else 'BROKEN'}")
    return [name for name, value, limit in bounds if value > limit]


def main() -> int:
    """Runs the benchmark in a folder of its own, which is removed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="less of everything, in a few seconds")
    parser.add_argument("--folder", type=Path, default=Path(), help="where to work (default: %(default)s)")
    parser.add_argument("--write", nargs=2, metavar=("IMAGES", "ROWS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        write_and_tell_memory(Path(arguments.write[0]), int(arguments.write[1]))
        return 0
    with tempfile.TemporaryDirectory(prefix="dermasynth-benchmark-", dir=arguments.folder) as folder:
        return 1 if report(Path(folder), QUICK if arguments.quick else FULL) else 0


if __name__ == "__main__":
    sys.exit(main())
