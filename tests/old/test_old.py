"""What older versions wrote is read whole, or refused by a sentence that says how to go on. See `make.py`."""

import json
import re
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from dermasynth_builder.cli import COMMANDS, main
from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.records import canonical_json
from dermasynth_builder.generate.engines.batch.state import BatchState, shards_in
from dermasynth_builder.generate.ledger import Ledger, read_record, record_of, reply_of
from dermasynth_builder.generate.ledger_tools import merge, summarise
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from tests.support.fake_service import KEY

ARCHIVES = sorted(Path(__file__).parent.glob("*.zip"))
PLACE = ("pad_ufes", "--raw", "raw/pad_ufes", "--work", "work")
READERS = {
    "show": "",
    "view": "--to page.html",
    "report": "--work work",
    "export": "trl --to exported --allow-template",
    "review": "export --work work --to sheet",
    "push": "tester/dermasynth --dry-run --allow-template --without-statistics",
    "train": "a-model --to model --dry-run --allow-template",
    "evaluate items": "--to items --split train",
    "evaluate invented": "a-model --split train",
}
"""The commands that open the release of --out, with what they need beside it."""
WRITERS = {"plan", "generate", "build", "release", "status"}
PROOF = "verify release --raw raw/pad_ufes --ledgers work/ledgers"
GOES_ON = re.compile(r"build the release anew|build it anew|`dermasynth (?:build|release)`")
NO_MODEL = re.compile(r"a-model cannot be loaded|needs \w+[:;] .*pip install")  # the release was read
Output = pytest.CaptureFixture[str]


@pytest.fixture(params=ARCHIVES, ids=lambda path: str(path.stem))
def old(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an older version, which is the current folder."""
    with ZipFile(request.param) as archive:
        archive.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    return tmp_path


def test_there_are_versions_from_the_first_on() -> None:
    assert len(ARCHIVES) >= 8
    assert ARCHIVES[0].stem == "1123-15bdef3"


def test_archives_name_no_place_of_a_machine(old: Path) -> None:
    named = [
        path for path in old.rglob("*") if path.is_file() and re.search(rb"/(?:tmp|home|work)/", path.read_bytes())
    ]
    assert not named


def test_every_reply_of_an_old_ledger_is_kept(old: Path) -> None:
    ledgers = list(old.glob("work/ledgers/*.jsonl"))
    assert ledgers
    for path in ledgers:
        warned: list[str] = []
        summary = summarise(path)
        ledger = Ledger(path, summary.identity, warned.append)
        lines = path.read_bytes().splitlines(keepends=True)[1:]
        assert (summary.torn_lines, warned) == (0, [])
        assert len(ledger) == len({json.loads(line)["key"] for line in lines})
        for line in lines:
            written = json.loads(line)
            kept = json.loads(canonical_json(record_of(reply_of(read_record(line) or {}))))
            assert {name: kept[name] for name in written} == written
        assert merge([path], old / "merged", warn=warned.append).added == len(ledger)


def test_rows_of_an_old_batch_are_known(old: Path) -> None:
    for path in old.glob("work/batches/*.sqlite"):
        shards = shards_in(path)
        with BatchState(path) as state:
            rows = [row for shard in shards for row in state.rows_of(shard).items()]
        assert len(rows) == sum(shard.rows for shard in shards if shard.is_open) > 0
        assert all(row.request.key == key and row.request.prompt for key, row in rows)


def test_every_command_that_opens_a_release_is_tried_on_old_ones() -> None:
    assert {name for name, command in COMMANDS.items() if "out" in command.keys} == {*READERS, *WRITERS}


@pytest.mark.parametrize("name", READERS)
def test_an_old_release_is_read_or_refused_in_words(
    old: Path, capsys: Output, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")  # no Hub: a dry push does without
    monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", "http://127.0.0.1:9")
    before = files_in(old / "release")
    code = main([*name.split(), *READERS[name].split(), "--out", "release"])
    told = capsys.readouterr().err
    is_without_model = "a-model" in READERS[name] and NO_MODEL.search(told)
    assert code == 0 or (code == 1 and GOES_ON.search(told)) or is_without_model, told
    assert "Traceback" not in told
    assert files_in(old / "release") == before


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_an_old_release_is_proved_or_refused_in_words(old: Path, capsys: Output) -> None:
    code = main(PROOF.split())
    told = capsys.readouterr().err
    assert code == 0 or (code == 1 and GOES_ON.search(told)), told


def test_the_class_reads_an_old_release_or_refuses_it_in_words(old: Path) -> None:
    import dermasynth

    told = ""
    try:
        options: dict[str, Any] = {
            "data_dir": str(old / "release"),
            "cache_dir": str(old / "cache"),
            "is_specimen_allowed": True,
        }
        dermasynth.DermaSynth(config_name="pad_ufes", **options).download_and_prepare()
    except ReleaseError as error:
        told = str(error)
    assert not told or GOES_ON.search(told)


@pytest.mark.slow
def test_work_goes_on_over_what_an_old_version_left(old: Path, capsys: Output) -> None:
    for words in ("status --work work --out release", "failures --work work"):
        assert main(words.split()) == 0
    assert main(["build", *PLACE, "--out", "release"]) == 0, capsys.readouterr().err
    assert main(PROOF.split()) == 0


@pytest.mark.slow
def test_paid_answers_are_used_or_told_of(old: Path, capsys: Output) -> None:
    """Requests that have changed since are asked anew; the answers to what they were stay where they are."""
    [*ledgers] = old.glob("work/ledgers/gemini-*.jsonl")
    before = {path: path.read_bytes() for path in ledgers}
    with FakeGemini() as fake:
        words = ("--engine", "gemini", "--model", "gemini-3.5-flash-lite", "--base-url", fake.url)
        assert main(["generate", *PLACE, *words, "--allow-version-change", "--retry-failed"]) in (0, 1)
    assert all(path.read_bytes().startswith(content) for path, content in before.items())
    if before:
        told = capsys.readouterr()
        assert re.search(r"^\d+ of 12 replies in work/ledgers/gemini-\w+\.jsonl are not used", told.err) or (
            re.search(r"\d answered, 0 failed, \d+ known from before", told.out)
        )


@pytest.mark.slow
def test_an_old_batch_is_looked_for_and_told_of(old: Path, capsys: Output) -> None:
    if not list(old.glob("work/batches/*.sqlite")):
        pytest.skip("this version had no batches")
    with FakeGemini() as fake:
        words = (
            "--engine",
            "gemini_batch",
            "--model",
            "gemini-3.5-flash-lite",
            "--base-url",
            fake.url,
            "--poll",
            "0.01",
        )
        code = main(["generate", *PLACE, *words])
    assert code == 3
    assert re.search(
        r"--pay-again to pay for their rows again\n  shard 1, batches/\w+: the job is gone", capsys.readouterr().err
    )
