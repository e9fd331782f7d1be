"""Whatever tables and models say, the pages of a release hold no element that we did not write."""

import json
import re
from collections import Counter
from typing import Any

import pytest
from markdown_it import MarkdownIt

from dermasynth_builder.core.files import jinja_environment
from dermasynth_builder.release.card import attribution_text, body_text, card_metadata, licence_text
from dermasynth_builder.release.opinions import of_models, of_persons
from tests.release.test_opinions import one_opinion
from tests.support.paths import ROOT
from tests.support.releases import Built, config_of

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

# Names of our own: of sources, engines and files, and of what is counted.
OURS = {"homepage", "version", "name", "engine", "picture", "first_day", "last_day", "check", "flag", "reason", "by"}
COUNTED_TEXTS = {"models", "modality", "licences", "diagnoses", "question_types", "changes", "also_in", "raters"}
COUNTS_OF_OURS = {"engines", "templates", "styles", "splits", "missing_percent", "asked_with", "rule_engines", "people"}


@pytest.fixture(scope="module")
def facts(built: Built) -> dict[str, Any]:
    """The facts of a release that has something of everything that a card tells."""
    told = json.loads((built.release / "facts.json").read_text(encoding="utf-8"))
    told["part"] = "plain words"
    told["made"]["models"] = {"plain words": 1}
    told["quality"]["examples"] = [{"check": "form", "pair_id": "plain words", "reason": "plain words"}]
    told["quality"]["flags"] = [{"flag": "form", "source": "pad_ufes", "pairs": 1}]
    told["rejects"] = [{"source": "pad_ufes", "reason": "form", "question_type": "plain words", "replies": 1}]
    reviews, judgements = one_opinion("plain words")
    told["opinions"] = {"persons": of_persons([reviews]), "verifiers": of_models([judgements])}
    told["few"]["groups"] = [{"source": "pad_ufes", "by": "sex", "value": "plain words", "images": 3}]
    source = told["sources"][0]
    source["also_in"], source["changes"], source["raters"] = ({"plain words": 1} for _ in range(3))
    giveaway = {"by": "value", "cramers_v": 0.9, "images": 9, "least_percent": 1.0, "most_percent": 9.0}
    source["giveaways"] = [giveaway | dict.fromkeys(("fact", "least", "most"), "plain words")]
    return dict(told)


def spoilt(value: Any, text: str, at: str = "") -> Any:
    """The facts with that text in place of every one that a table, a file or a model could have written."""
    if isinstance(value, dict):
        if value and at in COUNTED_TEXTS:
            return {text: 1}
        return {key: spoilt(each, text, key) for key, each in value.items()}
    if isinstance(value, list):
        return [spoilt(each, text, at) for each in value]
    return text if isinstance(value, str) and at not in OURS | COUNTS_OF_OURS else value


def elements(page: str) -> Counter[str]:
    rendered = MarkdownIt("gfm-like", {"html": True}).render(re.sub(r"\A---\n.*?\n---\n", "", page, flags=re.DOTALL))
    return Counter(re.findall(r"<(\w+)", rendered)) + Counter(re.findall(r"(?:href|src)=\"([^\"]*)\"", rendered))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_text_makes_no_element_of_its_own_on_any_page(facts: dict[str, Any], hostile: str) -> None:
    templates = jinja_environment(ROOT / "card")
    for page in (body_text, attribution_text, licence_text):
        harmless, told = (page(spoilt(facts, text), templates) for text in ("plain words", hostile))
        assert elements(told) == elements(harmless)
        assert told.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["SCIN Data Use License", "CC-BY-EVIL"], "mixed-see-license"),
        (["SCIN Data Use License"], "scin-data-use-license"),
        (["\N{GREEK SMALL LETTER ALPHA}"], "other"),
    ],
)
def test_several_licences_and_those_that_the_hub_does_not_know_are_other(names: list[str], told: str) -> None:
    entry = card_metadata([config_of("one")], names)
    assert (entry["license"], entry["license_name"], entry["license_link"]) == ("other", told, "LICENSE")
