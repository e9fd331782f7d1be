"""What form of answer a question asks for: a list, a length; so that the rules of a prompt never contradict it."""

import re

_LIST = re.compile(
    r"(?i)^(?:list|rank|order|arrange|sort) the\b|checklist|\bin turn\b|one by one|one after the other|step by step"
    r"|in order of|\blist of three|(?:short|differential) list\b|entry list\b|inventory|keywords"
    r"|(?:two or three|at least two|three) (?:alternatives|lesions|options)|every (?:dermoscopic criterion|indicator)"
)
_LENGTH = re.compile(
    r"(?i)(?<!beyond )\b(?:one|two|three|few)(?: or two)?[ -](?:friendly )?(?:words?|sentences?|answer|thing|minute)\b"
    r"|\bparagraph\b|yes or no|\bin (?:a word|short)\b|\bshort (?:note|anamnesis)\b|\bbrief\b|complete assessment"
    r"|\bcondense\b|finest detail|detailed enough|which adjective is|plain sentence\b"
)


def asks_list(question: str) -> bool:
    """Whether the answer is a list."""
    return _LIST.search(question) is not None


def asks_length(question: str) -> bool:
    """Whether the question says how long its answer is."""
    return _LENGTH.search(question) is not None


def form_of(question: str) -> str:
    """What a prompt says of the form of the answer, as a sentence."""
    match asks_list(question), asks_length(question):
        case True, True:
            return "It is a list, an item a line after a hyphen, as long as the question asks for."
        case True, False:
            return "It is a list, an item a line after a hyphen."
        case False, True:
            return "It is as long as the question asks for, and no list."
    return "It has two to eight sentences, and no list."
