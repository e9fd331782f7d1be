"""Reads `prompts/answers/`. The engine `template`: answers from facts and curated sentences alone.

No model takes part and no pixel is looked at. An answer is the parts of its question type in order; which
of a part's sentences is taken depends on the request's key. General knowledge comes from knowledge.toml,
sentence by sentence with its reference, and the references go out with the reply.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from jinja2 import Environment, StrictUndefined, Template, TemplateError

from dermasynth_builder.core.errors import PromptError
from dermasynth_builder.core.files import as_form, read_toml, resource_dir
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import EngineContext, EngineRun
from dermasynth_builder.core.records import Facts, Reply, Request, canonical_json
from dermasynth_builder.plan import facts_in_words

REVISION = 2
"""Raised by hand whenever this code words the same files differently."""


@dataclass(frozen=True, slots=True)
class Part:
    """Sentences of one meaning and when they apply: `say`, or `question` and `answer` for self-instruct."""

    needs: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    say: tuple[str, ...] = ()
    question: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError where the sentences are neither the one nor the other."""
        if (bool(self.say), bool(self.question), bool(self.answer)) not in ((True, False, False), (False, True, True)):
            raise ValueError("has either sentences to `say`, or a `question` and an `answer`")

    def applies(self, known: Mapping[str, str]) -> bool:
        """Whether all needed phrases exist and none of the lacking ones does."""
        return self.needs <= known.keys() and not self.lacks & known.keys()


@dataclass(frozen=True, slots=True)
class Curated:
    """A sentence of general knowledge."""

    say: str
    cite: str  # a name in the references


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is curated of one diagnosis; the head of knowledge.toml explains the kinds."""

    what: tuple[Curated, ...]
    look: tuple[Curated, ...]
    mimics: tuple[Curated, ...]
    lay: tuple[Curated, ...]
    next: tuple[Curated, ...]
    who: tuple[Curated, ...]


class TemplateEngine:
    """See `dermasynth_builder.core.protocols.Engine`."""

    name = "template"
    is_model = False

    def __init__(self, folder: Path) -> None:
        """`folder` holds the texts of all answers. Raises PromptError where they break their form."""
        phrasings, knowledge = (folder / "phrasings.toml", folder / "knowledge.toml")
        self._parts = read_toml(phrasings, dict[str, tuple[Part, ...]], PromptError)
        self._knowledge, self._references = _curated(knowledge)
        jinja = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 - plain text
        jinja.filters["opening"] = lambda words: words[0].upper() + words[1:]  # and no other letter changed
        self._compiled = cache(jinja.from_string)
        texts = sha256(phrasings.read_bytes() + knowledge.read_bytes()).hexdigest()
        self.identity: Mapping[str, str | int | float | None] = {
            "engine": self.name,
            "revision": REVISION,
            "texts_sha256": texts,
        }

    def answer(self, requests: Iterable[Request], _: EngineRun) -> Iterator[Reply]:
        """See `Engine.answer`; in the order of the requests."""
        return map(self._reply, requests)

    def _reply(self, request: Request) -> Reply:
        kinds = [step.question_type for step in request.steps] or [request.question_type]
        if unknown := [kind for kind in kinds if kind not in self._parts]:
            return Reply(request.key, None, f"no phrasing: phrasings.toml has no type {unknown[0]}")
        writer = _Writer(self._compiled, self._knowledge.get(request.facts.diagnosis or ""), request)
        try:
            members = self._members(request, writer)
        except TemplateError as error:
            raise PromptError(f"prompts/answers, type {request.question_type}: {error}") from error
        references = tuple(self._references[name] for name in dict.fromkeys(writer.cited))
        return Reply(request.key, canonical_json(members), references=references)

    def _members(self, request: Request, writer: "_Writer") -> dict[str, Any]:
        """The reply after the request's schema."""
        if request.style == "self_instruct":
            return writer.question_and_answer(self._parts[request.question_type])
        if not request.steps:
            return {"answer": writer.answer(self._parts[request.question_type])}
        answers = [writer.answer(self._parts[step.question_type]) for step in request.steps]
        if request.style == "asked":
            return {f"answer_{number}": text for number, text in enumerate(answers, 1)}
        turns = [{"question": step.question, "answer": text} for step, text in zip(request.steps, answers, strict=True)]
        return {"turns": turns}


def template_engine(_: EngineOptions, __: EngineContext) -> TemplateEngine:
    """The engine with the package's own texts; it asks no model and has no options."""
    return TemplateEngine(resource_dir("prompts") / "answers")


class _Writer:
    """Words one reply; the same request always gets the same words."""

    def __init__(self, compiled: Callable[[str], Template], curated: Knowledge | None, request: Request) -> None:
        self._compiled = compiled
        self._curated = curated
        self._draw = Random(request.key)  # noqa: S311 - a draw, not a secret
        self._known = dict(facts_in_words.phrases(request.facts))
        if self._curated:  # else the parts that would quote it do not apply
            self._known["curated"] = "curated"
        self._words = self._known | _helpers(request)
        self.cited: list[str] = []

    def answer(self, parts: Iterable[Part]) -> str:
        """One sentence of each part that applies."""
        return " ".join(self._render(self._draw.choice(part.say)) for part in parts if part.applies(self._known))

    def question_and_answer(self, forms: Iterable[Part]) -> dict[str, str]:
        """One form whose phrases exist; the form without needs only where no other applies."""
        applying = [form for form in forms if form.applies(self._known)]
        form = self._draw.choice([form for form in applying if form.needs] or applying)
        return {
            "question": self._render(self._draw.choice(form.question)),
            "answer": self._render(self._draw.choice(form.answer)),
        }

    def _render(self, sentence: str) -> str:
        return self._compiled(sentence).render(self._words, know=self._know)

    def _know(self, kind: str) -> str:
        sentence: Curated = self._draw.choice(getattr(self._curated, kind))
        self.cited.append(sentence.cite)
        return sentence.say


def _helpers(request: Request) -> dict[str, str]:
    """Phrases that always exist."""
    facts: Facts = request.facts
    image, finding = facts_in_words.IMAGES[request.modality], _finding(request)
    present = facts_in_words.phrases(facts).get("present", "")
    return {
        "image": image,
        "an_image": facts_in_words.with_article(image),
        "finding": finding,
        "a_finding": facts_in_words.with_article(finding),
        "is_or_are": "are" if " and " in present else "is",
        "on_site": f" on the {facts.body_site}" if facts.body_site else "",
    }


def _finding(request: Request) -> str:
    """What the image shows, as far as the facts allow a word: skin that nobody called diseased may be healthy."""
    facts = request.facts
    if facts.malignancy or request.modality == "dermoscopic":
        return "lesion"
    return "skin change" if facts.diagnosis or facts.differential else "area of skin"


def _curated(path: Path) -> tuple[dict[str, Knowledge], dict[str, str]]:
    """What is curated of each diagnosis, and the references by the names under which sentences cite them."""
    tables = read_toml(path, dict[str, dict[str, Any]], PromptError)
    cited = {"references": tables.pop("references", {})}
    references = as_form(cited, dict[str, dict[str, str]], path=path, fault=PromptError)["references"]
    knowledge = as_form(tables, dict[str, Knowledge], path=path, fault=PromptError)
    kinds = (getattr(known, kind.name) for known in knowledge.values() for kind in fields(known))
    if unknown := {sentence.cite for sentences in kinds for sentence in sentences} - set(references):
        raise PromptError(f"{path}: {', '.join(sorted(unknown))} is cited and not among the references")
    return knowledge, references
