"""Reads BCN20000, dermoscopic images of skin lesions from Barcelona.

Hernández-Pérez et al. 2024, doi:10.1038/s41597-024-03387-w. People have it as collection 249 of the ISIC archive; from
figshare, with its own file names, eight codes and the official split; and its training part, under the archive's names
and with the same codes, inside the training set of the ISIC 2019 challenge.

The challenge's two tables have the columns that public code reads; the tables themselves were not at hand. Of the
25,331 images 12,413 are of BCN20000 and have a `lesion_id` that begins with "BCN_"; 10,015 are of HAM10000
("HAM_..."); 819 ("MSK...") and 2,084 without a lesion, some with "_downsampled" behind the name, are of MSK.
"""

from collections import Counter
from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.records import ClinicalImage, Problem, ProblemKind
from dermasynth_builder.read import vocabulary
from dermasynth_builder.read.sources import isic_export
from dermasynth_builder.read.tables import (
    CellReader,
    Form,
    ImageFolder,
    Row,
    columns_of,
    no_release,
    read_images,
    read_table,
    split_doubled,
    walk_files,
)

SPLITS = {"TRAIN": "train", "TEST": "test"}
REQUIRED = ("bcn_filename",)

CHALLENGE_METADATA = "isic_2019_training_metadata.csv"
CHALLENGE_GROUND_TRUTH = "isic_2019_training_groundtruth.csv"
CHALLENGE_KEY = "image"
CHALLENGE_CODES = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC")  # one of these columns is 1, or else UNK
_DOWNSAMPLED = "_downsampled"


@dataclass(frozen=True, slots=True)
class ChallengeTables:
    """The two tables of the challenge's training set."""

    metadata: Path
    ground_truth: Path


class Bcn20000:
    """BCN20000; see `dermasynth_builder.core.protocols.Source`."""

    name = "bcn20000"
    title = "BCN20000"
    licence = "CC-BY-NC-4.0"
    attribution = "Hospital Clínic de Barcelona"
    citation = (
        "Hernández-Pérez C, Combalia M, Podlipnik S, et al. BCN20000: dermoscopic lesions in the wild. "
        "Scientific Data 2024;11:641. doi:10.1038/s41597-024-03387-w"
    )
    homepage = "https://figshare.com/articles/journal_contribution/BCN20000_Dermoscopic_Lesions_in_the_Wild/24140028/1"

    def read(self, root: Path) -> Iterator[ClinicalImage | Problem]:
        """See `Source.read`. No patient is known: images are grouped by lesion."""
        files = walk_files(root)
        folder = ImageFolder(root, files)
        figshare, challenge = _figshare_tables(files), _challenge_tables(files)
        export = isic_export.find_table(files)
        tables = [*figshare[:1], *([challenge.metadata] if challenge else [])]
        if export and (not tables or "isic_id" in columns_of(export)):  # else it is a metadata.csv of something else
            tables.append(export)
        if len(tables) > 1:
            raise SourceError(
                f"{root} holds {self.title} twice: {' and '.join(map(str, tables))} are tables of different forms of "
                "it, of which none has all that the others have; keep one of them."
            )
        if figshare:
            rows = chain.from_iterable(read_table(path, root, REQUIRED) for path in figshare)
            form = self._form("bcn_filename")
        elif challenge:
            rows = chain(_challenge_rows(challenge, root, folder))
            form = self._form(CHALLENGE_KEY)
        elif export:
            rows = chain(read_table(export, root, isic_export.REQUIRED))
            form = isic_export.form(self, "dermoscopic")
        else:
            raise self._no_release(root, files)
        yield from read_images(rows, folder, form)

    def _no_release(self, root: Path, files: Collection[Path]) -> SourceError:
        looked_for = (
            "bcn_20k_train.csv, no metadata.csv and no other CSV table with a column bcn_filename or isic_id, and no "
            "ISIC_2019_Training_Metadata.csv with its ISIC_2019_Training_GroundTruth.csv,"
        )
        advice = (
            "Get the images and the table of collection 249 from https://api.isic-archive.com, or with "
            f"`isic image download --collections 249 DIR`, or all files from {self.homepage}; put them in one folder."
        )
        return no_release(root, files, title=self.title, looked_for=looked_for, advice=advice)

    def _form(self, key: str) -> Form:
        """How rows with the eight codes become images; `key` is the column that names them."""
        return Form(partial(_image_id, key), partial(self._image, key), needed=(key,), missing=isic_export.MISSING)

    def _image(self, key: str, cells: CellReader) -> ClinicalImage:
        image_id, lesion_id = _image_id(key, cells.row), cells.text("lesion_id")
        return ClinicalImage(
            source=self.name,
            image_id=image_id,
            file_name=f"{image_id}.jpg",
            group_id=lesion_id or image_id,
            lesion_id=lesion_id,
            modality="dermoscopic",
            facts=isic_export.facts(cells, vocabulary.diagnoses(self.name)),
            licence=self.licence,
            attribution=self.attribution,
            row_location=cells.row.location,
            official_split=cells.choice("split", SPLITS),
        )


def _figshare_tables(files: Collection[Path]) -> list[Path]:
    """The tables with figshare's own image names, train before test; of two copies the nearer one."""
    by_name: dict[str, Path] = {}
    for path in files:
        if path.suffix.lower() == ".csv" and "bcn_filename" in columns_of(path):
            by_name.setdefault(path.name.lower(), path)
    return [by_name[name] for name in sorted(by_name, reverse=True)]


def _image_id(key: str, row: Row) -> str:
    name = row.cells[key]
    return name[: -len(".jpg")] if name.lower().endswith(".jpg") else name


def _challenge_tables(files: Collection[Path]) -> ChallengeTables | None:
    """The nearest of each, where both are there."""
    nearest: dict[str, Path] = {}
    for path in files:
        nearest.setdefault(path.name.lower(), path)
    if CHALLENGE_METADATA in nearest and CHALLENGE_GROUND_TRUTH in nearest:
        return ChallengeTables(nearest[CHALLENGE_METADATA], nearest[CHALLENGE_GROUND_TRUTH])
    return None


def _challenge_rows(tables: ChallengeTables, root: Path, folder: ImageFolder) -> Iterator[Row | Problem]:
    """The rows of BCN20000 in the columns of its figshare tables, but for the image's name.

    Files of the other sets are claimed, and one problem tells how many images of them are stepped over.
    """
    codes = yield from _codes_by_image(tables.ground_truth, root)
    others: Counter[str] = Counter()
    own = 0
    for item in read_table(tables.metadata, root, (CHALLENGE_KEY, "lesion_id")):
        if isinstance(item, Problem):
            yield item
        elif item.cells["lesion_id"].startswith("BCN_"):
            own += 1
            yield from _told(item, codes)
        else:
            others[item.cells["lesion_id"].partition("_")[0] or "none"] += 1
            folder.claim(item.cells[CHALLENGE_KEY])
            folder.claim(item.cells[CHALLENGE_KEY].removesuffix(_DOWNSAMPLED))  # some copies leave it out
    if others:
        kinds = ", ".join(f"{prefix} {count:,}" for prefix, count in sorted(others.items()))
        detail = f"{others.total():,} of {own + others.total():,} images are of other sets (lesion ids: {kinds})"
        yield Problem(ProblemKind.OTHER_SET, tables.metadata.name, detail)


def _told(row: Row, codes: dict[str, str]) -> Iterator[Row | Problem]:
    """The row with its diagnosis and its part; the challenge trains on the part that BCN20000 trains on."""
    if row.cells[CHALLENGE_KEY] not in codes:
        yield Problem(
            ProblemKind.UNKNOWN_VALUE, row.location, f"no diagnosis: {CHALLENGE_GROUND_TRUTH} has no usable row for it"
        )
    yield replace(row, cells={**row.cells, "diagnosis": codes.get(row.cells[CHALLENGE_KEY], ""), "split": "train"})


def _codes_by_image(table: Path, root: Path) -> Generator[Problem, None, dict[str, str]]:
    """The code of each image, "" where it is of no known class."""
    rows: list[Row] = []
    for item in read_table(table, root, (CHALLENGE_KEY, *CHALLENGE_CODES)):
        if isinstance(item, Problem):
            yield item
        else:
            rows.append(item)
    codes: dict[str, str] = {}
    for item in split_doubled(rows, lambda row: row.cells[CHALLENGE_KEY]):
        if isinstance(item, Problem):
            yield item
            continue
        marked = [code for code in (*CHALLENGE_CODES, "UNK") if item.cells.get(code) in ("1", "1.0", "1,0")]
        if len(marked) == 1:
            codes[item.cells[CHALLENGE_KEY]] = marked[0] if marked[0] in CHALLENGE_CODES else ""
        else:
            detail = f"{item.cells[CHALLENGE_KEY]} has {len(marked)} diagnoses where one of the columns is to be 1.0"
            yield Problem(ProblemKind.BROKEN_ROW, item.location, detail)
    return codes
