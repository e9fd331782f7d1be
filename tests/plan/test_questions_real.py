"""Every question, prompt and answer over the real tables of all sources; no image is needed."""

import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.records import ClinicalImage, Facts
from dermasynth_builder.generate.run import Run
from dermasynth_builder.plan import reply_form
from dermasynth_builder.plan.planner import Planner
from dermasynth_builder.plan.questions import load_prompt_book

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
    r"recorded as elevated|lesion is raised(?! is)|record says yes": lambda facts: facts.is_elevated is True,
    r"not elevated|is not raised|level with|No elevation": lambda facts: facts.is_elevated is False,
    r"as having grown|(?<!whether it )has become larger\.|this got larger": lambda facts: facts.has_grown is True,
    r"not having grown|whether it had grown the|No growth was": lambda facts: facts.has_grown is False,
    r"A change was|as having changed|notes a change": lambda facts: facts.has_changed is True,
    r"No change was|not having changed|about change the": lambda facts: facts.has_changed is False,
    r"more than the 6 mm|two exceeds 6 mm|passes the 6 mm": lambda facts: largest_mm(facts) > 6,
    r"Neither diameter exceeds|stay within the 6|not above the 6": lambda facts: largest_mm(facts) <= 6,
    r"diameters are equal|are the same\.|No difference": lambda facts: facts.diameter_1_mm == facts.diameter_2_mm,
    r"diameters differ|larger one way|are not the same": lambda facts: facts.diameter_1_mm != facts.diameter_2_mm,
    r"(?<!no )tissue sample was taken|biopsy was taken and": lambda facts: facts.confirmation == "histopathology",
    r"[Nn]o biopsy|no (?:tissue )?sample was": lambda facts: facts.confirmation == "clinical assessment",
    r"more than one place|more than one part|Several places": lambda facts: " and " in (facts.body_site or ""),
    r"only condition that|Nobody named another": lambda facts: len(facts.differential) == 1,
    r"[Nn]o diagnosis|no single diagnosis": lambda facts: facts.diagnosis is None,
    r"No complaint is|no complaint that": lambda facts: not (facts.itches or facts.hurts or facts.bleeds),
}


def largest_mm(facts: Facts) -> float:
    return max(facts.diameter_1_mm or 0, facts.diameter_2_mm or 0)


@pytest.mark.parametrize("source", sorted(TABLES))
def test_what_is_asked_told_and_answered_is_whole_and_claims_only_what_the_facts_say(
    source: str, real_data: Path, tmp_path: Path
) -> None:
    table, name = real_data / TABLES[source][0], tmp_path / TABLES[source][1]
    copy = shutil.copytree if table.is_dir() else shutil.copy
    copy(table, name)
    images = [item for item in registry.source(source).read(tmp_path) if isinstance(item, ClinicalImage)]
    requests = list(Planner(load_prompt_book(), 20250101).requests(images))
    assert len(requests) == 2 * len(images) > 0
    claimed: Counter[str] = Counter()
    lines: set[str] = set()  # each once: most prompts share most of theirs
    for request, reply in zip(requests, registry.engine("template").answer(requests, Run()), strict=True):
        question, answer = (turn.content for turn in reply_form.exchanges(request, reply)[0].turns)
        lines.update(f"{question}\n{answer}\n{request.prompt}".splitlines())
        claims = [claim for claim in CLAIMS if re.search(claim, answer)]
        assert all(CLAIMS[claim](request.facts) for claim in claims), (claims, answer)
        claimed.update(claims)
    assert [line for line in lines if BROKEN.search(line)] == []
    assert len(claimed) >= {"pad_ufes": 12, "scin": 4}.get(source, 0)
