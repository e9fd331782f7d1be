"""Tables for people: they fit the width, and as text they are plain."""

import pytest

from dermasynth_builder.report.show import plan_text
from dermasynth_builder.report.tables import LONGEST_LIST, cut, hanging, name, plain_text, shortened, table_of_numbers


def test_a_long_list_is_cut_and_nothing_is_lost() -> None:
    def counts(length: int) -> dict[str, int]:
        return {str(number): 1 + length - number for number in range(length)}

    assert cut(counts(LONGEST_LIST + 1)) == counts(LONGEST_LIST + 1)
    shown = cut(counts(40))
    assert len(shown) == LONGEST_LIST + 1
    assert list(shown)[-1] == "25 others"
    assert sum(shown.values()) == sum(counts(40).values())


def test_a_long_path_is_cut_and_not_dropped() -> None:
    assert shortened("x" * 200, 20) == "x" * 16 + " ..."
    assert shortened("a\nb", 20) == "a b"


def test_a_plan_cuts_long_lists_as_an_audit_does() -> None:
    counts = {"source": "scin", "images": 40, "diagnoses": {f"disease {number}": 1 for number in range(40)}}
    printed = plain_text(plan_text(counts)).splitlines()
    assert sum("disease" in line for line in printed) == LONGEST_LIST
    assert any(line.split() == ["25", "others", "25"] for line in printed)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_names_and_models_are_whole_where_there_is_room_and_no_line_is_too_long(width: int) -> None:
    table = table_of_numbers("model", "tokens in", "hours\ntier 1")
    table.add_row(name("gemini-3.1-pro-preview"), "7.2 M", "0.4-0.8")
    headless = table_of_numbers("", "")
    headless.add_row(name("one name of many words " * 6, indent=4), "10,380")
    printed = [*plain_text(table, width).splitlines(), *plain_text(headless, width).splitlines()]
    assert max(map(len, printed)) <= width
    assert any("gemini-3.1-pro-preview" in line for line in printed)
    assert any(line.endswith(" 10,380") for line in printed)
    assert (width == 40) == any("…" in line for line in printed)


def test_a_text_is_shown_as_it_is() -> None:
    table = table_of_numbers("", "")
    table.add_row("[bold]x[/bold] :smile:", "[1]")
    assert plain_text(table) == "[bold]x[/bold] :smile:  [1]"
    assert plain_text(hanging("  -", "word [red] " * 12), 40).splitlines()[1].startswith("    word")
