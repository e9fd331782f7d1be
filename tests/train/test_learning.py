"""A tiny model that is tuned by the real commands reads the pictures of held-out patients, and of nobody else.

Drawn specimens of pad_ufes have one look a diagnosis. That a loss falls proves nothing: it falls in every case. That
blank and other patients' pictures are at chance does.
"""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="make test-train has it")
for name in ("trl", "peft", "sklearn", "statsmodels"):
    pytest.importorskip(name)

from tests.support.releases import Built  # noqa: E402 - torch may not be there
from tests.support.tiny_models import Family  # noqa: E402
from tests.support.tuning import TUNING, base, run  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # what torch, transformers and TRL say of each other is not ours to mend
]

STEPS: dict[Family, int] = {"gemma3": 350, "mllama": 550}


@pytest.mark.parametrize("family", STEPS)
def test_a_tuned_model_reads_the_pictures_of_patients_it_has_not_seen(
    family: Family, specimens600: Built, evaluation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(specimens600.folder)
    tuned, before = Path(f"tuned-{family}"), base(family, specimens600)
    run("train", before, "--out", "dermasynth", "--to", tuned, *TUNING, "--steps", str(STEPS[family]))
    run("evaluate", "compare", before, "--tuned", tuned, "--items", evaluation, "--dtype", "float32", "--batch", "32")
    scores = json.loads((evaluation / "scores" / tuned.name / "scores.json").read_text())
    diagnosis, site = (scores["tasks"][f"{task}/named"] for task in ("diagnosis", "body_site"))
    figures = {name: each["balanced_accuracy"] for name, each in diagnosis["systems"].items()}
    assert figures["tuned"] >= 0.45
    assert figures["blank"] == pytest.approx(1 / 6, abs=0.02)
    assert figures["other"] <= 0.25
    assert figures["base"] <= 0.25
    assert diagnosis["first_against"]["blank"]["balanced_accuracy_95"][0] > 0
    assert diagnosis["persistence"]["other"]["answer_stays"] < 0.4
    assert 0.6 < figures["probe"] < 0.9  # a linear probe does no worse than these tiny models
    assert site["systems"]["probe"]["balanced_accuracy"] <= 2 / site["systems"]["probe"]["classes"]  # not drawn
    card = json.loads((tuned / "run.json").read_text())
    assert card["losses"][-1][1] < card["losses"][0][1] / 4
    assert len(card["examples"]) == diagnosis["systems"]["tuned"]["n"] / 0.3 * 0.7
