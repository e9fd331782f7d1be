"""Members of a request that the user adds or changes: `--body JSON`."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.options import EngineOptions


def with_body(members: Mapping[str, Any], body: str | None) -> dict[str, Any]:
    """The members with those of `body`, object by object; null takes a member out (RFC 7396)."""
    return _merged(members, json.loads(body)) if body else dict(members)


def _merged(members: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(members)
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, dict):
            inner = found.get(name)
            found[name] = _merged(inner if isinstance(inner, dict) else {}, value)
        else:
            found[name] = value
    return found


def said_later(options: EngineOptions) -> dict[str, str | int | float | None]:
    """Members of an identity that came after the first ledgers: there only where they are set, so that those stay."""
    found: dict[str, str | int | float | None] = {"body": options.body} if options.body else {}
    return found | ({"png_as": options.png_as} if options.png_as != "png" else {})


_READING = ("stream", "n")  # would change what an answer looks like


def require_free_of(body: str | None, names: Collection[str]) -> None:
    """Raises UsageError where the user's members touch what makes the request, or how an answer is read."""
    touched = [name for name in (*names, *_READING) if body and name in json.loads(body)]
    if touched:
        raise UsageError(f"--body: {', '.join(touched)} cannot be set by hand")
