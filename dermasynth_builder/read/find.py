"""Finds the raw releases that lie in a folder."""

import os
from collections.abc import Iterator
from pathlib import Path

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import NoReleaseError, SourceError
from dermasynth_builder.core.records import ClinicalImage
from dermasynth_builder.read.gate import images_of

SPECIMEN_MARK = ".specimens.json"
"""What a folder of drawn specimens holds, so that nobody takes them for images of people."""


def are_specimens(folder: Path) -> bool:
    """Whether the folder, one in it or one around it holds drawn specimens."""
    around = (folder.absolute(), *folder.absolute().parents)
    return any((each / SPECIMEN_MARK).exists() for each in around) or any(folder.rglob(SPECIMEN_MARK))


def find_raw(here: Path) -> dict[str, Path]:
    """Source -> the folder of its raw release: one of its name, below `data` first, else another in `here`, or `here`.

    Reads tables and lists folders, and opens no image. A release that cannot be read is passed over, and so are drawn
    specimens, the demo's among them.
    """
    found = {}
    for name in registry.SOURCES:
        for place in _places(here, name):
            try:
                folder = _release_in(place, name)
            except SourceError:
                continue
            if folder:
                found[name] = folder
                break
    return found


def raw_in(folder: Path) -> dict[str, Path]:
    """Source -> the folder of its raw release, for all that lie in the folder, under whatever names.

    Raises SourceError where one of them cannot be read, or where what has the name of a source is none of it.
    """
    found = {}
    for name in registry.SOURCES:
        try:
            place = _release_in(folder, name)
        except NoReleaseError:
            if (folder / name).is_dir() and any((folder / name).iterdir()):
                raise
            continue
        if place:
            found[name] = place
    return found


def _places(here: Path, name: str) -> Iterator[Path]:
    """Where a release may lie that is not of drawn specimens."""
    folders = sorted(path for path in here.iterdir() if path.is_dir() and not path.name.startswith("."))
    for place in (here / "data" / name, here / name, *folders, here):
        if place.is_dir() and not are_specimens(place):
            yield place


def _release_in(folder: Path, name: str) -> Path | None:
    """The deepest folder with the tables and all images of a release; None where no image is on disk.

    Raises SourceError as `Source.read`.
    """
    items = images_of(registry.source(name), folder)
    with_file = [item for item in items if isinstance(item, ClinicalImage) and item.path]
    if not with_file:
        return None
    tables = {image.row_location.rpartition(", line ")[0] for image in with_file}
    inside = folder / name if all((folder / name / table).is_file() for table in tables) else folder
    paths = [*(inside / table for table in tables), *(image.path for image in with_file if image.path)]
    return Path(os.path.commonpath([path.parent for path in paths]))
