"""`dermasynth report` finds the faults that a service put into its answers at known rates, within what checks find."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder.cli import main
from dermasynth_builder.core.records import fake_version, share_of
from dermasynth_builder.invented.fake_gemini.answers import FakeRequest, response_of
from dermasynth_builder.invented.fake_gemini.faults import FakeAnswer
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from dermasynth_builder.report.quality import rate
from tests.support.fake_service import KEY
from tests.support.labelled import JUDGED, LABELLED, findings_on, labelled

IMAGES = 240
SHARE = 0.05  # of each family
# Of what no specimen's row holds, whatever it holds; those of the others stand in the labelled sets.
UNLIKE_ANY_ROW = {
    "diagnosis": (
        "Taken together this is a dermatofibroma.",
        "The picture is that of plaque psoriasis.",
        "My diagnosis is a pyogenic granuloma.",
        "It represents a Merkel cell carcinoma.",
    ),
    "person": (
        "The patient is a three-year-old child.",
        "This lesion belongs to an infant of 8 months.",
        "The patient, aged 4, was photographed at rest.",
    ),
    "unseen": (
        "The surface is warm to the touch.",
        "The patient has lost weight since the winter.",
        "It measures 143 mm in diameter.",
        "The fever began on Monday.",
    ),
}
FROM_SETS = ("form", "speech", "advice")
NAMING = r"(?i)benign|malignan|cancer|carcinoma|keratos|eczema|\bmoles?\b|nevus|melanoma|\bs?he\b|\bhi[ms]\b|\bher\b"


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer with a fault, and whether the family's own check finds it."""

    text: str
    is_found: bool


def _faults() -> dict[str, list[Fault]]:
    items = [item for name in JUDGED for item in labelled(LABELLED / f"{name}.jsonl")]
    plain = [each for each in items if each.is_fault and not each.earlier and len(each.pair.messages) == 2]
    # What names a lesion, its class or a sex may be another fault too, by the row that it is planted in.
    plain = [each for each in plain if not re.search(NAMING, each.pair.answer)]
    told = {
        family: [
            Fault(each.pair.answer, any(found.check == family for found in findings_on(each)))
            for each in plain
            if each.check == family and "echo" not in each.kind and each.pair.answer.strip()
        ]
        for family in FROM_SETS
    }
    return told | {family: [Fault(text, True) for text in texts] for family, texts in UNLIKE_ANY_ROW.items()}


@dataclass
class Faulty(FakeGemini):
    """Answers plainly, and in a known share of a family's faults."""

    faults: dict[str, list[Fault]] = field(default_factory=_faults)
    planted: Counter[str] = field(default_factory=Counter)
    findable: Counter[str] = field(default_factory=Counter)  # of them those that the family's check knows

    def answer(self, model: str, request: FakeRequest) -> FakeAnswer:
        """The answer; which fault is in it depends on the request alone."""
        mark = request.digest[:12]
        text = f"A lesion is seen, mark {mark}."
        place = share_of("planted", request.digest)
        if (number := int(place / SHARE)) < len(self.faults):
            family = sorted(self.faults)[number]
            fault = self.faults[family][int(share_of("which", request.digest) * len(self.faults[family]))]
            self.planted[family] += 1
            self.findable[family] += fault.is_found
            text = fault.text if family in FROM_SETS else f"{text} {fault.text}"
        told = json.dumps({"answer": text})
        return FakeAnswer(content=response_of(request, told, model_version=fake_version(model)))


def reported(work: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["report", "--work", str(work), "--out", str(out), "--json"]) == 0
    figures: dict[str, Any] = json.loads(capsys.readouterr().out)
    return figures


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["gemini", "openai"])
def test_the_report_finds_each_planted_rate(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raw, work, out = write_pad_ufes(tmp_path / "raw", images=IMAGES, side_px=16), tmp_path / "work", tmp_path / "out"
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    with Faulty() as fake:
        words = ["build", "--raw", f"pad_ufes={raw}", "--work", str(work), "--out", str(out), "--engine", engine]
        words += ["--model", "gemini-3.5-flash-lite", "--base-url", fake.url, "--look", "off", "--self-instruct", "0"]
        assert main(words) == 0, capsys.readouterr().err
    figures = reported(work, out, capsys)
    total = figures["rejects"]["all"]["of"]
    assert total == 2 * IMAGES
    found = Counter({check: told["count"] for check, told in figures["flags"].items()})
    found.update({check: told["count"] for check, told in figures["rejects"]["by_check"].items()})
    assert min(fake.planted.values()) > 10
    for family, planted in fake.planted.items():
        told, recall = rate(found[family], total), sum(each.is_found for each in fake.faults[family])
        expected = planted / total * recall / len(fake.faults[family])
        assert told["low"] <= expected <= told["high"], family
        assert found[family] >= fake.findable[family], family
    assert all(found[family] - fake.planted[family] <= 0.01 * total for family in UNLIKE_ANY_ROW), found
