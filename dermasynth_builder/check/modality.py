"""Row by row: an image taken for one of another kind: dermoscopy on a photograph, a dermoscopic image for a section."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dermasynth_builder.check.prose.patterns import Patterns, alternatives
from dermasynth_builder.check.prose.statements import Statement, answers
from dermasynth_builder.core.records import ClinicalImage, Finding, Pair

NAME = "modality"
_IMAGE = r"(?:images?|views?|pictures?|photos?|photographs?|shots?|snapshots?|captures?|frames?)"
_LENS = r"(?:dermoscop\w+|dermatoscop\w+|epiluminescence(?: microscopy)?|videodermoscop\w+)"
_THIS = r"(?:this|these|the|our|present|shown|given|provided|attached)"
_IS_A = (
    r"(?:(?:is|['’]s|be|like|as|at|see|have|of|provided|shared|uploaded) (?:clearly |just |only |simply |merely )?an?"
    r"|^an?(?=[^.;]*\b(?:taken|of|showing|made|from|shot|acquired)\b))"
)
_SEES = (
    r"(?:shows?|shown|showing|sees?|seen|reveals?|revealed|recogni[sz]es?|visible|discloses?|displays?"
    r"|demonstrat\w+|exhibits?|appears?|observed?|identif\w+|noted?|notes|appreciate|finds?|found|presents?"
    r"|there (?:is|are))"
)
_STRUCTURES = re.compile(
    r"\b(?:(?:a)?(?:typical |regular |irregular |delicate |fine |broad(?:ened)? |thick |thin |faint )*"
    r"(?:pigment(?:ed)? network|reticular (?:network|pattern|lines)|pseudo-?network)"
    r"|(?:a)?typical network|negative network"
    r"|blue-?(?:white|whitish|gr[ae]y) (?:veil|structures?)|globules|clods"
    r"|(?:peripheral|irregular|regular|aggregated) dots|dots and globules|radial stream\w+|pseudopods"
    r"|arbori[sz]ing (?:vessels|telangiectas\w+)|leaf-?like (?:areas|structures)|maple-?leaf\w* (?:areas|structures)"
    r"|spoke-?wheel (?:areas|structures)|milia-?like cysts|comedo-?like openings|ovoid nests"
    r"|chrysalis structures|crystalline structures|shiny white (?:lines|streaks|structures|blotches)|rosettes"
    r"|strawberry pattern|dotted vessels|glomerular vessels|hairpin vessels|comma vessels|polymorphous vessels"
    r"|parallel (?:ridge|furrow) pattern|cobblestone pattern|starburst pattern|fingerprint(?:-like)? structures"
    r"|moth-?eaten borders?|homogeneous blue pigmentation|structureless (?:areas?|zones?)|regression structures"
    r"|peppering|lacunae|central white patch)\b"
)
_CLINICAL = (
    r"(?:(?:clinical|normal|regular|standard|plain|smartphone|phone|mobile|macroscopic|ordinary|naked-?eye"
    r"|non-?dermoscopic|everyday|regional"
    r"|overview)"
    rf",? (?:[\w-]+,? ){{0,2}}?{_IMAGE}|close-?up photo(?:graph)?)"
)
_ELSEWISE = (
    r"(?:(?:histolog\w+|histopatholog\w+|microscop\w+|h ?& ?e|h and e|ha?ematoxylin\w*|biopsy|tissue|pathology|stained)"
    r"[\w-]* (?:[\w&-]+ ){0,3}?(?:sections?|slides?|micrographs?)"
    r"|(?:histolog\w+|histopatholog\w+|pathology|ultraso\w+|sonograph\w+|doppler|ct|mri?|magnetic resonance"
    r"|computed tomograph\w+|x-?ray|radiograph\w+|confocal|optical coherence|oct|endoscop\w+|wood['’]s (?:lamp|light)"
    rf"|electron|fluorescence|thermograph\w+) (?:[\w&-]+ ){{0,3}}?(?:{_IMAGE}|scans?|films?)"
    r"|(?:photo)?micrographs?|sonograms?|radiographs?|x-?rays?|mammograms?|ct scans?|mri|ultrasound|histology slides?)"
)


def _called(what: str) -> str:
    """A pattern for the image when it is called that: "this is a ...", "in this ...", and "a ..." alone."""
    return rf"\b(?:{_THIS}|{_IS_A}) (?:[\w&-]+ ){{0,4}}?{what}\b|^(?:an? )?(?:[\w&-]+ ){{0,2}}?{what}\W*$"


_DERMOSCOPY = alternatives(
    _called(rf"{_LENS} (?:[\w-]+ ){{0,2}}?{_IMAGE}")
    + rf"|\b(?:on|under|by|with|through|in|via|using|at) (?:[\w-]+ ){{0,3}}?{_LENS}\b(?=[^.;]*\b{_SEES}\b)"
    rf"|\b{_LENS}(?: examination| assessment| evaluation| analysis| findings| features)? {_SEES}\b|\b{_LENS} of th"
    rf"|\bdermoscopically\b|\b{_LENS}:|^(?:an? )?(?:dermoscopy|dermatoscopy)\W*$"
    rf"|^(?:taken |imaged |photographed |seen )?(?:with|by|through|under|using|via) (?:an? |the )?{_LENS}\b"
)
_PHOTOGRAPH = alternatives(
    _called(_CLINICAL)
    + r"|\b(?:taken (?:with|by|on|using)|from) (?:an?|the|her|his|my|your) (?:ordinary |normal |mobile "
    r"|smart ?|cell ?)*(?:phone|camera|smartphone)\b|\bthis smartphone\b"
)
_OTHER = alternatives(_called(_ELSEWISE))
_SEEABLE = re.compile(r"\bcan (?:also |clearly )?be \w+|\b(?:one|we|you|i) can (?:also |clearly )?\w+")
_ADVISED = re.compile(
    r"\b(?:should|ask|asked|worth|would|will|might|could|may|can|help\w*|next step|recommend\w*|advis\w+|consider"
    r"|warrants?|needs?|needed|before|to (?:find|learn|know|confirm|settle|prove|look|see)|enough|useful)\b"
    r"|^(?:where|once)\b"
)


class _Kind(NamedTuple):
    """Words that tell of an image of some kind, and what they say."""

    patterns: tuple[re.Pattern[str], ...]
    told: str
    wrong_of: frozenset[str]  # modalities of which it is wrong


_KINDS = {
    "structures": _Kind((_STRUCTURES,), "sees a structure of dermoscopy on a photograph", frozenset({"clinical"})),
    "dermoscopy": _Kind(_DERMOSCOPY, "takes the photograph for a dermoscopic image", frozenset({"clinical"})),
    "photograph": _Kind(_PHOTOGRAPH, "takes the dermoscopic image for a photograph", frozenset({"dermoscopic"})),
    "other": _Kind(_OTHER, "takes the image for one of another method", frozenset({"clinical", "dermoscopic"})),
}
_PATTERNS = Patterns({name: kind.patterns for name, kind in _KINDS.items()})


def check_modality(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Flags what only another kind of image could show, and what calls the image one of another kind."""
    for pair in pairs:
        for asked in answers(pair):
            for reason in dict.fromkeys(_reasons(asked.statements, asked.given, pair.image)):
                yield Finding(pair.pair_id, NAME, "flag", reason)


def _reasons(told: Iterable[Statement], given: str, image: ClinicalImage) -> Iterator[str]:
    for statement in told:
        for name, (found, *_) in _PATTERNS.found(statement.text).items():
            kind = _KINDS[name]
            is_wrong = image.modality in kind.wrong_of
            is_known = name in ("dermoscopy", "other") and image.facts.confirmation == "confocal microscopy"
            if is_wrong and not is_known and found.group() not in given and _is_meant(statement, found):
                yield f"{kind.told}: {found.group()!r}"


def _is_meant(statement: Statement, found: re.Match[str]) -> bool:
    start, end = found.span()
    clause = statement.clause(start, end)
    is_loose = (
        clause.is_general
        or clause.is_untold
        or statement.is_question
        or _ADVISED.search(_SEEABLE.sub("", statement.text))
    )
    is_turned = statement.supposes(start) or statement.compares(start) or statement.denies(start, end)
    return not (is_loose or is_turned)
