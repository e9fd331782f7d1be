"""The mask that passes the gate is the lesion that was drawn, over all looks, phototypes and both kinds of image."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dermasynth_builder.core.images.eyes import area_on, measured_on, small_copy
from dermasynth_builder.invented.specimens.lesions import FORMS
from dermasynth_builder.invented.specimens.photograph import Drawn, Specimen, draw, draw_through_dermoscope
from dermasynth_builder.invented.specimens.truth import truth_of


def specimens(count: int) -> list[Specimen]:
    """So many of each look, over all phototypes."""
    return [
        Specimen(look, 1 + (number + place) % 6, f"lesion/{look}/{number}", f"shot/{look}/{number}", (192, 160))
        for place, look in enumerate(FORMS)
        for number in range(count)
    ]


def dice(picture: Image.Image, truth: NDArray[np.bool_]) -> float | None:
    """Overlap of the area that was found with the lesion, 0..1; None where the gate abstains."""
    seen = area_on(picture)
    if seen is None:
        return None
    drawn = np.asarray(Image.fromarray(truth).resize(small_copy(picture).size, Image.Resampling.NEAREST))
    return float(2 * (seen.mask & drawn).sum() / (seen.mask.sum() + drawn.sum()))


@pytest.mark.slow
@pytest.mark.parametrize("drawn", [draw, draw_through_dermoscope])
def test_masks_that_pass_are_the_lesions_and_a_third_passes(drawn: Callable[[Specimen], Drawn]) -> None:
    pictures = map(drawn, specimens(6))
    overlaps = [dice(each.picture, each.lesion) for each in pictures]
    passed = [each for each in overlaps if each is not None]
    assert len(passed) >= len(overlaps) / 3
    assert np.median(passed) >= 0.9
    assert np.quantile(passed, 0.05) >= 0.75


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
def test_what_is_said_of_a_drawn_lesion_is_so_on_light_and_on_dark_skin(*, dark: bool) -> None:
    """Precision by phototype, on more of them: benchmarks/eyes.py --specimens 10."""
    made = right = 0
    for specimen in (replace(each, size_px=(256, 224)) for each in specimens(8)):
        if (specimen.phototype > 3) is not dark:
            continue
        for drawn in (draw(specimen), draw_through_dermoscope(specimen)):
            truth = truth_of(specimen, drawn) | {"share": 100 * float(drawn.lesion.mean())}  # not in steps
            said = {each.name: each.value for each in measured_on(drawn.picture)}
            held = [said[name] == truth.get(name) for name in ("place", "border", "ink") if name in said]
            held += [truth.get(name) in (None, said[name]) for name in ("shape", "outline") if name in said]
            for name, least, part in (("share", 1.0, 1 / 4), ("elongation", 0.25, 0.0)):
                if name in said:
                    held.append(abs(float(said[name]) - float(truth[name])) <= max(least, part * float(truth[name])))
            made, right = made + len(held), right + sum(held)
    assert made > 60
    assert right >= 0.95 * made


def test_a_caption_or_ruler_at_the_edge_is_no_second_area() -> None:
    [nevus] = [each for each in specimens(1) if each.look == "nevus"]
    found = {each.name: each.value for each in measured_on(draw(nevus).picture)}
    assert found["place"] == "in the middle"
    assert str(found["compared"]).startswith("darker")
