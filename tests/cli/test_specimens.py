"""`dermasynth specimens` as a user meets it."""

import sys
from pathlib import Path

import pytest

from dermasynth_builder.cli import main
from dermasynth_builder.cli.specimens import draw_specimens
from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.records import ClinicalImage
from dermasynth_builder.read.find import SPECIMEN_MARK
from tests.support.paths import ROOT
from tests.support.plug_ins import install_example
from tests.support.processes import run_python

Output = pytest.CaptureFixture[str]


def files(folder: Path) -> list[str]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != SPECIMEN_MARK)
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def read(source: str, folder: Path) -> list[ClinicalImage]:
    return [item for item in registry.source(source).read(folder) if isinstance(item, ClinicalImage)]


def test_what_it_draws_is_what_the_next_command_reads(tmp_path: Path, capsys: Output) -> None:
    folder = tmp_path / "new" / "pad"
    assert main(["specimens", "pad_ufes", "--to", str(folder), "--images", "6"]) == 0
    assert capsys.readouterr().out.rstrip().endswith(f"next: dermasynth build pad_ufes --raw {folder}")
    assert len([image for image in read("pad_ufes", folder) if image.path]) == 6


def test_a_layout_is_the_one_asked_for_and_its_own_folder_is_drawn_anew(tmp_path: Path) -> None:
    draw_specimens("bcn20000", tmp_path, images=4, layout="isic2019")
    first = files(tmp_path)
    assert "ISIC_2019_Training_Metadata.csv" in first
    draw_specimens("scin", tmp_path, images=4)
    assert set(first) & set(files(tmp_path)) == {"drawn.jsonl"}  # what is so on the pictures, of either
    assert read("scin", tmp_path)
    draw_specimens("bcn20000", tmp_path, images=4, layout="isic2019")
    assert files(tmp_path) == first


def test_a_layout_that_the_source_has_not_is_refused_with_those_that_it_has(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--layout flat: pad_ufes has no such layout; .* parts, doubled"):
        draw_specimens("pad_ufes", tmp_path / "new", images=4, layout="flat")
    assert not (tmp_path / "new").exists()


def test_files_that_it_did_not_write_are_never_removed(tmp_path: Path) -> None:
    own = tmp_path / "real" / "photograph.png"
    own.parent.mkdir()
    own.write_bytes(b"of a patient")
    with pytest.raises(UsageError, match=r"`dermasynth specimens` did not write, for example photograph\.png"):
        draw_specimens("hiba", own.parent, images=2)
    draw_specimens("hiba", tmp_path / "drawn", images=2)
    beside = tmp_path / "drawn" / "images" / "photograph.png"
    beside.parent.mkdir(exist_ok=True)
    own.rename(beside)
    before = files(tmp_path / "drawn")
    with pytest.raises(UsageError, match=r"for example images/photograph\.png"):
        draw_specimens("hiba", tmp_path / "drawn", images=2)
    assert files(tmp_path / "drawn") == before


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="it is a file; give a folder"):
        draw_specimens("hiba", tmp_path / "file", images=2)


def test_a_run_that_was_stopped_is_made_good_by_the_next(tmp_path: Path) -> None:
    draw_specimens("hiba", tmp_path, images=2)
    (tmp_path / SPECIMEN_MARK).write_text('{"source": "hiba"}', encoding="utf-8")  # as a killed run leaves it
    draw_specimens("hiba", tmp_path, images=3)
    assert len(read("hiba", tmp_path)) == 3


def test_help_lists_the_layouts_of_every_source(capsys: Output) -> None:
    assert main(["specimens", "--help"]) == 0
    printed = capsys.readouterr().out
    for name in registry.SPECIMENS:
        assert name in printed
        assert all(layout in printed for layout in registry.specimen_layouts(name))


def test_help_lists_what_other_packages_have_and_stands_by_a_broken_one(tmp_path: Path) -> None:
    path = install_example(tmp_path / "installed")
    (path / "dermasynth_example" / "source.py").write_text("broken", encoding="utf-8")
    script = (
        "import contextlib\n"
        "from dermasynth_builder.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['specimens', '--help'])\n"
    )
    printed = run_python(sys.executable, "-c", script, cwd=tmp_path, hf_home=tmp_path, PYTHONPATH=f"{path}:{ROOT}")
    assert "dataset, flat" in printed
    assert "of the package dermasynth-example" in printed
