"""Measures image files (sha256, format, mode, size, pixels) and remembers them between runs.

The index is an SQLite file keyed by path; a file whose size or modification time has changed is measured
again. It is a cache: a lost or broken index costs time, never data.
"""

import hashlib
import os
import sqlite3
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from dermasynth_builder.core.files import private, private_folder
from dermasynth_builder.core.images.picture import Picture, picture_of
from dermasynth_builder.core.images.pictures import COPY, NearPictures, Pictures, near_pictures
from dermasynth_builder.core.images.strip import require_whole
from dermasynth_builder.core.records import ClinicalImage, ImageFile, Measured, Problem, ProblemKind

# The number changes with the columns and with what counts as usable, so that no version reads another's rows.
_TABLE = "image_4"
_COLUMNS = ("path", *ImageFile._fields)
_COMMIT_EVERY_S = 1.0
_TOGETHER = 32  # files measured at once, in threads: decoding leaves Python's lock
# The only formats that a file may have, whatever its name says; Pillow hands some others to outside programs.
_FORMATS = ("PNG", "JPEG")
_UNREAD_FORMATS = ("BMP", "TIFF", "WEBP")  # known by name, so that a user can be told what to do
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
# What Pillow raises for files that are cut, mangled or hostile; all mean that the image cannot be used.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, Image.DecompressionBombError)

Outcome = ImageFile | str  # a measured file, or what is wrong with it


class ImageIndex:
    """What is known of image files, kept in the SQLite file `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pictures = path.with_name(f"{path.stem}-pictures{path.suffix}")
        private_folder(path.parent)

    def measure(
        self, images: Iterable[ClinicalImage], advance: Callable[[int], object] = lambda _: None
    ) -> Iterator[ClinicalImage | Problem]:
        """Each image with its `file`, or a problem where the file is broken; in the order given.

        `advance` is called with 1 for every image. An image without a path passes as it is.
        """
        images = iter(images)
        with (
            closing(_opened(self._path)) as rows,
            closing(Pictures(self._pictures)) as pictures,
            ThreadPoolExecutor() as pool,
        ):
            while batch := list(islice(images, _TOGETHER)):
                held = {image.path: rows.held(image.path) for image in batch if image.path}
                new = [path for path, file in held.items() if not file]
                measured = dict(zip(new, pool.map(_looked_at, new), strict=True))
                if new:
                    pictures.keep(found[1] for found in measured.values() if not isinstance(found, str))
                for image in batch:
                    yield _measured(image, held.get(image.path), measured, rows=rows) if image.path else image
                    advance(1)

    def look(
        self, images: Sequence[ClinicalImage], advance: Callable[[int], object] = lambda _: None
    ) -> list[ClinicalImage]:
        """These measured images with what `core.images.eyes` finds on their pixels, in order.

        Found once for the same pixels, and remembered. Where a file cannot be read any more, nothing is found.
        """
        by_picture = {image.file.pixel_sha256: image.path for image in images if image.file and image.path}
        with closing(Pictures(self._pictures)) as pictures, ThreadPoolExecutor() as pool:
            found = pictures.measured(by_picture)
            advance(len(found))
            new = iter(sorted(by_picture.keys() - found.keys()))
            while batch := list(islice(new, _TOGETHER)):
                seen = zip(batch, pool.map(_seen, (by_picture[each] for each in batch)), strict=True)
                known = {name: measured for name, measured in seen if measured is not None}
                pictures.keep_measured(known)
                found |= known
                advance(len(batch))
        return [
            replace(image, measured=found.get(image.file.pixel_sha256, ())) if image.file else image for image in images
        ]

    def near(self, images: Iterable[ClinicalImage]) -> list[NearPictures]:
        """Which pictures of these measured images are copies of each other, or look so.

        Found once for the same pictures, and remembered.
        """
        by_picture = {image.file.pixel_sha256: image.path for image in images if image.file and image.path}
        with closing(Pictures(self._pictures)) as pictures, ThreadPoolExecutor() as pool:
            if (found := pictures.found(by_picture)) is not None:
                return found
            lost = [by_picture[each] for each in sorted(pictures.lacking(by_picture))]
            pictures.keep(found[1] for found in pool.map(_looked_at, lost) if not isinstance(found, str))
            return pictures.near(by_picture.keys() - pictures.lacking(by_picture))


def measure_file(path: Path) -> Outcome:
    """What the file's bytes and pixels say, or why it cannot be used: it is cut off, damaged or no image."""
    found = _looked_at(path)
    return found if isinstance(found, str) else found[0]


def largest_copy(paths: Sequence[Path]) -> Path | None:
    """The file with the most pixels, where all show the same picture, whatever its size; None where they do not.

    Of equal size the first counts.
    """
    looked_at = [found for path in paths if not isinstance(found := _looked_at(path), str)]
    if len(looked_at) < len(paths):
        return None
    thumbs = {picture.pixel_sha256: picture.thumb for _, picture in looked_at}
    ties = [pair for pair in near_pictures(thumbs) if pair.likeness >= COPY]
    tied = {looked_at[0][1].pixel_sha256}
    for _ in ties:
        tied |= {each for pair in ties if tied & {*pair[:2]} for each in pair[:2]}
    if tied != set(thumbs):
        return None
    sizes = [file.width_px * file.height_px for file, _ in looked_at]
    return paths[sizes.index(max(sizes))]


def _looked_at(path: Path) -> tuple[ImageFile, Picture] | str:
    try:
        stat, content = path.stat(), path.read_bytes()  # in this order: a later writer shows
        with Image.open(BytesIO(content), formats=_FORMATS) as image:
            name, mode, (width_px, height_px) = image.format or "", image.mode, image.size
            _require_whole(content)
            picture = picture_of(image)
    except UnidentifiedImageError:
        return _unread(content)
    except _BROKEN as error:
        return f"{type(error).__name__}: {error}"
    digest = hashlib.sha256(content).hexdigest()
    size, time_ns = stat.st_size, stat.st_mtime_ns
    return ImageFile(digest, name, mode, width_px, height_px, size, time_ns, picture.pixel_sha256), picture


def _seen(path: Path) -> tuple[Measured, ...] | None:
    """What is measured on the pixels of a file; None where they cannot be read."""
    from dermasynth_builder.core.images.eyes import measured_on  # numpy takes its time to load

    try:
        with Image.open(path, formats=_FORMATS) as image:
            return measured_on(image)
    except _BROKEN:
        return None


def _unread(content: bytes) -> str:
    """What is wrong with a file that is neither a PNG nor a JPEG."""
    try:
        with Image.open(BytesIO(content), formats=_UNREAD_FORMATS) as image:
            return f"a {image.format} image; convert it to {' or '.join(_FORMATS)}"
    except _BROKEN:
        return f"empty, broken in its header or no image at all: it opens as neither {' nor '.join(_FORMATS)}"


def _require_whole(content: bytes) -> None:
    """Raises one of `_BROKEN` for an image that is cut off or whose checksums are wrong, if its pixels do not tell."""
    if content.startswith(_JPEG_START) and content.endswith(_JPEG_END):
        return
    require_whole(content)  # which holds a PNG's checksums to its bytes, and meets the end of a JPEG


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
    location = f"{_key(image.path or Path(image.file_name))} ({image.row_location})"
    return Problem(ProblemKind.BROKEN_IMAGE, location, fault)


def is_unchanged(path: Path, file: ImageFile) -> bool:
    """Whether the file still has the size and the time that it had when it was measured."""
    try:
        stat = path.stat()
    except OSError:
        return False
    return stat.st_mtime_ns == file.mtime_ns and stat.st_size == file.size_bytes


def _key(path: Path) -> str:
    """The whole path as text; bytes that are no UTF-8 are spelled out."""
    text = str(path.absolute())
    return text if text.isascii() else os.fsencode(text).decode(errors="backslashreplace")


def _measured(
    image: ClinicalImage,
    held: ImageFile | None,
    looked_at: Mapping[Path, tuple[ImageFile, Picture] | str],
    *,
    rows: "_Rows",
) -> ClinicalImage | Problem:
    path = image.path or Path()
    found = looked_at.get(path)
    if isinstance(found, str):  # not kept: a broken file is looked at again
        return broken_image(image, found)
    if found:
        rows.keep(path, found[0])
    return replace(image, file=found[0] if found else held)


class _Rows:
    """The rows of an index, all in memory. Raises sqlite3.DatabaseError where the file is none."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(private(path), timeout=60)
        columns = ", ".join(_COLUMNS)
        keyed = columns.replace("path", "path PRIMARY KEY", 1)
        try:
            # Without a rowid the table is its only tree: whoever reads all of it has met every broken page.
            self._connection.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE} ({keyed}) WITHOUT ROWID")
            rows = self._connection.execute(f"SELECT {columns} FROM {_TABLE}")  # noqa: S608 - constants
            self._files: dict[str, tuple[Any, ...]] = {row[0]: row for row in rows}  # most are of other sources
        except sqlite3.DatabaseError:
            self._connection.close()
            raise
        self._committed_at = time.monotonic()

    def held(self, path: Path) -> ImageFile | None:
        """What is known of a file, if it still holds."""
        row = self._files.get(_key(path))
        file = ImageFile._make(row[1:]) if row else None
        return file if file and is_unchanged(path, file) else None

    def keep(self, path: Path, file: ImageFile) -> None:
        """Remembers a file; one that is killed loses what it has learned in its last second."""
        key = _key(path)
        self._files[key] = (key, *file)
        marks = ", ".join("?" * len(_COLUMNS))
        self._connection.execute(f"INSERT OR REPLACE INTO {_TABLE} VALUES ({marks})", (key, *file))  # noqa: S608 - constants
        if time.monotonic() - self._committed_at > _COMMIT_EVERY_S:
            self._connection.commit()
            self._committed_at = time.monotonic()

    def close(self) -> None:
        """Keeps all."""
        self._connection.commit()
        self._connection.close()


def _opened(path: Path) -> _Rows:
    try:
        return _Rows(path)
    except sqlite3.DatabaseError:  # a broken index: a cache is made anew
        path.unlink()
        return _Rows(path)
