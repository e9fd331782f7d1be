"""`dermasynth verify`: a release is what its recipe makes of the raw images, or the first difference is named."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder import pipeline
from dermasynth_builder.cli import main
from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.records import CheckedClaim, Judgement, text_digest
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.release.folder import read_card
from dermasynth_builder.release.judgements import VERDICTS, keep_judgements
from dermasynth_builder.release.parquet import read_values
from dermasynth_builder.release.reviews import Judged, Verdicts, keep_sheet, take_verdicts
from dermasynth_builder.report.proof import fetched, proof_text, prove, recipe_in
from tests.loopback_hub.client import run_process
from tests.loopback_hub.hub import LoopbackHub
from tests.loopback_hub.push import COMMAND, REPO, TAG, push
from tests.support.recorder import Recorder
from tests.support.releases import Built

pytestmark = pytest.mark.slow
Output = pytest.CaptureFixture[str]


def verified(release: Path | str, raw: Path, *words: str) -> int:
    return main(["verify", str(release), "--raw", str(raw), *words])


def test_a_release_is_proved_and_nothing_is_left_beside_it(
    built: Built, specimens: Path, tmp_path: Path, capsys: Output
) -> None:
    release = shutil.copytree(built.release, tmp_path / "dermasynth")
    assert verified(release, specimens) == 0
    there = sum(path.is_file() for path in release.rglob("*"))
    assert f"all {there} files are the same, byte for byte" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [release]


def test_other_raw_images_or_another_recipe_are_told_with_the_first_difference(
    built: Built, specimens: Path, tmp_path: Path, capsys: Output
) -> None:
    release = shutil.copytree(built.release, tmp_path / "dermasynth")
    raw = shutil.copytree(specimens, tmp_path / "raw")
    table = raw / "metadata.csv"
    table.write_text(table.read_text().replace("FOREARM", "THIGH").replace("NOSE", "CHEST").replace("FACE", "BACK"))
    assert verified(release, raw) == 1
    said = capsys.readouterr().err
    assert "is not what its recipe makes here. " in said
    assert "and again" in said
    recipe = release / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("seed = 2025", "seed = 7"))
    assert verified(release, specimens) == 1
    assert "different: " in capsys.readouterr().err


def test_a_release_whose_replies_a_model_wrote_needs_them(built: Built, specimens: Path, tmp_path: Path) -> None:
    release = shutil.copytree(built.release, tmp_path / "dermasynth")
    recipe = release / "recipe.toml"
    recipe.write_text(recipe.read_text().replace('engine = "template"', 'engine = "gemini"'))
    assert recipe_in(release).engine == "gemini"
    with pytest.raises(ReleaseError, match="the engine gemini has no replies here, and would have to be paid again"):
        prove(release, {"pad_ufes": specimens}, None, report=Recorder())


def test_replies_that_are_there_are_taken_and_stay_as_they_are(built: Built, specimens: Path) -> None:
    ledgers = built.settings.work / "ledgers"
    before = {path.name: path.read_bytes() for path in ledgers.glob("*.jsonl")}
    proof = prove(built.release, {"pad_ufes": specimens}, ledgers, report=Recorder())
    assert proof.is_whole, proof_text(proof)
    assert {path.name: path.read_bytes() for path in ledgers.glob("*.jsonl")} == before


def test_a_release_on_the_hub_is_proved_by_its_tag(built: Built, specimens: Path, tmp_path: Path) -> None:
    import sys

    with LoopbackHub() as hub:
        hub.write(
            REPO, {"notes/thesis.txt": b"the owner's", "own.parquet": b"the owner's", "figures/mine.png": b"mine"}
        )
        assert push(hub, tmp_path / "home", built.release).code == 0
        words = ("verify", f"{REPO}@{TAG}", "--raw", str(specimens))
        done = run_process(hub, tmp_path / "home", sys.executable, "-c", COMMAND, *words)
        fetched_paths = {each.path.partition("/resolve/")[2].partition("/")[2] for each in done.requests}
        none = run_process(hub, tmp_path / "home", sys.executable, "-c", COMMAND, "verify", f"{REPO}@v9", *words[2:])
        hub.stand_between("GET", f"/api/datasets/{REPO}/revision", b"<html>Please log in</html>")
        page = run_process(hub, tmp_path / "home", sys.executable, "-c", COMMAND, *words)
    there = sum(path.is_file() for path in built.release.rglob("*"))
    assert (done.code, f"all {there} files are the same, byte for byte" in done.out) == (0, True), done.err
    assert not {"notes/thesis.txt", "own.parquet"} & fetched_paths
    assert (page.code, "its answer is not JSON" in page.err, "Traceback" in page.err) == (1, True, False)
    assert (none.code, f"{REPO}@v9 did not come from the Hub" in none.err) == (1, True)


def test_what_persons_and_other_models_said_is_taken_from_beside_the_replies(
    specimens: Path, build_release: Callable[..., Built], tmp_path: Path
) -> None:
    built = build_release(specimens, tmp_path)
    work = built.settings.work
    rows = list(read_values(read_card(built.release)["all"].paths))[:3]
    texts = {row["pair_id"]: text_digest(row["pair_id"], _turns(row)) for row in rows}
    kept, out, judged = texts.items()
    sheet = keep_sheet(work, texts)
    said = (Judged(*kept, "keep", {"accuracy": 4}), Judged(*out, "leave_out"))
    take_verdicts([(tmp_path / "Ann.json", Verdicts("dermasynth review 1", sheet, "Ann", said))], work)
    (work / VERDICTS).mkdir()
    claims = (CheckedClaim("It is a mole.", "contradicted", "nothing shows it"),)
    keep_judgements(work / VERDICTS / "judge.json", {judged[1]: Judgement("judge", claims)})
    pipeline.build(built.settings, SilentReporter())
    raw = {"pad_ufes": specimens}
    assert prove(built.release, raw, work / "ledgers", report=Recorder()).is_whole
    alone = prove(built.release, raw, Path(shutil.copytree(work / "ledgers", tmp_path / "alone")), report=Recorder())
    assert not alone.is_whole
    assert out[0] in alone.first or kept[0] in alone.first


def _turns(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(turn["role"], turn["content"]) for turn in row["messages"]]


def test_replies_that_are_in_no_folder_and_a_licence_that_is_no_text_are_told(
    built: Built, specimens: Path, tmp_path: Path, capsys: Output
) -> None:
    release = shutil.copytree(built.release, tmp_path / "dermasynth")
    assert verified(release, specimens, "--ledgers", str(tmp_path / "gone")) == 1
    assert f"--ledgers: {tmp_path / 'gone'} is not a folder" in capsys.readouterr().err
    (release / "LICENSE").write_bytes(b"\xff\xfe")
    assert verified(release, specimens) == 1
    assert "different: LICENSE\nLICENSE, line 1" in capsys.readouterr().err


def test_what_is_no_release_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"give a release's folder, or USER/NAME@TAG"):
        fetched(str(tmp_path), tmp_path)
