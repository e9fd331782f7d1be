"""Reads BCN20000, dermoscopic images of skin lesions from Barcelona.

Hernández-Pérez et al. 2024, doi:10.1038/s41597-024-03387-w. People have it as collection 249 of the ISIC archive; from
figshare, with its own file names, eight codes and the official split; and its training part, under the archive's names
and with the same codes, inside the ISIC 2019 challenge.
"""

from collections.abc import Collection, Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.records import ClinicalImage, Problem
from dermasynth_builder.read import vocabulary
from dermasynth_builder.read.sources import isic2019, isic_export
from dermasynth_builder.read.tables import (
    CellReader,
    Form,
    ImageFolder,
    Row,
    columns_of,
    no_release,
    read_images,
    read_table,
    walk_files,
)

SPLITS = {"TRAIN": "train", "TEST": "test"}
REQUIRED = ("bcn_filename",)


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
        figshare, challenge, export = (
            _figshare_tables(files),
            isic2019.find_tables(files),
            isic_export.find_table(files),
        )
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
            rows = chain(isic2019.read_rows(challenge, root, folder))
            form = self._form(isic2019.KEY)
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
            row_place=cells.row.place,
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
