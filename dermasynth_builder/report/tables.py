"""Tables for people: rich lays them out in the width that there is; as text they are plain lines of a fixed width."""

import textwrap
from collections.abc import Mapping
from io import StringIO
from typing import TextIO

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from dermasynth_builder.core.plain import printable

PLAIN_WIDTH = 100
"""Columns of a text that goes to a file or a pipe, whatever the terminal has."""
LONGEST_LIST = 15
_NAME_WIDTH = 60  # leaves room for two numbers in 80 columns


def table_of_numbers(*headings: str) -> Table:
    """A table without lines: names on the left, numbers on the right.

    Narrow, its headings and numbers wrap. Empty headings make a table without a head, whose names are cut instead.
    """
    has_head = any(headings)
    table = Table(box=None, show_header=has_head, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(headings[0], no_wrap=has_head, vertical="bottom" if has_head else "top")
    for heading in headings[1:]:
        table.add_column(heading, justify="right")
    return table


def name(text: str, *, indent: int = 0, style: str = "") -> Text:
    """A cell of the first column; a long name takes several lines."""
    lead = " " * indent
    lines = textwrap.wrap(printable(text), _NAME_WIDTH, initial_indent=lead, subsequent_indent=f"{lead}  ")
    return Text("\n".join(lines), style, no_wrap=True, overflow="ellipsis")


def heading(text: str, *, indent: int = 0) -> Text:
    """A name that stands over others."""
    return name(text, indent=indent, style="bold")


def hanging(mark: str, text: str) -> Table:
    """A paragraph after a mark, which its further lines leave free."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_row(mark, printable(text))
    return table


def cut(counts: Mapping[str, int]) -> dict[str, int]:
    """The first `LONGEST_LIST` counts and one of all others, where there are more than fit."""
    pairs = list(counts.items())
    others = pairs[LONGEST_LIST:]
    if len(others) < 2:  # a line for itself takes no more room
        return dict(pairs)
    return dict(pairs[:LONGEST_LIST]) | {f"{len(others)} others": sum(count for _, count in others)}


def shortened(text: str, longest: int) -> str:
    """The text on one line, cut in the middle of a word if need be: a path may be one long word."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 4].rstrip()} ..."


def console_on(stream: TextIO, *, width: int | None = None, is_terminal: bool = False) -> Console:
    """A console that takes texts as they are (brackets and colons are not rich's); colours for a terminal alone."""
    return Console(file=stream, width=width, force_terminal=is_terminal, markup=False, emoji=False, highlight=False)


def plain_text(what: RenderableType, width: int = PLAIN_WIDTH) -> str:
    """The lines of a table or a text, without colours and without spaces at their ends."""
    lines = StringIO()
    console_on(lines, width=width).print(what)
    return "\n".join(line.rstrip() for line in lines.getvalue().splitlines())
