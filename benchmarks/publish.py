"""What it costs to release, push and load, against a plain copy of the same image files.

    python benchmarks/publish.py                   500 MB of images, 3,500 pairs; some minutes
    python benchmarks/publish.py --megabytes 40    less of everything; a minute
    python benchmarks/publish.py --folder DIR      on the disk of that folder; else on this folder's

Draws a PAD-UFES-20 of that size, whose pictures become JPEG files of noise or with --drawn stay PNG files, and has the
engine `template` answer, which is not timed. Then, in one run: copies the images, as `cp` does; makes checked pairs of
the replies; writes these and their images as Parquet; does both and all the rest as `dermasynth release`; pushes to a
Hub on loopback, which holds it in memory, and pushes again; loads it in every way in which people do.

Told of each are seconds by the clock and of the processor, of all processes that took part; of what is done three
times the least. The writing is held to three copies by the clock, both until their bytes are on the disk, which is what
a copy is bound by. In memory alone (--folder /dev/shm) a copy is one system call a file, and whatever looks at the
bytes takes several times that. Making pairs is work on text, whose cost does not go by the size of
images: it is told beside it, as are the other parts of a release, which compares all pictures, writes the sample's own
copy of its images, counts and draws the card, and reads every byte back to hold it against its hash.

Exit code 1 where a bound is broken.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import pyarrow.parquet as pq  # noqa: E402 - after the path is set
from release import make_images  # noqa: E402 - the benchmark beside this one

from dermasynth_builder import pipeline  # noqa: E402
from dermasynth_builder.core.options import Settings  # noqa: E402
from dermasynth_builder.core.records import Pair  # noqa: E402
from dermasynth_builder.core.reporter import SilentReporter  # noqa: E402
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes  # noqa: E402
from dermasynth_builder.release.folder import read_card  # noqa: E402
from dermasynth_builder.release.parquet import write_config  # noqa: E402
from dermasynth_builder.release.write import checked_pairs, terms_of  # noqa: E402
from tests.loopback_hub.client import run_process  # noqa: E402
from tests.loopback_hub.hub import LoopbackHub  # noqa: E402

SIDE_PX, MEAN_IMAGE_BYTES = 256, 310_000  # of a drawn picture, whose pixels are stored as they are
MEAN_NOISE_BYTES = 200_000
MAX_TIMES_COPY = 3.0
MAX_TIMES_SIZE = 1.02
ROUNDS = 3
REPO = "tester/dermasynth"
PUSH = (sys.executable, "-c", "from dermasynth_builder.cli import main; raise SystemExit(main())", "push", REPO)

# How people load a release: each a process of its own, which prints how long it took without its imports.
LOADERS = {
    "load_dataset, the first time (copies)": (
        "import datasets; datasets.disable_progress_bars()",
        "datasets.load_dataset(RELEASE, 'pad_ufes')",
    ),
    "load_dataset, again": (
        "import datasets; datasets.disable_progress_bars()",
        "datasets.load_dataset(RELEASE, 'pad_ufes')",
    ),
    "streaming, all rows, images undecoded": (
        "import datasets",
        "rows = datasets.load_dataset(RELEASE, 'pad_ufes', split='train', streaming=True)\n"
        "print(sum(len(row['image']['bytes']) for row in rows.decode(False)))",
    ),
    "streaming, the first row": (
        "import datasets",
        "next(iter(datasets.load_dataset(RELEASE, 'pad_ufes', split='train', streaming=True)))",
    ),
    "streaming, question and answer alone": (
        "import datasets",
        "rows = datasets.load_dataset(RELEASE, 'pad_ufes', split='train', streaming=True,"
        " columns=['question', 'answer'])\nprint(sum(len(row['answer']) for row in rows))",
    ),
    "pyarrow, question and answer alone": (
        "import pyarrow.dataset",
        "pyarrow.dataset.dataset(RELEASE + '/data').to_table(columns=['question', 'answer'])",
    ),
    "pyarrow, all columns, batch by batch": (
        "import pyarrow.dataset",
        "print(sum(batch.num_rows for batch in pyarrow.dataset.dataset(RELEASE + '/data').to_batches()))",
    ),
}


class Taken(NamedTuple):
    """How long something took, in seconds."""

    elapsed_s: float
    processor_s: float

    def less_of(self, other: "Taken") -> "Taken":
        """The least of both."""
        return Taken(min(self.elapsed_s, other.elapsed_s), min(self.processor_s, other.processor_s))


def now() -> Taken:
    """The clock, and what this process, its threads and its children that have ended took so far."""
    return Taken(time.monotonic(), sum(os.times()[:4]))


def since(started: Taken) -> Taken:
    """How long it is ago."""
    ended = now()
    return Taken(ended.elapsed_s - started.elapsed_s, ended.processor_s - started.processor_s)


def timed(work: Callable[[], object]) -> Taken:
    """How long it takes."""
    started = now()
    work()
    return since(started)


def copied(images: list[Path], folder: Path) -> Taken:
    """A plain copy, file by file, into a folder that goes again."""

    def copy() -> None:
        for path in images:
            shutil.copyfile(path, folder / path.name)
        os.sync()

    folder.mkdir()
    taken = timed(copy)
    shutil.rmtree(folder)
    return taken


def released(settings: Settings) -> dict[str, Taken]:
    """A release that is written anew, and its two main parts by themselves."""
    report, apart = SilentReporter(), settings.out.with_name("files")
    shutil.rmtree(settings.out, ignore_errors=True)
    [planned] = pipeline.plan(settings, report)
    ledger = pipeline.open_ledger(pipeline.open_engine(settings), settings, report)
    pairs: list[Pair] = []

    def make() -> None:
        made = checked_pairs(planned, ledger, terms_of(settings, planned.read.images))
        pairs.extend(each for each in made if isinstance(each, Pair))

    def write() -> None:
        write_config(apart, pairs)
        os.sync()

    told = {"checked pairs of the replies": timed(make), "files": timed(write)}
    shutil.rmtree(apart)
    return told | {"dermasynth release, all of it": timed(lambda: pipeline.release([planned], settings, report))}


def best(rounds: Sequence[Mapping[str, Taken]]) -> dict[str, Taken]:
    """The least of each step."""
    return {name: reduce(Taken.less_of, (each[name] for each in rounds)) for name in rounds[0]}


def pushed(release: Path, home: Path) -> Iterator[tuple[str, Taken]]:
    """A push and the same again."""
    with LoopbackHub() as hub:
        for label in ("push to a Hub on loopback", "push again: nothing to send"):
            started = now()
            ended = run_process(hub, home, *PUSH, "--out", str(release), "--allow-template")
            assert ended.code == 0, ended.err
            yield label, since(started)


def loaded(release: Path, home: Path) -> Iterator[tuple[str, Taken]]:
    """Each way to load."""
    environment = {**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    for label, (imports, work) in LOADERS.items():
        script = (
            f"{imports}\nimport os, sys, time\nRELEASE = {str(release)!r}\n"
            f"started, processor = time.monotonic(), time.process_time()\n{work}\n"
            "print(time.monotonic() - started, time.process_time() - processor, flush=True)\n"
            "os._exit(0)"  # threads of datasets may outlive it
        )
        words = [sys.executable, "-c", script]
        done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        elapsed_s, processor_s = map(float, done.stdout.split()[-2:])
        yield label, Taken(elapsed_s, processor_s)


def sizes(release: Path, images: list[Path]) -> tuple[int, int, int]:
    """Bytes of the source's files, of all different images in it, and of its text as it is stored."""
    files = read_card(release)["pad_ufes"].paths
    text = 0
    for path in files:
        footer = pq.read_metadata(path)
        groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
        columns = [group.column(number) for group in groups for number in range(footer.num_columns)]
        text += sum(column.total_compressed_size for column in columns if column.path_in_schema != "image.bytes")
    return sum(path.stat().st_size for path in files), sum(path.stat().st_size for path in images), text


def drawn(folder: Path, megabytes: float, *, is_noise: bool) -> tuple[Path, list[Path]]:
    """A raw release of about that size, and its images."""
    side_px, mean_bytes = (16, MEAN_NOISE_BYTES) if is_noise else (SIDE_PX, MEAN_IMAGE_BYTES)
    raw = write_pad_ufes(folder / "raw", images=max(24, round(megabytes * 1e6 / mean_bytes)), side_px=side_px)
    images = sorted(raw.rglob("*.png"))
    if is_noise:
        for path, noise in zip(images, make_images(folder / "noise", len(images)), strict=True):
            noise.replace(path)  # under the name that the table knows, whatever it ends in
    return raw, images


def report(folder: Path, megabytes: float, *, is_noise: bool) -> list[str]:
    """Measures, prints and gives the bounds that are broken."""
    raw, images = drawn(folder, megabytes, is_noise=is_noise)
    settings = Settings(raw={"pad_ufes": raw}, work=folder / "build", out=folder / "dermasynth")
    pipeline.ask(pipeline.plan(settings, SilentReporter()), settings, SilentReporter())
    rounds = [{"copy": copied(images, folder / "copy"), **released(settings)} for _ in range(ROUNDS)]
    seconds = best(rounds)
    copy = seconds.pop("copy")
    seconds |= dict(pushed(settings.out, folder / "hub-home"))
    seconds |= dict(loaded(settings.out, folder / "home"))
    whole, unique, text = sizes(settings.out, images)
    rows = read_card(settings.out)["all"].rows
    print(
        f"{sum(rows.values()):,} pairs over {len(images):,} images of {unique / 1e6:,.0f} MB in {folder}, load "
        f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors; a plain copy takes {copy.elapsed_s:.2f} s, of the "
        f"processor {copy.processor_s:.2f} s\n"
    )
    print(f"{'':40}{'seconds':>9}{'x copy':>9}{'processor':>11}{'x copy':>9}")
    for name, taken in seconds.items():
        print(
            f"{name:40}{taken.elapsed_s:9.2f}{taken.elapsed_s / copy.elapsed_s:9.2f}"
            f"{taken.processor_s:11.2f}{taken.processor_s / copy.processor_s:9.2f}"
        )
    print(f"\nfiles {whole:,} bytes; different images {unique:,}; text as stored {text:,}\n")
    bounds = [
        ("writing the files, x plain copy", seconds["files"].elapsed_s / copy.elapsed_s, MAX_TIMES_COPY),
        ("files, x different images plus text", whole / (unique + text), MAX_TIMES_SIZE),
    ]
    for name, value, limit in bounds:
        print(f"{name:38}{value:7.3f}   at most {limit:g}   {'ok' if value <= limit else 'BROKEN'}")
    return [name for name, value, limit in bounds if value > limit]


def main() -> int:
    """Runs the benchmark in a folder of its own, which is removed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=float, default=500, help="of images (default: %(default)s)")
    parser.add_argument("--drawn", action="store_true", help="leave the pictures drawn, as PNG files")
    parser.add_argument("--folder", type=Path, default=Path(), help="where to work (default: %(default)s)")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dermasynth-publish-", dir=told.folder) as folder:
        return 1 if report(Path(folder), told.megabytes, is_noise=not told.drawn) else 0


if __name__ == "__main__":
    sys.exit(main())
