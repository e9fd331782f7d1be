"""Effect: the demo: drawn specimens all the way to rows that `load_dataset` gives."""

from pathlib import Path
from typing import Any

from dermasynth_builder.errors import ReleaseError
from dermasynth_builder.parquet import read_rows
from dermasynth_builder.pipeline import build
from dermasynth_builder.progress import Reporter
from dermasynth_builder.publish import SPECIMEN_FLAG
from dermasynth_builder.release import read_card
from dermasynth_builder.settings import Settings
from dermasynth_builder.specimens import write_pad_ufes

CONFIG = "pad_ufes"


def run_demo(work: Path, out: Path, *, images: int, report: Reporter) -> list[dict[str, Any]]:
    """Draws `images` specimens, builds `out` from them and loads it; gives its rows, images decoded.

    Raises ReleaseError where `out` holds a release of real images: a demo must not replace it.
    """
    _require_demo_or_nothing(out)
    raw = work / f"specimens-{images}"
    report.say(f"drawing {images} specimens into {raw}")
    write_pad_ufes(raw, images=images)
    build(Settings(raw={CONFIG: raw}, work=work, out=out, is_specimen=True), report)
    return _load(out)


def _load(out: Path) -> list[dict[str, Any]]:
    import datasets

    datasets.disable_progress_bars()
    here = Path("dermasynth").resolve()
    loaded = datasets.load_dataset("dermasynth" if out.resolve() == here else str(out.resolve()), CONFIG)
    return [row for split in loaded.values() for row in split]


def _require_demo_or_nothing(out: Path) -> None:
    if not out.exists():
        return
    for config in read_card(out).values():
        files = [path for paths in config.files.values() for path in paths]
        if any(SPECIMEN_FLAG not in row["flags"] for row in read_rows(files, ["flags"])):
            raise ReleaseError(f"{out} holds a release of real images; move it away, or run the demo with --out DIR")
