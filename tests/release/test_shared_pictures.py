"""No picture of a release is in two splits, be it there as itself or as a copy; its rows say where else it is."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

from dermasynth_builder import pipeline
from dermasynth_builder.core.options import PlanOptions, Settings
from dermasynth_builder.core.records import ClinicalImage, Problem, ProblemKind
from dermasynth_builder.core.registry import SOURCES, source, specimens
from dermasynth_builder.release.columns import flat
from dermasynth_builder.release.parquet import read_rows
from tests.support.planted import WAYS
from tests.support.recorder import Recorder


def images_of(name: str, raw: Path) -> list[ClinicalImage]:
    return [item for item in source(name).read(raw) if isinstance(item, ClinicalImage) and item.path]


@dataclass
class Planted:
    """Two sources, of which some images of the second and some of the first hold pictures of the first."""

    settings: Settings
    recorder: Recorder
    of_original: dict[str, str] = field(default_factory=dict)  # copy -> original, as "source/id"


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    folder = tmp_path_factory.mktemp("planted")
    raw = {name: specimens(name)(folder / name, images=36, side_px=128) for name in ("pad_ufes", "bcn20000")}
    settings = Settings(
        raw=raw,
        work=folder / "build",
        out=folder / "dermasynth",
        split_shares=(0.4, 0.3, 0.3),
        plan_options=PlanOptions(self_instruct_share=0.0),
    )
    made = Planted(settings, Recorder())
    originals, others = images_of("pad_ufes", raw["pad_ufes"]), images_of("bcn20000", raw["bcn20000"])
    for place, way in enumerate(("encoded anew", "turned", "half the size", "in a mirror", "another shape")):
        plant(made, originals[place], others[3 * place], way)
    target = originals[-1]
    assert target.path
    assert originals[0].path
    target.path.write_bytes(originals[0].path.read_bytes())
    made.of_original[f"pad_ufes/{target.image_id}"] = f"pad_ufes/{originals[0].image_id}"
    pipeline.build(settings, made.recorder)
    return made


def plant(made: Planted, original: ClinicalImage, target: ClinicalImage, way: str) -> None:
    assert original.path
    assert target.path
    with Image.open(original.path) as picture:
        WAYS[way](picture.convert("RGB")).save(target.path, "JPEG", quality=92)
    made.of_original[f"{target.source}/{target.image_id}"] = f"{original.source}/{original.image_id}"


def rows_of(planted: Planted) -> dict[str, list[dict[str, object]]]:
    """Image -> its rows, each with its split."""
    rows: dict[str, list[dict[str, object]]] = {}
    for path in (planted.settings.out / "data").rglob("*.parquet"):
        columns = ["source", "flags", "origin", "evidence"]
        for row in read_rows([path], columns):
            values = flat(row) | {"split": path.name.partition("-")[0]}
            rows.setdefault(f"{values['source']}/{values['image_id']}", []).append(values)
    return rows


@pytest.mark.slow
def test_a_planted_copy_is_in_the_split_of_its_original_and_both_name_each_other(planted: Planted) -> None:
    rows = rows_of(planted)
    assert {row["split"] for same in rows.values() for row in same} == {"train", "validation", "test"}
    for copy, original in planted.of_original.items():
        assert {row["split"] for row in rows[copy]} == {row["split"] for row in rows[original]}
        assert {row["group_id"] for row in rows[copy]} == {row["group_id"] for row in rows[original]}
        for row in rows[copy]:
            assert original in row["also_in"]  # type: ignore[operator]
        for row in rows[original]:
            assert copy in row["also_in"]  # type: ignore[operator]


@pytest.mark.slow
def test_no_picture_and_no_group_is_in_two_splits(planted: Planted) -> None:
    for trait in ("pixel_sha256", "group_id"):
        splits: dict[object, set[object]] = {}
        for row in (row for same in rows_of(planted).values() for row in same):
            splits.setdefault(row[trait], set()).add(row["split"])
        assert all(len(each) == 1 for each in splits.values())


@pytest.mark.slow
def test_records_that_contradict_each_other_are_flagged_and_what_was_found_is_told(planted: Planted) -> None:
    rows = rows_of(planted)
    [same] = [copy for copy in planted.of_original if copy.startswith("pad_ufes/")]
    for row in rows[same]:
        assert "contradictions" in str(row["flags"])
        assert any("group: " in doubt for doubt in row["doubts"])  # type: ignore[attr-defined]
    told = "\n".join(planted.recorder.warned)
    assert "1 x the same file" in told
    assert "copies (encoded anew, scaled, turned or cropped)" in told
    listed = (planted.settings.work / "problems" / "copies.csv").read_text("utf-8")
    assert all(copy in listed for copy in planted.of_original)


@pytest.mark.parametrize("name", sorted(SOURCES.shipped))
def test_a_smaller_copy_beside_an_image_is_told_and_the_larger_taken(name: str, tmp_path: Path) -> None:
    raw = specimens(name)(tmp_path / "raw", images=9, side_px=96)
    before = images_of(name, raw)
    image = before[0]
    assert image.path
    thumbs = image.path.parent / "a_thumbnails"
    thumbs.mkdir()
    with Image.open(image.path) as picture:
        half = picture.convert("RGB").reduce(2)
        half.save(thumbs / image.path.name, image.path.suffix[1:].replace("jpg", "jpeg"))
    items = list(source(name).read(raw))
    assert [item.path for item in items if isinstance(item, ClinicalImage) and item.image_id == image.image_id] == [
        image.path
    ]
    told = [item for item in items if isinstance(item, Problem) and item.kind == ProblemKind.SMALLER_COPY]
    assert len(told) == 1
    assert "a_thumbnails" in told[0].detail


@pytest.mark.parametrize("name", sorted(SOURCES.shipped))
def test_two_different_pictures_of_one_name_are_both_left_out(name: str, tmp_path: Path) -> None:
    raw = specimens(name)(tmp_path / "raw", images=9, side_px=96)
    image, *_, other = images_of(name, raw)
    assert image.path
    assert other.path
    elsewhere = image.path.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / image.path.name).write_bytes(other.path.read_bytes())
    items = list(source(name).read(raw))
    assert image.image_id not in {item.image_id for item in items if isinstance(item, ClinicalImage)}
    assert ProblemKind.CLASHING_FILES in {item.kind for item in items if isinstance(item, Problem)}
