"""Effect: reads PAD-UFES-20, smartphone photographs of six kinds of skin lesion from Brazil.

Pacheco et al. 2020, doi:10.17632/zr7vgbcyr2.1. The release is `metadata.csv` (26 columns) and three
archives of PNG files; people keep them as `imgs_part_N/`, doubled as `imgs_part_N/imgs_part_N/`, or flat.
"""

from collections.abc import Iterator
from pathlib import Path

from dermasynth_builder.errors import SourceError
from dermasynth_builder.records import ClinicalImage, Facts, Malignancy, Problem, ProblemKind, Sex
from dermasynth_builder.sources.release import (
    CellReader,
    ImageFolder,
    Row,
    read_table,
    split_doubled,
    walk_files,
)

# Code -> (name in the release's description, first level of that diagnosis in the ISIC taxonomy).
# The release counts Bowen's disease as SCC; ISIC files "Solar or actinic keratosis" under Indeterminate.
DIAGNOSES: dict[str, tuple[str, Malignancy]] = {
    "ACK": ("actinic keratosis", "indeterminate"),
    "BCC": ("basal cell carcinoma", "malignant"),
    "MEL": ("melanoma", "malignant"),
    "NEV": ("nevus", "benign"),
    "SCC": ("squamous cell carcinoma", "malignant"),
    "SEK": ("seborrheic keratosis", "benign"),
}
# The regions of the release, all plain English words.
REGIONS = {
    name.upper(): name
    for name in (
        *("abdomen", "arm", "back", "chest", "ear", "face", "foot"),
        *("forearm", "hand", "lip", "neck", "nose", "scalp", "thigh"),
    )
}
# Where a parent's family comes from; the release spells Brazil in two ways.
BACKGROUNDS = {
    name.upper(): name
    for name in (
        *("Austria", "Brazil", "France", "Germany", "Israel", "Italy"),
        *("Norway", "Poland", "Pomerania", "Portugal", "Spain"),
    )
} | {"BRASIL": "Brazil", "CZECH": "Czechia", "NETHERLANDS": "the Netherlands"}
SEXES: dict[str, Sex] = {"FEMALE": "female", "MALE": "male"}
MISSING = frozenset({"", "UNK"})
REQUIRED = ("img_id", "patient_id", "lesion_id", "diagnostic")


class PadUfes:
    """PAD-UFES-20; see `dermasynth_builder.protocols.Source`."""

    name = "pad_ufes"
    title = "PAD-UFES-20"
    licence = "CC-BY-4.0"
    attribution = (
        "PAD-UFES-20 by Pacheco et al., Federal University of Espírito Santo (2020), doi:10.17632/zr7vgbcyr2.1"
    )
    citation = (
        "Pacheco AGC, Lima GR, Salomão AS, et al. PAD-UFES-20: a skin lesion dataset composed of patient data and "
        "clinical images collected from smartphones. Data in Brief 2020;32:106221. doi:10.1016/j.dib.2020.106221"
    )
    homepage = "https://data.mendeley.com/datasets/zr7vgbcyr2/1"

    def read(self, root: Path) -> Iterator[ClinicalImage | Problem]:
        """See `Source.read`. Images are grouped by patient; a lesion is (patient_id, lesion_id)."""
        files = walk_files(root)
        table = self._find_table(root, files)
        folder = ImageFolder(root, files)
        rows: list[Row] = []
        for item in read_table(table, root, REQUIRED):
            if isinstance(item, Problem):
                yield item
                continue
            folder.claim(_file_name(item))
            if _image_id(item) and item.cells["patient_id"]:
                rows.append(item)
            else:
                yield Problem(ProblemKind.BROKEN_ROW, item.place, "has no img_id or no patient_id")
        for row in split_doubled(rows, _image_id):
            yield from [row] if isinstance(row, Problem) else self._image(row, folder)
        yield from folder.unclaimed()

    def _find_table(self, root: Path, files: list[Path]) -> Path:
        for path in files:
            if path.name.lower() == "metadata.csv":
                return path
        zips = [path.name for path in files if path.suffix.lower() == ".zip"]
        raise SourceError(
            f"{root} holds no {self.title} release: there is no metadata.csv in it or below it. "
            + (f"Unpack {', '.join(zips[:4])} first. " if zips else "")
            + f"Get metadata.csv and imgs_part_1..3 from {self.homepage} and put them in one folder."
        )

    def _image(self, row: Row, folder: ImageFolder) -> Iterator[ClinicalImage | Problem]:
        cells = CellReader(row, MISSING)
        image = ClinicalImage(
            source=self.name,
            image_id=_image_id(row),
            file_name=_file_name(row),
            group_id=row.cells["patient_id"],
            lesion_id=_lesion_id(cells),
            modality="clinical",
            facts=_facts(cells),
            licence=self.licence,
            attribution=self.attribution,
            row_place=row.place,
        )
        yield from cells.problems
        yield folder.attach(image)


def _image_id(row: Row) -> str:
    name = row.cells["img_id"]
    return name[: -len(".png")] if name.lower().endswith(".png") else name


def _file_name(row: Row) -> str:
    return f"{_image_id(row)}.png"


def _lesion_id(cells: CellReader) -> str | None:
    lesion = cells.text("lesion_id")  # numbers repeat from patient to patient
    return lesion and f"{cells.row.cells['patient_id']}_{lesion}"


def _facts(cells: CellReader) -> Facts:
    code = cells.text("diagnostic")
    diagnosis, malignancy = DIAGNOSES.get((code or "").upper(), (None, None))
    if diagnosis is None:
        cells.choice("diagnostic", {known: known for known in DIAGNOSES})  # says so, unless it is missing
    return Facts(
        diagnosis=diagnosis,
        diagnosis_published=code,
        malignancy=malignancy,
        is_biopsied=cells.boolean("biopsed"),
        body_site=cells.choice("region", REGIONS),
        age_years=cells.whole("age", 0, 120),
        sex=cells.choice("gender", SEXES),
        fitzpatrick=cells.whole("fitspatrick", 1, 6),
        diameter_1_mm=cells.number("diameter_1", 0, 1000) or None,  # four rows say 0, which no lesion measures
        diameter_2_mm=cells.number("diameter_2", 0, 1000) or None,
        itches=cells.boolean("itch"),
        has_grown=cells.boolean("grew"),
        hurts=cells.boolean("hurt"),
        has_changed=cells.boolean("changed"),
        bleeds=cells.boolean("bleed"),
        is_elevated=cells.boolean("elevation"),
        smokes=cells.boolean("smoke"),
        drinks_alcohol=cells.boolean("drink"),
        uses_pesticide=cells.boolean("pesticide"),
        has_skin_cancer_history=cells.boolean("skin_cancer_history"),
        has_cancer_history=cells.boolean("cancer_history"),
        has_piped_water=cells.boolean("has_piped_water"),
        has_sewage_system=cells.boolean("has_sewage_system"),
        background_father=cells.choice("background_father", BACKGROUNDS),
        background_mother=cells.choice("background_mother", BACKGROUNDS),
    )
