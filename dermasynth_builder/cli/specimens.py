"""The command `specimens`: a drawn raw release in a folder, in place of one that the same command drew before."""

import json
import shutil
from pathlib import Path
from typing import Any

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import PluginError, UsageError
from dermasynth_builder.read.find import SPECIMEN_MARK  # it holds the source and, when all is drawn, the files


def draw_specimens(source: str, folder: Path, *, images: int, layout: str | None = None) -> None:
    """Draws about `images` images and their tables in the layout, by default the source's first.

    Raises UsageError for a layout that the source has not, and for a folder with files that this did not write.
    """
    layouts = registry.specimen_layouts(source)
    if layout and layout not in layouts:
        known = ", ".join(layouts) or "one alone, which has no name"
        raise UsageError(f"--layout {layout}: {source} has no such layout; choose from: {known}")
    _clear(folder)
    folder.mkdir(parents=True, exist_ok=True)
    told = {"source": source}
    _write_mark(folder, told)
    chosen: dict[str, Any] = {"layout": layout} if layout else {}
    try:
        registry.specimens(source)(folder, images=images, **chosen)
    finally:
        _write_mark(folder, told | {"files": _files(folder)})


def layouts_text() -> str:
    """The layouts of every source that has specimens, for people."""
    lines = (f"  {name:<10} {_layouts_of(name)}" for name in registry.SPECIMENS)
    return "\n".join(["", "layouts, the default first:", *lines, ""])


def _layouts_of(name: str) -> str:
    try:
        return ", ".join(registry.specimen_layouts(name)) or "one alone"
    except PluginError as error:
        return str(error)


def _clear(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--to {folder}: it is a file; give a folder")
    found = sorted(folder.iterdir()) if folder.exists() else []
    if not found:
        return
    others = set(_files(folder)) - set(_marked(folder))
    if others:
        raise UsageError(
            f"--to {folder}: the folder holds files that `dermasynth specimens` did not write, for example "
            f"{min(others)}; give an empty one, or a new one"
        )
    for path in found:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _marked(folder: Path) -> list[str]:
    """The files that an earlier run wrote; none where there was no such run."""
    try:
        marked = json.loads((folder / SPECIMEN_MARK).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    files: list[str] = marked.get("files", _files(folder))  # a run that was killed had begun with none
    return files


def _write_mark(folder: Path, told: dict[str, Any]) -> None:
    (folder / SPECIMEN_MARK).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _files(folder: Path) -> list[str]:
    paths = (path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    return sorted(path.relative_to(folder).as_posix() for path in paths if path != folder / SPECIMEN_MARK)
