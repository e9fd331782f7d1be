"""JSON as nobody expects it: any value at all, and good JSON with any value in the place of any of its parts."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 0, 2**63, 10**400])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(
        ["STOP", "SAFETY", "stop", "length", "JOB_STATE_SUCCEEDED", "files/x", "\x1b[31m", "</think>", "{"]
    )
)
NAMES = st.text(max_size=6) | st.sampled_from(
    [
        "error",
        "message",
        "code",
        "status",
        "detail",
        "metadata",
        "raw",
        "text",
        "parts",
        "content",
        "type",
        "name",
        "loc",
    ]
)
ANY = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
GONE = object()


def paths_in(value: Any, here: Path = ()) -> Iterator[Path]:
    """Where each part of a value is, the whole first."""
    yield here
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inside in parts:
        yield from paths_in(inside, (*here, name))


def spoiled(good: Any) -> st.SearchStrategy[Any]:
    """The value with one to three of its parts, or all of it, replaced by anything or taken out."""

    def spoil(changes: list[tuple[Path, Any]]) -> Any:
        value = copy.deepcopy(good)
        for path, other in changes:
            value = _put(value, path, other)
        return value

    change = st.tuples(st.sampled_from(list(paths_in(good))), st.just(GONE) | ANY)
    return st.lists(change, min_size=1, max_size=3).map(spoil)


def _put(value: Any, path: Path, other: Any) -> Any:
    if not path:
        return None if other is GONE else other
    inside = value
    try:
        for name in path[:-1]:
            inside = inside[name]
        if other is GONE:
            del inside[path[-1]]
        else:
            inside[path[-1]] = other
    except (LookupError, TypeError):
        pass  # another change has taken that place away
    return value
