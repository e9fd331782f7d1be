"""What a question asks for: its root verb and that verb's object, by a rule and without a model. Pure.

The rule reads the first sentence that asks, one that ends in "?" or opens with a verb of `VERBS`:

- "Describe the dermoscopic pattern of this lesion." A request: its first verb, and the head of the noun phrase behind.
- "How would you describe this finding?" A question with an auxiliary: the first verb behind it, and its noun phrase.
- "Which features would you check?" No noun phrase behind the verb: the one that was moved to the front.
- "Which structures matter here?" The first verb behind the question word; what stands before it is its subject.
- "What is the diagnosis?" No verb but "be": "be", and the noun phrase behind.

The head of a noun phrase is its last word before a preposition, a conjunction, a verb or a comma. Objects are
counted in the singular. A question may have a verb and no object.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

# Base forms; a word is taken for a verb only if it is a form of one of these.
VERBS = frozenset(
    """
    account add advise agree aim alarm allow amount answer appear apply argue arrange ask assess assign assume attach
    bear become begin believe belong blur break bring build call capture carry catch change characterise check choose
    cite clarify class classify close come comment compare compose conclude confirm confuse consider contain contribute
    convey convince count cover create date decide defend depend depict describe determine differ discuss dismiss
    distinguish document draft draw earn emerge estimate evaluate evolve examine exclude expect explain explore express
    extract favour feel file fill find fit flag follow form formulate frame gather gauge get give go grade group guide
    happen hear help hide hint hold identify imagine imply include indicate infer influence inform inspect interpret
    invent judge justify keep know label lead learn leave lend let lie limit list locate look make map mark match
    matter mean measure mention mimic miss name narrow need note notice observe occur offer omit order organise outline
    own perform persuade phrase pick picture place plan play point pose predict prefer present prevent prioritise
    produce prompt propose prove provide put question quiz raise range rank rate raise reach read reason reassure
    recall recognise recommend reconcile reconstruct record refer reflect refine relate rely remain remember repeat
    replace reply report represent request require resemble rest reveal review rule say score see select send separate
    set settle shape share shift show sign sit size sketch sort sound speak spell stand start state stay strike
    strengthen structure study suggest suit sum summarise support suspect take talk teach tell test think tie touch
    trace train translate treat trust try turn understand unfold use verify voice wait walk want warn watch weaken
    weigh wonder word work worry write
    """.split()  # noqa: SIM905 - a list of a few hundred words reads best as words
)
_IRREGULAR = {
    **{"thought": "think", "told": "tell", "seen": "see", "made": "make", "given": "give", "found": "find"},
    **{"known": "know", "taken": "take", "held": "hold", "put": "put", "said": "say", "kept": "keep"},
    **{"drawn": "draw", "written": "write", "chosen": "choose", "lies": "lie", "goes": "go", "built": "build"},
    **{"gone": "go", "left": "leave", "done": "do", "read": "read", "set": "set", "ruled": "rule", "meant": "mean"},
}
_BE = frozenset({"is", "are", "was", "were", "be", "been", "isn't", "aren't"})
_AUXILIARY = frozenset(
    {"do", "does", "did", "can", "could", "would", "should", "might", "may", "must", "will", "has", "have", "had"}
)
_QUESTION = frozenset({"what", "which", "how", "why", "where", "when", "who", "whom", "whose"})
_OPENERS = frozenset({"please", "now", "then", "first", "next", "briefly", "kindly", "also", "just"})
_PRONOUNS = frozenset(
    {"i", "me", "you", "we", "us", "it", "they", "them", "he", "she", "him", "her", "one", "this", "that", "these"}
    | {"anyone", "someone", "anybody", "somebody", "itself", "all", "any", "there", "here", "something", "anything"}
    | {"those", "more", "less", "most", "else", "only", "not", "so", "out", "up", "down", "as", "far", "at", "well"}
)
_STOPS = frozenset(
    """
    about above across after against along among and apart around as at before behind below beside besides between
    beyond but by despite down during for from if in inside into like near of off on once onto or out over past per
    rather since so than that then through throughout till to toward towards under unless until up upon when where
    whether which while who whom whose why with within without what how because though although
    """.split()  # noqa: SIM905 - as above
)
_MODIFIERS = frozenset({"best", "next", "first", "likely", "most", "more", "single", "short", "closer", "second"})
_NOT_PLURAL = re.compile(r"(?:ss|us|is)$")


@dataclass(frozen=True, slots=True)
class Root:
    """The root verb of a question in its base form, and its object in the singular."""

    verb: str
    object: str | None


def root(text: str) -> Root | None:
    """What the first sentence that asks asks for; None where the rule finds no verb."""
    for sentence in re.split(r"(?<=[.?!:;])\s+", re.sub(r"\{\w+\}", "slot", text)):
        words = _clause(sentence)
        found = _request(words) if not sentence.rstrip('"').endswith("?") else _question(words)
        if found:
            return found
    return None


def is_request(sentence: str) -> bool:
    """Whether a sentence opens with a verb, as "Describe the edge." and "In brief, name the lesion." do."""
    return _request(_clause(sentence)) is not None


def _clause(sentence: str) -> list[str]:
    """The words of the asking clause in lower case, commas kept as words; what leads up to it is cut off."""
    words = re.findall(r"[a-z'’-]+|,", sentence.lower())
    while words and words[0] in _OPENERS | {","}:
        words = words[1:]
    if "," in words and words[0] not in _QUESTION | _AUXILIARY | _BE and words[0] not in VERBS:
        return _clause(" ".join(words[words.index(",") + 1 :]))
    return words


def _request(words: Sequence[str]) -> Root | None:
    if not words or words[0] not in VERBS:
        return None
    return Root(words[0], _object(words[1:]))


def _question(words: Sequence[str]) -> Root | None:
    if words and words[0] in VERBS and words[0] not in _AUXILIARY:  # "Imagine a leaflet: what ...?"
        return _request(words)
    asks = next((at for at, word in enumerate(words) if word in _QUESTION), len(words))
    helps = next((at for at, word in enumerate(words) if word in _AUXILIARY), None)
    if helps is not None:
        verbs = [at for at in range(helps + 1, len(words)) if _base(words[at])]
        fronted = _object(words[asks + 1 : helps])
    else:
        is_be = next((at for at, word in enumerate(words) if word in _BE), None)
        start = asks + 1 if is_be is None else is_be
        verbs = [at for at in range(start, len(words)) if _base(words[at]) and not _is_noun(words, at)]
        fronted = None
        if is_be is not None and not any(_is_participle(words, is_be, at) for at in verbs):
            return Root("be", _object(words[is_be + 1 :]))
    if not verbs:
        return None
    return Root(_base(words[verbs[0]]) or "", _object(words[verbs[0] + 1 :]) or fronted)


def _object(words: Sequence[str]) -> str | None:
    """The head of the noun phrase at the start of these words."""
    head = None
    for at, word in enumerate(words):
        if word in _PRONOUNS and head is None:
            continue
        if word == "," or word in _STOPS | _BE | _AUXILIARY | _PRONOUNS or word.endswith("ly"):
            break
        if _base(word) and head and not _is_noun(words, at):
            break
        if word not in {"a", "an", "the", "your", "its", "my", "slot"}:
            head = word
    return _singular(head) if head and head not in _MODIFIERS else None
