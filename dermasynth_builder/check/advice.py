"""Row by row: advice that may harm whoever follows it, and certainty that no image gives."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from dermasynth_builder.check.prose.advice_words import (
    CUTS,
    DELAYS,
    DISSUADES,
    DOSE,
    DRUGS,
    HOME,
    SEEN,
    SURE,
    UNTREATED,
)
from dermasynth_builder.check.prose.patterns import Patterns
from dermasynth_builder.check.prose.statements import Statement, answers, is_quoted, statements
from dermasynth_builder.core.records import Finding, Pair, Severity

NAME = "advice"


_ASKS_DOCTOR = re.compile(
    r"\b(?:need|should|have|must|ought|necessary|worth|better)\b[^?]{0,40}\b(?:see|show|visit|go to|consult|call"
    r"|seen|checked|looked at)\b[^?]{0,30}\b(?:doctor|dermatologist|gp|somebody|someone|anybody|anyone"
    r"|specialist|clinic|physician|hospital|it)\b"
)
_SAYS_NO = re.compile(
    r"\W*(?:no\b[,.]? ?(?:you|it|she|he|that|not|there)?|you (?:do not|don['’]t|need not"
    r"|needn['’]t)|not (?:really|needed|necessary|at all)|nope|never)\b"
)
_ASKS_HOME = re.compile(
    rf"\b(?:can|may|could|should|is it (?:ok(?:ay)?|safe|fine|all right) to)\b[^?]{{0,20}}\b{CUTS}\b[^?]{{0,40}}"
    r"\b(?:myself|yourself|herself|himself|themselves|at home|on (?:my|her|his|your) own)\b"
)
_SAYS_YES = re.compile(r"\W*(?:yes|sure|of course|certainly|absolutely|by all means|go ahead)\b")
_ONLY_WHEN = re.compile(r" (?:when|where|if|as long as)\b")
_BUT = re.compile(r",? but\b")
_SENT_ALL_THE_SAME = re.compile(
    r"\b(?:but|should|please|doctor|dermatologist|gp|clinic|appointment|see|show|if"
    r"|unless|until)\b"
)
_OF_CASE = re.compile(
    r"\b(?:this|it|that|lesions?|moles?|spots?|growth|rash|benign|malignan\w*|cancer\w*|diagnos\w*|\w+oma|nevus"
    r"|naevus|keratos[ei]s|eczema|harmless|dangerous|safe|images?|photo\w*|pictures?|patient|signs?|dots|result"
    r"|sure|certain|cured?|excision|outlook|outcome|prognosis|recur\w*|treatment|operation)\b"
)
_NOT_SURE = re.compile(
    r"\b(?:no|not|cannot|can['’]t|never|neither|hardly|without (?=\w+ (?:it|nothing))|only (?:a )?(?:biopsy"
    r"|histolog\w+|tissue|pathologist|examination|microscop\w+)|nobody|nothing|no one|less than|short of|if"
    r"|until|rather than|impossible to|not possible|hard to|difficult to|unable|far from|n['’]t"
    r"|(?:needed|required|necessary) (?:to|for|before)|(?:it )?takes|needs?|requires?)\b|n['’]t\b"
)
_WARNED = re.compile(
    r"\b(?:as if|as though|never|do not|don['’]t|not|avoid|should not|shouldn['’]t|must not|nobody should"
    r"|no one should|without|unsafe|dangerous|harmful|wrong|mistake|instead of|rather than|refrain|beware|myth"
    r"|resist|nor|no)\b|n['’]t\b"
)
_ANSWERED_NO = re.compile(r"^no[,;:] (?!never|do not|don)")  # which denies what was asked, and not what follows
_JUST_DENIED = re.compile(r"(?:\bnot|\bnever|n['’]t|\bwithout|\binstead of|\brather than) (?:\w+ )?$")
_SENT_THOUGH = re.compile(rf"^[^.;]{{0,20}}\b(?:but|though|although|however)\b[^.;]*\b{SEEN}\b")
_DENIES_CALM = re.compile(
    r"\b(?:do not|don['’]t) $|\b(?:should not|must not|cannot|never|does not mean|not mean|wrong|mistake|nor"
    r"|not that|not a lesion|not something|not be|nothing that|unless|would be (?:wrong|unsafe)|dangerous"
    r"|(?<!even )if)\b|n['’]t (?:mean|assume|be)\b"
)
_PATTERNS = Patterns(
    {"dose": DOSE, "home": HOME, "calm": DISSUADES, "delay": DELAYS, "sure": SURE, "untreated": UNTREATED}
)


_THE_CASE = ("it ", "this ", "he ", "she ", "you ", "the patient ")
_SHORT = 4  # words
_SEEN_IN = re.compile(rf"\b{SEEN}\b")
_DRUG = re.compile(rf"\b{DRUGS}\b")
_HARMLESS_DOSE = re.compile(r"sun-?screen|spf|moisturi[sz]er|emollient|sun cream|photograph|\bhat\b")


def check_advice(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Rejects doses, surgery at home, advice against being seen and to wait with what is malignant; flags certainty."""
    for pair in pairs:
        malignancy = pair.image.facts.malignancy
        for question, answer, low, given, _ in answers(pair):
            if _SAYS_NO.match(low) and _ASKS_DOCTOR.search(question) and not _SENT_ALL_THE_SAME.search(low):
                yield Finding(pair.pair_id, NAME, "reject", f"advises against being seen: {answer[:40]!r}")
            told = statements(answer)
            if told and _ASKS_HOME.search(question) and _SAYS_YES.match(low) and not _WARNED.search(told[0].text):
                yield Finding(pair.pair_id, NAME, "reject", f"says yes to treatment that harms: {answer[:40]!r}")
            for statement in told:
                for severity, reason in _reasons(statement, given, malignancy):
                    yield Finding(pair.pair_id, NAME, severity, reason)


def _reasons(statement: Statement, given: str, malignancy: str | None) -> Iterator[tuple[Severity, str]]:
    text = statement.text
    for name, all_found in _PATTERNS.found(text).items() if not statement.is_question else ():
        for found in all_found:
            if is_quoted(found) or _EXCUSES[name](statement, found, given):
                continue
            if name == "delay" and (malignancy in (None, "benign") or _BUT.match(text[found.end() :])):
                continue
            if name == "untreated" and malignancy != "malignant":
                continue
            is_flag = name == "sure" or (name == "delay" and malignancy != "malignant")
            yield ("flag" if is_flag else "reject"), f"{_REASONS[name]}: {found.group()!r}"
            break


def _is_dose_excused(statement: Statement, found: re.Match[str], given: str) -> bool:
    is_warned = _WARNED.search(statement.clause_before(found.start()))
    begin, end = statement.text.rfind(",", 0, found.start()) + 1, statement.text.find(",", found.end())
    told = statement.text[begin : end if end > 0 else None]
    is_harmless = _HARMLESS_DOSE.search(told if _DRUG.search(found.group()) else statement.text)
    return bool(is_warned or is_harmless or found.group() in given)


def _is_warned_of(statement: Statement, found: re.Match[str], given: str) -> bool:
    is_warned = _WARNED.search(_ANSWERED_NO.sub("", statement.text[: found.start()]))
    return bool(is_warned) or _ended_badly(statement.text[found.start() :].replace("until", ""))


def _is_turned(statement: Statement, found: re.Match[str], given: str) -> bool:
    """Whether the sentence says the contrary of what the words alone say."""
    before, after = statement.clause_before(found.start()), statement.text[found.end() :]
    return (
        "unless" in found.group()
        or bool(_ONLY_WHEN.match(after))
        or bool(_SENT_THOUGH.search(after))
        or bool(_DENIES_CALM.search(before) or _JUST_DENIED.search(before))
        or _ended_badly(after)
    )


def _is_treated(statement: Statement, found: re.Match[str], given: str) -> bool:
    """Whether the sentence says that it does not go away, or must not be left."""
    is_denied = _WARNED.search(_ANSWERED_NO.sub("", statement.clause_before(found.start())))
    return bool(is_denied) or statement.text[found.end() :].lstrip().startswith(
        ("unless", "is wrong", "would be wrong")
    )


def _is_modest(statement: Statement, found: re.Match[str], given: str) -> bool:
    is_unsure = _NOT_SURE.search(statement.clause_before(found.start())) or statement.is_general
    if len(statement.text.split()) <= _SHORT and _SEEN_IN.search(given):  # "Is a visit necessary? It definitely is."
        return True
    is_of_case = found.group().startswith(_THE_CASE) or _OF_CASE.search(statement.text.replace(found.group(), " "))
    return bool(is_unsure) or found.group() in given or not is_of_case


_EXCUSES: Mapping[str, Callable[[Statement, re.Match[str], str], bool]] = {
    "dose": _is_dose_excused,
    "home": _is_warned_of,
    "calm": _is_turned,
    "delay": _is_turned,
    "untreated": _is_treated,
    "sure": _is_modest,
}
_REASONS = {
    "dose": "gives a dose",
    "home": "tells of treatment that harms",
    "calm": "advises against being seen",
    "delay": "lets it wait",
    "untreated": "leaves what is malignant untreated",
    "sure": "is surer than an image allows",
}


def _ended_badly(rest: str) -> bool:
    """Whether the sentence goes on to say that one must not."""
    return bool(
        re.search(
            r"\b(?:(?:is|are|can be|may be) (?:\w+ )?(?:dangerous|unsafe|wrong|a mistake|harmful|never"
            r"|not (?:advis\w*|recommend\w*|a good|safe|help\w*|suit\w*|work))|(?:do(?:es)? not|n['’]t) (?:help"
            r"|work|cure|heal|replace|treat)|(?:have it (?:looked at|checked|seen)|show it to a doctor"
            r"|see a doctor) if\b|should be (?:avoided|kept)|(?:could|would|may|might|can) (?:cost|lose|waste|let)"
            r"|(?:causes?|leads? to|risks?) (?:\w+ )?(?:burns?"
            r"|scars?|infections?|bleeding|harm)|burns? the skin|risks?|but (?:show|see|have|if|a)\b|can (?:hide"
            r"|harm|spread|scar|cause|lead|make)|would (?:not )?be|(?:does not|doesn['’]t|is not|isn['’]t"
            r"|never) (?:fit|apply|an option|right|appropriate|enough|safe)|may (?:hide|harm)|would (?:hide"
            r"|harm)|unless(?! (?:it"
            r"|this) (?:bothers|troubles)| (?:you|he|she|they) (?:want|wish|like))|until)\b",
            rest,
        )
    )
