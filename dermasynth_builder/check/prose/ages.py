"""Ages that a text tells, in figures, in words, in decades and in stages of life."""

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from dermasynth_builder.check.prose.patterns import Pattern, Patterns

_ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = (
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = {word: value for value, word in enumerate((*_ONES, *_TEENS), 1)}
_VALUES |= dict(zip(_TENS, range(20, 100, 10), strict=True))
_N = (
    rf"(\d{{1,3}}|(?:{'|'.join(_TENS)})(?:[- ](?:{'|'.join(_ONES)}))?"
    rf"|{'|'.join(sorted((*_ONES, *_TEENS), key=len, reverse=True))})"
)
_SOME = r"(?:about |around |roughly |approximately |nearly |almost |only |just |now |already |perhaps |~ ?|c\. ?)*"
_WHO = (
    r"(?:man|woman|male|female|patient|person|individual|adult|lady|gentleman|boy|girl|child|someone|somebody"
    r"|father|mother|grand(?:father|mother)"
    r"|caucasian|m\b|f\b)"
)
_NO_MEASURE = (
    r"(?! ?(?:%|mm|cm|millim|centim|percent|per cent|of|to|x|×|times|days?|weeks?|months?|lesions?|spots?|[-–]))"
)
_IN_YEARS = re.compile(
    rf"\b{_N}[- ]?(?:years?|yrs?|y)[- ]?(?:old|of age|young)\b"
    rf"|\b{_N}[- ]?(?:yo|y/o|y\.o\.)(?!\w)"
    rf"|\b{_N}[- ](?:years?|yrs?)[- ]?(?= ?{_WHO}\b)"
    rf"|\bage(?:d|s|:)?(?: of| is| was)? {_SOME}{_N}\b{_NO_MEASURE}"
    rf"|\b{_WHO}(?: of|,| who is| is|, aged| aged) {_SOME}{_N}\b{_NO_MEASURE}(?= ?(?:years?|yrs?)\b|[,.;]|$"
    rf"| (?:with|who|has|and|presents|presenting))"
    rf"|\b(?:he|she|who)(?: is|['’]s| was|(?: has| had)?(?: just| recently)? turned| turns"
    rf"| being) {_SOME}{_N}\b{_NO_MEASURE}"
    rf"|\bat {_SOME}{_N}(?:,| (?:he|she)\b| years,)"
)
_IN_A_RANGE = re.compile(
    rf"\bage(?:d|s|:)?(?: group| band| range| bracket)?(?: is| of|:)?(?: between| from)? {_N} ?(?:-|–|to|and) ?{_N}\b"
    rf"|\b{_N}(?: to | or |-to-|-|–){_N}[- ]years?[- ](?:old|of age)\b"
)
_SHORTHAND = re.compile(r"(?:^|\b(?:patient|pt|case|summary|history|hx)[:,]? )(\d{1,3}) ?(?:y/?o? ?)?[mf](?=[ ,.;:]|$)")
_DECADE = re.compile(
    r"\b(?:in|into) (?:his|her|their|the) (?:early |mid|middle |late |very )*[- ]?(\w+ties|teens|\d0s)\b"
)
_PART_OF_DECADE = re.compile(r"(?<!their )\b(?:early|mid|late)[- ](\w+ties|teens|\d0s)\b")
_ORDINAL = re.compile(r"\bin (?:his|her|the|their) (\w+) decade\b")
_NAMED = re.compile(
    r"\b(?:(?:an?|this|the) (?:[\w-]+ )?(?=\w+(?:genarian|centenarian|[- ]?something)\b)|(?=\w+genarians (?:like"
    r"|such as) (?:her|him"
    r"|this)\b))(\w+genarian|centenarian|(?:\w+ty|\d0)[- ]?something)s?\b"
)
_NAMES = {
    **dict(
        zip(
            ("quadragenarian", "quinquagenarian", "sexagenarian", "septuagenarian", "octogenarian", "nonagenarian"),
            range(40, 100, 10),
            strict=True,
        )
    ),
    **{f"{tens}something": value for tens, value in zip(_TENS, range(20, 100, 10), strict=True)},
    **{f"{value}something": value for value in range(20, 100, 10)},
    "centenarian": 100,
}
_DECADES = {
    **{f"{tens}0s": int(tens) * 10 for tens in "23456789"},
    **{f"{tens[:-1]}ies": value for tens, value in zip(_TENS, range(20, 100, 10), strict=True)},
}
_ORDINALS = dict(
    zip(
        ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
        range(0, 100, 10),
        strict=True,
    )
)
_ADULT = (
    r"(?:man|woman|patient|person|adult|lady|gentleman|gent|guy|individual|male|female|citizen|mother|father|fellow)"
)
_NOTED = (  # what follows who a note begins with: "Teenager with a plaque"
    r"(?=[,.;:]|$| (?:with|who|whose|presents?|presenting|has|had|shows?|showing|seen|came|referred|male|female|patient"
    r"|boy|girl|from|of \d))"
)
_NO_KIND = r"(?!['’]s (?:skin|rash)|-| (?:skin|rash|acne|eczema|warts?|hand|moles?)\b)"


def _stage(nouns: str, before: str = "") -> re.Pattern[str]:
    """A stage of life, of somebody who is pointed out, or at the head of a note."""
    told = rf"{before}(?:[\w-]+ )??(?:{nouns})\b"
    return re.compile(
        rf"\b(?:(?:the|an?|her|his|one|little|(?:patient|person|subject|he|she) (?:is|was)) {told}{_NO_KIND}"
        rf"|(?:this|our|your) {told}(?!-))|^{told}{_NOTED}"
    )


_STAGES: tuple[tuple[re.Pattern[str], int, int], ...] = (
    (_stage("newborn|neonate|baby|infant|toddler"), 0, 4),
    (
        re.compile(
            r"\b\d+[- ](?:months?|weeks?|days?)[- ]old (?:baby|infant|boy|girl|child|newborn|male|female|patient)"
        ),
        0,
        4,
    ),
    (_stage("child|boy|girl|kid|schoolchild|schoolboy|schoolgirl|preschooler|youngster"), 1, 17),
    (
        _stage("patient|child|case|boy|girl|person", "(?:pa?ediatric|school-age|school-aged|prepubertal|underage) "),
        1,
        17,
    ),
    (_stage("teenager|adolescent|teen|pre-?teen|tween|teenaged? \\w+"), 10, 20),
    (_stage(_ADULT, "(?:very )?(?:elderly|aged|old|older|geriatric|senior|retired) "), 55, 130),
    (_stage(r"\w+", "retired "), 50, 130),
    (re.compile(r"\bout of (?:his|her|their) teens\b"), 17, 25),
    (_stage("pensioner|senior citizen|retiree|great-?grand(?:mother|father)"), 55, 130),
    (
        re.compile(r"\bof (?:an )?(?:very )?(?:advanced|old|great|high|retirement) age\b|\bin (?:his|her) old age\b"),
        55,
        130,
    ),
    (_stage(_ADULT, "(?:very )?young(?:er|ish)? "), 12, 39),
    (_stage(rf"adult(?: {_ADULT})?"), 17, 130),
    (_stage(f"middle-aged(?: {_ADULT})?"), 35, 69),
    (re.compile(r"\bin (?:his|her|the patient['’]s) (?:mid-?life|middle age)\b|\bof middle age\b"), 35, 69),
)
_PATTERNS = Patterns(
    {f"stage {place}": pattern for place, (pattern, *_) in enumerate(_STAGES)}
    | {"decade": _DECADE, "part": _PART_OF_DECADE, "ordinal": _ORDINAL, "named": _NAMED}
)
_BOUND = re.compile(
    rf"\b(?:he|she|(?:this|the|our) (?:[\w-]+ )?{_WHO}|who)(?: is| was|['’]s) (?:well |just |far |already )?(?:(over"
    rf"|past|beyond"
    rf"|above|on the (?:far|wrong) side of|upwards of)|(under|below|not yet)|(?:nearing|approaching|pushing|close to"
    rf"|short of"
    rf"|just short of|on the verge of)) (?:the age of )?{_N}\b{_NO_MEASURE}(?! ?(?:and|or|to) \d)"
)
_ANSWERED = re.compile(  # to a question for the age, where a number is one
    rf"^(?:[\w'’]+ ){{0,5}}?(?:(?:{_N} (?:to|or|and) |(\d+) ?[-–] ?))?{_N}(?: years?| or so| or thereabouts)?\W*$"
    rf"|\bat (?:the age of )?{_SOME}{_N}\b{_NO_MEASURE}"
)


_OLDEST = 130
_NEARLY = 9  # years that are missing at most to a number that somebody is nearing
_FIGURE = re.compile(r"\d")
_NUMBER_WORDS = Pattern(re.compile(f"{'|'.join((*_TENS, *_TEENS))}|years?|age[ds]? (?:{'|'.join(_ONES)})"))


class Age(NamedTuple):
    """An age that a text tells, from and to."""

    found: re.Match[str]
    youngest: int
    oldest: int


@lru_cache(maxsize=8192)  # sentences come again
def ages(text: str) -> Sequence[Age]:
    """Each age in a text in lower case."""
    return tuple(_ages(text))


def _ages(text: str) -> Iterator[Age]:
    if _FIGURE.search(text) or _NUMBER_WORDS.search(text):
        for found in _IN_A_RANGE.finditer(text):
            youngest, oldest = (years_of(each) for each in found.groups() if each)
            yield Age(found, youngest, oldest)
        for pattern in (_IN_YEARS, _SHORTHAND):
            for found in pattern.finditer(text):
                years = years_of(next(filter(None, found.groups())))
                yield Age(found, _from(text[: found.start()], years), years)
        for found in _BOUND.finditer(text):
            years = years_of(found[3])
            youngest = years if found[1] else 0 if found[2] else years - _NEARLY
            yield Age(found, youngest, _OLDEST if found[1] else years)
    if told := _PATTERNS.found(text):
        yield from _decades(text, told)
        for place, (pattern, youngest, oldest) in enumerate(_STAGES):
            for stage in pattern.finditer(text) if f"stage {place}" in told else ():
                yield Age(stage, youngest, oldest)


_RANGE = re.compile(rf"\b{_N} ?(?:-|–|to|and|or) ?$")  # of which the end is told with its unit


def _from(before: str, years: int) -> int:
    found = _RANGE.search(before)
    return min(years, years_of(found[1])) if found else years


@lru_cache(maxsize=2048)
def ages_answered(text: str) -> Sequence[Age]:
    """The ages in an answer to a question for the age of the patient, numbers alone among them."""
    told = list(ages(text))
    for found in _ANSWERED.finditer(text):
        *_, years = [years_of(each) for each in found.groups() if each]
        if not any(age.found.start() <= found.end() and found.start() <= age.found.end() for age in told):
            youngest = min(years_of(each) for each in found.groups() if each)
            told.append(Age(found, youngest, years))
    return tuple(told)


def _decades(text: str, possible: Collection[str]) -> Iterator[Age]:
    for name, pattern, begins in (
        ("decade", _DECADE, _DECADES),
        ("part", _PART_OF_DECADE, _DECADES),
        ("ordinal", _ORDINAL, _ORDINALS),
        ("named", _NAMED, _NAMES),
    ):
        for found in pattern.finditer(text) if name in possible else ():
            told = re.sub("[- ]", "", found[1])
            if told == "teens":
                yield Age(found, 13, 19)
            elif told in begins:
                yield Age(found, begins[told], begins[told] + 9)


def years_of(told: str) -> int:
    """The number of figures or words."""
    return int(told) if told.isdigit() else sum(_VALUES[word] for word in re.split("[- ]", told))
