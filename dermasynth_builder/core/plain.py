"""Text of strangers (tables, file names, models) made fit for one line of a prompt, a page, a terminal or a table."""

import re
import unicodedata

INVISIBLE = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2064\ufe00-\ufe0f\ufeff]"
)
"""Characters that take no room and change no meaning in our languages: soft hyphens, zero-width spaces and joiners."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the beginning of a formula


def one_line(text: str) -> str:
    """The text on one line, without characters that cannot be seen."""
    return " ".join(INVISIBLE.sub("", text).split())


def hostile_in(text: str, *, allowed: str = "") -> str | None:
    """The first character that is no text, by its name: controls, turned reading order, half a character; or None."""
    if text.isprintable():
        return None
    for letter in text:
        if letter not in allowed and not letter.isprintable() and unicodedata.category(letter) != "Zs":
            return unicodedata.name(letter, f"U+{ord(letter):04X}")
    return None


def printable(text: str) -> str:
    """The text with an escape in place of each character that a terminal would act on; line breaks and tabs stay."""
    if text.isprintable():
        return text
    return "".join(letter if letter in "\n\t" or letter.isprintable() else _escape(letter) for letter in text)


def _escape(letter: str) -> str:
    return " " if unicodedata.category(letter) == "Zs" else letter.encode("unicode_escape").decode()


_MARKDOWN = re.compile(
    r"[\\`*\[\]<>|#&~$@]"  # signs of markup, HTML, entities, tables, links
    r"|(?<![^\W_])_|_(?![^\W_])"  # not within a word, where it marks nothing
    r"|(?<=:)/(?=/)|(?<=www)\."  # of addresses, which become links by themselves
    r"|^[-+=]|(?:(?<=^\d)|(?<=^\d\d))[.)]"  # lists and underlines
)


def markdown(text: str) -> str:
    """The text as running text of a page in Markdown: one line, and nothing in it is markup, HTML or a link."""
    return _MARKDOWN.sub(r"\\\g<0>", one_line(printable(text)))


def table_cell(text: str) -> str:
    """The text as a cell of a CSV file: one line, and never the beginning of a formula."""
    cell = printable(text).replace("\n", "\\n").replace("\t", " ")
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
