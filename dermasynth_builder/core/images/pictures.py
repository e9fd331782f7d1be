"""Keeps the small copies of pictures beside the image index, and finds which are copies of each other.

An SQLite file of its own, read only when pictures are compared. It too is a cache: what is not in it is decoded anew.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from dermasynth_builder.core.files import private
from dermasynth_builder.core.images.picture import THUMB_PX, Picture
from dermasynth_builder.core.records import Measured, digest

COPY = 0.985
"""Likeness from which on two pictures are taken for one."""
LOOK = 0.95
"""Likeness from which on two pictures are listed for a person to look at."""

METHOD = "eyes 2"
"""Of `core.images.eyes`; another whenever the same pixels may be measured otherwise."""

_TABLES = (
    "thumb_1 (pixel_sha256 PRIMARY KEY, levels)",
    "near_1 (pictures PRIMARY KEY, pairs)",
    "eyes_1 (pixel_sha256 PRIMARY KEY, method, measured)",
)
_FORM = "near 1"  # another where pictures are compared otherwise


class NearPictures(NamedTuple):
    """Two pictures that are alike, by their pixels' hashes."""

    first: str
    second: str
    likeness: float  # see `core.images.near`


class Pictures:
    """The pictures kept in the SQLite file `path`; opened at the first look, and to be closed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: sqlite3.Connection | None = None

    def keep(self, pictures: Iterable[Picture]) -> None:
        """Remembers them."""
        self._rows.executemany("INSERT OR REPLACE INTO thumb_1 VALUES (?, ?)", pictures)
        self._rows.commit()

    def lacking(self, pixel_sha256s: Iterable[str]) -> set[str]:
        """Those of which no copy is kept."""
        return set(pixel_sha256s).difference(each for (each,) in self._rows.execute("SELECT pixel_sha256 FROM thumb_1"))

    def found(self, pixel_sha256s: Iterable[str]) -> list[NearPictures] | None:
        """What `near` gave for these pictures before."""
        held = self._rows.execute("SELECT pairs FROM near_1 WHERE pictures = ?", (_key(pixel_sha256s),)).fetchone()
        return [NearPictures(*pair) for pair in json.loads(held[0])] if held else None

    def near(self, pixel_sha256s: Iterable[str]) -> list[NearPictures]:
        """Which of these pictures, all kept, are copies of each other or look so; found once, and remembered."""
        wanted = sorted(set(pixel_sha256s))
        pairs = self.found(wanted)
        if pairs is None:
            thumbs = dict(self._rows.execute("SELECT pixel_sha256, levels FROM thumb_1"))
            pairs = near_pictures({each: thumbs[each] for each in wanted})
            self._rows.execute("INSERT OR REPLACE INTO near_1 VALUES (?, ?)", (_key(wanted), json.dumps(pairs)))
            self._rows.commit()
        return pairs

    def keep_measured(self, measured: Mapping[str, tuple[Measured, ...]]) -> None:
        """Remembers what was measured on pictures, by their pixels' hashes."""
        rows = [(pixel_sha256, METHOD, json.dumps(found)) for pixel_sha256, found in measured.items()]
        self._rows.executemany("INSERT OR REPLACE INTO eyes_1 VALUES (?, ?, ?)", rows)
        self._rows.commit()

    def measured(self, pixel_sha256s: Iterable[str]) -> dict[str, tuple[Measured, ...]]:
        """What was measured on these pictures with the present method; those never measured are left out."""
        wanted = set(pixel_sha256s)
        rows = self._rows.execute("SELECT pixel_sha256, measured FROM eyes_1 WHERE method = ?", (METHOD,))
        return {name: tuple(Measured(*each) for each in json.loads(found)) for name, found in rows if name in wanted}

    def close(self) -> None:
        """Closes the file."""
        if self._opened:
            self._opened.close()
        self._opened = None

    @property
    def _rows(self) -> sqlite3.Connection:
        """The file with its tables; a broken one is made anew."""
        if self._opened is None:
            try:
                self._opened = _connected(self._path)
            except sqlite3.DatabaseError:
                self._path.unlink()
                self._opened = _connected(self._path)
        return self._opened


def _connected(path: Path) -> sqlite3.Connection:
    rows = sqlite3.connect(private(path), timeout=60)
    try:
        rows.execute("PRAGMA synchronous = OFF")  # what a crash of the machine takes is decoded anew
        for table in _TABLES:
            rows.execute(f"CREATE TABLE IF NOT EXISTS {table}")
        if rows.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError(f"{path} is damaged")
    except sqlite3.DatabaseError:
        rows.close()
        raise
    return rows


def _key(pixel_sha256s: Iterable[str]) -> str:
    return digest([sorted(set(pixel_sha256s)), _FORM])


def near_pictures(thumbs: Mapping[str, bytes]) -> list[NearPictures]:
    """Which pictures are alike, given their small copies by the hash of their pixels."""
    import numpy as np

    from dermasynth_builder.core.images.near import find_near  # numpy takes its time to load

    names = sorted(thumbs)
    levels = np.frombuffer(b"".join(thumbs[each] for each in names), np.uint8)
    found = find_near(levels.reshape(-1, THUMB_PX, THUMB_PX))
    return [NearPictures(names[each.first], names[each.second], each.likeness) for each in found]
