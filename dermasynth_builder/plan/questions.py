"""Reads the question banks and the prompt templates, and holds them to their rules.

A bank is `prompts/questions/<name>.toml`: `general` and one per source. See the head of general.toml. A source
of another package brings its bank as `questions.toml`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from jinja2 import TemplateError
from pydantic import AfterValidator

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import PromptError
from dermasynth_builder.core.files import jinja_environment, read_toml, resource_dir
from dermasynth_builder.core.records import Facts, Modality, digest
from dermasynth_builder.core.wording import did_you_mean
from dermasynth_builder.plan import facts_in_words
from dermasynth_builder.plan.answer_form import form_of
from dermasynth_builder.plan.looks import Term, load_terms

_SLOT = re.compile(r"\{(\w*)\}")
_NEEDABLE = frozenset(each.name for each in fields(Facts)) | set(facts_in_words.LISTS)
BankStyle = Literal["asked", "self_instruct", "counterfactual"]
Premise = Literal["images", "modality", "body_site", "denied_sign"]
"""`images`: that there is another one. `modality`: that such an image shows it. The others are of the record."""
MODALITIES: tuple[Modality, ...] = get_args(Modality)


def _needable(name: str) -> str:
    """Raises ValueError for what is no fact."""
    if name not in _NEEDABLE:
        raise ValueError(f"{name!r} is no fact{did_you_mean(name, _NEEDABLE)}")
    return name


@dataclass(frozen=True, slots=True)
class QuestionType:
    """What is asked, in several wordings. The bank's head says what each field means."""

    name: str
    topic: str
    audience: str
    good_answer: str
    needs: tuple[Annotated[str, AfterValidator(_needable)], ...]  # names of facts, or of `facts_in_words.LISTS`
    wordings: tuple[str, ...] = ()  # that the image may answer
    style: BankStyle = "asked"
    modalities: tuple[Modality, ...] = MODALITIES
    record_wordings: tuple[str, ...] = ()  # that only what somebody has recorded or reported answers
    claims: tuple[Annotated[str, AfterValidator(_needable)], ...] = ()  # facts that a right answer states
    uses: tuple[Annotated[str, AfterValidator(_needable)], ...] = ()  # facts that an answer tells where they are known
    premise: Premise | None = None  # counterfactual: what it takes for granted and is not so

    def __post_init__(self) -> None:
        """Raises ValueError where there is no wording, or a slot cannot always be filled."""
        if not self.every_wording:
            raise ValueError("wordings is empty; a type has one or more")
        if both := set(self.wordings) & set(self.record_wordings):
            raise ValueError(f"stands in wordings and in record_wordings: {'; '.join(sorted(both))}")
        if faults := list(self._faults()):
            raise ValueError("; ".join(faults))

    @property
    def every_wording(self) -> tuple[str, ...]:
        """Those that the image may answer, then those that only a record answers."""
        return self.wordings + self.record_wordings

    @property
    def told(self) -> tuple[str, ...]:
        """What the engine has to be told for it, be it a giveaway."""
        return self.needs + self.uses

    def suits(self, facts: Facts, modality: Modality) -> bool:
        """Whether this type fits such an image and all that it needs is known."""
        return modality in self.modalities and facts_in_words.knows(facts, self.needs)

    def _faults(self) -> Iterator[str]:
        """What is wrong with the claims, the premise, and the slots of the wordings."""
        if (self.style == "counterfactual") is not bool(self.premise):
            yield f"its style is {self.style}, its premise {self.premise}; a counterfactual type has one, no other has"
        slots = dict.fromkeys(_SLOT.findall(" ".join(self.every_wording)))
        if told := set(self.claims) & {fact for slot in slots for fact in facts_in_words.PHRASES.get(slot, (slot,))}:
            yield f"claims {', '.join(sorted(told))}, which a wording tells itself"
        for slot in slots:
            behind = (slot,) if slot in facts_in_words.LISTS else facts_in_words.PHRASES.get(slot)
            if behind is None:
                known = (*facts_in_words.PHRASES, *facts_in_words.LISTS)
                yield f"slot {{{slot}}} is none of {', '.join(known)}{did_you_mean(slot, known)}"
            elif lacking := set(behind) - set(self.needs):
                yield f"slot {{{slot}}} rests on {', '.join(sorted(lacking))}: add it to needs"


@dataclass(frozen=True, slots=True)
class _Bank:
    """A file of question types."""

    type: tuple[QuestionType, ...]

    def __post_init__(self) -> None:
        """Raises ValueError where two types have one name."""
        names = [kind.name for kind in self.type]
        if doubled := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two types have the same name: {', '.join(sorted(doubled))}")


@dataclass(frozen=True, slots=True)
class _Shared:
    """`shared_banks.toml`."""

    shared: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PromptBook:
    """Every bank and template of one `prompts/` folder."""

    folder: Path
    banks: Mapping[str, tuple[QuestionType, ...]]  # "general" or a source's name -> its types
    guests: frozenset[str] = frozenset()  # banks of sources of other packages
    shared: Mapping[str, str] = field(default_factory=dict)  # source without a bank -> the source whose bank it has too
    terms: Mapping[Modality, tuple[Term, ...]] = field(default_factory=dict)  # what each kind of image can show

    def bank_of(self, name: str) -> tuple[QuestionType, ...]:
        """The types of "general" or of a source; none where there is no bank for it."""
        return self.banks.get(name) or self.banks.get(self.shared.get(name, ""), ())

    def wordings(self, source: str = "") -> list[str]:
        """Every question that the shipped banks and that of `source` can ask, slots unfilled, without briefs.

        What else is installed or read in the same run makes no difference to a source.
        """
        kinds = (kind for name, bank in self.banks.items() if name not in self.guests - {source} for kind in bank)
        return [text for kind in kinds if kind.style != "self_instruct" for text in kind.every_wording]

    def told(self, source: str, types: Iterable[str]) -> list[str]:
        """What the engine has to be told for these types of question, of the general bank or of the source's."""
        wanted = set(types)
        kinds = (kind for bank in ("general", source) for kind in self.bank_of(bank) if kind.name in wanted)
        return [fact for kind in kinds for fact in kind.told]

    def claims(self, source: str, question_type: str) -> tuple[str, ...]:
        """The facts that a right answer to a question of this type states."""
        return kind.claims if (kind := self._kind(source, question_type)) else ()

    def premise(self, source: str, question_type: str) -> Premise | None:
        """What a question of this type takes for granted and is not so."""
        return kind.premise if (kind := self._kind(source, question_type)) else None

    def _kind(self, source: str, question_type: str) -> QuestionType | None:
        kinds = (kind for bank in ("general", source) for kind in self.bank_of(bank))
        return next((kind for kind in kinds if kind.name == question_type), None)

    @property
    def digest(self) -> str:
        """64 hex digits for every bank, vocabulary and template."""
        templates = sorted((self.folder / "templates").glob("*.jinja"))
        banks = {name: [asdict(kind) for kind in kinds] for name, kinds in self.banks.items()}
        terms = {name: [asdict(term) for term in terms] for name, terms in self.terms.items()}
        return digest([banks, terms, {path.name: sha256(path.read_bytes()).hexdigest() for path in templates}])

    def render(self, prompt_id: str, context: Mapping[str, Any], *, modality: Modality, facts: Facts) -> str:
        """The whole prompt of the template `prompt_id`. `facts` are those that the model is told.

        `context` holds `asks` (question, audience and what a good answer holds, of each) and `examples` (questions);
        where a model looks also `look_mode`, `look` (what was seen), `terms`; where it is told of it, `measured` and
        what is `expected` of the diagnosis.
        Raises PromptError where the template uses what is not defined.
        """
        unseen: dict[str, Any] = {
            "measured": [],
            "expected": (),
            "look": None,
            "look_mode": "off",
            "terms": (),
            "is_record_asked": False,
            "is_counterfactual": False,
        }
        image, lines = facts_in_words.IMAGES[modality], facts_in_words.metadata_lines(facts)
        known = {"image": image, "modality": modality, "metadata": lines, "form_of": form_of}
        try:
            template = jinja_environment(self.folder / "templates").get_template(f"{prompt_id}.jinja")
            text = template.render({**unseen, **context}, **known)
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
    guests = {name: read_toml(path, _Bank, PromptError).type for name, path in brought.items() if path}
    path = folder / "shared_banks.toml"
    shared = read_toml(path, _Shared, PromptError).shared if path.is_file() else {}
    terms = load_terms(folder / "looks", MODALITIES)
    return PromptBook(folder, banks | guests, frozenset(guests), shared, terms)


def fill(wording: str, facts: Facts) -> str:
    """The wording with its slots filled in words."""
    return wording.format_map(facts_in_words.phrases(facts))


def _bank(path: Path) -> tuple[QuestionType, ...]:
    return read_toml(path, _Bank, PromptError).type
