"""Which group of images goes into which split or fold: whole groups, and each diagnosis in the shares asked for."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from dermasynth_builder.core.records import ClinicalImage, SharedGroup, Split, share_of

Part = TypeVar("Part", bound=Hashable)


def splits_of(images: Sequence[ClinicalImage], seed: int, shares: tuple[float, float, float]) -> dict[str, Split]:
    """Group -> split, for all groups of one source; it depends on which images there are.

    Where the release parts train and test itself, its test is ours, and validation is taken from its train. A group of
    which any image is in that test is in ours as a whole.
    """
    shared = {image.group_id: image.shared for image in images if image.shared}
    drawn = {group: _drawn(group, each, seed=seed, shares=shares) for group, each in shared.items()}
    images = [image for image in images if image.group_id not in drawn]
    groups, official, order = _diagnoses_by_group(images), _official_splits(images), _order(images, seed, "split")
    train, validation, test = shares
    kept = train + validation
    free = {group: found for group, found in groups.items() if group not in official}
    trained = {group: found for group, found in groups.items() if official.get(group) == "train"}
    parts: list[tuple[Split, float]] = [("test", test), ("validation", validation), ("train", train)]
    within: list[tuple[Split, float]] = [
        ("validation", validation / kept if kept else 0.0),
        ("train", train / kept if kept else 1.0),
    ]
    tested: dict[str, Split] = {group: "test" for group in groups if official.get(group) == "test"}
    return drawn | tested | stratified(free, parts, order) | stratified(trained, within, order)


def _drawn(group: str, shared: SharedGroup, *, seed: int, shares: tuple[float, float, float]) -> Split:
    """The split of a group that shares a picture with another, maybe of another source: by a hash, alike in each."""
    if shared.official_split == "test":
        return "test"
    train, validation, _ = shares
    kept = train + validation
    whole = kept if shared.official_split else 1.0  # what its split is drawn from
    share = whole * share_of(seed, shared.source, "split", group)
    if share < train or not kept:
        return "train"
    return "validation" if share < kept else "test"


def folds_of(images: Sequence[ClinicalImage], seed: int, count: int) -> dict[str, int]:
    """Group -> fold from 0, for all groups of one source, whatever split they are in."""
    shared = {image.group_id: image.shared for image in images if image.shared}
    drawn = {group: int(count * share_of(seed, each.source, "fold", group)) for group, each in shared.items()}
    others = [image for image in images if image.group_id not in drawn]
    parts = [(fold, 1 / count) for fold in range(count)]
    return drawn | stratified(_diagnoses_by_group(others), parts, _order(others, seed, "fold"))


def stratified(
    groups: Mapping[str, Counter[str | None]],
    parts: Sequence[tuple[Part, float]],
    order: Callable[[str], float],
) -> dict[str, Part]:
    """Group -> part, so that each part holds its share of the images of every diagnosis, as near as whole groups can.

    Groups with a rarer diagnosis are placed first, of one diagnosis the larger, and equal ones in their order; each
    where the square of what is missing or too much, over what is wanted, grows least, and where that is alike, in the
    first of the parts. From about ten groups on, a diagnosis reaches a part of a twentieth.
    """
    total: Counter[str | None] = sum(groups.values(), Counter())
    images = {part: share * total.total() for part, share in parts if share > 0}
    wanted = {part: {name: share * count for name, count in total.items()} for part, share in parts if share > 0}
    held: dict[Part, Counter[str | None]] = defaultdict(Counter)

    def strain(part: Part, brought: Counter[str | None]) -> float:
        """How much the part's distance from what is wanted grows: for each diagnosis, and as much for all together."""
        of_diagnoses = sum(_growth(n, held[part][name], wanted[part][name]) for name, n in brought.items())
        return of_diagnoses + len(total) * _growth(brought.total(), held[part].total(), images[part])

    def place(group: str) -> tuple[int, str, int, float, str]:
        rarest = min(groups[group], key=lambda name: (total[name], name or ""))
        return total[rarest], rarest or "", -sum(groups[group].values()), order(group), group

    found: dict[str, Part] = {}
    for group in sorted(groups, key=place):
        found[group] = min(wanted, key=lambda part: strain(part, groups[group]))
        held[found[group]].update(groups[group])
    return found


def _growth(count: int, held: int, wanted: float) -> float:
    """How much the square of what is missing or too much, over what is wanted, grows by so many more."""
    return count * (2 * (held - wanted) + count) / wanted


def _order(images: Sequence[ClinicalImage], seed: int, what: str) -> Callable[[str], float]:
    """The order of groups: by a hash, so that a group keeps its place when others come or go."""
    source = images[0].source if images else ""
    return lambda group: share_of(seed, source, what, group)


def _diagnoses_by_group(images: Iterable[ClinicalImage]) -> dict[str, Counter[str | None]]:
    found: dict[str, Counter[str | None]] = defaultdict(Counter)
    for image in images:
        facts = image.facts
        found[image.group_id][facts.diagnosis or next(iter(facts.differential), None)] += 1
    return found


def _official_splits(images: Iterable[ClinicalImage]) -> dict[str, Split]:
    """Group -> train or test, of the groups that the release itself has placed; test where it says both."""
    found: dict[str, Split] = {}
    for image in images:
        if image.official_split:
            is_test = image.official_split == "test" or found.get(image.group_id) == "test"
            found[image.group_id] = "test" if is_test else "train"
    return found
