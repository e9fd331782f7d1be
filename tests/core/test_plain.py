"""Text of strangers is harmless on a line, in a terminal and in a table."""

import csv
import re
from io import StringIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dermasynth_builder.core.plain import hostile_in, markdown, one_line, printable, table_cell

TEXTS = st.text(st.characters(exclude_categories=()), max_size=30)  # half characters too


@given(TEXTS)
def test_what_a_terminal_gets_holds_nothing_that_it_acts_on(text: str) -> None:
    shown = printable(text)
    assert shown.replace("\n", "").replace("\t", "").isprintable()
    assert printable(shown) == shown
    shown.encode()


@given(TEXTS)
def test_a_cell_of_a_table_is_one_line_and_no_formula(text: str) -> None:
    cell = table_cell(text)
    assert cell.isprintable()
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    written = StringIO()
    csv.writer(written).writerow([cell])
    assert list(csv.reader(StringIO(written.getvalue()))) == [[cell]]


@given(TEXTS)
def test_a_line_without_hostile_characters_is_printable(text: str) -> None:
    if hostile_in(text) is None:
        assert one_line(text).isprintable()
        one_line(text).encode()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("naevus", None),
        ("caf\N{LATIN SMALL LETTER E WITH ACUTE} au\N{NO-BREAK SPACE}lait", None),
        ("a\x1b[31m", "U+001B"),
        ("a\nb", "U+000A"),
        ("a\N{RIGHT-TO-LEFT OVERRIDE}b", "RIGHT-TO-LEFT OVERRIDE"),
        ("\ud800", "U+D800"),
        ("\ue000", "U+E000"),
    ],
)
def test_what_is_hostile_is_named(text: str, told: str | None) -> None:
    assert hostile_in(text) == told


def test_what_cannot_be_seen_is_taken_out_of_a_line() -> None:
    text = "  me\N{ZERO WIDTH SPACE}la\N{SOFT HYPHEN}noma \n\N{NO-BREAK SPACE} in situ\N{BYTE ORDER MARK} "
    assert one_line(text) == "melanoma in situ"


@given(st.text(st.sampled_from("a1 _*#`[]()<>!|&;:/\\~@$-+=.\n\"'w") | st.characters(), max_size=40))
@example("see www.evil.example or http://evil.example or me@evil.example")
@example("1. x")
@example("__a__ _b_ a_b_c")
@example("<script>alert(1)</script>![x](http://evil.example/p.png)")
@example("&lt;b&gt; &#60;b&#62;")
def test_a_text_on_a_page_is_text_and_nothing_else(text: str) -> None:
    for dialect in ("commonmark", "gfm-like"):
        render = MarkdownIt(dialect, {"html": True}).enable("table").render
        shown = markdown(text)
        assert set(re.findall(r"<(\w+)", render(f"> {shown} end"))) <= {"blockquote", "p"}
        table = render(f"| a | b |\n|---|---|\n| {shown} | end |")
        assert table.count("<td>") == 2
        assert set(re.findall(r"<(\w+)", table)) == {"table", "thead", "tr", "th", "tbody", "td"}
