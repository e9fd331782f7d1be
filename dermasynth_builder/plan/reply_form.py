"""Reply schemas, and the one parser for what engines send back."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from dermasynth_builder.core.plain import hostile_in, one_line
from dermasynth_builder.core.records import (
    AXES,
    AnyRequest,
    CheckedClaim,
    ClaimVerdict,
    Judgement,
    Look,
    Observation,
    Reply,
    Step,
    Style,
    Turn,
)
from dermasynth_builder.plan import looks
from dermasynth_builder.plan.looks import NO_EVIDENCE, Evidence
from dermasynth_builder.plan.similarity import NEAR, rouge_l

MIN_TURNS, MAX_TURNS = 2, 5  # questions of a conversation
_FENCE = re.compile(r"```[a-zA-Z]*\s*\n(?P<inside>.*?)```", re.DOTALL)


class BadReply(ValueError):  # noqa: N818 - a value's fault, caught where it is raised and kept as a reason
    """A reply that cannot become a pair; the message is "kind: reason"."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one pair says, and what it was asked as."""

    step: Step
    turns: tuple[Turn, ...]  # user first


@dataclass(frozen=True, slots=True)
class Testimony:
    """What a reply says beside its answers: what they rest on, and how far."""

    observed: tuple[Observation, ...]
    cites: tuple[str, ...]  # ids of what was observed
    not_assessable: tuple[str, ...]
    conflict: str | None  # "record and image disagree: how"; None where there is none
    certainty: str
    outcome: str  # "answered", or the code of why not


@cache
def schema(style: Style, steps: int = 0, evidence: Evidence = NO_EVIDENCE) -> str:
    """JSON schema of the reply to a request of that style with so many steps, as JSON text.

    Members stand in the order in which they are to be written: a model that answers before it asks asks badly, and
    one that answers before it looks looks badly.
    """
    if style == "look":
        return _text_of(_look_members(evidence.terms))
    seen = {"observed": _observed(evidence.terms)} if evidence.mode == "together" else {}
    testimony = _testimony_members(evidence) if evidence.mode != "off" else {}
    return _text_of(seen | _answer_members(style, steps) | testimony)


def _text_of(members: Mapping[str, Any]) -> str:
    return json.dumps(_object_of(members), separators=(",", ":"))


def _answer_members(style: Style, steps: int) -> dict[str, Any]:
    if style == "conversation":
        turn = _texts_of(question="what the user asks in this turn, plain text", answer="the answer, plain text")
        return {"turns": {"type": "array", "items": _object_of(turn), "minItems": steps, "maxItems": steps}}
    if style == "self_instruct":
        return _texts_of(question="the question, plain text", answer="its answer, plain text")
    if steps:
        return _texts_of(**{f"answer_{n}": f"the answer to question {n}" for n in range(1, steps + 1)})
    return _texts_of(answer="the answer, plain text")


def _look_members(terms: Sequence[str]) -> dict[str, Any]:
    return {
        "quality": _choice(looks.QUALITIES, "how far the image can be judged"),
        "quality_reason": _choice(looks.REASONS, "what limits it"),
        "observed": _observed(terms),
        "not_assessable": _list_of("what cannot be judged from this image, a few words each"),
    }


def _observed(terms: Sequence[str]) -> dict[str, Any]:
    seen = {"term": _choice(terms, "the term"), **_texts_of(words="what is seen and where, at most fifteen words")}
    return {"type": "array", "items": _object_of(seen), "minItems": 0, "maxItems": looks.MOST_OBSERVED}


def _testimony_members(evidence: Evidence) -> dict[str, Any]:
    ids = evidence.ids if evidence.mode == "first" else [f"o{n}" for n in range(1, looks.MOST_OBSERVED + 1)]
    cites = {"type": "array", "items": {"type": "string", "enum": list(ids)}, "maxItems": len(ids)}
    return {
        **({"cites": {**cites, "description": "ids of the observations that the answer rests on"}} if ids else {}),
        "not_assessable": _list_of("what the question asks and the image cannot show, a few words each"),
        "conflict": _choice(looks.CONFLICTS, "whether the record fits the image"),
        **_texts_of(conflict_how="where it does not fit: how, in one sentence; else empty"),
        "certainty": _choice(looks.CERTAINTIES, "how sure the answer may be"),
        "outcome": _choice(looks.OUTCOMES, "answered, or why the question should not be answered"),
    }


CLAIM_VERDICTS: tuple[ClaimVerdict, ...] = get_args(ClaimVerdict)
SCORED_CLAIMS = "claims_scored"  # prompt id of what asks for the six axes too
_MOST_CLAIMS = 30
_SCORES = range(1, 6)


@cache
def claims_schema(*, is_scored: bool) -> str:
    """JSON schema of the reply of a model that checks a pair, with scores of the six axes or without."""
    told = {
        **_texts_of(claim="one statement of the answer"),
        "verdict": _choice(CLAIM_VERDICTS, "what image, record and medicine say of it"),
        **_texts_of(reason="why, at most twenty words"),
    }
    claims = {"type": "array", "items": _object_of(told), "minItems": 1, "maxItems": _MOST_CLAIMS}
    score = {"type": "integer", "minimum": _SCORES[0], "maximum": _SCORES[-1]}
    scores = {"scores": _object_of(dict.fromkeys(AXES, score))} if is_scored else {}
    return _text_of({"claims": claims, **scores})


def _choice(choices: Sequence[str], told: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(choices), "description": told}


def _list_of(told: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "minItems": 0, "maxItems": 6, "description": told}


def _texts_of(**texts: str) -> dict[str, Any]:
    """Members that are all texts; the values say what each holds."""
    return {name: {"type": "string", "description": told} for name, told in texts.items()}


def _object_of(members: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}


def exchanges(request: AnyRequest, reply: Reply) -> tuple[Exchange, ...]:
    """What each pair of the request says, in the order of its steps.

    Raises BadReply where the reply is a failure or breaks its schema: then none of its pairs is taken.
    """
    return read(request, reply)[0]


def read(request: AnyRequest, reply: Reply) -> tuple[tuple[Exchange, ...], Testimony | None]:
    """The exchanges of a reply and what it says beside them; none of a look, nor where it says that it gives none.

    Raises BadReply as `exchanges` does.
    """
    if reply.text is None:
        raise BadReply(reply.failure or "no reply: the ledger gives no reason")
    members = _json_object(reply.text)
    if request.style == "look":
        _look(request, members)
        return (), None
    if request.style == "claims":
        _require_members(members, ["claims", "scores"] if request.prompt_id == SCORED_CLAIMS else ["claims"])
        _claims(members)
        return (), None
    testimony, answers = _testimony(request, members) if request.look_mode != "off" else (None, members)
    if testimony and testimony.outcome != looks.OUTCOMES[0]:
        return (), testimony
    return _READERS[request.style](request, answers), testimony


def look_of(request: AnyRequest, reply: Reply) -> Look | None:
    """What was seen; None where nothing good came. An image that is unfit has a look too, whose quality says so."""
    try:
        return _look(request, _json_object(reply.text)) if reply.text is not None else None
    except BadReply:
        return None


def judgement_of(reply: Reply) -> Judgement | None:
    """What a model says that has checked a pair; None where nothing good came."""
    try:
        told = _claims(_json_object(reply.text)) if reply.text is not None else None
    except BadReply:
        return None
    return Judgement(reply.model_version or reply.model or "", *told) if told else None


def _claims(members: Mapping[str, Any]) -> tuple[tuple[CheckedClaim, ...], tuple[int, ...]]:
    listed, scores = members.get("claims"), members.get("scores")
    _require_members(members, ["claims"] if scores is None else ["claims", "scores"])
    if not isinstance(listed, list) or not listed or not all(isinstance(each, dict) for each in listed):
        raise BadReply("wrong claims: claims is no list of objects, or is empty")
    found = []
    for each in listed[:_MOST_CLAIMS]:
        claim, verdict, reason = _texts(each, ("claim", "verdict", "reason"))
        if verdict not in CLAIM_VERDICTS:
            raise BadReply(f"wrong choice: verdict is none of {', '.join(CLAIM_VERDICTS)}")
        found.append(CheckedClaim(claim, verdict, reason))
    return tuple(found), () if scores is None else _scores(scores)


def _scores(scores: Any) -> tuple[int, ...]:
    given = scores if isinstance(scores, dict) else {}
    _require_members(given, list(AXES))
    if not all(type(score) is int and score in _SCORES for score in given.values()):
        raise BadReply(f"wrong scores: each is a whole number from {_SCORES[0]} to {_SCORES[-1]}")
    return tuple(given[axis] for axis in AXES)


_LOOK = ("quality", "quality_reason", "observed", "not_assessable")


def _look(request: AnyRequest, members: Mapping[str, Any]) -> Look:
    _require_members(members, _LOOK)
    _require_choice(members, "quality", looks.QUALITIES)
    _require_choice(members, "quality_reason", looks.REASONS)
    observed = _observations(members["observed"])
    unseen = _words(members, "not_assessable")
    return Look(observed, unseen, members["quality"], members["quality_reason"], request.prompt_sha256)


def _observations(listed: Any) -> tuple[Observation, ...]:
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise BadReply("wrong observations: observed is no list of objects")
    told = [_texts(each, ("term", "words")) for each in listed[: looks.MOST_OBSERVED]]
    return tuple(Observation(f"o{n}", term, words) for n, (term, words) in enumerate(told, 1))


_BESIDE = ("not_assessable", "conflict", "conflict_how", "certainty", "outcome")


def _testimony(request: AnyRequest, members: Mapping[str, Any]) -> tuple[Testimony, dict[str, Any]]:
    """What stands beside the answers, and the members that are left."""
    is_together = request.look_mode == "together"
    beside = {*_BESIDE, "cites", *(["observed"] if is_together else [])}
    if missing := (beside - {"cites"}) - members.keys():
        raise BadReply(f"wrong members: {', '.join(sorted(missing))} missing")
    seen = request.look.observed if request.look else ()
    observed = _observations(members["observed"]) if is_together else seen
    cites = tuple(dict.fromkeys(_words(members, "cites"))) if "cites" in members else ()
    if strange := set(cites) - {each.id for each in observed}:
        raise BadReply(f"wrong citations: {', '.join(sorted(strange))} is no observation")
    for name, choices in (("conflict", looks.CONFLICTS), ("certainty", looks.CERTAINTIES), ("outcome", looks.OUTCOMES)):
        _require_choice(members, name, choices)
    told = Testimony(
        observed,
        cites,
        _words(members, "not_assessable"),
        _conflict(members),
        members["certainty"],
        members["outcome"],
    )
    return told, {name: value for name, value in members.items() if name not in beside}


def _conflict(members: Mapping[str, Any]) -> str | None:
    if members["conflict"] == looks.CONFLICTS[0]:
        return None
    [how] = _texts({"conflict_how": members["conflict_how"]}, ["conflict_how"])
    return f"{members['conflict']}: {how}"


def _require_choice(members: Mapping[str, Any], name: str, choices: Sequence[str]) -> None:
    if members[name] not in choices:
        raise BadReply(f"wrong choice: {name} is none of {', '.join(choices)}")


def _words(members: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts; empty ones are passed over."""
    listed = members[name]
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise BadReply(f"wrong list: {name} is no list of texts")
    _require_text(name, "\n".join(listed))
    return tuple(_plain(each) for each in listed if each.strip())


def question_of(request: AnyRequest, reply: Reply | None) -> str | None:
    """The first question of a good reply; None where there is none."""
    try:
        said = exchanges(request, reply) if reply else ()
    except BadReply:
        return None
    return said[0].turns[0].content if said else None


def _asked(request: AnyRequest, members: Mapping[str, Any]) -> tuple[Exchange, ...]:
    steps = request.steps or (_only_step(request),)
    names = [f"answer_{n}" for n in range(1, len(steps) + 1)] if request.steps else ["answer"]
    answers = _texts(members, names)
    return tuple(Exchange(step, _turn(step.question, text)) for step, text in zip(steps, answers, strict=True))


def _self_instruct(request: AnyRequest, members: Mapping[str, Any]) -> tuple[Exchange, ...]:
    question, answer = _texts(members, ("question", "answer"))
    return (Exchange(_only_step(request), _turn(question, answer)),)


def _conversation(request: AnyRequest, members: Mapping[str, Any]) -> tuple[Exchange, ...]:
    _require_members(members, ["turns"])
    listed = members["turns"]
    if not isinstance(listed, list) or len(listed) != len(request.steps):
        count = len(listed) if isinstance(listed, list) else "no list of"
        raise BadReply(f"wrong turns: expected {len(request.steps)}, got {count}")
    turns: list[Turn] = []
    for turn in listed:
        if not isinstance(turn, dict):
            raise BadReply("wrong turns: one is not an object")
        turns += _turn(*_texts(turn, ("question", "answer")))
    if rouge_l(turns[0].content, request.steps[0].question) < NEAR:
        raise BadReply(f"wrong turns: the first question is not the one that was ordered: {turns[0].content!r}")
    return (Exchange(_only_step(request), tuple(turns)),)


_READERS: Mapping[Style, Callable[[AnyRequest, Mapping[str, Any]], tuple[Exchange, ...]]] = {
    "asked": _asked,
    "counterfactual": _asked,
    "self_instruct": _self_instruct,
    "conversation": _conversation,
}


def _only_step(request: AnyRequest) -> Step:
    return Step(request.slot, request.question_type, request.question)


def _turn(question: str, answer: str) -> tuple[Turn, ...]:
    return (Turn("user", question), Turn("assistant", answer))


_THOUGHT = r"think|thinking|thought|reasoning"
_OPENED = re.compile(rf"\s*[<\[](?P<name>{_THOUGHT})[>\]]", re.IGNORECASE)
_CLOSED = re.compile(rf"[<\[]/(?:{_THOUGHT})[>\]]", re.IGNORECASE)


def split_thoughts(text: str) -> tuple[str, str]:
    """What a model has thought, and what it says after that: all up to the last closing tag is thought.

    The opening tag may be missing, and what is thought may hold anything. Where the closing tag is missing, all is
    thought. A text that is JSON as a whole holds no thought, whatever tags stand in it.
    """
    closed = [found.end() for found in _CLOSED.finditer(text)]
    is_opened = _OPENED.match(text) is not None
    if not (closed or is_opened) or _is_json(text):
        return "", text
    return (text[: closed[-1]], text[closed[-1] :]) if closed else (text, "")


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text, strict=False), dict)
    except (ValueError, RecursionError):
        return False


def _json_object(text: str) -> dict[str, Any]:
    """The one JSON object of a reply; a fence or words around it, as some models send them, are passed over."""
    fence = _FENCE.search(text)
    inside = (fence["inside"] if fence else text).strip()
    start = inside.find("{")
    if start < 0:
        raise BadReply("no JSON: the reply is empty" if not inside else "no JSON: the reply holds no object")
    decoder = json.JSONDecoder(
        object_pairs_hook=_object_without_doubles,
        parse_constant=_no_constant,
        strict=False,  # models write raw newlines in texts
    )
    try:
        found, end = decoder.raw_decode(inside, start)
    except json.JSONDecodeError as error:
        kind = "truncated JSON" if _is_cut_off(inside, error) else "broken JSON"
        raise BadReply(f"{kind}: {error}") from error
    except RecursionError as error:
        raise BadReply("broken JSON: nested too deeply") from error
    if "{" in inside[end:]:
        raise BadReply("several objects: one was asked for")
    return dict(found)


def _is_cut_off(text: str, error: json.JSONDecodeError) -> bool:
    """Whether what is wrong is that the text ends."""
    return error.msg.startswith("Unterminated string") or error.pos >= len(text.rstrip())


def _object_without_doubles(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise BadReply("wrong members: one stands there twice")
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise BadReply(f"broken JSON: {name} is not JSON")


def _require_members(members: Mapping[str, Any], names: Sequence[str]) -> None:
    if set(members) != set(names):
        raise BadReply(f"wrong members: expected {', '.join(names)}; got {', '.join(sorted(members)) or 'none'}")


def _texts(members: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """The members of these names, and there must be no others; none empty, none that a file cannot hold."""
    _require_members(members, names)
    for name in names:
        if not isinstance(members[name], str) or not members[name].strip():
            raise BadReply(f"empty member: {name} is not text, or is empty")
        _require_text(name, members[name])
    return [_plain(members[name]) for name in names]


_ENDLESS = re.compile(r"\S{201}")  # a word that no page can break


def _require_text(name: str, text: str) -> None:
    if hostile := hostile_in(text, allowed="\n\t"):
        raise BadReply(f"broken text: {name} holds {hostile}")
    if endless := _ENDLESS.search(text):
        raise BadReply(f"broken text: {name} holds a word without end: {endless.group()[:20]}...")


def _plain(text: str) -> str:
    """The text without characters that cannot be seen; spaces of other kinds become plain ones."""
    return "\n".join(one_line(line) for line in text.strip().split("\n"))
