"""The demo: drawn specimens all the way to rows that `load_dataset` gives."""

from pathlib import Path
from typing import Any

from dermasynth_builder.cli.specimens import draw_specimens
from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.reporter import Reporter
from dermasynth_builder.pipeline import build
from dermasynth_builder.release.folder import read_card, require_current
from dermasynth_builder.release.write import are_specimens

CONFIG = "pad_ufes"  # whose rows the demo shows


def run_demo(work: Path, out: Path, *, images: int, report: Reporter) -> list[dict[str, Any]]:
    """Draws about `images` specimens of each source, builds `out` from them and loads it; gives the rows of `CONFIG`.

    Raises ReleaseError where `out` holds a release of real images: a demo must not replace it.
    """
    _require_demo_or_nothing(out)
    folders = {name: work / f"specimens-{images}" / name for name in registry.SPECIMENS.shipped}
    with report.bar("drawing specimens", len(folders)) as advance:
        for name, folder in folders.items():
            draw_specimens(name, folder, images=images)
            advance(1)
    report.say(f"drew specimens in the layouts of {', '.join(folders)} into {work}")
    build(Settings(raw=folders, work=work, out=out, is_specimen=True), report)
    return _load(out, work / "cache")


def _load(out: Path, cache: Path) -> list[dict[str, Any]]:
    """The rows of `CONFIG`; into a cache of their own, as `datasets` may give what is in a user's to any short call."""
    import datasets

    datasets.disable_progress_bars()
    loaded = datasets.load_dataset(str(out.resolve()), CONFIG, cache_dir=str(cache))
    return [row for split in loaded.values() for row in split]


def _require_demo_or_nothing(out: Path) -> None:
    if not out.exists():
        return
    configs = read_card(out)
    require_current(out, configs.values())
    for config in configs.values():
        if not all(are_specimens(config)):
            raise ReleaseError(f"{out} holds a release of real images; move it away, or run the demo with --out DIR")
