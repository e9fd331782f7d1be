"""Writes the answers of one reply: draws forms and curated sentences, and notes what each sentence rests on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from dermasynth_builder.core.records import Ground
from dermasynth_builder.generate.answers import notation
from dermasynth_builder.generate.answers.case import MARKS, Case, columns_of
from dermasynth_builder.generate.answers.forms import Block, Forms, Part, Plan, part
from dermasynth_builder.generate.answers.knowledge import Curated, Knowledge

RIVAL = "rival"  # the part that tells the diagnosis from one of its mimics
APPEARANCE = "appearance"  # the part that stands for `look` or `dermoscopy`, by the kind of image
_SURE = "certainty"  # the part that says how sure a name is
_HOW_SURE = "confirmed"  # the slot that says so in passing
_ONCE = ("site", "person", "size")  # slots that an answer writes again only where it must
_OF_MODALITY = {"look": "clinical", "dermoscopy": "dermoscopic"}  # kinds that fit one kind of image only


@dataclass(frozen=True, slots=True)
class _Option:
    """A sentence that might be written."""

    text: str
    block: Block | None = None
    curated: Curated | None = None
    about: str = ""  # the finding and the kind of what is curated of it: one of several textures, complaints, sites

    @property
    def cites(self) -> list[str]:
        """The names of its references."""
        cites = [self.curated.cite if self.curated else "", self.block.cite if self.block else ""]
        return [cite for cite in cites if cite]


@dataclass(frozen=True, slots=True)
class Texts:
    """All that answers are made of."""

    forms: Forms
    knowledge: Knowledge

    def plan(self, question_type: str, question: str, case: Case) -> Plan | None:
        """The first plan for the question whose required parts can all be written; None where there is none."""
        fitting = (plan for plan in self.forms.plans_for(question_type, question) if plan.applies(case))
        return next((plan for plan in fitting if self._can_follow(plan, case)), None)

    def _can_follow(self, plan: Plan, case: Case) -> bool:
        required = (each.alternatives for each in map(part, plan.parts) if each.is_required)
        names = [*([(plan.question,)] if plan.question else []), *required]
        return all(any(self._can_write(name, case) for name in alternatives) for alternatives in names)

    def _can_write(self, name: str, case: Case) -> bool:
        """Whether there is anything to say; remembered with the case, as many plans share their parts."""
        if name not in case.possible:
            case.possible[name] = next(self.options(name, case), None) is not None
        return case.possible[name]

    def options(self, name: str, case: Case) -> Iterator[_Option]:
        """What a part might say of the case."""
        if name in self.forms.blocks:
            yield from self._of_block(self.forms.blocks[name], case)
            return
        topic, _, kind = name.rpartition(".")
        if kind == APPEARANCE:
            kind = "dermoscopy" if "dermoscopic" in case.marks else "look"
        if _OF_MODALITY.get(kind, "dermoscopic" if "dermoscopic" in case.marks else "clinical") not in case.marks:
            return
        rivals = kind == RIVAL
        told_of = list(self._curated(topic, "tells_apart" if rivals else kind, case))
        if rivals:  # what was weighed against it in this case, before what is usually weighed
            told_of = [each for each in told_of if _is_weighed(each[1].rival, case)] or told_of
        for about, curated in told_of:
            if rivals:
                yield from self._of_block(self.forms.blocks["rival_forms"], case, curated)
            elif notation.can_write(notation.parsed(curated.say), case.slots.__contains__):
                yield _Option(curated.say, curated=curated, about=about)

    def _of_block(self, blocks: Sequence[Block], case: Case, curated: Curated | None = None) -> Iterator[_Option]:
        """The forms that can be written; with a rival curated, it and what would point to it are known too."""
        brought = ("rival", "by") if curated else ()
        for block in blocks:
            if block.applies(case):
                for text in block.say:
                    if notation.can_write(notation.parsed(text), lambda slot: slot in case.slots or slot in brought):
                        yield _Option(text, block, curated)

    def _curated(self, topic: str, kind: str, case: Case) -> Iterator[tuple[str, Curated]]:
        """What fits of one kind, each after what it is about: of a diagnosis that of the nearest entry that has any."""
        if topic in ("", "second"):
            conditions = case.conditions[1:2] if topic else case.conditions[:1]
            for diagnosis in conditions:
                for sentences in self.knowledge.of_diagnosis(diagnosis, kind):
                    if fitting := [each for each in sentences if each.fits(case)]:
                        yield from (("", each) for each in fitting)
                        return
            return
        for finding in _findings(topic, case):
            about = f"{topic} {finding} {kind}"
            yield from ((about, each) for each in self.knowledge.of_finding(topic, finding, kind) if each.fits(case))


def _is_weighed(rival: str, case: Case) -> bool:
    """Whether it is among the further conditions of the case, be it named more closely or in the plural there."""
    name = rival.removeprefix("a ").removeprefix("an ").removesuffix("s")
    return any(name in condition or condition in name for condition in case.conditions[1:])


def _findings(topic: str, case: Case) -> list[str]:
    """The findings of a case that a topic is about."""
    facts = case.facts
    match topic:
        case "texture":
            return list(facts.textures)
        case "complaint":
            felt = [sign for sign in ("itches", "hurts", "bleeds", "has_grown", "has_changed") if getattr(facts, sign)]
            return [*felt, *facts.symptoms]
        case "course":
            return [mark for mark in ("acute", "subacute", "chronic") if mark in case.marks]
        case "site":
            return list(facts.body_sites or (facts.body_site,) if facts.body_site else ())
        case "class":
            return [facts.malignancy or ("rash" if case.conditions else "unlabelled")]
        case "image":
            return [mark for mark in ("dermoscopic", "clinical") if mark in case.marks]
        case _:
            return ["any"]


@dataclass(slots=True)
class Writer:
    """Words one reply; the same key always draws the same words."""

    texts: Texts
    key: str
    case: Case = field(init=False)  # that is spoken of now
    grounds: list[Ground] = field(default_factory=list)
    cited: list[str] = field(default_factory=list)
    _draw: Random = field(init=False)
    _said: set[str] = field(default_factory=set)  # in the whole reply
    _told: set[str] = field(default_factory=set)  # keys of the grounds of one answer
    _words: str = ""  # of one answer
    _whole: Case = field(init=False)  # the case with what the answer has told of such slots

    def __post_init__(self) -> None:
        """Begins the draws."""
        self._draw = Random(self.key)  # noqa: S311 - a draw, not a secret

    def answer(self, plan: Plan, case: Case) -> str:
        """One sentence of each part of the plan that can be written of the case."""
        parts = list(map(part, plan.parts))
        is_told_later = any(each.is_required and _SURE in each.alternatives for each in parts)
        self._whole = case.without(_HOW_SURE) if is_told_later else case
        self.case, self._told, self._words = self._whole, set(), ""
        for each in parts:
            is_told = self._told.issuperset(columns_of(_HOW_SURE))
            if is_told and _HOW_SURE in self._whole.slots:
                self._whole, self.case = self._whole.without(_HOW_SURE), self.case.without(_HOW_SURE)
            if is_told and _SURE in each.alternatives and not each.is_required:
                continue
            if sentence := self._write(each):
                self.case = self._without_what_is_told()
                self._words = f"{self._words} {sentence}".lstrip()
        return self._words

    def _without_what_is_told(self) -> Case:
        """The case to the next sentences, which do not say again where, in whom and how large it is."""
        case = self.case
        for slot in _ONCE:
            known = [column for column in columns_of(slot) if _is_known(case, column)]
            if slot in case.slots and self._told.issuperset(known):
                case = case.without(slot)
        return case

    def question(self, block: str, case: Case) -> str:
        """A question of a self-instruct plan; questions rest on nothing."""
        option = self._draw.choice(list(self.texts.options(block, case)))
        return notation.write(notation.parsed(option.text), case.slots, self._draw, used=[])

    def _write(self, wanted: Part) -> str | None:
        is_wanted = wanted.is_required or self._draw.random() < wanted.share
        for name in wanted.alternatives if is_wanted else ():
            options = list(self.texts.options(name, self.case))
            if not options and wanted.is_required and (options := list(self.texts.options(name, self._whole))):
                self.case = self._whole
            fresh = [each for each in options if not self._said & {each.text, _rival(each)}]
            others = [each for each in fresh if each.about not in self._said]
            if chosen := others or (fresh or options if wanted.is_required else []):
                return self._sentence(self._draw.choice(chosen), wanted)
        return None

    def _sentence(self, option: _Option, wanted: Part) -> str | None:
        """The sentence, noted with its grounds; none where it would be left out for telling nothing new."""
        used: list[str] = []
        brought = {"rival": option.curated.rival, "by": option.curated.by} if _rival(option) and option.curated else {}
        slots = {**self.case.slots, **brought}
        written = notation.write(notation.parsed(option.text), slots, self._draw, used=used)
        sentence = written[0].upper() + written[1:]
        grounds = list(self._grounds(sentence, option, used))
        keys = {ground.key for ground in grounds}
        if not wanted.is_required and not option.curated and (keys <= self._told or self._only_repeats(option, used)):
            return None
        self._said |= {_rival(option) or option.text, option.about} - {""}
        self._told |= keys
        self.grounds += grounds
        self.cited += option.cites
        return sentence

    def _only_repeats(self, option: _Option, used: Sequence[str]) -> bool:
        """Whether a form says nothing but words that the answer has said: the name of what was explained by name."""
        says_more = option.block and (option.block.when or option.block.cite or option.block.absent)
        words = [self.case.slots[slot.removeprefix("a_")].lower() for slot in used if slot != "site"]
        return bool(words) and not says_more and all(each in self._words.lower() for each in words)

    def _grounds(self, sentence: str, option: _Option, used: Sequence[str]) -> Iterator[Ground]:
        """What the sentence rests on, each once."""
        block, marks = option.block, [*(option.block.when if option.block else ())]
        columns = [column for slot in used for column in columns_of(slot)]
        columns += [column for mark in marks for column in MARKS[mark]] + list(block.about if block else ())
        for column in dict.fromkeys(columns):
            if column == "modality" or _is_known(self.case, column):
                yield Ground(sentence, "fact", column)
        for column in block.absent if block else ():
            yield Ground(sentence, "absent", column)
        for slot in dict.fromkeys(used):
            if slot in self.case.measured:
                yield Ground(sentence, "measured", self.case.measured[slot].name)
        for cite in option.cites:
            yield Ground(sentence, "reference", self.texts.knowledge.references[cite].id)


def _rival(option: _Option) -> str:
    return option.curated.rival if option.curated else ""


def _is_known(case: Case, column: str) -> bool:
    return getattr(case.facts, column, None) not in (None, ())
