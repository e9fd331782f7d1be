"""Row by row: a model that speaks of itself, of its task or of what it was told, in place of the image."""

import re
from collections.abc import Iterable, Iterator
from functools import cache

from ahocorasick_rs import AhoCorasick

from dermasynth_builder.check.prose.patterns import Patterns
from dermasynth_builder.check.prose.statements import answers, words
from dermasynth_builder.check.prose.talk import HONEST, TALK
from dermasynth_builder.core.files import resource_dir
from dermasynth_builder.core.records import Finding, Pair, Severity

NAME = "speech"
_ABOUT_RECORD = re.compile(
    r"\b(?:records?|recorded|reports?|reported|documented|file|chart|noted|notes|stated|on paper)\b"
)
_MACHINE = re.compile(r"metadata|data ?set|prompt|annotat|label|csv|json|assigned|caption|instruct|training|_")
_SHORT = 12  # words; so short an answer that refuses says nothing else
_GIVEN = re.compile(
    r"record|chart|file|note|document|metadata|label|data|report|information|annotat|registered|stated|given|history"
    r"|table|entr|list|description|detail|context|tag|instruct|guideline|asked|assign|confirm"
)
_PREAMBLE = re.compile(
    r"^(?:(?:sure|of course|certainly|absolutely)(?=\s?[,!:—-])|(?:(?:great|good|excellent) question|happy to help"
    r"|i['’]d be happy|thanks? (?:you )?for(?! (?:your (?:letter|referral)|referring|the referral))"
    r"|here(?: is|['’]s| are) (?:the|an?|your|my) (?:answer|description|response|overview|explanation|analysis|summary"
    r"|question)|(?:question|answer|response|assistant|user|q|a(?!\s*:.{0,300}\bb\s*:))\s*:"
    r"|let me (?:describe|explain|look|analy[sz]e)|as requested)(?=[\s,.!:;—-]|$))"
)
_LEAKS = ("leak", "hint")
_TOLD = Patterns(TALK, is_of_sentences=False)
_UNTOLD = Patterns({name: TALK[name] for name in TALK if name not in _LEAKS}, is_of_sentences=False)
_REASONS = {
    "refusal": "refuses",
    "no image": "speaks of an image that did not come",
    "service": "is a message of a service",
    "machine": "speaks of itself as a machine",
    "instruction": "holds an instruction",
    "leak": "tells of what the prompt held",
    "hint": "seems to tell of what the prompt held",
}
_COPIED = 6  # words in a row that an answer has in common with a prompt's own wording
_TAG = re.compile(r"\{[%{#].*?[%}#]\}", re.DOTALL)


def check_speech(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Rejects refusals, messages of a service, talk of an image that did not come, leaks and echoes of the prompt.

    What no model wrote was told nothing that it could leak.
    """
    for pair in pairs:
        for severity, reason in dict.fromkeys(_reasons(pair)):
            yield Finding(pair.pair_id, NAME, severity, reason)


def _reasons(pair: Pair) -> Iterator[tuple[Severity, str]]:
    said: set[str] = set()
    for asked, answer, low, *_ in answers(pair):
        yield from _talk(low, asked, is_told=pair.model is not None)
        if told := _echo(answer, asked):
            yield "reject", told
        elif found := _PREAMBLE.match(low):
            yield "flag", f"begins with an address: {found.group()!r}"
        if len(pair.messages) > 2:
            plain = " ".join(words(answer))
            if plain in said and len(plain) > 20:
                yield "reject", "gives one answer in two turns"
            said.add(plain)


def _talk(answer: str, asked: str, *, is_told: bool) -> Iterator[tuple[Severity, str]]:
    """What the answer tells that is no answer, one reason a kind; what no model wrote was told nothing."""
    for name, told in (_TOLD if is_told else _UNTOLD).found(answer).items():
        if found := next((each for each in told if not _is_right(name, each, asked)), None):
            yield ("flag" if name == "hint" else "reject"), f"{_REASONS[name]}: {found.group().strip()!r}"


def _is_right(name: str, found: re.Match[str], asked: str) -> bool:
    """Whether the words answer: the question speaks of the record too, or they say what one image does not show."""
    if name == "refusal":
        rest = found.string[found.end() :]
        return bool(HONEST.match(rest)) and len(words(found.string)) > _SHORT
    if name not in _LEAKS:
        return False
    told = found.group()
    if "_" in told:
        return told.strip() in asked
    is_plain = _ABOUT_RECORD.search(asked) and not _MACHINE.search(told)
    return bool(is_plain) or any(each.group() in asked for each in _GIVEN.finditer(told))


def _echo(answer: str, question: str) -> str:
    told = words(answer)
    if told == words(question) and len(told) > 2:
        return "is the question again"
    plain = f" {' '.join(told)} "
    copied = _prompt_shingles().find_matches_as_indexes(plain)
    return f"repeats the prompt: {plain[copied[0][1] : copied[0][2]].strip()!r}" if copied else ""


@cache
def _prompt_shingles() -> AhoCorasick:
    """All runs of so many words in the prompts' own wording, each between spaces."""
    shingles: set[tuple[str, ...]] = set()
    for path in sorted((resource_dir("prompts") / "templates").glob("*.jinja")):
        for piece in _TAG.split(path.read_text(encoding="utf-8")):
            told = words(piece)
            shingles.update(told[place : place + _COPIED] for place in range(len(told) - _COPIED + 1))
    return AhoCorasick([f" {' '.join(each)} " for each in sorted(shingles)])
