"""Messages of the package: no value of Python in them, no house words."""

import ast
import re
from pathlib import Path

import pytest

from dermasynth_builder.core.errors import DermaSynthError, LedgerError
from tests.support.paths import ROOT
from tests.support.prose import PYTHON

PACKAGE = sorted((ROOT / "dermasynth_builder").rglob("*.py"))
SAYING = {"say", "warn", "tell", "print", "complain"}
HOUSE_WORDS = re.compile(
    r"\bgoes on\b|\bis told\b|\bis no table\b|\bis to be had\b|\bcan be used that\b|\bstepped over\b"
)
MAPPINGS = {"identity", "identities", "parameters", "members", "environ", "facts", "summary", "settings"}
"""Names of mappings and records, none of which may stand in a message as a whole."""


def messages(tree: ast.AST) -> list[ast.JoinedStr | ast.Constant]:
    """The texts that are raised, said or printed."""
    found: list[ast.JoinedStr | ast.Constant] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in SAYING or name.endswith("Error"):
                parts = (part for word in node.args for part in ast.walk(word))
                found += [part for part in parts if isinstance(part, ast.JoinedStr | ast.Constant)]
    return found


@pytest.mark.parametrize("path", PACKAGE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_messages_hold_no_mapping_and_no_house_word(path: Path) -> None:
    for message in messages(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(message, ast.Constant):
            assert not HOUSE_WORDS.search(str(message.value)), ast.unparse(message)
            continue
        shown = [part.value for part in message.values if isinstance(part, ast.FormattedValue)]
        names = {each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in shown}
        assert not names & MAPPINGS, ast.unparse(message)


def test_a_value_of_python_in_a_message_is_seen() -> None:
    for text in ({"engine": "gemini"}, "PosixPath('a')", "Usage(prompt='1')", object()):
        with pytest.raises(AssertionError, match="shows a value of Python"):
            LedgerError(f"a.jsonl belongs to {text}")
    assert not PYTHON.search(str(DermaSynthError("a.jsonl: engine gemini {in braces}; move it away")))
