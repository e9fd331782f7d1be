"""Every drawn release says what is so on each of its pictures, beside its tables."""

import json
from pathlib import Path

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.registry import SPECIMENS
from dermasynth_builder.invented.specimens.lesions import FORMS
from dermasynth_builder.invented.specimens.truth import FILE

PICTURES = {".png", ".jpg", ".jpeg", ".JPG"}


@pytest.mark.parametrize("source", sorted(SPECIMENS))
def test_each_picture_of_a_drawn_release_has_its_line_and_no_line_is_about_another(source: str, tmp_path: Path) -> None:
    for layout in registry.specimen_layouts(source) or [None]:
        root = tmp_path / str(layout)
        chosen = {"layout": layout} if layout else {}
        registry.specimens(source)(root, images=8, side_px=48, **chosen)
        lines = [json.loads(line) for line in (root / FILE).read_text("utf-8").splitlines()]
        drawn = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.suffix in PICTURES}
        assert {line["image"] for line in lines} == drawn
        assert len(lines) == len(drawn)
        assert {line["look"] for line in lines} <= set(FORMS)
        assert {line["phototype"] for line in lines} <= set(range(1, 7))
        assert all(0 < line["share"] < 60 and line["place"] for line in lines)


def test_the_same_release_has_the_same_truth(tmp_path: Path) -> None:
    one, other = (
        (registry.specimens("hiba")(tmp_path / name, images=5, side_px=32) / FILE).read_bytes() for name in "ab"
    )
    assert one == other
