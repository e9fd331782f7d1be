"""Facts about people that single them out are counted, and left out unless they are asked for."""

from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder.core.options import Privacy, Settings
from dermasynth_builder.core.records import Facts
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from dermasynth_builder.read.privacy import HOUSEHOLD, at_standard, people_of
from dermasynth_builder.read.source import read_source
from tests.support.clinical_images import clinical_image


@pytest.mark.parametrize(
    ("age", "kept", "band"),
    [
        (0, None, "under 2"),
        (1, None, "under 2"),
        (2, None, "2 to 11"),
        (11, None, "2 to 11"),
        (12, None, "12 to 17"),
        (17, None, "12 to 17"),
        (18, 18, None),
        (89, 89, None),
        (90, None, "90 or older"),
        (104, None, "90 or older"),
        (None, None, None),
    ],
)
def test_ages_of_the_young_and_the_old_are_bands(age: int | None, kept: int | None, band: str | None) -> None:
    facts = at_standard(Facts(age_years=age, is_age_rounded=None if age is None else True))
    assert (facts.age_years, facts.age_band) == (kept, band)
    assert facts.is_age_rounded is (None if kept is None else True)
    assert at_standard(Facts(age_band="30 to 39")).age_band == "30 to 39"


@pytest.mark.parametrize(("level", "told"), [("standard", False), ("full", True)])
def test_household_and_origin_are_published_only_where_all_is_asked_for(
    level: Privacy, told: bool, tmp_path: Path
) -> None:
    raw = write_pad_ufes(tmp_path / "raw", images=30)
    settings = Settings(raw={"pad_ufes": raw}, work=tmp_path / "work", privacy=level)
    images = read_source("pad_ufes", settings, SilentReporter()).images
    assert any(getattr(image.facts, name) is not None for image in images for name in HOUSEHOLD) is told


def test_a_specimen_is_held_to_the_level_too(tmp_path: Path) -> None:
    raw = write_pad_ufes(tmp_path / "raw", images=30)
    settings = Settings(raw={"pad_ufes": raw}, work=tmp_path / "work", is_specimen=True)
    images = read_source("pad_ufes", settings, SilentReporter()).images
    assert not any(getattr(image.facts, name) is not None for image in images for name in HOUSEHOLD)


def test_people_whom_nobody_else_is_like_are_counted_once_each() -> None:
    of = {"a": Facts(age_years=40), "b": Facts(age_years=40), "c": Facts(age_years=95), "d": Facts(age_years=97)}
    images = [
        replace(clinical_image(), facts=facts, group_id=name, image_id=f"{name}{number}", lesion_id=None)
        for name, facts in of.items()
        for number in range(2)
    ]
    people = people_of(images)
    by_age, by_age_and_place = people.singled_out[0], people.singled_out[1]
    assert (people.minors, people.from_90) == (0, 2)
    assert (by_age.people, by_age.alone_percent, by_age.few_percent) == (4, 50.0, 100.0)
    assert by_age_and_place.people == 8  # images, for no lesion is known
    assert people.singled_out_at_standard[0].alone_percent == 0.0
