"""Effect: reads BCN20000, dermoscopic images of skin lesions from Barcelona.

Hernández-Pérez et al. 2024, doi:10.1038/s41597-024-03387-w. People have it in two forms that share no image id: as
collection 249 of the ISIC archive, and from figshare with its own file names, eight codes and the official split.
"""

from collections.abc import Collection, Iterator
from itertools import chain
from pathlib import Path

from dermasynth_builder import vocabulary
from dermasynth_builder.errors import SourceError
from dermasynth_builder.records import ClinicalImage, Problem
from dermasynth_builder.sources import isic
from dermasynth_builder.sources.release import (
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
    """BCN20000; see `dermasynth_builder.protocols.Source`."""

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
        figshare, export = _figshare_tables(files), isic.find_table(files)
        if figshare and export and "isic_id" in columns_of(export):
            raise SourceError(
                f"{root} holds {self.title} twice: {figshare[0]} from figshare and {export} from the ISIC archive. "
                "Nothing says which images of the two are the same; keep one of them."
            )
        if figshare:
            rows = chain.from_iterable(read_table(path, root, REQUIRED) for path in figshare)
            form = Form(_image_id, self._image, needed=REQUIRED, missing=isic.MISSING)
        elif export:
            rows = chain(read_table(export, root, isic.REQUIRED))
            form = isic.form(self, "dermoscopic")
        else:
            raise self._no_release(root, files)
        yield from read_images(rows, ImageFolder(root, files), form)

    def _no_release(self, root: Path, files: Collection[Path]) -> SourceError:
        looked_for = "bcn_20k_train.csv, no metadata.csv and no other CSV table with a column bcn_filename or isic_id"
        advice = (
            "Get the images and the table of collection 249 from https://api.isic-archive.com, or with "
            f"`isic image download --collections 249 DIR`, or all files from {self.homepage}; put them in one folder."
        )
        return no_release(root, files, title=self.title, looked_for=looked_for, advice=advice)

    def _image(self, cells: CellReader) -> ClinicalImage:
        """The image of a row of figshare's tables."""
        image_id, lesion_id = _image_id(cells.row), cells.text("lesion_id")
        return ClinicalImage(
            source=self.name,
            image_id=image_id,
            file_name=f"{image_id}.jpg",
            group_id=lesion_id or image_id,
            lesion_id=lesion_id,
            modality="dermoscopic",
            facts=isic.facts(cells, vocabulary.diagnoses(self.name)),
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


def _image_id(row: Row) -> str:
    name = row.cells["bcn_filename"]
    return name[: -len(".jpg")] if name.lower().endswith(".jpg") else name
