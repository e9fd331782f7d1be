"""`dermasynth show` finds pairs by config, id and fact, and gives an image to the system's viewer or to a file."""

import os
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder.cli import main
from dermasynth_builder.release.parquet import read_values
from tests.support.releases import Built

Output = pytest.CaptureFixture[str]


def run(*words: str | Path) -> int:
    return main([str(word) for word in words])


@pytest.fixture
def rows(built: Built) -> list[dict[str, Any]]:
    return list(read_values(sorted(built.release.rglob("*.parquet"))))


def shown(capsys: Output) -> list[str]:
    return re.findall(r"^--- (\S+) ", capsys.readouterr().out, re.MULTILINE)


def test_a_pair_is_found_by_its_id_and_an_images_pairs_by_the_images(
    built: Built, rows: list[dict[str, Any]], capsys: Output
) -> None:
    row = rows[-1]
    assert run("show", row["pair_id"], "--out", built.release) == 0
    assert shown(capsys) == [row["pair_id"]]
    assert run("show", row["image_id"], "--out", built.release) == 0
    assert shown(capsys) == [each["pair_id"] for each in rows if each["image_id"] == row["image_id"]]


def test_pairs_are_found_by_facts_and_other_columns(built: Built, rows: list[dict[str, Any]], capsys: Output) -> None:
    where = ("--where", "diagnosis=melanoma,nevus", "--where", "engine=template", "--where", "style=asked")
    assert run("show", "pad_ufes", "-n", "99", *where, "--out", built.release) == 0
    wanted = {row["pair_id"] for row in rows if row["diagnosis"] in ("melanoma", "nevus") and row["style"] == "asked"}
    assert 0 < len(wanted) < len(rows)
    found = shown(capsys)
    assert (set(found), len(found)) == (wanted, len(wanted))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("pad_ufs",), "no pair or image has the id 'pad_ufs'.* it has: pad_ufes; did you mean 'pad_ufes'"),
        (("--where", "diagnosis=nevos"), "no diagnosis 'nevos'; there is .*; did you mean 'nevus'"),
        (("--where", "enigne=template"), "there is no field 'enigne'; did you mean 'engine'"),
        (("--where", "messages=x"), "there is no field 'messages'"),
        (("--where", "diagnosis=nevus", "--where", "malignancy=malignant"), "no pair fits diagnosis is nevus; malig"),
    ],
)
def test_what_is_not_found_is_wrong_use_and_names_what_there_is(
    words: tuple[str, ...], said: str, built: Built, capsys: Output
) -> None:
    assert run("show", *words, "--out", built.release) == 2
    assert re.search(said, capsys.readouterr().err)


def test_the_image_of_the_first_pair_is_written_as_it_is(
    built: Built, rows: list[dict[str, Any]], tmp_path: Path, capsys: Output
) -> None:
    row = rows[7]
    assert run("show", row["pair_id"], "--image", tmp_path / "lesion.png", "--out", built.release) == 0
    assert sha256((tmp_path / "lesion.png").read_bytes()).hexdigest() == row["image_sha256"]
    assert f"image of {row['pair_id']} written to {tmp_path / 'lesion.png'}" in capsys.readouterr().out


def opened(built: Built, pair_id: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """`dermasynth show PAIR --open` in a process that has no browser or viewer but those of `variables`."""
    script = "import sys; from dermasynth_builder.cli import main; raise SystemExit(main(sys.argv[1:]))"
    kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")}
    environment = kept | {"PATH": str(folder), "TMPDIR": str(folder)} | variables
    words = (sys.executable, "-c", script, "show", pair_id, "--open", "--out", str(built.release))
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have a viewer of their own")
def test_an_image_is_opened_or_where_nothing_can_the_message_says_where_it_is(
    built: Built, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    row = rows[7]
    viewer = tmp_path / "viewer"
    viewer.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/seen\n')
    viewer.chmod(0o755)
    done = opened(built, row["pair_id"], tmp_path, BROWSER=str(viewer))
    assert (done.returncode, done.stderr) == (0, "")
    path = Path((tmp_path / "seen").read_text().strip().removeprefix("file://"))
    assert sha256(path.read_bytes()).hexdigest() == row["image_sha256"]
    assert path.suffix == ".png"
    alone = opened(built, row["pair_id"], tmp_path)
    assert alone.returncode == 1
    found = re.search(r"found no program that opens images here; the image is in (\S+)", alone.stderr)
    assert found
    assert sha256(Path(found[1]).read_bytes()).hexdigest() == row["image_sha256"]
