"""`--control`: which picture is shown in place of an image, and that no such answer is ever released."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import dermasynth
from dermasynth_builder import pipeline
from dermasynth_builder.core.errors import PushError, UsageError
from dermasynth_builder.core.hub_options import PushOptions
from dermasynth_builder.core.options import EngineOptions, PlanOptions, Settings
from dermasynth_builder.core.records import ClinicalImage, Facts, Request
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from dermasynth_builder.read.controls import shown_instead
from dermasynth_builder.release import write
from dermasynth_builder.release.push import push
from dermasynth_builder.release.write import CONTROL_FLAGS, write_source
from tests.support.clinical_images import clinical_image
from tests.support.fake_service import KEY
from tests.support.releases import Built

CONTROLS = ("blank", "swapped")
NO_FOLDER = Settings(raw={})


def images_of(patients: list[tuple[int, int]]) -> list[ClinicalImage]:
    """An image of each patient and diagnosis."""
    made = []
    for number, (patient, diagnosis) in enumerate(patients):
        image = clinical_image(f"image_{number}", Facts(diagnosis=f"diagnosis {diagnosis}"), group=f"patient_{patient}")
        assert image.file
        made.append(replace(image, path=Path(f"{number}.png"), file=image.file._replace(sha256=f"{number:064x}")))
    return made


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 4)), min_size=1, max_size=40), st.integers(0, 5))
def test_each_swapped_image_shows_another_patient_and_keeps_all_else(
    patients: list[tuple[int, int]], seed: int
) -> None:
    images = images_of(patients)
    settings = replace(NO_FOLDER, seed=seed)
    if len({image.group_id for image in images}) == 1:
        with pytest.raises(UsageError, match="no clinical image of another patient"):
            shown_instead(images, "swapped", settings)
        return
    owners = {image.path: image for image in images}
    swapped = shown_instead(images, "swapped", settings)
    for own, shown in zip(images, swapped, strict=True):
        owner = owners[shown.path]
        assert owner.group_id != own.group_id
        assert shown == replace(own, path=owner.path, file=owner.file)
    assert swapped == shown_instead(images, "swapped", settings)


@given(st.lists(st.integers(0, 3), min_size=2, max_size=40))
def test_a_swapped_image_is_of_another_diagnosis_where_no_diagnosis_has_more_than_half(diagnoses: list[int]) -> None:
    if max(Counter(diagnoses).values()) * 2 > len(diagnoses):
        return
    images = images_of(list(enumerate(diagnoses)))
    owners = {image.path: image for image in images}
    for own, shown in zip(images, shown_instead(images, "swapped", NO_FOLDER), strict=True):
        assert owners[shown.path].facts.diagnosis != own.facts.diagnosis


def test_a_dermoscopic_image_is_swapped_for_a_dermoscopic_one() -> None:
    images = images_of([(number, number % 2) for number in range(12)])
    mixed = [replace(each, modality="dermoscopic") if n % 3 else each for n, each in enumerate(images)]
    owners = {image.path: image for image in mixed}
    assert all(owners[each.path].modality == each.modality for each in shown_instead(mixed, "swapped", NO_FOLDER))


@pytest.fixture
def settings(specimens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    return Settings(
        raw={"pad_ufes": specimens}, work=tmp_path / "work", out=tmp_path / "release", engine="gemini", is_specimen=True
    )


def with_control(settings: Settings, control: str | None, fake: FakeGemini | None = None) -> Settings:
    asking = EngineOptions(base_url=fake.url) if fake else settings.engine_options
    return replace(settings, engine_options=asking, plan_options=PlanOptions(control=control))  # type: ignore[arg-type]  # a test's own


def requests_of(settings: Settings) -> list[Request]:
    return [request for each in pipeline.plan(settings, SilentReporter()) for request in each.all_in_full()]


def test_a_blank_picture_is_grey_of_the_image_s_size_and_the_prompts_stay(settings: Settings) -> None:
    shown, blank = (requests_of(with_control(settings, control)) for control in (None, "blank"))
    assert [each.prompt for each in shown] == [each.prompt for each in blank]
    for own, other in zip(shown, blank, strict=True):
        assert own.key != other.key
        assert own.image_path
        assert other.image_path
        with Image.open(own.image_path) as image, Image.open(other.image_path) as picture:
            assert picture.size == image.size
            assert picture.getcolors() == [(picture.width * picture.height, (127, 127, 127))]


@pytest.mark.slow
def test_runs_with_and_without_a_control_share_no_ledger_no_batch_and_no_name(settings: Settings) -> None:
    with FakeGemini() as fake:
        for control in (None, *CONTROLS):
            told = with_control(settings, control, fake)
            assert pipeline.ask(pipeline.plan(told, SilentReporter()), told, SilentReporter()).answered
            again = pipeline.ask(pipeline.plan(told, SilentReporter()), told, SilentReporter())
            assert not again.answered
    assert len(list((settings.work / "ledgers").glob("*.jsonl"))) == 3
    assert len(list((settings.work / "runs").glob("*.toml"))) == 3
    assert "control" not in (settings.work / "recipe.toml").read_text(encoding="utf-8").split("[plan_options]")[1]


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_is_refused_at_every_door_of_a_release(
    control: str, settings: Settings, specimens: Path, tmp_path: Path
) -> None:
    told = with_control(settings, control)
    planned = pipeline.plan(told, SilentReporter())
    ledger = pipeline.open_ledger(pipeline.open_engine(told), told, SilentReporter())
    doors: list[Callable[[], object]] = [
        lambda: pipeline.build(told, SilentReporter()),
        lambda: pipeline.release(planned, told, SilentReporter()),
        lambda: list(pipeline.pairs(told, SilentReporter())),
        lambda: write_source(planned[0], ledger, tmp_path, settings=told, report=SilentReporter()),
    ]
    for door in doors:
        with pytest.raises(UsageError, match=f"--control {control}: these answers are about other pictures"):
            door()
    builder = dermasynth.DermaSynth(
        config_name="pad_ufes",
        data_dir=str(specimens),
        cache_dir=str(tmp_path / "cache"),
        engine="gemini",
        work_dir=str(settings.work),
        plan_options=told.plan_options,
    )
    with pytest.raises(ValueError, match="never released"):
        builder.as_streaming_dataset()
    assert not settings.out.exists()


def test_an_engine_that_looks_at_nothing_is_given_no_control(settings: Settings) -> None:
    told = replace(with_control(settings, "blank"), engine="template")
    with pytest.raises(UsageError, match="the engine template looks at no image"):
        pipeline.ask(pipeline.plan(told, SilentReporter()), told, SilentReporter())


@pytest.mark.slow
@pytest.mark.parametrize("control", CONTROLS)
def test_rows_of_a_control_that_stand_in_a_release_all_the_same_are_neither_pushed_nor_loaded(
    control: str, specimens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build_release: Callable[..., Built]
) -> None:
    monkeypatch.setattr(write, "SPECIMEN_FLAG", CONTROL_FLAGS[control])  # so each row is marked
    built = build_release(specimens, tmp_path, is_specimen=True)
    monkeypatch.undo()
    with pytest.raises(PushError, match="pad_ufes: there are answers of a run with --control"):
        push(PushOptions(built.release, "USER/name", is_template_allowed=True), SilentReporter())
    builder = dermasynth.DermaSynth(
        config_name="pad_ufes", data_dir=str(built.release), cache_dir=str(tmp_path / "cache"), is_specimen_allowed=True
    )
    with pytest.raises(ValueError, match="answers of a run with --control"):
        builder.as_streaming_dataset()
