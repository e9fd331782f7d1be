"""Reads SCIN, photographs of common skin conditions that people in the United States took of themselves.

Ward et al. 2024, doi:10.5281/zenodo.10819503. The release is `scin_cases.csv` (what people said, one to three images
a case) and `scin_labels.csv` (what dermatologists said), joined on `case_id`, and one PNG file an image; people keep it
as `dataset/` with `dataset/images/`, or all beside each other.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from dermasynth_builder.core.records import ClinicalImage, Facts, Problem, ProblemKind
from dermasynth_builder.read.sources import scin_facts
from dermasynth_builder.read.tables import (
    IMAGE_SUFFIXES,
    CellReader,
    ImageFolder,
    Row,
    no_release,
    read_table,
    split_doubled,
    walk_files,
)

CASES = "scin_cases.csv"
LABELS = "scin_labels.csv"
SHOTS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Mention:
    """One case naming one image file."""

    case: Row
    shot: int  # one of SHOTS
    file_name: str

    @property
    def image_id(self) -> str:
        """The name of the file without its suffix; it may begin with a hyphen."""
        return PurePosixPath(self.file_name).stem

    @property
    def case_id(self) -> str:
        """The case, as text; the number may be negative."""
        return _case_id(self.case)


class Scin:
    """SCIN; see `dermasynth_builder.core.protocols.Source`."""

    name = "scin"
    title = "SCIN"
    licence = "SCIN Data Use License"
    attribution = "SCIN by Ward et al., Google LLC (2024), doi:10.5281/zenodo.10819503"
    citation = (
        "Ward A, Li J, Wang J, et al. Creating an empirical dermatology dataset through crowdsourcing with web search "
        "advertisements. JAMA Network Open 2024;7(11):e2446615. arXiv:2402.18545; data doi:10.5281/zenodo.10819503"
    )
    homepage = "https://github.com/google-research-datasets/scin"

    def read(self, root: Path) -> Iterator[ClinicalImage | Problem]:
        """See `Source.read`. One image a file; images are grouped by case, and cases that share a file are one group.

        A file of several cases has the facts of the first; the other mentions of it are problems.
        """
        files = walk_files(root)
        cases_table, labels_table = self._find_tables(root, files)
        folder = ImageFolder(root, files)
        cases = yield from _rows_by_case(cases_table, root, ("case_id", "image_1_path"))
        labels = yield from _rows_by_case(labels_table, root, ("case_id",))
        facts = yield from _facts_by_case(cases, labels)
        by_file: dict[str, list[Mention]] = {}
        for item in _mentions(cases.values()):
            if isinstance(item, Problem):
                yield item
            else:
                folder.claim(item.file_name)
                by_file.setdefault(item.image_id, []).append(item)
        groups = _groups(by_file.values())
        for first, *others in by_file.values():
            yield from _also_mentioned(first, others)
            yield from self._image(first, facts[first.case_id], group=groups[first.case_id], folder=folder)
        yield from folder.unclaimed()

    def tallies(self, root: Path) -> Mapping[str, int]:
        """See `Tallying.tallies`. A note that stands in place of a condition's name counts as a name, as published."""
        cases_table, labels_table = self._find_tables(root, walk_files(root))
        cases, labels = (_rows_alone(table, root) for table in (cases_table, labels_table))
        mentions = [item for item in _mentions(cases) if isinstance(item, Mention)]
        cases_of_file: dict[str, set[str]] = {}
        for mention in mentions:
            cases_of_file.setdefault(mention.image_id, set()).add(mention.case_id)
        conditions = [scin_facts.conditions_named(row) for row in labels]
        return {
            "cases": len({_case_id(row) for row in cases}),
            "image references": len(mentions),
            "image files": len(cases_of_file),
            "files shared by several cases": sum(len(sharing) > 1 for sharing in cases_of_file.values()),
            "labelled cases": sum(bool(names) for names in conditions),
            "condition names": len(set().union(*conditions)),
        }

    def _find_tables(self, root: Path, files: list[Path]) -> tuple[Path, Path]:
        """The nearest table of cases, and the table of labels beside it or else the nearest."""
        cases = next((path for path in files if path.name.lower() == CASES), None)
        labels = [path for path in files if path.name.lower() == LABELS]
        if cases and labels:
            beside = [path for path in labels if path.parent == cases.parent]
            return cases, (beside or labels)[0]
        lacking = [name for name, found in ((CASES, cases), (LABELS, labels)) if not found]
        advice = (
            f"Get dataset/{CASES}, dataset/{LABELS} and dataset/images/ from "
            f"https://storage.googleapis.com/dx-scin-public-data ({self.homepage} tells how); give their folder."
        )
        raise no_release(root, files, title=f"whole {self.title}", looked_for=" and no ".join(lacking), advice=advice)

    def _image(
        self, mention: Mention, facts: Facts, *, group: str, folder: ImageFolder
    ) -> Iterator[ClinicalImage | Problem]:
        cells = CellReader(mention.case, scin_facts.MISSING)
        image = ClinicalImage(
            source=self.name,
            image_id=mention.image_id,
            file_name=mention.file_name,
            group_id=group,
            modality="clinical",
            facts=replace(facts, shot_type=scin_facts.shot_type(cells, mention.shot)),
            licence=self.licence,
            attribution=self.attribution,
            row_place=mention.case.place,
        )
        yield from cells.problems
        yield folder.attach(image)


def _case_id(row: Row) -> str:
    return row.cells["case_id"]


def _rows_by_case(table: Path, root: Path, required: tuple[str, ...]) -> Generator[Problem, None, dict[str, Row]]:
    """The rows of a table by their case, in its order."""
    rows: list[Row] = []
    for item in read_table(table, root, required):
        if isinstance(item, Problem):
            yield item
        elif _case_id(item):
            rows.append(item)
        else:
            yield Problem(ProblemKind.BROKEN_ROW, item.place, "has no case_id")
    by_case: dict[str, Row] = {}
    for item in split_doubled(rows, _case_id):
        if isinstance(item, Problem):
            yield item
        else:
            by_case[_case_id(item)] = item
    return by_case


def _rows_alone(table: Path, root: Path) -> list[Row]:
    """The rows of a table; what is wrong with it is told by `read`."""
    return [item for item in read_table(table, root, ("case_id",)) if isinstance(item, Row)]


def _facts_by_case(cases: Mapping[str, Row], labels: Mapping[str, Row]) -> Generator[Problem, None, dict[str, Facts]]:
    """What both tables say of each case. A case without labels keeps what the person said."""
    facts: dict[str, Facts] = {}
    for case_id, row in cases.items():
        cells = CellReader(row, scin_facts.MISSING)
        facts[case_id] = scin_facts.of_case(cells)
        yield from cells.problems
        if case_id in labels:
            label_cells = CellReader(labels[case_id], scin_facts.MISSING)
            facts[case_id] = scin_facts.with_labels(facts[case_id], label_cells)
            yield from label_cells.problems
        else:
            yield Problem(ProblemKind.UNKNOWN_VALUE, row.place, f"{LABELS} has no row for case {case_id}")
    for case_id, row in labels.items():
        if case_id not in cases:
            yield Problem(ProblemKind.BROKEN_ROW, row.place, f"{CASES} has no row for case {case_id}")
    return facts


def _mentions(cases: Iterable[Row]) -> Iterator[Mention | Problem]:
    for case in cases:
        named = [(shot, path) for shot in SHOTS if (path := case.cells.get(f"image_{shot}_path"))]
        for shot, path in named:
            name = PurePosixPath(path)
            if name.suffix.lower() in IMAGE_SUFFIXES:
                yield Mention(case, shot, name.name)
            else:
                detail = f"image_{shot}_path is {path!r}, which is no image file; stepped over"
                yield Problem(ProblemKind.UNKNOWN_VALUE, case.place, detail)
        if not named:
            yield Problem(ProblemKind.BROKEN_ROW, case.place, "names no image")


def _also_mentioned(first: Mention, others: list[Mention]) -> Iterator[Problem]:
    cases = ", ".join(dict.fromkeys(mention.case_id for mention in (first, *others)))
    for mention in others:
        detail = f"{mention.file_name} is an image of the cases {cases}; kept once, as {first.case.place} has it"
        yield Problem(ProblemKind.DOUBLED_ID, mention.case.place, detail)


def _groups(shared: Iterable[Iterable[Mention]]) -> Mapping[str, str]:
    """The group of each case: the smallest id, as text, of all cases that are tied to it by common files."""
    parents: dict[str, str] = {}

    def root_of(case: str) -> str:
        while parents.setdefault(case, case) != case:
            case = parents[case]
        return case

    for mentions in shared:
        roots = [root_of(mention.case_id) for mention in mentions]
        for root in roots:
            parents[root] = min(roots)
    return {case: root_of(case) for case in list(parents)}
