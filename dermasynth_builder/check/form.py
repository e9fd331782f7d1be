"""Row by row: text that no reader should meet, and text that was not asked for as plain text in English."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from operator import eq
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick

from dermasynth_builder.check.prose.statements import statements, words
from dermasynth_builder.check.prose.vocabulary import word_tables
from dermasynth_builder.core.records import Finding, Pair, Severity

NAME = "form"
_STOPS = ".?!\"')]”’»…"
_MARKUP_END = " \n\t*_~`"
_SHORT = 4  # words that may answer without a stop: "Basal cell carcinoma", "None are seen"
_NOTE = 12  # words of a note that has no subject: "Adequate; slightly out of focus"
_SHORT_ITEM = 6  # words of what stands between the semicolons of a note
_WHERE_OR_HOW = re.compile(r"\W*(?:on|in|at|with|under|between|by|through|from|near|over|behind)\b", re.I)
_FINITE = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|could|may|might|must|should|will|would|do|does|did|shows?|lies|sits"
    r"|appears?|looks?|seems?|consists?|suggests?|measures?)\b|n['’]t\b",
    re.I,
)
_SENTENCE = re.compile(r"[.!?]\s+[A-Z]")
_SUBJECT = re.compile(
    r"\W*(?:the|an?|this|that|these|those|it|there|he|she|they|we|i|you|in|on|at|its?|his|her|your|what|when|as"
    r"|if|taken|based|with"
    r"|for|because|since|while|although|to|from|by|of|under|overall|here|one|some|several|both)\b",
    re.I,
)
_NO_ANSWER = re.compile(
    r"\W*(?:n\s?/\s?a|n\.a\.|null|nil|none given|no (?:answer|response|reply|output|content)|empty|tbd"
    r"|undefined)?\W*",
    re.I,
)
_LAST_POINT = re.compile(r"\n\s*(?:\d+[.)]|[-*•])\s*$")  # begun, and nothing in it
_TO_FINISH = re.compile(r"\b(?:complete|finish|continue|fill)\b", re.I)
_OPTION = re.compile(r"(?:^|\s)\(?[a-d][).]\s", re.I)
_BLANK = re.compile(r"_{3,}")  # to be filled in


class _Trace(NamedTuple):
    """What a machine leaves in a text."""

    what: str
    severity: Severity
    marks: tuple[str, ...]  # a text without any of these has none of it; to look for them is cheaper
    pattern: re.Pattern[str]


_TRACES: tuple[_Trace, ...] = (
    _Trace(
        "a missing value in words",
        "reject",
        ("nan", "NaN", "null", "UNK", "None", "undefined"),
        re.compile(
            r"\b(?:nan|NaN|UNK)\b|(?<=[a-z:,(] )None\b(?! of\b)|\b(?:is|are|was|of|with|the|:) null(?=\s*[.,;)]|\s*$)"
            r"|\b(?:is|are|was|with|of|the|:) undefined(?=[.,;])"
        ),
    ),
    _Trace(
        "an empty list or slot",
        "reject",
        ("(", "[", "{", "}}", "<", "_", "TODO", "XX", "orem"),
        re.compile(
            r"\(\s*\)|\[\s*\]|\{\w*\}|\{\{|\}\}|_{3,}|\bTODO\b|\bX{2,}\b|\b[Ll]orem ipsum"
            r"|(?-i:\[[A-Z][A-Z _]{2,20}\])|[\[<{](?:insert|your|the|add|name|age|site|sex|patient|diagnosis"
            r"|answer|question|body|fill|lesion|condition|location)\b"
            r"[^\]>}]{0,40}[\]>}]|\[(?:describe|specify|state|mention|name|list|enter|choose|select|colou?r|size"
            r"|shape|number|date|term|structures?|features?|type|side)\b[^\]]{0,60}\]",
            re.IGNORECASE,
        ),
    ),
    _Trace("a code fence", "reject", ("```",), re.compile(r"```")),
    _Trace("a piece of JSON", "reject", ('"', "\\n"), re.compile(r"\w+\"\s*:\s*[\"\[{]|\\n\\n|\\u[0-9a-f]{4}")),
    _Trace(
        "markup of a web page",
        "reject",
        ("<", "&", ":", "](", "]:"),
        re.compile(
            r"</?[a-z][\w:-]*(?:\s+[\w:-]+\s*=[^<>]*|\s*/)?\s*>|<(?:!--|!doctype|\?)"
            r"|</?(?:p|br|b|i|em|strong|div|span|ul|ol|li|h[1-6]|html|body|a|form|input|video|audio)\b[^>]*>"
            r"|<(?:script|iframe|img|svg|style|object|embed|link|meta|base)\b"
            r"|&(?:[a-z]{2,8}|#\d+|#x[0-9a-f]+);|\b(?:javascript|vbscript|data:text/html)\s*:|\]\([^)\s]"
            r"|^\s*\[[^\]\n]+\]:\s",
            re.IGNORECASE | re.MULTILINE,
        ),
    ),
    _Trace(
        "a formula of a spreadsheet",
        "reject",
        ("=", "@", "(", "!"),
        re.compile(r"^\s*[=@](?=\S)|(?:[=+@]|^\s*-)[A-Z]{2,}[A-Z.]*\(|\|\s*'[^']*'!\w", re.MULTILINE),
    ),
    _Trace(
        "broken encoding",
        "reject",
        ("\ufffd", "Ã", "â€", "Â", "\x00"),
        re.compile("[\ufffd\x00]|Ã[\x80-\xbf©¤¶¼±]|â€.|Â[\x80-\xbf °]"),
    ),
    _Trace("a code of a release", "reject", ("ACK", "SEK", "NEV", "FST"), re.compile(r"\b(?:ACK|SEK|NEV|FST\d)\b")),
    _Trace("doubled stops", "flag", ("..", ",,"), re.compile(r"[^.]\.\.(?!\.)|,,")),
    _Trace(
        "markup",
        "flag",
        ("#", "**", "__", "|", "$", "\\"),
        re.compile(
            r"(?m)^#{1,6} |\*\*[^*\n]+\*\*|__[^_\n]+__|^\|.*\|$|\$[^$\n]*\\\w+[^$\n]*\$|\\(?:textbf|frac"
            r"|item)\b"
        ),
    ),
)
_MARKED = [trace for trace in _TRACES for _ in trace.marks]
_MARKS = AhoCorasick([mark for trace in _TRACES for mark in trace.marks])
_OTHER_SCRIPT = re.compile(
    r"[\u0370-\u03ff\u0400-\u04ff\u0590-\u05ff\u0600-\u06ff\u0900-\u097f\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)
_GREEK_LETTER = re.compile(r"(?<![\u0370-\u03ff])[\u0370-\u03ff](?![\u0370-\u03ff])")  # in a name
_LETTERED = re.compile(r"\b\w*[ğışçąęłńśźżčřšžěůťďőűăâîțșåøæßãõñĞİŞÇĄĘŁŃŚŹŻČŘŠŽĚŮŤĎŐŰĂÂÎȚȘÅØÆÃÕÑ\u1ea0-\u1ef9ơưđ]\w*\b")
_LETTERED_ENGLISH = re.compile(r"\b(?:the|is|are|and|of|with)\b")
_MOST_LETTERED = 4  # words with letters that English does not have
_MOST_RUN = 4  # the same words so often in a row are a loop
_MOST_WORD_RUN = 6
_LONG_RUN, _MOST_LONG_RUN, _LONGEST_RUN = 6, 3, 16
_SAME_SENTENCE = 3
_LEAST_STRANGE = 3  # words of another language


def check_form(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Rejects empty, cut-off, foreign, looping and machine-marked texts; flags what is marked up."""
    for pair in pairs:
        later = (("question" if turn.role == "user" else "answer", turn.content) for turn in pair.messages[2:])
        for name, text in (("question", pair.question), ("answer", pair.answer), *later):
            for severity, reason in _reasons_of(text, name == "question"):
                yield Finding(pair.pair_id, NAME, severity, f"the {name} {reason}")


@lru_cache(maxsize=2048)  # questions of a bank come again and again
def _reasons_of(text: str, is_question: bool) -> tuple[tuple[Severity, str], ...]:
    return tuple(_reasons(text, is_question))


def _reasons(text: str, is_question: bool) -> Iterator[tuple[Severity, str]]:
    end = text.rstrip(_MARKUP_END)
    if not end.strip() or _NO_ANSWER.fullmatch(text):
        yield "reject", "is empty"
        return
    if end[-1] not in _STOPS and not _is_whole(text, end, is_question=is_question):
        may_end = is_question and end[-1].isalnum() and end.split()[-1].lower() not in word_tables().never_last
        yield ("flag" if may_end else "reject"), "ends without a stop"
    elif _LAST_POINT.search(text):
        yield "reject", "ends with a point of a list that holds nothing"
    elif text.rstrip().endswith(("…", "...")) and not (is_question and _TO_FINISH.search(text)):
        yield "flag", "trails off"
    marked = {_MARKED[which].what for which, *_ in _MARKS.find_matches_as_indexes(text, overlapping=True)}
    for trace in _TRACES if marked else ():
        found = trace.pattern.search(text) if trace.what in marked else None
        if found and not (is_question and _BLANK.fullmatch(found.group())):
            yield trace.severity, f"holds {trace.what}: {found.group()[:60]!r}"
    if told := _foreign(text):
        yield "reject", f"is not in English: {told!r}"
    if told := _loop(text):
        yield "reject", f"says one thing over and over: {told!r}"


def _is_whole(text: str, end: str, *, is_question: bool) -> bool:
    """Whether a text that ends without a stop is whole: a few words, a list, a choice, or closed emphasis."""
    told = end.split()
    if not end[-1].isalnum() or told[-1].lower() in word_tables().never_last:
        return False
    is_note = not _SUBJECT.match(text) or (_WHERE_OR_HOW.match(text) and not _FINITE.search(text))
    if not is_question and (len(told) <= _SHORT or (len(told) <= _NOTE and is_note and not _SENTENCE.search(text))):
        return True
    mark = text.rstrip()[-1]
    items = end.split(";")
    if len(items) > 2 and max(len(item.split()) for item in items) <= _SHORT_ITEM:
        return True
    is_closed = mark in "*_`" and text.count(mark) % 2 == 0
    return is_closed or _is_list(end) or (is_question and len(_OPTION.findall(text)) > 1)


def _is_list(text: str) -> bool:
    """Whether the last lines are points of a list, which need no stop."""
    lines = text.strip().splitlines()
    return len(lines) > 2 and all(re.match(r"\s*(?:[-*•]|\d+[.)])\s+\S", line) for line in lines[-2:])


def _foreign(text: str) -> str:
    """The first words that are of another language; "" where there are none."""
    if not text.isascii() and (other := _OTHER_SCRIPT.findall(_GREEK_LETTER.sub("", text))) and len(other) > 1:
        return "".join(other[:20])
    if (
        not text.isascii()
        and len(_LETTERED.findall(text)) >= _MOST_LETTERED
        and not _LETTERED_ENGLISH.search(text.lower())
    ):
        return text[:40]
    if word_tables().strange.isdisjoint(words(text)):
        return ""
    if sum(word in word_tables().strange for word in words(text)) < _LEAST_STRANGE:
        return ""
    for sentence in [text, *(each.text for each in statements(text))]:
        told = words(sentence)
        strange = sum(word in word_tables().strange for word in told)
        known = sum(word in word_tables().english for word in told)
        if len(told) > 4 and strange >= max(2, len(told) // 6) and strange > 1.5 * known:
            return " ".join(told[:8])
    return ""


def _loop(text: str) -> str:
    """The words that come again and again; "" where there are none."""
    told = words(text)
    repeated = len(told) - len(set(told))
    if not repeated:
        return ""
    most = _LONGEST_RUN if repeated >= 3 * (_MOST_RUN - 1) and _has_often(told) else 2
    for length in range(1, most + 1):
        again = _MOST_WORD_RUN if length == 1 else _MOST_RUN if length < _LONG_RUN else _MOST_LONG_RUN
        if repeated >= (again - 1) * length and (start := _run(told, length, (again - 1) * length)) >= 0:
            return " ".join(told[start : start + length])
    sentences = [each.text for each in statements(text)] if len(text) > 60 else []
    is_repeated = len(sentences) - len(set(sentences)) >= _SAME_SENTENCE - 1
    counts = Counter(sentences) if is_repeated else Counter[str]()
    often = [each for each, count in counts.items() if count >= _SAME_SENTENCE and len(each) > 12]
    return often[0][:60] if often else ""


def _has_often(told: Sequence[str]) -> bool:
    """Whether three words in a row come as often as any longer run has to."""
    runs = list(zip(told, told[1:], told[2:], strict=False))
    return len(runs) - len(set(runs)) >= _MOST_LONG_RUN - 1


def _run(told: Sequence[str], length: int, needed: int) -> int:
    """Where a run of equal pieces of that length begins; -1 where there is none."""
    if sum(map(eq, told, told[length:])) < needed:
        return -1
    run = 0
    for place, is_same in enumerate(map(eq, told, told[length:])):
        run = run + 1 if is_same else 0
        if run >= needed:
            return place - run + 1
    return -1
