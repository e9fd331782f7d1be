"""Every format is read back by a loader that is not ours: the turns are those of the release, and the pixels arrive."""

import io
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pytest
from google.genai.types import Content
from PIL import Image

from dermasynth_builder.core.errors import ReleaseError, UsageError
from dermasynth_builder.core.files import lock_beside
from dermasynth_builder.core.records import SPLITS, Split
from dermasynth_builder.core.registry import EXPORTS
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.train.export import export
from dermasynth_builder.train.options import ExportOptions
from dermasynth_builder.train.rows import OpenRelease, open_release
from tests.support.paths import ROOT
from tests.support.processes import run_python
from tests.support.releases import Built

URI = "gs://bucket/derm"
SPEAKERS = {"human": "user", "gpt": "assistant", "model": "user"}


@dataclass(frozen=True)
class Read:
    """One example as somebody else's loader gives it."""

    turns: list[tuple[str, str]]
    pixels: bytes
    mode: str


Reader = Callable[[Path, str, Path], Iterator[Read]]


def read_of(turns: Sequence[tuple[str, str]], image: Image.Image) -> Read:
    return Read(list(turns), image.convert("RGB").tobytes(), image.mode)


def roles_and_texts(messages: Sequence[Mapping[str, Any]], mark: str = "") -> list[tuple[str, str]]:
    turns = [(turn["role"], turn["content"]) for turn in messages]
    assert turns[0][1].startswith(mark)
    assert sum(text.count("<image>") for _, text in turns) == bool(mark)
    return [(role, text.removeprefix(mark)) for role, text in turns]


def read_trl(folder: Path, split: str, cache: Path) -> Iterator[Read]:
    for row in datasets.load_dataset(str(folder), split=split, cache_dir=str(cache)):
        [image] = row["images"]
        yield read_of(roles_and_texts(row["messages"]), image)


def read_json_with_images(folder: Path, split: str, cache: Path) -> Iterator[Read]:
    rows = datasets.load_dataset("json", data_files=f"{folder}/{split}.jsonl", split="train", cache_dir=str(cache))
    rows = rows.map(lambda row: {"images": [str(folder / path) for path in row["images"]]})
    for row in rows.cast_column("images", [datasets.Image()]):
        [image] = row["images"]
        yield read_of(roles_and_texts(row["messages"], "<image>"), image)


def read_llava(folder: Path, split: str, cache: Path) -> Iterator[Read]:
    rows = datasets.load_dataset("json", data_files=f"{folder}/{split}.json", split="train", cache_dir=str(cache))
    rows = rows.map(lambda row: {"image": str(folder / row["image"])})
    for row in rows.cast_column("image", datasets.Image()):
        turns = [{"role": SPEAKERS[turn["from"]], "content": turn["value"]} for turn in row["conversations"]]
        yield read_of(roles_and_texts(turns, "<image>\n"), row["image"])


def read_webdataset(folder: Path, split: str, cache: Path) -> Iterator[Read]:
    files = [str(path) for path in sorted(folder.glob(f"{split}-*.tar"))]
    for row in datasets.load_dataset("webdataset", data_files=files, split="train", cache_dir=str(cache)):
        image = next(value for name, value in row.items() if name in ("png", "jpg"))
        yield read_of(roles_and_texts(row["json"]["messages"]), image)


def read_vertex(folder: Path, split: str, _: Path) -> Iterator[Read]:
    for line in (folder / f"{split}.jsonl").read_text("utf-8").splitlines():
        contents = [Content.model_validate(each) for each in json.loads(line)["contents"]]
        file, *texts = [part for content in contents for part in content.parts or ()]
        assert file.file_data
        assert file.file_data.mime_type == "image/png"
        path = folder / str(file.file_data.file_uri).removeprefix(f"{URI}/")
        roles = [{"user": "user", "model": "assistant"}[content.role or ""] for content in contents]
        yield read_of(list(zip(roles, [part.text or "" for part in texts], strict=True)), Image.open(path))


READERS: dict[str, Reader] = {
    "trl": read_trl,
    "llava": read_llava,
    "llamafactory": read_json_with_images,
    "ms_swift": read_json_with_images,
    "webdataset": read_webdataset,
    "vertex": read_vertex,
}


def exported(built: Built, to: Path, kind: str, **changes: object) -> Path:
    options = ExportOptions(to=to / kind, uri=URI, is_template_allowed=True, **changes)  # type: ignore[arg-type]
    return export(built.release, kind, options=options, report=SilentReporter())


def pixels_and_turns(opened: OpenRelease, split: Split) -> list[tuple[bytes, list[tuple[str, str]]]]:
    ids = [row.pair_id for row in opened.rows([split])]
    return sorted(
        (
            Image.open(io.BytesIO(content)).convert("RGB").tobytes(),
            [(turn.role, turn.content) for turn in row.messages],
        )
        for row, content in opened.rows_with_images(ids)
    )


def test_every_format_has_a_reader() -> None:
    assert set(READERS) == set(EXPORTS.shipped)


def test_pairs_of_the_sample_are_not_read_twice(built: Built) -> None:
    ids = [row.pair_id for row in open_release(built.release).rows()]
    assert ids
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("kind", READERS)
def test_what_is_exported_is_read_back_with_its_pixels(kind: str, built: Built, tmp_path: Path) -> None:
    folder = exported(built, tmp_path, kind, context="question")
    for split in SPLITS:
        found = [(each.pixels, each.turns) for each in READERS[kind](folder, split, tmp_path / "cache")]
        assert found
        assert sorted(found) == pixels_and_turns(open_release(built.release), split)


@pytest.mark.parametrize("kind", READERS)
def test_closed_questions_and_small_rgb_pictures_are_exported_alike(kind: str, built: Built, tmp_path: Path) -> None:
    folder = exported(built, tmp_path, kind, context="closed", is_rgb=True, max_side_px=40, tasks=("diagnosis",))
    images = {row.image_id for row in open_release(built.release).rows(["test"])}
    found = list(READERS[kind](folder, "test", tmp_path / "cache"))
    assert len(found) == len(images)
    assert {each.mode for each in found} == {"RGB"}
    for each in found:
        (_, question), (_, answer) = each.turns
        assert answer in question.partition("Options: ")[2]
        assert len(each.pixels) <= 40 * 40 * 3


OTHERS = {"llamafactory": "DERMASYNTH_LLAMAFACTORY", "ms_swift": "DERMASYNTH_MS_SWIFT"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", OTHERS)
def test_the_trainers_own_loaders_give_answer_and_picture(kind: str, built: Built, tmp_path: Path) -> None:
    if not (python := os.environ.get(OTHERS[kind])):
        pytest.skip(f"{OTHERS[kind]} names no Python that has it")
    folder = exported(built, tmp_path, kind)
    words = [str(folder), "dermasynth_test", str(tmp_path)] if kind == "llamafactory" else [str(folder / "test.jsonl")]
    script = str(ROOT / "tests" / "train" / "readers" / f"read_{kind}.py")
    printed = run_python(python, script, *words, cwd=tmp_path, hf_home=tmp_path / "hf", PYTHONPATH="")
    [line] = [line for line in printed.splitlines() if line.startswith("ROWS ")]
    rows = json.loads(line.removeprefix("ROWS "))
    written = [json.loads(line) for line in (folder / "test.jsonl").read_text("utf-8").splitlines()]
    assert [row["messages"] for row in rows] == [row["messages"] for row in written]
    for row, line in zip(rows, written, strict=True):
        [image] = row["images"]
        path = Path(image["path"] if isinstance(image, dict) else image)
        assert path.read_bytes() == (folder / line["images"][0]).read_bytes()


# --- what is refused ---


def test_rows_that_no_model_wrote_are_refused_unless_they_are_asked_for(built: Built, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="no model wrote its answer"):
        export(built.release, "llava", options=ExportOptions(to=tmp_path / "llava"), report=SilentReporter())
    assert not list(tmp_path.iterdir())
    closed = ExportOptions(to=tmp_path / "llava", context="closed")
    assert (
        export(built.release, "llava", options=closed, report=SilentReporter()) == tmp_path / "llava"
    )  # no answer of a rule in it


def test_a_folder_that_is_something_else_stays(built: Built, tmp_path: Path) -> None:
    folder = exported(built, tmp_path, "llava")
    assert exported(built, tmp_path, "llava") == folder  # its own is made anew
    (tmp_path / "llamafactory").mkdir()
    (tmp_path / "llamafactory" / "thesis.tex").write_text("years")
    with pytest.raises(ReleaseError, match="would be lost"):
        exported(built, tmp_path, "llamafactory")
    assert (tmp_path / "llamafactory" / "thesis.tex").read_text() == "years"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["llamafactory", "llava"]


def test_a_task_that_is_named_twice_is_exported_once(built: Built, tmp_path: Path) -> None:
    folder = exported(built, tmp_path, "llava", context="closed", tasks=("diagnosis",) * 2, forms=("named",) * 2)
    for split in SPLITS:
        ids = [each["id"] for each in json.loads((folder / f"{split}.json").read_text("utf-8"))]
        assert ids
        assert len(ids) == len(set(ids))


def test_two_exports_do_not_make_one_folder(built: Built, tmp_path: Path) -> None:
    lock = lock_beside(tmp_path / ".llava", ReleaseError("taken"))
    with pytest.raises(ReleaseError, match="another export writes"):
        exported(built, tmp_path, "llava")
    lock.release()
    exported(built, tmp_path, "llava")


def test_a_format_or_source_that_is_not_there_is_told(built: Built, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no export format 'openai'"):
        exported(built, tmp_path, "openai")
    with pytest.raises(UsageError, match="holds no hiba; it holds pad_ufes"):
        exported(built, tmp_path, "llava", sources=("hiba",))
    for uri in ("", "s3://bucket", "gs://", "gs:///path"):
        without = ExportOptions(to=tmp_path / "v", uri=uri, is_template_allowed=True)
        with pytest.raises(UsageError, match="--uri gs://"):
            export(built.release, "vertex", options=without, report=SilentReporter())


def test_a_release_that_was_moved_is_exported_from_where_it_is(built: Built, tmp_path: Path) -> None:
    moved = Built(tmp_path, built.settings)
    shutil.copytree(built.release, moved.release)
    lines = (exported(moved, tmp_path / "out", "ms_swift") / "train.jsonl").read_text("utf-8").splitlines()
    assert all(Path(json.loads(line)["images"][0]).is_relative_to(tmp_path / "out") for line in lines)
