"""Whether a sentence calls the case benign or malignant."""

import re
from functools import lru_cache

from dermasynth_builder.check.prose.patterns import Pattern
from dermasynth_builder.check.prose.statements import Statement, is_quoted

_LESION = (
    r"(?:lesion|spot|growth|mole|mark|patch|plaque|nodule|papule|finding|bump|lump|rash|area|condition|diagnosis"
    r"|tumou?r|appearance|picture|pattern|skin change|change|swelling|one|problem|disease|eruption|process"
    r"|proliferation|neoplasm|overgrowth|entity|thing|birthmark|freckle|blemish"
    r"|category|nature|class|classification|result|verdict|character|behaviou?r)"
)
_NOT_INSIDE = (  # words over which a subject and what is said of it do not belong together
    r"(?!(?:not|no|neither|never|hardly|less|than|from|whether|if|when|would|could|may|might|can|should|but|although"
    r"|though|like|into|potential\w*|risk|precursors?|pre|turn\w*|becom\w+|suspicious|suspected|concern\w*"
    r"|until|unless|before|against|for|to|instead|rather|unlike|without|free|other|most|some|many|often|usually)\b)"
)
_FILL = rf"(?: (?:(?:form|kind|type|sort|variety|example|case) of|{_NOT_INSIDE}[\w'’,-]+)){{0,4}}?"
_SUBJECT = (
    r"(?:\bwhat (?:you|he|she|we|they|i) (?:have|has|sees?|are (?:seeing|looking at)|is looking at)(?: there| here)?"
    rf"|\b(?:this|it|that|yours?|(?:this|the|your|her|his|that|what) (?:[\w'’-]+ ){{0,3}}?{_LESION})\b"
    rf"(?: {_NOT_INSIDE}[\w'’-]+){{0,5}}?)"
)
_VERB = (
    r"(?:,? (?:is|looks|appears|seems|remains|was|['’]s|is considered|counts as|is classed as|is regarded as"
    r"|behaves as)|['’]s)"
)
_MILD = (
    r"(?:benign|harmless|innocent|innocuous|non-?cancerous|non-?malignant"
    r"|not (?:an? )?(?:[\w-]+ )?(?:malignant|cancerous|cancer|skin cancer|dangerous|malignancy)|no cancer|safe"
    r"|(?:nothing|not (?:something|anything)) (?:to (?:worry|fear|be (?:afraid|concerned|worried))|serious|dangerous"
    r"|malignant)|of no concern|free of malignan\w+)"
)
_NOT_GRAVE = r"(?:an? )?(?:[\w-]+ )?(?:malignan\w+|cancer(?:ous)?|skin cancer|dangerous|something to worry)"
_GRAVE = (
    r"(?:malignant|cancerous|an? (?:[\w-]+ ){0,2}?cancer|(?:skin|invasive) cancer|cancer|an? malignancy"
    r"|an? malignant \w+)"
)
_ADJECTIVE = r"(?:benign|harmless|innocuous|non-?cancerous|non-?malignant)"
_BENIGN = Pattern(
    re.compile(
        rf"{_SUBJECT}{_VERB}{_FILL} {_MILD}\b(?!-looking|[- ]appearing| features| at first)"
        rf"|{_SUBJECT} isn['’]t {_NOT_GRAVE}\b"
        r"|\b(?:there is|there are|there['’]s|shows?|with|we see|i see|has|have) no (?:sign|signs|evidence|features?"
        r"|hint|hints|suggestion|trace|indication)s? of (?:\w+ )?(?:malignan\w+|cancer|skin cancer)"
        rf"|\b(?:lesions?|lumps?|spots?|growths?|bumps?|moles?|marks?) like this(?: one)? (?:is"
        rf"|are) (?:[\w-]+ ){{0,2}}?{_ADJECTIVE}\b"
        r"|\bno (?:worrying|worrisome|suspicious|concerning|alarming|sinister|malignant) (?:features?|signs?|findings?)"
        r"|\bnothing (?:sinister|suspicious|worrying|worrisome|alarming|concerning|ominous)"
        r"|\b(?:features?|signs?|findings?|appearance|pattern) (?:is|are|look) (?:all |entirely |quite "
        r"|very )?reassuring"
        rf"|\b(?:entirely|completely|purely|only|all|typical|typically|clearly|clear) {_ADJECTIVE} \w+"
        r"|\b(?:no|nothing) (?:cause for concern|(?:reason|need) (?:to|for) (?:be )?(?:worr\w+|alarm\w*|concern\w*)"
        r"|malignant about)|\bneed not worry|^(?:benign|harmless)[.,:;] (?:this|it|the lesion|nothing)"
        rf"|\b(?:a|an|one|entirely|completely|purely|clearly|the|its|this|your) (?:[\w-]+ ){{0,2}}?{_ADJECTIVE}"
        rf" (?:[\w-]+ ){{0,2}}?(?:{_LESION}|nature|character|behaviou?r|biology)\b"
        r"|\b(?:belongs? (?:to|among|with)|counts? among|falls? (?:under|among|into)|is (?:one of|among)) (?:the "
        r"|a )?(?:group of )?"
        rf"(?:[\w-]+ ){{0,2}}?{_ADJECTIVE} \w+"
        rf"|\b(?:consistent|compatible|in keeping|in line) with (?:an? )?{_ADJECTIVE}\b|\bpoints? (?:to|towards?)"
        rf" (?:an? |its |the )?{_ADJECTIVE}\b"
        rf"|\b(?:favou?rs?|suggests?|indicates?|confirms?) (?:an? |its )?{_ADJECTIVE}\b"
    )
)
_MALIGNANT = Pattern(
    re.compile(
        rf"{_SUBJECT}{_VERB}{_FILL} {_GRAVE}\b(?! until|-looking| potential| risk)"
        rf"|{_SUBJECT} has (?:already |now )?(?:turned into|become|developed into|transformed into"
        rf"|progressed to) {_GRAVE}\b"
        r"|^(?:malignant|cancer|yes)[.,:;] (?:this is|it is|the lesion is) (?:an? )?(?:malignant|skin cancer|cancer"
        r"|malignancy)"
        r"|\b(?:this|your|his|her) (?:skin )?(?:cancer|malignancy)\b(?!-| (?:risk|check|screening|clinic|specialist))"
        r"|^(?:an? |invasive |aggressive |obvious |clear |likely |probable |advanced |early )*(?:skin cancer|cancer"
        r"|malignancy|malignant \w+)(?:[.,;]|$)"
        rf"|\b(?:a|an|the|its|this|your) (?:[\w-]+ )?(?:malignant|cancerous) (?:[\w-]+ )?{_LESION}\b"
        r"|\b(?:belongs? (?:to|among|with)|counts? among|falls? (?:under|among|into)|is (?:one of|among)) (?:the "
        r"|a )?(?:group of )?"
        r"(?:[\w-]+ ){0,2}?(?:malignan\w+|cancers?|cancerous)\b"
        r"|\b(?:shows?|depicts?|reveals?|represents?|you have|we see|i see|consistent with|indicates?|confirms?"
        r"|diagnostic of|points? to|suggests?) (?:an? )?(?:[\w-]+ )?(?:skin cancer|malignancy|cancer)\b"
    )
)
_ALONE = Pattern(
    re.compile(
        r"^(?:(?:it|this)(?: is|['’]s) |(?:most |very )?likely |probably |clearly |certainly |definitely |a |the "
        r"|lesion |answer |something |: )*(?:(benign|harmless|innocuous|non-?cancerous|not (?:malignant"
        r"|cancer(?:ous)?))"
        r"|(malignant|cancer(?:ous)?|not (?:benign|harmless)))"
        r"(?: (?:lesion|growth|tumou?r|in nature|nature))?(?:\W*$|[,:;] )"
    )
)
_TURNED = re.compile(
    r"\b(?:no|nothing|nobody|hardly|not|cannot|never|wrong|mistake|although|though|despite|until|unless"
    r"|myth|until proven|even if|many|most|some|other|looks? like)\b|n['’]t\b"
)
_ANSWERED_NO = re.compile(
    r"^(?:no|nope|not at all|not in the least|not really|by no means|(?:certainly|absolutely|definitely|luckily"
    r"|fortunately) not)[,:;.] ?"
)
_CONCEDED = re.compile(r"^(?:but |and )?(?:even )?(?:although|though|despite|while|even if)\b[^,]*,")
_LEFT = re.compile(
    r" (?:would|could|may|might|can|tends?|often|usually|typically|in the (?:way|sense)|as (?:an?|long)|compared)\b"
    r"|[\w\s]{0,12}\b(?:until|unless|but|yet|or (?:malignant|benign|not)|in appearance|at first)\b|\?|,? but\b"
)


@lru_cache(maxsize=8192)
def calls(statement: Statement, recorded: str) -> str:
    """The words that call the case benign where it is malignant, or malignant where it is not; "" for none."""
    alone = _ALONE.search(statement.text)
    if alone and not statement.is_question and bool(alone[1]) == (recorded == "malignant"):
        return alone.group()
    pattern = _BENIGN if recorded == "malignant" else _MALIGNANT
    found = pattern.search(statement.text)
    return found.group() if found and not _is_otherwise(statement, found) else ""


def _is_otherwise(statement: Statement, found: re.Match[str]) -> bool:
    """Whether the words stand in a general, supposed or denied sentence, or say the recorded class in the end."""
    before = _CONCEDED.sub("", _ANSWERED_NO.sub("", statement.clause_before(found.start())))
    if is_quoted(found):
        return True
    clause = statement.clause(*found.span())
    is_loose = clause.is_general or clause.is_untold or statement.compares(found.start())
    is_turned = statement.supposes(found.end() - 1) or _TURNED.search(before)
    return bool(is_loose or is_turned or _LEFT.match(statement.text[found.end() :]))
