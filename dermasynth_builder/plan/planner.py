"""Which questions each image gets, and the requests that ask them.

Draws are made from the item's own identity, so that adding or dropping an image changes no other's.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from random import Random
from types import MappingProxyType
from typing import Any, Literal

from dermasynth_builder.core.options import PlanOptions
from dermasynth_builder.core.protocols import ChoosesQuestions, KnowsDiagnoses
from dermasynth_builder.core.records import (
    Asked,
    ClinicalImage,
    Facts,
    Look,
    LookMode,
    Modality,
    Request,
    Step,
    Style,
    share_of,
)
from dermasynth_builder.plan import facts_in_words, looks, reply_form
from dermasynth_builder.plan.looks import Evidence
from dermasynth_builder.plan.measured_in_words import measured_lines
from dermasynth_builder.plan.questions import PromptBook, QuestionType, fill

GENERAL, SOURCE = "general", "source"
SLOTS = (GENERAL, SOURCE)
"""Each image gets one question of the general bank, or a conversation in its place, and one of its source's bank."""

BANK_EXAMPLES, ACCEPTED_EXAMPLES = 4, 2
"""How many questions a self-instruct prompt shows of the banks, and of those that a model wrote in earlier rounds."""

LOOK: Literal["look"] = "look"  # slot, question type and template of the request that asks what is seen

AcceptedQuestions = Callable[[int], Sequence[str] | None]
"""Round -> questions accepted in earlier rounds; None: the round has not begun, and none is known."""
Looks = Callable[[str], Look | None]
"""Key of the request that asks what is seen on an image -> what was seen; None: not known, so nothing else is asked."""


def assumed_look(_: str) -> Look | None:
    """What every image is taken to show, in a plan before anybody has looked."""
    return looks.ASSUMED


def none_accepted(_: int) -> Sequence[str]:
    """What the first round shows, for every round: a plan before anything was asked."""
    return ()


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans the requests of images, one by one."""

    book: PromptBook
    seed: int
    options: PlanOptions = PlanOptions()  # noqa: RUF009 - frozen
    chooser: ChoosesQuestions | None = None  # the engine, where it cannot answer everything
    knowledge: KnowsDiagnoses | None = None  # where the engine is told what a diagnosis shows in general

    def requests(
        self,
        images: Iterable[ClinicalImage],
        accepted: AcceptedQuestions = none_accepted,
        seen: Looks = assumed_look,
    ) -> Iterator[Request]:
        """The requests of each image, what is seen first, then in the order of `SLOTS`; images in the order given.

        A slot for which no type has all its facts is left out, and so is what belongs to a round that has not begun.
        What the engine cannot answer is not asked: the draw is among the rest.
        """
        for image in images:
            plan = _ImagePlan(self, image)
            yield from plan.requests(plan.orders(), accepted, seen)

    def requests_of_round(
        self,
        images: Iterable[ClinicalImage],
        number: int,
        accepted: AcceptedQuestions,
        *,
        seen: Looks = assumed_look,
        later: Counter[int] | None = None,
    ) -> Iterator[Request]:
        """The requests of one round: looks come first, where they are asked first, then all questions of the bank.

        `later` counts, for round 0, the requests of each round after it.
        """
        for image in images:
            plan = _ImagePlan(self, image)
            if number > self.first_round and (plan.style != "self_instruct" or self.round_of(image) != number):
                continue
            orders = list(plan.orders())
            if later is not None and number == 0:
                later.update(order.round for order in orders if order.round)
            yield from plan.requests([order for order in orders if order.round == number], accepted, seen)

    @property
    def look_mode(self) -> LookMode:
        """Whether and when the engine is asked what it sees."""
        return self.options.look or "off"

    @property
    def first_round(self) -> int:
        """The round of all questions that belong to no round of self-instruct: the one after the looks."""
        return int(self.look_mode == "first")

    @property
    def rounds(self) -> int:
        """How many there are in all."""
        return self.first_round + max(1, self.options.rounds)

    def evidence(self, modality: Modality, look: Look | None, style: Style) -> Evidence:
        """What a reply has to say beside its answer."""
        terms = looks.names(self.book.terms.get(modality, ()))
        if style == LOOK:
            return Evidence(self.look_mode, terms)
        if self.look_mode == "together":
            return Evidence("together", terms)
        return Evidence(self.look_mode, ids=tuple(each.id for each in look.observed) if look else ())

    def told(self, image: ClinicalImage, asked: Iterable[str]) -> Facts:
        """The facts of the image that the engine may be told for questions about those."""
        return facts_in_words.facts_for_question(image.source, image.facts, asked)

    def unanswerable(self, image: ClinicalImage) -> Iterator[str]:
        """The types that fit the image and that the engine cannot answer in any wording, as "general: overview"."""
        if self.chooser:
            yield from _ImagePlan(self, image).unanswerable()

    def round_of(self, image: ClinicalImage) -> int:
        """The round in which the image's self-instruct request is asked, from 0."""
        return self.first_round + int(self.options.rounds * share_of(self.seed, image.source, image.image_id, "round"))


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A question type and the wording of it that was drawn."""

    kind: QuestionType
    step: Step
    is_of_record: bool = False  # it asks what is recorded, and the answer may say so


@dataclass(frozen=True, slots=True)
class _Order:
    """A request to be made."""

    prompt_id: str
    drawn: Sequence[_Drawn]  # several questions where several were drawn; none of a look
    round: int

    @property
    def is_self_instruct(self) -> bool:
        return self.prompt_id == "self_instruct"


@dataclass(frozen=True)  # without slots, for what is made once
class _ImagePlan:
    """What one image is asked."""

    planner: Planner
    image: ClinicalImage
    _facts: dict[frozenset[str], Facts] = field(default_factory=dict)  # what is kept back -> what is told

    def requests(self, orders: Iterable[_Order], accepted: AcceptedQuestions, seen: Looks) -> Iterator[Request]:
        """The requests of these orders, as far as what they show is known."""
        for order in orders:
            questions = accepted(order.round)
            look = seen(self._look.key) if order.round and self.planner.first_round else None
            if order.prompt_id == LOOK:
                yield self._look
            elif questions is not None and (look or not self.planner.first_round):
                yield self._request(order, self._examples(questions) if order.is_self_instruct else (), look)

    def orders(self) -> Iterator[_Order]:
        """What is asked, in order, without the words of it."""
        first, style = self.planner.first_round, self.style
        if first:
            yield _Order(LOOK, (), 0)
        topics: set[str] = set()
        steps = self._conversation() if style == "conversation" else []
        general = self._drawn(GENERAL, "asked" if style == "conversation" else style, topics) if not steps else None
        topics |= {each.kind.topic for each in [*steps, *([general] if general else [])]}
        untrue = self._counterfactual()
        source = untrue or self._drawn(SOURCE, "asked", topics)
        if steps:
            yield _Order("conversation", steps, first)
        elif general and source and style == "asked" and not untrue and self.planner.options.is_together:
            yield _Order("asked_together", [general, source], first)
            return
        elif general and style == "self_instruct":
            yield _Order("self_instruct", [general], self.planner.round_of(self.image))
        elif general:
            yield _Order("asked", [general], first)
        if source:
            yield _Order("asked", [source], first)

    @property
    def style(self) -> Style:
        """The style of the general slot, which makes half of all pairs."""
        options = self.planner.options
        share = share_of(self.planner.seed, self.image.source, self.image.image_id, "style")
        if share < 2 * options.self_instruct_share:
            return "self_instruct"
        return "conversation" if share >= 1 - options.conversation_share else "asked"

    def _kinds(self, slot: str, style: Style) -> list[QuestionType]:
        """The types of the slot's bank that fit the image."""
        return [kind for kind in self._fitting(slot) if kind.style == style and self._is_answerable(kind)]

    def _is_tellable(self, kind: QuestionType) -> bool:
        """Whether the image may tell the answer to one of the wordings, or else the record that is shown."""
        return any(self._can_ask(kind, wording) for wording in self._tellable(kind))

    def _tellable(self, kind: QuestionType) -> tuple[str, ...]:
        """The wordings to which the image may tell the answer, or else the record that is shown."""
        is_known = self.planner.options.is_metadata_shown and self._told(kind) != Facts()
        return kind.every_wording if is_known else kind.wordings

    def _fitting(self, slot: str) -> Iterator[QuestionType]:
        """The types of the slot's bank whose facts are known, whether or not the engine can answer them."""
        bank = self.planner.book.bank_of(GENERAL if slot == GENERAL else self.image.source)
        return (kind for kind in bank if kind.suits(self.image.facts, self.image.modality))

    def _is_answerable(self, kind: QuestionType) -> bool:
        return any(self._can_ask(kind, wording) for wording in kind.every_wording)

    def _can_ask(self, kind: QuestionType, wording: str) -> bool:
        """Whether the engine can answer the wording from what it is told of the image."""
        image, chooser = self.image, self.planner.chooser
        return chooser is None or chooser.answers(
            Asked(kind.name, wording, image.modality, self._told(kind), image.measured)
        )

    def _told(self, kind: QuestionType) -> Facts:
        """The facts that the engine is told for a question of that type, made once for all that are told alike."""
        kept_back = facts_in_words.kept_back(self.image.source, kind.told)
        if kept_back not in self._facts:
            self._facts[kept_back] = self.planner.told(self.image, kind.told)
        return self._facts[kept_back]

    def unanswerable(self) -> Iterator[str]:
        """See `Planner.unanswerable`."""
        for slot in SLOTS:
            bank = GENERAL if slot == GENERAL else self.image.source
            yield from (f"{bank}: {kind.name}" for kind in self._fitting(slot) if not self._is_answerable(kind))

    def _draw(self, what: str) -> Random:
        return Random(f"{self.planner.seed}/{self.image.source}/{self.image.image_id}/{what}")  # noqa: S311 - a draw, not a secret

    def _drawn(self, slot: str, style: Style, topics: Iterable[str]) -> _Drawn | None:
        kinds = [kind for kind in self._kinds(slot, style) if kind.topic not in topics]
        draw = self._draw(slot)
        kind = draw.choice(kinds) if kinds else None
        if kind and not self._is_tellable(kind):  # drawn anew only here: all others are as where facts are shown
            told = [each for each in kinds if self._is_tellable(each)]
            kind = draw.choice(told) if told else None
        return self._worded(slot, kind, draw) if kind else None

    def _counterfactual(self) -> _Drawn | None:
        """What is asked in place of the source's question about a share of the images."""
        image, options = self.image, self.planner.options
        share = share_of(self.planner.seed, image.source, image.image_id, "counterfactual")
        if share >= 2 * options.counterfactual_share:
            return None
        kinds = [kind for kind in self._kinds(GENERAL, "counterfactual") if self._is_tellable(kind)]
        draw = self._draw("counterfactual")
        return self._worded(SOURCE, draw.choice(kinds), draw) if kinds else None

    def _worded(self, slot: str, kind: QuestionType, draw: Random) -> _Drawn:
        wordings = [wording for wording in kind.every_wording if self._can_ask(kind, wording)]
        wording, tellable = draw.choice(wordings), self._tellable(kind)
        if wording not in tellable:
            wording = draw.choice([each for each in wordings if each in tellable])
        step = Step(slot, kind.name, fill(wording, self.planner.told(self.image, kind.told)))
        return _Drawn(kind, step, wording in kind.record_wordings)

    def _conversation(self) -> list[_Drawn]:
        """The turns: the general bank's first type, its last, and some between, in the bank's order."""
        kinds = [kind for kind in self._kinds(GENERAL, "asked") if self._is_tellable(kind)]
        if len(kinds) < reply_form.MIN_TURNS:
            return []
        draw = self._draw("conversation")
        between = range(1, len(kinds) - 1)
        extra = draw.randint(0, min(len(between), reply_form.MAX_TURNS - 2))
        places = [0, *sorted(draw.sample(between, extra)), len(kinds) - 1]
        return [self._worded(GENERAL, kinds[place], draw) for place in places]

    def _examples(self, accepted: Sequence[str]) -> list[str]:
        """Questions that show the model how far questions may reach, no two of one type.

        Where metadata are hidden, only such as rest on no fact: others would tell that one is known, or even which.
        """
        draw, is_shown = self._draw("examples"), self.planner.options.is_metadata_shown
        kinds = [
            kind
            for slot in SLOTS
            for kind in self._kinds(slot, "asked")
            if is_shown or (kind.wordings and not kind.needs)
        ]
        drawn = draw.sample(kinds, min(len(kinds), BANK_EXAMPLES))
        shown = [fill(draw.choice(self._tellable(kind)), self.planner.told(self.image, kind.needs)) for kind in drawn]
        return shown + draw.sample(list(accepted), min(len(accepted), ACCEPTED_EXAMPLES))

    @cached_property
    def _bare(self) -> Request:
        """A request about the image that asks nothing yet."""
        image = self.image
        return Request(
            source=image.source,
            image_id=image.image_id,
            slot=LOOK,
            style=LOOK,
            question_type=LOOK,
            question="",
            prompt="",
            prompt_id=LOOK,
            reply_schema="",
            modality=image.modality,
            facts=Facts(),
            is_metadata_shown=False,
            image_sha256=image.file.sha256 if image.file else None,
            image_path=image.path,
            measured=image.measured,
            look_mode=self.planner.look_mode,
        )

    @cached_property
    def _look(self) -> Request:
        """Asks what is seen; of the case it holds the kind of image alone."""
        evidence = self.planner.evidence(self.image.modality, None, LOOK)
        return replace(
            self._bare, prompt=self._prompt(LOOK, Facts()), reply_schema=reply_form.schema(LOOK, 0, evidence)
        )

    def _request(self, order: _Order, examples: Sequence[str], look: Look | None) -> Request:
        """A request made with a template; of several questions where several were drawn."""
        image, drawn = self.image, order.drawn
        is_conversation = order.prompt_id == "conversation"
        style: Style = "conversation" if is_conversation else drawn[0].kind.style
        is_shown = self.planner.options.is_metadata_shown
        facts = self.planner.told(image, [fact for each in drawn for fact in each.kind.told]) if is_shown else Facts()
        steps = tuple(each.step for each in drawn) if len(drawn) > 1 else ()
        evidence = self.planner.evidence(image.modality, look, style)
        asks = [(each.step.question, each.kind.audience, each.kind.good_answer) for each in drawn]
        return replace(
            self._bare,
            slot=GENERAL if is_conversation else "+".join(each.step.slot for each in drawn),
            style=style,
            question_type=style if is_conversation else "+".join(each.step.question_type for each in drawn),
            question=" ".join(each.step.question for each in drawn),
            prompt=self._prompt(
                order.prompt_id,
                facts,
                {
                    "asks": asks,
                    "examples": examples,
                    "look": look,
                    "measured": measured_lines(image.measured) if self.planner.options.is_measured_shown else [],
                    "expected": self._expected(facts) if style != "counterfactual" else (),
                    "is_counterfactual": style == "counterfactual",
                    "is_record_asked": any(each.is_of_record for each in drawn),
                },
            ),
            prompt_id=order.prompt_id,
            reply_schema=reply_form.schema(style, len(steps), evidence),
            facts=facts,
            is_metadata_shown=is_shown,
            steps=steps,
            look=look,
        )

    def _expected(self, told: Facts) -> Sequence[str]:
        """What the diagnosis that the engine is told shows in general."""
        knowledge = self.planner.knowledge
        return knowledge.expected(told, self.image.modality) if knowledge else ()

    def _prompt(self, prompt_id: str, facts: Facts, context: Mapping[str, Any] = MappingProxyType({})) -> str:
        modality, book = self.image.modality, self.planner.book
        seeing = {"look_mode": self.planner.look_mode, "terms": book.terms.get(modality, ())}
        return book.render(prompt_id, {**seeing, **context}, modality=modality, facts=facts)
