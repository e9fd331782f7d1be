"""Reads the four generations of columns of an export of the ISIC archive as one vocabulary.

Columns come and go with the fields that a collection uses, so none but `isic_id` is required. Ages are rounded to
five years. Missing is an empty cell. See github.com/ImageMarkup/isic for the schema.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from dermasynth_builder.core.protocols import Source
from dermasynth_builder.core.records import ClinicalImage, Confirmation, Facts, Modality, Sex
from dermasynth_builder.read import vocabulary
from dermasynth_builder.read.origin import Sign, TableKind
from dermasynth_builder.read.tables import CellReader, Form, Row
from dermasynth_builder.read.vocabulary import Diagnosis

MISSING = frozenset({""})
REQUIRED: Sequence[str] = ("isic_id",)
FACTS = ("diagnosis_1|diagnosis", "age_approx", "anatom_site_general|anatom_site_1", "sex")  # in every generation
# Fields of the archive (github.com/ImageMarkup/isic, its server and isic-metadata) that say nothing for a text.
UNREAD = (
    r"acquisition_day|age|anatom_site(_special|_\d)?|blurry|color_tint|concomitant_biopsy|diagnosis_\d|hairy|"
    r"image_manipulation|marker_pen|mel_\w+|nevus_type|pixels_[xy]|rcm_case_id|tbp_tile_type|iddx_\w+|attribution|"
    r"copyright_license|diagnosis|anatom_site_general|benign_malignant|dermoscopic_type|personal_hx_mm|family_hx_mm|melanocytic|public"
)
LICENCES = {"CC-0": "CC0-1.0", "CC-BY": "CC-BY-4.0", "CC-BY-NC": "CC-BY-NC-4.0"}
SEXES: dict[str, Sex] = {"FEMALE": "female", "MALE": "male"}
CONFIRMATIONS: dict[str, Confirmation] = {
    "HISTOPATHOLOGY": "histopathology",
    "SERIAL IMAGING SHOWING NO CHANGE": "serial imaging",
    "SINGLE IMAGE EXPERT CONSENSUS": "expert consensus",
    "CONFOCAL MICROSCOPY WITH CONSENSUS DERMOSCOPY": "confocal microscopy",
    "SINGLE CONTRIBUTOR CLINICAL ASSESSMENT": "clinical assessment",
}
SITES = {
    "HEAD/NECK": "head or neck",
    "UPPER EXTREMITY": "upper extremity",
    "LOWER EXTREMITY": "lower extremity",
    "ANTERIOR TORSO": "front of the trunk",
    "POSTERIOR TORSO": "back of the trunk",
    "LATERAL TORSO": "side of the trunk",
    "PALMS/SOLES": "palms or soles",
    "ORAL/GENITAL": "oral or genital region",
}
# image_type -> kind of image and shot.
IMAGE_TYPES: dict[str, tuple[Modality, str | None]] = {
    "DERMOSCOPIC": ("dermoscopic", None),
    "CLINICAL": ("clinical", None),
    "CLINICAL: OVERVIEW": ("clinical", "overview"),
    "CLINICAL: CLOSE-UP": ("clinical", "close-up"),
    "TBP TILE: CLOSE-UP": ("clinical", "close-up"),
    "TBP TILE: OVERVIEW": ("clinical", "overview"),
}
DERMOSCOPIC_TYPES = {
    "CONTACT POLARIZED": "contact polarized",
    "CONTACT NON-POLARIZED": "contact non-polarized",
    "NON-CONTACT POLARIZED": "non-contact polarized",
}
PHOTOTYPES = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6}


def table(what: str, attribution: str, example: str, **more: Any) -> TableKind:
    """An export of the images of one collection: `attribution` is a pattern of what its rows have in that column."""
    signs = (Sign("attribution", attribution, example),)
    return replace(TableKind(what, "isic_id", signs=signs, facts=FACTS, unread=UNREAD), **more)


def form(source: Source, modality: Modality, kind: TableKind) -> Form:
    """How the rows of an export become images of `source`; `modality` is of those whose row does not tell theirs."""
    return Form(_image_id, partial(_image, source, modality), needed=REQUIRED, missing=MISSING, columns=kind)


def facts(cells: CellReader, names: Mapping[str, Diagnosis] | None = None) -> Facts:
    """The facts of one row of an export; unknown values are told to `cells`.

    `names` says what the column `diagnosis` holds, if not the archive's own old names.
    """
    published, diagnosis = _diagnosis(cells, vocabulary.legacy_diagnoses() if names is None else names)
    site_published, site = _site(cells)
    age_years = cells.whole("age_approx", 0, 120)
    return Facts(
        diagnosis=diagnosis.name if diagnosis and not diagnosis.is_class_alone else None,
        diagnosis_published=published,
        diagnosis_isic=diagnosis.isic if diagnosis else None,
        malignancy=diagnosis.malignancy if diagnosis else None,
        malignancy_published=cells.text("benign_malignant") or cells.text("diagnosis_1"),
        confirmation=cells.choice("diagnosis_confirm_type", CONFIRMATIONS),
        body_site=site,
        body_site_published=site_published,
        age_years=age_years,
        is_age_rounded=None if age_years is None else True,
        sex=cells.choice("sex", SEXES),
        fitzpatrick=_phototype(cells),
        diameter_1_mm=cells.number("clin_size_long_diam_mm", 0, 1000) or None,
        is_melanocytic=cells.boolean("melanocytic"),
        dermoscopic_type=cells.choice("dermoscopic_type", DERMOSCOPIC_TYPES),
        has_melanoma_history=cells.boolean("personal_hx_mm"),
        has_family_melanoma_history=cells.boolean("family_hx_mm"),
    )


def with_image_type(image: ClinicalImage, cells: CellReader) -> ClinicalImage:
    """The image with the modality and the shot that its row gives, if it gives any."""
    known = cells.choice("image_type", IMAGE_TYPES)
    if known is None:
        return image
    modality, shot = known
    if shot is None and modality == image.modality:  # as nearly all are
        return image
    return replace(image, modality=modality, facts=replace(image.facts, shot_type=shot))


def licence(cells: CellReader, default: str, column: str = "copyright_license") -> str:
    """The row's own licence, else the collection's; one that is not known stays as it is written.

    It may allow less than the others do.
    """
    published = cells.text(column)
    if published is None or published.upper() in LICENCES:
        return LICENCES[published.upper()] if published else default
    cells.unknown(column, published, f"known are {', '.join(LICENCES)}", taken="kept as written")
    return published


def _image_id(row: Row) -> str:
    return row.cells["isic_id"]


def _image(source: Source, modality: Modality, cells: CellReader) -> ClinicalImage:
    """The image of a row; images are grouped by patient, else by lesion, else alone."""
    image_id, lesion_id = _image_id(cells.row), cells.text("lesion_id")
    image = ClinicalImage(
        source=source.name,
        image_id=image_id,
        file_name=f"{image_id}.jpg",
        group_id=cells.text("patient_id") or lesion_id or image_id,
        lesion_id=lesion_id,
        modality="dermoscopic" if cells.text("dermoscopic_type") else modality,
        facts=facts(cells),
        licence=licence(cells, source.licence),
        attribution=cells.text("attribution") or source.attribution,
        row_location=cells.row.location,
    )
    return with_image_type(image, cells)


def _diagnosis(cells: CellReader, names: Mapping[str, Diagnosis]) -> tuple[str | None, Diagnosis | None]:
    """What is published, and its place: from the levels of the tree, else from the old column."""
    levels = _levels(cells, "diagnosis")
    if levels:
        node = ":".join(levels)
        if node in vocabulary.isic_nodes():
            return levels[-1], Diagnosis(vocabulary.node_name(node), node)
        cells.unknown("diagnosis_1", node, "not a node of the installed ISIC taxonomy")
        return levels[-1], None
    diagnosis = cells.choice("diagnosis", {name.upper(): named for name, named in names.items()})
    return cells.text("diagnosis"), diagnosis


def _levels(cells: CellReader, column: str) -> list[str]:
    """The numbered columns of a tree, `<column>_1` to `<column>_5`, as far as they are filled."""
    return [level for n in range(1, 6) if (level := cells.text(f"{column}_{n}"))]


def _site(cells: CellReader) -> tuple[str | None, str | None]:
    """The site as published and in words: from the old column, else from the tree of sites that replaces it."""
    general = cells.text("anatom_site_general")
    if general:
        return general, cells.choice("anatom_site_general", SITES)
    levels = _levels(cells, "anatom_site")
    if not levels:
        return None, None
    node = ":".join(levels)
    if node not in vocabulary.isic_sites():
        cells.unknown("anatom_site_1", node, "not a node of the installed ISIC tree of sites")
        return levels[-1], None
    return levels[-1], vocabulary.site_name(node)


def _phototype(cells: CellReader) -> int | None:
    column = "fitzpatrick_skin_type" if cells.text("fitzpatrick_skin_type") else "skin_type"
    return cells.choice(column, PHOTOTYPES)
