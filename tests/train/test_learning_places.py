"""What the pictures of specimens do not show, no model learns from them, tuned by the real commands as it is."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="make test-train has it")
for name in ("trl", "peft", "sklearn", "statsmodels"):
    pytest.importorskip(name)

from tests.support.releases import Built  # noqa: E402 - torch may not be there
from tests.support.tuning import TUNING, base, run  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # what torch, transformers and TRL say of each other is not ours to mend
]


def test_what_no_picture_shows_is_not_learned_from_pictures(
    specimens600: Built, evaluation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The places of specimens are not drawn: a model tuned on them names places, and no better than by chance."""
    monkeypatch.chdir(specimens600.folder)
    before = base("gemma3", specimens600)
    words = (*TUNING[:2], "--task", "body_site", *TUNING[4:])
    run("train", before, "--out", "dermasynth", "--to", "tuned-site", *words, "--steps", "200")
    asked = ("--items", evaluation, "--dtype", "float32", "--batch", "60", "--max-new-tokens", "12")
    for shown in ("real", "blank"):
        to = ("--image", shown, "--to", f"site-{shown}.jsonl")
        run("evaluate", "predict", "tuned-site", *asked, *to)
    scores = ("--items", evaluation, "--to", "site-scores", "--run", "tuned-site/run.json")
    run("evaluate", "score", "tuned=site-real.jsonl", "blank=site-blank.jsonl", *scores)
    site = json.loads(Path("site-scores/scores.json").read_text())["tasks"]["body_site/named"]
    tuned = site["systems"]["tuned"]
    assert tuned["unanswered"] < 0.5  # it has learned to name places
    assert tuned["balanced_accuracy"] <= 2 * site["chance"]
    low, high = site["first_against"]["blank"]["balanced_accuracy_95"]
    assert low <= 0 <= high
