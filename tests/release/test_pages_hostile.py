"""Whatever tables and models say, the pages of a release hold no element that we did not write."""

import re
from collections import Counter
from dataclasses import fields, replace

import pytest
import yaml
from markdown_it import MarkdownIt

from dermasynth_builder.core.files import jinja_environment
from dermasynth_builder.core.records import SPLITS
from dermasynth_builder.read.sources.pad_ufes import PadUfes
from dermasynth_builder.release.card import Config, ConfigStats, Sample, attribution_text, card_text
from dermasynth_builder.release.parquet import SplitFiles
from tests.support.paths import ROOT

HOSTILE = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "CC-BY-EVIL](javascript:alert(1)) <b>x</b> | {{7*7}} | x",
    "![track](https://evil.example/p.png?leak=1) is what",
    "an answer\n\n# Heading\n\n---\nlicense: mit\n---\n",
    "www.evil.example and https://evil.example and me@evil.example",
    "\x1b]0;title\x07 \N{RIGHT-TO-LEFT OVERRIDE}x\N{ZERO WIDTH SPACE}y\x00",
    "| a | b |\n|---|---|",
    "`code` *x* __y__ ~~z~~ $m$ &lt;i&gt; [a]: https://evil.example",
    "1. one",
]


def config_of(*texts: str) -> Config:
    """A config in which every text that a table, a file or a model could have written is one of these."""
    given = {
        each.name: Counter(texts) if "Counter" in str(each.type) else set(texts)
        for each in fields(ConfigStats)
        if each.name not in {"samples", "engines_without_model"}  # engines have the names of the registry
    }
    samples = [Sample(text, text, text, text, text) for text in texts]
    stats = ConfigStats(**given, samples=samples)  # type: ignore[arg-type]  # by the kind of each
    files = SplitFiles((), rows=1, file_bytes=1, arrow_bytes=1, content_sha256="0" * 64)
    return Config(PadUfes(), dict.fromkeys(SPLITS, files), stats, 0, Counter({"": 1}), is_specimen=False)


def elements(page: str) -> Counter[str]:
    rendered = MarkdownIt("gfm-like", {"html": True}).render(re.sub(r"\A---\n.*?\n---\n", "", page, flags=re.DOTALL))
    return Counter(re.findall(r"<(\w+)", rendered)) + Counter(re.findall(r"(?:href|src)=\"([^\"]*)\"", rendered))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_text_makes_no_element_of_its_own_on_any_page(hostile: str) -> None:
    templates = jinja_environment(ROOT / "card")
    for page in (card_text, attribution_text):
        harmless, spoilt = (page([config_of(text)], templates) for text in ("plain words", hostile))
        assert elements(spoilt) == elements(harmless)
        assert spoilt.replace("\n", "").isprintable()


def test_the_strictest_licence_decides_the_metadata_also_where_several_are_other() -> None:
    for names, told in (
        (["SCIN Data Use License", "CC-BY-EVIL"], "cc-by-evil"),
        (["SCIN Data Use License"], "scin-data-use-license"),
        (["\N{GREEK SMALL LETTER ALPHA}"], "other"),
    ):
        config = config_of("plain words")
        only = replace(config, stats=replace(config.stats, licences=Counter(names)))
        page = card_text([only], jinja_environment(ROOT / "card"))
        assert yaml.safe_load(page.split("---\n")[1])["license_name"] == told
