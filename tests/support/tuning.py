"""Tiny models that tests tune through the real commands."""

from pathlib import Path

from dermasynth_builder.cli import main
from dermasynth_builder.release.closed import ClosedQuestions, one_an_image
from dermasynth_builder.train.rows import open_release
from tests.support.releases import Built
from tests.support.tiny_models import Family, write_tiny

CLOSED = ("--context", "closed", "--task", "diagnosis")
WHOLE = ("--method", "full", "--vision", "trained", "--dtype", "float32")
TUNING = (*CLOSED, *WHOLE, "--batch", "16", "--accumulate", "1", "--lr", "1e-3", "--warmup", "0.05")


def run(*words: str | Path) -> None:
    """Runs a command that must do its work."""
    assert main([str(word) for word in words]) == 0


def base(family: Family, built: Built) -> Path:
    """A tiny model of the family, whose tokenizer knows the texts of the release; made once."""
    folder = built.folder / f"base-{family}"
    if folder.exists():
        return folder
    opened = open_release(built.release)
    questions = ClosedQuestions.of(opened.rows())
    items = [item for row in one_an_image(opened.rows(["train"])) for item in questions.items(row)]
    texts = [text for item in items for text in (item.question, item.answer)]
    texts += [turn.content for row in opened.rows(["train"]) for turn in row.messages]
    return write_tiny(family, folder, texts)
