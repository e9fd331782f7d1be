"""Runs as their users have them: killed and begun again, pushed and pulled, served and asked, looked at and left."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
from tenacity import Retrying, stop_after_delay, wait_fixed

pytest.importorskip("torch", reason="make test-train has it")
for name in ("trl", "peft"):
    pytest.importorskip(name)

from dermasynth_builder.cli import main  # noqa: E402 - torch may not be there
from dermasynth_builder.core.errors import TrainError  # noqa: E402
from dermasynth_builder.core.files import lock_beside  # noqa: E402
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes  # noqa: E402
from dermasynth_builder.train import sft  # noqa: E402
from dermasynth_builder.train.rows import open_release  # noqa: E402
from tests.loopback_hub.hub import LoopbackHub  # noqa: E402
from tests.support.paths import ROOT  # noqa: E402
from tests.support.releases import Built  # noqa: E402
from tests.support.tuning import TUNING, WHOLE, base, run  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # what torch, transformers and TRL say of each other is not ours to mend
]

KILLED = """
import os, signal, sys
from dermasynth_builder.cli import main
from dermasynth_builder.train import sft
of_ours = sft._progress
def killing(bar, examples):
    callback = of_ours(bar, examples)
    class Killing(type(callback)):
        def on_step_end(self, arguments, state, *rest, **more):
            if state.global_step == 6:
                os.kill(os.getpid(), signal.SIGKILL)
    return Killing()
sft._progress = killing
main(sys.argv[1:])
"""


METHODS = {"full": "model.safetensors", "lora": "adapter_model.safetensors", "qlora": "adapter_model.safetensors"}
"""Method of training -> what it writes."""
DTYPES = {"full": "float32", "lora": "bfloat16", "qlora": "bfloat16"}


@pytest.mark.parametrize("method", METHODS)
def test_a_run_that_was_killed_goes_on_and_comes_to_the_same_end(
    method: str, specimens600: Built, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if method == "qlora":
        pytest.importorskip("bitsandbytes")
    monkeypatch.chdir(specimens600.folder)
    steps = ("--method", method, "--dtype", DTYPES[method], "--steps", "10", "--save-every", "4")
    short = ("train", base("gemma3", specimens600), "--out", "dermasynth", *TUNING, *steps)
    whole, killed = (Path(f"{name}-{method}") for name in ("whole", "killed"))
    run(*short, "--to", whole)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", KILLED, *map(str, short), "--to", str(killed)]
    assert subprocess.run(words, env=environment, capture_output=True, check=False).returncode == -9
    assert not (killed / METHODS[method]).exists()
    capsys.readouterr()
    run(*short, "--to", killed)
    assert "continuing from checkpoint-4" in capsys.readouterr().out
    assert (killed / METHODS[method]).read_bytes() == (whole / METHODS[method]).read_bytes()
    assert not list(killed.glob("checkpoint-*"))
    run(*short, "--to", killed)
    assert "nothing to do" in capsys.readouterr().out
    assert main([str(word) for word in (*short, "--seed", "7", "--to", killed)]) == 1
    assert "holds a run of other rows, options or versions" in capsys.readouterr().err


def test_adapters_of_qlora_are_on_a_model_of_four_bits(
    specimens600: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bits = pytest.importorskip("bitsandbytes", reason="the extra qlora has it")
    layers: list[str] = []
    made = sft._trainer

    def looked_at(*words: Any) -> Any:
        trainer = made(*words)
        layers.extend(name for name, each in trainer.model.named_modules() if isinstance(each, bits.nn.Linear4bit))
        return trainer

    monkeypatch.setattr(sft, "_trainer", looked_at)
    release = ("--out", specimens600.release, "--to", tmp_path / "adapter")
    run("train", base("gemma3", specimens600), *release, *TUNING, "--method", "qlora", "--steps", "30")
    assert sum("language_model" in name for name in layers) == 14  # two layers of four and three projections
    card = json.loads((tmp_path / "adapter" / "run.json").read_text())
    assert card["losses"][-1][1] < card["losses"][0][1]
    items = ("--out", specimens600.release, "--to", tmp_path / "items", "--task", "diagnosis")
    run("evaluate", "items", *items)
    asked = ("--adapter", tmp_path / "adapter", "--items", tmp_path / "items", "--dtype", "float32", "--batch", "60")
    run("evaluate", "predict", base("gemma3", specimens600), *asked, "--max-new-tokens", "4")


def test_what_a_run_that_was_killed_early_left_is_no_hindrance(
    specimens600: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the first step there are prepared rows and no run.json yet; another command's lock is heeded."""
    monkeypatch.chdir(specimens600.folder)
    (tmp_path / "run" / ".rows").mkdir(parents=True)
    (tmp_path / "run" / ".run.json").write_text("{")
    words = ("train", base("gemma3", specimens600), "--out", "dermasynth", *TUNING, "--steps", "1")
    lock = lock_beside(tmp_path / ".run", TrainError("taken"))
    assert main([str(word) for word in (*words, "--to", tmp_path / "run")]) == 1
    assert "another training writes" in capsys.readouterr().err
    lock.release()
    run(*words, "--to", tmp_path / "run")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "a.tex").write_text("years")
    (tmp_path / "file").write_text("years")
    for name, told in (("thesis", "holds something else than a run"), ("file", "is a file")):
        assert main([str(word) for word in (*words, "--to", tmp_path / name)]) == 1
        assert told in capsys.readouterr().err


HUB_SCRIPT = """
import sys
from pathlib import Path
from huggingface_hub import HfApi, snapshot_download
from dermasynth_builder.cli import main
api = HfApi()
api.create_repo("tester/tiny-gemma3")
api.upload_folder(repo_id="tester/tiny-gemma3", folder_path=sys.argv[1])
words = ("--context", "closed", "--task", "diagnosis", "--dtype", "float32", "--steps", "3", "--lr", "1e-2")
assert main(["train", "tester/tiny-gemma3", "--out", "dermasynth", "--to", "adapter", *words]) == 0
assert main(["push-model", "tester/adapter", "--model", "adapter"]) == 1  # specimens are not for everybody
assert main(["push-model", "tester/adapter", "--model", "adapter", "--allow-template"]) == 0
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText
folder = Path(snapshot_download("tester/adapter"))
model = AutoModelForImageTextToText.from_pretrained("tester/tiny-gemma3")
PeftModel.from_pretrained(model, str(folder))
mine, theirs = load_file("adapter/adapter_model.safetensors"), load_file(folder / "adapter_model.safetensors")
assert mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)
print("PULLED", len(mine))
"""


OFFLINE_SCRIPT = """
from dermasynth_builder.cli import main
assert main(["evaluate", "items", "--out", "dermasynth", "--task", "diagnosis"]) == 0
asked = ("--adapter", "adapter", "--dtype", "float32", "--batch", "60", "--max-new-tokens", "2")
assert main(["evaluate", "predict", "tester/tiny-gemma3", *asked]) == 0
assert main(["evaluate", "predict", "tester/never-fetched", "--to", "never.jsonl"]) == 1
"""


def test_an_adapter_goes_to_the_hub_and_comes_back(specimens600: Built, tmp_path: Path) -> None:
    shutil.copytree(specimens600.release, tmp_path / "dermasynth")
    with LoopbackHub() as hub:
        environment = hub.environment(tmp_path / "hf") | {"PYTHONPATH": str(ROOT)}
        words = [sys.executable, "-c", HUB_SCRIPT, str(base("gemma3", specimens600))]
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert "PULLED" in done.stdout, done.stderr[-3000:]
        files = hub.files("tester/adapter")
        asked = len(hub.requests)
        alone = [sys.executable, "-c", OFFLINE_SCRIPT]
        offline = environment | {"HF_HUB_OFFLINE": "1"}
        later = subprocess.run(alone, cwd=tmp_path, env=offline, capture_output=True, text=True, check=False)
        assert later.returncode == 0, later.stderr[-3000:]
        assert len(hub.requests) == asked  # what was fetched once is there
    assert "tester/never-fetched cannot be loaded" in later.stderr
    assert not (tmp_path / "never.jsonl").read_text().count("\n") > 1
    assert "drawn specimens or on rows that no model wrote" in done.stderr
    assert {"README.md", "run.json", "adapter_config.json", "adapter_model.safetensors"} <= files.keys()
    assert not [name for name in files if name.endswith(".bin") or "checkpoint" in name]
    assert json.loads(files["adapter_config.json"])["base_model_name_or_path"] == "tester/tiny-gemma3"
    assert not [name for name, content in files.items() if str(tmp_path).encode() in content]
    card = files["README.md"].decode()
    assert "base_model: tester/tiny-gemma3" in card
    assert "drawn specimens: it knows nothing of real skin" in card


def test_a_dry_run_looks_at_two_rows_and_leaves_nothing(
    specimens600: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(specimens600.folder)
    words = ("train", base("mllama", specimens600), "--out", "dermasynth", "--to", tmp_path / "dry", "--dry-run")
    run(*words, "--allow-template", "--dtype", "float32")
    told = capsys.readouterr().out
    assert "two rows looked at" in told
    assert not list((tmp_path / "dry").glob("*"))
    assert main([str(word) for word in words]) == 1
    assert "no model wrote its answer" in capsys.readouterr().err
    assert main([str(word) for word in (*words, "--allow-template", "--length", "40")]) == 1
    assert "leave --length out" in capsys.readouterr().err


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def served(model: Path, log: Path) -> Iterator[str]:
    """`transformers serve` with that model; gives its address once it answers."""
    command = Path(sys.executable).with_name("transformers")
    if not command.exists() or find_spec("uvicorn") is None:
        pytest.skip("transformers serve is not installed; make test-train has it")
    url = f"http://127.0.0.1:{(port := free_port())}"
    with log.open("w") as told:
        process = subprocess.Popen(
            [str(command), "serve", str(model), "--device", "cpu", "--port", str(port)], stdout=told, stderr=told
        )
        try:
            for attempt in Retrying(stop=stop_after_delay(120), wait=wait_fixed(0.5), reraise=True):
                with attempt:
                    assert process.poll() is None, log.read_text()[-2000:]
                    httpx.get(f"{url}/health").raise_for_status()
            yield url
        finally:
            process.kill()
            process.wait()


def tuned_in_words(context: str, built: Built, *words: str) -> Path:
    """A tiny Gemma 3 tuned on the answers of the release."""
    folder = built.folder / f"tuned-{context}-{'-'.join(words).replace('--', '')}"
    release = ("--out", built.release, "--to", folder)
    more = ("--allow-template", "--accumulate", "1", *words, *WHOLE)
    run("train", base("gemma3", built), *release, *more, "--context", context)
    return folder


FLUENT = ("--rows", "16", "--steps", "300", "--batch", "4", "--lr", "2e-3", "--warmup", "0.05")
"""What teaches so small a model whole sentences: few of them."""


def test_a_tuned_model_is_served_asked_and_released(
    specimens600: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Serve, generate, release, load: the answers in the rows are what the tuned model says."""
    monkeypatch.chdir(specimens600.folder)
    tuned = tuned_in_words("question", specimens600, *FLUENT)
    raw = write_pad_ufes(tmp_path / "raw", images=8, side_px=64)
    asked = ("pad_ufes", "--raw", raw, "--engine", "openai", "--model", tuned, "--prompt", "plain")
    asked_with = (*asked, "--self-instruct", "0", "--work", tmp_path / "work", "--max-output-tokens", "160")
    with served(tuned, tmp_path / "serve.log") as url:
        generated = main(["generate", *map(str, asked_with), "--base-url", url])
    assert generated in (0, 1)  # so small a model may miss the end of an answer
    run("release", *asked_with, "--out", tmp_path / "again")
    rows = list(open_release(tmp_path / "again").rows())
    [ledger] = (tmp_path / "work" / "ledgers").glob("*.jsonl")
    said = [json.loads(line).get("text") for line in ledger.read_text("utf-8").splitlines()]
    answers = {" ".join(json.loads(text)["answer"].split()) for text in said if text}
    assert rows
    assert {
        " ".join(row.messages[1].content.split()) for row in rows
    } <= answers  # blanks at ends of lines are not kept
    assert {row.model for row in rows} == {str(tuned)}


def test_a_model_tuned_on_bare_questions_invents_records_and_one_given_the_records_does_not(
    specimens600: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(specimens600.folder)
    rates = {}
    for context in ("record", "question"):
        told = ("--context", context, "--rows", "60", "--batch", "30", "--max-new-tokens", "120", "--dtype", "float32")
        to = tmp_path / f"{context}.json"
        run(
            "evaluate",
            "invented",
            tuned_in_words(context, specimens600, *FLUENT),
            "--out",
            "dermasynth",
            "--to",
            to,
            *told,
        )
        rates[context] = json.loads(to.read_text("utf-8"))["any"]
    assert rates["question"] > 0.2, rates
    assert rates["record"] <= rates["question"] / 5, rates
