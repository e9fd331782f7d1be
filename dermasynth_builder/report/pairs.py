"""Finds pairs of a release, and opens the image of one."""

import tempfile
import webbrowser
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from dermasynth_builder.core.errors import FigureError, UsageError
from dermasynth_builder.core.wording import did_you_mean
from dermasynth_builder.read.selection import Condition, conditions_of
from dermasynth_builder.release.columns import NAMES, TEXT_COLUMNS, flat
from dermasynth_builder.release.folder import ConfigFiles, read_card, require_current, sources_of
from dermasynth_builder.release.parquet import read_values, rows_where

FIELDS = tuple(name for name in NAMES if name != "messages")
_IDS = ("pair_id", "image_id")


def find_pairs(release: Path, wanted: str | None = None, where: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """The rows of a config (None: the first), or those of a pair or an image by its id; without their images, `flat`.

    `where` is as of a plan and takes any value of a row. Raises UsageError where nothing is found, and ReleaseError
    where there is no release.
    """
    configs = read_card(release)
    config = configs.get(wanted or next(iter(configs)))
    looked_in = [config] if config else sources_of(configs)
    require_current(release, looked_in)
    conditions = conditions_of(where, FIELDS)

    def fits(row: Mapping[str, Any]) -> bool:
        is_meant = config is not None or wanted in (row["pair_id"], row["image_id"])
        return is_meant and all(condition.holds(row[condition.field]) for condition in conditions)

    paths = [path for each in looked_in for path in each.paths]
    tested = [*_IDS, *(condition.field for condition in conditions)]
    found = rows_where(paths, fits, tested=tested, columns=TEXT_COLUMNS)
    first = next(found, None)
    if first is None:
        raise UsageError(f"{release}: {_why_nothing(looked_in, wanted, conditions, configs=configs)}")
    return map(flat, chain([first], found))


def _why_nothing(
    looked_in: Sequence[ConfigFiles],
    wanted: str | None,
    conditions: Sequence[Condition],
    *,
    configs: Mapping[str, ConfigFiles],
) -> str:
    """Why no pair was found, with the names or values that there are."""
    for condition in conditions:
        rows = (row for config in looked_in for row in read_values(config.paths, [condition.field]))
        for told in condition.unknown(row[condition.field] for row in rows):
            return f"--where: {told}"
    if wanted in configs or not wanted:
        return f"no pair fits {'; '.join(map(str, conditions))}"
    has = f"it has: {', '.join(configs)}{did_you_mean(wanted, configs)}"
    return f"no pair or image has the id {wanted!r}, and no config is called so; {has}"


def image_bytes(release: Path, pair: Mapping[str, Any]) -> bytes:
    """The image of a pair that was found, as a PNG or JPEG file."""
    paths = read_card(release)[pair["source"]].paths
    found = rows_where(paths, lambda row: row["pair_id"] == pair["pair_id"], tested=["pair_id"], columns=["image"])
    return bytes(next(found)["image"]["bytes"])


def open_image(content: bytes) -> Path:
    """Opens a PNG or JPEG image with the system's viewer, out of a new file that stays, and gives its path.

    Raises FigureError where there is no viewer.
    """
    suffix = ".jpg" if content.startswith(b"\xff\xd8") else ".png"
    with tempfile.NamedTemporaryFile(prefix="dermasynth-", suffix=suffix, delete=False) as file:
        file.write(content)
    path = Path(file.name)
    if not webbrowser.open(path.as_uri()):
        raise FigureError(f"found no program that opens images here; the image is in {path}")
    return path
