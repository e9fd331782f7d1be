"""Images of one lesion are of one group, whatever a table says of their patients."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from dermasynth_builder.core.records import ClinicalImage, Problem, ProblemKind
from dermasynth_builder.core.ties import Ties


def joined(items: Iterable[ClinicalImage | Problem]) -> Iterator[ClinicalImage | Problem]:
    """The items of one source, in order; groups that share a lesion, or that differ in case alone, are one.

    There is a problem for each lesion and name that joins some; a table that is whole has none. Where the patient is
    not told in each row, or one patient has two ids, the images of one lesion would else lie in two splits.
    """
    items = list(items)
    groups_of: dict[tuple[str, str], dict[str, str]] = {}  # why they are one -> each, with the first place that says so
    for item in items:
        if isinstance(item, ClinicalImage):
            for why in (("lesion", item.lesion_id or ""), ("name", item.group_id.casefold())):
                groups_of.setdefault(why, {}).setdefault(item.group_id, item.row_location)
    groups_of.pop(("lesion", ""), None)
    ties: Ties[str] = Ties()
    for (kind, name), groups in groups_of.items():
        first, *others = groups
        for other in others:
            ties.tie(first, other)
        if others:
            told = f"lesion {name} is in" if kind == "lesion" else "in upper and lower case there are"
            detail = f"{told} the groups {', '.join(groups)}; they are taken as one"
            yield Problem(ProblemKind.JOINED_GROUPS, groups[others[0]], detail)
    for item in items:
        if isinstance(item, ClinicalImage) and ties.of(item.group_id) != item.group_id:
            item = replace(item, group_id=ties.of(item.group_id))
        yield item
