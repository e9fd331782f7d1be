"""Reads the question banks and the prompt templates, and holds them to their rules.

A bank is `prompts/questions/<name>.toml`: `general` and one per source. See the head of general.toml. A source
of another package brings its bank as `questions.toml`.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, get_args

from jinja2 import TemplateError

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import PromptError
from dermasynth_builder.core.files import jinja_environment, resource_dir
from dermasynth_builder.core.records import Facts, Modality, Style
from dermasynth_builder.plan import facts_in_words

_SLOT = re.compile(r"\{(\w*)\}")
_NEEDABLE = frozenset(field.name for field in fields(Facts)) | set(facts_in_words.LISTS)
MODALITIES: tuple[Modality, ...] = get_args(Modality)


@dataclass(frozen=True, slots=True)
class QuestionType:
    """What is asked, in several wordings. The bank's head says what each field means."""

    name: str
    topic: str
    style: Style
    audience: str
    good_answer: str
    needs: tuple[str, ...]  # names of facts, or of `facts_in_words.LISTS`
    wordings: tuple[str, ...]
    modalities: tuple[Modality, ...] = MODALITIES

    def suits(self, facts: Facts, modality: Modality) -> bool:
        """Whether this type fits such an image and all that it needs is known."""
        return modality in self.modalities and facts_in_words.knows(facts, self.needs)


@dataclass(frozen=True, slots=True)
class PromptBook:
    """Every bank and template of one `prompts/` folder."""

    folder: Path
    banks: Mapping[str, tuple[QuestionType, ...]]  # "general" or a source's name -> its types
    guests: frozenset[str] = frozenset()  # banks of sources of other packages

    def wordings(self, source: str = "") -> list[str]:
        """Every question that the shipped banks and that of `source` can ask, slots unfilled, without briefs.

        What else is installed or read in the same run makes no difference to a source.
        """
        kinds = (kind for name, bank in self.banks.items() if name not in self.guests - {source} for kind in bank)
        return [text for kind in kinds if kind.style == "asked" for text in kind.wordings]

    def render(self, prompt_id: str, context: Mapping[str, Any], *, modality: Modality, facts: Facts) -> str:
        """The whole prompt of the template `prompt_id`. `facts` are those that the model is told.

        `context` holds `asks` (question, audience and what a good answer holds, of each) and `examples` (questions).
        Raises PromptError where the template uses what is not defined.
        """
        known = {"image": facts_in_words.IMAGES[modality], "metadata": facts_in_words.metadata_lines(facts)}
        try:
            template = jinja_environment(self.folder / "templates").get_template(f"{prompt_id}.jinja")
            text = template.render(context, **known)
        except TemplateError as error:
            raise PromptError(f"template {prompt_id}.jinja in {self.folder / 'templates'}: {error}") from error
        return text.strip() + "\n"


def load_prompt_book(folder: Path | None = None, sources: Iterable[str] = ()) -> PromptBook:
    """The prompts of `folder`, by default those that ship with the code. Raises PromptError.

    `sources` names those whose own packages may bring banks too.
    """
    folder = folder or resource_dir("prompts")
    paths = sorted((folder / "questions").glob("*.toml"))
    banks = {path.stem: _bank(path) for path in paths}
    if "general" not in banks:
        raise PromptError(f"{folder / 'questions'} has no general.toml; every image gets a question from it")
    brought = {name: registry.resource(name, "questions.toml") for name in sources if name not in banks}
    guests = {name: _bank(path) for name, path in brought.items() if path}
    return PromptBook(folder, banks | guests, frozenset(guests))


def fill(wording: str, facts: Facts) -> str:
    """The wording with its slots filled in words."""
    return wording.format_map(facts_in_words.phrases(facts))


def _bank(path: Path | Traversable) -> tuple[QuestionType, ...]:
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["type"]
        kinds = tuple(_question_type(entry) for entry in entries)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        raise PromptError(f"{path}: {error}") from error
    names = [kind.name for kind in kinds]
    if len(set(names)) != len(names):
        raise PromptError(f"{path}: two types have the same name")
    return kinds


def _question_type(entry: Mapping[str, object]) -> QuestionType:
    """Raises ValueError or KeyError, naming what is wrong."""
    name = str(entry["name"])
    style = str(entry.get("style", "asked"))
    if style not in ("asked", "self_instruct"):
        raise ValueError(f"type {name}: unknown style {style!r}")
    needs, wordings = _texts(entry, "needs"), _texts(entry, "wordings")
    if unknown := set(needs) - _NEEDABLE:
        raise ValueError(f"type {name} needs {', '.join(sorted(unknown))}, which are no facts")
    if not wordings:
        raise ValueError(f"type {name} has no wordings")
    for wording in wordings:
        _require_slots(name, wording, needs)
    topic, audience, good_answer = (str(entry[field]) for field in ("topic", "audience", "good_answer"))
    return QuestionType(
        name,
        topic,
        "self_instruct" if style == "self_instruct" else "asked",
        audience,
        good_answer,
        needs,
        wordings,
        _modalities(entry),
    )


def _modalities(entry: Mapping[str, object]) -> tuple[Modality, ...]:
    """Raises ValueError for a kind of image that there is not."""
    if "modalities" not in entry:
        return MODALITIES
    wanted = _texts(entry, "modalities")
    if unknown := set(wanted) - set(MODALITIES):
        raise ValueError(f"type {entry['name']}: unknown modality {', '.join(sorted(unknown))}")
    return tuple(modality for modality in MODALITIES if modality in wanted)


def _texts(entry: Mapping[str, object], field: str) -> tuple[str, ...]:
    texts = entry[field]
    if not isinstance(texts, list):
        raise ValueError(f"type {entry['name']}: {field} must be a list of texts")
    return tuple(str(text) for text in texts)


def _require_slots(name: str, wording: str, needs: tuple[str, ...]) -> None:
    for slot in _SLOT.findall(wording):
        behind = (slot,) if slot in facts_in_words.LISTS else facts_in_words.PHRASES.get(slot)
        if behind is None:
            slots = ", ".join((*facts_in_words.PHRASES, *facts_in_words.LISTS))
            raise ValueError(f"type {name}: slot {{{slot}}} is none of {slots}")
        if lacking := set(behind) - set(needs):
            raise ValueError(f"type {name}: slot {{{slot}}} rests on {', '.join(sorted(lacking))}: add it to needs")
