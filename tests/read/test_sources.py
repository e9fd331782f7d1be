"""One contract for every source: whatever its release looks like, what it gives is typed, grouped and licensed."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder.check.assemble import ReleaseTerms, split_of
from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.options import DEFAULT_SPLITS, Settings
from dermasynth_builder.core.records import ClinicalImage
from dermasynth_builder.invented.specimens.isic import write_bcn20000, write_hiba
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import load_prompt_book
from dermasynth_builder.read import vocabulary
from dermasynth_builder.read.source import read_source
from dermasynth_builder.report.question_rules import lint
from tests.support.recorder import Recorder

BOOK = load_prompt_book(sources=registry.SOURCES)
RELEASES = [(name, layout) for name in registry.SPECIMENS for layout in registry.specimen_layouts(name) or (None,)]


@pytest.fixture(scope="module", params=RELEASES, ids=lambda release: " ".join(filter(None, release)))
def release(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A source, and specimens of it in one of their layouts."""
    source, layout = request.param
    write = registry.specimens(source)
    options: dict[str, Any] = {"layout": layout} if layout else {}
    if "side_px" in signature(write).parameters:
        options["side_px"] = 48
    return source, write(tmp_path_factory.mktemp("raw"), images=12, **options)


@pytest.fixture(scope="module")
def images(release: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> list[ClinicalImage]:
    source, root = release
    settings = Settings(raw={source: root}, work=tmp_path_factory.mktemp("work"))
    return list(read_source(source, settings, Recorder()).images)


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)


def test_every_source_draws_specimens_and_every_bank_is_of_a_source(images: list[ClinicalImage]) -> None:
    assert set(registry.SPECIMENS) == set(registry.SOURCES)
    assert set(BOOK.banks) <= {"general", *registry.SOURCES}
    assert len(images) >= 8


@pytest.mark.parametrize("source", registry.SPECIMENS)
def test_the_layout_that_is_told_first_is_the_default(source: str) -> None:
    layouts = registry.specimen_layouts(source)
    assert not layouts or signature(registry.specimens(source)).parameters["layout"].default == layouts[0]


def test_every_bank_keeps_the_rules() -> None:
    assert lint(BOOK) == []


def test_every_image_is_asked_a_question_of_its_source(images: list[ClinicalImage]) -> None:
    asked = {request.image_id for request in Planner(BOOK, 0).requests(images) if "source" in request.slot}
    is_known = {image.image_id: bool(image.facts.diagnosis) for image in images}
    assert {name for name, known in is_known.items() if known} <= asked


def test_ids_are_unique_and_name_no_path(images: list[ClinicalImage]) -> None:
    ids = [image.image_id for image in images]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[-\w]+", name) for name in ids)
    assert all(image.group_id and image.row_location for image in images)


def test_no_text_is_empty_or_a_word_for_missing(images: list[ClinicalImage]) -> None:
    for image in images:
        for text in texts(asdict(image.facts)):
            assert text == text.strip()
            assert text.lower() not in ("", "nan", "none", "unknown", "unk", "{}", "null")


def test_ages_phototypes_and_weights_are_in_range(images: list[ClinicalImage]) -> None:
    for facts in (image.facts for image in images):
        assert facts.age_years is None or 0 <= facts.age_years <= 120
        assert facts.fitzpatrick is None or 1 <= facts.fitzpatrick <= 6
        assert facts.monk_tone_us is None or 1 <= facts.monk_tone_us <= 10
        assert len(facts.differential) == len(facts.differential_weights)
        assert list(facts.differential_weights) == sorted(facts.differential_weights, reverse=True)
        assert not (facts.age_years is not None and facts.age_band)


def test_a_placed_diagnosis_is_a_node_of_the_taxonomy_and_gives_the_malignancy(images: list[ClinicalImage]) -> None:
    for facts in (image.facts for image in images):
        assert facts.diagnosis_isic is None or facts.diagnosis_isic in vocabulary.isic_nodes()
        first = facts.diagnosis_isic.partition(":")[0].lower() if facts.diagnosis_isic else None
        assert facts.malignancy == first


def test_every_image_has_a_licence_and_somebody_to_name(images: list[ClinicalImage], release: tuple[str, Path]) -> None:
    source = registry.source(release[0])
    assert source.citation
    assert source.homepage.startswith("https://") or release[0] == "folder"  # whose recipe may say none
    for image in images:
        assert image.source == source.name
        assert image.licence
        assert len(image.attribution) > 10


def test_no_group_is_in_two_splits(images: list[ClinicalImage]) -> None:
    for seed in range(20):
        terms = ReleaseTerms("template", seed, DEFAULT_SPLITS)
        splits = defaultdict(set)
        for image in images:
            splits[image.group_id].add(split_of(image, terms))
        assert all(len(found) == 1 for found in splits.values())


def test_two_readings_give_the_same_in_the_same_order(release: tuple[str, Path]) -> None:
    source, root = release
    assert list(registry.source(source).read(root)) == list(registry.source(source).read(root))


def test_prompts_show_no_code_no_missing_value_and_no_open_slot(images: list[ClinicalImage]) -> None:
    broken = re.compile(r"\bnan\b|\bNone\b|\bUNK\b|\(\)|\{|\}|  |[A-Z]_[A-Z]|[a-z]_[a-z]|FST|\.\.|,,")
    for request in Planner(BOOK, 0).requests(images):
        assert not broken.search(request.prompt), request.prompt
        assert not broken.search(request.question)


def test_permissive_leaves_out_what_may_not_be_used_commercially(tmp_path: Path) -> None:
    raw = {"hiba": write_hiba(tmp_path / "hiba", side_px=48), "bcn20000": write_bcn20000(tmp_path / "bcn", side_px=48)}
    settings = Settings(raw=raw, work=tmp_path / "work", is_permissive_only=True)
    assert {image.licence for image in read_source("hiba", settings, Recorder()).images} == {"CC-BY-4.0"}
    with pytest.raises(SourceError, match=r"no image is under a permissive licence, they are under CC-BY-NC-4\.0"):
        read_source("bcn20000", settings, Recorder())


def test_permissive_says_how_many_images_of_a_mixed_release_it_leaves_out(tmp_path: Path) -> None:
    raw = write_hiba(tmp_path / "hiba", side_px=48)
    (table,) = raw.rglob("metadata.csv")
    lines = table.read_text("utf-8").splitlines()
    lines[1] = lines[1].replace(",CC-BY,", ",CC-BY-NC,")
    table.write_text("\n".join(lines), encoding="utf-8")
    report = Recorder()
    settings = Settings(raw={"hiba": raw}, work=tmp_path / "work", is_permissive_only=True)
    assert len(read_source("hiba", settings, report).images) == len(lines) - 2
    assert "1 images are left out for their licence: CC-BY-NC-4.0" in report.said[0]
