"""The release folder: the same bytes from the same input, put in place whole or not at all."""

import csv
import json
import resource
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest

from dermasynth_builder import pipeline
from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.records import PlannedRequest, Reply
from dermasynth_builder.generate.rounds import Planned
from dermasynth_builder.release.folder import new_release, open_sources, read_card
from dermasynth_builder.release.parquet import read_values
from dermasynth_builder.report.view import pairs_to_show
from tests.support.processes import run_python
from tests.support.recorder import Recorder
from tests.support.releases import Built

BUILD = """
import sys
from pathlib import Path
from dermasynth_builder import pipeline
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.core.options import Settings
raw, out = map(Path, sys.argv[1:])
shares = (0.6, 0.2, 0.2)
pipeline.build(Settings(raw={"pad_ufes": raw}, work=out / "w", out=out / "r", split_shares=shares), SilentReporter())
"""
Build = Callable[..., Built]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows_of(release: Path) -> dict[str, dict[str, Any]]:
    """All rows by pair id, each with the split it is in."""
    rows: dict[str, dict[str, Any]] = {}
    for path in sorted((release / "data" / "pad_ufes").iterdir()):
        for row in read_values([path]):
            rows[row["pair_id"]] = row | {"split": path.name.partition("-")[0]}
    return rows


def without_some_images(raw: Path, folder: Path) -> Path:
    """The raw release less every third row of its table."""
    shutil.copytree(raw, folder)
    table = folder / "metadata.csv"
    with table.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    kept = [row for number, row in enumerate(rows) if number % 3]
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *kept])
    return folder


@dataclass(frozen=True)
class Run:
    """A planned build of which nothing is asked yet."""

    settings: Settings
    planned: Sequence[Planned]

    def requests(self) -> list[PlannedRequest]:
        return [request for each in self.planned for request in each.requests()]

    def ask(self, images: int | None = None) -> None:
        read = self.planned[0].read
        some = replace(self.planned[0], read=replace(read, images=read.images[:images]))
        pipeline.ask([some], self.settings, Recorder())

    def append(self, *replies: Reply) -> None:
        with pipeline.open_ledger(registry.engine("template"), self.settings, Recorder()) as ledger:
            for reply in replies:
                ledger.append(reply)

    def release(self, **changes: Any) -> None:
        pipeline.release(self.planned, replace(self.settings, **changes), Recorder())


@pytest.fixture
def run(specimens: Path, tmp_path: Path) -> Run:
    raw = tmp_path / "raw"
    shutil.copytree(specimens, raw)
    settings = Settings(raw={"pad_ufes": raw}, work=tmp_path / "build", out=tmp_path / "dermasynth")
    return Run(settings, pipeline.plan(settings, Recorder()))


@pytest.fixture
def old(built: Built, tmp_path: Path) -> Path:
    """A copy of a release, where a new one will be written."""
    return Path(shutil.copytree(built.release, tmp_path / "dermasynth"))


@contextmanager
def small_disk(limit_bytes: int) -> Iterator[None]:
    """No file may grow over the limit: writing further fails as on a full disk."""
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.slow
def test_the_same_input_gives_the_same_bytes_in_another_process_and_folder(
    built: Built, specimens: Path, tmp_path: Path
) -> None:
    raw = tmp_path / "elsewhere"
    for path in sorted(specimens.rglob("*"), reverse=True):  # other paths, times and order on disk
        if path.is_file():
            (raw / path.relative_to(specimens)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, raw / path.relative_to(specimens))
    out = tmp_path / "out"
    run_python(sys.executable, "-c", BUILD, str(raw), str(out), cwd=tmp_path, hf_home=tmp_path, PYTHONHASHSEED="7")
    assert tree(out / "r") == tree(built.release)


def test_a_release_is_its_pages_pictures_recipe_and_parquet_and_nothing_else(built: Built) -> None:
    splits = ("test", "train", "validation")
    assert sorted(name for name in tree(built.release) if not name.startswith("figures/")) == [
        "ATTRIBUTION.md", "LICENSE", "README.md", "closed/test-00000-of-00001.parquet", "croissant.json",
        *(f"data/pad_ufes/{split}-00000-of-00001.parquet" for split in splits),
        "facts.json", "recipe.toml", "sample/train-00000-of-00001.parquet",
    ]  # fmt: skip
    assert sorted(path.name for path in built.folder.iterdir()) == [".dermasynth.lock", "build", "dermasynth"]


def test_no_patient_is_in_two_splits(built: Built) -> None:
    splits = defaultdict(set)
    for row in rows_of(built.release).values():
        splits[row["group_id"]].add(row["split"])
    assert all(len(found) == 1 for found in splits.values())
    assert {split for found in splits.values() for split in found} == {"train", "validation", "test"}


def test_more_images_change_no_row_but_for_its_split(
    built: Built, specimens: Path, build_release: Build, tmp_path: Path
) -> None:
    raw = without_some_images(specimens, tmp_path / "raw")
    fewer = rows_of(build_release(raw, tmp_path, split_shares=(0.6, 0.2, 0.2)).release)
    more = rows_of(built.release)
    assert 10 < len(fewer) < len(more)
    assert {name: more[name] | {"split": row["split"]} for name, row in fewer.items()} == fewer


def test_an_error_while_writing_leaves_the_old_release_and_no_litter(old: Path, run: Run) -> None:
    before = tree(old)
    run.ask()
    image = run.planned[0].read.images[-1]  # the others are written by then
    assert image.path
    image.path.write_bytes(image.path.read_bytes() + b"\0")
    with pytest.raises(ReleaseError, match="has changed since it was measured; run the build again"):
        run.release()
    assert tree(old) == before
    assert sorted(path.name for path in old.parent.iterdir()) == [".dermasynth.lock", "build", "dermasynth", "raw"]


def test_a_full_disk_is_told_as_such_and_leaves_the_old_release(old: Path, run: Run) -> None:
    before = tree(old)
    run.ask()
    with pytest.raises(OSError, match="File too large"), small_disk(100_000):
        run.release()
    assert tree(old) == before
    assert sorted(path.name for path in old.parent.iterdir()) == [".dermasynth.lock", "build", "dermasynth", "raw"]


def test_a_release_replaces_the_old_one_whole(old: Path, specimens: Path, build_release: Build, tmp_path: Path) -> None:
    raw = without_some_images(specimens, tmp_path / "raw")
    (old / "data" / "pad_ufes" / "test-00000-of-00001.parquet").unlink()
    (old / ".cache").mkdir()  # as `hf download` leaves one
    replaced = build_release(raw, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".dermasynth.lock", "build", "dermasynth", "raw"]
    fresh = build_release(raw, tmp_path / "fresh")
    assert tree(replaced.release) == tree(fresh.release)
    assert not (old / ".cache").exists()


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with new_release(tmp_path / "out") as folder:
        (folder / "README.md").write_text("new")
    assert tree(tmp_path) == {".out.lock": b"", "out/README.md": b"new"}


@pytest.mark.parametrize("killed", ["while writing", "between the renames", "before the old one was removed"])
def test_what_a_killed_run_left_is_healed_by_the_next(old: Path, killed: str) -> None:
    before = tree(old)
    making, kept = (old.with_name(f".dermasynth.{name}") for name in ("new", "old"))
    shutil.copytree(old, making)
    if killed == "between the renames":
        old.rename(kept)
    elif killed == "before the old one was removed":
        making.rename(kept)
    with pytest.raises(KeyboardInterrupt), new_release(old):
        raise KeyboardInterrupt
    assert tree(old) == before
    assert sorted(path.name for path in old.parent.iterdir()) == [".dermasynth.lock", "dermasynth"]


def test_a_release_that_cannot_be_put_in_place_leaves_the_old_one(old: Path) -> None:
    before = tree(old)
    with pytest.raises(FileNotFoundError), new_release(old) as folder:
        folder.rmdir()
    assert tree(old) == before
    assert sorted(path.name for path in old.parent.iterdir()) == [".dermasynth.lock", "dermasynth"]


def _a_file(out: Path) -> None:
    shutil.rmtree(out)
    out.write_text("mine")


def _a_folder_of_other_things(out: Path) -> None:
    shutil.rmtree(out)
    out.mkdir()
    (out / "thesis.tex").write_text("mine")


def _a_readme_that_is_no_card(out: Path) -> None:
    (out / "README.md").write_text("# My notes\n")


def _a_release_with_notes(out: Path) -> None:
    (out / "notes.txt").write_text("mine")


def _a_release_with_parquet_of_another(out: Path) -> None:
    (out / "mine.parquet").write_bytes(b"mine")


def _a_clone_of_the_hub(out: Path) -> None:
    (out / ".git").mkdir()
    (out / ".git" / "HEAD").write_text("ref: refs/heads/main")


@pytest.mark.parametrize(
    "make",
    [
        _a_file,
        _a_folder_of_other_things,
        _a_readme_that_is_no_card,
        _a_release_with_notes,
        _a_release_with_parquet_of_another,
        _a_clone_of_the_hub,
    ],
)
def test_what_is_not_just_a_release_is_refused_and_untouched(old: Path, make: Callable[[Path], None]) -> None:
    make(old)
    before = tree(old.parent)
    with pytest.raises(ReleaseError, match="is not part of a release and would be lost"), new_release(old):
        pass
    assert tree(old.parent) == before


def test_requests_without_a_reply_need_to_be_allowed(run: Run) -> None:
    run.ask(images=5)
    with pytest.raises(ReleaseError, match=r"38 requests of pad_ufes have no reply .*`dermasynth generate`.*--partial"):
        run.release()
    assert not run.settings.out.exists()
    run.release(is_partial_allowed=True)
    assert set(rows_of(run.settings.out)) == {request.pair_id for request in run.requests()[:10]}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["derma[1]", "derma*", "what?"])
def test_a_folder_that_load_dataset_takes_for_a_pattern_is_warned_of(
    name: str, specimens: Path, tmp_path: Path, recorder: Recorder
) -> None:
    release = tmp_path / name / "dermasynth"
    pipeline.build(Settings(raw={"pad_ufes": specimens}, work=tmp_path / "build", out=release), recorder)
    assert [line for line in recorder.warned if line.startswith(f"{release.resolve()}: `load_dataset` takes a path")]
    if "[" in name:
        with pytest.raises(FileNotFoundError):
            datasets.load_dataset(str(release.resolve()), "pad_ufes", cache_dir=str(tmp_path / "cache"))


def test_a_release_without_one_row_is_refused(run: Run) -> None:
    with pytest.raises(ReleaseError, match="no pair is left"):
        run.release(is_partial_allowed=True)
    assert not run.settings.out.exists()


def test_what_is_not_published_is_kept_with_its_reasons(run: Run) -> None:
    run.ask()
    asked = [request for request in run.requests() if request.style == "asked"]
    failed, mangled, unfinished = asked[:3]
    run.append(
        Reply(failed.key, None, failure="refused: the service would not"),
        Reply(mangled.key, "no JSON"),
        Reply(unfinished.key, json.dumps({"answer": "it stops in the mid"})),
    )
    run.release()
    kept = [json.loads(line) for line in (run.settings.work / "rejects" / "pad_ufes.jsonl").read_text().splitlines()]
    assert [reject["pair_id"] for reject in kept] == [failed.pair_id, mangled.pair_id, unfinished.pair_id]
    reasons = [reject["reasons"][0] for reject in kept]
    assert "refused: the service would not" in reasons[0]
    assert reasons[1].startswith("reply: ")
    assert kept[1]["reply"] == "no JSON"
    assert "ends without a stop" in reasons[2]
    rejected = {failed.pair_id, mangled.pair_id, unfinished.pair_id}
    assert set(rows_of(run.settings.out)) == {request.pair_id for request in run.requests()} - rejected
    told = json.loads((run.settings.out / "facts.json").read_text(encoding="utf-8"))
    assert sum(each["replies"] for each in told["rejects"]) == told["sources"][0]["rejected"] == 3
    assert {(each["reason"], each["question_type"]) for each in told["rejects"]} == {
        (name, request.question_type) for name, request in zip(("reply", "reply", "form"), asked, strict=False)
    }
    assert "Replies that were rejected and are not in the release: 3." in (run.settings.out / "README.md").read_text()


# --- releases that came in part ---


@pytest.mark.parametrize("spoil", ["missing", "shorter"])
def test_a_release_that_lacks_rows_is_opened_by_nobody(built: Built, tmp_path: Path, spoil: str) -> None:
    release = Path(shutil.copytree(built.release, tmp_path / "dermasynth"))
    [path] = read_card(release)["pad_ufes"].files["test"]
    rows = pq.read_table(path)
    path.unlink()
    if spoil == "shorter":
        pq.write_table(rows.slice(1), path)
    for door in (open_sources, lambda folder: list(pairs_to_show(folder, 5))):
        with pytest.raises(ReleaseError, match=rf"config pad_ufes: says {rows.num_rows} rows of test, its files hold"):
            door(release)


def test_a_file_in_place_of_a_folder_is_no_release(tmp_path: Path) -> None:
    path = tmp_path / "dermasynth"
    path.write_text("a file")
    with pytest.raises(ReleaseError, match="is not a release"):
        read_card(path)
