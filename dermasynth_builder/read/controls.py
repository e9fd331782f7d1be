"""Shows other pictures in place of a source's images, to measure how far answers rest on what the image shows.

An answer that stays the same although its image was blank, or another patient's, came from the record and the question.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.files import private
from dermasynth_builder.core.images.index import ImageIndex
from dermasynth_builder.core.options import Control, Settings
from dermasynth_builder.core.records import ClinicalImage, share_of

BLANKS = "blanks"  # folder in the working folder
_GREY = (127, 127, 127)


def shown_instead(images: Sequence[ClinicalImage], control: Control, settings: Settings) -> list[ClinicalImage]:
    """The images with everything their own but the file, in order; what was measured on their pixels stays too.

    The order of the plan, the questions and the record so stay as they are. Raises UsageError where no other patient's
    image is there to be shown.
    """
    return _blank(images, settings.work) if control == "blank" else _swapped(images, settings.seed)


def _blank(images: Sequence[ClinicalImage], work: Path) -> list[ClinicalImage]:
    """Each with a grey picture of its size; those of one size share it."""
    files = [replace(image, path=_blank_file(image, work / BLANKS)) for image in images]
    measured = ImageIndex(work / "images.sqlite").measure(files)
    return [image for image in measured if isinstance(image, ClinicalImage)]


def _blank_file(image: ClinicalImage, folder: Path) -> Path | None:
    """None of an image that is not on disk itself."""
    from PIL import Image

    if image.path is None or image.file is None:
        return None
    size = (image.file.width_px, image.file.height_px)
    path = folder / f"{size[0]}x{size[1]}.png"
    if not path.is_file():
        making = private(path.with_name(f".{path.name}.new"))
        Image.new("RGB", size, _GREY).save(making, "PNG")
        making.replace(path)
    return path


def _swapped(images: Sequence[ClinicalImage], seed: int) -> list[ClinicalImage]:
    """Each with the file of another patient's image of its kind, of another diagnosis as far as there are enough."""
    files: dict[str, ClinicalImage] = {}
    for modality in sorted({image.modality for image in images}):
        ranked = sorted(
            (image for image in images if image.modality == modality),
            key=lambda image: (_diagnosis(image), share_of(seed, image.source, image.image_id, "swapped")),
        )
        shift = max(Counter(map(_diagnosis, ranked)).values())  # carries each past the others of its diagnosis
        for place, image in enumerate(ranked):
            files[image.image_id] = _stranger(image, ranked, place + shift)
    return [replace(image, path=files[image.image_id].path, file=files[image.image_id].file) for image in images]


def _stranger(image: ClinicalImage, ranked: Sequence[ClinicalImage], first: int) -> ClinicalImage:
    """The first of another patient, from a place on and around."""
    for step in range(len(ranked)):
        other = ranked[(first + step) % len(ranked)]
        if other.group_id != image.group_id and _bytes_of(other) != _bytes_of(image):
            return other
    raise UsageError(
        f"--control swapped: {image.source} has no {image.modality} image of another patient to show in place of "
        f"{image.image_id}; choose more images, or --control blank"
    )


def _bytes_of(image: ClinicalImage) -> str:
    return image.file.sha256 if image.file else image.image_id


def _diagnosis(image: ClinicalImage) -> str:
    return image.facts.diagnosis or ""
