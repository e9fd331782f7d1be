"""What a split list comes to, as a table for people."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from dermasynth_builder.report.leaks import Leaks, PartLeaks
from dermasynth_builder.report.overlap import Overlap
from dermasynth_builder.report.tables import heading, name, table_of_numbers


def leaks_text(leaks: Leaks, overlaps: Sequence[Overlap]) -> Group:
    """The list, part by part, and the benchmarks."""
    table = table_of_numbers("", "", "")
    for part in leaks.parts:
        whole = "the rest of the list" if leaks.is_parted else "the images that are not in the list"
        table.add_row(heading(f"{part.part}: {part.images:,} images, held against {whole}"))
        for label, count in _shares(part):
            share = f"{100 * count / part.images:.1f} %" if isinstance(count, int) and part.images else ""
            table.add_row(name(label, indent=4), f"{count:,}" if isinstance(count, int) else count, share)
    return Group(*_unknown(leaks), table, heading("public benchmarks"), _benchmarks(overlaps))


def _shares(part: PartLeaks) -> Iterator[tuple[str, int | str]]:
    yield "share a patient (or a lesion or case, where that is all)", part.of_group
    yield "share a lesion", "not recorded" if part.of_lesion is None else part.of_lesion
    yield "share a picture or a copy of it", "no image on disk" if part.of_picture is None else part.of_picture
    if part.of_picture is not None:
        yield "of them on disk, and compared", part.compared
    yield "are listed in another part too", part.in_others_too


def _unknown(leaks: Leaks) -> Iterator[RenderableType]:
    if leaks.unknown:
        first = ", ".join(leaks.first_unknown)
        yield Text(
            f"{leaks.unknown:,} of {leaks.rows:,} names are of no image at hand and are passed over: {first} ..."
        )


def _benchmarks(overlaps: Sequence[Overlap]) -> RenderableType:
    table = table_of_numbers("benchmark", "compared by", "images", "at hand too", "control")
    for each in overlaps:
        is_compared = each.planted > 0
        control = f"{each.found} of {each.planted}" if is_compared else ""
        shared = f"{each.shared:,}" if is_compared else ""
        table.add_row(each.benchmark, each.by, f"{each.images:,}" if each.images else "", shared, control)
    return table
