"""Reads HIBA, photographs and dermoscopic images of skin lesions from Buenos Aires.

Ricci Lara et al. 2023, doi:10.1038/s41597-023-02630-0. The release is collection 251 of the ISIC archive (1,616 images;
its withdrawn forerunner had 1,635), exported in columns of four generations. In the first of these the phototypes
stand in a table of their own, `SupplementaryData.csv`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from dermasynth_builder.core.records import ClinicalImage, Problem
from dermasynth_builder.read.origin import RawFolder, TableKind
from dermasynth_builder.read.sources import isic_export
from dermasynth_builder.read.tables import Row, read_images, split_doubled

PHOTOTYPE_COLUMNS = ("fitzpatrick_skin_type", "skin_type")
EXPORT = isic_export.table(
    "an export of collection 251",
    "hospital italiano de buenos aires",
    "Hospital Italiano de Buenos Aires",
    lacks=("label",),
    counts=(1616, 1635),
    path=r"(^|[/_-])hiba|hospital-italiano-de-buenos-aires",
    facts=(*isic_export.FACTS, "image_type", "fitzpatrick_skin_type|skin_type"),
    group="patient_id",
)
PHOTOTYPES = TableKind(
    "the phototypes",
    "isic_id",
    ("skin_type",),
    lacks=("attribution", "image_type", "diagnosis", "diagnosis_1", "label"),
    is_joined=True,
)


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
    tables = (EXPORT, PHOTOTYPES)
    homepage = "https://api.isic-archive.com/doi/hospital-italiano-de-buenos-aires-skin-lesions-images-2019-2022/"

    def read(self, root: Path) -> Iterator[ClinicalImage | Problem]:
        """See `Source.read`. Images are grouped by patient."""
        folder = RawFolder(root, self)
        advice = (
            f"Get the images and metadata.csv of collection 251 from {self.homepage}, "
            "or with `isic image download --collections 251 DIR`, and put them in one folder."
        )
        got = folder.one_of([EXPORT], advice)
        phototypes = folder.gather(PHOTOTYPES)
        supplement = _Supplement()
        yield from supplement.read(phototypes.items)
        yield from read_images(supplement.joined(got.items), folder.images, isic_export.form(self, "clinical", EXPORT))


@dataclass(slots=True)
class _Supplement:
    """The phototypes that a table of their own gives by image."""

    by_image: dict[str, str] = field(default_factory=dict)

    def read(self, items: Iterable[Row | Problem]) -> Iterator[Problem]:
        """Takes the table in, and gives what is wrong with it."""
        rows: list[Row] = []
        for item in items:
            if isinstance(item, Problem):
                yield item
            else:
                rows.append(item)
        for each in split_doubled(rows, lambda row: row.cells["isic_id"]):
            if isinstance(each, Problem):
                yield each
            else:
                self.by_image[each.cells["isic_id"]] = each.cells["skin_type"]

    def joined(self, items: Iterable[Row | Problem]) -> Iterator[Row | Problem]:
        """The rows, with the phototype filled in where they have none of their own."""
        for item in items:
            if isinstance(item, Problem) or any(item.cells.get(column) for column in PHOTOTYPE_COLUMNS):
                yield item
            else:
                yield replace(item, cells={**item.cells, "skin_type": self.by_image.get(item.cells["isic_id"], "")})
