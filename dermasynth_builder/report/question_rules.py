"""The rules that the wordings of question banks are held to.

That a bank is readable, and that its slots and needs are known, is checked when it is loaded (see questions.py).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dermasynth_builder.core.records import Facts
from dermasynth_builder.plan import answer_form, facts_in_words, similarity
from dermasynth_builder.plan.question_verbs import is_request
from dermasynth_builder.plan.questions import PromptBook, QuestionType, fill

WORDS = range(4, 41)
"""How many words a wording may have."""

# What makes the grammar of a slot differ: one, two or many things, a vowel or a consonant, an exact or a rounded age.
SAMPLES = (
    Facts(
        body_site="ear",
        age_years=8,
        sex="female",
        diameter_1_mm=4.0,
        diameter_2_mm=3.5,
        symptoms=("fever",),
        textures=("flat",),
        duration="since childhood",
        smokes=True,
    ),
    Facts(
        body_site="arm and leg",
        age_years=55,
        is_age_rounded=True,
        itches=True,
        hurts=False,
        bleeds=True,
        textures=("flat", "rough or flaky"),
        duration="one day",
        smokes=False,
        drinks_alcohol=False,
    ),
    Facts(
        body_site="head or neck, palm of the hand and leg",
        age_years=0,
        is_age_rounded=True,
        sex="male",
        hurts=True,
        symptoms=("fever", "chills", "bothersome appearance"),
        textures=("raised or bumpy", "flat", "filled with fluid"),
        duration="less than one week",
    ),
)
_BROKEN = {
    "a doubled space or a space before a mark": r"  | [.,;:?!]|^\s|\s$",
    "doubled or empty marks": r"\(\)|,,|\?\?|\.\.|[.,;:]{2}|\"\"",
    "a wrong article": r"(?i)\b(?:a (?=[aeio])(?!one\b)|an (?!hour|honest)(?=[b-df-hj-np-tv-z0-79]))",
    "a doubled article": r"(?i)\b(?:the|an?) (?:the|an?)\b",
    "a code or a word of code": r"\b(?!ABCDE?\b)[A-Z][A-Z0-9]+\b|\w_\w|\bnan\b|\bNone\b|[{}<>`]",
    "two words joined by a slash": r"\w/\w",
    "no capital at the start": r"^[^A-Z]",
}
# A slot may hold one thing or several, so no verb may have to agree with it.
_AGREEING = re.compile(
    r"(?i)\{(?:site|complaints)\} (?:is|are|was|were|has|have|does|do)\b"
    r"|\b(?:is|are|was|were|has|have|does|do) (?:the )?\{(?:site|complaints)\}"
)
_PHOTOGRAPHIC = re.compile(r"(?i)photo(?!type)|snapshot|camera|selfie")
_DERMOSCOPIC = re.compile(r"(?i)dermo?scop|magnif|polaris")
# What no image tells: what somebody has recorded or reported, what has become of a case, what has proved a diagnosis.
_RECORD = re.compile(
    r"(?i)\b(?:recorded|reported|self-report|own account|according to the|as far as that is documented"
    r"|on (?:file|record)|the files?\b|(?:own|my) chart|report (?:on th|speaks|names|permits)|record and picture"
    r"|turned out to be|in the end\b|was noted|clinical examination say|ran a finger|and its source|wrote down"
    r"|(?:been|lesion) assigned|final diagnosis|case counted|image archive|firm diagnosis|turned the suspicion"
    r"|known fact|what is known|what do we know|whether anything proved|biopsy (?:backed|was)|whether tissue"
    r"|(?:it|that|this|identity|decision) was (?:confirmed|established|proven)|same conclusion"
    r"|(?:given|hear) (?:this diagnosis|the term)|put the result|read the name"
    r"|picture received|the (?:label|entry)\b(?! (?:were|list|under)))"
)
_NAMES_RECORD = re.compile(r"(?i)\b(?:record|report|on file|reported|recorded|denied|self-report)\b")
_PROOF = re.compile(
    r"(?i)confirm(?:ed|ation)|how firmly|(?:biopsy|tissue) (?:was|backed)|whether (?:tissue|anything proved)"
    r"|identity was established|firm diagnosis"
)
# Who asks, and for whom it is answered.
_LAY_VOICE = re.compile(
    r"(?i)\bmy (?:skin|mole|mother|father|husband|wife|grandmother|child|eyesight|own chart)\b|\bI am not a doctor"
    r"|\bdo I have\b|\bhave I got\b|\bI took this\b|, doctor\?"
)
_OF_STUDENT = re.compile(
    r"\b(?:[Tt]ell|[Ee]xplain to|[Tt]each|[Ss]how) (?:a|the) (?:\w+ )?(?:student|beginner|trainee)\b"
)
_STUDENT = re.compile(r"student|resident|trainee|learner|colleague who joins")
# What the prompts say of the form and the limits of an answer; wider than what `answer_form` knows.
_LISTING = re.compile(
    r"(?i)(?<!not a )(?<!triage )(?<!operation )\blists?\b(?! of (?:priorities|candidates|common))"
    r"|\b(?:ranks?|tick|enumerate|itemise|bullets?|checklist|line by line|table of)\b"
)
_PROSE = re.compile(r"(?i)\b(?:paragraph|sentences?|in a word|prose)\b")
_MEASURED = re.compile(
    r"(?i)\b(?:a|one|two|three|four|few|\d+)[ -](?:\w+ )?(?:words|sentences?|paragraphs?|lines)\b"
    r"|\bbriefly\b|\bin a word\b|at length|in full detail"
)
_UNSAFE = re.compile(
    r"(?i)\bdos(?:e|es|age)\b|\bmg\b|prescri|bad conscience|nothing to worry|no need to|instead of (?:a|the) doctor"
    r"|\breassur|which (?:cream|ointment|drug|pill)|leave alone|left in place|(?:can|may) this be left"
)
_FOREIGN = re.compile(r"[^\x20-\x7e]|(?i:\b(?:in|into) (?:Spanish|Portuguese|German|French|Italian|Turkish|Chinese)\b)")
_STRUCTURE = re.compile(r"(?i)pigment network|globules|pseudopods|streaks|clods|structureless|blue-white")
_TONE = re.compile(r"(?i)phototype|skin tones?\b|Fitzpatrick|Monk|complexion|ethnic")
# Banks for images that may show a rash or healthy skin.
_OPEN_BANKS = frozenset({"general", "scin"})
_PRESUMED = re.compile(r"(?i)\b(?:lesions?|growths?|moles?|tumou?rs?|cancers?|rash(?:es)?|spots?)\b")


@dataclass(frozen=True, slots=True)
class Fault:
    """A wording that breaks a rule."""

    bank: str
    question_type: str
    wording: str
    reason: str


@dataclass(frozen=True, slots=True)
class NearPair:
    """Two wordings of one or two banks, and how alike they are."""

    score: float  # ROUGE-L
    wordings: tuple[str, str]


def lint(book: PromptBook) -> list[Fault]:
    """Every broken rule of every bank; none is what is wanted."""
    faults = [
        Fault(bank, kind.name, wording, reason)
        for bank, kinds in book.banks.items()
        for kind in kinds
        for wording in kind.every_wording
        for reason in _reasons(bank, kind, wording)
    ]
    faults += [
        Fault(bank, kind.name, kind.good_answer, reason)
        for bank, kinds in book.banks.items()
        for kind in kinds
        for reason in _reasons_of_type(kind)
    ]
    return faults + list(_repeated(book))


def all_wordings(book: PromptBook) -> list[str]:
    """Every wording of every bank."""
    return [wording for kinds in book.banks.values() for kind in kinds for wording in kind.every_wording]


def nearest_pair(wordings: list[str]) -> NearPair | None:
    """The two wordings that are most alike; None where there are fewer than two."""
    split = [similarity.tokens(wording) for wording in wordings]
    pairs = (
        (score, earlier, later)
        for later, words in enumerate(split)
        for earlier, score in similarity.near_duplicates(words, split[:later], at_least=0.0)
    )
    best = max(pairs, default=None, key=lambda pair: pair[0])
    return best and NearPair(best[0], (wordings[best[1]], wordings[best[2]]))


def _reasons(bank: str, kind: QuestionType, wording: str) -> Iterator[str]:
    length = len(wording.split())
    if length not in WORDS:
        yield f"{length} words; {WORDS.start} to {WORDS.stop - 1} are allowed"
    if not _asks(wording):
        yield "neither ends in a question mark nor holds a request that starts with a verb and ends in a full stop"
    if _AGREEING.search(wording):
        yield "a verb has to agree with a slot that may hold one thing or several"
    yield from _of_kind(kind, wording)
    yield from _of_record(kind, wording)
    yield from _against_prompt(wording)
    if bank in _OPEN_BANKS and (presumed := _PRESUMED.search(wording)):
        yield f'presumes a "{presumed[0]}", where the image may show none'
    rendered = _rendered(wording)
    if not rendered:
        yield "has a slot for which there is no sample; none gives the answer away"
    for text in rendered:
        yield from (f"{name}: {text}" for name, pattern in _BROKEN.items() if re.search(pattern, text))


def _reasons_of_type(kind: QuestionType) -> Iterator[str]:
    """What is wrong with the type whatever its wording; said of what a good answer holds."""
    if "clinical" in kind.modalities and (found := _STRUCTURE.search(kind.good_answer)):
        yield f'a good answer speaks of "{found[0]}", but the type fits clinical photographs too'
    if "dermoscopic" in kind.modalities and (found := _PHOTOGRAPHIC.search(kind.good_answer)):
        yield f'a good answer speaks of a "{found[0]}", but the type fits dermoscopic images too'
    if "fitzpatrick" not in kind.told and (found := _TONE.search(" ".join((kind.good_answer, *kind.every_wording)))):
        yield f'speaks of "{found[0]}", but neither needs nor uses `fitzpatrick`'
    if kind.wordings and (found := _NAMES_RECORD.search(kind.good_answer)):
        yield f'a good answer speaks of a "{found[0]}", while the image has to answer some wordings'
    if "confirmation" not in kind.told and (
        found := _PROOF.search(" ".join((kind.good_answer, *kind.record_wordings)))
    ):
        yield f'a good answer tells what proved the diagnosis ("{found[0]}"), but neither needs nor uses `confirmation`'


def _of_kind(kind: QuestionType, wording: str) -> Iterator[str]:
    """Where the wording does not go with the images that the type fits, or with those who ask and read."""
    if (found := _LAY_VOICE.search(wording)) and "patient" not in kind.audience:
        yield f'a lay person asks ("{found[0]}"), and the answer is written for {kind.audience}'
    if (found := _OF_STUDENT.search(wording)) and not _STUDENT.search(kind.audience):
        yield f'is about a learner ("{found[0]}"), and the answer is written for {kind.audience}'
    if (
        kind.style != "counterfactual"
        and "clinical" in kind.modalities
        and (_DERMOSCOPIC.search(wording) or _STRUCTURE.search(wording))
    ):
        yield "speaks of dermoscopy, but the type fits clinical photographs too"
    if "dermoscopic" in kind.modalities and _PHOTOGRAPHIC.search(wording):
        yield "speaks of a photograph, but the type fits dermoscopic images too"


def _against_prompt(wording: str) -> Iterator[str]:
    """Where the wording asks for what a rule of the prompts forbids, or for a form that they do not know."""
    is_list = answer_form.asks_list(wording)
    if not is_list and (found := _LISTING.search(wording)):
        yield f'asks for a "{found[0]}", and the prompt would say "no list" (see plan/answer_form.py)'
    if is_list and (found := _PROSE.search(wording)):
        yield f'asks for a list and for "{found[0]}" at once'
    if not answer_form.asks_length(wording) and (found := _MEASURED.search(wording)):
        yield f'says "{found[0]}", and the prompt would ask for two to eight sentences (see plan/answer_form.py)'
    if found := _UNSAFE.search(wording):
        yield f'invites a dose, or that nobody need look at it ("{found[0]}")'
    if found := _FOREIGN.search(wording):
        yield f'asks for another language, or is in one ("{found[0]}")'


def _of_record(kind: QuestionType, wording: str) -> Iterator[str]:
    """Where a type and its wording do not agree on whether somebody's record has to tell the answer."""
    if wording in kind.wordings and (found := _RECORD.search(wording)):
        yield f'asks for what only a record tells ("{found[0]}"): it belongs in record_wordings'
    if wording in kind.record_wordings and kind.style == "asked" and not kind.needs:
        yield "asks what is recorded, but the type needs no fact: without a record its answer is empty"


def _asks(wording: str) -> bool:
    """Whether it ends as a question does, or as a request does and holds one."""
    sentences = re.split(r"(?<=[.?!:;])\s+", wording)
    return sentences[-1].rstrip('"').endswith("?") or (
        wording.endswith(".") and any(is_request(sentence) for sentence in sentences if not sentence.endswith("?"))
    )


def _rendered(wording: str) -> list[str]:
    """The wording as it reads for each of `SAMPLES` that has all its slots."""
    slots = set(re.findall(r"\{(\w+)\}", wording))
    fitting = (facts for facts in SAMPLES if slots <= facts_in_words.phrases(facts).keys())
    return list(dict.fromkeys(fill(wording, facts) for facts in fitting))


def _repeated(book: PromptBook) -> Iterator[Fault]:
    """Wordings that nearly repeat an earlier one, of the same bank or of another."""
    earlier: list[Fault] = []
    split: list[similarity.Tokens] = []
    for bank, kind in ((bank, kind) for bank, kinds in book.banks.items() for kind in kinds):
        for wording in kind.every_wording:
            words = similarity.tokens(wording)
            for position, score in similarity.near_duplicates(words, split):
                other = earlier[position]
                reason = f"ROUGE-L {score:.2f} with {other.bank}, {other.question_type}: {other.wording}"
                yield Fault(bank, kind.name, wording, reason)
            earlier.append(Fault(bank, kind.name, wording, ""))
            split.append(words)
