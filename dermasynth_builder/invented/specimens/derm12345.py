"""Writes a small invented release in the layouts of DERM12345, for demos and tests.

Nothing in it is taken from anybody: the pictures are drawn, the tables are made up, and every picture says so.
Images, patients and ISIC ids have numbers of seven and eight digits that the real release does not reach. Its oddities
are kept: a hyphen in a column's name, a blank behind a word, one patient in both official parts.

Equal arguments write equal tables and draw equal pixels; what a JPEG encoder makes of these may change with Pillow.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.invented.specimens.lesions import Look
from dermasynth_builder.invented.specimens.photograph import Specimen, Told, draw_through_dermoscope
from dermasynth_builder.invented.specimens.truth import truth_of, write_truth

Layout = Literal["parts", "train_test", "flat", "isic"]
Split = Literal["train", "test"]

JPEG_TEXT = "drawn specimen: invented by dermasynth, shows nobody"  # in every picture's comment
COLUMNS = (
    *("image_id", "patient_id", "image_type", "copyright-license", "split", "super_class", "malignancy"),
    *("main_class_1", "main_class_2", "sub_class", "label"),
)
EXPORT_COLUMNS = ("isic_id", "attribution", "copyright_license", "image_type", "diagnosis_1")
SUPPLEMENT_COLUMNS = ("isic_id", "image_id", "patient_id", "split", "label")
_SMALLEST_SIDE_PX = 16


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a label brings with it."""

    look: Look
    words: tuple[str, str, str, str, str]  # super_class to sub_class


_KINDS: Mapping[str, _Kind] = {
    "jd": _Kind("nevus", ("melanocytic", "benign", "dysplastic", "junctional", "junctional")),
    "mel": _Kind("melanoma", ("melanocytic", "malignant", "melanoma", "melanoma", "melanoma")),
    "mcb": _Kind("nevus", ("melanocytic", "benign", "banal", "compound", "miescher ")),
    "bcc": _Kind(
        "basal_cell_carcinoma",
        ("nonmelanocytic", "malignant", "keratinocytic", "keratinocytic", "basal_cell_carcinoma"),
    ),
    "sk": _Kind(
        "seborrheic_keratosis",
        ("nonmelanocytic", "benign", "keratinocytic", "keratinocytic", "seborrheic_keratosis"),
    ),
    "ak": _Kind(
        "actinic_keratosis",
        ("nonmelanocytic", "indeterminate", "keratinocytic", "keratinocytic", "actinic_keratosis"),
    ),
    "ch": _Kind(
        "squamous_cell_carcinoma",
        ("nonmelanocytic", "malignant", "keratinocytic", "keratinocytic", "cutaneous_horn"),
    ),
}
_FIRST_LEVELS = {"benign": "Benign", "malignant": "Malignant", "indeterminate": "Indeterminate"}
_LEAKING_PATIENT = 1  # the second of two images of this patient is in the other part


@dataclass(frozen=True, slots=True)
class _Shot:
    """One picture. Patients have two each, of one lesion."""

    index: int

    @property
    def patient(self) -> int:
        return self.index // 2

    @property
    def label(self) -> str:
        return tuple(_KINDS)[self.patient % len(_KINDS)]

    @property
    def kind(self) -> _Kind:
        return _KINDS[self.label]

    @property
    def split(self) -> Split:
        is_moved = self.patient == _LEAKING_PATIENT and self.index % 2
        return "test" if self.patient % 4 == 3 or is_moved else "train"

    @property
    def image_id(self) -> str:
        return f"DERM_{9000001 + self.index * 37}"

    @property
    def isic_id(self) -> str:
        return f"ISIC_{99000001 + self.index * 37}"

    @property
    def patient_id(self) -> str:
        return f"PID_{9000001 + self.patient}"


def write_derm12345(
    root: Path, *, images: int = 12, layout: Layout = "parts", side_px: int = 320, seed: int = 0
) -> Path:
    """Draws a small DERM12345 release under `root` and gives `root` back.

    "parts" is the Dataverse's own layout, "isic" the bundle of the ISIC archive with its supplement. Every layout has
    the same pictures. Raises UsageError for fewer images than one or a side under 16 pixels.
    """
    if side_px < _SMALLEST_SIDE_PX:
        raise UsageError(f"side_px is {side_px}: a specimen needs {_SMALLEST_SIDE_PX} pixels or more")
    if images < 1:
        raise UsageError(f"images is {images}: a release has one or more")
    shots = [_Shot(index) for index in range(images)]
    for name, columns, rows in _tables(shots, layout):
        _write_table(root / name, columns, rows)
    truth = {}
    for shot in shots:
        path = root / _place(shot, layout)
        path.parent.mkdir(parents=True, exist_ok=True)
        lesion = f"derm12345/{seed}/{shot.patient}"
        size_px = (round(side_px * 4 / 3), side_px)
        told = Told(is_malignant=shot.kind.words[1] == "malignant")
        specimen = Specimen(shot.kind.look, shot.patient % 4 + 1, lesion, f"{lesion}/{shot.index}", size_px, told)
        drawn = draw_through_dermoscope(specimen)
        drawn.picture.save(path, quality=90, comment=JPEG_TEXT)
        truth[_place(shot, layout)] = truth_of(specimen, drawn)
    write_truth(root, truth)
    return root


Table = tuple[str, Sequence[str], list[Mapping[str, str]]]  # name, columns, rows


def _tables(shots: list[_Shot], layout: Layout) -> Iterator[Table]:
    """The tables of the release; rows lie scattered, as in the real ones."""
    scattered = sorted(shots, key=lambda shot: Random(f"derm12345/{shot.index}").random())  # noqa: S311 - specimens
    if layout == "isic":
        yield "metadata.csv", EXPORT_COLUMNS, [_export_row(shot) for shot in scattered]
        yield "supplements/derm12345_supplemental.csv", SUPPLEMENT_COLUMNS, [_row(shot) for shot in scattered]
    elif layout == "flat":
        yield "derm12345_metadata_all.csv", COLUMNS, [_row(shot) for shot in scattered]
    else:
        for split in ("train", "test"):
            rows = [_row(shot) for shot in scattered if shot.split == split]
            yield f"derm12345_metadata_{split}.csv", COLUMNS, rows


def _row(shot: _Shot) -> Mapping[str, str]:
    """All that any of the labelled tables says of a picture."""
    names = ("super_class", "malignancy", "main_class_1", "main_class_2", "sub_class")
    return dict(zip(names, shot.kind.words, strict=True)) | {
        "image_id": shot.image_id,
        "isic_id": shot.isic_id,
        "patient_id": shot.patient_id,
        "image_type": "dermoscopic",
        "copyright-license": "CC-BY",
        "split": shot.split,
        "label": shot.label,
    }


def _export_row(shot: _Shot) -> Mapping[str, str]:
    return {
        "isic_id": shot.isic_id,
        "attribution": "Imperial College London",
        "copyright_license": "CC-BY",
        "image_type": "dermoscopic",
        "diagnosis_1": _FIRST_LEVELS[shot.kind.words[1]],
    }


def _place(shot: _Shot, layout: Layout) -> str:
    """Where the picture lies below the root."""
    match layout:
        case "parts":
            part = f"train_part_{shot.index % 2 + 1}" if shot.split == "train" else "test"
            return f"derm12345_{part}/{shot.label}/{shot.image_id}.jpg"
        case "train_test":
            return f"{shot.split}/{shot.label}/{shot.image_id}.jpg"
        case "flat":
            return f"{shot.image_id}.jpg"
        case "isic":
            return f"images/{shot.isic_id}.jpg"


def _write_table(path: Path, columns: Sequence[str], rows: list[Mapping[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
