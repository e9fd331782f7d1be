"""Holds a split list against groups, lesions and pictures: what its parts share with each other.

A list names images by id or file name, with or without a part for each: a CSV table (any column, any separator), or a
text with a name a line. One without parts is taken for a test set, and all other images for what is trained on.
"""

import csv
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dermasynth_builder.check.assemble import ReleaseTerms, split_of
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.records import ClinicalImage, share_of
from dermasynth_builder.read.tables import IMAGE_SUFFIXES

PARTS = {
    **dict.fromkeys(("train", "training", "trainval", "tr"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "vl"), "validation"),
    **dict.fromkeys(("test", "testing", "te", "holdout", "held-out"), "test"),
}
LISTED, REST = "test", "not listed"
FOLDS = 5
_SEPARATORS = ",;\t"


@dataclass(frozen=True, slots=True)
class SplitList:
    """What a list says."""

    parts: Mapping[str, frozenset[str]]  # part -> keys of images, see `key_of`
    rows: int  # that name an image at all
    unknown: Sequence[str]  # names that no image at hand has
    is_parted: bool  # False: all of it is taken for a test set


@dataclass(frozen=True, slots=True)
class PartLeaks:
    """What one part of a list shares with all other parts."""

    part: str
    images: int
    in_others_too: int  # the very same image, listed twice
    of_group: int  # images whose patient (or lesion or case, where no patient is known) is in another part
    of_lesion: int | None  # None: no lesions are recorded
    of_picture: int | None  # whose picture, or a copy of it, is in another part; None: no image of it is on disk
    compared: int  # images of the part whose pictures could be compared


@dataclass(frozen=True, slots=True)
class Leaks:
    """What a list comes to."""

    path: str
    rows: int
    unknown: int
    first_unknown: Sequence[str]
    is_parted: bool
    parts: Sequence[PartLeaks]


def key_of(name: str) -> str:
    """A file name or an id as it is compared: without folders and image suffix, in lower case."""
    stem = name.strip().replace("\\", "/").rpartition("/")[2].lower()
    front, dot, suffix = stem.rpartition(".")
    return front if front and dot + suffix in IMAGE_SUFFIXES else stem


def read_list(path: Path, images: Iterable[ClinicalImage]) -> SplitList:
    """The list in terms of these images. Raises UsageError where it names none of them."""
    known = {key_of(image.image_id) for image in images}
    rows = table_of(path)
    width = max(map(len, rows), default=0)
    columns = [[row[place] if place < len(row) else "" for row in rows] for place in range(width)]
    found = [sum(key_of(cell) in known for cell in column) for column in columns]
    if not any(found):
        raise UsageError(f"{path} names no image of the sources at hand; give the sources that it is of, with --raw")
    names = columns[found.index(max(found))]
    parts = next((column for column in columns if _are_parts(column[1:])), None)
    first = 0 if key_of(names[0]) in known else 1
    told: dict[str, set[str]] = {}
    for place in range(first, len(rows)):
        part = PARTS.get(parts[place].strip().lower(), parts[place].strip()) if parts else LISTED
        if key_of(names[place]) in known:
            told.setdefault(part, set()).add(key_of(names[place]))
    unknown = [name for name in names[first:] if name.strip() and key_of(name) not in known]
    listed = sum(bool(name.strip()) for name in names[first:])
    return SplitList({part: frozenset(keys) for part, keys in told.items()}, listed, unknown, parts is not None)


def table_of(path: Path) -> list[list[str]]:
    """The cells of a list, row by row. Raises UsageError where it is no text."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{path} cannot be read as a list of images: {error}") from error
    head = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=head.count)
    return [row for row in csv.reader(text.splitlines(), delimiter=separator) if any(cell.strip() for cell in row)]


def _are_parts(cells: Sequence[str]) -> bool:
    """Whether a column says to which part each row belongs."""
    return bool(cells) and all(cell.strip().lower() in PARTS for cell in cells)


def leaks_of(path: Path, images: Sequence[ClinicalImage], pictures: Mapping[str, str]) -> Leaks:
    """What the parts of the list share; `pictures` holds what stands for the picture of each image on disk, by key."""
    told = read_list(path, images)
    by_key = {key_of(image.image_id): image for image in images}
    parts = dict(told.parts)
    if not told.is_parted:
        parts[REST] = frozenset(by_key.keys() - parts[LISTED])
    made = [
        _part_leaks(part, parts, by_key=by_key, pictures=pictures)
        for part in sorted(parts, key=lambda name: (name != LISTED, name))
        if part not in ("train", REST)
    ]
    return Leaks(str(path), told.rows, len(told.unknown), told.unknown[:3], told.is_parted, made)


def _part_leaks(
    part: str,
    parts: Mapping[str, frozenset[str]],
    *,
    by_key: Mapping[str, ClinicalImage],
    pictures: Mapping[str, str],
) -> PartLeaks:
    own = parts[part]
    others = {key for name, keys in parts.items() if name != part for key in keys}

    def shared(trait: Callable[[str], Hashable | None]) -> int:
        there = {trait(key) for key in others} - {None}
        return sum(trait(key) in there for key in own)

    def lesion(key: str) -> Hashable | None:
        image = by_key[key]
        return (image.source, image.lesion_id) if image.lesion_id else None

    compared = sum(key in pictures for key in own)
    return PartLeaks(
        part=part,
        images=len(own),
        in_others_too=len(own & others),
        of_group=shared(lambda key: (by_key[key].source, by_key[key].group_id)),
        of_lesion=shared(lesion) if any(map(lesion, own)) else None,
        of_picture=shared(pictures.get) if compared else None,
        compared=compared,
    )


def pictures_of(images: Iterable[ClinicalImage]) -> dict[str, str]:
    """What stands for the picture of each image that was compared, see `check.copies`: the first name that holds it."""
    names = {}
    for image in images:
        if image.file:
            own = f"{image.source}/{image.image_id}"
            names[key_of(image.image_id)] = min([own, *(name for name in image.also_in if "/" in name)])
    return names


def write_splits(images: Iterable[ClinicalImage], terms: ReleaseTerms, folder: Path) -> Counter[str]:
    """Writes `<folder>/<source>.csv` with id, group, fold and split of every image; gives the images of each source.

    No group, and no picture that was compared, is in two folds or two splits. Folds are 1 to 5.
    """
    by_source: dict[str, list[ClinicalImage]] = {}
    for image in images:
        by_source.setdefault(image.source, []).append(image)
    folder.mkdir(parents=True, exist_ok=True)
    for source, own in by_source.items():
        with (folder / f"{source}.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("id", "group", "fold", "split"))
            for image in sorted(own, key=lambda each: each.image_id):
                rows.writerow((image.image_id, image.group_id, _fold(image, terms), split_of(image, terms)))
    return Counter({source: len(own) for source, own in by_source.items()})


def _fold(image: ClinicalImage, terms: ReleaseTerms) -> int:
    drawn_as = image.shared.source if image.shared else image.source
    return 1 + int(FOLDS * share_of(terms.seed, drawn_as, "fold", image.group_id))
