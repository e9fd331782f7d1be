"""Every question, prompt and answer over the real tables of all sources; no image is needed."""

import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.files import resource_dir
from dermasynth_builder.core.records import ClinicalImage, Facts
from dermasynth_builder.generate.engines.template import TemplateEngine
from dermasynth_builder.generate.run import Run
from dermasynth_builder.plan import reply_form
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import load_prompt_book
from dermasynth_builder.report.knowledge import coverage_of, coverage_row
from tests.support.paths import ROOT

ENGINE = TemplateEngine(resource_dir("prompts") / "answers")
TABLE = ROOT / "docs" / "knowledge.md"

pytestmark = [pytest.mark.real, pytest.mark.slow]

TABLES = {
    "pad_ufes": ("pad_ufes/metadata.csv", "metadata.csv"),
    "bcn20000": ("bcn20000/bcn20000_metadata_2025-07-22.csv", "metadata.csv"),
    "hiba": ("hiba/hiba_rows_2025-01_from_dermasynth_notebook.csv", "metadata.csv"),
    "derm12345": ("derm12345/derm12345_metadata_sample.csv", "derm12345_metadata_train.csv"),
    "scin": ("scin/dataset", "dataset"),
}
BROKEN = re.compile(
    r"\b(?:nan|None|UNK|BCC|ACK|NEV|SEK|SCC|MEL|ARM|FST\d)\b|[a-z]_[a-z]"
    r"|\(\)|[{}]|  |\.\.|,,| [.,;:]|\b[Aa] [aeio](?!ne\b)"
)

# What an answer may say only of such facts.
CLAIMS: dict[str, Callable[[Facts], bool]] = {
    r"(?:is|^Raised:.*) raised(?! or bumpy)|It is elevated|stands out from the skin around it": lambda facts: (
        facts.is_elevated is True
    ),
    r"It is not elevated|is not raised|level with the skin|does not rise": lambda facts: is_flat(facts),
    r"It has grown\.|Growth was reported|it became larger|It is larger than it was": lambda facts: (
        facts.has_grown is True
    ),
    r"It has not grown|Growth was denied|seen no growth": lambda facts: facts.has_grown is False,
    r"It has changed of late|A change was noticed|A change was reported": lambda facts: facts.has_changed is True,
    r"No change was noticed|It has not changed|A change was denied": lambda facts: facts.has_changed is False,
    r"more than the 6 mm|passes the 6 mm|It exceeds 6 mm|It is bigger than a pencil": lambda facts: (
        largest_mm(facts) > 6
    ),
    r"not above the 6 mm|stays within 6 mm|does not exceed 6 mm|not bigger than": lambda facts: largest_mm(facts) <= 6,
    r"two diameters are equal|measures the same|Round rather than": lambda facts: (
        facts.diameter_1_mm == facts.diameter_2_mm
    ),
    r"diameters differ|longer one way|Drawn out rather": lambda facts: facts.diameter_1_mm != facts.diameter_2_mm,
    r"piece of skin was checked|biopsy has been done|A biopsy has proven": lambda facts: (
        facts.confirmation == "histopathology"
    ),
    r"no sample was taken|No biopsy (?:was|has been) taken": lambda facts: facts.confirmation == "clinical assessment",
    r"Several places are affected|Several regions are named": lambda facts: " and " in (facts.body_site or ""),
    r"They named one condition only|stands alone": lambda facts: len(facts.differential) == 1,
    r"No diagnosis has been made|has no diagnosis|has named this": lambda facts: facts.diagnosis is None,
    r"itching, pain and bleeding were all denied": lambda facts: not (facts.itches or facts.hurts or facts.bleeds),
    r"^The diagnosis is |^The answer is ": lambda facts: not facts.differential,
    r"Yes: an? |Yes, .* is malignant": lambda facts: facts.malignancy == "malignant",
    r"benign, and the diagnosis|no cancer;": lambda facts: facts.malignancy in ("benign", "indeterminate"),
}
RECORD = re.compile(r"\b(?:on record|records?\b|recorded|on file)", re.IGNORECASE)
ABSENT = re.compile(
    r"not known|not stated|is not told|[Nn]o diagnosis has|has no diagnosis|has named|cannot be told|is unknown"
)


def is_flat(facts: Facts) -> bool:
    return facts.is_elevated is False or facts.textures == ("flat",)


def largest_mm(facts: Facts) -> float:
    return max(facts.diameter_1_mm or 0, facts.diameter_2_mm or 0)


def images_of(source: str, real_data: Path, folder: Path) -> list[ClinicalImage]:
    table, name = real_data / TABLES[source][0], folder / TABLES[source][1]
    (shutil.copytree if table.is_dir() else shutil.copy)(table, name)
    return [item for item in registry.source(source).read(folder) if isinstance(item, ClinicalImage)]


@pytest.mark.parametrize("source", sorted(TABLES))
def test_what_is_asked_told_and_answered_is_whole_and_claims_only_what_the_facts_say(
    source: str, real_data: Path, tmp_path: Path
) -> None:
    images = images_of(source, real_data, tmp_path)
    requests = list(Planner(load_prompt_book(), 20250101, chooser=ENGINE).requests(images))
    assert 2 * len(images) >= len(requests) > 1.97 * len(images)
    counted: Counter[str] = Counter()
    lines: set[str] = set()  # each once: most prompts share most of theirs
    for request, reply in zip(requests, ENGINE.answer(requests, Run()), strict=True):
        assert reply.text, (request.question, reply.failure)
        question, answer = (turn.content for turn in reply_form.exchanges(request, reply)[0].turns)
        lines.update(f"{question}\n{answer}\n{request.prompt}".splitlines())
        stated = " ".join(dict.fromkeys(g.sentence for g in reply.grounds if g.kind in ("fact", "absent")))
        claims = [claim for claim in CLAIMS if re.search(claim, stated)]
        assert all(CLAIMS[claim](request.facts) for claim in claims), (claims, answer)
        assert not RECORD.search(answer), answer
        assert len(ABSENT.findall(answer)) <= 1, answer
        assert " ".join(dict.fromkeys(ground.sentence for ground in reply.grounds)) == answer
        counted.update(claims)
        counted["absent"] += bool(ABSENT.search(answer))
        counted["medical"] += any(ground.kind == "reference" for ground in reply.grounds)
    assert [line for line in lines if BROKEN.search(line)] == []
    assert counted["absent"] <= 0.2 * len(requests)
    assert counted["medical"] >= 0.8 * len(requests)
    assert len(counted) >= {"pad_ufes": 14, "scin": 6}.get(source, 2)


@pytest.mark.parametrize("source", sorted(TABLES))
def test_curated_knowledge_reaches_the_labelled_images_of_a_source(
    source: str, real_data: Path, tmp_path: Path
) -> None:
    """The table in docs/knowledge.md says how many; where the shipped tables are samples, of those."""
    coverage = coverage_of(images_of(source, real_data, tmp_path))
    assert min(coverage.reached.values()) >= 0.9 * coverage.labelled > 0
    told = next(line for line in TABLE.read_text("utf-8").splitlines() if line.startswith(f"| {source} |"))
    assert told == coverage_row(source, coverage)


def test_curated_knowledge_reaches_nearly_all_labelled_images(real_data: Path, tmp_path: Path) -> None:
    made = [coverage_of(images_of(source, real_data, tmp_path / source)) for source in folders(tmp_path)]
    labelled = sum(each.labelled for each in made)
    for kind in made[0].reached:
        assert sum(each.reached[kind] for each in made) >= 0.95 * labelled


def folders(tmp_path: Path) -> list[str]:
    for source in TABLES:
        (tmp_path / source).mkdir()
    return list(TABLES)
