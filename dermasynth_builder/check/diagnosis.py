"""Row by row: a diagnosis or class that the recorded one rules out, or one that was not to be named.

What names a diagnosis in a sentence about this case is taken for a claim: surely where the words say so ("consistent
with"), else unless something speaks against it: a preposition, a general subject, a question for alternatives.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from dermasynth_builder.check.prose.nature import calls
from dermasynth_builder.check.prose.patterns import Pattern
from dermasynth_builder.check.prose.statements import Statement, answers
from dermasynth_builder.check.prose.terms import Hit
from dermasynth_builder.check.prose.vocabulary import Concept, are_related, diagnosis_terms, is_kind_of, recorded
from dermasynth_builder.core.records import Facts, Finding, Pair, Severity

NAME = "diagnosis"
_CUE = re.compile(
    r"\b(?:is|was|are|were|it['’]s|looking at|dealing with|faced with|represents?|depicts?|shows?|showing|sees?"
    r"|reveals?|discloses?|displays?|exhibits?|closely resembles"
    r"|demonstrat\w+|diagnos\w+|consistent with|consistent w/"
    r"|compatible with|corresponds? to|amounts? to|qualif\w+ as|criteria (?:for|of)|direction of"
    r"|in keeping with|in line with|(?:typical|characteristic|classic(?:al)?|diagnostic|pathognomonic"
    r"|indicative) (?:of|for)|classic(?:al)? example of"
    r"|indicat\w+|suggest\w*"
    r"|suggestive of|favou?rs?|fits?|match\w*|confirm\w*|points? (?:strongly |firmly |clearly )?(?:to|towards?)"
    r"|means|called|call (?:this|it)|named|cases? of|suffer\w* from|affected by|diagnosed with|developed"
    r"|form of|type of|kind of|variant of|variety of|instance of"
    r"|diagnosis of|presentation of|manifestation of|signs? of|identified as"
    r"|(?:classif|describ|labell?|regard|interpret|categori[sz]|read)\w* as|considered|put down|write down|jot down"
    r"|go (?:for|with)|settle (?:on|for)|opt for"
    r"|recogni[sz]ed as|impression|answer|likely|probably|looks like|example of|image of|photograph of"
    r"|picture of|features of"
    r"|that of|findings of|appearance of|pattern of|in favou?r of|speaks? for|argues? for|hallmarks? of|having|has|have"
    r"|with|as an?)\b"
)
_NOTHING_MORE = re.compile(
    r"[ .!\"'*]*(?:,? ?(?:in all likelihood|(?:most|very) likely|probably|it seems|i (?:would say|think"
    r"|believe)|by (?:its|the) looks?)[ .!]*)?$"
)
_LEADS = re.compile(
    r"^ ?(?:\([a-z]+\) ?)?(?:is|remains|would be|seems) (?:by far |clearly |still )?(?:the |my "
    r"|our )?(?:most likely|likeliest|likely|leading|probable|working|main|best|correct|clear|right|"
    r"first|favou?red|top|single best|overall)\b(?! (?:\w+ )?(?:alternative|differential|rival|competitor|mimic"
    r"|contender|concern"
    r"|worry|question))|^ ?(?:is|would be|remains) (?:my|our|the) (?:\w+ )?(?:diagnosis"
    r"|choice|answer|guess|bet"
    r"|impression|verdict|pick|reading|opinion)\b|^ ?(?:fits best|explains|is what|is the (?:diagnosis|answer"
    r"|name|most)|is (?:shown|seen|depicted|pictured)\b|leads|tops|heads|best explains|it is"
    r"|is present|(?:should|can|must|has to|is to) be (?:made|given|favou?red|established|rendered|assigned"
    r"|diagnosed))\b"
)
_NOT_OF_NOW = re.compile(
    r"(?<!looks )(?<!look )(?<!-)\blike\b|\bhas had\b|\bin the past\b|\b(?:history of|risk (?:of|for)|family"
    r"|previous(?:ly)?|progress\w*"
    r"|precursor|turn(?:s|ed)? into|develops? into|become|became|arise|arises"
    r"|against|concern(?:ing)? for|question of|screen\w*|signs? of (?:early )?|transform\w*|on top of|near"
    r"|next to|beside|once called|formerly"
    r"|not to be|kinds of|types of|forms of|used for|word for|second|third|unless|exclu\w+|warn\w*"
    r"|worr\w+|fear\w*|mothers?|fathers?|"
    r"cause of|(?:one['’]s|my|your|in|the) mind|caused by|treated for|removed|after|before|nothing|beyond|worse"
    r"|begins? as|began as|start\w* as"
    r"|origin\w*|"
    r"term|list(?:s|ed)?|includes?|including|include|top (?:two|three|five|candidates?)|candidates?"
    r"|possibilit\w+|options?|also fit"
    r"|ought|needs? to be|have to be|has to be)\b"
)
_NOT_TO_NAME = Pattern(
    re.compile(
        r"\b(?:without(?: yet)?|do not(?: yet)?|don['’]t|before (?:any\w*|you|we|a|the|naming|giving)|leav(?:e"
        r"|ing)|avoid\w*|skip\w*|setting|set|keep|hold|omit\w*|refrain from|no"
        r"|short of|but not) (?:[\w'’-]+ ){0,5}?(?:diagnos\w*|interpret\w*|naming|name (?:of )?(?:the|a"
        r"|any)? ?(?:disease|condition)|conclusions?|label)\b(?! (?:is|was|has|can|could))"
        r"|\bnothing but (?:the image|what (?:is|can be) seen)|\b(?:appearance|description|morphology) (?:alone"
        r"|only)\b|\bonly (?:the )?(?:appearance|description|morphology|what you see)"
    )
)
_DIFFERENTIAL = re.compile(
    r"\b(?:differential|alternativ\w+|confus\w+|mimic\w*|mistak\w+|else|other than|rule out|look-?alikes?"
    r"|tell\w* apart)\b"
)
_MOST_NAMED = 20  # diagnoses in a sentence; with more it is a list, or a loop
_CERTAIN, _LIKELY = 2, 1  # how surely a named diagnosis is a claim
_POINTERS = frozenset(["this", "these", "your", "his", "her", "my", "our", "the"])
_ARTICLES = frozenset(["a", "an", "one"])
_LINKS = re.compile(  # before a noun, they say that it is not what the sentence claims
    r"\b(?:of|for|from|in|to|by|about|against|with|without|on|at|into|over|under|between|among|like|than|and|or"
    r"|nor|but|so"
    r"|that|if|when|because|since|then|during|via|per|beside|besides|no|not|any|every|each|another|other|some|most|many"
    r"|both|whether|where)$|,$"
)
_LOOSELY_USED = frozenset(["mole", "birthmark", "wound"])  # of any lesion, in everyday speech
_EVERYBODYS = frozenset(["moles", "birthmarks", "wounds"])  # which people have beside the lesion
_VERB_FOLLOWS = re.compile(
    r"^(?:,? however,?|,? though,?| also| itself| then)* (?!\w*(?:is|us|ss)\b|here|with|of|on|in|at)\w+s\b"
)
_FINITE = re.compile(
    r"\b(?:is|are|was|were|be|has|have|had|can|could|may|might|must|should|will|would|do|does|did|arises?|occurs?"
    r"|appears?|grows?|spreads?|tends?|shows?|needs?|looks?|begins?|develops?|affects?|comes?|remains?|bleeds?"
    r"|itch\w*|heals?|responds?|requires?|lacks?|ends?|means|usually|often|typically)\b|n['’]t\b"
)
_COMPOUND = re.compile(
    r"^ (?:virus|risk|check|screening|clinic|guidelines?|cells?|research|patients?|specialist|surgeons?|surgery|rates?"
    r"|warning|awareness|treatment|creams?|history|survivors?|prevention|cases|symptoms?|flares?|vaccin\w+)\b"
)
_OR = re.compile(r"^,? ?(?:or|versus|vs\.?|/|and/or)(?: |$)|^[^.;]{0,60} (?:or|versus|vs\.?) (?:an? )?")
_LISTED = re.compile(
    r"^(?:,| and\b| or\b|/)(?![^;]*\b(?:not|but|rather|instead|is|are|was|which|with|than)\b)[^;:.]{0,40}$"
)
_IN_THE_PAST = re.compile(r"\b(?:in|from) (?:the|her|his|a) (?:personal|family|past)\b|\bhistory\b|\bin the past\b")
_BEST = re.compile(
    r"\b(?:my|our|the) (?:[\w-]+ ){0,2}?(?:diagnosis|impression|guess|answer|verdict|bet|assessment"
    r"|opinion) would be (?:an? )?"
    r"(?:[\w-]+ ){0,2}$|\b(?:(?:most|very) (?:probable|likely|plausible|fitting)|likeliest|best|leading|working"
    r"|final|top|primary|main)"
    r" (?:[\w-]+ ){0,4}?would be (?:an? )?(?:[\w-]+ ){0,2}$|\b(?:would|should|must|can|may well) be (?:best "
    r"|most (?:aptly"
    r"|properly) )?(?:classified|described"
    r"|labell?ed|diagnosed|interpreted|read|considered|called|regarded)(?: as)? (?:an? )?(?:[\w-]+ ){0,2}$"
)
_ELSEWHERE = frozenset(["from", "other", "another", "neighbouring", "remaining"])
_WITHIN = re.compile(r"\bin (?:an? )?(?:[\w-]+ )?$")
_DEFINES = re.compile(r"^ (?:is|are|means|refers to)\b")
_NEW_CLAUSE = re.compile(r"(?:\band|\bor|,|\bso|\bthen) (?:an? |the )?(?:[\w-]+ ){0,2}$")
_REST_END = re.compile(r"[;:(]|\s[–—-]\s|,? (?:which|who|because|since|but)\b")
_PRESENTED = re.compile(
    r"\b(?:is|can be) (?:clearly )?(?:located|seen|visible|shown|present|found|depicted|noted|situated)\b"
    r"|\b(?:lies|sits) (?:on|in|at|over|near|between|along)\b"
)
_SAID_BY_SOME = re.compile(r"\b(?:claim|myth|rumou?r|saying|belief|misconception) (?:that |is that )?[“\"'‘]?")
_CALLS_THIS = re.compile(r"\b(?:calls?|called|names?|refers? to|knows?) (?:this|it|these|that)\b")
_AIM = re.compile(r"\bto [a-z]+")
_TO_DO = re.compile(r"\bto (?!be\b|represent\b|show\b|have\b|indicate\b|suggest\b|mean\b)[a-z]+$")
_THOUGHT = re.compile(
    r"\b(?:thought|assumed|believed|feared|wondered|took|mistook|said|guessed|heard|read|googled|diagnosed|earlier"
    r"|ago|once|used to|another|other)\b"
)
_ASKS_FOR_OTHERS = Pattern(
    re.compile(
        r"\b(?:else|others?|alternativ\w+|differential|differ\w*|compar\w+|confus\w+|mistak\w+|mimic\w*"
        r"|(?:can|could|might|may)(?: also)? look like"
        r"|resembl\w+|similar|rule[ds]? out|exclude\w*|against|worst|most (?:dangerous|common|frequent)|in general"
        r"|generally|conditions|diseases|diagnoses|why not|why is (?:this|it|the \w+) not|possibilit\w+|candidates"
        r"|distinguish\w*|apart|separat\w+|when would|what would (?:make|change|happen|it|have|you expect)"
        r"|would (?:it|you|a|an)\b.*\bif|history|earlier"
        r"|risk|turn\w*|become|becomes|develop\w*|transform\w*|what is an?|what are|what does an?|how does an?)\b"
    )
)
_DENIES_BEFORE = re.compile(
    r"(?:^not|\b(?:is|was|are|['’]s|seems?|looks?) (?:clearly |certainly |definitely |probably "
    r"|most likely )?not|\bisn['’]t"
    r"|\bnot (?:consistent|compatible|in keeping|in line) with|\bno (?:signs?|evidence|features?|hints?|indications?"
    r"|suspicion|trace|suggestion) (?:of|for)|\brules? out|\bexcludes?|\b(?:argues?|speaks?) against"
    r"|\b(?:does not|doesn['’]t|do not|don['’]t) (?:represent|look like|fit|suggest|resemble|indicate|have|see|support"
    r"|show|point to|(?:see|find|detect) any (?:evidence|signs?|features?|hints?) (?:of|for)"
    r"|meet the criteria (?:for|of)))(?: at all| the diagnosis of| a diagnosis of)? ?(?:an? |the |any )?"
    r"(?:(?!typical|classic|common|ordinary|usual|simple|mere|just|only|merely|simply|yet|superficial)[\w-]+ ){0,2}$"
)
_DENIAL = Pattern(re.compile(r"\b(?:not|no|exclude\w*|rules? out|ruled out|unlikely|out of the|against)\b|n['’]t\b"))
_DENIES_AFTER = re.compile(
    r"^ ?(?:is|can be|may be|has been|was|seems|appears)(?: safely| clearly| reliably| very| quite| rather)*"
    r" (?:excluded|ruled out|unlikely|out of the question|not (?:likely|present|seen|the diagnosis|what))\b"
)
_POLAR = re.compile(
    r"^(?:\W|so |and |but |then |doctor,? |please,? )*(?:is|was) (?:this|it(?! (?:true|right|correct|(?:im)?possible"
    r"|normal"
    r"|safe|usual|common|necessary|important)\b)"
    r"|that|the|my|her|his|your)\b"
)
_POLAR_END = re.compile(r"^(?: here| then| or not| after all| in (?:the|this) (?:image|picture|photo))?\W*$")
_POLAR_NATURE = re.compile(
    r"\b(?:(malignant|(?:a |skin )?cancer(?:ous)?)|(benign|harmless))"
    r"(?: here| then| or not| after all| in (?:the|this) (?:image|picture|photo))?\W*$"
)
_YES = re.compile(
    r"^(?:(?:unfortunately|sadly|regrettably|alas),? (?:yes|it is)|i(?: am|['’]m) afraid (?:so|it is)|yes|correct"
    r"|exactly|indeed|right|absolutely|certainly|definitely|it is(?! not))\b(?!,? but|,? although)"
)
_NO = re.compile(
    r"^(?:(?:fortunately|luckily|thankfully|certainly|definitely|absolutely|probably|clearly) not|not at all"
    r"|by no means|nope"
    r"|not in the least)\b(?!,? but|,? although)"
    r"|^no\b(?!,? but|,? although|t\b| \w)"
)


class _Told(NamedTuple):
    """A sentence with the diagnoses that it names."""

    statement: Statement
    hits: Sequence[Hit[Concept]]


def check_diagnosis(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Rejects an answer that calls benign what is malignant; flags other conflicts, and a label that nobody wanted."""
    for pair in pairs:
        facts = pair.image.facts
        for severity, reason in dict.fromkeys(_reasons(pair, facts, recorded(facts))):
            yield Finding(pair.pair_id, NAME, severity, reason)


def _reasons(pair: Pair, facts: Facts, known: tuple[Concept, ...]) -> Iterator[tuple[Severity, str]]:
    for asked, *_, said in answers(pair):
        told = [_Told(each, diagnosis_terms().find(each.text)) for each in said]
        told = [each for each in told if len(each.hits) <= _MOST_NAMED]
        naming = [each for each in told if each.hits]
        if known and naming:
            if _NOT_TO_NAME.search(asked):
                yield from _named(naming, known)
            yield from _conflicts(naming, asked, known, facts=facts)
            yield from _denials(naming, known)
        if facts.malignancy:
            yield from _classes(told, facts.malignancy)
        yield from _answered(asked, told, known, facts=facts)


# --- a diagnosis that is not the recorded one ---


def _conflicts(
    told: Sequence[_Told], asked: str, known: tuple[Concept, ...], *, facts: Facts
) -> Iterator[tuple[Severity, str]]:
    """Claims of another diagnosis; a sentence that gives the recorded one too is taken to compare the two."""
    for statement, hits in told:
        others = [hit for hit in hits if not _is_recorded(hit.meaning, known)]
        claims = _claims(statement, others, hits) if others and not statement.is_question else []
        if not claims or any(
            _certainty(statement, hit) for hit in hits if hit not in others and _is_sure(hit.meaning, known)
        ):
            continue
        least = _CERTAIN if _is_named(told, known) or _ASKS_FOR_OTHERS.search(asked) else _LIKELY
        for hit, certainty in claims:
            if certainty < least:
                continue
            is_mild = facts.malignancy == "malignant" and hit.meaning.malignancy == "benign" and certainty == _CERTAIN
            named = statement.text[hit.start : hit.end]
            yield ("reject" if is_mild else "flag"), f"says {named!r} where {known[0].name} is recorded"


def _claims(
    statement: Statement, others: Iterable[Hit[Concept]], hits: Sequence[Hit[Concept]]
) -> list[tuple[Hit[Concept], int]]:
    """Which of the diagnoses a sentence gives to the case, and how surely."""
    if hits[0].start <= len("an ") and _DEFINES.match(statement.text[hits[0].end :]):
        others = [hit for hit in others if hit is hits[0]]  # a sentence about that disease
    certainties = ((hit, 0 if _is_listed(statement, hit, hits) else _certainty(statement, hit)) for hit in others)
    return [(hit, certainty) for hit, certainty in certainties if certainty]


@lru_cache(maxsize=4096)
def _is_recorded(named: Concept, known: tuple[Concept, ...]) -> bool:
    return any(are_related(named, each) for each in known)


def _is_sure(named: Concept, known: tuple[Concept, ...]) -> bool:
    """Whether enough is known of a diagnosis to say that it is the recorded one, and not only that it may be."""
    return named.is_known or any(named.name == each.name for each in known)


def _is_named(told: Iterable[_Told], known: tuple[Concept, ...]) -> bool:
    """Whether an answer names the recorded diagnosis and does not deny it."""
    return any(
        _is_recorded(hit.meaning, known) and _is_sure(hit.meaning, known) and not statement.denies(hit.start, hit.end)
        for statement, hits in told
        for hit in hits
    )


@lru_cache(maxsize=8192)
def _is_listed(statement: Statement, hit: Hit[Concept], hits: Sequence[Hit[Concept]]) -> bool:
    """Whether the diagnosis is one of several in a row, which is a list of what comes into question."""
    for one, other in pairwise(hits):
        is_pair = hit in (one, other) and not are_related(one.meaning, other.meaning)
        if is_pair and _LISTED.search(statement.text[one.end : other.start]):
            return True
    return False


@lru_cache(maxsize=8192)
def _certainty(statement: Statement, hit: Hit[Concept]) -> int:
    """How surely a sentence gives the diagnosis to the case; 0 for not at all."""
    before, after = statement.clause_before(hit.start), statement.clause_after(hit.end)
    before = re.split(r" that |, ", before)[-1] if _LEADS.search(after) else before
    if _NOT_OF_NOW.search(before) or _DIFFERENTIAL.search(statement.text[: hit.start]) or _COMPOUND.match(after):
        return 0
    if _IN_THE_PAST.search(after) or statement.text[hit.start : hit.end] in _EVERYBODYS:
        return 0
    leads = len(before.split()) <= 3 and _LEADS.search(after)
    if _SAID_BY_SOME.search(statement.text[: hit.start]):
        return 0
    if after.startswith(("-like", "-looking", "-free")) or not _is_meant(statement, hit, leads=bool(leads)):
        return 0
    if _NEW_CLAUSE.search(before) and _FINITE.match(after.lstrip()) and not leads:
        return 0
    rest = _REST_END.split(statement.text[hit.end :])[0]
    if leads or _is_told(before) or (len(before.split()) <= 1 and _NOTHING_MORE.match(rest)):
        return _CERTAIN
    is_loose = statement.text[hit.start : hit.end] in _LOOSELY_USED
    is_likely = _is_fragment(before, rest) or _is_object(before, after, is_loose=is_loose)
    return _LIKELY if is_likely and not (_OR.match(after) or _THOUGHT.search(before)) else 0


def _is_told(before: str) -> bool:
    """Whether words before a diagnosis say outright that it is that of the case."""
    cues = list(_CUE.finditer(before))
    words = before[cues[-1].end() :].split() if cues else []
    return bool(cues) and len(words) <= 6 and _ELSEWHERE.isdisjoint(words) and not _WITHIN.search(before)


def _is_meant(statement: Statement, hit: Hit[Concept], *, leads: bool) -> bool:
    """Whether the sentence speaks of this case, and neither denies nor supposes the diagnosis."""
    is_supposed = statement.supposes(hit.start) and not _BEST.search(statement.clause_before(hit.start))
    if is_supposed or statement.denies(hit.start, len(statement.text) if leads else hit.end):
        return False
    clause = statement.clause(hit.start, hit.end)
    is_pointed = _CALLS_THIS.search(statement.clause_before(hit.start))
    is_general = clause.is_general and not (is_pointed or _PRESENTED.search(statement.clause_after(hit.end)))
    return leads or not (statement.compares(hit.start) or is_general or clause.is_untold)


def _is_fragment(before: str, after: str) -> bool:
    """Whether the diagnosis heads a clause without a verb: "Pigmented basal cell carcinoma, of the nodular type."""
    is_phrase = _PRESENTED.search(after) or not (
        _FINITE.search(f"{before} {after}") or _VERB_FOLLOWS.match(after) or _AIM.search(before)
    )
    return bool(is_phrase) and len(before.split()) <= 4


def _is_object(before: str, after: str, *, is_loose: bool) -> bool:
    """Whether the diagnosis is what a verb says of this case: "which makes this a wart"; or stands as "this wart"."""
    words = before.replace(",", " ,").split()
    for back in range(1, min(len(words), 5) + 1):
        word, rest = words[-back], " ".join(words[:-back])
        if word in _POINTERS:
            return not is_loose and (word != "the" or not _LINKS.search(rest))
        if word in _ARTICLES:
            return bool(rest) and not _LINKS.search(rest) and not _TO_DO.search(rest)
        if word == "as":
            return not (_FINITE.search(after) or _VERB_FOLLOWS.match(after))
        if _LINKS.search(word):
            return False
    return False


# --- the recorded diagnosis, denied ---


def _denials(told: Sequence[_Told], known: tuple[Concept, ...]) -> Iterator[tuple[Severity, str]]:
    """Sentences that rule out the recorded diagnosis, in an answer that gives it nowhere."""
    for statement, hits in told:
        if len(known) > 1 or statement.is_question or not _DENIAL.search(statement.text):
            continue
        for hit in hits:
            if is_kind_of(known[0], hit.meaning) and _denies(statement, hit) and not _is_named(told, known):
                yield "flag", f"rules out {statement.text[hit.start : hit.end]!r}, which is recorded"
                return


def _denies(statement: Statement, hit: Hit[Concept]) -> bool:
    before, after = statement.clause_before(hit.start), statement.clause_after(hit.end)
    is_denied = _DENIES_BEFORE.search(before) or _DENIES_AFTER.search(after)
    clause = statement.clause(hit.start, hit.end)
    is_general = clause.is_general and not _DENIES_AFTER.search(after)
    return bool(is_denied) and not (statement.supposes(hit.start) or is_general or clause.is_untold)


# --- benign or malignant ---


def _classes(told: Iterable[_Told], recorded_as: str) -> Iterator[tuple[Severity, str]]:
    """A class that is not the recorded one."""
    for statement, _ in told:
        if not statement.is_question and (found := calls(statement, recorded_as)):
            severity: Severity = "reject" if recorded_as == "malignant" else "flag"
            yield severity, f"says {found!r} of what is recorded as {recorded_as}"


# --- yes or no ---


def _answered(
    asked: str, told: Sequence[_Told], known: tuple[Concept, ...], *, facts: Facts
) -> Iterator[tuple[Severity, str]]:
    """A yes to another diagnosis or class, a no to the recorded one."""
    if not told or not _POLAR.match(asked) or " or " in asked.removesuffix(" or not?"):
        return
    said = told[0].statement.text
    is_yes, is_no = bool(_YES.match(said)), bool(_NO.match(said))
    if is_yes == is_no:
        return
    hits = diagnosis_terms().find(asked)
    if known and len(hits) == 1 and _POLAR_END.match(asked[hits[0].end :]):
        named = hits[0].meaning
        if is_yes and not _is_recorded(named, known) and not _is_named(told, known):
            is_mild = facts.malignancy == "malignant" and named.malignancy == "benign"
            yield ("reject" if is_mild else "flag"), f"says yes to {named.name!r} where {known[0].name} is recorded"
        if is_no and len(known) == 1 and is_kind_of(known[0], named) and not _is_named(told, known):
            yield "flag", f"says no to {named.name!r}, which is recorded"
    elif (found := _POLAR_NATURE.search(asked)) and facts.malignancy in ("benign", "malignant"):
        says_malignant = bool(found[1]) == is_yes
        if says_malignant != (facts.malignancy == "malignant"):
            severity: Severity = "flag" if says_malignant else "reject"
            yield severity, f"says {'yes' if is_yes else 'no'} to {found.group()!r} of what is {facts.malignancy}"


# --- a diagnosis that was not to be named ---


def _named(told: Iterable[_Told], known: Sequence[Concept]) -> Iterator[tuple[Severity, str]]:
    """The recorded diagnosis in an answer to a question that wants none."""
    for statement, hits in told:
        for hit in hits:
            is_same = any(each.is_known and are_related(hit.meaning, each) and hit.meaning.is_known for each in known)
            if is_same and not statement.denies(hit.start, hit.end):
                yield "flag", f"names {statement.text[hit.start : hit.end]!r} to a question that wants no diagnosis"
                return
