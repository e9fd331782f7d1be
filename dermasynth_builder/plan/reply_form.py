"""Reply schemas, and the one parser for what engines send back."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from dermasynth_builder.core.plain import hostile_in, one_line
from dermasynth_builder.core.records import AnyRequest, Reply, Step, Style, Turn

MIN_TURNS, MAX_TURNS = 2, 5  # questions of a conversation
_FENCE = re.compile(r"```[a-zA-Z]*\s*\n(?P<inside>.*?)```", re.DOTALL)


class BadReply(ValueError):  # noqa: N818 - a value's fault, caught where it is raised and kept as a reason
    """A reply that cannot become a pair; the message is "kind: reason"."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one pair says, and what it was asked as."""

    step: Step
    turns: tuple[Turn, ...]  # user first


@cache
def schema(style: Style, steps: int = 0) -> str:
    """JSON schema of the reply to a request of that style with so many steps, as JSON text.

    Members stand in the order in which they are to be written: a model that answers before it asks asks badly.
    """
    return json.dumps(_schema(style, steps), separators=(",", ":"))


def _schema(style: Style, steps: int) -> dict[str, Any]:
    if style == "conversation":
        turn = _object(question="what the user asks in this turn, plain text", answer="the answer, plain text")
        turns = {"type": "array", "items": turn, "minItems": steps, "maxItems": steps}
        return _object_of({"turns": turns})
    if style == "self_instruct":
        return _object(question="the question, plain text", answer="its answer, plain text")
    if steps:
        return _object(**{f"answer_{n}": f"the answer to question {n}" for n in range(1, steps + 1)})
    return _object(answer="the answer, plain text")


def _object(**texts: str) -> dict[str, Any]:
    """JSON schema of an object whose members are all required texts; the values say what each holds."""
    return _object_of({name: {"type": "string", "description": told} for name, told in texts.items()})


def _object_of(members: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}


def exchanges(request: AnyRequest, reply: Reply) -> tuple[Exchange, ...]:
    """What each pair of the request says, in the order of its steps.

    Raises BadReply where the reply is a failure or breaks its schema: then none of its pairs is taken.
    """
    if reply.text is None:
        raise BadReply(reply.failure or "no reply: the ledger gives no reason")
    return _READERS[request.style](request, _json_object(reply.text))


def question_of(request: AnyRequest, reply: Reply | None) -> str | None:
    """The first question of a good reply; None where there is none."""
    try:
        return exchanges(request, reply)[0].turns[0].content if reply else None
    except BadReply:
        return None


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
    return (Exchange(_only_step(request), tuple(turns)),)


_READERS: Mapping[Style, Callable[[AnyRequest, Mapping[str, Any]], tuple[Exchange, ...]]] = {
    "asked": _asked,
    "self_instruct": _self_instruct,
    "conversation": _conversation,
}


def _only_step(request: AnyRequest) -> Step:
    return Step(request.slot, request.question_type, request.question)


def _turn(question: str, answer: str) -> tuple[Turn, ...]:
    return (Turn("user", question), Turn("assistant", answer))


def _json_object(text: str) -> dict[str, Any]:
    """The one JSON object of a reply; a fence or words around it, as some models send them, are passed over."""
    fence = _FENCE.search(text)
    inside = (fence["inside"] if fence else text).strip()
    start = inside.find("{")
    if start < 0:
        raise BadReply("no JSON: the reply is empty" if not inside else "no JSON: the reply holds no object")
    decoder = json.JSONDecoder(object_pairs_hook=_object_without_doubles, parse_constant=_no_constant)
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
        if hostile := hostile_in(members[name], allowed="\n\t"):
            raise BadReply(f"broken text: {name} holds {hostile}")
    return [_plain(members[name]) for name in names]


def _plain(text: str) -> str:
    """The text without characters that cannot be seen; spaces of other kinds become plain ones."""
    return "\n".join(one_line(line) for line in text.strip().split("\n"))
