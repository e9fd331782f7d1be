"""A limited or filtered build asks about a part of the images, says so, and stands in the way of no whole one."""

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from dermasynth_builder import pipeline
from dermasynth_builder.cli import main
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.options import PlanOptions, Settings
from dermasynth_builder.core.records import Facts
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.invented.specimens.derm12345 import write_derm12345
from dermasynth_builder.read.selection import FIELDS, chosen, conditions_of
from dermasynth_builder.read.source import read_source
from dermasynth_builder.release.parquet import read_rows
from tests.support.clinical_images import REPORTED, clinical_image
from tests.support.recorder import Recorder

Output = pytest.CaptureFixture[str]
SILENT = SilentReporter()


def run(*words: str | Path) -> int:
    return main([str(word) for word in words])


def images_of(raw: Path, work: Path, seed: int = 1, **part: object) -> list[str]:
    options = PlanOptions(**part)  # type: ignore[arg-type]  # a test's own options
    settings = Settings(raw={"pad_ufes": raw}, work=work, seed=seed, plan_options=options)
    return [image.image_id for image in read_source("pad_ufes", settings, SILENT).images]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}


# --- which images ---


def test_a_limit_is_the_same_small_sample_over_the_diagnoses_on_every_run(specimens: Path, tmp_path: Path) -> None:
    options = PlanOptions(limit=6)
    settings = Settings(raw={"pad_ufes": specimens}, work=tmp_path, plan_options=options)
    images = read_source("pad_ufes", settings, SILENT).images
    assert Counter(image.facts.diagnosis_published for image in images).most_common(1)[0][1] == 1
    drawn = [image.image_id for image in images]
    assert len(drawn) == 6
    assert drawn == sorted(drawn) == images_of(specimens, tmp_path / "other", seed=7, limit=6)
    assert set(drawn) < set(images_of(specimens, tmp_path, limit=9))
    assert images_of(specimens, tmp_path, limit=999) == images_of(specimens, tmp_path)


def test_a_broken_image_in_the_draw_is_replaced_by_the_next(specimens: Path, tmp_path: Path) -> None:
    raw = Path(shutil.copytree(specimens, tmp_path / "raw"))
    first = images_of(raw, tmp_path, limit=1)
    next(raw.rglob(f"{first[0]}.png")).write_bytes(b"")
    second = images_of(raw, tmp_path, limit=1)
    assert len(second) == 1
    assert second != first


def test_conditions_name_facts_and_all_have_to_hold(specimens: Path, tmp_path: Path) -> None:
    every = read_source("pad_ufes", Settings(raw={"pad_ufes": specimens}, work=tmp_path), SILENT).images
    wanted = [
        image.image_id
        for image in every
        if image.facts.diagnosis in ("melanoma", "nevus", "basal cell carcinoma") and image.facts.sex == "male"
    ]
    assert 0 < len(wanted) < len(every)
    where = ("diagnosis=Melanoma, nevus,BASAL CELL CARCINOMA", "sex=male")
    assert images_of(specimens, tmp_path, where=where) == wanted
    assert images_of(specimens, tmp_path, where=("source=pad_ufes", "modality=clinical")) == [
        image.image_id for image in every
    ]


@pytest.mark.parametrize(
    ("where", "is_chosen"),
    [
        ("itches=true", True),
        ("itches=false", False),
        ("fitzpatrick=4", True),
        ("fitzpatrick=1,2", False),
        ("differential_weights=0.22", True),
        ("symptoms=fever", True),
        ("symptoms=itch", False),
        ('textures=flat,"raised or bumpy"', True),
        ("age_years=30", False),  # not recorded
    ],
)
def test_numbers_signs_and_lists_are_met_by_their_text(where: str, is_chosen: bool) -> None:
    image = clinical_image(facts=REPORTED)
    assert chosen([image], conditions_of([where])) == [image] * is_chosen


def test_a_value_with_a_comma_stands_in_quotes() -> None:
    image = clinical_image(facts=Facts(diagnosis_published="Melanoma, NOS"))
    assert chosen([image], conditions_of(['diagnosis_published=Nevus,"Melanoma, NOS"'])) == [image]


def test_every_fact_is_a_field() -> None:
    assert {"source", "modality", "diagnosis", "is_melanocytic", "background_mother"} <= set(FIELDS)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("diagnosi=nevus", r"there is no field 'diagnosi'; did you mean 'diagnosis'\?"),
        ("diagnosis", "write which values, as diagnosis=VALUE"),
        ("diagnosis=,", "write which values"),
        ("diagnosis=melanoma,nevos", r"no diagnosis 'nevos'; there is actinic .* and .*; did you mean 'nevus'\?"),
        ("is_melanocytic=true", "no is_melanocytic 'true'; none is recorded$"),
    ],
)
def test_what_there_is_not_is_told_with_the_nearest_that_there_is(
    where: str, said: str, specimens: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        images_of(specimens, tmp_path, where=(where,))


def test_conditions_that_no_image_meets_together_are_wrong_use(specimens: Path, tmp_path: Path, capsys: Output) -> None:
    raw = read_source("pad_ufes", Settings(raw={"pad_ufes": specimens}, work=tmp_path), SILENT).images
    first, other = raw[0].facts, next(image.facts for image in raw if image.facts.sex != raw[0].facts.sex)
    words = ("--where", f"diagnosis_published={first.diagnosis_published}", "--where", f"age_years={other.age_years}")
    assert run("plan", "pad_ufes", "--raw", specimens, "--work", tmp_path, *words) == 2
    assert "pad_ufes: none of 24 images fits: diagnosis published is" in capsys.readouterr().err


def test_of_several_sources_one_may_lack_a_value(specimens: Path, tmp_path: Path, recorder: Recorder) -> None:
    raw = {"pad_ufes": specimens, "derm12345": write_derm12345(tmp_path / "derm", images=12)}
    options = PlanOptions(where=("modality=clinical,dermoscopic",))
    planned = pipeline.plan(Settings(raw=raw, work=tmp_path, plan_options=options), recorder)
    assert all(each.read.images for each in planned)
    assert "pad_ufes, --where: no modality 'dermoscopic'; there is clinical" in recorder.warned


# --- what comes of it ---


def test_the_card_says_that_it_is_a_part_and_counts_that_part(
    specimens: Path, tmp_path: Path, recorder: Recorder
) -> None:
    out = tmp_path / "dermasynth"
    options = PlanOptions(limit=2, where=("sex=female,male",))
    settings = Settings(raw={"pad_ufes": specimens}, work=tmp_path, out=out, plan_options=options)
    (config,) = pipeline.build(settings, recorder)
    facts = json.loads((out / "facts.json").read_text(encoding="utf-8"))
    assert (config.rows, facts["sources"][0]["images"]) == (4, 2)
    told = "(sex is female or male; at most 2 of each source, over as many diagnoses as can be)"
    card = (out / "README.md").read_text("utf-8")
    counted = "4 pairs over 2 images of 1 public image set."
    assert f"{counted} A part of the images was chosen {told}: 2 of 24 of pad_ufes. Every row" in card
    assert f"pad_ufes: 2 of 24 images chosen {told}" in recorder.said
    assert len(list(read_rows(out.glob("data/pad_ufes/*.parquet"), ["pair_id"]))) == 4


def test_a_limited_build_first_changes_nothing_of_the_whole_one(
    specimens: Path, tmp_path: Path, capsys: Output
) -> None:
    given = ("build", "pad_ufes", "--raw", specimens, "--self-instruct", "40")
    work = tmp_path / "work"
    assert run(*given, "--work", work, "--out", tmp_path / "a", "--limit", "5") == 0
    assert run(*given, "--work", work, "--out", tmp_path / "a") == 0
    assert run(*given, "--work", tmp_path / "other", "--out", tmp_path / "b") == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert "A part of the images" not in (tmp_path / "a" / "README.md").read_text("utf-8")
    frozen = {path.name for path in work.rglob("*.rounds/*")}
    whole = {path.name for path in (tmp_path / "other").rglob("*.rounds/*")}
    assert len(frozen) == 2
    assert len(frozen & whole) == 1


def test_another_part_does_not_call_replies_about_the_first_unused(
    specimens: Path, tmp_path: Path, recorder: Recorder
) -> None:
    for where in ("sex=female", "sex=male"):
        options = PlanOptions(where=(where,))
        settings = Settings(raw={"pad_ufes": specimens}, work=tmp_path, plan_options=options)
        assert pipeline.ask(pipeline.plan(settings, recorder), settings, recorder).answered > 0
    assert recorder.warned == []


def test_every_command_that_plans_takes_the_part(specimens: Path, tmp_path: Path, capsys: Output) -> None:
    given = ("pad_ufes", "--raw", specimens, "--work", tmp_path, "--limit", "3", "--where", "sex=female,male")
    for words, said in (
        (("plan",), r"images +3"),
        (("cost", "--model", "gemini-3.8-flash"), "9 requests; "),
        (("generate",), "6 answered"),
        (("release", "--out", tmp_path / "out"), "6 pairs of 3 images"),
    ):
        assert run(words[0], *given, *words[1:]) == 0
        assert re.search(said, capsys.readouterr().out)


def test_names_of_frozen_rounds_stay_where_nothing_is_chosen() -> None:
    assert list(PlanOptions().values()) == [
        "self_instruct_share", "conversation_share", "rounds", "is_metadata_shown", "is_together",
    ]  # fmt: skip
    assert PlanOptions(limit=3).values() != PlanOptions(limit=4).values() != PlanOptions().values()
