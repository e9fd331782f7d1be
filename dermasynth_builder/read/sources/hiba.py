"""Reads HIBA, photographs and dermoscopic images of skin lesions from Buenos Aires.

Ricci Lara et al. 2023, doi:10.1038/s41597-023-02630-0. The release is collection 251 of the ISIC archive (1,616 images;
its withdrawn forerunner had 1,635), exported in columns of four generations. In the first of these the phototypes
stand in a table of their own, `SupplementaryData.csv`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from dermasynth_builder.core.records import ClinicalImage, Problem
from dermasynth_builder.read.sources import isic_export
from dermasynth_builder.read.tables import (
    ImageFolder,
    Row,
    no_release,
    read_images,
    read_table,
    split_doubled,
    walk_files,
)

PHOTOTYPE_COLUMNS = ("fitzpatrick_skin_type", "skin_type")


class Hiba:
    """HIBA; see `dermasynth_builder.core.protocols.Source`."""

    name = "hiba"
    title = "HIBA Skin Lesions"
    licence = "CC-BY-4.0"
    attribution = "Hospital Italiano de Buenos Aires"
    citation = (
        "Ricci Lara MA, Rodríguez Kowalczuk MV, Lisa Eliceche M, et al. A dataset of skin lesion images collected in "
        "Argentina for the evaluation of AI tools in this population. Scientific Data 2023;10. "
        "doi:10.1038/s41597-023-02630-0; data: doi:10.34970/587329"
    )
    homepage = "https://api.isic-archive.com/doi/hospital-italiano-de-buenos-aires-skin-lesions-images-2019-2022/"

    def read(self, root: Path) -> Iterator[ClinicalImage | Problem]:
        """See `Source.read`. Images are grouped by patient."""
        files = walk_files(root)
        table = isic_export.find_table(files)
        if table is None:
            advice = (
                f"Get the images and metadata.csv of collection 251 from {self.homepage}, "
                "or with `isic image download --collections 251 DIR`, and put them in one folder."
            )
            looked_for = "metadata.csv and no other CSV table with a column isic_id"
            raise no_release(root, files, title=self.title, looked_for=looked_for, advice=advice)
        supplement = _Supplement()
        for path in files:
            if path.name.lower() == isic_export.SUPPLEMENT:
                yield from supplement.read(path, root)
                break
        rows = supplement.joined(read_table(table, root, isic_export.REQUIRED))
        yield from read_images(rows, ImageFolder(root, files), isic_export.form(self, "clinical"))


@dataclass(slots=True)
class _Supplement:
    """The phototypes that a table of their own gives by image."""

    by_image: dict[str, str] = field(default_factory=dict)

    def read(self, path: Path, root: Path) -> Iterator[Problem]:
        """Takes the table in, and gives what is wrong with it."""
        rows: list[Row] = []
        for item in read_table(path, root, ("isic_id", "skin_type")):
            if isinstance(item, Problem):
                yield item
            else:
                rows.append(item)
        for item in split_doubled(rows, lambda row: row.cells["isic_id"]):
            if isinstance(item, Problem):
                yield item
            else:
                self.by_image[item.cells["isic_id"]] = item.cells["skin_type"]

    def joined(self, items: Iterable[Row | Problem]) -> Iterator[Row | Problem]:
        """The rows, with the phototype filled in where they have none of their own."""
        for item in items:
            if isinstance(item, Problem) or any(item.cells.get(column) for column in PHOTOTYPE_COLUMNS):
                yield item
            else:
                yield replace(item, cells={**item.cells, "skin_type": self.by_image.get(item.cells["isic_id"], "")})
