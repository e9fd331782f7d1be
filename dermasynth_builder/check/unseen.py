"""Row by row: what no such image shows and nobody recorded: sizes, complaints, history, touch, other places."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from dermasynth_builder.check.prose.patterns import Patterns
from dermasynth_builder.check.prose.statements import Statement, answers
from dermasynth_builder.check.prose.unseen_words import ABSENCES, CLAIMS, Claim
from dermasynth_builder.core.records import Facts, Finding, Pair

NAME = "unseen"
_SIZE = re.compile(
    r"\b(\d+(?:\.\d+)?)(?: ?(?:-|–|to|x|×|by) ?(\d+(?:\.\d+)?))? ?[- ]?(mm|millimet(?:er|re)s?|cm|centimet(?:er"
    r"|re)s?|inch(?:es)?)\b"
    r"|\b(?:about |roughly |approximately )?(?:the size of|as (?:big|large|small|wide|tiny) as) (?:an? )?(?:small "
    r"|large )?(?:pea|coin|lentil|dime"
    r"|nickel|quarter|grape|walnut|pencil eraser|marble|"
    r"thumbnail|fingernail|golf ball|pinhead|cherry|olive|pepper ?corn|bean|button|penny|cent|nail|match head"
    r"|grain of \w+|hazelnut|almond|blueberry|raisin|palm|hand|pin ?head|rice grain)\b"
    r"|\b(?:a|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|half an?"
    r"|several|few)[- ](millimet(?:er|re)s?|centimet(?:er"
    r"|re)s?|inch(?:es)?)\b"
)
_LIMIT = re.compile(
    r"[≥≤<>] ?\d|\b(?:less|more|larger|smaller|greater|bigger|wider|over|under|above|below"
    r"|beyond|exceed\w*|than|margins?"
    r"|rules?|threshold|criterion|line|mark|"
    r"limit|within|depth|breslow|deep|thick|apart|ruler|punch|needle|zoom\w*|scale bar)\b"
)
_LIMIT_AFTER = re.compile(
    r"^[ -]?(?:\w+ )?(?:margins?|rule|threshold|criterion|line|mark|limit|cut-?off|deep|thick|in depth|apart"
    r"|ruler|punch|needle|scale|around|beyond|or (?:less|more|larger))\b"
)
_UNITS = {"c": 10.0, "i": 25.4, "m": 1.0}
_ALIKE = 0.25  # share by which a size may be off


_IN_FRAME = re.compile(
    r"\b(?:in|within|inside) (?:the|this) (?:image|photograph|picture|frame|field(?: of view)?|photo|view"
    r"|crop)\b|\bvisible (?:here|in)\b|\bin view\b|\bas far as\b|\bshown here\b"
)
_ASKS_IN_GENERAL = re.compile(
    r"\b(?:warning|alarm(?:ing)?|red flags?|would (?:be an?|make|change|worry)|when (?:should|would)"
    r"|risk factors?|in general|usually|typically|complications?|side effects?|pathologist"
    r"|how (?:do|does|can) (?:one|doctors|people|such|these|they|\w+s)\b|how (?:fast|often|common)\b"
    r"|what (?:happens|may happen|could happen|if))\b"
)
_OF_THIS = re.compile(
    r"\b(?:this|the|his|her|your|their) (?:[\w-]+ )?(?:patient|lesion|mole|spot|rash|patch|patches|papule|plaque"
    r"|nodule|growth|area|man|woman|boy|girl|image|picture|skin)\b"
    r"|\b(?:he|she|his|her)\b|^(?:it|this) (?:has|is|was)\b"
)
_ADVISED = re.compile(
    r"\b(?:should|ask|asked|worth|would|will|see a|tell (?:the|your|a)|report any|come back|return|seek|until"
    r"|missing|never (?:cut|burn|tie|scratch|pick|squeeze|remove|try|apply|use)|avoid|causes?|leads? to|results? in"
    r"|prevents?|instead|next step|recommend\w*|advis\w+|consider"
    r"|warrants?|needs?|to (?:be|find|learn|know|confirm|settle|prove))\b"
)
_PATTERNS = Patterns({claim.what: claim.patterns for claim in CLAIMS} | {"size": _SIZE, "absence": ABSENCES})


def check_unseen(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Flags claims that rest neither on the image nor on what is recorded or asked, and what the record denies."""
    for pair in pairs:
        names = " ".join(filter(None, (pair.image.facts.diagnosis, *pair.image.facts.differential))).lower()
        for asked in answers(pair):
            given = f"{asked.given} {names}"
            is_general = _asks_in_general(asked.question)
            for statement in asked.statements:
                if not (statement.is_question or (is_general and not _OF_THIS.search(statement.text))):
                    for reason in dict.fromkeys(_reasons(statement, given, pair)):
                        yield Finding(pair.pair_id, NAME, "flag", reason)


@lru_cache(maxsize=4096)  # questions of a bank come again and again
def _asks_in_general(question: str) -> bool:
    return bool(_ASKS_IN_GENERAL.search(question))


def _reasons(statement: Statement, given: str, pair: Pair) -> Iterator[str]:
    facts, found = pair.image.facts, _PATTERNS.found(statement.text)
    if "size" in found:
        yield from _sizes(statement, given, facts)
    for claim in CLAIMS if found else ():
        if claim.what in found:
            yield from _unseen(claim, found[claim.what][0], statement, given=given, facts=facts)
    for absence in found.get("absence", ())[:1]:
        is_loose = statement.is_general or statement.is_untold or _IN_FRAME.search(statement.text)
        if not is_loose and not statement.supposes(absence.start()):
            yield f"says {absence.group()!r} of what the image does not show"


def _sizes(statement: Statement, given: str, facts: Facts) -> Iterator[str]:
    for found in _SIZE.finditer(statement.text):
        is_loose = (
            statement.is_general
            or statement.is_untold
            or _LIMIT.search(statement.text[max(0, found.start() - 40) : found.end()])
            or _LIMIT_AFTER.match(statement.text[found.end() :])
        )
        if is_loose or found.group() in given or statement.supposes(found.start()):
            continue
        known = [each for each in (facts.diameter_1_mm, facts.diameter_2_mm) if each]
        if not known:
            yield f"says {found.group()!r} where no size is recorded"
            return
        unit = _UNITS[found[3][0]] if found[3] else 0.0
        told = [float(number) * unit for number in (found[1], found[2]) if number]
        if told and not any(abs(size - each) <= max(1.0, _ALIKE * each) for size in told for each in known):
            yield f"says {found.group()!r} where {' by '.join(f'{each:g}' for each in known)} mm is recorded"
            return


def _unseen(claim: Claim, found: re.Match[str], statement: Statement, *, given: str, facts: Facts) -> Iterator[str]:
    is_passed = statement.is_general or statement.is_untold or _ADVISED.search(statement.text[: found.start()])
    is_condition = claim.what != "touch" or not _WHENEVER.search(statement.clause_before(found.start()))
    if is_passed or (is_condition and statement.supposes(found.start())) or statement.compares(found.start()):
        return
    if _HAD_IT.match(statement.text) or (is_condition and _CONDITION.match(statement.text)):
        return
    known = _known(claim, found.group(), facts)
    is_given = any(each.search(given) for each in claim.patterns) and (
        known is None or not _ANSWER.match(statement.text)
    )
    if is_given or _MERELY_POSSIBLE.match(statement.clause_after(found.end())):
        return
    is_denied = _is_denied(statement, found)
    if known is None:
        yield f"tells of {claim.what}, which nobody recorded: {found.group()!r}"
    elif known is is_denied and (not known or _says_no(statement, found)):
        told, other = ("denies", "has") if is_denied else ("claims", "denies")
        yield f"{told} {claim.what}, which the record {other}: {found.group()!r}"


_ANSWER = re.compile(r"(?:yes|no), (?:it|she|he|they|this|the \w+) ")  # to whether there is what was asked for
_HAD_IT = re.compile(r"(?:had|were|should) (?:it|this|that|the|she|he)\b[^.]*\bwould\b")
_WHENEVER = re.compile(r"^when (?:one|you|the \w+|it|a)\b")  # "When one runs a finger over it, it feels rough."
_AS_BEFORE = re.compile(
    r"\b(?:the same|unchanged|stable|without (?:any )?change|never had|not (?:yet )?had|first (?:skin cancer|melanoma"
    r"|carcinoma|cancer))\b|n['’]t had\b"
)
_SAYS_NO = re.compile(
    r"\b(?:same|unchanged|stable|no|not|nor|neither|without|denie[sd]|denying|never|free of|absence of|lacks?|absent"
    r"|none)\b|n['’]t\b"
)
_IS_ABSENT = re.compile(
    r"^[\w\s,]{0,20}\b(?:is|are|was|were|has|have) (?:\w+ )?(?:absent|denied|missing"
    r"|not (?:present|there|been))\b"
)


def _says_no(statement: Statement, found: re.Match[str]) -> bool:
    """Whether the words themselves are denied, and not what the sentence says of them."""
    before, after = statement.text[: found.start()], statement.clause_after(found.end())
    told = found.group()
    return any(each.search(told) for each in (_SAYS_NO, _AS_BEFORE)) or bool(
        _SAYS_NO.search(before) or _IS_ABSENT.match(after)
    )


_MERELY_POSSIBLE = re.compile(
    r"[\w\s,]{0,30}\b(?:would|could|might|may|should|(?:is|are) (?:\w+ )?reasons?)\b"
    r"|[\w\s,]{0,60}\b(?:is|are) (?:still )?(?:to be|missing|needed|required|recommended|advis\w+|useful|left to)\b"
)
_CONDITION = re.compile(r"^(?:(?:yes|no|only|but|and),? )?(?:if|when|should|in case|once)\b")
_DENIED_LIST = re.compile(r"\b(?:denied|absent|not present|answered with no|negative)(?:,[^:;.]*)?: [^;.]*$")


def _is_denied(statement: Statement, found: re.Match[str]) -> bool:
    """Whether the words are denied, by themselves or in a list of what is denied."""
    before = statement.text[: found.start()]
    if _AS_BEFORE.search(found.group()):
        return True
    is_verb = re.match(r"(?:smok|drink|has|takes|work)", found.group())  # "does not smoke, drinks alcohol"
    if is_verb and "," in before:
        return bool(re.search(r"\b(?:no|not|never)\b|n['’]t\b", before.rpartition(",")[2]))
    return statement.denies(found.start(), found.end()) or bool(_DENIED_LIST.search(before))


def _known(claim: Claim, told: str, facts: Facts) -> bool | None:
    """Whether the record has what is told; None where it says nothing of it."""
    symptoms = " ".join(facts.symptoms)
    match claim.field:
        case "history":
            return _known_history(told, facts)
        case "duration":
            return _is_as_long(told, facts.duration) if facts.duration else None
        case "confirmation":
            return facts.confirmation == "histopathology" if facts.confirmation else None
        case "symptoms":
            return True if any(word in symptoms for word in told.split()) else None
        case "hurts" if ("burn" in told and "burning" in symptoms) or ("pain" in told and "pain" in symptoms):
            return True
        case "has_changed" if "darkening" in symptoms:
            return True
        case "":
            is_of_texture = re.search(r"rough|smooth|soft|raised|flat|^to (?:the )?touch$", told)
            return True if facts.textures and is_of_texture else None
        case field:
            found: bool | None = getattr(facts, field)
            return found


_UNITS_OF_TIME = ("day", "week", "month", "year|childhood|birth", "decade")


def _is_as_long(told: str, recorded: str) -> bool:
    """Whether two durations may be the same, "since last month" and "one to four weeks" say: units side by side."""
    lengths = [
        [place for place, unit in enumerate(_UNITS_OF_TIME) if re.search(unit, text)] for text in (told, recorded)
    ]
    return not all(lengths) or any(abs(one - other) < 2 for one in lengths[0] for other in lengths[1])


_HISTORIES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile("smok"), ("smokes",)),
    (re.compile("alcohol"), ("drinks_alcohol",)),
    (re.compile("pesticide|farmer"), ("uses_pesticide",)),
    (
        re.compile("family|mother|father|parent|sister|brother|grand"),
        ("has_family_melanoma_history", "has_skin_cancer_history", "has_cancer_history"),
    ),
    (re.compile("melanoma"), ("has_melanoma_history", "has_skin_cancer_history")),
    (re.compile("cancer|history of"), ("has_skin_cancer_history", "has_cancer_history", "has_melanoma_history")),
)


def _known_history(told: str, facts: Facts) -> bool | None:
    """What the record says of the kind of history that is told."""
    if re.search("reports?|complain|says|states|describes|mentions", told):
        return True if facts.duration or facts.symptoms or {facts.itches, facts.hurts, facts.bleeds} != {None} else None
    names = next((names for pattern, names in _HISTORIES if pattern.search(told)), ())
    held = [getattr(facts, name) for name in names if getattr(facts, name) is not None]
    return any(held) if held else None
