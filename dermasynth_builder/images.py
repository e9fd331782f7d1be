"""Effect: measures image files (sha256, format, mode, size) and remembers them between runs.

The index is an SQLite file keyed by path; a file whose size or modification time has changed is measured
again. It is a cache: a lost or broken index costs time, never data.
"""

import hashlib
import os
import sqlite3
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import astuple, fields, replace
from io import BytesIO
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from dermasynth_builder.records import ClinicalImage, ImageFile, Problem, ProblemKind
from dermasynth_builder.stripping import strip

# One row an image; `broken` says why a file cannot be used, and then the other columns are empty.
_TABLE = "image_1"  # the number changes with the columns, so that no version reads another's rows
_COLUMNS = ("path", *(field.name for field in fields(ImageFile)), "broken")
_COMMIT_EVERY_S = 1.0
# The only formats that a file may have, whatever its name says; Pillow hands some others to outside programs.
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
# What Pillow raises for files that are cut, mangled or hostile; all mean that the image cannot be used.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, Image.DecompressionBombError)

Outcome = ImageFile | str  # a measured file, or what is wrong with it


class ImageIndex:
    """What is known of image files, kept in the SQLite file `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def measure(
        self, images: Sequence[ClinicalImage], advance: Callable[[int], object] = lambda _: None
    ) -> Iterator[ClinicalImage | Problem]:
        """Each image with its `file`, or a problem where the file is broken; in the order given.

        `advance` is called with 1 for every image. An image without a path passes as it is.
        """
        connection, known = _opened(self._path)
        keys = [_key(image.path) if image.path else "" for image in images]
        paths = {key: image.path for image, key in zip(images, keys, strict=True) if image.path}
        unmeasured = {key: path for key, path in paths.items() if not _holds(known.get(key), path)}
        with closing(connection):
            committed_at = time.monotonic()
            try:
                for image, key in zip(images, keys, strict=True):
                    if path := unmeasured.pop(key, None):
                        known[key] = measure_file(path)
                        _keep(connection, key, known[key])
                    yield _measured(image, known.get(key))
                    advance(1)
                    if time.monotonic() - committed_at > _COMMIT_EVERY_S:
                        connection.commit()
                        committed_at = time.monotonic()
            finally:
                connection.commit()


def measure_file(path: Path) -> Outcome:
    """What the file's bytes say, or why it cannot be used: its header, its end or a checksum is broken."""
    try:
        with path.open("rb", buffering=0) as file:
            stat = os.fstat(file.fileno())
            content = file.read(stat.st_size + 1)
        with Image.open(BytesIO(content), formats=_FORMATS) as image:
            name, mode, (width_px, height_px) = image.format or "", image.mode, image.size
            _require_whole(image, content)
    except UnidentifiedImageError:
        return f"empty, broken in its header or no image at all: it opens as none of {', '.join(_FORMATS)}"
    except _BROKEN as error:
        return f"{type(error).__name__}: {error}"
    digest = hashlib.sha256(content).hexdigest()
    return ImageFile(digest, name, mode, width_px, height_px, stat.st_size, stat.st_mtime_ns)


def _require_whole(image: Image.Image, content: bytes) -> None:
    """Raises one of `_BROKEN` for an image that is cut off or whose checksums are wrong."""
    if content.startswith(_JPEG_START) and content.endswith(_JPEG_END):
        return
    strip(content)  # which holds a PNG's checksums to its bytes, and meets the end of others
    if image.format != "PNG":
        image.load()  # decodes all: slow, and needed only where no end mark tells that the file is whole


def decode_file(path: Path) -> str | None:
    """What is wrong with the file's pixels, all of them decoded; None where nothing is.

    Takes 5 (JPEG) to 30 (PNG) ms a megapixel. What is lost inside a JPEG its decoder fills with grey, without a word.
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            image.load()
    except _BROKEN as error:
        return f"{type(error).__name__}: {error}"
    return None


def broken_image(image: ClinicalImage, fault: str) -> Problem:
    """The problem of an image whose file cannot be used."""
    place = f"{_key(image.path or Path(image.file_name))} ({image.row_place})"
    return Problem(ProblemKind.BROKEN_IMAGE, place, fault)


def _holds(earlier: Outcome | None, path: Path) -> bool:
    """Whether what is known of a file still holds; a broken one is looked at again."""
    return isinstance(earlier, ImageFile) and is_unchanged(path, earlier)


def is_unchanged(path: Path, file: ImageFile) -> bool:
    """Whether the file still has the size and the time that it had when it was measured."""
    try:
        stat = path.stat()
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (file.size_bytes, file.mtime_ns)


def _key(path: Path) -> str:
    """The whole path as text; bytes that are no UTF-8 are spelled out."""
    return os.fsencode(path.absolute()).decode(errors="backslashreplace")


def _measured(image: ClinicalImage, outcome: Outcome | None) -> ClinicalImage | Problem:
    return broken_image(image, outcome) if isinstance(outcome, str) else replace(image, file=outcome)


def _opened(path: Path) -> tuple[sqlite3.Connection, dict[str, Outcome]]:
    try:
        return _read(path)
    except sqlite3.DatabaseError:  # a broken index: a cache is made anew
        path.unlink()
        return _read(path)


def _read(path: Path) -> tuple[sqlite3.Connection, dict[str, Outcome]]:
    connection = sqlite3.connect(path, timeout=60)
    columns = ", ".join(_COLUMNS).replace("path", "path PRIMARY KEY", 1)
    try:
        # Without a rowid the table is its only tree: whoever reads all of it has met every broken page.
        connection.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE} ({columns}) WITHOUT ROWID")
        return connection, _known(connection)
    except sqlite3.DatabaseError:
        connection.close()
        raise


def _known(connection: sqlite3.Connection) -> dict[str, Outcome]:
    known: dict[str, Outcome] = {}
    for path, *columns, broken in connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM {_TABLE}"):  # noqa: S608 - constants
        known[path] = ImageFile(*columns) if broken is None else broken
    return known


def _keep(connection: sqlite3.Connection, path: str, outcome: Outcome) -> None:
    empty = (None,) * len(fields(ImageFile))
    row = (path, *empty, outcome) if isinstance(outcome, str) else (path, *astuple(outcome), None)
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT OR REPLACE INTO {_TABLE} VALUES ({marks})", row)  # noqa: S608 - constants
