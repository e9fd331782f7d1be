"""Rows that were withdrawn are not built, not loaded by the class, not pushed, and do not come back."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dermasynth_builder import pipeline
from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.release.folder import read_card
from dermasynth_builder.release.parquet import read_values
from dermasynth_builder.release.withdrawn import parse_withdrawn, read_withdrawn, why_withdrawn, withdrawn_text
from tests.loopback_hub.client import run_process
from tests.loopback_hub.hub import LoopbackHub
from tests.loopback_hub.push import ALLOWED, COMMAND, REPO, push, sent
from tests.support.processes import run_python
from tests.support.recorder import Recorder
from tests.support.releases import Built

HEAD = "row,reason,date\n"
Build = Callable[..., Built]


def ids_of(release: Path) -> set[str]:
    """The pairs of all files, those of the sample too."""
    files = [*release.glob("data/*/*.parquet"), *release.glob("sample/*.parquet")]
    return {values["pair_id"] for values in read_values(files, ["pair_id"])}


def list_of(folder: Path, *names: str) -> Path:
    path = folder / "withdrawn.csv"
    path.write_text(HEAD + "".join(f'{name},"asked by the patient, in writing",2026-11-25\n' for name in names))
    return path


def test_a_pair_or_all_pairs_of_an_image_are_withdrawn(tmp_path: Path) -> None:
    withdrawn = read_withdrawn(list_of(tmp_path, "hiba/ISIC_1", "hiba/ISIC_2/general"))
    assert why_withdrawn("hiba/ISIC_1/general", withdrawn) == "2026-11-25: asked by the patient, in writing"
    assert [
        why_withdrawn(name, withdrawn) is None for name in ("hiba/ISIC_1/of_source/1", "hiba/ISIC_2/of_source")
    ] == [
        False,
        True,
    ]
    assert why_withdrawn("scin/ISIC_1/general", withdrawn) is None
    assert parse_withdrawn(withdrawn_text(withdrawn), "again") == withdrawn


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("row,reason\n", "line 1: the columns must be row,reason,date"),
        ("", "line 1: the columns must be row,reason,date"),
        (HEAD + "hiba/ISIC_1,asked\n", "line 2: write a row, a reason "),
        (HEAD + "hiba/ISIC_1,,2026-11-25\n", "line 2: write a row, a reason "),
        (HEAD + "ISIC_1,asked,2026-11-25\n", "line 2: 'ISIC_1' is not a row"),
        (HEAD + "\nhiba/ISIC_1,asked,25.11.2026\n", "line 3: '25.11.2026' is not a date"),
        (HEAD + "hiba/ISIC_1,asked, in writing,2026-11-25\n", "line 2: write a row, a reason .in quotes"),
        (HEAD + "hiba/ISIC_1,as\0ked,2026-11-25\n", "line 2: "),
        (HEAD + "hiba/ISIC_1,as\x1bked,2026-11-25\n", "line 2: holds "),
    ],
)
def test_a_list_with_a_fault_is_refused_as_a_whole(text: str, fault: str) -> None:
    with pytest.raises(ReleaseError, match=fault):
        parse_withdrawn(text, "withdrawn.csv")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_list_is_read_as_any_editor_saves_it(end: str, mark: str, tmp_path: Path) -> None:
    lines = ["row, reason ,date", " hiba/ISIC_1 ,gone,2026-11-25", "", " , ,", "hiba/ISIC_2,gone,2026-11-24"]
    text = f"{mark}{end.join(lines)}"
    expected = {"hiba/ISIC_1": "2026-11-25: gone", "hiba/ISIC_2": "2026-11-24: gone"}
    assert parse_withdrawn(text, "as the Hub has it") == expected
    path = tmp_path / "withdrawn.csv"
    path.write_bytes(text.encode())
    assert read_withdrawn(path) == expected


def test_of_several_lines_on_one_row_the_earliest_day_counts_in_whatever_order() -> None:
    lines = [f"hiba/ISIC_1,told {day},2026-11-{day}\n" for day in (25, 23, 24, 23)]
    for order in (lines, lines[::-1]):
        assert parse_withdrawn(HEAD + "".join(order), "a list") == {"hiba/ISIC_1": "2026-11-23: told 23"}


def test_a_list_in_another_encoding_or_in_no_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "withdrawn.csv"
    path.write_bytes(f"{HEAD}hiba/ISIC_1,d\u00e9j\u00e0 vu,2026-11-25\n".encode("latin-1"))
    with pytest.raises(ReleaseError, match=r"withdrawn\.csv, line 2: is not in UTF-8; save the list"):
        read_withdrawn(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ReleaseError, match=r"withdrawn\.csv cannot be read: "):
        read_withdrawn(path)


def test_what_withdraws_nothing_is_told_at_build(built: Built, tmp_path: Path, recorder: Recorder) -> None:
    pair_id, other = sorted(ids_of(built.release))[4], sorted(ids_of(built.release))[9].rpartition("/")[0]
    typos = ("pad_ufes/PAT_0_0_0", f"{pair_id}s", "pad-ufes/PAT_1_2_3")
    path = list_of(tmp_path, pair_id, other, "hiba/ISIC_1", *typos)
    settings = replace(built.settings, work=tmp_path / "build", out=tmp_path / "dermasynth", withdrawn=path)
    pipeline.build(settings, recorder)
    told = [line for line in recorder.warned if "is no row of these sources" in line]
    assert {line.partition(": ")[2].partition(" is ")[0] for line in told} == set(typos)


def test_a_list_that_was_named_must_be_there(tmp_path: Path) -> None:
    assert read_withdrawn(tmp_path / "withdrawn.csv") == {}
    with pytest.raises(ReleaseError, match=r"gone\.csv is not there"):
        read_withdrawn(tmp_path / "gone.csv")


def test_withdrawn_rows_are_in_no_config_of_a_release_which_carries_the_list(
    built: Built, specimens: Path, build_release: Build, tmp_path: Path
) -> None:
    before = ids_of(built.release)
    pair_id, other = sorted(before)[4], sorted(before)[9].rpartition("/")[0]
    path = list_of(tmp_path, pair_id, other)
    fewer = build_release(specimens, tmp_path, withdrawn=path, split_shares=(0.6, 0.2, 0.2))
    gone = before - ids_of(fewer.release)
    asked = read_values(fewer.release.glob("closed/*.parquet"), ["pair_id"])
    assert not any(values["pair_id"].startswith(f"{other}/") for values in asked)
    assert gone == {name for name in before if name == pair_id or name.startswith(f"{other}/")}
    assert len(gone) == 3
    assert read_withdrawn(fewer.release / "withdrawn.csv") == read_withdrawn(path)
    assert "withdrawn 2026-11-25: asked by" in (tmp_path / "build" / "rejects" / "pad_ufes.jsonl").read_text()
    path.unlink()
    again = build_release(specimens, tmp_path, withdrawn=path, split_shares=(0.6, 0.2, 0.2))
    assert ids_of(again.release) == before  # files that were kept would lack them


LOAD = """
import json, sys, dermasynth, datasets
datasets.disable_progress_bars()
builder = dermasynth.DermaSynth(config_name="pad_ufes", data_dir=sys.argv[1], withdrawn=sys.argv[2])
builder.download_and_prepare()
print(json.dumps([row["pair_id"] for split in builder.as_dataset().values() for row in split]))
"""


@pytest.mark.slow
def test_the_class_leaves_out_what_was_withdrawn_after_a_release(built: Built, tmp_path: Path) -> None:
    import json

    before = {row["pair_id"] for row in read_values(read_card(built.release)["pad_ufes"].paths, ["pair_id"])}
    lost = sorted(before)[3]
    loaded = []
    for names in ((), (lost,)):
        words = (str(built.release), str(list_of(tmp_path, *names)))
        found = run_python(sys.executable, "-c", LOAD, *words, cwd=tmp_path, hf_home=tmp_path / "hf")
        loaded.append(set(json.loads(found.splitlines()[-1])))
    assert loaded == [before, before - {lost}]


@pytest.mark.slow
def test_a_release_with_a_withdrawn_row_is_not_pushed_and_none_comes_back(
    built: Built, specimens: Path, build_release: Build, tmp_path: Path
) -> None:
    lost = sorted(ids_of(built.release))[3]
    path = list_of(tmp_path, lost)
    words = (sys.executable, "-c", f"import os; os.chdir({str(tmp_path)!r}); {COMMAND}", "push", REPO)
    fewer = build_release(specimens, tmp_path / "fewer", withdrawn=path).release
    with LoopbackHub() as hub:
        held = run_process(hub, tmp_path / "home", *words, "--out", str(built.release), *ALLOWED)
        assert (held.code, held.requests) == (1, [])
        assert f"holds 1 withdrawn rows, the first {lost} (2026-11-25: asked by the patient, in writing)" in held.err
        assert push(hub, tmp_path / "home", fewer).code == 0
        back = push(hub, tmp_path / "home", built.release, "--tag", "v9")
        assert (back.code, sent(back)) == (1, [])
        assert f"{REPO} has withdrawn {lost}, and the list of this release does not" in back.err
