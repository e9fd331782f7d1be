"""Which questions each image gets, and the requests that ask them.

Draws are made from the item's own identity, so that adding or dropping an image changes no other's.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from random import Random

from dermasynth_builder.core.options import PlanOptions
from dermasynth_builder.core.protocols import ChoosesQuestions
from dermasynth_builder.core.records import Asked, ClinicalImage, Facts, Request, Step, Style, share_of
from dermasynth_builder.plan import facts_in_words, reply_form
from dermasynth_builder.plan.questions import PromptBook, QuestionType, fill

GENERAL, SOURCE = "general", "source"
SLOTS = (GENERAL, SOURCE)
"""Each image gets one question of the general bank, or a conversation in its place, and one of its source's bank."""

BANK_EXAMPLES, ACCEPTED_EXAMPLES = 4, 2
"""How many questions a self-instruct prompt shows of the banks, and of those that a model wrote in earlier rounds."""

AcceptedQuestions = Callable[[int], Sequence[str] | None]
"""Round of self-instruct -> questions accepted in earlier rounds; None: the round has not begun, and none is known."""


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

    def requests(
        self, images: Iterable[ClinicalImage], accepted: AcceptedQuestions = none_accepted
    ) -> Iterator[Request]:
        """The requests of each image, in the order of `SLOTS`; images in the order given.

        A slot for which no type has all its facts is left out, and so is what belongs to a round that has not begun.
        What the engine cannot answer is not asked: the draw is among the rest.
        """
        for image in images:
            yield from _ImagePlan(self, image).requests(accepted)

    def requests_of_round(
        self, images: Iterable[ClinicalImage], number: int, accepted: AcceptedQuestions
    ) -> Iterator[Request]:
        """The self-instruct requests of one round; with round 0 also all requests that belong to no round."""
        for image in images:
            plan = _ImagePlan(self, image)
            if number == 0:
                yield from plan.requests(lambda of: accepted(of) if of == 0 else None)
            elif plan.style == "self_instruct" and self.round_of(image) == number:
                yield from islice(plan.requests(accepted), 1)  # it comes first, and no other is made

    def unanswerable(self, image: ClinicalImage) -> Iterator[str]:
        """The types that fit the image and that the engine cannot answer in any wording, as "general: overview"."""
        if self.chooser:
            yield from _ImagePlan(self, image).unanswerable()

    def round_of(self, image: ClinicalImage) -> int:
        """The round in which the image's self-instruct request is asked, from 0."""
        return int(self.options.rounds * share_of(self.seed, image.source, image.image_id, "round"))


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A question type and the wording of it that was drawn."""

    kind: QuestionType
    step: Step


@dataclass(frozen=True)  # without slots, for what is made once
class _ImagePlan:
    """What one image is asked."""

    planner: Planner
    image: ClinicalImage

    def requests(self, accepted: AcceptedQuestions) -> Iterator[Request]:
        style = self.style
        topics: set[str] = set()
        steps = self._conversation() if style == "conversation" else []
        general = self._drawn(GENERAL, "asked" if style == "conversation" else style, topics) if not steps else None
        topics |= {each.kind.topic for each in [*steps, *([general] if general else [])]}
        source = self._drawn(SOURCE, "asked", topics)
        if steps:
            yield self._request("conversation", steps)
        elif general and source and style == "asked" and self.planner.options.is_together:
            yield self._request("asked_together", [general, source])
            return
        elif general and style == "self_instruct":
            questions = accepted(self.planner.round_of(self.image))
            if questions is not None:
                yield self._request("self_instruct", [general], examples=self._examples(questions))
        elif general:
            yield self._request("asked", [general])
        if source:
            yield self._request("asked", [source])

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

    def _fitting(self, slot: str) -> Iterator[QuestionType]:
        """The types of the slot's bank whose facts are known, whether or not the engine can answer them."""
        bank = self.planner.book.bank_of(GENERAL if slot == GENERAL else self.image.source)
        return (kind for kind in bank if kind.suits(self.image.facts, self.image.modality))

    def _is_answerable(self, kind: QuestionType) -> bool:
        return any(self._can_ask(kind, wording) for wording in kind.wordings)

    def _can_ask(self, kind: QuestionType, wording: str) -> bool:
        """Whether the engine can answer the wording from what it is told of the image."""
        image, chooser = self.image, self.planner.chooser
        return chooser is None or chooser.answers(Asked(kind.name, wording, image.modality, self._told, image.measured))

    @cached_property
    def _told(self) -> Facts:
        """The facts that the engine is told, made once."""
        return facts_in_words.facts_for_engine(self.image.facts)

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
        return self._worded(slot, draw.choice(kinds), draw) if kinds else None

    def _worded(self, slot: str, kind: QuestionType, draw: Random) -> _Drawn:
        wordings = [wording for wording in kind.wordings if self._can_ask(kind, wording)]
        return _Drawn(kind, Step(slot, kind.name, fill(draw.choice(wordings), self.image.facts)))

    def _conversation(self) -> list[_Drawn]:
        """The turns: the general bank's first type, its last, and some between, in the bank's order."""
        kinds = self._kinds(GENERAL, "asked")
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
        kinds = [kind for slot in SLOTS for kind in self._kinds(slot, "asked") if is_shown or not kind.needs]
        drawn = draw.sample(kinds, min(len(kinds), BANK_EXAMPLES))
        shown = [fill(draw.choice(kind.wordings), self.image.facts) for kind in drawn]
        return shown + draw.sample(list(accepted), min(len(accepted), ACCEPTED_EXAMPLES))

    def _request(self, prompt_id: str, drawn: Sequence[_Drawn], examples: Sequence[str] = ()) -> Request:
        """A request made with the template `prompt_id`; of several questions where several were drawn."""
        image, first = self.image, drawn[0]
        style: Style = "conversation" if prompt_id == "conversation" else first.kind.style
        is_shown = self.planner.options.is_metadata_shown
        needs = [need for each in drawn for need in each.kind.needs]
        facts = facts_in_words.facts_for_question(image.source, image.facts, needs) if is_shown else Facts()
        steps = tuple(each.step for each in drawn) if len(drawn) > 1 else ()
        is_conversation = style == "conversation"
        context = {
            "asks": [(each.step.question, each.kind.audience, each.kind.good_answer) for each in drawn],
            "examples": examples,
        }
        return Request(
            source=image.source,
            image_id=image.image_id,
            slot=GENERAL if is_conversation else "+".join(each.step.slot for each in drawn),
            style=style,
            question_type=style if is_conversation else "+".join(each.step.question_type for each in drawn),
            question=" ".join(each.step.question for each in drawn),
            prompt=self.planner.book.render(prompt_id, context, modality=image.modality, facts=facts),
            prompt_id=prompt_id,
            reply_schema=reply_form.schema(style, len(steps)),
            modality=image.modality,
            facts=facts,
            is_metadata_shown=is_shown,
            image_sha256=image.file.sha256 if image.file else None,
            image_path=image.path,
            steps=steps,
            measured=image.measured,
        )
