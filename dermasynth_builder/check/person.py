"""Row by row: an age, a sex, a place on the body or a name that is not that of the recorded patient."""

import re
from collections.abc import Iterable, Iterator, Sequence

from dermasynth_builder.check.prose.patterns import Patterns
from dermasynth_builder.check.prose.statements import Statement, answers, cited_by, statements, words
from dermasynth_builder.check.prose.vocabulary import site_terms, zones_of
from dermasynth_builder.core.records import Facts, Finding, Pair

NAME = "person"
_YEARS = re.compile(
    r"\b(\d{1,3})[- ]?(?:years?|yrs?|yo)[- ]?(?:olds?|of age)?\b(?= ?(?:old|of age|man|woman|male|female"
    r"|patient|person|boy|girl|lady|gentleman|adult|-))"
    r"|\b(\d{1,3})[- ](?:years?|yrs?)[- ](?:olds?|of age)\b|\baged? (?:of |is |about |around "
    r"|approximately )?(\d{1,3})\b(?! ?(?:%|mm|cm))"
    r"|\b(\d{1,3}) ?y/?o\b"
)
_DECADE = re.compile(r"\b(?:in|into) (?:his|her|their|the) (?:early |mid|middle |late )?-?(\w+ties|teens|\d0s)\b")
_TENS = {
    **{f"{tens}0s": int(tens) * 10 for tens in "23456789"},
    **dict(
        zip(
            ("twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties"),
            range(20, 100, 10),
            strict=True,
        )
    ),
    "teens": 13,
}
_STAGES: tuple[tuple[re.Pattern[str], int, int], ...] = (
    (re.compile(r"\b(?:this|the|an?|her|his) (?:[\w-]+ )?(?:newborn|baby|infant|toddler)\b(?!['’]s|-| skin)"), 0, 4),
    (
        re.compile(r"\b(?:this|the|an?|young|little) (?:[\w-]+ )?(?:child|boy|girl|schoolchild)\b(?!['’]s|-|hood)"),
        1,
        17,
    ),
    (re.compile(r"\b(?:this|the|an?) (?:[\w-]+ )?(?:teenager|adolescent|teen)\b"), 11, 20),
    (
        re.compile(
            r"\b(?:this|the|an?) (?:very )?(?:elderly|aged|old|older|geriatric) (?:[\w-]+ )?(?:man|woman"
            r"|patient|person|adult|lady|gentleman)\b"
        ),
        55,
        130,
    ),
    (
        re.compile(
            r"\b(?:this|the|an?) (?:very )?young (?:[\w-]+ )?(?:man|woman|adult|patient|person|lady|mother|father)\b"
        ),
        12,
        39,
    ),
    (re.compile(r"\b(?:this|the|an?) (?:[\w-]+ )?middle-aged\b"), 35, 69),
)
_FEMALE = re.compile(
    r"\b(?:(?:this|the|an?) (?:[\w'’-]+ ){0,3}?(?:woman|lady|girl|female|mother)|(?<!or )(?<!/)(?:she|her|hers"
    r"|herself)(?! or |/)|mrs\.?|ms\.?)\b(?! or )"
)
_MALE = re.compile(
    r"\b(?:(?:this|the|an?) (?:[\w'’-]+ ){0,3}?(?:man|gentleman|boy|male|father)|(?<!or )(?<!/)(?:he|him|his"
    r"|himself)(?! or |/)|mr\.?)\b(?! or )"
)
_SOMEBODY_ELSE = re.compile(
    r"\b(?:mother|father|parent|wife|husband|partner|son|daughter|sister|brother|doctor|dermatologist|physician"
    r"|clinician|nurse|surgeon|"
    r"colleague|examiner|reader|pathologist|people|everybody|anyone|other patients?)['’]?s?\b"
)
_NAMED = re.compile(
    r"\b(?:[Mm]rs?|[Mm]s|[Mm]iss)\.? [A-Z][a-z]+\b(?! (?:sign|nevus|disease))|\b[Pp]atient (?:named"
    r"|called) [A-Z][a-z]+|\b[Pp]atient (?:ID|id|no\.?|number)\s?:?\s?#?\w*\d"
)
_ELSE = re.compile(
    r"\b(?:(?:the )?(?:previous|other|next|last|first|second) (?:patient|case|image|photograph|photo|picture)"
    r"|patient (?:[b-d]|two|2)\b|patient a(?= (?:is|was|has|had|shows?|above|below|and)\b|['’.,;:)])"
    r"|(?:as|like) (?:in|with) (?:the )?(?:previous|earlier|last|first) (?:case|image|patient))\b"
)
_PLACED = re.compile(
    r"\b(?:on|at|over|in|from|of|along|across|near|behind|under|involv(?:es|ing)|affect(?:s|ing)|cover(?:s|ing)"
    r"|occup(?:ies|ying)|spans?|located (?:on|in|at)) "
    r"(?:(?:the|this|his|her|their|your|a|one|both|its|that) )?(?:(?:patient['’]s|person['’]s|woman['’]s|man['’]s) )?"
    r"(?:(?:left|right|upper|lower|inner|outer|front|side|mid|central|dorsal|volar|lateral|medial|anterior"
    r"|posterior|back|top|tip|bridge|skin|surface|part|half|rim|edge"
    r"|of|the|and|or|hairy|exposed|sun-exposed|sun-damaged|bald|middle|upper-|lower-) ){0,5}$"
)
_COMPOUND = re.compile(
    r"^(?: (?:lesion|rash|plaque|mole|spot|nevus|growth|papule|nodule|melanoma|carcinoma|keratosis|patch|skin)\b)"
)
_NOT_A_PLACE = re.compile(
    r"(?:\bgo(?:es|ing)? |\bcome(?:s)? |\bcame |\bgrows? |\bgrew |\bheld |\bfell |\bin |\bfalls? |\bstep )back$"
    r"|\bon the other hand$|\bat hand$|\bby hand$|\bsecond hand$|\bnaked eye$"
    r"|\bin the (?:back|head) of|\bat the head$|\bat the back$|\bin the face$|\bon the face of$|\bat the foot$"
    r"|\bat (?:the )?heart$"
)
_OF_ANOTHER = re.compile(r"\b(?:mistak\w+|confus\w+|resembl\w+|mimic\w*)\b|\b(?:but|except) (?:on|in|for) [\w ]*$")
_AWAY = re.compile(
    r"\b(?:but|anywhere|spread|spreads|metasta\w+|lymph|elsewhere|other|rest of|opposite|also check|check"
    r"|look(?:s|ed|ing)? at|will|examine|examination of|sun-?screen|protect\w*|cover|such as|like|"
    r"compared|than|unlike|as on|away from|distance|held|holding|ruler|finger pointing|size of|skin of other"
    r"|pulse|apart from|except|not|no|n['’]t)\b"
)
_ROUNDED = 5  # years by which a rounded age may be off
_EXACT = 1
_SEXED = frozenset(
    [
        "woman",
        "lady",
        "girl",
        "female",
        "mother",
        "she",
        "her",
        "hers",
        "herself",
        "mrs",
        "ms",
        "man",
        "gentleman",
        "boy",
        "male",
        "father",
        "he",
        "him",
        "his",
        "himself",
        "mr",
    ]
)
_PATTERNS = Patterns(
    {f"stage {place}": pattern for place, (pattern, *_) in enumerate(_STAGES)} | {"decade": _DECADE, "else": _ELSE}
)


def check_person(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Flags what is said of the patient and is not what is recorded, or is recorded nowhere."""
    for pair in pairs:
        for question, answer, before in answers(pair):
            given = f"{before} {question.lower()}"
            told = statements(answer, cited_by(pair))
            for reason in dict.fromkeys(_reasons(answer, told, given, facts=pair.image.facts)):
                yield Finding(pair.pair_id, NAME, "flag", reason)


def _reasons(answer: str, told: Sequence[Statement], given: str, *, facts: Facts) -> Iterator[str]:
    if found := _NAMED.search(answer):
        yield f"names a person: {found.group()!r}"
    possible = _PATTERNS.possible(answer.lower())
    is_sexed = not _SEXED.isdisjoint(words(answer))
    has_age = "decade" in possible or len(possible) > ("else" in possible) or any(map(str.isdigit, answer))
    for statement in told:
        if (
            "else" in possible
            and (found := _ELSE.search(statement.text))
            and not _ELSE.search(given)
            and not statement.denies(found.start(), found.end())
        ):
            yield f"speaks of another case: {found.group()!r}"
        if statement.is_question:
            continue
        if (has_age or is_sexed) and not statement.is_general:
            yield from _ages(statement, given, facts) if has_age else ()
            yield from _sexes(statement, given, facts) if is_sexed else ()
        yield from _sites(statement, given, facts)


def _ages(statement: Statement, given: str, facts: Facts) -> Iterator[str]:
    for found, youngest, oldest in _ages_told(statement.text):
        is_new = found.group() not in given and not _is_loose(statement, found)
        if is_new and (told := _other_age(youngest, oldest, facts)):
            yield f"says {found.group()!r} where {told}"


def _ages_told(text: str) -> Iterator[tuple[re.Match[str], int, int]]:
    """Each age in a text, from and to."""
    possible = _PATTERNS.possible(text)
    for found in _YEARS.finditer(text) if any(map(str.isdigit, text)) else ():
        years = int(next(filter(None, found.groups())))
        yield found, years, years
    for found in _DECADE.finditer(text) if "decade" in possible else ():
        if begins := _TENS.get(found[1]):
            yield found, begins, begins + (9 if begins > 13 else 6)
    for place, (pattern, youngest, oldest) in enumerate(_STAGES):
        if f"stage {place}" in possible and (stage := pattern.search(text)):
            yield stage, youngest, oldest


_NOT_AN_AGE = re.compile(
    r"\b(?:over|under|above|below|than|after|before|from|by|until|between|at|every|within|beyond|past) $"
)


def _is_loose(statement: Statement, found: re.Match[str]) -> bool:
    if _NOT_AN_AGE.search(statement.text[: found.start()]):
        return True
    return (
        statement.supposes(found.start())
        or statement.compares(found.start())
        or statement.denies(found.start(), found.end())
    )


def _other_age(youngest: int, oldest: int, facts: Facts) -> str:
    """What is recorded, where it is not between the two; "" where it may be."""
    if facts.age_years is not None:
        slack = _ROUNDED if facts.is_age_rounded else _EXACT
        return "" if youngest - slack <= facts.age_years <= oldest + slack else f"the recorded age is {facts.age_years}"
    if facts.age_band is not None:
        numbers = [int(number) for number in re.findall(r"\d+", facts.age_band)]
        low, high = (numbers[0], numbers[-1] if len(numbers) > 1 else 130) if numbers else (0, 130)
        return "" if youngest <= high and low <= oldest else f"the recorded age is {facts.age_band}"
    return "no age is recorded"


def _sexes(statement: Statement, given: str, facts: Facts) -> Iterator[str]:
    female, male = _FEMALE.search(statement.text), _MALE.search(statement.text)
    if bool(female) == bool(male):
        return
    found, told = (female, "female") if female else (male, "male")
    if found is None or facts.sex == told or _SOMEBODY_ELSE.search(statement.text):
        return
    is_given = bool((_FEMALE if female else _MALE).search(given)) or told in given.split()
    if not is_given and not _is_loose(statement, found):
        known = f"the recorded sex is {facts.sex}" if facts.sex else "no sex is recorded"
        yield f"says {found.group()!r} where {known}"


def _sites(statement: Statement, given: str, facts: Facts) -> Iterator[str]:
    """A place that shares no zone with the recorded one; where none is recorded, the image may show it."""
    known = zones_of(facts.body_site) if facts.body_site else frozenset()
    hits = site_terms().find(statement.text) if known else []
    if not hits or any(hit.meaning & known for hit in hits) or statement.is_general:
        return
    for hit in hits:
        before, told = statement.text[: hit.start], statement.text[hit.start : hit.end]
        if told in given or _NOT_A_PLACE.search(f"{before}{told}"):
            continue
        is_placed = _PLACED.search(before) or _COMPOUND.match(statement.text[hit.end :])
        if _OF_ANOTHER.search(before):
            continue
        if not is_placed or _AWAY.search(statement.clause_before(hit.start)) or statement.supposes(hit.start):
            continue
        yield f"says {told!r} where the recorded place is {facts.body_site}"
        return
