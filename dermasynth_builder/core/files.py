"""Reads the prompts and the card that ship with the code.

In a wheel they lie inside the package, in a checkout beside it.
"""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_PACKAGE = Path(__file__).resolve().parent.parent


def resource_dir(name: str) -> Path:
    """The folder "prompts" or "card", wherever this installation keeps it."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


@cache
def jinja_environment(folder: Path) -> Environment:
    """Templates of `folder`, strict about what is undefined; rendered text is plain, not HTML."""
    return Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        autoescape=False,  # noqa: S701 - prompts, answers and Markdown are no HTML
    )
