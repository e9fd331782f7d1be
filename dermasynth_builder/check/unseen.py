"""Row by row: what no such image shows and nobody recorded: sizes, complaints, history, touch, other places."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dermasynth_builder.check.prose.patterns import Patterns
from dermasynth_builder.check.prose.statements import Statement, answers, cited_by, statements
from dermasynth_builder.core.records import Facts, Finding, Pair

NAME = "unseen"
_SIZE = re.compile(
    r"\b(\d+(?:\.\d+)?)(?: ?(?:-|–|to|x|×|by) ?(\d+(?:\.\d+)?))? ?[- ]?(mm|millimet(?:er|re)s?|cm|centimet(?:er"
    r"|re)s?|inch(?:es)?)\b"
    r"|\b(?:about |roughly |approximately )?the size of (?:an? )?(?:small |large )?(?:pea|coin|lentil|dime"
    r"|nickel|quarter|grape|walnut|pencil eraser|marble|"
    r"thumbnail|fingernail|golf ball|pinhead|cherry|olive|pepper ?corn)\b"
    r"|\b(?:a|one|two|three|four|five|six|seven|eight|ten|half a|several)[- ](millimet(?:er|re)s?|centimet(?:er"
    r"|re)s?|inch(?:es)?)\b"
)
_LIMIT = re.compile(
    r"\b(?:less|more|larger|smaller|greater|bigger|wider|over|under|above|below|beyond|exceed\w*|than|margins?"
    r"|up to|at least|rule|threshold|criterion|line|mark|"
    r"limit|within|depth|breslow|deep|thick|apart|ruler|punch|needle|zoom\w*|scale bar)\b"
)
_UNITS = {"c": 10.0, "i": 25.4, "m": 1.0}
_ALIKE = 0.25  # share by which a size may be off


class _Claim(NamedTuple):
    """Something that an image does not show."""

    what: str
    field: str  # of `Facts` that may hold it; "" for none
    pattern: re.Pattern[str]


def _words(*parts: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(parts)})\b")


_CLAIMS: tuple[_Claim, ...] = (
    _Claim(
        "itching", "itches", _words("itch(?:es|ing|y|ed)?", "prurit\\w+", "scratch(?:es|ed|ing)? (?:at )?(?:it|the)")
    ),
    _Claim(
        "pain",
        "hurts",
        _words(
            "pain(?:ful|s)?",
            "hurt(?:s|ing)?",
            "tender(?:ness)?",
            "sore(?:ness)?",
            "ach(?:es|ing)",
            "sting(?:s|ing)?",
            "burning(?: sensation)?",
            "burns",
        ),
    ),
    _Claim("bleeding", "bleeds", _words("bleeds?", "bled", "bleeding(?! (?:crust|point|ulcer))")),
    _Claim(
        "growth",
        "has_grown",
        _words(
            "(?:has|have|had|been|is|was) (?:slowly |rapidly |quickly |steadily |recently |been )*(?:grow(?:n"
            "|ing)|enlarg(?:ed|ing)|spread(?:ing)?)(?! pattern)",
            "grew(?! (?:darker|redder|paler|lighter))",
            "(?:has|have|had) become (?:larger|bigger|wider)",
            "(?:doubled|increased|increasing) in size",
            "rapid growth",
            "recent growth",
        ),
    ),
    _Claim(
        "change",
        "has_changed",
        _words(
            "(?:has|have) (?:recently |lately |slowly |also |visibly )*(?:changed|darkened|evolved"
            "|become (?:darker|redder))",
            "(?:recent|recently noticed) (?:change|darkening)s?",
            "(?:got|turned) darker",
            "changed (?:colour|color|shape) over",
        ),
    ),
    _Claim(
        "duration",
        "duration",
        _words(
            "(?:has been|have been|had been|been there|is there|present|persist\\w*|existed|last(?:ed|ing|s)"
            "|appeared|developed|noticed|started|began|arose|visible|seen|grown|growing|had (?:it|this|the \\w+)|"
            "itched|hurt|bled)\\b[^.;]{0,40}\\b(?:for|over|since|within|in) (?:about |around |at least "
            "|more than |the (?:last|past) |many |several |some |a few |the )*(?:\\d+|one|two|three|four|five"
            "|six|seven|eight|nine|ten|twelve|many|several|few|couple of|childhood|birth)? ?(?:days?|weeks?"
            "|months?|years?|childhood|birth|decades?)\\b(?! of (?:sun|age))",
            "(?:long-?standing|present since|appeared (?:\\w+ )?(?:days?|weeks?|months?|years?) ago|(?:days?"
            "|weeks?|months?|years?) ago|first noticed)",
        ),
    ),
    _Claim(
        "touch",
        "",
        _words(
            "(?:feels?|felt) (?:\\w+ )?(?:firm|hard|soft|rough|smooth|warm|hot|rubbery|gritty|sandpaper\\w*"
            "|spongy|like)",
            "(?:firm|hard|soft|rubbery|warm|hot|indurated|fluctuant|mobile|fixed) (?:to (?:the )?touch"
            "|on palpation|when touched|on touch)",
            "to (?:the )?touch",
            "on palpation",
            "palpa(?:ble|tion)",
            "blanch(?:es|ing|able)?",
            "dimples?(?: sign)?",
            "warmth",
            "nikolsky\\w*",
            "(?:is|are|quite|very) (?:warm|rubbery|indurated|fluctuant)",
        ),
    ),
    _Claim(
        "history of the patient",
        "history",
        _words(
            "(?:family|personal|medical|past|strong|known|prior|previous) (?:\\w+ )?history of",
            "history of (?:\\w+ )*(?:sunburns?|sun exposure|skin cancer|melanoma|cancer|eczema|atopy|asthma"
            "|tanning|smoking|trauma)",
            "(?:smokes|smoker|drinks alcohol|takes (?:medication|immuno\\w+|steroids)|immunosuppress(?:ed|ion)"
            "|diabet(?:es|ic)|sunbeds?|tanning beds?|works (?:outdoors|as)|farmer|pregnan(?:t|cy)|allerg(?:y"
            "|ies|ic) to|hiv|transplant)",
            "(?:her|his|the patient['’]s|their) (?:mother|father|parents?|sister|brother|family|grandmother"
            "|grandfather)",
            "(?<!a )(?:patient|man|woman|person|she|he) (?:reports?|says|states|complains?|describes|recalls|noticed"
            "|denies|mentions|presents with a history)",
        ),
    ),
    _Claim(
        "histology",
        "confirmation",
        _words(
            "biops(?:y|ied) (?:has |was |had )?(?:confirm\\w*|show\\w*|prove\\w*|reveal\\w*|taken|performed|done)",
            "(?:histolog\\w+|histopatholog\\w+|pathology|microscop\\w+) (?:\\w+ )?(?:confirm\\w*|show\\w*"
            "|prove\\w*|reveal\\w*|demonstrat\\w*)",
            "biopsy-(?:proven|confirmed)",
            "(?:confirmed|proven|proved|established) (?:by|on|through|with) (?:a )?(?:\\w+ )?(?:biopsy"
            "|histolog\\w+|histopatholog\\w+|tissue|patholog\\w+|sample)",
            "(?:breslow|clark level|mitotic|mitoses|ki-?67|immunohisto\\w+|atypical melanocytes|nests of|palisading)",
        ),
    ),
    _Claim(
        "general symptoms",
        "symptoms",
        _words(
            "(?<!spotted )(?<!rheumatic )(?<!hay )(?<!scarlet )fevers?",
            "feverish",
            "chills",
            "fatigue",
            "joint pains?",
            "short(?:ness)? of breath",
            "weight loss",
            "night sweats",
            "nausea",
            "malaise",
            "mouth sores",
            "headaches?",
        ),
    ),
)
_COMPLAINTS = {"bothersome appearance": "appearance", "burning": "burn", "darkening": "dark", "mouth sores": "mouth"}
_STRUCTURES = _words(
    "pigment(?:ed)? network",
    "(?:a)?typical network",
    "reticular (?:network|pattern|lines)",
    "blue-?white (?:veil|structures?)",
    "(?:brown|black|blue-?gr[ae]y|peripheral|irregular|regular|aggregated) (?:globules|clods)",
    "(?:peripheral|irregular|regular|aggregated) dots",
    "dots and globules",
    "globules",
    "radial stream\\w+",
    "pseudopods",
    "arbori[sz]ing (?:vessels|telangiectas\\w+)",
    "leaf-?like (?:areas|structures)",
    "spoke-?wheel (?:areas|structures)",
    "milia-?like cysts",
    "comedo-?like openings",
    "(?:blue-?gr[ae]y )?ovoid nests",
    "chrysalis structures",
    "crystalline structures",
    "shiny white (?:lines|streaks|structures|blotches)",
    "rosettes",
    "strawberry pattern",
    "dotted vessels",
    "glomerular vessels",
    "hairpin vessels",
    "parallel (?:ridge|furrow) pattern",
    "negative network",
    "cobblestone pattern",
    "starburst pattern",
    "fingerprint(?:-like)? structures",
    "moth-?eaten borders?",
    "homogeneous blue pigmentation",
    "structureless (?:areas?|zones?)",
    "regression structures",
    "peppering",
    "lacunae",
    "central white patch",
)
_DERMOSCOPY = _words(
    "(?:this|the|under|on|by|with|through|in) (?:\\w+ )?(?:dermoscop\\w+|dermatoscop\\w+|epiluminescence)(?! is"
    "| would| could| might| may)",
    "dermoscopic (?:image|view|picture|photograph)",
)
_PHOTOGRAPH = _words(
    "(?:this|the) (?:clinical|close-up|smartphone|macroscopic|ordinary) (?:photograph|photo|image|picture)",
    "(?:this|the) smartphone",
)
_ABSENCES = re.compile(
    r"\b(?:no|without(?: any)?|not any|free of|absence of(?: any)?) (?:\w+ )?(?:other|further|additional"
    r"|similar|satellite|second) (?:(?:\w+ )?(?:lesions?|spots?|moles?|growths?|rash|marks?|changes|plaques"
    r"|patches|areas))"
    r" ?(?:(?:elsewhere|on (?:the|her|his) (?:rest|body|skin|remaining)|anywhere|are present|is present|exist"
    r"|elsewhere on|were found|are found))"
    r"|\b(?:no|without(?: any)?) (?:other|further|additional|satellite|similar) (?:(?:suspicious|skin|such"
    r"|pigmented) )?(?:lesions?|spots?|moles?|marks?|growths?)\b(?! (?:in|within|on) (?:the|this) (?:image"
    r"|photograph|picture|frame|field|photo))"
    r"|\bthe (?:rest|remainder) of (?:the|her|his|their) (?:body|skin|trunk|integument) (?:is|are|was|looks"
    r"|appears|shows? no|remains)"
    r"|\b(?:the )?(?:nails?|scalp|hair|mucosa\w*|mouth|palms and soles|lymph nodes?|genitals?|eyes) (?:is|are"
    r"|were|remain|look|appear)s? (?:not (?:involved|affected|enlarged|swollen)|uninvolved|normal|spared|clear"
    r"|unremarkable|unaffected)"
    r"|\b(?:no|without|nor) (?:\w+ )?(?:lymphadenopathy|(?:enlarged |swollen |palpable )lymph nodes?"
    r"|nail (?:involvement|changes)|mucosal (?:involvement|lesions)|systemic (?:symptoms|signs|involvement)|metasta\w+)"
    r"|\b(?:elsewhere|otherwise),? (?:\w+ ){0,3}?(?:skin|body|patient) (?:is|was) (?:clear|normal|healthy"
    r"|unaffected|unremarkable)|\bnothing (?:similar|else) (?:is )?(?:elsewhere|on the rest)"
)
_IN_FRAME = re.compile(
    r"\b(?:in|within|inside) (?:the|this) (?:image|photograph|picture|frame|field(?: of view)?|photo|view"
    r"|crop)\b|\bvisible (?:here|in)\b|\bin view\b|\bas far as\b|\bshown here\b"
)
_ADVISED = re.compile(
    r"\b(?:should|ask|asked|worth|would|will|see a|tell (?:the|your|a)|report any|come back|return|seek|until"
    r"|next step|recommend\w*|advis\w+|consider|warrants?|needs?|to (?:be|find|learn|know|confirm|settle|prove))\b"
)
_PATTERNS = Patterns(
    {claim.what: claim.pattern for claim in _CLAIMS}
    | {
        "size": _SIZE,
        "structures": _STRUCTURES,
        "dermoscopy": _DERMOSCOPY,
        "photograph": _PHOTOGRAPH,
        "absence": _ABSENCES,
    }
)


def check_unseen(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Flags claims that rest neither on the image nor on what is recorded or asked, and what the record denies."""
    for pair in pairs:
        names = " ".join(filter(None, (pair.image.facts.diagnosis, *pair.image.facts.differential)))
        for question, answer, before in answers(pair):
            given = f"{before} {question} {names}".lower()
            if not _PATTERNS.possible(answer.lower()):
                continue
            for statement in statements(answer, cited_by(pair)):
                if not statement.is_question:
                    for reason in dict.fromkeys(_reasons(statement, given, pair)):
                        yield Finding(pair.pair_id, NAME, "flag", reason)


def _reasons(statement: Statement, given: str, pair: Pair) -> Iterator[str]:
    facts, possible = pair.image.facts, _PATTERNS.possible(statement.text)
    if "size" in possible:
        yield from _sizes(statement, given, facts)
    for claim in _CLAIMS:
        if claim.what in possible and (found := claim.pattern.search(statement.text)):
            yield from _unseen(claim, found, statement, given=given, facts=facts)
    if not {"structures", "dermoscopy", "photograph"}.isdisjoint(possible):
        yield from _modality(statement, given, pair)
    if (
        "absence" in possible
        and (found := _ABSENCES.search(statement.text))
        and not (statement.is_general or statement.is_untold or _IN_FRAME.search(statement.text))
    ) and not statement.supposes(found.start()):
        yield f"says {found.group()!r} of what the image does not show"


def _sizes(statement: Statement, given: str, facts: Facts) -> Iterator[str]:
    for found in _SIZE.finditer(statement.text):
        is_loose = (
            statement.is_general
            or statement.is_untold
            or _LIMIT.search(statement.text[max(0, found.start() - 40) : found.end() + 25])
        )
        if is_loose or found.group() in given or statement.supposes(found.start()):
            continue
        known = [each for each in (facts.diameter_1_mm, facts.diameter_2_mm) if each]
        if not known:
            yield f"says {found.group()!r} where no size is recorded"
            return
        unit = _UNITS[found[3][0]] if found[3] else 0.0
        told = [float(number) * unit for number in (found[1], found[2]) if number]
        if told and not any(abs(size - each) <= max(1.0, _ALIKE * each) for size in told for each in known):
            yield f"says {found.group()!r} where {' by '.join(f'{each:g}' for each in known)} mm is recorded"
            return


def _unseen(claim: _Claim, found: re.Match[str], statement: Statement, *, given: str, facts: Facts) -> Iterator[str]:
    is_passed = statement.is_general or statement.is_untold or _ADVISED.search(statement.text[: found.start()])
    if is_passed or statement.supposes(found.start()) or statement.compares(found.start()):
        return
    if claim.pattern.search(given) or _MERELY_POSSIBLE.match(statement.clause_after(found.end())):
        return
    is_denied = _is_denied(statement, found)
    known = _known(claim, found.group(), facts)
    if known is None:
        yield f"tells of {claim.what}, which nobody recorded: {found.group()!r}"
    elif known is is_denied:
        told, other = ("denies", "has") if is_denied else ("claims", "denies")
        yield f"{told} {claim.what}, which the record {other}: {found.group()!r}"


_MERELY_POSSIBLE = re.compile(r"[\w\s,]{0,30}\b(?:would|could|might|may|should|(?:is|are) (?:\w+ )?reasons?)\b")
_DENIED_LIST = re.compile(r"\b(?:denied|absent|not present|answered with no|negative)(?:,[^:;.]*)?: [^;.]*$")


def _is_denied(statement: Statement, found: re.Match[str]) -> bool:
    """Whether the words are denied, by themselves or in a list of what is denied."""
    before = statement.text[: found.start()]
    is_verb = re.match(r"(?:smok|drink|has|takes|work)", found.group())  # "does not smoke, drinks alcohol"
    if is_verb and "," in before:
        return bool(re.search(r"\b(?:no|not|never)\b|n['’]t\b", before.rpartition(",")[2]))
    return statement.denies(found.start(), found.end()) or bool(_DENIED_LIST.search(before))


def _known(claim: _Claim, told: str, facts: Facts) -> bool | None:
    """Whether the record has what is told; None where it says nothing of it."""
    symptoms = " ".join(facts.symptoms)
    match claim.field:
        case "history":
            return _known_history(told, facts)
        case "duration":
            return True if facts.duration else None
        case "confirmation":
            return facts.confirmation == "histopathology" if facts.confirmation else None
        case "symptoms":
            return True if any(word in symptoms for word in told.split()) else None
        case "hurts" if ("burn" in told and "burning" in symptoms) or ("pain" in told and "pain" in symptoms):
            return True
        case "has_changed" if "darkening" in symptoms:
            return True
        case "":
            return True if facts.textures and re.search(r"rough|smooth|soft|^to (?:the )?touch$", told) else None
        case field:
            found: bool | None = getattr(facts, field)
            return found


_HISTORIES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile("smok"), ("smokes",)),
    (re.compile("alcohol"), ("drinks_alcohol",)),
    (re.compile("pesticide|farmer"), ("uses_pesticide",)),
    (
        re.compile("family|mother|father|parent|sister|brother|grand"),
        ("has_family_melanoma_history", "has_skin_cancer_history", "has_cancer_history"),
    ),
    (re.compile("melanoma"), ("has_melanoma_history", "has_skin_cancer_history")),
    (re.compile("cancer|history of"), ("has_skin_cancer_history", "has_cancer_history", "has_melanoma_history")),
)


def _known_history(told: str, facts: Facts) -> bool | None:
    """What the record says of the kind of history that is told."""
    if re.search("reports?|says|states|describes|mentions", told):
        return True if facts.duration or facts.symptoms or {facts.itches, facts.hurts, facts.bleeds} != {None} else None
    names = next((names for pattern, names in _HISTORIES if pattern.search(told)), ())
    held = [getattr(facts, name) for name in names if getattr(facts, name) is not None]
    return any(held) if held else None


def _modality(statement: Statement, given: str, pair: Pair) -> Iterator[str]:
    if pair.image.modality == "clinical":
        for what, pattern in (("a structure of dermoscopy", _STRUCTURES), ("dermoscopy", _DERMOSCOPY)):
            found = pattern.search(statement.text)
            if (
                found
                and found.group() not in given
                and statement.claims(found.start(), found.end())
                and not _ADVISED.search(statement.text)
                and not (what == "dermoscopy" and pair.image.facts.confirmation == "confocal microscopy")
            ):
                yield f"sees {what} on a photograph: {found.group()!r}"
                return
    elif (
        (found := _PHOTOGRAPH.search(statement.text))
        and found.group() not in given
        and statement.claims(found.start(), found.end())
    ):
        yield f"takes the dermoscopic image for a photograph: {found.group()!r}"
