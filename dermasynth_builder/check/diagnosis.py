"""Row by row: a diagnosis or class that the recorded one rules out, or one that was not to be named."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dermasynth_builder.check.prose.patterns import Pattern
from dermasynth_builder.check.prose.statements import Statement, answers, cited_by, statements
from dermasynth_builder.check.prose.terms import Hit
from dermasynth_builder.check.prose.vocabulary import Concept, are_related, diagnosis_terms, recorded
from dermasynth_builder.core.records import Facts, Finding, Pair, Severity

NAME = "diagnosis"
_CUE = re.compile(
    r"\b(?:is|was|it['’]s|represents?|depicts?|shows?|showing|demonstrat\w+|diagnos\w+|consistent with|compatible with"
    r"|in keeping with|typical (?:of|for)|characteristic of|classic(?:al)? (?:for|of|example of)|diagnostic of"
    r"|indicat\w+|suggest\w*"
    r"|suggestive of|favou?rs?|fits?|match\w*|confirm\w*|points? (?:strongly |firmly |clearly )?(?:to|towards?)"
    r"|means|called|call (?:this|it)|named|case of|identified as"
    r"|recogni[sz]ed as|impression|answer|likely|probably|looks like|example of|image of|photograph of"
    r"|picture of|features of"
    r"|findings of|appearance of|pattern of|in favou?r of|speaks? for|argues? for|hallmarks? of|having|has|have"
    r"|with|as an?)\b"
)
_NOTHING_MORE = re.compile(
    r"[ .!\"'*]*(?:,? ?(?:in all likelihood|(?:most|very) likely|probably|it seems|i (?:would say|think"
    r"|believe)|by (?:its|the) looks?)[ .!]*)?$"
)
_LEADS = re.compile(
    r"^ ?(?:\([a-z]+\) ?)?(?:is|remains|would be|seems) (?:by far |clearly |still )?(?:the |my "
    r"|our )?(?:most likely|likeliest|likely|leading|probable|working|main|best|correct|clear|right|"
    r"first|favou?red|top|single best|overall)\b|^ ?(?:fits best|explains|is what|is the (?:diagnosis|answer"
    r"|name|most)|is (?:shown|seen|depicted|pictured)\b|leads|tops|heads|best explains|it is)\b"
)
_NOT_OF_NOW = re.compile(
    r"(?<!looks )(?<!look )\blike\b|\bhas had\b|\bin the past\b|\b(?:history of|risk (?:of|for)|family"
    r"|previous(?:ly)?|progress\w*"
    r"|precursor|turn(?:s|ed)? into|develops? into|become|became|arise|arises"
    r"|against|concern(?:ing)? for|question of|screen\w*|signs? of (?:early )?|transform\w*|on top of|near"
    r"|next to|beside|once called|formerly"
    r"|not to be|kinds? of|types? of|forms? of|used for|word for|first|second|third|unless|exclu\w+|warn\w*"
    r"|worr\w+|fear\w*|mothers?|fathers?|"
    r"cause of|caused by|treated for|removed|after|before|nothing|beyond|worse|begins? as|began as|start\w* as"
    r"|origin\w*|"
    r"term|list(?:s|ed)?|includes?|including|include|top|candidates?|possibilit\w+|options?|also fit|must be"
    r"|ought|needs? to be|have to be|has to be)\b"
)
_SUBJECT = (
    r"(?:\b(?:this|it|that|yours?|(?:this|the|your|her|his|that) (?:[\w'’-]+ ){0,3}?(?:lesion|spot|growth|mole"
    r"|mark|patch|plaque|nodule|papule|finding|"
    r"bump|rash|area|condition|diagnosis|tumou?r|appearance|picture|pattern|skin change|change|swelling|one"
    r"|problem|disease|eruption|process))"
    r"\b(?: here| in the image| in question| shown)?)"
)
_VERB = r"(?:,? (?:is|looks|appears|seems|remains|was|['’]s|is considered|counts as|is classed as|behaves as)|['’]s)"
_MILD = (
    r"(?:benign|harmless|innocent|non-?cancerous|not (?:an? )?(?:malignant|cancerous|cancer|skin cancer"
    r"|dangerous|melanoma|malignancy)|no cancer|safe|"
    r"nothing (?:to worry|serious|dangerous|malignant)|of no concern|free of malignan\w+)"
)
_GRAVE = r"(?:malignant|cancerous|an? (?:skin )?cancer|skin cancer|cancer|an? malignancy|an? malignant \w+)"
_FILL = r"(?: (?!not\b|no\b|neither\b|never\b|hardly\b|less\b|than\b|from\b|whether\b)[\w'’-]+){0,4}?"
_CALLS_BENIGN = re.compile(
    rf"{_SUBJECT}{_VERB}{_FILL} {_MILD}\b(?!-looking|[- ]appearing| features| at first)"
    r"|\b(?:there is|there are|shows?|with|we see|i see) no (?:sign|signs|evidence|features?|hint|hints"
    r"|suggestion|trace)s? of (?:malignan\w+|cancer|skin cancer|melanoma)"
    r"|\b(?:no|nothing) (?:cause for concern|reason to worry|need to worry|malignant about)|^(?:benign"
    r"|harmless)[.,:;] (?:this|it|the lesion|nothing)"
    r"|\b(?:a|one|entirely|completely|purely|clearly) (?:entirely |completely |wholly |clearly "
    r"|common )?(?:benign|harmless) (?:lesion|growth|spot|mole|tumou?r|process|condition|finding|mark)\b"
)
_CALLS_MALIGNANT = re.compile(
    rf"{_SUBJECT}{_VERB}{_FILL} {_GRAVE}\b(?! until|-looking)"
    r"|^(?:malignant|cancer|yes)[.,:;] (?:this is|it is|the lesion is) (?:an? )?(?:malignant|skin cancer|cancer"
    r"|malignancy)"
    r"|\b(?:a|an) (?:clearly |highly |aggressive |frankly |invasive )?malignant (?:lesion|growth|spot|tumou?r"
    r"|process|neoplasm)\b"
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
_CLASSES = {
    "malignant": Pattern(_CALLS_BENIGN),
    "benign": Pattern(_CALLS_MALIGNANT),
}  # recorded class -> calls it another


class _Claim(NamedTuple):
    """A diagnosis that an answer gives to the case."""

    concept: Concept
    told: str


def check_diagnosis(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Rejects an answer that calls benign what is malignant; flags other conflicts, and a label that nobody wanted."""
    for pair in pairs:
        facts = pair.image.facts
        for severity, reason in dict.fromkeys(_reasons(pair, facts, recorded(facts))):
            yield Finding(pair.pair_id, NAME, severity, reason)


def _reasons(pair: Pair, facts: Facts, known: Sequence[Concept]) -> Iterator[tuple[Severity, str]]:
    for question, answer, _ in answers(pair):
        asked = question.lower()
        told = [(each, diagnosis_terms().find(each.text)) for each in statements(answer, cited_by(pair))]
        if known and _NOT_TO_NAME.search(asked):
            yield from _named(told, known)
        for statement, hits in told:
            if statement.is_question:
                continue
            claims = list(_claims(statement, hits))
            yield from _conflicts(claims, known, facts)
            yield from _classes(statement, hits, facts)


def _claims(statement: Statement, hits: Sequence[Hit[Concept]]) -> Iterator[_Claim]:
    """The diagnoses that a sentence gives to the case."""
    for hit in hits:
        before, after = statement.clause_before(hit.start), statement.clause_after(hit.end)
        if _NOT_OF_NOW.search(before) or _DIFFERENTIAL.search(statement.text[: hit.start]):
            continue
        leads = len(before.split()) <= 3 and _LEADS.search(after)
        is_meant = (
            not (statement.supposes(hit.start) or statement.denies(hit.start, hit.end))
            if leads
            else statement.claims(hit.start, hit.end)
        )
        if not is_meant or after.startswith(("-like", "-looking", "-free")):
            continue
        cue = next(reversed(list(_CUE.finditer(before))), None)
        is_alone = len(before.split()) <= 1 and _NOTHING_MORE.match(statement.clause_after(hit.end))
        is_told = cue is not None and len(before[cue.end() :].split()) <= 6
        if is_alone or is_told or leads:
            yield _Claim(hit.meaning, statement.text[hit.start : hit.end])


def _conflicts(claims: Sequence[_Claim], known: Sequence[Concept], facts: Facts) -> Iterator[tuple[Severity, str]]:
    if not known or any(are_related(claim.concept, each) for claim in claims for each in known):
        return
    for claim in claims:
        is_mild = facts.malignancy == "malignant" and claim.concept.malignancy == "benign"
        yield ("reject" if is_mild else "flag"), f"says {claim.told!r} where {known[0].name} is recorded"


def _classes(statement: Statement, hits: Sequence[Hit[Concept]], facts: Facts) -> Iterator[tuple[Severity, str]]:
    """A class that is not the recorded one; a sentence about another diagnosis gives that one's class."""
    pattern = _CLASSES.get(facts.malignancy or "")
    found = pattern.search(statement.text) if pattern else None
    if not found or statement.is_untold or _spoken_otherwise(statement, found, facts):
        return
    severity: Severity = "reject" if facts.malignancy == "malignant" else "flag"
    yield severity, f"says {found.group()!r} of what is recorded as {facts.malignancy}"


def _spoken_otherwise(statement: Statement, found: re.Match[str], facts: Facts) -> bool:
    """Whether the words stand in a general, supposed or denied sentence, or say the recorded class in the end."""
    before = re.sub(r"^no[,:;.]", "", statement.clause_before(found.start()))
    rest = statement.text[found.end() :]
    is_meant = statement.supposes(found.end() - 1) or statement.is_general or statement.compares(found.start())
    is_turned = re.search(
        r"\b(?:no|nothing|nobody|hardly|not|cannot|never|wrong|mistake|although|though|despite|until|unless"
        r"|myth|until proven)\b|n['’]t\b",
        before,
    )
    is_left = re.match(
        r"[\w\s]{0,12}\b(?:until|unless|but|yet|or (?:malignant|benign|not)|in appearance|at first)\b|\?|,? but\b", rest
    )
    return bool(is_meant or is_turned or is_left)


def _named(
    told: Iterable[tuple[Statement, Sequence[Hit[Concept]]]], known: Sequence[Concept]
) -> Iterator[tuple[Severity, str]]:
    """The recorded diagnosis in an answer to a question that wants none."""
    for statement, hits in told:
        for hit in hits:
            is_same = any(each.is_known and are_related(hit.meaning, each) and hit.meaning.is_known for each in known)
            if is_same and not statement.denies(hit.start, hit.end):
                yield "flag", f"names {statement.text[hit.start : hit.end]!r} to a question that wants no diagnosis"
                return
