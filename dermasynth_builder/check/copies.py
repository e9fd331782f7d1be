"""Which images hold the same picture, and what follows: their groups are one, and in one split.

A picture is the same where the files are, where the decoded pixels are, or where one is a copy of the other (see
`core.images.near`). Groups that share a picture are one group, under the name of the first of them. An official test
part wins: where one image of such a group is in one, the whole group is test, so that nothing of it is trained on.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from dermasynth_builder.core.files import private
from dermasynth_builder.core.images.pictures import COPY, NearPictures
from dermasynth_builder.core.records import ClinicalImage, SharedGroup
from dermasynth_builder.core.ties import Ties

KINDS = {
    "file": "the same file",
    "pixels": "other files of the same pixels",
    "copy": "copies (encoded anew, scaled, turned or cropped)",
    "look": "so alike that a person should look",
}
Kind = Literal["file", "pixels", "copy", "look"]
GroupKey = tuple[str, str]  # source and group id

_ACROSS = ("diagnosis", "malignancy", "sex")  # facts that all sources word alike
_WITHIN = (*_ACROSS, "confirmation", "body_site", "age_years", "fitzpatrick", "is_melanocytic")
_PUBLIC = {("bcn20000", "train"): "ISIC 2019 training set"}
"""Source and official part -> the public challenge that holds exactly that part, by the ids of both."""
_MOST_TOLD = 5  # images that contradict one


class Match(NamedTuple):
    """Two images that hold the same picture, or, as "look", perhaps do."""

    kind: Kind
    first: ClinicalImage
    second: ClinicalImage
    likeness: float  # 1 where all pixels are the same


@dataclass(frozen=True, slots=True)
class Copies:
    """What a number of images have in common."""

    images: Sequence[ClinicalImage]  # in the order given, each with what it shares
    matches: Sequence[Match]  # of each picture so many as tie together what holds it
    joined: tuple[int, int] = (0, 0)  # groups that share a picture, and what they become
    moved_to_test: int = 0  # images outside official test parts whose group is test all the same

    @property
    def kinds(self) -> Counter[str]:
        """How many matches there are of each kind."""
        return Counter(match.kind for match in self.matches)

    @property
    def contradicted(self) -> int:
        """How many images have facts that another record of the same picture contradicts."""
        return sum(bool(image.contradictions) for image in self.images)

    def lines(self) -> Iterator[str]:
        """What a person should know of it; nothing where all pictures are distinct."""
        kinds = self.kinds
        yield from (f"pictures: {kinds[kind]:,} x {name}" for kind, name in KINDS.items() if kinds[kind])
        if self.joined[0]:
            yield f"pictures: {self.joined[0]:,} groups share some and are {self.joined[1]:,} now, each in one split"
        if self.moved_to_test:
            yield f"pictures: {self.moved_to_test:,} images are test, as they share one with an official test part"
        if self.contradicted:
            yield f"pictures: {self.contradicted:,} images have facts that another record of the same one contradicts"


def find_copies(images: Iterable[ClinicalImage], near: Iterable[NearPictures]) -> Copies:
    """What measured images share, those of all sources of a release taken together."""
    images = list(images)
    matches = list(_matches(sorted(images, key=_name), near))
    pictures: Ties[GroupKey] = Ties()
    groups: Ties[GroupKey] = Ties()
    for match in matches:
        if match.kind != "look":
            pictures.tie(_name(match.first), _name(match.second))
            groups.tie(_group(match.first), _group(match.second))
    same: dict[GroupKey, list[ClinicalImage]] = {}
    for name in sorted({_name(each) for match in matches for each in (match.first, match.second)}):
        same.setdefault(pictures.of(name), [])
    for image in sorted(images, key=_name):
        if (root := pictures.of(_name(image))) in same:
            same[root].append(image)
    shared = _shared_groups(images, groups)
    marked = [
        _marked(image, same.get(pictures.of(_name(image)), [image]), shared=shared, groups=groups) for image in images
    ]
    several = [group.groups for group in shared.values() if group.groups > 1]
    moved = sum(
        bool(image.shared and image.shared.official_split == "test" and image.official_split != "test")
        for image in marked
    )
    return Copies(marked, matches, (sum(several), len(several)), moved)


def write_matches(copies: Copies, path: Path) -> None:
    """Lists the matches, those to look at first and the likest of these first, as CSV."""
    order = sorted(copies.matches, key=lambda match: (match.kind != "look", -match.likeness))
    with private(path).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("kind", "likeness", "image", "other", "group", "other_group", "path", "other_path"))
        for kind, one, other, likeness in order:
            groups = one.group_id, other.group_id
            rows.writerow((kind, likeness, *map("/".join, (_name(one), _name(other))), *groups, one.path, other.path))


def _matches(images: Sequence[ClinicalImage], near: Iterable[NearPictures]) -> Iterator[Match]:
    by_file: dict[str, list[ClinicalImage]] = {}
    for image in images:
        if image.file:
            by_file.setdefault(image.file.sha256, []).append(image)
    by_pixels: dict[str, list[ClinicalImage]] = {}
    for same in by_file.values():
        yield from (Match("file", one, other, 1.0) for one, other in pairwise(same))
        if same[0].file:
            by_pixels.setdefault(same[0].file.pixel_sha256, []).append(same[0])
    for pixels, same in by_pixels.items():
        if pixels:
            yield from (Match("pixels", one, other, 1.0) for one, other in pairwise(same))
    for pair in near:
        if pair.first in by_pixels and pair.second in by_pixels:
            one, other = sorted((by_pixels[pair.first][0], by_pixels[pair.second][0]), key=_name)
            yield Match("copy" if pair.likeness >= COPY else "look", one, other, pair.likeness)


def _shared_groups(images: Iterable[ClinicalImage], groups: Ties[GroupKey]) -> dict[GroupKey, SharedGroup]:
    """The groups that are several, or that an official split divides, by the least of their names."""
    members: dict[GroupKey, set[GroupKey]] = {}
    parts: dict[GroupKey, set[str | None]] = {}
    for image in images:
        root = groups.of(_group(image))
        members.setdefault(root, set()).add(_group(image))
        parts.setdefault(root, set()).add(image.official_split)
    return {
        root: SharedGroup(root[0], _part(parts[root]), len(same))
        for root, same in members.items()
        if len(same) > 1 or len(parts[root]) > 1
    }


def _part(parts: set[str | None]) -> str | None:
    """Test wins; else any official part is one that test must not be drawn from."""
    return "test" if "test" in parts else next(iter(sorted(filter(None, parts))), None)


def _marked(
    image: ClinicalImage,
    same: Sequence[ClinicalImage],
    *,
    shared: Mapping[GroupKey, SharedGroup],
    groups: Ties[GroupKey],
) -> ClinicalImage:
    """The image with what it shares."""
    root = groups.of(_group(image))
    others = [other for other in same if other is not image]
    public = [name for key, name in _PUBLIC.items() if key == (image.source, image.official_split)]
    if not others and not public and root not in shared:
        return image
    return replace(
        image,
        group_id=root[1] if root in shared else image.group_id,
        shared=shared.get(root),
        also_in=(*("/".join(_name(other)) for other in others), *public),
        contradictions=tuple(_contradictions(image, others)),
    )


def _contradictions(image: ClinicalImage, others: Iterable[ClinicalImage]) -> Iterator[str]:
    """What other records of the same picture say otherwise: "diagnosis: melanoma here, nevus in hiba/ISIC_1"."""
    told = 0
    for other in others:
        found = [f"{name}: {here} here, {there}" for name, here, there in _differences(image, other)]
        if found and told < _MOST_TOLD:
            told += 1
            yield f"{'; '.join(found)} in {'/'.join(_name(other))}"


def _differences(image: ClinicalImage, other: ClinicalImage) -> Iterator[tuple[str, object, object]]:
    """Fact or group, what one record has, and what the other has."""
    is_within = image.source == other.source
    if is_within and image.group_id != other.group_id:
        yield "group", image.group_id, other.group_id
    for name in _WITHIN if is_within else _ACROSS:
        here, there = getattr(image.facts, name), getattr(other.facts, name)
        if None not in (here, there) and str(here).casefold() != str(there).casefold():
            yield name, here, there


def _name(image: ClinicalImage) -> GroupKey:
    return image.source, image.image_id


def _group(image: ClinicalImage) -> GroupKey:
    return image.source, image.group_id
