"""Whether words are a whole sentence: a rule of thumb on the finite verbs that the engine `template` writes."""

import re

_FINITE = re.compile(
    r"\b(?:is|are|was|were|has|have|had|does|do|did|can|cannot|could|may|might|must|should|would|will|shall"
    r"|lies?|shows?|stands?|comes?|came|goes|rests?|rises?|looks?|bears?|measures?|reports?|denie[sd]|lacks?|takes?|took"
    r"|gives?|gave|makes?|means?|fits?|suits?|points?|calls?|belongs?|counts?|arises?|grows?|grew|leads?|follows?|named?|names|gets|range|use|hide|go|flares|slow|finds?|identify|profit"
    r"|considered|speaks?|helps?|raises?|lasts?|begins?|opens?|brings?|depends?|says?|said|holds?|runs?|frames?|fills?"
    r"|covers?|contrasts?|exceeds?|passes|stays?|differs?|tells?|asks?|feels?|shares?|leaned|suggested|got|put|saw|thought"
    r"|thinks?|seen?|let|keep|concerns?|smokes|drinks|uses|itches|hurts|bleeds|lowers?|adds?|removes?|matters?|weighs?"
    r"|weighed|complains?|sits?|falls?|leaves?|left|settled|remains?|builds?|carry|carries|decides?|reads?|recognised"
    r"|looked|agreed|catch|occurs?|affects?|presents?|appears?|spreads?|turns?|needs?|requires?|tends?|develops?"
    r"|contains?|results?|starts?|favours?|marks?|resembles?|mimics|imitates?|causes?|changes?|keeps|lets|becomes?"
    r"|consists?|forms?|produces?|fades?|heals?|clears?|settles?|responds?|includes?|expects?|offers?|advises?|suggests?"
    r"|describes?|support|supports|hold|protect|protects|reflects?|separates?|distinguishes|betrays?|invites?|deserves?"
    r"|allows?|passed|hardens?|brought|left|picks?|points?|show|set|sets|met|meet|drives?|recurs?|vary|varies|rule|rules)\b",
    re.IGNORECASE,
)


def has_verb(sentence: str) -> bool:
    """Whether a finite verb stands in it."""
    return bool(_FINITE.search(sentence))
