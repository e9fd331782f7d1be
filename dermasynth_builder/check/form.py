"""Row by row: text that no reader should meet."""

import re
from collections.abc import Iterable, Iterator

from dermasynth_builder.core.records import Finding, Pair

# What a broken template, a missing value or a service's own message leaves in a text.
_TELLTALES: dict[
    str, tuple[tuple[str, ...], re.Pattern[str]]
] = {  # what it is -> texts that it begins with, how it looks
    "a missing value in words": (
        ("nan", "NaN", "null", "UNK", "None"),
        re.compile(r"\b(?:nan|NaN|null|UNK|None(?! of\b))\b"),
    ),
    "an empty list or slot": (("(", "[", "{", "}}"), re.compile(r"\(\s*\)|\[\s*\]|\{\w*\}|\{\{|\}\}")),
    "a code fence": (("```",), re.compile(r"```")),
    "doubled spaces or stops": (("  ", "..", ",,"), re.compile(r"  |[^.]\.\.(?!\.)|,,")),
    "a code of a release": (("ACK", "SEK", "NEV", "FST"), re.compile(r"\b(?:ACK|SEK|NEV|FST\d)\b")),
}


def check_form(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Rejects empty, cut-off and machine-marked texts."""
    for pair in pairs:
        for reason in _reasons(pair):
            yield Finding(pair.pair_id, "form", "reject", reason)


def _reasons(pair: Pair) -> Iterator[str]:
    later = (("question" if turn.role == "user" else "answer", turn.content) for turn in pair.messages[2:])
    for name, text in (("question", pair.question), ("answer", pair.answer), *later):
        if not text.strip():
            yield f"the {name} is empty"
        elif text.rstrip()[-1] not in ".?!\"')”’":
            yield f"the {name} ends without a stop"
        for what, (marks, pattern) in _TELLTALES.items():
            # Nearly no text holds one, and to look for plain text costs a tenth of the pattern.
            if any(mark in text for mark in marks) and (found := pattern.search(text)):
                yield f"the {name} holds {what}: {found.group()!r}"
