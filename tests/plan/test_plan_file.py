"""The plan in the working folder: made once, read ever after, and never one that something else was planned for."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import dermasynth
from dermasynth_builder import pipeline
from dermasynth_builder.cli import main
from dermasynth_builder.core.options import PlanOptions, Settings
from dermasynth_builder.core.records import Asked, ClinicalImage, Reply, Request
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.generate import ledger as ledger_module
from dermasynth_builder.generate.ledger import Ledger
from dermasynth_builder.generate.rounds import Planned
from dermasynth_builder.plan import plan_file
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import PromptBook, load_prompt_book
from dermasynth_builder.read.source import ReadSource
from tests.support.clinical_images import clinical_image

SILENT = SilentReporter()
BOOK = load_prompt_book()
OPTIONS = PlanOptions(self_instruct_share=0.25, conversation_share=0.2, rounds=1)


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each prompt is rendered."""
    counts: Counter[str] = Counter()
    render = PromptBook.render

    def counting(*given: Any, **named: Any) -> str:
        text = render(*given, **named)
        counts[text] += 1
        return text

    monkeypatch.setattr(PromptBook, "render", counting)
    return counts


@pytest.fixture
def settings(specimens: Path, tmp_path: Path) -> Settings:
    work, out = tmp_path / "build", tmp_path / "dermasynth"
    return Settings(
        {"pad_ufes": specimens}, work, out, split_shares=(0.6, 0.2, 0.2), plan_options=PlanOptions(rounds=3)
    )


def images(count: int = 40) -> list[ClinicalImage]:
    return [clinical_image(f"image_{number}") for number in range(count)]


def plan_in(folder: Path, **changes: Any) -> Planned:
    given: dict[str, Any] = {"images": images(), "book": BOOK, "seed": 5, "options": OPTIONS, "chooser": None} | changes
    read = ReadSource("pad_ufes", given["images"], [])
    planner = Planner(given["book"], given["seed"], given["options"], given["chooser"])
    return Planned(read, planner, folder / "recited.rounds", folder / "plans")


def plans_of(folder: Path) -> list[Path]:
    return sorted((folder / "plans").glob("*.parquet"))


# --- one render a request, one reply a line ---


def test_generate_renders_each_request_once_and_again_none(settings: Settings, rendered: Counter[str]) -> None:
    tally = pipeline.ask(pipeline.plan(settings, SILENT), settings, SILENT)
    assert rendered.total() == tally.answered == 48
    rendered.clear()
    again = pipeline.ask(pipeline.plan(settings, SILENT), settings, SILENT)
    assert (again.known, again.answered, rendered.total()) == (48, 0, 0)


def test_a_release_renders_nothing_that_is_planned_and_reads_each_reply_once(
    settings: Settings, rendered: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.ask(pipeline.plan(settings, SILENT), settings, SILENT)
    rendered.clear()
    read: Counter[str] = Counter()
    reply_of = ledger_module.reply_of

    def counting(record: Any) -> Reply:
        read[record["key"]] += 1
        return reply_of(record)

    monkeypatch.setattr(ledger_module, "reply_of", counting)
    [config] = pipeline.release(pipeline.plan(settings, SILENT), settings, SILENT)
    assert rendered.total() == 0
    assert config.rows == read.total() == len(read) == 48


def test_a_release_without_a_plan_renders_each_request_once(settings: Settings, rendered: Counter[str]) -> None:
    pipeline.ask(pipeline.plan(settings, SILENT), settings, SILENT)
    shutil.rmtree(settings.work / "plans")
    rendered.clear()
    pipeline.release(pipeline.plan(settings, SILENT), settings, SILENT)
    assert rendered.total() == 48


def test_the_row_stream_renders_each_request_once_for_all_splits(
    settings: Settings, rendered: Counter[str], tmp_path: Path
) -> None:
    pipeline.ask(pipeline.plan(settings, SILENT), settings, SILENT)
    shutil.rmtree(settings.work / "plans")
    rendered.clear()
    builder = dermasynth.DermaSynth(
        cache_dir=str(tmp_path / "cache"),
        config_name="pad_ufes",
        data_dir=str(settings.raw["pad_ufes"]),
        work_dir=str(settings.work),
        plan_options=settings.plan_options,
    )
    rows = [row for split in builder.as_streaming_dataset().values() for row in split]
    assert rendered.total() == len(rows) == 48


# --- what is read is what was planned ---


def test_what_comes_out_of_the_file_is_what_the_planner_makes(tmp_path: Path) -> None:
    made = list(Planner(BOOK, 5, OPTIONS).requests(images()))
    assert {request.style for request in made} == {"asked", "self_instruct", "conversation"}
    for _ in range(2):
        planned = plan_in(tmp_path)
        assert list(planned.all_in_full()) == made
        assert list(planned.all_keys()) == [request.key for request in made]
        assert [(each.pair_id, each.prompt_sha256) for each in planned.requests()] == [
            (request.pair_id, request.prompt_sha256) for request in made
        ]


def test_later_rounds_stand_where_their_images_stand(tmp_path: Path) -> None:
    options = replace(OPTIONS, rounds=3)
    planned = plan_in(tmp_path, options=options)
    made = list(Planner(BOOK, 5, options).requests(images()))
    assert {each.round for each in planned.requests()} == {0, 1, 2}
    assert list(planned.all_in_full()) == made
    assert planned.waiting == sum(each.round > 0 for each in planned.requests())


def test_a_source_without_images_has_an_empty_plan(tmp_path: Path) -> None:
    for _ in range(2):
        planned = plan_in(tmp_path, images=[])
        assert (list(planned.requests()), list(planned.all_keys()), planned.waiting) == ([], [], 0)


# --- a plan that does not hold ---


def _another_image(changes: dict[str, Any]) -> None:
    file = images()[3].file
    assert file
    changes["images"] = images()
    changes["images"][3] = replace(images()[3], file=file._replace(sha256="f" * 64))


def _another_fact(changes: dict[str, Any]) -> None:
    changes["images"] = images()
    changes["images"][3] = replace(images()[3], facts=replace(images()[3].facts, age_years=3))


def _another_order(changes: dict[str, Any]) -> None:
    changes["images"] = images()[::-1]


def _another_seed(changes: dict[str, Any]) -> None:
    changes["seed"] = 6


def _other_options(changes: dict[str, Any]) -> None:
    changes["options"] = replace(OPTIONS, is_together=True)


def _another_wording(changes: dict[str, Any]) -> None:
    kinds = tuple(replace(kind, wordings=("What is seen?",)) for kind in BOOK.banks["pad_ufes"])
    changes["book"] = PromptBook(BOOK.folder, {**BOOK.banks, "pad_ufes": kinds})


@pytest.mark.parametrize(
    "change",
    [_another_image, _another_fact, _another_order, _another_seed, _other_options, _another_wording],
)
def test_a_plan_of_something_else_is_not_read(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    list(plan_in(tmp_path).requests())
    changes: dict[str, Any] = {}
    change(changes)
    changed = plan_in(tmp_path, **changes)
    fresh = plan_in(tmp_path / "fresh", **changes)
    assert list(changed.all_in_full()) == list(fresh.all_in_full())


def test_a_plan_of_other_code_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rendered: Counter[str]
) -> None:
    list(plan_in(tmp_path).requests())
    first = rendered.total()
    monkeypatch.setattr(plan_file, "code_digest", lambda *_: "other code")
    list(plan_in(tmp_path).requests())
    assert rendered.total() == 2 * first


@dataclass
class OnlySome:
    """An engine that answers few wordings."""

    identity: dict[str, str]
    name: str = "only_some"

    def answers(self, asked: Asked) -> bool:
        return asked.wording.endswith("this?") or asked.question_type == "self_instruct"


def test_the_plan_of_an_engine_that_chooses_stands_beside_that_of_one_that_does_not(
    tmp_path: Path, rendered: Counter[str]
) -> None:
    chooser = OnlySome({"texts": "first"})
    some, every = plan_in(tmp_path, chooser=chooser), plan_in(tmp_path)
    assert {len(list(plan.requests())) for plan in (some, every)} == {len(list(some.requests())), 80}
    assert all(r.question.endswith("this?") for r in some.requests() if r.style == "asked")
    assert len(plans_of(tmp_path)) == 2
    assert (some.unanswerable["pad_ufes: size"], dict(every.unanswerable)) == (40, {})
    before = rendered.total()
    assert dict(plan_in(tmp_path, chooser=chooser).unanswerable) == dict(some.unanswerable)
    assert rendered.total() == before
    list(plan_in(tmp_path, chooser=OnlySome({"texts": "second"})).requests())
    assert rendered.total() > before


def test_a_template_that_changed_changes_the_plan(tmp_path: Path) -> None:
    shutil.copytree(BOOK.folder, tmp_path / "prompts")
    before = load_prompt_book(tmp_path / "prompts").digest
    template = tmp_path / "prompts" / "templates" / "asked.jinja"
    template.write_text(template.read_text() + "\nOne line more.\n")
    assert load_prompt_book(tmp_path / "prompts").digest != before


def _cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _one_byte_changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


def _foreign(path: Path) -> None:
    other = plan_in(path.parent.parent / "other", seed=9)
    list(other.requests())
    shutil.copyfile(plans_of(path.parent.parent / "other")[0], path)


@pytest.mark.parametrize("spoil", [_cut_off, _empty, _one_byte_changed, _foreign])
def test_a_plan_that_is_spoiled_is_made_anew(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    whole = list(plan_in(tmp_path).all_in_full())
    [path] = plans_of(tmp_path)
    content = path.read_bytes()
    spoil(path)
    assert list(plan_in(tmp_path).all_in_full()) == whole
    assert path.read_bytes() == content


def test_a_plan_that_does_not_hold_any_more_goes(tmp_path: Path) -> None:
    list(plan_in(tmp_path).requests())
    list(plan_in(tmp_path, seed=6).requests())
    old = plans_of(tmp_path)
    (tmp_path / "plans" / f".{old[0].stem}.new").write_bytes(b"left by a killed run")
    list(plan_in(tmp_path, images=images(10)).requests())
    assert len(plans_of(tmp_path)) == 2  # one a seed
    assert not list((tmp_path / "plans").glob(".*.new"))


def test_a_plan_that_fails_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: Planner, of: list[ClinicalImage], *__: Any, **___: Any) -> Iterator[Request]:
        raise KeyboardInterrupt(of[0].image_id)

    with monkeypatch.context() as patched:
        patched.setattr(Planner, "requests_of_round", failing)
        with pytest.raises(KeyboardInterrupt):
            list(plan_in(tmp_path).requests())
    assert not plans_of(tmp_path)
    assert len(list(plan_in(tmp_path).requests())) > 40


def test_rounds_of_another_ledger_have_a_plan_of_their_own(tmp_path: Path) -> None:
    options = replace(OPTIONS, rounds=2)
    here, there = plan_in(tmp_path, options=options), plan_in(tmp_path, options=options)
    there.rounds = tmp_path / "other.rounds"
    there._freeze(1, ["Is the left edge darker?", "Is the right edge darker?"])
    assert set(here.all_keys()) != set(there.all_keys())
    assert len(plans_of(tmp_path)) == 3


MAKE = """
import sys, time
from pathlib import Path
from dermasynth_builder.plan.planner import Planner
from tests.plan.test_plan_file import plan_in
plain = Planner.requests
def slow(self, images, *given):
    time.sleep(float(sys.argv[2]))
    return plain(self, images, *given)
Planner.requests = slow
print("begun", flush=True)
print(len(list(plan_in(Path(sys.argv[1])).all_in_full())))
"""


def start_planning(folder: Path, wait_s: float) -> "subprocess.Popen[str]":
    words = [sys.executable, "-c", MAKE, str(folder), str(wait_s)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_planning_that_is_killed_leaves_no_plan_and_stands_in_nobodys_way(tmp_path: Path) -> None:
    with start_planning(tmp_path, 60) as killed:
        while not list(tmp_path.glob("plans/.*.new")):
            assert killed.poll() is None
            time.sleep(0.001)  # there is nothing to wait on but the file
        os.kill(killed.pid, signal.SIGKILL)
    assert not plans_of(tmp_path)
    assert list(plan_in(tmp_path).all_in_full()) == list(plan_in(tmp_path / "calm").all_in_full())
    assert not list(tmp_path.glob("plans/.*.new"))


@pytest.mark.slow
def test_of_two_that_plan_the_same_one_waits_for_the_other(tmp_path: Path) -> None:
    with start_planning(tmp_path, 0.01) as first, start_planning(tmp_path, 0.01) as second:
        told = [process.communicate()[0].split() for process in (first, second)]
    count = len(list(plan_in(tmp_path).requests()))
    assert told == [["begun", str(count)], ["begun", str(count)]]
    assert len(plans_of(tmp_path)) == 1


# --- status ---


def test_status_tells_what_is_planned_asked_and_missing(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    def status() -> list[list[str]]:
        assert main(["status", "--work", str(settings.work), "--out", str(settings.out)]) == 0
        lines = [line.split() for line in capsys.readouterr().out.splitlines()]
        return lines[1:3] if lines[0] == ["plan", "seed", "planned", "ledger", "asked", "missing"] else []

    planned = pipeline.plan(settings, SILENT)
    assert status() == []
    list(planned[0].requests_of_round(0))
    assert status()[0] == ["pad_ufes", str(settings.seed), "48"]
    pipeline.ask(planned, settings, SILENT)
    [path] = (settings.work / "ledgers").glob("*.jsonl")
    assert status()[1] == [path.stem, "48", "0"]
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-3]))
    assert status()[1] == [path.stem, "45", "3"]
    for plan in (settings.work / "plans").glob("*.parquet"):
        plan.write_bytes(b"no plan")
    assert status() == []


def test_the_lines_of_a_ledger_are_those_of_its_file(settings: Settings) -> None:
    pipeline.ask(pipeline.plan(settings, SILENT), settings, SILENT)
    ledger = pipeline.open_ledger(pipeline.open_engine(settings), settings, SILENT)
    lines = ledger.path.read_bytes().splitlines(keepends=True)[1:]
    keys = [json.loads(line)["key"] for line in lines]
    assert list(ledger.lines(["none", *keys])) == [None, *lines]
    assert list(Ledger(ledger.path.with_name("none"), {}, print).lines(["none"])) == [None]
