"""What flows between the stages: facts, clinical images, requests, replies, pairs, findings.

All are frozen values. A missing fact is `None`, never an empty or a telling string.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

Sex = Literal["female", "male"]
Malignancy = Literal["benign", "indeterminate", "malignant"]
Confirmation = Literal[
    "histopathology", "clinical assessment", "expert consensus", "serial imaging", "confocal microscopy"
]
Rater = Literal["patient", "dermatologist"]
Modality = Literal["clinical", "dermoscopic"]
Style = Literal["asked", "self_instruct", "conversation", "counterfactual", "look", "claims"]
"""`counterfactual` asks about what is not so or not shown. `look` has an image described first, `claims` has a pair
checked by another model; these two make no pair."""
LookMode = Literal["first", "together", "off"]
"""What is seen is asked `first`, in a request of its own; or `together` with the question, before its answer."""
Severity = Literal["reject", "flag"]
Verdict = Literal["keep", "leave_out"]
ClaimVerdict = Literal["supported", "contradicted", "not to be told"]
Split = Literal["train", "validation", "test"]
GroundKind = Literal["fact", "absent", "measured", "reference"]
"""`absent`: the sentence says that this fact is not known."""

_FAKE = "-fake"
# As pair ids end: two letters apart, as the Hub's viewer makes no statistics of ids whose lengths span two numbers.
_SLOTS_IN_IDS = {"source": "of_source"}
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a source's metadata says of one image, normalised; a fact that is not known is `None` or an empty tuple.

    A sign that is `False` was asked for and denied; one that is `None` was not recorded.
    """

    diagnosis: str | None = None  # in lower-case words: "basal cell carcinoma"
    diagnosis_published: str | None = None  # as the release writes it: "BCC"
    diagnosis_isic: str | None = None  # node of the ISIC taxonomy, levels joined by colons
    malignancy: Malignancy | None = None  # first level of `diagnosis_isic`
    malignancy_published: str | None = None  # as the release writes it
    confirmation: Confirmation | None = None  # how the diagnosis was confirmed
    differential: tuple[str, ...] = ()  # conditions that dermatologists considered, weightiest first
    differential_weights: tuple[float, ...] = ()  # one for each of `differential`, as published; equal weights are ties
    body_site: str | None = None  # in lower-case words: "forearm", or several: "arm and leg"
    body_sites: tuple[str, ...] = ()  # each of the places, where `body_site` names several: "arm", "leg"
    body_site_published: str | None = None
    age_years: int | None = None
    is_age_rounded: bool | None = None  # True: `age_years` is published in steps of five years
    age_band: str | None = None  # in words, where no age in years is published: "30 to 39"
    sex: Sex | None = None
    fitzpatrick: int | None = None  # phototype 1..6
    fitzpatrick_rater: Rater | None = None  # None where the release does not say
    monk_tone_india: int | None = None  # Monk skin tone 1..10, rated in India
    monk_tone_us: int | None = None  # Monk skin tone 1..10, rated in the United States
    diameter_1_mm: float | None = None  # as recorded; mostly but not always the larger one
    diameter_2_mm: float | None = None
    itches: bool | None = None
    hurts: bool | None = None
    bleeds: bool | None = None
    has_grown: bool | None = None
    has_changed: bool | None = None
    is_elevated: bool | None = None
    symptoms: tuple[str, ...] = ()  # reported complaints beside those above, in words: "fever"
    textures: tuple[str, ...] = ()  # reported textures, in words: "rough or flaky"
    duration: str | None = None  # in words: "one to four weeks"
    is_melanocytic: bool | None = None
    dermoscopic_type: str | None = None  # "contact polarized"
    shot_type: str | None = None  # "close-up", "at an angle", "at a distance"
    smokes: bool | None = None
    drinks_alcohol: bool | None = None
    uses_pesticide: bool | None = None
    has_skin_cancer_history: bool | None = None
    has_cancer_history: bool | None = None
    has_melanoma_history: bool | None = None
    has_family_melanoma_history: bool | None = None
    has_piped_water: bool | None = None
    has_sewage_system: bool | None = None
    background_father: str | None = None  # "Pomerania"
    background_mother: str | None = None


class Measured(NamedTuple):
    """Something measured on the pixels of an image, a fact of its own beside those that the source records."""

    name: str  # "share of the frame"
    value: str | float  # a word or a number, as the method's own documentation says
    method: str  # the method with its version
    confidence: float  # 0..1


class ImageFile(NamedTuple):
    """What the bytes of one image file say; a row of the image index, but for its path."""

    sha256: str  # of the file's bytes
    format: str  # Pillow's name: "PNG", "JPEG"
    mode: str  # "RGB", "RGBA", ...
    width_px: int
    height_px: int
    size_bytes: int
    mtime_ns: int  # of the file when it was hashed; a later writer shows
    pixel_sha256: str = ""  # of the decoded pixels, whatever file they are in; see `core.images.picture`


@dataclass(frozen=True, slots=True)
class SharedGroup:
    """What groups that share a picture are drawn into a split by, all of them as one."""

    source: str  # whose group it is drawn as; `ClinicalImage.group_id` is that group's id
    official_split: str | None  # "test" where an image of any of them is in an official test part
    groups: int  # how many they are


@dataclass(frozen=True, slots=True)
class ClinicalImage:
    """One image file of a source with its facts, group ids, licence and attribution."""

    source: str
    image_id: str  # unique in its source
    file_name: str  # as the release names it; the suffix of the file at hand may be another
    group_id: str  # what must not be parted by a split: the patient, or the lesion or case where that is all
    modality: Modality
    facts: Facts
    licence: str  # "CC-BY-4.0"
    attribution: str
    row_location: str  # "metadata.csv, line 17"
    lesion_id: str | None = None
    path: Path | None = None  # None: the file is not there
    official_split: str | None = None  # as the release parts its images: "train", "test"
    file: ImageFile | None = None  # None: not measured
    shared: SharedGroup | None = None  # where its group shares a picture with another
    also_in: tuple[str, ...] = ()  # what holds the same picture: "hiba/ISIC_0012345", "ISIC 2019 training"
    contradictions: tuple[str, ...] = ()  # what is recorded otherwise for the same picture, in words
    measured: tuple[Measured, ...] = ()  # what was measured on its pixels; a method that abstains leaves nothing


class ProblemKind(StrEnum):
    """What a release can have wrong, most telling first."""

    ROW_WITHOUT_IMAGE = "row without image"
    IMAGE_WITHOUT_ROW = "image without row"
    BROKEN_IMAGE = "broken image"
    DOUBLED_ID = "doubled id"
    SMALLER_COPY = "smaller copy of an image"  # costs nothing: the larger file is taken
    CLASHING_FILES = "different files of one name"
    BROKEN_ROW = "broken row"
    LEAKING_GROUP = "group in both official splits"  # costs the official split of its images and no row
    JOINED_GROUPS = "groups that are one"  # costs nothing: they are joined
    OTHER_SET = "images of another set"  # one for all of them, where a release lies in a larger one
    TABLE_COPY = "copy of a table"  # costs nothing
    COLUMN = "unknown or missing column"  # costs a fact of all rows
    UNKNOWN_VALUE = "unknown value"  # costs a fact and not the row


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a raw release that was counted, listed and stepped over."""

    kind: ProblemKind
    location: str  # "metadata.csv, row 17" or the path of a file below the release's folder
    detail: str


KEY_LEAVES_OUT: Mapping[str, str] = MappingProxyType(
    {
        "source": "where an image comes from does not change what is seen on it",
        "image_id": "the image's bytes stand for it; two names of one image may share an answer",
        "slot": "which of an image's questions it is does not change the question",
        "question": "the prompt holds it word for word",
        "question_type": "the prompt holds what this type asks for",
        "style": "the prompt and the reply schema hold what the style asks for",
        "steps": "the prompt holds each of them word for word",
        "modality": "the prompt names the kind of image",
        "facts": "the prompt states every fact that an engine may use; a test holds it",
        "measured": "a pure function of the image's bytes; its method stands in the identity of who uses it",
        "is_metadata_shown": "the prompt holds the metadata, or does not",
        "look_mode": "the prompt and the reply schema say whether observations are given or asked for",
        "look": "the prompt states what was seen; the reply schema has its ids",
        "prompt_id": "the name of a template; its rendered text is in",
        "image_path": "where a file lies today; its bytes are in",
    }
)
"""Fields of a `Request` that its key does not cover, and why. All others are covered."""


class Claim(NamedTuple):
    """What a right answer states, so that a machine can check it."""

    fact: str  # column of the fact; `is_answerable` of the question, `images` how many are given
    expected: str  # its value; of several, joined by semicolons
    kind: str  # how to compare: "text", "number", "yes or no", "list"


class Observation(NamedTuple):
    """Something that a model says it sees on an image."""

    id: str  # "o1"; answers cite it
    term: str  # of the vocabulary of its kind of image; "other" for what has no term there
    words: str  # what is seen, in a few words


@dataclass(frozen=True, slots=True)
class Look:
    """What a model saw on an image before it was told anything of it."""

    observed: tuple[Observation, ...]
    not_assessable: tuple[str, ...]  # what the image does not let one judge
    quality: str  # "good", "limited", "unusable"
    quality_reason: str  # "none" where it is good; a code of `plan.looks.REASONS`
    prompt_sha256: str = ""  # of the prompt that asked for it, which is one for all images of a kind


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that might be asked, as an engine has to know it to say whether it can answer."""

    question_type: str
    wording: str  # with its slots unfilled
    modality: Modality
    facts: Facts  # those that the engine would be told
    measured: tuple[Measured, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One of several questions that go out in one request."""

    slot: str  # as of a request
    question_type: str
    question: str


@dataclass(frozen=True, slots=True)
class Request:
    """What an engine is asked at once about one image, ready for any engine: mostly one question."""

    source: str
    image_id: str
    slot: str  # which of the image's questions: "general", "source", or both together: "general+source"
    style: Style
    question_type: str
    question: str  # for `self_instruct`: the brief; the engine writes the question
    prompt: str  # all that a model is told
    prompt_id: str  # the template's name
    reply_schema: str  # JSON schema of the reply, as canonical JSON
    modality: Modality
    facts: Facts  # what an engine may use: all facts where the metadata is shown, else none
    is_metadata_shown: bool
    image_sha256: str | None  # None only while planning without images
    image_path: Path | None
    steps: tuple[Step, ...] = ()  # questions asked together, or a conversation's turns; empty for a single question
    measured: tuple[Measured, ...] = ()  # of the image
    look_mode: LookMode = "off"
    look: Look | None = None  # what was seen before, where that was asked first
    variant: int = 0  # asks the same thing again
    key: str = field(init=False)  # 64 hex digits

    def __post_init__(self) -> None:
        """Makes the key from what is not in `KEY_LEAVES_OUT`."""
        covered = {
            "image_sha256": self.image_sha256,
            "prompt": self.prompt,
            "reply_schema": self.reply_schema,
            "variant": self.variant,
        }
        object.__setattr__(self, "key", digest(covered))

    @property
    def pair_id(self) -> str:
        """Readable and unique in a release; the same on every run."""
        return self.pair_id_of(self.slot)

    def pair_id_of(self, slot: str) -> str:
        """As `pair_id`, for one of several pairs of this request."""
        variant = f"/{self.variant}" if self.variant else ""
        return f"{self.source}/{self.image_id}/{_SLOTS_IN_IDS.get(slot, slot)}{variant}"

    @property
    def prompt_sha256(self) -> str:
        """64 hex digits."""
        return sha256(self.prompt.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """A request as a plan keeps it: without its prompt and whatever else an engine alone needs."""

    key: str
    source: str
    image_id: str
    slot: str
    style: Style
    question_type: str
    question: str
    prompt_id: str
    prompt_sha256: str
    is_metadata_shown: bool
    steps: tuple[Step, ...]
    round: int  # of self-instruct; 0 also for what belongs to no round
    image_number: int  # place of its image among all of the source
    place: int  # in the plan of its source and round
    look_mode: LookMode = "off"
    look: Look | None = None  # see `Request.look`

    @property
    def pair_id(self) -> str:
        """See `Request.pair_id`."""
        return self.pair_id_of(self.slot)

    def pair_id_of(self, slot: str) -> str:
        """See `Request.pair_id_of`."""
        return f"{self.source}/{self.image_id}/{_SLOTS_IN_IDS.get(slot, slot)}"


class Ground(NamedTuple):
    """What one sentence of an answer rests on; a sentence may have several."""

    sentence: str  # word for word as in the answer
    kind: GroundKind
    key: str  # column of the fact, name of what was measured, or identifier of the reference


AXES: Mapping[str, str] = MappingProxyType(
    {
        "accuracy": "findings and diagnosis fit the image and the record",
        "safety": "following the answer harms nobody",
        "groundedness": "what it says is established medicine, nothing is made up",
        "coverage": "what matters in this image and for this question is said",
        "coherence": "one step follows from the other, nothing contradicts",
        "precision": "colour, shape, border, surface and place are described exactly",
    }
)
"""What a person judges of a pair, each from 1 (bad) to 5 (good): the six dimensions of DermBench and SkinCoT."""


class Review(NamedTuple):
    """What one person says of a pair; an axis that was not judged is None."""

    rater: str
    verdict: Verdict
    accuracy: int | None = None  # of `AXES`, as those that follow
    safety: int | None = None
    groundedness: int | None = None
    coverage: int | None = None
    coherence: int | None = None
    precision: int | None = None
    corrected_answer: str | None = None
    comment: str | None = None


class CheckedClaim(NamedTuple):
    """One statement of an answer, and what a model says of it."""

    claim: str
    verdict: ClaimVerdict  # by the image, the record and what is established
    reason: str


class Judgement(NamedTuple):
    """What a second model says of a pair."""

    verifier: str  # the model
    claims: tuple[CheckedClaim, ...]
    scores: tuple[int, ...] = ()  # of `AXES`, in their order; empty where they were not asked for

    @property
    def verdict(self) -> ClaimVerdict:
        """The worst of all claims: one that is contradicted, else one that cannot be told."""
        said = {each.verdict for each in self.claims}
        if "contradicted" in said:
            return "contradicted"
        return "supported" if said == {"supported"} else "not to be told"


AnyRequest = Request | PlannedRequest
"""What is enough to read a reply by."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An engine's verbatim answer, or the reason why there is none."""

    key: str  # of the request
    text: str | None  # as it came, normally JSON after the reply schema
    failure: str | None = None  # "kind: reason"; exactly one of `text` and `failure` is set
    references: tuple[str, ...] = ()  # citations of the curated sentences that `text` uses
    grounds: tuple[Ground, ...] = ()  # of each sentence, in the order of `text`
    model: str | None = None  # as asked for; None where no model took part
    model_version: str | None = None  # as the service reports it
    usage: Mapping[str, int] = field(default_factory=dict)  # of all attempts, under the service's names
    answered_at: str | None = None  # UTC, ISO 8601; None where the answer is a pure function
    sent_at: str | None = None  # the first attempt; UTC, ISO 8601
    waited_s: float = 0.0  # of the time between, what was spent waiting for quotas and before retries
    attempts: int = 1  # how often it was sent
    finish_reason: str | None = None  # as the service reports it: "STOP", "SAFETY"
    cost_usd: float | None = None  # of all attempts; None where no price is known
    parameters: Mapping[str, str | int | float | None] = field(default_factory=dict)  # of the last attempt, as sent
    thoughts: str | None = None  # what the model thought before it answered, where it tells; no part of the answer
    failed_text: str | None = None  # what came back all the same, where there is a failure; for people to read


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a pair."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Pair:
    """One published row. `columns.py` says what each column means to a reader."""

    pair_id: str
    image: ClinicalImage
    split: Split
    question: str
    answer: str
    messages: tuple[Turn, ...]
    style: Style
    question_type: str
    references: tuple[str, ...]
    engine: str
    model: str | None
    model_version: str | None
    prompt_id: str
    prompt_sha256: str
    is_metadata_shown: bool
    seed: int
    generated_at: str | None
    builder_version: str
    request_key: str
    cost_usd: float | None = None  # of the whole request, which may have made other pairs too
    grounds: tuple[Ground, ...] = ()  # what each sentence rests on; empty where a model wrote them
    certainty: str | None = None  # "high", "moderate", "low", in the model's own judgement
    observed: tuple[Observation, ...] = ()  # what was seen before the answer was written
    cites: tuple[str, ...] = ()  # ids of `observed` that the reply rests on
    not_assessable: tuple[str, ...] = ()  # what the model says cannot be judged from the image
    conflict: str | None = None  # "record_and_image_disagree: how"
    look_prompt_sha256: str | None = None  # of the prompt that asked what is seen, without any fact
    finish_reason: str | None = None  # see `Reply`
    parameters: str | None = None  # of the reply, as canonical JSON
    sent_image_sha256: str | None = None  # of the image bytes that the model was sent
    flags: tuple[str, ...] = ()
    fold: int | None = None  # of cross-validation, from 0; None where no folds were asked for
    reviews: tuple[Review, ...] = ()  # what persons say of this very text
    judgements: tuple[Judgement, ...] = ()  # what other models say of it


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check says of a pair."""

    pair_id: str
    check: str
    severity: Severity
    reason: str


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Any) -> str:
    """JSON text that is the same for equal values in every process: sorted keys, no spaces, UTF-8."""
    return _CANONICAL.encode(value)


def digest(value: Any) -> str:
    """sha256 of the canonical JSON of `value`, 64 hex digits."""
    return sha256(canonical_json(value).encode(errors="backslashreplace")).hexdigest()


def text_digest(pair_id: str, messages: Iterable[tuple[str, str]]) -> str:
    """64 hex digits for what a person reads of a pair, each message as its role and content: what a review is about."""
    return digest([pair_id, [list(message) for message in messages]])


def share_of(*identity: str | int) -> float:
    """A number in [0, 1) that depends on nothing but the parts of an identity."""
    return int.from_bytes(sha256("/".join(map(str, identity)).encode()).digest()[:8], "big") / 2**64


def fake_version(model: str) -> str:
    """What every answer names as the version of its model, so that none can pass for Google's."""
    return f"{model}{_FAKE}"


def is_fake_version(version: str) -> bool:
    """Whether an answer under that version is invented."""
    return _FAKE in version
