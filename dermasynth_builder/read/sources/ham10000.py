"""Reads HAM10000, dermoscopic images of pigmented lesions from Vienna and Queensland, by a mapping.

Tschandl et al. 2018, doi:10.1038/sdata.2018.161: 10,015 images. People have it from Harvard Dataverse or Kaggle with
`HAM10000_metadata.csv`, and as an export of the ISIC archive. The tables themselves were not at hand; their columns are
those that public code reads. No patient is known: images are grouped by lesion.
"""

from collections.abc import Iterator
from pathlib import Path

from dermasynth_builder.core.options import FolderOptions
from dermasynth_builder.core.records import ClinicalImage, Problem
from dermasynth_builder.read.mapped import Mapped
from dermasynth_builder.read.origin import RawFolder, Sign, TableKind
from dermasynth_builder.read.sources import isic_export
from dermasynth_builder.read.tables import read_images

METADATA = TableKind(
    "HAM10000_metadata.csv",
    "image_id",
    ("lesion_id", "dx"),
    signs=(Sign("lesion_id", r"^ham_\d+$", "HAM_0000118"),),
    counts=(10015,),
    facts=("dx_type", "age", "sex", "localization"),
    group="lesion_id",
    unread="dataset",
)
EXPORT = isic_export.table(
    "an export of the collection HAM10000",
    "vidir group|medical university of vienna",
    "ViDIR Group, Department of Dermatology, Medical University of Vienna",
    lacks=("label",),
    never=("patient_id",),  # the same group gave images to other sets, which name patients
    path="ham.?10000",
    group="lesion_id",
)
MAPPING = FolderOptions(
    image="image_id",
    group="lesion_id",
    lesion="lesion_id",
    licence="CC-BY-NC-4.0",
    attribution="ViDIR Group, Department of Dermatology, Medical University of Vienna",
    modality="dermoscopic",
    title="HAM10000",
    facts={
        "diagnosis": "dx",
        "confirmation": "dx_type",
        "age_years": "age",
        "sex": "sex",
        "body_site": "localization",
    },
    words={
        **{"histo": "histopathology", "consensus": "expert consensus", "follow_up": "serial imaging"},
        **{"confocal": "confocal microscopy", "acral": "acral skin", "genital": "genital region"},
    },
    diagnoses={
        "akiec": "actinic keratosis or Bowen's disease",
        "bcc": "Malignant:Malignant adnexal epithelial proliferations - Follicular:Basal cell carcinoma",
        "bkl": "Benign:Benign epidermal proliferations",
        "df": "Benign:Benign soft tissue proliferations - Fibro-histiocytic:Dermatofibroma",
        "mel": "Malignant:Malignant melanocytic proliferations (Melanoma):Melanoma, NOS",
        "nv": "Benign:Benign melanocytic proliferations:Nevus",
        "vasc": "Benign:Benign soft tissue proliferations - Vascular",
    },
)


class Ham10000:
    """HAM10000; see `dermasynth_builder.core.protocols.Source`."""

    name = "ham10000"
    title = MAPPING.title
    licence = MAPPING.licence
    attribution = MAPPING.attribution
    citation = (
        "Tschandl P, Rosendahl C, Kittler H. The HAM10000 dataset, a large collection of multi-source dermatoscopic "
        "images of common pigmented skin lesions. Scientific Data 2018;5:180161. doi:10.1038/sdata.2018.161"
    )
    homepage = "https://doi.org/10.7910/DVN/DBW86T"
    tables = (METADATA, EXPORT)

    def read(self, root: Path) -> Iterator[ClinicalImage | Problem]:
        """See `Source.read`. Images are grouped by lesion."""
        folder = RawFolder(root, self)
        advice = f"Get HAM10000_metadata.csv and the images from {self.homepage} and put them in one folder."
        got = folder.one_of(self.tables, advice)
        mapped = Mapped(self.name, MAPPING, {}).form(METADATA)
        form = mapped if got.kind == METADATA else isic_export.form(self, "dermoscopic", EXPORT)
        yield from read_images(got.items, folder.images, form)
