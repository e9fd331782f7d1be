"""Reads DERM12345, dermoscopic images of forty kinds of skin lesion from Turkey.

Yilmaz et al. 2024, doi:10.1038/s41597-024-04104-3. People have it in two forms. From Harvard Dataverse: tables with an
`image_id` and a `label`, JPEG files in folders by part and label, by split and label, or flat. From the ISIC Archive: a
bundle whose own table says little and whose supplement holds label, split and patient by `isic_id`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from dermasynth_builder.core.records import ClinicalImage, Facts, Modality, Problem, ProblemKind
from dermasynth_builder.read import vocabulary
from dermasynth_builder.read.sources import isic_export
from dermasynth_builder.read.tables import (
    IMAGE_SUFFIXES,
    CellReader,
    Form,
    ImageFolder,
    Row,
    columns_of,
    location_of,
    no_release,
    read_images,
    read_table,
    walk_files,
)

MODALITIES: dict[str, Modality] = {"DERMOSCOPIC": "dermoscopic"}
OFFICIAL_SPLITS = {"TRAIN": "train", "TEST": "test"}
LINEAGES = {"MELANOCYTIC": True, "NONMELANOCYTIC": False}
MISSING = frozenset({""})


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one release."""

    key: str  # the column that names an image
    labelled: tuple[Path, ...]  # what lists the images
    exported: tuple[Path, ...] = ()  # the ISIC archive's own table of the same images

    @property
    def patient(self) -> str | None:
        """The column that names the patient; the supplement may write whose patient id it is in front."""
        columns = (column for path in (*self.labelled, *self.exported) for column in columns_of(path))
        return next((column for column in columns if column.endswith("patient_id")), None)


class Derm12345:
    """DERM12345; see `dermasynth_builder.core.protocols.Source`."""

    name = "derm12345"
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
        files = walk_files(root)
        tables = self._find_tables(root, files)
        patient = tables.patient
        if patient is None:
            yield _no_patients(location_of(tables.labelled[0], root))
        needed = (tables.key, patient) if patient else (tables.key,)
        form = Form(partial(_image_id, tables.key), partial(self._image, needed), needed=needed, missing=MISSING)
        rows = _with_columns(_rows(root, tables), needed)
        yield from _without_leaks(list(read_images(rows, ImageFolder(root, files), form)))

    def _find_tables(self, root: Path, files: list[Path]) -> Tables:
        columns = {path: columns_of(path) for path in files if path.suffix.lower() == ".csv"}
        exports = [path for path in columns if "isic_id" in columns[path]]
        labelled = [path for path in columns if "label" in columns[path]]
        if found := [path for path in labelled if "image_id" in columns[path] and path not in exports]:
            return Tables("image_id", _one_of_each_name(found))
        if found := [path for path in labelled if path in exports]:
            unlabelled = [path for path in exports if path not in labelled]
            return Tables("isic_id", tuple(found[:1]), tuple(unlabelled[:1]))
        looked_for = "CSV table with the columns image_id and label (Dataverse) or isic_id and label (ISIC supplement)"
        advice = (
            "Get derm12345_metadata_train.csv, derm12345_metadata_test.csv and the archives of images from "
            f"{self.homepage}, or the bundle from https://api.isic-archive.com/doi/derm12345; give their folder."
        )
        raise no_release(root, files, title=self.title, looked_for=looked_for, advice=advice)

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


def _one_of_each_name(paths: list[Path]) -> tuple[Path, ...]:
    """The nearest file of each name, by name; a table of all images makes those of the parts superfluous."""
    nearest: dict[str, Path] = {}
    for path in paths:
        nearest.setdefault(path.name.lower(), path)
    whole = [path for name, path in nearest.items() if name.endswith("_all.csv")]
    return tuple(whole[:1] or (nearest[name] for name in sorted(nearest)))


def _rows(root: Path, tables: Tables) -> Iterator[Row | Problem]:
    """The rows that list images, each with what the archive's own table says of the same image."""
    exported: dict[str, Row] = {}
    for path in tables.exported:
        for item in read_table(path, root, (tables.key,)):
            if isinstance(item, Problem):
                yield item
            else:
                exported.setdefault(item.cells[tables.key], item)
    for path in tables.labelled:
        for item in read_table(path, root, (tables.key, "label")):
            if isinstance(item, Row) and (more := exported.pop(item.cells[tables.key], None)):
                yield replace(item, cells=_joined(item.cells, more.cells))
            else:
                yield item
    for name, row in exported.items():
        yield Problem(ProblemKind.BROKEN_ROW, row.location, f"the supplement has no row for {name}")


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
