"""The mask that passes the gate is the lesion that was drawn, over all looks, phototypes and both kinds of image."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dermasynth_builder.core.images.eyes import area_on, measured_on, small_copy
from dermasynth_builder.invented.specimens.lesions import FORMS
from dermasynth_builder.invented.specimens.photograph import Specimen, draw, draw_through_dermoscope, lesion_of


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
def test_masks_that_pass_are_the_lesions_and_a_third_passes(drawn: Callable[[Specimen], Image.Image]) -> None:
    overlaps = [dice(drawn(each), lesion_of(each)) for each in specimens(6)]
    passed = [each for each in overlaps if each is not None]
    assert len(passed) >= len(overlaps) / 3
    assert np.median(passed) >= 0.9
    assert np.quantile(passed, 0.05) >= 0.75


def test_a_caption_or_ruler_at_the_edge_is_no_second_area() -> None:
    [nevus] = [each for each in specimens(1) if each.look == "nevus"]
    found = {each.name: each.value for each in measured_on(draw(nevus))}
    assert found["place"] == "in the middle"
    assert str(found["compared"]).startswith("darker")
