"""The code on the card runs as it stands, beside the release and, once pushed, from the Hub."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dermasynth_builder import __version__
from dermasynth_builder.release.card import repository_of, with_repository
from tests.support.paths import ROOT
from tests.support.releases import Built

TEMPLATES = "".join(
    (ROOT / "card" / name).read_text(encoding="utf-8") for name in ("README.md.jinja", "snippets.md.jinja")
)
COUNT = TEMPLATES.count("```python")


def blocks(card: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", card, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(COUNT))
def test_each_block_of_the_card_runs_beside_the_release(number: int, built: Built, tmp_path: Path) -> None:
    shutil.copytree(built.release, tmp_path / "dermasynth")
    code = blocks((built.release / "README.md").read_text(encoding="utf-8"))
    assert len(code) == COUNT
    environment = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin"}
    ended = subprocess.run(
        [sys.executable, "-c", code[number]], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_a_pushed_card_loads_its_repository_in_every_block_and_says_the_rest_as_before(built: Built) -> None:
    card = (built.release / "README.md").read_text(encoding="utf-8")
    pushed = with_repository(card, "tester/skin")
    assert repository_of(card) == "dermasynth"
    assert repository_of(pushed) == "tester/skin"
    assert with_repository(card, "dermasynth") == card
    for code in blocks(pushed):
        assert '"dermasynth' not in code
        assert "tester/skin" in code
    assert f"dermasynth verify tester/skin@v{__version__} --raw" in pushed
    assert re.sub(r"(hf://datasets/)?tester/skin(@v[\d.]+)?", "dermasynth", pushed) == card
