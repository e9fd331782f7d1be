"""What a whole build takes at the size of all five sources, beside the least that the same work can take.

    python benchmarks/scale.py            a tenth, a third and all of 45,585 images; some minutes, 12 GB of disk
    python benchmarks/scale.py --quick    a hundredth; under a minute
    python benchmarks/scale.py --parts 0.1 --folder DIR

Lays the sources out with pictures of 60 to 100 kB: the real tables where DERMASYNTH_REAL_DATA names their folder, their
rows repeated under new ids where the real set has more, and drawn specimens where it does not. Builds them with the
engine `template` in a process of its own, then again with nothing changed. In the same run, on the same files, the same
work is done as plainly as it can be: copy and sha256, read back and sha256, every prompt rendered once by plain
Jinja2, every answer worded once, every reply through JSON once. Ratios say something where seconds do not.

Exit code 1 where a bound is broken.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path
from random import Random

from PIL import Image

from dermasynth_builder import pipeline
from dermasynth_builder.cli import main as main_command
from dermasynth_builder.core import registry
from dermasynth_builder.core.files import jinja_environment, resource_dir
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.records import ClinicalImage, Reply, Request, canonical_json
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.generate.run import Run
from dermasynth_builder.plan import facts_in_words
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import load_prompt_book
from dermasynth_builder.read.source import read_source

IMAGES: Mapping[str, int] = {"bcn20000": 18_946, "derm12345": 12_345, "scin": 10_380, "pad_ufes": 2_298, "hiba": 1_616}
MAX_TIMES_LIMIT = 4.0  # CPU of the whole build, of the sum of the limits
MAX_TIMES_SMALL = 12.0  # the same below a third of all images, where to load modules takes more than the work
MAX_PEAK_MB = 600.0
MAX_IDLE_CPU_S = 5.0  # of `generate` with nothing to do, at full size
MAX_GROWTH = 1.15  # CPU an image at the largest size, times that at the smallest
_IDS = {"bcn20000": "isic_id", "derm12345": "image_id", "hiba": "isic_id"}


# --- what is built ---


def lay_out(root: Path, part: float) -> int:
    """Writes `root`/SOURCE for each source, with that part of its images; gives how many there are."""
    real = os.environ.get("DERMASYNTH_REAL_DATA")
    count = 0
    for name, images in IMAGES.items():
        wanted = max(24, round(images * part))
        if real:
            _write_tables(Path(real) / name, root / name, wanted)
        else:
            registry.specimens(name)(root / name, images=wanted)
        there = {path.name: path for path in (root / name).rglob("*") if path.suffix in (".jpg", ".png")}
        for item in registry.source(name).read(root / name):
            if isinstance(item, ClinicalImage):
                file = Path(item.file_name).name
                path = there.get(file) or root / name / "images" / (file if Path(file).suffix else f"{file}.jpg")
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(picture(count, path.suffix))
                count += 1
    return count


def _write_tables(real: Path, root: Path, images: int) -> None:
    """The real rows, as far as they go; then the same rows under new ids of image, lesion and patient."""
    match real.name:
        case "scin":
            for table in ("scin_cases.csv", "scin_labels.csv"):
                _write_rows(root / "dataset" / table, _rows(real / "dataset" / table)[: round(images * 5033 / 10_380)])
        case "pad_ufes":
            _write_rows(root / "metadata.csv", _rows(real / "metadata.csv")[:images])
        case "hiba":
            rows = [row for path in sorted(real.glob("hiba_rows_*.csv")) for row in _rows(path)]
            skin = _rows(real / "SupplementaryData.csv")[:images]
            ids = [row["isic_id"] for row in skin]
            _write_rows(root / "metadata.csv", list(_repeated(rows, "isic_id", images, ids=ids)))
            _write_rows(root / "SupplementaryData.csv", skin)
        case name:
            [published] = [path for path in real.glob("*.csv") if "taxonomy" not in path.name]
            target = "metadata.csv" if name == "bcn20000" else "derm12345_metadata_train.csv"
            _write_rows(root / target, list(_repeated(_rows(published), _IDS[name], images)))


def _repeated(
    rows: Sequence[Mapping[str, str]], id_column: str, count: int, *, ids: Sequence[str] = ()
) -> Iterator[Mapping[str, str]]:
    for number, row in enumerate(islice(cycle(rows), count)):
        turn = number // len(rows)
        if not turn and not ids:
            yield row
            continue
        new = {name: f"{row[name]}{turn}" for name in ("patient_id", "lesion_id") if row.get(name)}
        yield {**row, **new, id_column: ids[number] if ids else f"{row[id_column]}{turn:03}"}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _write_rows(target: Path, rows: Sequence[Mapping[str, str]]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)), restval="")
        writer.writeheader()
        writer.writerows(rows)


def picture(number: int, suffix: str) -> bytes:
    """A picture of noise, 60 to 100 kB, that opens as what its suffix says; no two are alike."""
    draw = Random(number)  # noqa: S311 - noise, not a secret
    size = draw.randint(60_000, 100_000)
    made = BytesIO()
    if suffix == ".png":
        side = int((size / 3) ** 0.5)
        Image.frombytes("RGB", (side, side), draw.randbytes(3 * side * side)).save(made, "PNG", compress_level=0)
        return made.getvalue()
    Image.new("RGB", (1024, 768)).save(made, "JPEG")
    header = made.getvalue()[: made.getvalue().index(b"\xff\xda") + 14]  # up to the first coded pixel
    noise = draw.randbytes(size - len(header) - 2).replace(b"\xff", b"\xfe")  # which would begin a marker
    return header + noise + b"\xff\xd9"


# --- what is timed ---


@dataclass(frozen=True, slots=True)
class Taken:
    """What a stage took."""

    cpu_s: float
    wall_s: float
    peak_mb: float  # the most that the process had held by its end


class Clock:
    """Times stages, one after the other, in one process."""

    def __init__(self) -> None:
        self.stages: dict[str, Taken] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times the block."""
        cpu_s, wall_s = _cpu_s(), time.perf_counter()
        yield
        self.stages[name] = Taken(_cpu_s() - cpu_s, time.perf_counter() - wall_s, _peak_mb())


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_mb() -> float:
    """Of this process alone: on Linux `ru_maxrss` begins with what the process that started it held."""
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000_000
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 / 1_000_000 for line in lines if line.startswith("VmHWM:"))


def settings_in(folder: Path) -> Settings:
    """All sources, the engine `template`, all else at its default."""
    return Settings(raw={name: folder / "raw" / name for name in IMAGES}, work=folder / "work", out=folder / "out")


def build(folder: Path) -> dict[str, Taken]:
    """The stages of a build, one by one."""
    clock, settings, report = Clock(), settings_in(folder), SilentReporter()
    with clock.stage("read and plan"):
        planned = pipeline.plan(settings, report)
    with clock.stage("generate"):
        pipeline.ask(planned, settings, report)
    with clock.stage("release"):
        pipeline.release(planned, settings, report)
    return clock.stages


def generate(folder: Path) -> dict[str, Taken]:
    """The command `generate`."""
    return _command("generate", "generate again, nothing to do", folder)


def release(folder: Path) -> dict[str, Taken]:
    """The command `release`."""
    return _command("release", "release again, nothing changed", folder)


def _command(name: str, stage: str, folder: Path) -> dict[str, Taken]:
    clock, raw, work, out = Clock(), folder / "raw", folder / "work", folder / "out"
    with clock.stage(stage):
        failed = main_command([name, *IMAGES, "--raw", str(raw), "--work", str(work), "--out", str(out)])
    assert not failed
    return clock.stages


def limits(folder: Path) -> dict[str, Taken]:
    """The same work as plainly as it can be done, on the same files."""
    clock, one = Clock(), folder / "one"
    paths = [path for path in (folder / "raw").rglob("*") if path.suffix in (".jpg", ".png")]
    with clock.stage("copy into one file, and sha256"), one.open("wb") as copy:
        for path in paths:
            content = path.read_bytes()
            sha256(content).hexdigest()
            copy.write(content)
    with clock.stage("read that back, and sha256"), one.open("rb") as copy:
        state = sha256()
        while content := copy.read(1 << 20):
            state.update(content)
    one.unlink()
    images = [image for name in IMAGES for image in read_source(name, settings_in(folder), SilentReporter()).images]
    requests, contexts = _planned(images)
    environment = jinja_environment(resource_dir("prompts") / "templates")
    templates = {name: environment.get_template(f"{name}.jinja") for name in {name for name, _ in contexts}}
    with clock.stage("every prompt rendered once, plain Jinja2"):
        for name, context in contexts:
            templates[name].render(context)
    del contexts
    engine = registry.engine("template")
    with clock.stage("every answer worded once"):
        replies: list[Reply] = list(engine.answer(requests, Run()))
    with clock.stage("every reply to JSON and back"):
        for line in [canonical_json(asdict(reply)) for reply in replies]:
            json.loads(line)
    return clock.stages


def _planned(images: Sequence[ClinicalImage]) -> tuple[list[Request], list[tuple[str, Mapping[str, object]]]]:
    """The requests of images, and what each prompt is rendered from."""
    contexts: list[tuple[str, Mapping[str, object]]] = []
    book = load_prompt_book()

    class _Noting:
        banks = book.banks

        def render(self, prompt_id: str, context: Mapping[str, object], **told: object) -> str:
            known = {
                "image": facts_in_words.IMAGES[told["modality"]],  # type: ignore[index]
                "metadata": facts_in_words.metadata_lines(told["facts"]),  # type: ignore[arg-type]
            }
            contexts.append((prompt_id, {**context, **known}))
            return str(len(contexts))

    return list(Planner(_Noting(), Settings({}).seed).requests(images)), contexts  # type: ignore[arg-type]


WORKS: Mapping[str, Callable[[Path], dict[str, Taken]]] = {
    work.__name__: work for work in (build, generate, release, limits)
}


def in_a_process(work: str, folder: Path) -> dict[str, Taken]:
    """What the stages of a work took in a process of its own."""
    words = [sys.executable, str(Path(__file__).resolve()), "--work", work, str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    last = done.stdout.splitlines()[-1]  # after what the command says
    return {name: Taken(**taken) for name, taken in json.loads(last).items()}


# --- the report ---


@dataclass(frozen=True, slots=True)
class Measured:
    """All stages of one size."""

    images: int
    built: Mapping[str, Taken]
    again: Mapping[str, Taken]
    limits: Mapping[str, Taken]

    @property
    def times_limit(self) -> float:
        """CPU of the build, of the sum of the limits."""
        return _cpu_of(self.built) / _cpu_of(self.limits)


def _cpu_of(stages: Mapping[str, Taken]) -> float:
    return sum(taken.cpu_s for taken in stages.values())


def measure(folder: Path, part: float) -> Measured:
    """Lays out, builds, builds again and does the plain work, each in a process of its own."""
    images = lay_out(folder / "raw", part)
    built = in_a_process("build", folder)
    again = in_a_process("generate", folder) | in_a_process("release", folder)
    return Measured(images, built, again, in_a_process("limits", folder))


def lines_of(measured: Measured) -> Iterator[str]:
    """A line a stage."""
    yield f"\n{measured.images:,} images, load {os.getloadavg()[0]:.1f}{'':18}{'CPU s':>9}{'wall s':>9}{'peak MB':>9}"
    for title, stages in (("build", measured.built), ("again", measured.again), ("limits", measured.limits)):
        for name, taken in stages.items():
            yield f"  {name:46}{taken.cpu_s:9.2f}{taken.wall_s:9.2f}{taken.peak_mb:9.0f}"
        if title != "again":
            wall_s = sum(taken.wall_s for taken in stages.values())
            yield f"  {'all of the build' if title == 'build' else 'all limits':46}{_cpu_of(stages):9.2f}{wall_s:9.2f}"
    yield f"  the build takes {measured.times_limit:.1f} times the limits"


def bounds_of(sizes: Sequence[Measured]) -> Iterator[tuple[str, float, float]]:
    """What is bound, its value, and the most that it may be."""
    last = sizes[-1]
    share = last.images / sum(IMAGES.values())
    yield "CPU of the build, x the limits", last.times_limit, MAX_TIMES_LIMIT if share > 0.3 else MAX_TIMES_SMALL
    yield "peak memory, MB", max(taken.peak_mb for size in sizes for taken in size.built.values()), MAX_PEAK_MB
    idle_s = last.again["generate again, nothing to do"].cpu_s
    yield "generate with nothing to do, CPU s", idle_s, max(1.5, MAX_IDLE_CPU_S * share)  # it starts in a second
    if len(sizes) > 1:
        first = sizes[0]
        growth = (_cpu_of(last.built) / last.images) / (_cpu_of(first.built) / first.images)
        yield "CPU an image, largest x smallest size", growth, MAX_GROWTH


def main() -> int:
    """Runs the benchmark in folders of its own, which are removed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a hundredth, in under a minute")
    parser.add_argument("--parts", type=float, nargs="+", default=[0.1, 1 / 3, 1.0], help="of all images")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where to work")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        stages = WORKS[arguments.work[0]](Path(arguments.work[1]))
        print(json.dumps({name: asdict(taken) for name, taken in stages.items()}))
        return 0
    sizes = []
    for part in [0.01] if arguments.quick else arguments.parts:
        with tempfile.TemporaryDirectory(prefix="dermasynth-scale-", dir=arguments.folder) as folder:
            sizes.append(measure(Path(folder), part))
        print("\n".join(lines_of(sizes[-1])), flush=True)
    print()
    bounds = list(bounds_of(sizes))
    for name, value, limit in bounds:
        print(f"{name:42}{value:9.2f}   at most {limit:g}   {'ok' if value <= limit else 'BROKEN'}")
    return 1 if any(value > limit for _, value, limit in bounds) else 0


if __name__ == "__main__":
    sys.exit(main())
