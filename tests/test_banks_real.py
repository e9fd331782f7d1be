"""Every question, prompt and answer over the real tables of all sources; no image is needed."""

import re
import shutil
from pathlib import Path

import pytest

from dermasynth_builder import registry, replies
from dermasynth_builder.engines.template import TemplateEngine
from dermasynth_builder.plan import plan_requests
from dermasynth_builder.questions import load_prompt_book
from dermasynth_builder.records import ClinicalImage

pytestmark = [pytest.mark.real, pytest.mark.slow]

TABLES = {
    "pad_ufes": ("pad_ufes/metadata.csv", "metadata.csv"),
    "bcn20000": ("bcn20000/bcn20000_metadata_2025-07-22.csv", "metadata.csv"),
    "hiba": ("hiba/hiba_rows_2025-01_from_dermasynth_notebook.csv", "metadata.csv"),
    "derm12345": ("derm12345/derm12345_metadata_sample.csv", "derm12345_metadata_train.csv"),
    "scin": ("scin/dataset", "dataset"),
}
BROKEN = re.compile(
    r"\b(?:nan|None|UNK|BCC|ACK|NEV|SEK|SCC|MEL|ARM|FST\d)\b|\(\)|[{}]|[a-z]_[a-z]|  |\.\.|,,| [.,;:]|\b[Aa] [aeio](?!ne\b)"
)


@pytest.mark.parametrize("source", sorted(TABLES))
def test_nothing_coded_missing_or_broken_is_asked_told_or_answered(
    source: str, real_data: Path, tmp_path: Path
) -> None:
    table, name = real_data / TABLES[source][0], tmp_path / TABLES[source][1]
    copy = shutil.copytree if table.is_dir() else shutil.copy
    copy(table, name)
    images = [item for item in registry.source(source).read(tmp_path) if isinstance(item, ClinicalImage)]
    requests = list(plan_requests(images, load_prompt_book(), 20250101))
    assert len(requests) == 2 * len(images) > 0
    for request, reply in zip(requests, TemplateEngine().answer(requests), strict=True):
        exchange = "\n".join(turn.content for turn in replies.turns(request, reply))
        assert not BROKEN.search(exchange), exchange
        assert not BROKEN.search(request.prompt), request.prompt
