"""The commands of docs/train.md exist, with the options that it gives them."""

import re

import pytest

from dermasynth_builder.cli import COMMANDS
from tests.support.paths import ROOT

TEXT = (ROOT / "docs" / "train.md").read_text("utf-8").replace("\\\n", " ")
LINES = [line.partition("#")[0].split() for line in TEXT.splitlines() if line.startswith("dermasynth ")]


@pytest.mark.parametrize("words", LINES, ids=" ".join)
def test_a_command_of_the_guide_is_one(words: list[str]) -> None:
    name = " ".join(words[1:3]) if " ".join(words[1:3]) in COMMANDS else words[1]
    known = {name for each in COMMANDS[name].parameters for name in each.annotation.__metadata__[0].name or ()}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_options_that_the_guide_names_are_somewhere() -> None:
    known = {
        name
        for command in COMMANDS.values()
        for each in command.parameters
        for name in each.annotation.__metadata__[0].name or ()
    }
    assert set(re.findall(r"`(--[a-z-]+)", TEXT)) <= known
