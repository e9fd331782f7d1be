"""Reads `prompts/answers/`. The engine `template`: answers from facts and curated sentences alone.

No model takes part. A plan of plans.toml says which parts answer a question; which sentence of a part is taken depends
on the request's key. A question for which no plan can be followed is not answered, and the planner does not ask it.
General knowledge comes sentence by sentence with its reference, and every sentence with what it rests on.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from dermasynth_builder.core.errors import PromptError
from dermasynth_builder.core.files import resource_dir
from dermasynth_builder.core.images.pictures import METHOD
from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import EngineContext, EngineRun
from dermasynth_builder.core.records import Asked, Facts, Reply, Request, canonical_json
from dermasynth_builder.generate.answers.case import Case, case_of
from dermasynth_builder.generate.answers.forms import Plan, load_forms
from dermasynth_builder.generate.answers.knowledge import knowledge_in
from dermasynth_builder.generate.answers.writer import Texts, Writer

REVISION = 3
"""Raised by hand whenever this code words the same files differently."""


class TemplateEngine:
    """See `dermasynth_builder.core.protocols.Engine` and `ChoosesQuestions`."""

    name = "template"
    is_model = False

    def __init__(self, folder: Path) -> None:
        """`folder` holds the texts of all answers. Raises PromptError where they break their form."""
        self._texts = Texts(load_forms(folder), knowledge_in(folder / "knowledge"))
        self._require_citations(folder)
        paths = sorted(folder.rglob("*.toml"))
        named = b"".join(str(path.relative_to(folder)).encode() + path.read_bytes() for path in paths)
        self.identity: Mapping[str, str | int | float | None] = {
            "engine": self.name,
            "revision": REVISION,
            "texts_sha256": sha256(named).hexdigest(),
            "eyes": METHOD,
        }
        self._last = Facts(), _fresh(case_of(Facts(), "clinical"))

    def _require_citations(self, folder: Path) -> None:
        blocks = (block for blocks in self._texts.forms.blocks.values() for block in blocks)
        if unknown := {block.cite for block in blocks if block.cite} - self._texts.knowledge.references.keys():
            raise PromptError(
                f"{folder / 'blocks'}: {', '.join(sorted(unknown))} is cited and not among the references"
            )

    def answers(self, asked: Asked) -> bool:
        """See `ChoosesQuestions.answers`."""
        facts, case = self._last
        if (
            facts is not asked.facts
            or asked.modality not in case.marks
            or asked.measured != tuple(case.measured.values())
        ):
            case = _fresh(case_of(asked.facts, asked.modality, asked.measured))
            self._last = asked.facts, case  # a planner asks dozens of times about one image
        return self._texts.plan(asked.question_type, asked.wording, case) is not None

    def answer(self, requests: Iterable[Request], _: EngineRun) -> Iterator[Reply]:
        """See `Engine.answer`; in the order of the requests."""
        return map(self._reply, requests)

    def _reply(self, request: Request) -> Reply:
        case = _fresh(case_of(request.facts, request.modality, request.measured))
        plans: list[Plan] = []
        asked = [(step.question_type, step.question) for step in request.steps]
        for question_type, question in asked or [(request.question_type, request.question)]:
            if not (plan := self._texts.plan(question_type, question, case)):
                return Reply(request.key, None, f"no answer: no plan for type {question_type} fits {question!r}")
            plans.append(plan)
        writer = Writer(self._texts, case, request.key)
        members = _members(request, writer, plans)
        references = self._texts.knowledge.references
        told = tuple(f"{references[name].text}. {references[name].id}" for name in dict.fromkeys(writer.cited))
        return Reply(request.key, canonical_json(members), references=told, grounds=tuple(writer.grounds))


def _fresh(case: Case) -> Case:
    """The case without what other texts have found possible for it."""
    return replace(case, possible={})


def _members(request: Request, writer: Writer, plans: list[Plan]) -> dict[str, Any]:
    """The reply after the request's schema."""
    if request.style == "self_instruct":
        return {"question": writer.question(plans[0].question), "answer": writer.answer(plans[0])}
    answers = [writer.answer(plan) for plan in plans]
    if not request.steps:
        return {"answer": answers[0]}
    if request.style == "asked":
        return {f"answer_{number}": text for number, text in enumerate(answers, 1)}
    turns = [{"question": step.question, "answer": text} for step, text in zip(request.steps, answers, strict=True)]
    return {"turns": turns}


def template_engine(_: EngineOptions, __: EngineContext) -> TemplateEngine:
    """The engine with the package's own texts; it asks no model and has no options."""
    return TemplateEngine(resource_dir("prompts") / "answers")
