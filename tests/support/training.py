"""Rows for the tests of training and evaluation."""

from dataclasses import replace

from dermasynth_builder.core.records import Turn
from dermasynth_builder.train.rows import Row
from tests.support.clinical_images import FULL

_ROW = Row(
    pair_id="pad_ufes/PAT_9001_7001_1/general",
    source="pad_ufes",
    image_id="PAT_9001_7001_1",
    image_sha256="ab" * 32,
    group_id="pad_ufes/PAT_9001",
    split="train",
    fold=None,
    question_type="overview",
    messages=(Turn("user", "What is to be seen?"), Turn("assistant", "A brown patch.")),
    facts=FULL,
    is_told=True,
    modality="clinical",
    licence="CC-BY-4.0",
    attribution="invented",
    model="m",
    is_fake=False,
    is_specimen=False,
)


def row(**changes: object) -> Row:
    """An invented row of the training split."""
    return replace(_ROW, **changes)  # type: ignore[arg-type]  # a test's own
