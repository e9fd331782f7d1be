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
    rf"|\b(?:he|she)(?: is|['’]s| was| turned| being) {_SOME}{_N}\b{_NO_MEASURE}"
    rf"|\bat {_SOME}{_N}(?:,| (?:he|she)\b| years,)"
)
_SHORTHAND = re.compile(r"(?:^|\b(?:patient|pt|case|summary|history|hx)[:,]? )(\d{1,3}) ?(?:y/?o? ?)?[mf](?=[ ,.;:]|$)")
_DECADE = re.compile(
    r"\b(?:in|into) (?:his|her|their|the) (?:early |mid|middle |late |very )*[- ]?(\w+ties|teens|\d0s)\b"
)
_PART_OF_DECADE = re.compile(r"(?<!their )\b(?:early|mid|late)[- ](\w+ties|teens|\d0s)\b")
_ORDINAL = re.compile(r"\bin (?:his|her|the|their) (\w+) decade\b")
_NAMED = re.compile(r"\b(?:an?|this|the) (?:[\w-]+ )?(\w+genarian|centenarian|(?:\w+ty|\d0)[- ]?something)\b")
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
_DETERMINED = r"\b(?:this|the|an?|her|his|our|your)"
_STAGES: tuple[tuple[re.Pattern[str], int, int], ...] = (
    (
        re.compile(
            rf"{_DETERMINED} (?:[\w-]+ )?(?:newborn|baby|infant|toddler|neonate)\b(?!['’]s (?:skin|rash)|-| skin)"
        ),
        0,
        4,
    ),
    (
        re.compile(
            r"\b\d+[- ](?:months?|weeks?|days?)[- ]old (?:baby|infant|boy|girl|child|newborn|male|female|patient)"
        ),
        0,
        4,
    ),
    (
        re.compile(
            r"\b(?:this|the|an?|your|young|little) (?:[\w-]+ )?(?:child|boy|girl|schoolchild|schoolboy|schoolgirl"
            r"|preschooler)"
            r"\b(?!['’]s|-|hood)|\b(?:this|the|a) (?:pa?ediatric|school-age|prepubertal) (?:patient|child|case"
            r"|boy|girl)\b"
        ),
        1,
        17,
    ),
    (re.compile(rf"{_DETERMINED} (?:[\w-]+ )?(?:teenager|adolescent|teen|teenage(?:d)? \w+)\b"), 11, 20),
    (
        re.compile(
            rf"{_DETERMINED} (?:very )?(?:elderly|aged|old|older|geriatric|senior|retired) (?:[\w-]+ )?(?:man"
            rf"|woman|patient"
            r"|person|adult|lady|gentleman|individual|male|female|citizen)\b|\b(?:this|the|a) (?:pensioner"
            r"|senior citizen)\b"
        ),
        55,
        130,
    ),
    (
        re.compile(
            rf"{_DETERMINED} (?:very )?young(?:er)? (?:[\w-]+ )?(?:man|woman|adult|patient|person|lady|mother"
            rf"|father|male"
            r"|female|individual)\b"
        ),
        12,
        39,
    ),
    (re.compile(rf"{_DETERMINED} (?:[\w-]+ )?middle-aged\b"), 35, 69),
)
_PATTERNS = Patterns(
    {f"stage {place}": pattern for place, (pattern, *_) in enumerate(_STAGES)}
    | {"decade": _DECADE, "part": _PART_OF_DECADE, "ordinal": _ORDINAL, "named": _NAMED}
)


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
        for pattern in (_IN_YEARS, _SHORTHAND):
            for found in pattern.finditer(text):
                years = years_of(next(filter(None, found.groups())))
                yield Age(found, years, years)
    if told := _PATTERNS.found(text):
        yield from _decades(text, told)
        for place, (_, youngest, oldest) in enumerate(_STAGES):
            for stage in told.get(f"stage {place}", ()):
                yield Age(stage, youngest, oldest)


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
