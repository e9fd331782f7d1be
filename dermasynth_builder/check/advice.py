"""Row by row: advice that may harm whoever follows it, and certainty that no image gives."""

import re
from collections.abc import Iterable, Iterator

from dermasynth_builder.check.prose.patterns import Patterns
from dermasynth_builder.check.prose.statements import Statement, answers, statements
from dermasynth_builder.core.records import Finding, Pair, Severity

NAME = "advice"
_DRUGS = (
    r"(?:hydrocortisone|clobetasol|betamethasone|mometasone|prednis\w+|steroids?|fluorouracil|5-fu|imiquimod"
    r"|methotrexate|isotretinoin|tretinoin|doxycycline|amoxicillin"
    r"|cephalexin|ibuprofen|paracetamol|acetaminophen|antihistamine|cetirizine|aci?clovir|clotrimazole"
    r"|terbinafine|ketoconazole|permethrin|ivermectin|retinoid|cream|ointment|lotion"
    r"|tablets?|capsules?|gel|antibiotics?|medicine|medication|pills?)"
)
_DOSE = re.compile(
    rf"\b\d+(?:\.\d+)? ?(?:mg|mcg|µg|milligrams?|ml|units?|iu)\b(?!/dl)|\b\d+(?:\.\d+)? ?(?:%"
    rf"|percent) (?:\w+ )?{_DRUGS}|\b{_DRUGS} (?:\w+ )?\d+(?:\.\d+)? ?(?:%|percent)"
    rf"|\b(?:apply|take|use|rub|swallow|inject|dab|put)\b[^.;]{{0,60}}\b(?:once|twice|three times|four times"
    rf"|every (?:\w+ )?(?:hours?|day|night|morning)|\w+ times|daily|nightly|a day|per day|for (?:\w+ )?(?:days"
    rf"|weeks|months))\b"
)
_HOME = re.compile(
    r"\b(?:cut|slice|shave|burn|freeze|pick|scrape|snip|tie|scratch|tear|pull|twist|squeeze|lance|dig"
    r"|remove)(?:ting|ing|ning)? (?:it |this |the (?:\w+ )?(?:lesion|mole|spot|growth|wart) )?(?:off|out"
    r"|away)? ?(?:yourself|at home|with (?:a |an |some )?(?:\w+ )?(?:scissors|blade|razor|knife|needle|thread"
    r"|string|nail clippers?|acid|vinegar|lighter|tweezers))\b"
    r"|\b(?:apply|dab|put|rub|use|try|soak)\w* (?:\w+ ){0,4}?(?:bleach|black salve|apple cider vinegar|vinegar"
    r"|hydrogen peroxide|battery acid|kerosene|gasoline|turpentine|toothpaste|garlic paste|wart (?:remover"
    r"|acid)|urine)\b"
    r"|\b(?:stop|skip|double|halve|quit) (?:taking )?(?:your|the|all|his|her) (?:\w+ )?(?:medication|medicine"
    r"|treatment|dose|immunosuppress\w+|chemotherapy|insulin|pills|tablets)\b"
)
_DISSUADES = re.compile(
    r"\b(?:no|not any|without any|never any) (?:need|reason|point|call) (?:to|in|for) (?:see(?:ing)?"
    r"|visit(?:ing)?|consult(?:ing)?|bother(?:ing)?|go(?:ing)? to|call(?:ing)?|ask(?:ing)?|an? (?:appointment"
    r"|visit|check|biopsy)|(?:any )?(?:further|medical)|follow(?:ing|-)? ?up|have it)\b[^.;]{0,60}"
    r"|\b(?:do not|don['’]t|does not|doesn['’]t|need not|needn['’]t|you won['’]t|no longer) (?:need|have"
    r"|require|bother)?(?: to)? ?(?:see|seeing|visit|consult|go to|be seen by|an? (?:appointment|visit to)"
    r"|show it to|call) (?:an? |any |the |your |in )?(?:doctor|dermatologist|physician|specialist|clinic|gp"
    r"|appointment)"
    r"|\b(?:can|may|could) (?:be |safely be |simply be |just be |simply |safely |just )+(?:ignored?|forgotten"
    r"|left alone|disregarded|forget (?:about )?it)\b"
    r"|\b(?:just|simply|safely) (?:ignore|forget)\b|\bno (?:doctor|dermatologist|biopsy|check|medical attention"
    r"|follow-?up|treatment or check) (?:is |will be |visit is )?(?:needed|necessary|required)"
    r"|\b(?:biopsy|doctor|dermatologist|visit|follow-?up|appointment|examination) (?:is|would be"
    r"|are) (?:not needed|unnecessary|pointless|a waste|not necessary|superfluous|not required)"
    r"|\b(?:wait|leave it)(?: for)? (?:\w+ )?(?:months|years) before (?:seeing|you see|showing|a doctor)"
    r"|\binstead of (?:seeing|visiting|going to) (?:a|your|the) (?:doctor|dermatologist|physician)"
)
_SURE = re.compile(
    r"\b(?:definitely|definitively|undoubtedly|unquestionably|indisputably|unmistakabl[ye]|without (?:a "
    r"|any )?(?:shadow of a )?(?:doubt|question)|beyond (?:any |all |a )?(?:doubt|question)|no doubt"
    r"|there is no (?:doubt|question)|certainly (?:an? |benign|malignant|cancer|not cancer|melanoma)"
    r"|with (?:absolute |complete |full |total |100 ?(?:%|percent) )?certainty|i am (?:certain|sure|positive)"
    r"|(?:100|99(?:\.\d+)?) ?(?:%|percent)(?: (?:sure|certain|sensitiv\w+|accura\w+))?|guarantee[ds]?"
    r"|absolutely (?:certain|sure|is)|(?:is|it['’]s) impossible that|cannot be anything (?:else|but)"
    r"|can only be|proves? that|always fatal|never (?:spreads?|dangerous|becomes?|turns?)|will (?:never"
    r"|certainly|definitely)|(?:has|have) (?:only )?\w+ (?:weeks|months|years) to live|fool-?proof"
    r"|certain(?:ly)? (?:to be|death))\b"
)
_NOT_SURE = re.compile(
    r"\b(?:no|not|cannot|can['’]t|never|neither|hardly|without (?=\w+ (?:it|nothing))|only (?:a )?(?:biopsy"
    r"|histolog\w+|tissue|pathologist|examination|microscop\w+)|nobody|nothing|no one|less than|short of|if"
    r"|until|rather than|impossible to|not possible|hard to|difficult to|unable|far from|n['’]t)\b|n['’]t\b"
)
_WARNED = re.compile(
    r"\b(?:as if|as though|never|do not|don['’]t|not|avoid|should not|shouldn['’]t|must not|nobody should"
    r"|no one should|without|unsafe|dangerous|harmful|wrong|mistake|instead of|rather than|refrain|beware|myth"
    r"|resist|nor)\b|n['’]t\b"
)
_DENIES_CALM = re.compile(
    r"\b(?:do not|don['’]t) $|\b(?:should not|must not|cannot|never|does not mean|not mean|wrong|mistake|nor"
    r"|not that|not a lesion|not something|not be|nothing that|unless|would be (?:wrong|unsafe)|dangerous"
    r"|even if|if)\b|n['’]t (?:mean|assume|be)\b"
)
_PATTERNS = Patterns({"dose": _DOSE, "home": _HOME, "calm": _DISSUADES, "sure": _SURE})


def check_advice(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Rejects doses, surgery at home and advice against being seen; flags certainty."""
    for pair in pairs:
        for question, answer, before in answers(pair):
            given = f"{before} {question.lower()}"
            if not _PATTERNS.possible(answer.lower()):
                continue
            for statement in statements(answer):
                for severity, reason in _reasons(statement, given):
                    yield Finding(pair.pair_id, NAME, severity, reason)


def _reasons(statement: Statement, given: str) -> Iterator[tuple[Severity, str]]:
    if statement.is_question:
        return
    text, possible = statement.text, _PATTERNS.possible(statement.text)
    if (
        "dose" in possible
        and (found := _DOSE.search(text))
        and not _WARNED.search(statement.clause_before(found.start()))
        and found.group() not in given
    ) and not re.search(r"sun-?screen|spf|moisturi[sz]er|emollient|sun cream|photograph|hat\b", text):
        yield "reject", f"gives a dose: {found.group()!r}"
    if (
        "home" in possible
        and (found := _HOME.search(text))
        and not _WARNED.search(text[: found.start()])
        and not _ended_badly(text[found.end() :].replace("until", ""))
    ):
        yield "reject", f"tells of treatment that harms: {found.group()!r}"
    if (
        "calm" in possible
        and (found := _DISSUADES.search(text))
        and not _DENIES_CALM.search(text[: found.start()])
        and not _ended_badly(text[found.end() :])
    ):
        yield "reject", f"advises against being seen: {found.group()!r}"
    found = _SURE.search(text) if "sure" in possible else None
    if found and not _NOT_SURE.search(text[: found.start()]) and found.group() not in given:
        yield "flag", f"is surer than an image allows: {found.group()!r}"


def _ended_badly(rest: str) -> bool:
    """Whether the sentence goes on to say that one must not."""
    return bool(
        re.search(
            r"\b(?:is (?:dangerous|unsafe|wrong|a mistake|harmful|never)|but (?:show|see|have|if|a)\b"
            r"|(?:have it (?:looked at|checked|seen)|show it to a doctor|see a doctor) if\b"
            r"|can (?:hide|harm|spread|scar)|would be|may (?:hide|harm)|would (?:hide|harm)|unless|until)\b",
            rest,
        )
    )
