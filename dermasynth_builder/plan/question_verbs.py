"""What a question asks for: its root verb and that verb's object, by a rule and without a model.

The rule reads the first sentence that asks, one that ends in "?" or opens with a verb of `VERBS`:

- "Describe the dermoscopic pattern of this lesion." A request: its first verb, and the head of the noun phrase behind.
- "How would you describe this finding?" A question with an auxiliary: the first verb behind it, and its noun phrase.
- "Which features would you check?" No noun phrase behind the verb: the one that was moved to the front.
- "Which structures matter here?" The first verb behind the question word; what stands before it is its subject.
- "What is the diagnosis?" No verb but "be": "be", which has no object.

The head of a noun phrase is its last word before a preposition, a conjunction or a comma; objects are counted in the
singular. Many questions have a verb and no object. Of the pairs that the rule finds in the shipped banks, four in five
stand in the parses of spaCy's small English model too.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TOP_VERBS = 20
OBJECTS_A_VERB = 4


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Base forms; a word is taken for a verb only if it is a form of one of these.
VERBS = _words(
    """
    account add adopt advise affect agree aim allow alter amount announce answer appear apply argue arise
    arrange ask assemble assess assign assume attach avoid bear become begin behave believe belong bleed blur
    bother break bring build call capture carry catch cause change characterise check choose cite clarify class
    classify close come comment compare compete complete compose conclude condense confirm confuse connect
    consider contain contribute convey convince count cover create cut date deal decide defend depend depict
    describe deserve determine develop devise differ disagree discover discuss dismiss distinguish divide
    document doubt draft draw earn emerge enlarge enter establish estimate evaluate evolve examine exceed
    exclude expect explain explore express extract fall favour feel file fill find fit flag follow forget form
    formulate frame gather gauge get give go grade group grow guess guide hand happen hear help hide hint hold
    hunt hurt identify imply include indicate infer influence inform inspect integrate interpret introduce
    invent involve itch judge justify keep know label lay lead learn leave lend let lie limit link list live
    locate look lose make map mark masquerade match matter mean measure meet mention mimic mislead miss mistake
    name narrate narrow need note notice observe occur offer omit order organise outline own pass perform permit
    persist persuade phrase pick pin place plan play point pose predict prefer prepare present prevent
    prioritise produce prompt propose prove provide pull put question quiz raise range rank rate reach read
    reason reassure recall recognise recommend reconcile reconstruct record refer refine reflect relate rely
    remain remember render repeat replace reply report represent request require resemble resolve rest reveal
    review rule run say score see select send separate serve set settle shape share shift show sign simplify
    size sketch sort speak spell spread stand start state stay stick stop strengthen strike study suffer suggest
    suit sum summarise support suspect take talk teach tell test think throw tick tie touch trace train
    translate treat trip trust try turn underline understand unfold use verify voice wait walk want warn warrant
    watch weaken weigh wonder word work worry write
    """
)
_IRREGULAR = {
    **{"thought": "think", "told": "tell", "seen": "see", "made": "make", "given": "give", "found": "find"},
    **{"known": "know", "taken": "take", "held": "hold", "said": "say", "kept": "keep", "built": "build"},
    **{"drawn": "draw", "written": "write", "chosen": "choose", "lies": "lie", "goes": "go", "gone": "go"},
    **{"left": "leave", "meant": "mean", "grown": "grow", "lost": "lose", "got": "get", "forgotten": "forget"},
}
_BE = _words("are be been being is was were")
_AUXILIARY = _words("can could did do does had has have may might must should will would")
_HELPERS = _BE | _AUXILIARY
_QUESTION = _words("how what whatever when where which who whom whose why")
_OPENERS = _words(", also and but first just now or please so then")
# What only a noun phrase may follow.
_ARTICLES = _words("a an any each every his its my no some the their which your")
_DETERMINERS = _ARTICLES | _words("all another both one other several slot such these this those three two")
_PRONOUNS = _words(
    """
    anybody anyone he him i it itself me she somebody them themselves there they us we you yourself
    """
)
_PARTICLES = _words("apart back down first forward off out together up")
_PREPOSITIONS = _words(
    """
    about above across after against along among apart around as at before behind below beside besides between
    beyond by despite down during for from in inside into like near of off on once onto out over per since than
    through throughout till to toward towards under until up upon with within without
    """
)
# What ends a noun phrase.
_ENDS = (
    _PREPOSITIONS
    | _HELPERS
    | _QUESTION
    | _words(
        """
    , again and because but closely differently exactly here honestly if least most not now only or rather
    simply so that then whether while
    """
    )
)
# May stand before "and" in a noun phrase.
_ADJECTIVES = _words("brief calm clear medical plain short social")
# What is no object though it stands where one would.
_NO_OBJECT = _ADJECTIVES | _words(
    """
    aloud anything anywhere astray best broadly characteristic dangerous easy else everything far instead itself
    less likely longest more next nothing one personal second something unclear well wrong
    """
)
_KIND_OF = re.compile(r"\b(?:kind|sort|type|degree)s? of (?:an? |the )?")
_NOT_PLURAL = re.compile(r"(?:ss|us|is|odds)$")


@dataclass(frozen=True, slots=True)
class Root:
    """The root verb of a question in its base form, and its object in the singular."""

    verb: str
    object: str | None


def root(text: str) -> Root | None:
    """What the first sentence that asks asks for; None where the rule finds no verb."""
    for sentence in re.split(r"(?<=[.?!:;])\s+", re.sub(r"\{\w+\}", "slot", _KIND_OF.sub("", text))):
        found = _question(_clause(sentence)) if sentence.rstrip('"').endswith("?") else _request(_clause(sentence))
        if found:
            return found
    return None


def is_request(sentence: str) -> bool:
    """Whether a sentence opens with a verb, as "Describe the edge." and "In brief, name the lesion." do."""
    return _request(_clause(sentence)) is not None


def _clause(sentence: str) -> list[str]:
    """The words of the asking clause in lower case, commas kept as words; what leads up to it is cut off."""
    words = re.findall(r"[a-z’'-]+|,", sentence.lower())
    while words and words[0] in _OPENERS:
        words = words[1:]
    asks_at_once = not words or words[0] in _QUESTION | _AUXILIARY | _BE | VERBS
    if "," in words and not asks_at_once:
        return _clause(sentence.partition(",")[2])
    return words


def _request(words: Sequence[str]) -> Root | None:
    return Root(words[0], _object(words[1:])) if words and words[0] in VERBS else None


def _question(words: Sequence[str]) -> Root | None:
    """The root of a clause that ends in a question mark."""
    asks = next((at for at, word in enumerate(words) if word in _QUESTION | _HELPERS), len(words))
    first = next((at for at in range(asks, len(words)) if words[at] in _HELPERS or _is_verb(words, at)), None)
    if first is None:
        return None
    if words[first] not in _HELPERS:
        return Root(_base(words[first]) or "", _object(words[first + 1 :]))
    is_copula = False
    for at in range(first, len(words)):
        if words[at] in _BE:
            is_copula = True
        elif words[at] == "," and is_copula:
            break
        elif at > first and _is_verb(words, at) and (not is_copula or _is_participle(words[at])):
            return Root(_base(words[at]) or "", _object(words[at + 1 :]) or _fronted(words, asks, first))
    return Root("be", None) if is_copula else None


def _fronted(words: Sequence[str], asks: int, first: int) -> str | None:
    """The object that stands before the helper, as in "which features would"; "to which class does" has none."""
    is_noun_asked_for = words[asks] in {"what", "which"} and words[asks - 1] not in _PREPOSITIONS
    return _object(words[asks + 1 : first]) if is_noun_asked_for else None


def _object(words: Sequence[str]) -> str | None:
    """The head of the noun phrase that these words open with."""
    head = None
    for word in words:
        if word == "and" and head in _ADJECTIVES:
            continue
        if word in _ENDS and (head or word not in _PARTICLES):
            break
        if word not in _DETERMINERS | _PRONOUNS | _PARTICLES:
            head = word
    thing = _singular(head) if head else None
    return thing if thing not in _NO_OBJECT else None


def _is_verb(words: Sequence[str], at: int) -> bool:
    """Whether the word is a form of a known verb and does not stand where only a noun would."""
    return _base(words[at]) is not None and words[at - 1] not in _ARTICLES | _PREPOSITIONS


def _is_participle(word: str) -> bool:
    return word.endswith("ed") or word in _IRREGULAR


def _base(word: str) -> str | None:
    """The base form of a form of a known verb."""
    stems = [_IRREGULAR.get(word, word)]
    for ending in ("s", "es", "ed", "ing"):
        if word.endswith(ending):
            stem = word.removesuffix(ending)
            stems += [stem, f"{stem}e", re.sub(r"(.)\1$", r"\1", stem)]  # "shows", "noted", "fitting"
    if word.endswith(("ies", "ied")):
        stems.append(f"{word[:-3]}y")
    return next((stem for stem in stems if stem in VERBS), None)


def _singular(noun: str) -> str:
    if noun.endswith("ies"):
        return f"{noun[:-3]}y"
    if noun.endswith("s") and not _NOT_PLURAL.search(noun):
        return noun[:-1]
    return noun


def wheel(pairs: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """The verbs that have most objects, each with its most frequent objects, most frequent first.

    What a verb's further objects come to stands under "others".
    """
    totals: Counter[str] = Counter()
    for (verb, _), count in pairs.items():
        totals[verb] += count
    rings = {}
    for verb in most_frequent(totals, TOP_VERBS):
        objects = Counter({thing: count for (of, thing), count in pairs.items() if of == verb})
        shown = most_frequent(objects, OBJECTS_A_VERB)
        others = objects.total() - sum(shown.values())
        rings[verb] = shown | ({"others": others} if others else {})
    return rings


def most_frequent(counts: Counter[str], most: int) -> dict[str, int]:
    """So many of the counts: the largest, then by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most])
