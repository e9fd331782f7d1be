"""Requests that have a second model check what a pair claims, by image and record and blind to who wrote it."""

from functools import cache
from typing import Any

from jinja2 import Template

from dermasynth_builder.core.files import jinja_environment, resource_dir
from dermasynth_builder.core.records import AXES, ClinicalImage, Facts, Pair, Request
from dermasynth_builder.plan import facts_in_words, reply_form


def claims_request(pair: Pair, *, is_scored: bool) -> Request:
    """What to ask about a pair; the writer, the prompt that it was given and its doubts stand nowhere in it."""
    image = pair.image
    return Request(
        source=image.source,
        image_id=image.image_id,
        slot=pair.pair_id.rpartition("/")[2],
        style="claims",
        question_type=pair.question_type,
        question=pair.question,
        prompt=_prompt(pair, is_scored=is_scored),
        prompt_id=reply_form.SCORED_CLAIMS if is_scored else "claims",
        reply_schema=reply_form.claims_schema(is_scored=is_scored),
        modality=image.modality,
        facts=Facts(),
        is_metadata_shown=True,
        image_sha256=image.file.sha256 if image.file else None,
        image_path=image.path,
    )


def _prompt(pair: Pair, *, is_scored: bool) -> str:
    image: ClinicalImage = pair.image
    context: dict[str, Any] = {
        "image": facts_in_words.IMAGES[image.modality],
        "metadata": facts_in_words.metadata_lines(facts_in_words.facts_for_engine(image.facts)),
        "turns": [(turn.role, turn.content) for turn in pair.messages],
        "axes": AXES if is_scored else {},
    }
    return _template().render(context).strip() + "\n"


@cache
def _template() -> Template:
    return jinja_environment(resource_dir("prompts") / "claims").get_template("claims.jinja")
