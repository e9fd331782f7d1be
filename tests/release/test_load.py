"""Loading: every way to the rows, on both versions of `datasets`, gives the same rows, and never another's."""

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

import dermasynth
from dermasynth_builder.release.parquet import read_rows
from tests.support.paths import ROOT
from tests.support.processes import python_for, run_python
from tests.support.releases import Built

VERSIONS = ("5", "3")  # in this order: what 5 leaves in a cache that both use, 3 could not read
SHARED = """
import hashlib, json, os, sys
import datasets, dermasynth
from datasets import load_dataset

datasets.disable_progress_bars()

def rows(loaded):
    "All rows by pair id; each image as the sha256 of its bytes, decoded or not."
    found = {}
    for split in loaded.values():
        for row in split.cast_column("image", datasets.Image(decode=False)):
            row["image"] = hashlib.sha256(row["image"]["bytes"]).hexdigest()
            found[row["pair_id"]] = row
    return found

def digest(loaded):
    return hashlib.sha256(json.dumps(rows(loaded), sort_keys=True).encode()).hexdigest()

def prepared(**options):
    builder = dermasynth.DermaSynth(config_name="pad_ufes", **options)
    builder.download_and_prepare()
    return builder.as_dataset()

def streamed(**options):
    return dermasynth.DermaSynth(config_name="pad_ufes", **options).as_streaming_dataset()

def failure(action):
    try:
        action()
    except Exception as error:
        return f"{type(error).__name__}: {error}"

def finish(**found):
    print(json.dumps(found))
    sys.stdout.flush()
    os._exit(0)  # after streaming, threads of pyarrow may abort the interpreter while it ends
"""
ROUTES = """
raw = {"data_dir": sys.argv[1], "work_dir": "build"}
script, parquet = sys.argv[2], "dermasynth/data/pad_ufes/*.parquet"
literal = load_dataset("dermasynth", "pad_ufes")
bare = load_dataset("parquet", data_files=parquet)
of_class = prepared(data_dir="dermasynth")
digests = {
    "literal": digest(literal),
    "literal, streaming": digest(load_dataset("dermasynth", "pad_ufes", streaming=True)),
    "Parquet without a card": digest(bare),
    "class on a release": digest(of_class),
    "class on a release, streaming": digest(streamed(data_dir="dermasynth")),
    "class on raw images": digest(prepared(**raw)),
    "class on raw images, streaming": digest(streamed(**raw)),
}
if datasets.__version__ < "4":
    trust = {"trust_remote_code": True}
    digests["script"] = digest(load_dataset(script, "pad_ufes", data_dir="dermasynth", **trust))
    digests["script, streaming"] = digest(
        load_dataset(script, "pad_ufes", data_dir="dermasynth", streaming=True, **trust)
    )
    digests["script on raw images"] = digest(load_dataset(script, "pad_ufes", **raw, **trust))
first = literal["train"][0]
finish(
    version=datasets.__version__,
    digests=digests,
    shown=[digest(load_dataset("dermasynth")), digest(load_dataset("dermasynth", "sample"))],
    rows=rows(literal),
    order={split: [row["pair_id"] for row in literal[split]] for split in literal},
    streamed_order=[r["pair_id"] for r in load_dataset("dermasynth", "pad_ufes", split="train", streaming=True)],
    sliced=load_dataset("dermasynth", "pad_ufes", split="train[2:5]")["pair_id"][:],
    size=first["image"].size,
    messages=first["messages"],
    is_one_schema=literal["train"].features == bare["train"].features == of_class["train"].features,
    unknown_literal=failure(lambda: load_dataset("dermasynth", "nope")),
    unknown_class=failure(lambda: dermasynth.DermaSynth(config_name="nope")),
)
"""
REBUILT = """
import shutil
raw = {"data_dir": "raw", "work_dir": "build"}
def look():
    return [
        sorted(rows(loaded))
        for loaded in (load_dataset("dermasynth", "pad_ufes"), prepared(data_dir="dermasynth"), prepared(**raw))
    ] + [sorted(rows(load_dataset("dermasynth", "pad_ufes", streaming=True)))]
before = look()
for name in ("dermasynth", "raw", "build"):
    shutil.rmtree(name)
    shutil.copytree(f"fewer/{name}", name)
finish(before=before, after=look(), again=look())
"""


def run_script(version: str, script: str, *words: str, cwd: Path, hf_home: Path) -> Any:
    found = run_python(python_for(version), "-c", SHARED + script, *words, cwd=cwd, hf_home=hf_home)
    return json.loads(found.splitlines()[-1])


def rows_of(built: Built) -> dict[str, dict[str, Any]]:
    return {row["pair_id"]: row for row in read_rows(sorted((built.release / "data" / "pad_ufes").iterdir()))}


@pytest.fixture(scope="module")
def hf_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of `datasets`, for all versions."""
    return tmp_path_factory.mktemp("hf")


@pytest.fixture(scope="module", params=[pytest.param(version, marks=pytest.mark.slow) for version in VERSIONS])
def found(
    request: pytest.FixtureRequest,
    built: Built,
    specimens: Path,
    hf_home: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """What one process of a version found on every route.

    It runs in a folder where other files have the names of the images: a path in a row would give their bytes.
    """
    folder = tmp_path_factory.mktemp(f"datasets{request.param}")
    for name in ("build", "dermasynth"):
        shutil.copytree(built.folder / name, folder / name)
    for path in specimens.rglob("*.png"):
        (folder / path.name).write_bytes(b"another file")
    script = str(ROOT / "dermasynth.py")
    result: dict[str, Any] = run_script(request.param, ROUTES, str(specimens), script, cwd=folder, hf_home=hf_home)
    assert result["version"].startswith(request.param)
    return result


def test_every_route_gives_the_same_rows(found: dict[str, Any]) -> None:
    assert len(set(found["digests"].values())) == 1, found["digests"]
    assert len(found["digests"]) == (10 if found["version"].startswith("3") else 7)
    assert found["shown"][0] == found["shown"][1]  # where no config is named
    assert found["is_one_schema"]


def test_the_rows_are_those_of_the_files(found: dict[str, Any], built: Built) -> None:
    rows = rows_of(built)
    for row in rows.values():
        row["image"] = row["origin"]["image_sha256"]
    assert found["rows"] == rows


def test_an_image_has_its_own_bytes_although_a_file_of_its_name_lies_there(
    found: dict[str, Any], specimens: Path
) -> None:
    names = {path.stem for path in specimens.rglob("*.png")}
    assert {row["origin"]["image_id"] for row in found["rows"].values()} == names
    assert all(row["image"] == row["origin"]["image_sha256"] for row in found["rows"].values())
    assert min(found["size"]) > 40


def test_splits_keep_their_order_and_can_be_cut(found: dict[str, Any], built: Built) -> None:
    order = {
        split: [row["pair_id"] for row in read_rows(sorted((built.release / "data" / "pad_ufes").glob(f"{split}-*")))]
        for split in ("train", "validation", "test")
    }
    assert found["order"] == order
    assert found["streamed_order"] == order["train"]
    assert found["sliced"] == order["train"][2:5]


def test_messages_come_as_a_list_of_turns(found: dict[str, Any]) -> None:
    assert [list(turn) for turn in found["messages"]] == [["role", "content"]] * 2
    assert [turn["role"] for turn in found["messages"]] == ["user", "assistant"]


def test_an_unknown_config_is_answered_with_the_known_ones(found: dict[str, Any]) -> None:
    for message in (found["unknown_literal"], found["unknown_class"]):
        assert message.startswith("ValueError: BuilderConfig 'nope' not found. Available: ['")
        assert "'pad_ufes'" in message


def without_the_first_images(raw: Path, folder: Path) -> Path:
    shutil.copytree(raw, folder)
    table = folder / "metadata.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows[:1] + rows[7:])
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_a_rebuilt_folder_gives_its_new_rows_in_spite_of_the_cache(
    version: str, specimens: Path, build_release: Callable[..., Built], tmp_path: Path
) -> None:
    shutil.copytree(specimens, tmp_path / "raw")
    more = build_release(tmp_path / "raw", tmp_path)
    (tmp_path / "fewer").mkdir()
    fewer = build_release(without_the_first_images(specimens, tmp_path / "fewer" / "raw"), tmp_path / "fewer")
    before, after = sorted(rows_of(more)), sorted(rows_of(fewer))
    assert set(after) < set(before)
    result = run_script(version, REBUILT, cwd=tmp_path, hf_home=tmp_path / "hf")
    assert result["before"] == [before] * 4
    assert result["after"] == result["again"] == [after] * 4


# --- what the class says where something is missing; one version is enough ---


def prepare(folder: Path, **options: Any) -> datasets.DatasetDict:
    builder = dermasynth.DermaSynth(cache_dir=str(folder / "cache"), config_name="pad_ufes", **options)
    builder.download_and_prepare()
    return builder.as_dataset()


def test_a_missing_folder_is_told_with_the_commands_that_make_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere.*`dermasynth build SOURCE .*`hf download"):
        prepare(tmp_path, data_dir=str(tmp_path / "nowhere"))


def test_raw_images_without_replies_are_told_with_the_command_that_asks(specimens: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError,
        match=r"48 requests of pad_ufes have no reply in .*; run `dermasynth generate pad_ufes --raw .* --work ",
    ):
        prepare(tmp_path, data_dir=str(specimens), work_dir=str(tmp_path / "build"))


def test_a_release_without_the_config_is_told_with_what_it_holds(built: Built, tmp_path: Path) -> None:
    release = Path(shutil.copytree(built.release, tmp_path / "dermasynth"))
    card = release / "README.md"
    card.write_text(card.read_text(encoding="utf-8").replace("config_name: pad_ufes", "config_name: hiba"))
    with pytest.raises(ValueError, match="holds sample, hiba, all and not pad_ufes"):
        prepare(tmp_path, data_dir=str(release))


def test_a_readme_among_raw_images_does_not_make_them_a_release(built: Built, specimens: Path, tmp_path: Path) -> None:
    raw = Path(shutil.copytree(specimens, tmp_path / "raw"))
    (raw / "README.md").write_text("# PAD-UFES-20\n\nPlease cite.\n")
    loaded = prepare(tmp_path, data_dir=str(raw), work_dir=str(built.folder / "build"))
    assert {row["pair_id"] for split in loaded.values() for row in split} == set(rows_of(built))


def test_drawn_specimens_are_refused_under_a_real_name_until_they_are_asked_for(
    specimens: Path, build_release: Callable[..., Built], tmp_path: Path
) -> None:
    release = build_release(specimens, tmp_path, is_specimen=True).release
    said = r"holds drawn specimens with invented facts, and no images of pad_ufes\. .* is_specimen_allowed=True"
    with pytest.raises(ValueError, match=said):
        prepare(tmp_path, data_dir=str(release))
    with pytest.raises(ValueError, match=said):
        dermasynth.DermaSynth(config_name="pad_ufes", data_dir=str(release)).as_streaming_dataset()
    asked_for = prepare(tmp_path, data_dir=str(release), is_specimen_allowed=True)
    by_path = datasets.load_dataset(str(release), "pad_ufes", cache_dir=str(tmp_path / "cache"))
    assert {split: rows["pair_id"][:] for split, rows in asked_for.items()} == {
        split: rows["pair_id"][:] for split, rows in by_path.items()
    }


def test_raw_images_are_split_as_in_a_release(
    specimens: Path, build_release: Callable[..., Built], tmp_path: Path
) -> None:
    built = build_release(specimens, tmp_path, seed=19)  # one that leaves no split empty
    options = {"work_dir": str(tmp_path / "build"), "seed": 19}
    of_raw = prepare(tmp_path, data_dir=str(specimens), **options)
    of_release = prepare(tmp_path, data_dir=str(built.release))
    assert list(of_raw) == ["train", "validation", "test"]
    assert {split: rows["pair_id"][:] for split, rows in of_raw.items()} == {
        split: rows["pair_id"][:] for split, rows in of_release.items()
    }


def test_another_reply_in_the_ledger_reaches_the_rows(
    specimens: Path, build_release: Callable[..., Built], tmp_path: Path
) -> None:
    built = build_release(specimens, tmp_path)
    options = {"data_dir": str(specimens), "work_dir": str(tmp_path / "build")}
    before = prepare(tmp_path, **options)
    [ledger] = (tmp_path / "build" / "ledgers").glob("*.jsonl")
    [first] = [row for row in rows_of(built).values() if row["pair_id"] == before["train"][0]["pair_id"]]
    reply = {
        "key": first["provenance"]["request_key"],
        "text": json.dumps({"answer": "Another answer."}),
        "references": [],
    }
    with ledger.open("a", encoding="utf-8") as file:
        file.write(json.dumps(reply) + os.linesep)
    assert prepare(tmp_path, **options)["train"][0]["answer"] == "Another answer."
