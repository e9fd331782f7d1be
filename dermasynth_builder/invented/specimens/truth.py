"""What is so on each drawn picture, in a file beside its tables: what measurements and learners can be held to."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from dermasynth_builder.core.images.eyes import form_of
from dermasynth_builder.invented.specimens.photograph import Drawn, Specimen

FILE = "drawn.jsonl"
"""A line a picture, by its path below the root. No table of a release has this form, so that none is taken for it."""


def truth_of(specimen: Specimen, drawn: Drawn) -> dict[str, str | float]:
    """What is so: look, phototype, the facts that show, what they made of the lesion, and its form.

    The form is what `core.images.eyes` would say of the true outline. A lesion that is out of sight has none; a fact
    that the table does not tell, a border or ink that is not there has no entry.
    """
    traits, (across, down) = drawn.traits, drawn.traits.centre
    return {
        "look": specimen.look,
        "phototype": specimen.phototype,
        **{name: so for name, so in asdict(specimen.told).items() if so is not None},
        "size": round(traits.size, 3),
        "depth": round(traits.depth, 3),
        "raggedness": round(traits.raggedness, 3),
        "across": round(across, 3),
        "down": round(down, 3),
        **(form_of(drawn.lesion) if drawn.lesion.sum() > 1 else {}),
        **({"border": "a dark round border"} if drawn.has_border else {}),
        **({"ink": "blue ink marks"} if drawn.has_ink else {}),
    }


def write_truth(root: Path, truth: Mapping[str, Mapping[str, str | float]]) -> None:
    """Writes the file, by the paths of the pictures below the root."""
    lines = (json.dumps({"image": image, **told}) for image, told in sorted(truth.items()))
    (root / FILE).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
