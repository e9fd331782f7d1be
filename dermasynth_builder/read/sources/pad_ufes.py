"""Reads PAD-UFES-20, smartphone photographs of six kinds of skin lesion from Brazil.

Pacheco et al. 2020, doi:10.17632/zr7vgbcyr2.1. The release is `metadata.csv` (26 columns) and three
archives of PNG files; people keep them as `imgs_part_N/`, doubled as `imgs_part_N/imgs_part_N/`, or flat.
A mirror in the ISIC archive has the archive's own columns and ids, and says less.
"""

from collections.abc import Iterator
from pathlib import Path

from dermasynth_builder.core.records import ClinicalImage, Confirmation, Facts, Problem, ProblemKind, Sex
from dermasynth_builder.read import vocabulary
from dermasynth_builder.read.origin import RawFolder, Sign, TableKind
from dermasynth_builder.read.sources import isic_export
from dermasynth_builder.read.tables import CellReader, Form, Row, read_images

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
CONFIRMATIONS: dict[bool | None, Confirmation] = {True: "histopathology", False: "clinical assessment"}
SEXES: dict[str, Sex] = {"FEMALE": "female", "MALE": "male"}
MISSING = frozenset({"", "UNK"})
RELEASE = TableKind(
    "the release's metadata.csv",
    "img_id",
    ("patient_id", "lesion_id", "diagnostic"),
    signs=(Sign("img_id", r"^pat_\d+_\d+_\d+$", "PAT_46_881_939"),),
    facts=(
        *("smoke", "drink", "background_father", "background_mother", "age", "pesticide", "gender"),
        *("skin_cancer_history", "cancer_history", "has_piped_water", "has_sewage_system", "fitspatrick", "region"),
        *("diameter_1", "diameter_2", "itch", "grew", "hurt", "changed", "bleed", "elevation", "biopsed"),
    ),
)
MIRROR = isic_export.table(
    "an export of its mirror in the ISIC archive",
    "pad.?ufes|federal d[eo] espirito santo|federal university of espirito santo|pacheco",
    "Universidade Federal do Espírito Santo",
    counts=(2298,),
    path="pad.?ufes",
    group="patient_id|lesion_id",
)


class PadUfes:
    """PAD-UFES-20; see `dermasynth_builder.core.protocols.Source`."""

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
    tables = (RELEASE, MIRROR)

    def read(self, root: Path) -> Iterator[ClinicalImage | Problem]:
        """See `Source.read`. Images are grouped by patient; a lesion is (patient_id, lesion_id)."""
        folder = RawFolder(root, self)
        advice = f"Get metadata.csv and imgs_part_1..3 from {self.homepage} and put them in one folder."
        got = folder.one_of(self.tables, advice)
        form = isic_export.form(self, "clinical", MIRROR)
        if got.kind == RELEASE:
            needed = ("img_id", "patient_id")
            form = Form(_image_id, self._image, needed=needed, missing=MISSING, columns=RELEASE)
        yield from read_images(got.items, folder.images, form)

    def _image(self, cells: CellReader) -> ClinicalImage | None:
        """The image of a row; none where its name is of another patient or lesion, as after a sort of one column."""
        row, image_id, lesion_id = cells.row, _image_id(cells.row), _lesion_id(cells)
        said = lesion_id or row.cells["patient_id"]
        if not f"{image_id}_".casefold().startswith(f"{said}_".casefold()):
            detail = f"img_id is {image_id}, but patient_id and lesion_id say {said}; left out"
            cells.problems.append(Problem(ProblemKind.BROKEN_ROW, row.location, detail))
            return None
        return ClinicalImage(
            source=self.name,
            image_id=image_id,
            file_name=f"{image_id}.png",
            group_id=row.cells["patient_id"],
            lesion_id=lesion_id,
            modality="clinical",
            facts=_facts(cells),
            licence=self.licence,
            attribution=self.attribution,
            row_location=row.location,
        )


def _image_id(row: Row) -> str:
    name = row.cells["img_id"]
    return name[: -len(".png")] if name.lower().endswith(".png") else name


def _lesion_id(cells: CellReader) -> str | None:
    lesion = cells.text("lesion_id")  # numbers repeat from patient to patient
    return lesion and f"{cells.row.cells['patient_id']}_{lesion}"


def _facts(cells: CellReader) -> Facts:
    diagnosis = cells.choice("diagnostic", vocabulary.diagnoses("pad_ufes"))
    return Facts(
        diagnosis=diagnosis.name if diagnosis else None,
        diagnosis_published=cells.text("diagnostic"),
        diagnosis_isic=diagnosis.isic if diagnosis else None,
        malignancy=diagnosis.malignancy if diagnosis else None,
        # Where no biopsy was taken, dermatologists agreed on the diagnosis in the clinic (Pacheco et al. 2020).
        confirmation=CONFIRMATIONS.get(cells.boolean("biopsed")),
        body_site=cells.choice("region", REGIONS),
        body_site_published=cells.text("region"),
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
