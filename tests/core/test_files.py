"""TOML that is held to a form: every fault at once, each in a line that names the file, the key and what is allowed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from dermasynth_builder.core.errors import PriceError, UsageError
from dermasynth_builder.core.files import read_toml


@dataclass(frozen=True, slots=True)
class Dish:
    name: str
    heat: Literal["mild", "hot"] = "mild"
    grams: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.name == "salt":
            raise ValueError("salt is no dish")


@dataclass(frozen=True, slots=True)
class Menu:
    dish: tuple[Dish, ...]
    prices: Mapping[str, float] = field(default_factory=dict)


GOOD = """
dish = [{ name = "soup", heat = "hot", grams = [1, 2] }, { name = "stew" }]
prices = { soup = 3, stew = 4.5 }
"""


def menu(folder: Path, text: str) -> Path:
    path = folder / "menu.toml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(path: Path) -> list[str]:
    """What the refusal says, line by line, less the path at its start."""
    with pytest.raises(PriceError) as caught:
        read_toml(path, Menu, PriceError)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


def test_a_file_becomes_its_form(tmp_path: Path) -> None:
    read = read_toml(menu(tmp_path, GOOD), Menu, UsageError)
    assert read == Menu((Dish("soup", "hot", (1, 2)), Dish("stew")), {"soup": 3.0, "stew": 4.5})


def test_every_fault_is_told_at_once_with_its_key_and_what_is_allowed(tmp_path: Path) -> None:
    text = """
    dish = [
        { name = "soup", heat = "warm", grams = [1, "2"] },
        { nmae = "stew" },
        { name = "salt" },
        "bread",
    ]
    prizes = 1
    [prices]
    soup = true
    """
    assert faults(menu(tmp_path, text)) == [
        "dish.soup.heat: 'warm' is not one of mild, hot",
        "dish.soup.grams.2: '2' should be a valid integer",
        "dish.2.name is missing",
        "dish.2.nmae is not one of name, heat, grams; did you mean 'name'?",
        "dish.salt: salt is no dish",
        "dish.4: 'bread' should be a table",
        "prices.soup: True should be a valid number",
        "prizes is not one of dish, prices; did you mean 'prices'?",
    ]


def test_an_unknown_key_that_is_near_to_none_gets_no_suggestion(tmp_path: Path) -> None:
    assert faults(menu(tmp_path, "zzz = 1\n" + GOOD)) == ["zzz is not one of dish, prices"]


@pytest.mark.parametrize(
    ("content", "said"), [(b"dish = [", "Invalid value"), (b"dish = '\xff'", "can't decode byte 0xff")]
)
def test_what_is_no_toml_is_refused_by_name(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "menu.toml"
    path.write_bytes(content)
    [line] = faults(path)
    assert said in line


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    [line] = faults(tmp_path / "none.toml")
    assert "No such file" in line
