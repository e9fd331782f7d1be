"""Sentences of an answer, and how what stands in them is meant: as claimed, denied, supposed, compared or general.

Rules of English wording in the manner of NegEx (Chapman 2001): cues before and after a term, within its clause.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from dermasynth_builder.core.records import Pair

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)*]*\s+(?=[\"'“‘(*]?[A-Z0-9])|\n+")
_CLAUSE_END = re.compile(
    r"[;:()]|\s[–—-]\s|,?\s(?:but|although|though|whereas|while|however|yet|because|since|so that|which|who)\b"
    r"|\sand\s(?=(?:it|he|she|they|we|i)\s)|,\s(?:and|or|so|nor|for)\s(?=(?:it|this|that|the|there|he|she|i|we|you"
    r"|they)\b)|,\sso\s(?=(?:an?|your|no)\b)"
    r"|\b(?:i|we|you)(?: would| will| can| could| may| might| should|['’]d|['’]ll) (?:say|tell|explain|argue|conclude"
    r"|add|mention|write|report)(?: to)?"
    r"(?: (?:the|this|my|a|him|her|them|you|your)(?: \w+)?)? that\b"
)
_DENIED = re.compile(
    r"\b(?:no|not|n['’]t|negative for|answered with no|cannot|without|never|neither|nor|none|nobody|no one|lacks?"
    r"|lacking"
    r"|absent|free of|absence of|denie[sd]|deny|denying"
    r"|rules? out|ruled out|exclude[sd]?|excludes|instead of|nothing|hardly|less (?:likely|typical)|unlikely"
    r"|argues? against|speaks? against|against|fails? to show|isn['’]t|doesn['’]t|don['’]t|aren['’]t)\b|n['’]t\b"
)
_DENIED_AFTER = re.compile(
    r"^[\w\s,'’-]{0,40}?\b(?:(?:is|are|was|were|seems?|looks?) (?:also |all |both )?(?:asked for and )?(?:not|absent"
    r"|missing|unlikely"
    r"|less likely|excluded"
    r"|ruled out|denied|lacking|out of the question)|cannot|can['’]t|isn['’]t|aren['’]t|do(?:es)? not|did not"
    r"|would|could|might|may|should|can be (?:\w+ )?(?:excluded|ruled out)|(?:has|have) (?:all |both |also |since )?"
    r"(?:been (?:excluded|denied|ruled out)|not)|none|nobody)\b"
    r"|^ (?:very |quite |rather |less )?(?:unlikely|improbable|implausible)\b"
)
_SUPPOSED = re.compile(
    r"\b(?:if|whether|unless|as long as|provided that|would|could|may|might|should"
    r"|must be (?:excluded|ruled)|suppose|in case|when(?:ever)?|until"
    r"|once|perhaps|possibly|possible|ask(?:s|ed|ing)? (?:about|if|whether)|to (?:ask|add|examine)|look (?:out )?for"
    r"|watch(?:ing)? for|only where|wherever|where one (?:finds|sees)"
    r"|check(?:ing)? for"
    r"|concern for|to see|worth asking|consider(?:ed|ing|s)?|suspect(?:ed|s)?|suspicion|can|risk of|chance of"
    r"|hypothe\w+|^(?:had|were|should) (?:there|it|this|that|the|she|he|they)"
    r"|any|anything|such as|for example|for instance|e\.g\.)\b"
)
_COMPARED = re.compile(
    r"\b(?:unlike|rather than|compared|versus|vs|than|instead of|as opposed to|differ(?:s|ed|ent)?(?: from)?|contrast"
    r"|distinguish\w*|tell(?:s|ing)?(?! (?:us|me|you|him|her|them|that)\b)|set(?:s|ting)? (?:it )?apart"
    r"|separat\w+|confus\w+|mistak\w+|mistook"
    r"|(?<!closely )(?<!most )resembl\w+|mimic\w*"
    r"|differential|alternativ\w+|similar to|between|not to be taken|look-?alikes?|simulat\w+)\b"
)
_UNTOLD = re.compile(
    r"\b(?:cannot|can['’]t|can not|not (?:be )?(?:possible|recorded|known|visible|stated|given|told|assessed"
    r"|assessable"
    r"|documented|available|shown|seen|determined|judged|apparent)|impossible|nothing is known|not on record"
    r"|either way"
    r"|neither recorded nor|unknown|unclear|no way|beyond what"
    r"|only (?:an? )?(?:examination|history|touch)|needs? (?:an? )?(?:examination|history|touch)"
    r"|takes? (?:an? )?examination"
    r"|(?:left|leaves?) open|not something|says? nothing|does(?: not|n['’]t) (?:show|tell|say|reveal)|could not"
    r"|is not for"
    r"|nothing (?:here )?(?:shows|tells|says)|(?:photograph|image|picture|photo)s? (?:alone )?(?:do(?:es)? not"
    r"|cannot))\b"
)
_OFTEN = re.compile(
    r"\b(?:typically|usually|(?<!bleeds )(?<!itches )(?<!hurts )(?<!oozes )(?<!weeps )often|commonly|generally"
    r"|in general|classically|as a rule|frequently|sometimes"
    r"|mostly|tends?"
    r"|in (?:many|most|some|other) (?:people|patients|cases|adults|children)|(?:many|most|some|few"
    r"|other) (?:doctors|clinicians|dermatologists|people|patients)|(?:some|others|few|many|most) (?:reach|grow"
    r"|sit|lie|arise|occur|appear|develop|start|begin|measure|are|have|can|may|will|do|become|stay|turn|bleed|itch"
    r"|need)|most (?:people|patients|cases"
    r"|common|frequent)|(?:lesions?|conditions?|diseases?) to expect|(?:the|a) (?:classic|usual|typical) (?:history"
    r"|picture|story|description|complaints?)|rarely|seldom|hardly ever"
    r"|by definition|in contrast|textbooks|characteristically|favou?rite|ordinarily|many (?:people|patients)"
    r"|normally"
    r"|(?<!['’]d )(?<!would )go(?:es)? (?:along |together )?with|makes? (?:it|this|that|a visit|an examination) urgent"
    r"|known for|warning signs?|red flags?|risk factors?|makes? [\w ]{3,40} more likely|raises? the risk"
    r"|\w+ of (?:this|that) kind|the (?:abcde?|ugly duckling)|as a group|people with|patients with|anyone"
    r"|anybody|everybody|someone)\b"
)
_KINDS = (
    r"(?:nevi|moles?|keratos[ei]s|melanomas?|carcinomas?|tumou?rs?|cancers?|lesions?|growths?|freckles?|warts?"
    r"|rash(?:es)?"
    r"|conditions?|diseases?|infections?|disorders?|patients?|people|persons?|spots?|angiomas?|hemangiomas?"
    r"|haemangiomas?"
    r"|eczema|psoriasis|dermatitis|urticaria|ringworm|acne|doctors|dermatologists|clinicians|dermatofibromas?|cysts?"
    r"|lentig(?:o|ines)|scars?|bites|hives|shingles|impetigo|folliculitis|scabies|rosacea|vitiligo|moles|tinea)"
)
_GENERAL = re.compile(
    r"^(?:(?:and|but|so|in general|for that reason|still|yet),? |(?:under|in|by|for|with) [\w'’ -]{3,40}, )?"
    r"(?:(?:any|every|each|some|many|most|all|such|those|other|few) (?:[\w'’-]+ ){0,3}?"
    + _KINDS
    + r" (?:that|which|who|with|is|"
    r"are|can|may|has|have|tends?|of|on|in|grows?|itch\w*|bleeds?|needs?|appears?|begins?|starts?|arises?|do|does"
    r"|neither|never|hurt|also|go|look|turn|stay|remain)\b"
    r"|an? (?:[\w'’-]+ ){0,3}?"
    + _KINDS
    + r" (?:that|which|who|of this kind|like this|can|may|tends?|grows?|itch\w*|bleeds?|needs?|arises?|do|does"
    r"|is an?)\b"
    r"|(?:[\w-]+ )?(?:nevi|moles|keratoses|melanomas|carcinomas|tumou?rs|cancers|freckles|warts|cysts) (?:on|in|of|at"
    r"|from)"
    r" [\w ,'’-]{3,40}? (?:are|have|tend|grow|look|feel|need|may|can|do)"
    r"|(?:(?!the\b|this\b|that\b|his\b|her\b|your\b|these\b|both\b)[\w'’-]+ ){0,3}?"
    + _KINDS
    + r" (?:that|which|who|of this kind|are|is an?|is the|is one|can|may|tends?|have|has an?|grows?|"
    r"arises?|appears?|occurs?|starts?|begins?|develops?|do|looks?|feels?|itch\w*|bleeds?|change|spreads?|affects?"
    r"|exists?|comes?|shows?|is (?:caused|common|called|known|very|more|most|usually|often|itchy|painful|not))\b)"
)
_PARTICULAR = re.compile(
    r"^(?:and |but |so |here,? )?(?:no|not|this|the|these|his|her|it|that|both|two|three|several|multiple|your)\b"
)
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_ANSWERED_NO = re.compile(r"^no, (?=(?:this|it|the|that|he|she|here|there|what)\b|$)")  # which denies what was asked
_NEXT_SUBJECT = re.compile(r", (?=(?:it|this|that|he|she|there|we|i|and|so)\b)")
_MEANT = re.compile(  # what only sounds like a supposition
    r"\b(?:i|we)(?: would|['’]d) (?!want|need|expect|look|ask|consider|check|exclude|rule|think|worry|like"
    r"|hesitate|not\b"
    r"|never|be\b|doubt|wonder|question|suspect|avoid|love|have)\w+"
    r"|\b(?:not|no|n['’]t) (?:\w+ ){0,2}any\b|n['’]t (?:\w+ ){0,2}any\b|\b(?:one|we|you|i) can (?:also "
    r"|clearly |even )?(?:see|appreciate|make out|recogni[sz]e|discern|observe|note)\b"
    r"|\bit (?:would|may|might) (?:appear|seem)\b|^considering [^,]*,|\bcan (?:also )?be (?:clearly |well "
    r"|easily )?(?:seen|found|appreciated|made out"
    r"|recogni[sz]ed|noted|identified"
    r"|observed|located|described|classified|diagnosed|regarded)\b"
)
_WINDOW = 60  # characters before a term in which a denial still holds for it


@dataclass(frozen=True, eq=False)
class Statement:
    """One sentence of an answer, in lower case; what is found out about it is kept with it."""

    text: str
    is_question: bool
    is_cited: bool = False  # it says what a reference says

    @cached_property
    def is_general(self) -> bool:
        """Whether it speaks of a disease, of people or of lesions in general, and not of this one."""
        if self.is_cited or _OFTEN.search(self.text):
            return True
        return bool(_GENERAL.search(self.text)) and not _PARTICULAR.search(self.text)

    @cached_property
    def is_untold(self) -> bool:
        """Whether it says that something cannot be told."""
        return bool(_UNTOLD.search(self.text))

    @cached_property
    def _clause_starts(self) -> list[int]:
        return [0, *(found.end() for found in _CLAUSE_END.finditer(self.text))]

    def clause_before(self, start: int) -> str:
        """What stands in the term's clause before the term, whose place in the sentence is `start`."""
        begin = max(place for place in self._clause_starts if place <= start)
        return self.text[begin:start]

    def clause_after(self, end: int) -> str:
        """What follows the term in its clause."""
        found = _CLAUSE_END.search(self.text, end)
        return self.text[end : found.start() if found else len(self.text)]

    def clause(self, start: int, end: int) -> "Statement":
        """The term's clause alone, as a statement."""
        text = f"{self.clause_before(start)}{self.text[start:end]}{self.clause_after(end)}"
        return Statement(text.strip(), self.is_question, self.is_cited)

    def denies(self, start: int, end: int) -> bool:
        """Whether the term at this place is denied."""
        before = _ANSWERED_NO.sub("", self.clause_before(start))[-_WINDOW:]
        return bool(_DENIED.search(before) or _DENIED_AFTER.search(_NEXT_SUBJECT.split(self.clause_after(end))[0]))

    def supposes(self, start: int) -> bool:
        """Whether the term at this place is a possibility, a condition or something to look for."""
        return bool(_SUPPOSED.search(_MEANT.sub("", self.clause_before(start))))

    def compares(self, start: int) -> bool:
        """Whether the term at this place is what something is set against."""
        return bool(_COMPARED.search(self.clause_before(start)))

    def claims(self, start: int, end: int) -> bool:
        """Whether the sentence says of this case that the term at this place holds."""
        return not (
            self.is_question
            or self.is_general
            or self.supposes(start)
            or self.compares(start)
            or self.denies(start, end)
            or self.is_untold
        )


_QUOTED = re.compile(r"[\"“][^\"“”]{3,120}[\"”]|(?<!\w)['‘][^'’]{3,120}['’](?!\w)")
_NOT_SAID = re.compile(
    r"\b(?:not|n['’]t|never|nobody should|wrong to|would be wrong to) (?:\w+ )?(?:say|claim|mean|think|believe"
    r"|agree|follow|advise|suggest|recommend|conclude|imply|a reason)\b|\b(?:myth|rumou?r|tip|claim|idea|belief"
    r"|misconception|hear|hears|read|internet|people say|some say)\b"
)


def is_quoted(found: re.Match[str]) -> bool:
    """Whether the sentence quotes the words that were found, or says that one does not say them."""
    text = found.string
    is_inside = any(each.start() <= found.start() and found.end() <= each.end() for each in _QUOTED.finditer(text))
    return is_inside or bool(_NOT_SAID.search(text[: found.start()]))


@lru_cache(maxsize=256)  # the checks read the texts of one image, one after the other
def statements(text: str, cited: frozenset[str] = frozenset()) -> tuple[Statement, ...]:
    """The sentences of a text, in order; those that are `cited` are general knowledge."""
    return tuple(_statement(sentence, sentence in cited) for sentence in _sentences(text))


@lru_cache(maxsize=256)
def _sentences(text: str) -> tuple[str, ...]:
    return tuple(sentence for part in _SENTENCE_END.split(text) if (sentence := part.strip()))


@lru_cache(maxsize=8192)  # sentences come again from image to image
def _statement(sentence: str, is_cited: bool) -> Statement:
    return Statement(sentence.lower(), sentence.rstrip("\"'”’)* ").endswith("?"), is_cited)


@lru_cache(maxsize=256)
def words(text: str) -> tuple[str, ...]:
    """The words of a text in lower case, without punctuation."""
    return tuple(_WORD.findall(text.lower()))


class Asked(NamedTuple):
    """An answer with what was asked, in lower case."""

    question: str
    answer: str  # as it stands
    low: str
    given: str  # the question, after all that was asked and answered before it
    statements: tuple[Statement, ...]


class _Kept(NamedTuple):
    """What was read of a pair, with the pair, so that no other gets its `id`."""

    pair: Pair
    answers: tuple[Asked, ...]


_kept: dict[int, _Kept] = {}
_MOST_KEPT = 64


def answers(pair: Pair) -> tuple[Asked, ...]:
    """Every answer of a pair, with the question that it answers; read once for the checks, which come one by one."""
    kept = _kept.get(id(pair))
    if kept is None or kept.pair is not pair:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        kept = _kept[id(pair)] = _Kept(pair, tuple(_answers(pair)))
    return kept.answers


def _answers(pair: Pair) -> Iterator[Asked]:
    cited = frozenset([ground.sentence for ground in pair.grounds if ground.kind == "reference"])
    before = ""
    for asked, told in zip(pair.messages[::2], pair.messages[1::2], strict=False):
        question, low = asked.content.lower(), told.content.lower()
        yield Asked(question, told.content, low, f"{before} {question}", statements(told.content, cited))
        before += f"{question} {low} "
