"""Row by row: a model that speaks of itself, of its task or of what it was told, in place of the image."""

import re
from collections.abc import Iterable, Iterator
from functools import cache

from dermasynth_builder.check.prose.patterns import Patterns
from dermasynth_builder.check.prose.statements import answers, words
from dermasynth_builder.core.files import resource_dir
from dermasynth_builder.core.records import Finding, Pair, Severity

NAME = "speech"
_REFUSAL = re.compile(
    r"\b(?:as an? (?:ai|artificial intelligence|(?:large )?language model|assistant|chatbot)\b"
    r"|i['’]?(?: a)?m (?:just |only |an? )+(?:ai|language model|assistant|chatbot)"
    r"|i(?:['’]m| am) (?:sorry|afraid),? (?:but )?i?(?: ?(?:can|am|['’]m|do|cannot))"
    r"|(?:i|we) (?:cannot|can['’]t|can not|won['’]t|will not|am unable to|am not able to|['’]m unable to"
    r"|['’]m not able to|am not allowed to|refuse to)"
    r" (?:help|assist|comply|fulfil\w*|continue|provide|offer|give (?:medical|a diagnosis|you|any|advice)|process"
    r"|analy[sz]e|discuss|engage|answer (?:this|that|the|your|medical|questions)|view|interpret (?:medical"
    r"|this image|images))"
    r"|i must (?:decline|refuse)|(?:my|our) (?:guidelines|policy|policies|instructions|rules"
    r"|programming) (?:do(?:es)? not|don['’]t|doesn['’]t|prevents?|forbids?)"
    r"|i['’]m (?:unable|not able) to (?:help|assist|comply|provide|process|analy[sz]e|view|answer|diagnose|discuss)"
    r"|(?:against|violates?) (?:my|our|the) (?:policy|policies|guidelines|terms)|(?:content|usage"
    r"|safety) (?:policy|policies|guidelines)"
    r"|unable to (?:assist|comply|fulfil\w* (?:this|the|your) request|process (?:this|the|your) (?:image|request))"
    r"|not (?:qualified|licensed|a (?:doctor|medical professional|dermatologist)),? (?:so|and) (?:i|cannot)"
    r"|(?:this|your|the) request (?:cannot|can['’]t|could not) be (?:completed|fulfilled|processed))"
)
_NO_IMAGE = re.compile(
    r"\b(?:no (?:image|photo(?:graph)?|picture|attachment)s? (?:was|were|is|has been|have been|seems? to|came"
    r"|attached|provided"
    r"|uploaded)\b(?! needed| required| necessary)(?=[^.]{0,40}\b(?:attach|provid|upload|includ|receiv|shared"
    r"|through|sent|visible to me))"
    r"|no (?:image|photo(?:graph)?|picture)s? (?:attached|provided|uploaded|received)"
    r"|(?:image|photo(?:graph)?|picture|file)s? (?:did not|didn['’]t|failed to|could not|couldn['’]t"
    r"|does not seem to|doesn['’]t seem to)"
    r" (?:be )?(?:load|upload|open|come through|attach|display|render|access)\w*"
    r"|(?:please|could you|can you)\b[^.?]{0,15}\b(?:upload|attach|provide|send|share"
    r"|resend)\b[^.?]{0,25}\b(?:image|photo(?:graph)?|picture|file)s?\b"
    r"(?![^.?]{0,30}(?:doctor|dermatologist|clinic|physician|specialist))"
    r"|i (?:do not|don['’]t|can['’]t|cannot|can not|am unable to|am not able to)(?: actually"
    r"| currently)? (?:see|view|access|open|have access to|receive)"
    r" (?:any|an|the|your|this|that)?\s?(?:uploaded |attached )?(?:image|photo(?:graph)?|picture|attachment|file)s?\b)"
)
_SERVICE = re.compile(
    r"\b(?:error|status)(?: code)?:? ?[45]\d\d\b|\b[45]\d\d (?:internal server|bad gateway|too many"
    r"|service unavailable|forbidden)"
    r"|\b(?:rate limit|quota) (?:has been |was )?(?:exceeded|reached)|internal server error"
    r"|service (?:is )?(?:temporarily )?unavailable"
    r"|traceback \(most recent|request timed out|(?:invalid|missing) api key|finish_?reason|prompt_?tokens|max_?tokens"
    r"|<\|\w+\|>|\[/?inst\]|</?s>|message is empty|blocked (?:by|due to|for) (?:safety|content|policy)|safety filters?"
    r"|resource_exhausted|connection (?:reset|refused)|please try again later|exceeded (?:your|the) (?:current )?quota"
)
_LEAK = re.compile(
    r"\b(?:meta-?data|ground[- ]truth|system (?:prompt|message)|(?:this|the|your|our|my) training (?:data|set)"
    r"|(?:picture|image|photograph|photo) (?:of|from|in) (?:the|this) data ?set)\b"
    r"|\b(?:according to|based on|per|as (?:stated|given|noted|listed|indicated|described|recorded"
    r"|documented) (?:in|by|on)|from|in line with|by)"
    r" (?:the|this|that|its|my|your|her|his)? ?(?:(?:provided|given|supplied|accompanying|attached|hidden"
    r"|internal|available|patient|patient['’]s"
    r"|case|clinical|medical|image|published) ){0,3}"
    r"(?:records?|file|chart|labels?|notes|information (?:i|we) (?:was|were|have been) given|prompt|instructions)\b"
    r"|\b(?:the|provided|given|supplied|accompanying|this|her|his|internal|case|patient|patient['’]s"
    r"|medical) (?:(?:patient|patient['’]s|medical|clinical|case) )?"
    r"(?:record|chart|label|prompt|file|case file|metadata|notes|documentation|history taken)s?"
    r" (?:(?:provided|given|supplied) )?(?:for (?:this|the) (?:image|case) )?(?:says?|states?|indicates?|shows?"
    r"|lists?|gives?|notes?|mentions?|confirms?|tells?|reads?|holds?|describes?|specif(?:y|ies)|has|puts?"
    r"|supplied|provided|identif\w+)\b"
    r"|\bthe (?:label|annotation)s? (?:provided |given |supplied )?(?:for this (?:image|case) )?(?:is|are|was|were)\b"
    r"|\b(?:the|per|per the|all|these) (?:provided|given|supplied|available) (?:details?|data|information|facts"
    r"|context|description)\b"
    r"|\b(?:data|information|details?|context|facts|diagnosis|label|history)(?: that)? (?:you|i was|i have been"
    r"|we were) (?:gave|given|provided|supplied|told|have)\b"
    r"|\b(?<!biopsy )(?:on|in) (?:the )?(?:record|file)\b(?! at | of (?:changes|photographs|photos|the changes))"
    r"|\b(?:is|are|was|were|as|been) (?:recorded|filed|documented|catalogu?ed|coded|registered) (?:as|here|in|for)\b"
    r"|\bthe (?:recorded|labell?ed|annotated|published|registered|provided|supplied|stated|given) (?:diagnosis"
    r"|label|age|site|sex|diameters?|facts?|class|details|phototype|answer|lesion location)\b"
    r"|\b(?:isic|ham10000|pad-ufes|bcn20000|scin|derm12345|hiba) (?:taxonomy|archive|label|set|database"
    r"|collection|record)\b"
    r"|\b(?:as (?:instructed|requested|you asked me|the task asks)|i was (?:told|given|instructed)"
    r"|i have been (?:told|given)|the task (?:is|was|says|asks)|"
    r"my instructions|the (?:user|instructions?) (?:asks?|says?|wants?|states?|tells?|requires?))\b"
    r"|\b(?:pat_\d+|isic_\d{5,}|derm_\d{3,}|image id)\b"
)
_HINT = re.compile(
    r"\b(?:annotations?|annotated|labell?ed as|(?:this|the) data ?set|the (?:data|information|details?|context"
    r"|facts) (?:given|provided|supplied)|(?:from|in) the (?:given )?context\b|(?:according to|from|based on"
    r"|per) (?:the )?(?:given )?(?:information|details|context|data)(?: provided| given| supplied)?)\b"
)
_ABOUT_RECORD = re.compile(
    r"\b(?:records?|recorded|reports?|reported|files?|documented|noted|notes|history|chart|data|label|told"
    r"|known|stated|given|case|"
    r"facts|metadata|information|registered|confirm\w*|established|answers|replies|entries|entry|say|says)\b"
)
_PREAMBLE = re.compile(
    r"^(?:(?:sure|of course|certainly|absolutely)(?! [a-z])|great question|good question|excellent question"
    r"|happy to help|i['’]d be happy"
    r"|thanks? (?:you )?for|here(?: is|['’]s| are) (?:the|an?|your|my) (?:answer|description|response|overview"
    r"|explanation|analysis|summary|question)"
    r"|(?:question|answer|response|assistant|user|q|a)\s*:|let me (?:describe|explain|look|analy[sz]e)"
    r"|as requested)(?=[\s,.!:;—-]|$)"
)
_PATTERNS = Patterns({"refusal": _REFUSAL, "no image": _NO_IMAGE, "service": _SERVICE, "leak": _LEAK, "hint": _HINT})
_REASONS = {
    "refusal": "refuses",
    "no image": "speaks of an image that did not come",
    "service": "is a message of a service",
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
    for question, answer, _ in answers(pair):
        low, asked = answer.lower(), question.lower()
        for name in sorted(_PATTERNS.possible(low)):
            if name in ("leak", "hint") and (pair.model is None or _ABOUT_RECORD.search(asked)):
                continue
            if found := _PATTERNS[name].search(low):
                yield ("flag" if name == "hint" else "reject"), f"{_REASONS[name]}: {found.group()!r}"
        if told := _echo(low, asked):
            yield "reject", told
        elif found := _PREAMBLE.search(low):
            yield "flag", f"begins with an address: {found.group()!r}"
        plain = " ".join(words(answer))
        if plain in said and len(plain) > 20:
            yield "reject", "gives one answer in two turns"
        said.add(plain)


def _echo(answer: str, question: str) -> str:
    told, asked = words(answer), words(question)
    if told == asked and len(told) > 2:
        return "is the question again"
    known = _prompt_shingles()
    for place in range(len(told) - _COPIED + 1):
        if (shingle := told[place : place + _COPIED]) in known:
            return f"repeats the prompt: {' '.join(shingle)!r}"
    return ""


@cache
def _prompt_shingles() -> frozenset[tuple[str, ...]]:
    """All runs of so many words in the prompts' own wording."""
    shingles: set[tuple[str, ...]] = set()
    for path in sorted((resource_dir("prompts") / "templates").glob("*.jinja")):
        for piece in _TAG.split(path.read_text(encoding="utf-8")):
            told = words(piece)
            shingles.update(told[place : place + _COPIED] for place in range(len(told) - _COPIED + 1))
    return frozenset(shingles)
