"""The real PAD-UFES-20 table and twelve of its images; nothing of them is in this repository."""

import csv
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.ExifTags import Base

from dermasynth_builder import pipeline
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.records import Request
from dermasynth_builder.generate.rounds import Planned
from dermasynth_builder.release.parquet import read_values
from tests.support.processes import python_for, run_python
from tests.support.recorder import Recorder
from tests.support.releases import Built

pytestmark = pytest.mark.real

LOAD = """
import hashlib, json, os, sys, datasets
datasets.disable_progress_bars()
def content(loaded):
    rows = []
    for split in sorted(loaded):
        for row in loaded[split].cast_column("image", datasets.Image(decode=False)):
            pixels = row.pop("image")["bytes"]
            rows.append([split, hashlib.sha256(pixels).hexdigest(), row])
    return rows
prepared = content(datasets.load_dataset("dermasynth", "pad_ufes"))
streamed = content(datasets.load_dataset("dermasynth", "pad_ufes", streaming=True))
assert prepared == streamed
print(datasets.__version__, json.dumps(prepared, sort_keys=True))
sys.stdout.flush()
os._exit(0)  # a process that has streamed may be aborted by its own threads when it ends
"""


@pytest.fixture(scope="module")
def raw(real_data: Path) -> Path:
    return real_data / "pad_ufes"


@pytest.fixture(scope="module")
def table(raw: Path) -> dict[str, dict[str, str]]:
    with (raw / "metadata.csv").open(encoding="utf-8", newline="") as file:
        return {row["img_id"].removesuffix(".png"): row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def planned(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Planned:
    """All 2,298 rows, most of them without an image."""
    settings = Settings(raw={"pad_ufes": raw}, work=tmp_path_factory.mktemp("work"), rows="all", privacy="full")
    return pipeline.plan(settings, Recorder())[0]


@pytest.fixture(scope="module")
def real(raw: Path, build_release: Callable[..., Built], tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build_release(raw, tmp_path_factory.mktemp("real"), privacy="full")


@pytest.fixture(scope="module")
def rows(real: Built) -> list[dict[str, Any]]:
    return list(read_values(sorted(real.release.glob("data/pad_ufes/*.parquet"))))


def test_the_whole_table_gives_the_published_counts(planned: Planned) -> None:
    images = planned.read.images
    assert len(images) == 2298
    assert planned.read.problems == []
    assert Counter(image.facts.diagnosis_published for image in images) == {
        "BCC": 845, "ACK": 730, "NEV": 244, "SEK": 235, "SCC": 192, "MEL": 52,
    }  # fmt: skip
    assert len({image.lesion_id for image in images}) == 1891
    assert len({image.group_id for image in images}) == 1373
    assert Counter(image.facts.sex for image in images) == {None: 804, "female": 753, "male": 741}
    assert Counter(image.facts.fitzpatrick for image in images) == {
        2: 876,
        None: 804,
        3: 392,
        1: 153,
        4: 62,
        5: 10,
        6: 1,
    }
    assert sum(image.facts.confirmation == "histopathology" for image in images) == 1342
    assert sum(image.facts.diameter_1_mm is None for image in images) == 808
    assert Counter(image.facts.has_grown for image in images) == {False: 971, True: 925, None: 402}
    assert not [image for image in images if image.facts.background_father == "Brasil"]


@pytest.mark.slow
def test_no_prompt_or_question_of_the_whole_table_shows_what_is_missing_or_coded(planned: Planned) -> None:
    broken = re.compile(r"\bnan\b|\bNone\b|\bUNK\b|\(\)|\{|\}|  |\b(?:BCC|ACK|NEV|SEK|SCC|MEL)\b|[a-z]_[a-z]|\.\.|,,")
    count = 0
    for request in planned.all_in_full():
        count += 1
        assert not broken.search(request.prompt), request.prompt
        assert not broken.search(request.question), request.question
    assert count == 4596


@pytest.mark.slow
def test_dropping_one_row_changes_no_other_rows_questions(planned: Planned) -> None:
    def questions(images: list[Any]) -> Iterator[Request]:
        return planned.planner.requests(images)

    images = list(planned.read.images)
    dropped = images.pop(1000)
    kept = [request for request in planned.all_in_full() if request.image_id != dropped.image_id]
    assert list(questions(images)) == kept


def test_twelve_images_give_twenty_four_pairs_and_the_rest_is_reported(raw: Path, tmp_path: Path) -> None:
    report = Recorder()
    settings = Settings(raw={"pad_ufes": raw}, work=tmp_path / "build", out=tmp_path / "dermasynth")
    (config,) = pipeline.build(settings, report)
    facts = json.loads((settings.out / "facts.json").read_text(encoding="utf-8"))
    assert (config.rows, facts["sources"][0]["images"], config.rejected) == (24, 12, 0)
    assert "pad_ufes: 12 of 2,298 images on disk" in report.said
    assert report.warned == []


@pytest.mark.slow
def test_every_image_has_the_pixels_of_its_source_file_and_no_metadata(rows: list[dict[str, Any]], raw: Path) -> None:
    files = {path.stem: path.read_bytes() for path in raw.rglob("*.png")}
    assert {row["image_id"]: row["source_sha256"] for row in rows} == {
        image_id: hashlib.sha256(content).hexdigest() for image_id, content in files.items()
    }
    for row in rows:
        with Image.open(BytesIO(row["image"]["bytes"])) as shown, Image.open(BytesIO(files[row["image_id"]])) as source:
            assert (shown.mode, shown.tobytes()) == (source.mode, source.tobytes())
            assert shown.getexif().get(Base.Orientation, 1) == source.getexif().get(Base.Orientation, 1)
            assert not {"exif", "comment", "Software", "photoshop"} & set(shown.info)
        assert hashlib.sha256(row["image"]["bytes"]).hexdigest() == row["image_sha256"]
        assert (row["image"]["bytes"] == files[row["image_id"]]) == (row["image_change"] is None)
    assert {row["image_id"] for row in rows if row["image_change"]} == {
        *("PAT_1545_1867_547", "PAT_1572_2494_224", "PAT_1326_1156_783", "PAT_1516_1765_530"),
        *("PAT_1653_2916_994", "PAT_369_755_733"),
    }


def test_every_fact_column_is_true_to_its_row_of_the_table(
    rows: list[dict[str, Any]], table: dict[str, dict[str, str]]
) -> None:
    flags = {
        "itch": "itches", "grew": "has_grown", "hurt": "hurts", "changed": "has_changed", "bleed": "bleeds",
        "elevation": "is_elevated", "smoke": "smokes", "drink": "drinks_alcohol",
        "pesticide": "uses_pesticide", "skin_cancer_history": "has_skin_cancer_history",
        "cancer_history": "has_cancer_history", "has_piped_water": "has_piped_water",
        "has_sewage_system": "has_sewage_system",
    }  # fmt: skip
    for row in rows:
        told = table[row["image_id"]]
        assert row["group_id"] == told["patient_id"]
        assert row["diagnosis_published"] == told["diagnostic"]
        assert row["body_site"] == told["region"].lower()
        assert row["confirmation"] == ("histopathology" if told["biopsed"] == "True" else "clinical assessment")
        assert row["age_years"] == int(told["age"])
        assert (row["sex"] or "").upper() == told["gender"]
        assert row["fitzpatrick"] == (told["fitspatrick"].removesuffix(".0") or None)
        assert row["diameter_1_mm"] == (float(told["diameter_1"]) if told["diameter_1"] else None)
        for column, name in flags.items():
            assert row[name] == {"True": True, "False": False}.get(told[column]), (row["image_id"], column)


def test_no_answer_contradicts_its_row(rows: list[dict[str, Any]], table: dict[str, dict[str, str]]) -> None:
    words = {"ACK": "actinic keratosis", "BCC": "basal cell", "MEL": "melanoma", "NEV": "nevus"}
    words |= {"SCC": "squamous cell", "SEK": "seborrheic keratosis"}
    for row in rows:
        told, answer = table[row["image_id"]], row["answer"]
        if found := re.search(
            r"(?:recorded diagnosis is|recorded as an?|It is filed under|found on the \w+ is named) ([a-z ]+)", answer
        ):
            assert found.group(1).strip().startswith(words[told["diagnostic"]]), answer
        if re.search(r"proven by biopsy|(?<!no )tissue sample was taken|biopsy has already", answer):
            assert told["biopsed"] == "True", answer
        if re.search(r"without a biopsy|[Nn]o biopsy|no tissue sample|without taking|no sample was taken", answer):
            assert told["biopsed"] == "False", answer
        ages = re.findall(r"(?:aged |an? )(\d+)", answer)
        assert set(ages) <= {told["age"]}, answer
        assert not re.search(r"\bwoman\b", answer) or told["gender"] == "FEMALE"
        assert not re.search(r"\bman\b", answer) or told["gender"] == "MALE"


def test_neighbours_differ(rows: list[dict[str, Any]]) -> None:
    assert len({row["answer"] for row in rows}) == len(rows)
    for image_id in {row["image_id"] for row in rows}:
        questions = [row["question"] for row in rows if row["image_id"] == image_id]
        assert len(questions) == len(set(questions)) == 2


@pytest.mark.slow
def test_both_versions_of_datasets_load_and_stream_the_same(
    real: Built, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    contents = {}
    for version, exact in (("5", "5."), ("3", "3.6.0")):
        printed = run_python(python_for(version), "-c", LOAD, cwd=real.folder, hf_home=tmp_path / version)
        told, _, content = printed.partition(" ")
        assert told.startswith(exact)
        contents[version] = json.loads(content)
    assert contents["5"] == contents["3"]
    assert len(contents["5"]) == len(rows) == 24
    assert sorted(row["pair_id"] for _, _, row in contents["5"]) == sorted(row["pair_id"] for row in rows)
