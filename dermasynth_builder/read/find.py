"""Finds the raw releases that lie in a folder."""

from collections.abc import Iterator
from pathlib import Path

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.records import ClinicalImage
from dermasynth_builder.read.gate import images_of


def find_raw(here: Path) -> dict[str, Path]:
    """Source -> the folder of its raw release: one of its name, below `data` first, else `here` or a folder in it.

    Reads tables and lists folders, and opens no image.
    """
    found = {}
    for name in registry.SOURCES:
        if folder := next((each for each in _places(here, name) if _holds(name, each)), None):
            found[name] = folder
    return found


def _places(here: Path, name: str) -> Iterator[Path]:
    yield from (here / "data" / name, here / name)
    folders = sorted(path for path in here.iterdir() if path.is_dir() and not path.name.startswith("."))
    yield from folders
    yield here


def _holds(name: str, folder: Path) -> bool:
    """Whether the folder holds a release of the source with one image or more."""
    if not folder.is_dir():
        return False
    try:
        items = images_of(registry.source(name), folder)
        return any(isinstance(item, ClinicalImage) and item.path for item in items)
    except SourceError:
        return False
