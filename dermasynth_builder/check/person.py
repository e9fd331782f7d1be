"""Row by row: an age, a sex, a place on the body or a name that is not that of the recorded patient."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache

from dermasynth_builder.check.prose.ages import Age, ages, ages_answered
from dermasynth_builder.check.prose.patterns import Pattern
from dermasynth_builder.check.prose.statements import Asked, Statement, answers, words
from dermasynth_builder.check.prose.terms import Hit
from dermasynth_builder.check.prose.vocabulary import diagnosis_terms, site_terms, zones_of
from dermasynth_builder.core.records import Facts, Finding, Pair, Sex

NAME = "person"
_OF_THIS_ONE = re.compile(
    r"\b(?:this one|he|she|his|her|him|hers|you|your|(?:this|the|our) (?:[\w'’-]+ ){0,2}?(?:patient|man|woman"
    r"|person|lady"
    r"|gentleman|boy|girl|child|individual|adult|male|female|infant|baby|teenager|lesion|spot|mole|nodule|papule|plaque"
    r"|patch(?:es)?|rash|growth|mark|lump|bump|image|photo(?:graph)?|picture)|here)\b"
)
_WHO = r"(?:(?:\b(?:this|the|an?|your|our|one|in) (?:[\w'’/.-]+ ){0,4}?|^(?:[\w'’/.-]+ ){0,4}?)"
_TRADES = r"(?:business|sales|police|fisher|crafts|work|fire|sports|gentle|country|trades|clergy|post|camera|noble)"
_NO_TRADE = r"(?! (?:doctor|dermatologist|physician|surgeon|nurse|colleague|friend|relative|visitor)s?\b)"
_NOUNS: dict[Sex, re.Pattern[str]] = {
    "female": re.compile(
        _WHO + r"(?:woman|lady|girl|female(?! (?:patients|s\b))|schoolgirl|lass|madam|housewife|widow|grandmother|nun"
        rf"|mother of (?:\w+)|{_TRADES}woman|(?:wait|act|steward|host)ress)\b{_NO_TRADE})"
    ),
    "male": re.compile(
        _WHO + r"(?:man|gentleman|gent|guy|lad|chap|bloke|boy|male(?! (?:patients|s\b))|schoolboy|widower|grandfather"
        rf"|father of (?:\w+)|{_TRADES}man)\b{_NO_TRADE})"
    ),
}
_PRONOUNS: dict[Sex, re.Pattern[str]] = {
    "female": re.compile(r"(?<!or )(?<!/)\b(?:she|her|hers|herself|mrs\.?|ms\.?)\b(?! or |/)"),
    "male": re.compile(r"(?<!or )(?<!/)\b(?:he|him|his|himself|mr\.?)\b(?! or |/)"),
}
_ALONE: dict[Sex, re.Pattern[str]] = {
    "female": re.compile(r"^(?:ma['’]am|madam|\d+ ?(?:y/?o? ?)?f|(?:sex|gender): f(?:emale)?\b)"),
    "male": re.compile(r"^(?:sir|\d+ ?(?:y/?o? ?)?m|(?:sex|gender): m(?:ale)?\b)"),
}
_RELATIVES = (
    r"(?:mother(?! of \w)|father(?! of \w)|parent|wife|husband|partner|son|daughter|sister|brother|student|friend"
    r"|neighbou?r"
    r"|colleague|anyone|someone|somebody|whoever|other patient|aunt|uncle|cousin|grandson|granddaughter)"
)
_PROFESSIONS = (
    r"(?:doctor|dermatologist|physician|gp|practitioner|specialist|pharmacist|clinician|nurse|surgeon|examiner|reader"
    r"|pathologist)"
)
_WHOSE = re.compile(rf"(?:his|her) (?:\w+ )?{_RELATIVES}\b")  # which tells the sex of whose relative it is
_A_RELATIVE = re.compile(rf"(?<!dear )\b{_RELATIVES}['’]?s?\b")
_SOMEBODY_ELSE = re.compile(rf"(?<!dear )\b(?:{_RELATIVES}|{_PROFESSIONS})['’]?s?\b")
_PERSON = re.compile(
    r"\b(?:he|she|his|her|(?:this|the|our) (?:[\w'’-]+ ){0,2}?(?:patient|man|woman|person|lady|gentleman|boy"
    r"|girl|child))\b"
)
_SEXES: tuple[Sex, ...] = ("female", "male")
_RELATIVE = Pattern(
    re.compile(
        r"\b(?:my|our|his|her|your) (?:[\w-]+ ){0,3}?(?:mother|father|parents?|wife|husband|partner|son|daughter|sister"
        r"|brother|boy|girl|kid|child|children|baby|friend|neighbou?r|colleague|aunt|uncle|cousin|grand\w+|family)\b"
    ),
    is_of_sentences=False,
)
_NAMED = re.compile(
    r"\b(?:[Mm]rs?|[Mm]s|[Mm]iss)\.? [A-Z][a-z]+\b(?! (?:sign|nevus|disease))|\b[Pp]atient (?:named"
    r"|called) [A-Z][a-z]+|\b[Pp]atient (?:ID|id|no\.?|number)\s?:?\s?#?\w*\d"
)
_MAY_NAME = Pattern(re.compile(r"\b(?:mr|mrs|ms|miss)\b|\bpatient (?:named|called|id|no|number)"))
_ELSE = Pattern(
    re.compile(
        r"(?<!\ba )(?<!another )\b(?:(?:the )?(?:previous|other|next|last|first|second) (?:patient|case|image"
        r"|photograph|photo|picture)"
        r"|patient (?:[b-d]|a(?=[.,:;'’]| (?:has|is|was|and)\b)|two|2)\b"
        r"|(?:as|like) (?:in|with) (?:the )?(?:previous|earlier|last|first) (?:case|image|patient))\b"
    )
)
_PLACED = re.compile(
    r"\b(?:on|at|over|in|from|of|along|across|near|behind|under|above|below|beneath|around|beside|inside"
    r"|between|next to|close to|adjacent to|(?:confined|limited|restricted|locali[sz]ed|belongs?) to|involv(?:es?|ing)"
    r"|affect(?:s|ing|ed)?|cover(?:s|ing)?|spread(?:s|ing)? over|shows?|depicts?|displays?|captures?"
    r"|occup(?:ies|ying)|spans?|located (?:on|in|at)) "
    r"(?:what (?:appears|seems|looks)(?: to be| like)? |what is (?:probably |likely |perhaps )?)?"
    r"(?:(?:the|this|his|her|their|your|an?|one|two|both|its|that) )?(?:(?:patient['’]s|person['’]s|woman['’]s"
    r"|man['’]s) )?"
    r"(?:(?:left|right|upper|lower|inner|outer|front|side|mid|central|dorsal|volar|lateral|medial|anterior"
    r"|posterior|back|top|tip|bridge|skin|surface|part|half|rim|edge"
    r"|of|the|and|or|hairy|exposed|sun-exposed|sun-damaged|bald|middle|upper-|lower-) ){0,5}$"
)
_COMPOUND = re.compile(
    r"^(?: (?:lesion|rash|plaque|mole|spot|nevus|growth|papule|nodule|melanoma|carcinoma|keratosis|patch"
    r"|patches|skin|lump"
    r"|bump|eruption|tumou?r|mark|ulcer|erythema|redness|involvement|location|site|region|area)\b)"
)
_NOTHING_ELSE = re.compile(
    r"^(?:(?:anatomical |body )?(?:location|site|place|region|part|area)\W*|it is |it['’]s |this is |that is "
    r"|on |at |in |the |a |an |your |her |his |left |right |upper |lower |\W)*$"
)
_SIDED = re.compile(
    r"(?:^|[,;:] ?|\b(?:lesion|plaque|nodule|papule|mole|patch|rash|nevus|growth) )(?:l|r|lt|rt|left|right"
    r"|bilateral)\.? (?:upper |lower |inner |outer )?$"
)
_HEADS_A_NOTE = re.compile(r"^(?:: |; | [–-] |, (?!the\b|which\b|on\b|in\b|and\b|or\b))")
_AS_SUBJECT = re.compile(
    r"(?:^|,|\band) ?(?:the|this|his|her|your|their|the patient['’]s) (?:(?:left|right|upper|lower|inner|outer"
    r"|front|back"
    r"|side|tip|bridge|skin|surface|dorsal|lateral|medial|of|the|and|whole|entire) ){0,5}$"
)
_SHOWS = re.compile(
    r"^ (?:here |clearly |also )?(?:shows?|bears?|carries|carry|displays?|has|have|presents?|reveals?|exhibits?"
    r"|demonstrates?|is (?:affected|involved|covered|the site|shown|where|seen|dotted|studded)|harbou?rs?"
    r"|hosts?|contains?"
    r"|are (?:affected|involved|covered|shown|seen))\b"
)
_NO_PLACE_AFTER = re.compile(
    r"^(?: skin (?:is|has|tends|differs|heals|needs)\b| of (?:it|the (?:matter|line|queue|list|frame|image"
    r"|picture|photo\w*|room))\b|['’]s breadth|-to-"
    r"|-on\b| end\b| (?:holding|pointing|pulling|stretching|lens|luggage|washing|hygiene|cream|gel|sanitiser|wash)\b)"
)
_NOT_A_PLACE = re.compile(
    r"(?:\bgo(?:es|ing)? |\bcome(?:s)? |\bcame |\bgrows? |\bgrew |\bheld |\bfell |\bin |\bfalls? |\bstep )back$"
    r"|\bon the (?:other|one) hand$|\bout of hand$|\bto hand$|\bat hand$|\bby hand$|\bsecond hand$|\bnaked eye$"
    r"|\bin the (?:back|head) of|\bat the head$|\bat the back$|\bin the face$|\bon the face of$|\bat the foot$"
    r"|\bat (?:the )?heart$|\brules? of thumb$"
)
_OF_ANOTHER = re.compile(r"\b(?:mistak\w+|confus\w+|resembl\w+|mimic\w*)\b|\b(?:but|except) (?:on|in|for) [\w ]*$")
_AWAY = re.compile(
    r"\b(?:but|anywhere|spread(?:s|ing)? to|may spread|can spread|metasta\w+|lymph|elsewhere|other|rest of"
    r"|opposite|also check|check"
    r"|look(?:s|ed|ing)? at|(?:will|to|and|should) (?:also )?(?:inspect|examine|check|palpate|feel)|examine"
    r"|examination of|inspect\w*|sun-?screen|protect\w*|creams?|appl(?:y|ied)|such as|like|"
    r"compared|than|unlike|as on|away from|distance|held|holding|ruler|finger pointing|size of|skin of other"
    r"|pulse|apart from|except|not|never|nor|no|n['’]t)\b"
)
_ROUNDED = 5  # years by which a rounded age may be off
_EXACT = 1
_MOST_OPEN = 100  # years of a stage that the skin shows, that of an adult say
_NOT_AN_AGE = re.compile(
    r"\b(?:over|under|above|below|than|after|before|from|by|until|till|between|every|within|beyond|past|since"
    r"|to|turn\w*)"
    r" (?:(?:the |an )?ages? (?:of )?)?$"
)
_OUTCOME = re.compile(r"\b(?:cured?|surviv\w+|recurr?\w*|relapse\w*|follow-?up|series|stud(?:y|ies)|rates?)\b")
_POINTED = re.compile(r"\b(?:this|our) (?:(?!(?:were|was|is|had)\b)[\w-]+ ){0,3}[\w-]+$")
_LIKE_THIS_ONE = re.compile(
    r"(?: \w+)? (?:of (?:this|that|his|her) age|(?:like|such as) (?:him|her|this (?:one"
    r"|patient)))\b"
)
_OCCURS = re.compile(
    r"\b(?:occurs?|seen|common|begins?|appears?|starts?|frequent|arises?|happens?|develops?|even|or"
    r"|and) $"
)
_AS_A = re.compile(r"\b(?:as|like|since) (?:an? )?$")  # "as a child"
_PEOPLE = re.compile(
    r"\b(?:people|persons|wom[ae]n|m[ae]n|children|adults|most(?= (?:of|\w+s)\b)|many|everyone"
    r"|risk)\b"
)
_ABOUT = re.compile(r"\b(?:about|around|roughly|approximately|nearly|almost|perhaps|circa)\b|~")
_ANY_ONE = re.compile(
    r"^(?:[\w ]+, )?(?:in )?an? (?:[\w-]+ ){1,4}(?:(?:has|have|gets?) (?:some|about|around|up to|many|more"
    r"|fewer|a few|dozens|\d+)"
    r"|(?:it )?(?:can|may|often|usually|would|might|tends))\b|"
    r"\b(?:on average|(?:man|woman|boy|girl|men|women|boys|girls) (?:or|and) (?:an? )?(?:wo)?m[ae]n)\b"
)
_ONE_WOULD = re.compile(r"\b(?:an?|someone|somebody) [^.;]*$")
_WOULD = re.compile(r"\b(?:would|might|could)\b")
_SEXED = frozenset(
    f"{word}{ending}"
    for word in (
        *("woman", "lady", "girl", "female", "she", "her", "hers", "herself", "mrs", "ms", "schoolgirl", "housewife"),
        *("man", "gentleman", "boy", "male", "he", "him", "his", "himself", "mr", "schoolboy", "grandfather"),
        *("grandmother", "ma", "ma'am", "ma’am", "madam", "sir", "f", "m", "sex", "gender", "lass", "widow", "widower"),
        *(
            "nun",
            "mother",
            "father",
            "waitress",
            "actress",
            "stewardess",
            "hostess",
            "gent",
            "guy",
            "lad",
            "chap",
            "bloke",
        ),
        *(f"{trade}{who}" for trade in _TRADES.strip("(?:)").split("|") for who in ("man", "woman")),
    )
    for ending in ("", "'s", "’s")
)


def check_person(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Flags what is said of the patient and is not what is recorded, or is recorded nowhere."""
    for pair in pairs:
        for asked in answers(pair):
            for reason in dict.fromkeys(_reasons(asked, pair.image.facts)):
                yield Finding(pair.pair_id, NAME, "flag", reason)


def _reasons(asked: Asked, facts: Facts) -> Iterator[str]:
    _, answer, _, given, told = asked
    is_named = any(_MAY_NAME.search(statement.text) for statement in told)
    if found := _NAMED.search(answer) if is_named else None:
        yield f"names a person: {found.group()!r}"
    is_of_another = bool(_RELATIVE.search(given))
    is_sexed = not is_of_another and not _SEXED.isdisjoint(words(answer))
    for place, statement in enumerate(told):
        found_else = _ELSE.search(statement.text)
        if found_else and not _ELSE.search(given) and not statement.denies(*found_else.span()):
            yield f"speaks of another case: {found_else.group()!r}"
        if statement.is_question:
            continue
        if not is_of_another:
            yield from _ages(statement, asked, facts)
        yield from _phototypes(statement, given, facts)
        if is_sexed and not (place and _is_of_others(told[place - 1].text)):
            yield from _sexes(statement, asked, facts)
        if facts.body_site:
            yield from _sites(statement, asked, facts)


# --- phototype ---


_PHOTOTYPE = Pattern(re.compile(r"\b(?:fitzpatrick(?: skin)?|skin|photo)[- ]?type (i{1,3}|iv|vi?|[1-6])\b"))
_TYPES = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6}


def _phototypes(statement: Statement, given: str, facts: Facts) -> Iterator[str]:
    """A phototype that is two or more from the recorded one; by one, those who rate them differ too."""
    found = _PHOTOTYPE.search(statement.text) if facts.fitzpatrick else None
    if not found or not facts.fitzpatrick or found.group() in given or _is_loose(statement, found):
        return
    told = _TYPES.get(found[1]) or int(found[1])
    if abs(told - facts.fitzpatrick) > 1:
        yield f"says {found.group()!r} where phototype {facts.fitzpatrick} is recorded"


# --- age ---


_ASKS_AGE = Pattern(
    re.compile(
        r"^age\b|\b(?:(?:the|this|that|his|her|their|your|of|for)(?: [\w-]+['’]s)? age|patient(?:['’]s)? age|how old"
        r"|age of (?:the|this) (?:patient"
        r"|person)"
        r"|(?:what|which) age)\b"
    ),
    is_of_sentences=False,
)
_ASKS_AGES = re.compile(  # of people in general
    r"\bat (?:what|which) age\b|\b(?:what|which) ages?\b(?! (?:group )?(?:is|has|was|does) (?:he|she|the|this)\b)"
    r"|\bhow old (?:do|can|should|must)\b|\bages\b"
)


def _ages(statement: Statement, asked: Asked, facts: Facts) -> Iterator[str]:
    is_asked = bool(_ASKS_AGE.search(asked.question)) and not _ASKS_AGES.search(asked.question)
    for age in ages_answered(statement.text) if is_asked else ages(statement.text):
        is_of_nobody = _is_loose(statement, age.found) and not (is_asked and _is_answer(statement, age.found))
        if age.found.group() not in asked.given and not is_of_nobody and (told := _other_age(age, facts)):
            yield f"says {age.found.group()!r} where {told}"


def _is_answer(statement: Statement, found: re.Match[str]) -> bool:
    """Whether an age in an answer to a question for that of the patient is given for it."""
    start, end = found.span()
    clause = statement.clause(start, end)
    is_bound = _NOT_AN_AGE.search(statement.text[:start])
    is_turned = statement.supposes(start) or statement.denies(start, end) or _A_RELATIVE.search(statement.text)
    return not (is_bound or is_turned or clause.is_general or clause.is_untold or _PEOPLE.search(clause.text))


@lru_cache(maxsize=8192)
def _is_loose(statement: Statement, found: re.Match[str]) -> bool:
    """Whether an age or a sex is that of nobody, or of somebody else."""
    start, end = found.span()
    before = statement.text[:start]
    if _POINTED.search(f"{before}{found.group()}"):
        return statement.denies(start, len(statement.text))
    if _AS_A.search(before) and found.group().startswith(("a ", "an ")):
        return True
    if _LIKE_THIS_ONE.match(statement.text, end):
        return statement.denies(start, end)
    if _OCCURS.search(before) and found.group().startswith("in the "):
        return True
    is_of_age = found.group().startswith("age")  # "by the age of 15"
    is_somebody = found.group().startswith(("a ", "an ", "the ", "this "))  # "from a woman"
    if not is_somebody and _NOT_AN_AGE.search(f"{before}age " if is_of_age else before):
        return True
    if _A_RELATIVE.search(statement.text) or (found.group().startswith("at ") and _OUTCOME.search(statement.text)):
        return True
    if statement.supposes(start) or statement.compares(start) or statement.denies(start, len(statement.text)):
        return True
    clause = statement.clause(start, end).text
    if f"{before}{found.group()}".startswith("at ") or before.endswith(" at "):
        is_opening = not before and not _PEOPLE.search(statement.text)
        return not (is_opening or _PERSON.search(statement.text))
    if _ANY_ONE.search(statement.text) and not _OF_THIS_ONE.search(statement.text):
        return True
    is_supposed = _ONE_WOULD.search(statement.text[:end]) and _WOULD.search(statement.text[end:])
    return bool(statement.is_general or is_supposed) and not _OF_THIS_ONE.search(clause)


def _other_age(age: Age, facts: Facts) -> str:
    """What is recorded, where it is not between the two; "" where it may be."""
    if facts.age_years is not None:
        slack = _ROUNDED if facts.is_age_rounded or _ABOUT.search(age.found.group()) else _EXACT
        is_near = age.youngest - slack <= facts.age_years <= age.oldest + slack
        return "" if is_near else f"the recorded age is {facts.age_years}"
    if facts.age_band is not None:
        numbers = [int(number) for number in re.findall(r"\d+", facts.age_band)]
        low, high = (numbers[0], numbers[-1] if len(numbers) > 1 else 130) if numbers else (0, 130)
        return "" if age.youngest <= high and low <= age.oldest else f"the recorded age is {facts.age_band}"
    return "no age is recorded" if age.oldest - age.youngest < _MOST_OPEN else ""


# --- sex ---


def _sexes(statement: Statement, asked: Asked, facts: Facts) -> Iterator[str]:
    question, given = asked.question, asked.given
    told = _sexes_told(statement.text)
    if len(told) != 1 or facts.sex in told:
        return
    [(sex, found)] = told.items()
    is_imagined = _WOULD.search(question) and [each for each in _SEXES if _NOUNS[each].search(question)] == [sex]
    is_given = is_imagined or [each for each in _SEXES if _is_given(each, given)] == [sex]
    is_pronoun = bool(_PRONOUNS[sex].fullmatch(found.group()))
    is_whose = _WHOSE.match(statement.text, found.start()) and not statement.supposes(found.start())
    text = statement.text[: found.start()] if is_whose else statement.text
    if _is_of_others(text) if is_pronoun else _A_RELATIVE.search(text):
        return
    if not is_given and (is_pronoun or not _is_loose(statement, found)):
        known = f"the recorded sex is {facts.sex}" if facts.sex else "no sex is recorded"
        yield f"says {found.group()!r} where {known}"


def _is_given(sex: Sex, given: str) -> bool:
    return any(each[sex].search(given) for each in (_NOUNS, _PRONOUNS)) or sex in given.split()


@lru_cache(maxsize=8192)
def _sexes_told(text: str) -> Mapping[Sex, re.Match[str]]:
    """The sexes that a sentence tells, each with the first words that do."""
    first = {sex: _sex_told(text, sex) for sex in _SEXES}
    return {sex: told for sex, told in first.items() if told}


def _sex_told(text: str, sex: Sex) -> re.Match[str] | None:
    return next((found for each in (_NOUNS, _PRONOUNS, _ALONE) if (found := each[sex].search(text))), None)


@lru_cache(maxsize=8192)
def _is_of_others(text: str) -> bool:
    """Whether a pronoun may be that of somebody else; of a noun, a doctor who is named says nothing."""
    return bool(_SOMEBODY_ELSE.search(text))


# --- place on the body ---


_ASKS_PLACE = re.compile(
    r"\bwhere\b(?! (?:do|does|can|would|could|else|should))|\b(?:which|what) (?:[\w-]+ ){0,2}?(?:part|region|site"
    r"|area|place|location"
    r"|side|limb)\b|\b(?:anatomical|body) (?:site|location|region|part)\b|\blocali[sz]ation\b"
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|be|has|have|had|can|could|may|might|must|should|will|would|do|does|did|shows?|lies?|sits?"
    r"|grows?|occurs?|arises?|favou?rs?)\b|n['’]t\b"
)
_MOST_OF_A_NOTE = 10  # words


def _is_note(text: str) -> bool:
    """Whether a sentence is a few words without a verb: "Left cheek, below the eye"."""
    return len(text.split()) <= _MOST_OF_A_NOTE and not _VERB.search(text)


def _sites(statement: Statement, asked: Asked, facts: Facts) -> Iterator[str]:
    """A place that shares no zone with the recorded one; where none is recorded, the image may show it."""
    known = zones_of(facts.body_site) if facts.body_site else frozenset()
    hits = site_terms().find(statement.text) if known else []
    if not hits or any(hit.meaning & known and not _SPARED.search(statement.clause_before(hit.start)) for hit in hits):
        return
    for hit in hits:
        told = statement.text[hit.start : hit.end]
        is_answer = _is_note(statement.text) and bool(_ASKS_PLACE.search(asked.question))
        if told not in asked.given and _is_placed(statement, hit, hits, is_answer=is_answer):
            yield f"says {told!r} where the recorded place is {facts.body_site}"
            return


_SPARED = re.compile(
    r"\b(?:spar(?:es?|ed|ing)|not|rather than|instead of|away from) (?:on |in |at )?(?:the |his |her |your )?(?:\w+ )?$"
)
_OF_A_DISEASE = re.compile(r"^(?:an? )?(?:[\w’'-]+ ){1,4}?(?:is|are|has|have|may|can|\w+s)\b")
_ADVISED = re.compile(r"^[^.;]*\b(?:should|must|needs? to|ought|worth|deserves?)\b")
_IN_GENERAL = re.compile(
    r"\b(?:common(?:ly|er)?|mostly|most of (?:them|these)|passes for|most (?:frequent|common|likely|usual"
    r"|often)\w*|those on"
    r"|typical of|favou?rs?|predilection|anywhere|everywhere|fever|breathing|emergency|urgent|sores)\b"
    r"|^(?:on|in|at|along|over) (?!.*\b(?:seen|visible|shown|noted|found|present|identified|observed"
    r"|there)\b)[\w ,]{3,40} (?:an?|such|these|most|many) (?:[\w-]+ ){1,4}(?:is|are|has|have|\w+s)\b"
)


def _names_first(text: str) -> bool:
    """Whether a sentence begins with a disease, of which it then speaks in general."""
    return any(hit.start <= len("an ") for hit in diagnosis_terms().find(text))


def _is_elsewhere(statement: Statement, hit: Hit[frozenset[str]]) -> bool:
    """Whether the words are no place, or one that is held against that of the lesion."""
    before, told = statement.text[: hit.start], statement.text[hit.start : hit.end]
    if _NOT_A_PLACE.search(f"{before}{told}") or _NO_PLACE_AFTER.match(statement.text[hit.end :]):
        return True
    is_away = _OF_ANOTHER.search(before) or _AWAY.search(statement.clause_before(hit.start))
    return bool(is_away) or statement.supposes(hit.start)


def _is_of_any(statement: Statement, hit: Hit[frozenset[str]]) -> bool:
    """Whether the sentence tells where such lesions are, and not this one."""
    is_general = statement.clause(hit.start, hit.end).is_general or _IN_GENERAL.search(statement.text)
    is_supposed = _ONE_WOULD.search(statement.text[: hit.start]) and _WOULD.search(statement.text[hit.end :])
    return bool(is_general or is_supposed)


_ITEM_BEGINS = re.compile(r"(?:^|[,;] )(?:left |right |l |r |the |upper |lower |inner |outer )*$")  # of a note
_ITEM_ENDS = re.compile(r"[,;]")
_AS_HERE = re.compile(r"\bas (?:\w+ )?(?:here|in (?:this|the present|our) (?:case|patient|image|picture|photograph))\b")
_IS_WHERE = re.compile(
    r"^, where (?:this|the|her|his|your)\b|\b(?:which|that|this|it|and) is (?:also |just |exactly "
    r"|precisely )?where (?:this|the|her|his|it|your)\b"
)


def _is_placed(
    statement: Statement, hit: Hit[frozenset[str]], hits: Collection[Hit[frozenset[str]]], *, is_answer: bool
) -> bool:
    """Whether the sentence says that the lesion is at this place; a note is, in answer to a question for the place."""
    before, after = statement.text[: hit.start], statement.text[hit.end :]
    is_this_one = bool(_OF_THIS_ONE.search(statement.clause_before(hit.start)) or _AS_HERE.search(statement.text))
    if _is_elsewhere(statement, hit):
        return False
    if _IS_WHERE.search(after):
        return True
    if not is_this_one and _is_of_any(statement, hit):
        return False
    if is_answer or (len(hits) == 1 and _NOTHING_ELSE.match(before) and re.match(r"\W*$", after)):
        return True
    if _OF_A_DISEASE.search(statement.text) and not is_this_one and _names_first(statement.text):
        return False
    if _ADVISED.match(after) and not is_this_one:
        return False
    if _ITEM_BEGINS.search(before) and _ITEM_ENDS.match(after) and not _VERB.search(statement.text):
        return True
    if _SIDED.search(before) and re.match(r"^(?:[,.;:]|$)", after):
        return True
    if len(hits) == 1 and _NOTHING_ELSE.match(before) and _HEADS_A_NOTE.match(after):
        return True
    is_subject = _AS_SUBJECT.search(statement.clause_before(hit.start)) and _SHOWS.match(after)
    return bool(_PLACED.search(before) or _COMPOUND.match(after) or is_subject)
