"""Names that own images came with are published after a warning alone, or not at all."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder.cli import main
from dermasynth_builder.core.errors import SourceError
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.records import Problem, ProblemKind
from dermasynth_builder.invented.specimens.mapped import write_folder
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from dermasynth_builder.read.hidden_names import KEY, hashed
from dermasynth_builder.read.source import read_source
from tests.support.clinical_images import clinical_image
from tests.support.recorder import Recorder

NAMES = ("mueller_anna", "2024-03-01", "record 4711")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Own images whose files, patients and lesions have telling names."""
    root = write_folder(tmp_path / "own", side_px=16)
    with (root / "patients.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        told = f"{NAMES[0]}_{NAMES[1]}_{row['image']}"
        (root / row["image"]).rename(root / told)
        row |= {"image": told, "patient": f"{NAMES[2]} {row['patient']}", "lesion": f"{NAMES[0]} {row['lesion']}"}
    with (root / "patients.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return root


def hide(root: Path) -> None:
    path = root / "recipe.toml"
    path.write_text(path.read_text().replace("[folder]", '[folder]\nnames = "hashed"'))


def built(root: Path, folder: Path) -> bytes:
    """All bytes of a release of the folder."""
    out = folder / "release"
    words = ["build", "folder", "--raw", root, "--work", folder / "work", "--out", out]
    assert main([str(word) for word in words]) == 0
    return b"".join(path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file())


@pytest.mark.slow
def test_names_are_told_before_they_are_published_and_hashed_where_that_is_asked(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert NAMES[0].encode() in built(own, tmp_path / "kept")
    told = capsys.readouterr().err
    assert "names of images and groups are published as ids, as 'mueller_anna_2024-03-01_photo_000'" in told
    assert "12 of them seem to hold a date" in told
    assert 'names = "hashed"' in told
    hide(own)
    release = built(own, tmp_path / "hidden")
    assert [name for name in NAMES if name.encode() in release] == []
    assert "published as ids" not in capsys.readouterr().err
    assert (own / KEY).stat().st_mode & 0o077 == 0
    assert (own / KEY).read_bytes().strip() not in release


def test_hashes_stay_from_run_to_run_and_are_other_ones_elsewhere(own: Path, tmp_path: Path) -> None:
    hide(own)
    settings = Settings(raw={"folder": own}, work=tmp_path / "work")
    first, again = (read_source("folder", settings, Recorder()).images for _ in range(2))
    assert [each.image_id for each in first] == [each.image_id for each in again]
    assert len({each.image_id for each in first}) == 12
    assert len({each.group_id for each in first}) == 4
    (own / KEY).unlink()
    other = read_source("folder", settings, Recorder()).images
    assert not {each.image_id for each in first} & {each.image_id for each in other}


def test_names_of_published_sets_are_no_matter(tmp_path: Path) -> None:
    recorder = Recorder()
    raw = write_pad_ufes(tmp_path / "raw", images=4, side_px=16)
    read_source("pad_ufes", Settings(raw={"pad_ufes": raw}, work=tmp_path / "work"), recorder)
    assert not [line for line in recorder.warned if "published as ids" in line]


@pytest.mark.parametrize("content", [b"", b"no digits", b"ab\n", b"\xff\xfe"])
def test_a_secret_that_is_none_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / KEY).write_bytes(content)
    with pytest.raises(SourceError, match=KEY):
        list(hashed([clinical_image()], tmp_path))


@given(st.lists(st.text(min_size=4, max_size=20), min_size=1, max_size=5))
def test_nothing_of_any_name_is_left(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    root = tmp_path_factory.mktemp("own")
    told = [
        replace(clinical_image(), image_id=name, group_id=name, lesion_id=name, file_name=f"{name}.PNG")
        for name in names
    ]
    problem = Problem(ProblemKind.BROKEN_ROW, "a.csv, line 2", "who knows")
    *hidden, last = hashed([*told, problem], root)
    assert last is problem
    for name, each in zip(names, hidden, strict=True):
        assert not isinstance(each, Problem)
        ids = (each.image_id, each.group_id, each.lesion_id or "")
        assert all(len(each) == 16 and set(each) <= set("0123456789abcdef") for each in ids)
        assert len(set(ids)) == 3
        assert name not in each.file_name or set(name) <= set("0123456789abcdef.png")
