"""Chooses a few images that show what a source has."""

import hashlib
from collections.abc import Sequence
from itertools import chain, zip_longest

from dermasynth_builder.core.records import ClinicalImage


def sample(images: Sequence[ClinicalImage], count: int) -> list[ClinicalImage]:
    """`count` of the images, or all: one of each diagnosis in turn, those without a diagnosis last of a turn.

    The choice depends on the ids and diagnoses alone; a larger sample holds every smaller one.
    """
    classes: dict[str, list[ClinicalImage]] = {}
    for image in sorted(images, key=_rank):
        classes.setdefault(image.facts.diagnosis_published or "", []).append(image)
    turns = zip_longest(*(classes[name] for name in sorted(classes, key=lambda name: (not name, name))))
    return [image for image in chain.from_iterable(turns) if image is not None][:count]


def _rank(image: ClinicalImage) -> str:
    """An order that has nothing to do with patients, as that of the tables has."""
    return hashlib.sha256(f"{image.source}/{image.image_id}".encode()).hexdigest()
