"""Reads `prompts/answers/`. The engine `template`: answers from facts and curated sentences alone.

No model takes part. A plan of plans.toml says which parts answer a question; which sentence of a part is taken depends
on the request's key. A question for which no plan can be followed is not answered, and the planner does not ask it.
General knowledge comes sentence by sentence with its reference, and every sentence with what it rests on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
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
from dermasynth_builder.plan import facts_in_words
from dermasynth_builder.plan.questions import PromptBook, load_prompt_book

REVISION = 5
"""Raised by hand whenever this code words the same files differently."""
_FEW = 64  # cases at hand


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
        self._cases: dict[int, tuple[Facts, Case]] = {}  # by identity: a planner asks dozens of times about one image

    def _require_citations(self, folder: Path) -> None:
        blocks = (block for blocks in self._texts.forms.blocks.values() for block in blocks)
        if unknown := {block.cite for block in blocks if block.cite} - self._texts.knowledge.references.keys():
            raise PromptError(
                f"{folder / 'blocks'}: {', '.join(sorted(unknown))} is cited and not among the references"
            )

    def answers(self, asked: Asked) -> bool:
        """See `ChoosesQuestions.answers`."""
        return self._texts.plan(asked.question_type, asked.wording, self._case(asked)) is not None

    def _case(self, asked: Asked) -> Case:
        facts, case = self._cases.get(id(asked.facts), (None, None))
        is_same = facts is asked.facts and case and asked.modality in case.marks
        if case is None or not is_same or asked.measured != tuple(case.measured.values()):
            case = _fresh(case_of(asked.facts, asked.modality, asked.measured))
            if len(self._cases) >= _FEW:
                self._cases.clear()
            self._cases[id(asked.facts)] = asked.facts, case
        return case

    def answer(self, requests: Iterable[Request], _: EngineRun) -> Iterator[Reply]:
        """See `Engine.answer`; in the order of the requests."""
        return map(self._reply, requests)

    def _reply(self, request: Request) -> Reply:
        plans: list[tuple[Plan, Case]] = []
        for question_type, question, facts in _asked(request):
            case = _fresh(case_of(facts, request.modality, request.measured))
            if not (plan := self._texts.plan(question_type, question, case)):
                return Reply(request.key, None, f"no answer: no plan for type {question_type} fits {question!r}")
            plans.append((plan, case))
        writer = Writer(self._texts, request.key)
        members = _members(request, writer, plans)
        references = self._texts.knowledge.references
        told = tuple(f"{references[name].text}. {references[name].id}" for name in dict.fromkeys(writer.cited))
        return Reply(request.key, canonical_json(members), references=told, grounds=tuple(writer.grounds))


def _asked(request: Request) -> Iterator[tuple[str, str, Facts]]:
    """Type and words of each question, and the facts that its answer may use: not all that another one's may."""
    if not request.steps:
        yield request.question_type, request.question, request.facts
    for step in request.steps:
        told = _book(request.source).told(request.source, [step.question_type])
        yield step.question_type, step.question, facts_in_words.facts_for_question(request.source, request.facts, told)


@cache
def _book(source: str) -> PromptBook:
    return load_prompt_book(sources=(source,))


def _fresh(case: Case) -> Case:
    """The case without what other texts have found possible for it."""
    return replace(case, possible={})


def _members(request: Request, writer: Writer, plans: Sequence[tuple[Plan, Case]]) -> dict[str, Any]:
    """The reply after the request's schema."""
    if request.style == "self_instruct":
        [(plan, case)] = plans
        return {"question": writer.question(plan.question, case), "answer": writer.answer(plan, case)}
    answers = [writer.answer(plan, case) for plan, case in plans]
    if not request.steps:
        return {"answer": answers[0]}
    if request.style == "asked":
        return {f"answer_{number}": text for number, text in enumerate(answers, 1)}
    turns = [{"question": step.question, "answer": text} for step, text in zip(request.steps, answers, strict=True)]
    return {"turns": turns}


def template_engine(_: EngineOptions, __: EngineContext) -> TemplateEngine:
    """The engine with the package's own texts; it asks no model and has no options."""
    return TemplateEngine(resource_dir("prompts") / "answers")
