"""Reads Fitzpatrick17k, photographs of 114 skin conditions with a phototype each, by a mapping.

Groh et al. 2021, arXiv:2104.09957: a table of 16,577 images of two atlases. The images are not part of it: whoever has
them puts them beside the table, named by their md5hash. Their rights are the atlases'. The table itself was not at
hand; its columns are those that its authors publish. No person is known: every image is a group of its own.
"""

from collections.abc import Iterator
from pathlib import Path

from dermasynth_builder.core.options import FolderOptions
from dermasynth_builder.core.records import ClinicalImage, Problem
from dermasynth_builder.read.mapped import Mapped
from dermasynth_builder.read.origin import RawFolder, Sign, TableKind
from dermasynth_builder.read.tables import read_images

TABLE = TableKind(
    "fitzpatrick17k.csv",
    "md5hash",
    ("fitzpatrick_scale", "label", "three_partition_label"),
    signs=(Sign("md5hash", "^[0-9a-f]{32}$", "5e82a45bc5d78bd24ae9202d194423f8"),),
    counts=(16577,),
    unread=r"fitzpatrick_centaur|nine_partition_label|qc|url|url_alphanum",
)
MAPPING = FolderOptions(
    image="md5hash",
    group="md5hash",
    licence="CC-BY-NC-SA-3.0",
    attribution="Fitzpatrick17k by Groh et al. (2021); images of DermaAmin and Atlas Dermatologico",
    modality="clinical",
    title="Fitzpatrick17k",
    missing=("-1", "-1.0", "non-neoplastic"),
    facts={"diagnosis": "label", "fitzpatrick": "fitzpatrick_scale", "malignancy": "three_partition_label"},
)


class Fitzpatrick17k:
    """Fitzpatrick17k; see `dermasynth_builder.core.protocols.Source`."""

    name = "fitzpatrick17k"
    title = MAPPING.title
    licence = MAPPING.licence
    attribution = MAPPING.attribution
    citation = (
        "Groh M, Harris C, Soenksen L, et al. Evaluating deep neural networks trained on clinical images in "
        "dermatology with the Fitzpatrick 17k dataset. CVPR Workshops 2021. arXiv:2104.09957"
    )
    homepage = "https://github.com/mattgroh/fitzpatrick17k"
    tables = (TABLE,)

    def read(self, root: Path) -> Iterator[ClinicalImage | Problem]:
        """See `Source.read`."""
        folder = RawFolder(root, self)
        advice = f"Get fitzpatrick17k.csv from {self.homepage}, and the images as it says there."
        got = folder.one_of(self.tables, advice)
        yield from read_images(got.items, folder.images, Mapped(self.name, MAPPING, {}).form(TABLE))
