"""Reads DERM12345, dermoscopic images of forty kinds of skin lesion from Turkey.

Yilmaz et al. 2024, doi:10.1038/s41597-024-04104-3. People have it in two forms. From Harvard Dataverse: tables with an
`image_id` and a `label`, JPEG files in folders by part and label, by split and label, or flat. From the ISIC Archive: a
bundle whose own table says little and whose supplement holds label, split and patient by `isic_id`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from dermasynth_builder.core.records import ClinicalImage, Facts, Modality, Problem, ProblemKind
from dermasynth_builder.read import vocabulary
from dermasynth_builder.read.origin import Gathered, RawFolder, Sign, TableKind
from dermasynth_builder.read.sources import isic_export
from dermasynth_builder.read.tables import IMAGE_SUFFIXES, CellReader, Form, Row, read_images

MODALITIES: dict[str, Modality] = {"DERMOSCOPIC": "dermoscopic"}
OFFICIAL_SPLITS = {"TRAIN": "train", "TEST": "test"}
LINEAGES = {"MELANOCYTIC": True, "NONMELANOCYTIC": False}
MISSING = frozenset({""})


DATAVERSE = TableKind(
    "the Dataverse's tables",
    "image_id",
    ("label",),
    lacks=("isic_id",),
    signs=(Sign("image_id", r"^derm_\d+", "DERM_125494"),),
    facts=("split", "malignancy", "super_class"),
    unread="main_class_[12]|sub_class",
)
EXPORT = isic_export.table(
    "the archive's own table",
    "imperial college london",
    "Imperial College London",
    lacks=("label",),
    counts=(12345,),
    path="derm_?12345",
    facts=(),
)
SUPPLEMENT = replace(
    EXPORT,
    what="the supplement of the ISIC archive's bundle",
    columns=("label",),
    lacks=(),
    facts=("split",),
    unread=rf"{isic_export.UNREAD}|{DATAVERSE.unread}|(\w+_)?(patient|image)_id|super_class|malignancy",
)


class Derm12345:
    """DERM12345; see `dermasynth_builder.core.protocols.Source`."""

    name = "derm12345"
    tables = (DATAVERSE, SUPPLEMENT, EXPORT)
    title = "DERM12345"
    licence = "CC-BY-4.0"
    attribution = "DERM12345 by Yilmaz et al., Imperial College London (2024), doi:10.7910/DVN/DAXZ7P"
    citation = (
        "Yilmaz A, Yasar SP, Gencoglan G, Temelkuran B. DERM12345: a large, multisource dermatoscopic skin lesion "
        "dataset with 40 subclasses. Scientific Data 2024;11:1302. doi:10.1038/s41597-024-04104-3"
    )
    homepage = "https://doi.org/10.7910/DVN/DAXZ7P"

    def read(self, root: Path) -> Iterator[ClinicalImage | Problem]:
        """See `Source.read`. Images are grouped by patient; a patient of both official parts is put in "train"."""
        folder = RawFolder(root, self)
        got, items = self._gathered(folder)
        patient = _patient_column(items)
        if patient is None:
            yield _no_patients(got.tables[0])
        needed = (got.kind.key, patient) if patient else (got.kind.key,)
        image_id, image = partial(_image_id, got.kind.key), partial(self._image, needed)
        form = Form(image_id, image, needed=needed, missing=MISSING, columns=got.kind)
        yield from _without_leaks(list(read_images(_with_columns(items, needed), folder.images, form)))

    def _gathered(self, folder: RawFolder) -> tuple[Gathered, list[Row | Problem]]:
        """What lists the images, each row with what the archive's own table says of the same image."""
        advice = (
            "Get derm12345_metadata_train.csv, derm12345_metadata_test.csv and the archives of images from "
            f"{self.homepage}, or the bundle with its supplement from https://api.isic-archive.com/doi/derm12345; "
            "give their folder."
        )
        exported = folder.gather(EXPORT)
        vouched = {row.cells[EXPORT.key] for row in exported.rows}
        got = folder.one_of([DATAVERSE, SUPPLEMENT], advice, vouched)
        return got, got.items if got.kind == DATAVERSE else [*exported.problems, *_joined_rows(got, exported)]

    def _image(self, needed: tuple[str, ...], cells: CellReader) -> ClinicalImage:
        key, *patient = needed
        image_id = _image_id(key, cells.row)
        return ClinicalImage(
            source=self.name,
            image_id=image_id,
            file_name=f"{image_id}.jpg",
            group_id=cells.row.cells[patient[0]] if patient else image_id,
            lesion_id=cells.text("lesion_id"),
            modality=cells.choice("image_type", MODALITIES) or "dermoscopic",
            facts=_facts(cells),
            licence=_licence(cells, self.licence),
            attribution=cells.text("attribution") or self.attribution,
            row_location=cells.row.location,
            official_split=cells.choice("split", OFFICIAL_SPLITS),
        )


def _joined_rows(supplement: Gathered, exported: Gathered) -> Iterator[Row | Problem]:
    """The rows of the supplement, each with what the archive's own table says of the same image."""
    more = {row.cells[EXPORT.key]: row for row in reversed(exported.rows)}
    yield from supplement.problems
    for row in supplement.rows:
        match = more.pop(row.cells[SUPPLEMENT.key], None)
        yield replace(row, cells=_joined(row.cells, match.cells)) if match else row
    for name, left in more.items():
        yield Problem(ProblemKind.BROKEN_ROW, left.location, f"the supplement has no row for {name}")


def _patient_column(items: Iterable[Row | Problem]) -> str | None:
    """The column that names the patient; the supplement may write whose patient id it is in front."""
    columns = (column for item in items if isinstance(item, Row) for column in item.cells)
    return next((column for column in columns if column.endswith("patient_id")), None)


def _joined(labelled: Mapping[str, str], exported: Mapping[str, str]) -> Mapping[str, str]:
    """The cells of both tables; where both say something, it is the labelled one that counts."""
    return {**labelled, **{name: cell for name, cell in exported.items() if not labelled.get(name)}}


def _with_columns(items: Iterable[Row | Problem], columns: tuple[str, ...]) -> Iterator[Row | Problem]:
    """The items, their rows having each of the columns; tables of one release may differ."""
    for item in items:
        yield replace(item, cells=dict.fromkeys(columns, "") | dict(item.cells)) if isinstance(item, Row) else item


def _image_id(key: str, row: Row) -> str:
    stem, dot, suffix = row.cells[key].rpartition(".")
    return stem if dot + suffix.lower() in IMAGE_SUFFIXES else row.cells[key]


def _no_patients(table: str) -> Problem:
    detail = "has no column patient_id; every image is taken as a group of its own, though patients have several"
    return Problem(ProblemKind.UNKNOWN_VALUE, table, detail)


@cache
def _diagnoses() -> Mapping[str, vocabulary.Diagnosis]:
    return {code.upper(): diagnosis for code, diagnosis in vocabulary.diagnoses("derm12345").items()}


def _facts(cells: CellReader) -> Facts:
    """The facts of a row; the Dataverse's tables have none of the columns of the archive, nor age, sex or site."""
    facts = isic_export.facts(cells)
    lineage = cells.choice("super_class", LINEAGES)
    changes: dict[str, Any] = {
        "malignancy_published": cells.text("malignancy") or facts.malignancy_published,
        "is_melanocytic": facts.is_melanocytic if lineage is None else lineage,
    }
    if (label := cells.text("label")) is not None:
        diagnosis = cells.choice("label", _diagnoses())
        changes |= {
            "diagnosis": diagnosis.name if diagnosis else None,
            "diagnosis_published": label,
            "diagnosis_isic": diagnosis.isic if diagnosis else None,
            "malignancy": diagnosis.malignancy if diagnosis else None,
        }
    return replace(facts, **changes)


def _licence(cells: CellReader, default: str) -> str:
    """The row's own licence, which the Dataverse's tables spell with a hyphen."""
    column = "copyright-license" if cells.text("copyright-license") else "copyright_license"
    return isic_export.licence(cells, default, column)


def _without_leaks(items: list[ClinicalImage | Problem]) -> Iterator[ClinicalImage | Problem]:
    """The items, no patient being in two official parts: theirs are put in "train", with a problem for each one moved.

    An image without a part counts too: it would be drawn into one, and not always into that of its patient.
    """
    parts: dict[str, set[str | None]] = {}
    for item in items:
        if isinstance(item, ClinicalImage):
            parts.setdefault(item.group_id, set()).add(item.official_split)
    for item in items:
        if isinstance(item, ClinicalImage) and len(parts[item.group_id]) > 1 and item.official_split != "train":
            detail = (
                f"{item.image_id} is in {item.official_split or 'no official part'}, but other images of its patient "
                f"{item.group_id} are not; moved to train"
            )
            yield Problem(ProblemKind.LEAKING_GROUP, item.row_location, detail)
            yield replace(item, official_split="train")
        else:
            yield item
