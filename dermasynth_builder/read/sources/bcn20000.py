"""Reads BCN20000, dermoscopic images of skin lesions from Barcelona.

Hernández-Pérez et al. 2024, doi:10.1038/s41597-024-03387-w. People have it as collection 249 of the ISIC archive; from
figshare, with its own file names, eight codes and the official split; and its training part, under the archive's names
and with the same codes, inside the training set of the ISIC 2019 challenge.

The challenge's two tables have the columns that public code reads; the tables themselves were not at hand. Of the
25,331 images 12,413 are of BCN20000 and have a `lesion_id` that begins with "BCN_"; 10,015 are of HAM10000
("HAM_..."); 819 ("MSK...") and 2,084 without a lesion, some with "_downsampled" behind the name, are of MSK.
"""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

from dermasynth_builder.core.records import ClinicalImage, Problem, ProblemKind
from dermasynth_builder.read import vocabulary
from dermasynth_builder.read.origin import Gathered, RawFolder, Sign, TableKind
from dermasynth_builder.read.sources import isic_export
from dermasynth_builder.read.tables import CellReader, Form, Row, read_images, split_doubled

SPLITS = {"TRAIN": "train", "TEST": "test"}
CODES = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC")  # of the challenge: one of the columns is 1, or UNK
FIGSHARE = TableKind(
    "figshare's bcn_20k_train.csv and bcn_20k_test.csv",
    "bcn_filename",
    signs=(Sign("bcn_filename", r"^bcn_\d{10}$", "BCN_0000000001.jpg"),),
    facts=("age_approx", "anatom_site_general", "sex", "split"),  # the test part has no diagnosis
    group="lesion_id",
    unread="capture_date",
)
CHALLENGE = TableKind(
    "the metadata of the ISIC 2019 challenge",
    "image",
    ("lesion_id",),
    lacks=("MEL", "isic_id"),
    signs=(Sign("lesion_id", "^bcn_", "BCN_0003884"),),
    facts=("age_approx", "anatom_site_general", "sex"),
    group="lesion_id",
)
GROUND_TRUTH = TableKind("the ground truth of the ISIC 2019 challenge", "image", CODES, is_joined=True)
EXPORT = isic_export.table(
    "an export of collection 249",
    r"hospital clinic (de|of) barcelona",
    "Hospital Clínic de Barcelona",
    lacks=("label",),
    never=("patient_id",),  # the same hospital gave images to other sets, which name patients
    counts=(18946, 12413, 6533),
    path="bcn.?20(000|k)",
    group="lesion_id",
)
_DOWNSAMPLED = "_downsampled"


class Bcn20000:
    """BCN20000; see `dermasynth_builder.core.protocols.Source`."""

    name = "bcn20000"
    tables = (FIGSHARE, CHALLENGE, GROUND_TRUTH, EXPORT)
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
        folder = RawFolder(root, self)
        kinds = (FIGSHARE, CHALLENGE, EXPORT) if folder.gather(GROUND_TRUTH).tables else (FIGSHARE, EXPORT)
        advice = (
            "Get the images and the table of collection 249 from https://api.isic-archive.com, or with "
            f"`isic image download --collections 249 DIR`, or all files from {self.homepage}, or "
            "ISIC_2019_Training_Metadata.csv with its ISIC_2019_Training_GroundTruth.csv; put them in one folder."
        )
        got = folder.one_of(kinds, advice)
        if got.kind == EXPORT:
            yield from read_images(got.items, folder.images, isic_export.form(self, "dermoscopic", EXPORT))
            return
        items: Iterable[Row | Problem] = got.items
        if got.kind == FIGSHARE and not any(row.cells.get("diagnosis") for row in got.rows):
            yield Problem(ProblemKind.COLUMN, got.tables[0], "no row has a diagnosis; is it the test part alone?")
        if got.kind == CHALLENGE:
            items = chain(_with_codes(got, folder.gather(GROUND_TRUTH)))
            for row in got.others:  # some copies leave it out
                folder.images.claim(row.cells[CHALLENGE.key].removesuffix(_DOWNSAMPLED))
        yield from read_images(items, folder.images, self._form(got.kind))

    def _form(self, kind: TableKind) -> Form:
        """How rows with the eight codes become images."""
        return Form(
            partial(_image_id, kind.key),
            partial(self._image, kind.key),
            needed=(kind.key,),
            missing=isic_export.MISSING,
            columns=kind,
        )

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


def _image_id(key: str, row: Row) -> str:
    name = row.cells[key]
    return name[: -len(".jpg")] if name.lower().endswith(".jpg") else name


def _with_codes(images: Gathered, truth: Gathered) -> Iterator[Row | Problem]:
    """The rows of BCN20000 with diagnosis and part; the challenge trains on the part that BCN20000 trains on."""
    yield from images.problems
    codes = yield from _codes_by_image(truth.items)
    for row in images.rows:
        if row.cells[CHALLENGE.key] not in codes:
            told = f"no diagnosis: {' and '.join(truth.tables)} has no usable row for it"
            yield Problem(ProblemKind.UNKNOWN_VALUE, row.location, told)
        yield replace(row, cells={**row.cells, "diagnosis": codes.get(row.cells[CHALLENGE.key], ""), "split": "train"})


def _codes_by_image(items: Iterable[Row | Problem]) -> Generator[Problem, None, dict[str, str]]:
    """The code of each image, "" where it is of no known class."""
    rows: list[Row] = []
    for item in items:
        if isinstance(item, Problem):
            yield item
        else:
            rows.append(item)
    codes: dict[str, str] = {}
    for each in split_doubled(rows, lambda row: row.cells[CHALLENGE.key]):
        if isinstance(each, Problem):
            yield each
            continue
        marked = [code for code in (*CODES, "UNK") if each.cells.get(code) in ("1", "1.0", "1,0")]
        if len(marked) == 1:
            codes[each.cells[CHALLENGE.key]] = marked[0] if marked[0] in CODES else ""
        else:
            detail = f"{each.cells[CHALLENGE.key]} has {len(marked)} diagnoses where one of the columns is to be 1.0"
            yield Problem(ProblemKind.BROKEN_ROW, each.location, detail)
    return codes
