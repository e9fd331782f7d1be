"""Finds the raw releases that lie in a folder."""

from collections.abc import Container
from pathlib import Path

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.records import ClinicalImage
from dermasynth_builder.read.gate import images_of

SPECIMEN_MARK = ".specimens.json"
"""What a folder of drawn specimens holds, so that nobody takes them for images of people."""


def are_specimens(folder: Path) -> bool:
    """Whether the folder, or one in it, holds drawn specimens."""
    return (folder / SPECIMEN_MARK).exists() or any(folder.rglob(SPECIMEN_MARK))


def find_raw(here: Path) -> dict[str, Path]:
    """Source -> the folder of its raw release: one of its name, below `data` first, else another in `here`, or `here`.

    A folder is one source's. Several sources can read an export of the ISIC archive: it is that of the source whose
    attribution most images have. Folders with drawn specimens are passed over, the demo's among them. Reads tables and
    lists folders, and opens no image.
    """
    inside = (path for path in here.iterdir() if path.is_dir() and not path.name.startswith("."))
    others = sorted(path for path in inside if not are_specimens(path))
    folders: dict[str, Path] = {}
    for name in registry.SOURCES:
        of_its_name = (each / name for each in (here / "data", here, *others) if any(_images(each / name, name)))
        if folder := next(of_its_name, None):
            folders[name] = folder
    for folder in others if are_specimens(here) else (*others, here):
        if not any(_are_nested(folder, known) for known in folders.values()):
            folders |= _best_source(folder, folders)
    return {name: folders[name] for name in registry.SOURCES if name in folders}


def _are_nested(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def _best_source(folder: Path, known: Container[str]) -> dict[str, Path]:
    """The source whose images are in the folder, less those that have one; none where there is no image of any."""
    counts = {name: _images(folder, name) for name in registry.SOURCES if name not in known}
    best = max(counts, key=lambda name: counts[name], default=None)
    return {best: folder} if best and any(counts[best]) else {}


def _images(folder: Path, name: str) -> tuple[int, int]:
    """How many images with a file a source finds in a folder: those with its own attribution, and all."""
    source = registry.source(name)
    try:
        items = list(images_of(source, folder)) if folder.is_dir() and not are_specimens(folder) else []
    except SourceError:
        return 0, 0
    images = [item for item in items if isinstance(item, ClinicalImage) and item.path]
    return sum(image.attribution == source.attribution for image in images), len(images)
