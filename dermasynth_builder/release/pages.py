"""Writes the files of a release that are not Parquet: card, attribution, licence, facts, croissant."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dermasynth_builder.core.files import jinja_environment, resource_dir
from dermasynth_builder.release.card import LICENCE, Beside, Config, attribution_text, card_text, licence_text
from dermasynth_builder.release.croissant import CROISSANT, croissant_text
from dermasynth_builder.release.examples import FIGURES
from dermasynth_builder.release.facts import FACTS, facts_text
from dermasynth_builder.release.figures import draw_figures
from dermasynth_builder.release.folder import ATTRIBUTION, CARD


def write_pages(facts: Mapping[str, Any], configs: Sequence[Config], folder: Path, *, beside: Beside) -> None:
    """Writes all of them into a release whose Parquet files are there."""
    figures = draw_figures(facts, folder / FIGURES)
    templates = jinja_environment(resource_dir("card"))
    texts = {
        FACTS: facts_text(facts),
        CROISSANT: croissant_text(facts, configs, folder, beside=beside),
        ATTRIBUTION: attribution_text(facts, templates),
        LICENCE: licence_text(facts, templates),
        CARD: card_text(facts, configs, templates, beside=beside, figures=figures),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
