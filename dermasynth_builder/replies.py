"""Reply schemas, and the one parser for what engines send back. Pure."""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dermasynth_builder.records import Reply, Request, Style, Turn, canonical_json


def _object(**texts: str) -> str:
    """JSON schema of an object whose members are all required texts; the values say what each holds."""
    members = {name: {"type": "string", "description": told} for name, told in texts.items()}
    return canonical_json(
        {"type": "object", "properties": members, "required": list(texts), "additionalProperties": False}
    )


SCHEMAS: Mapping[Style, str] = MappingProxyType(
    {
        "asked": _object(answer="the answer, plain text"),
        "self_instruct": _object(question="the question, plain text", answer="its answer, plain text"),
    }
)
"""Style -> JSON schema of the reply, as canonical JSON."""


_HALF_LETTER = re.compile("[\ud800-\udfff]")


class BadReply(ValueError):  # noqa: N818 - a value's fault, caught where it is raised and kept as a reason
    """A reply that cannot become a pair; the message is "kind: reason"."""


def turns(request: Request, reply: Reply) -> tuple[Turn, ...]:
    """The exchange, user first. Raises BadReply where the reply is a failure or breaks its schema."""
    if reply.text is None:
        raise BadReply(reply.failure or "no reply: the ledger gives no reason")
    members = _members(request.style, reply.text)
    question = members.get("question", request.question)
    return (Turn("user", question), Turn("assistant", members["answer"]))


def _members(style: Style, text: str) -> dict[str, str]:
    try:
        reply: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadReply(f"broken JSON: {error}") from error
    required = json.loads(SCHEMAS[style])["required"]
    if not isinstance(reply, dict) or set(reply) != set(required):
        raise BadReply(f"wrong members: expected {', '.join(required)}")
    for name in required:
        if not isinstance(reply[name], str) or not reply[name].strip():
            raise BadReply(f"empty member: {name} is no text or an empty one")
        if _HALF_LETTER.search(reply[name]):
            raise BadReply(f"broken text: {name} holds half a character, which no file can hold")
    return {name: reply[name].strip() for name in required}
