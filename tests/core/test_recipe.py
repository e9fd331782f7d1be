"""A recipe is the settings of a run as TOML: same keys, every mistake told, nothing of the machine in a release's."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.option import TOPICS, keys_of
from dermasynth_builder.core.options import BatchOptions, EngineOptions, PlanOptions, Settings
from dermasynth_builder.core.recipe import first_recipe, read_recipe, record_recipe, release_recipe

FULL = Settings(
    raw={"hiba": Path("raw/hiba"), "pad_ufes": Path('a "b"\\c')},
    engine="gemini",
    engine_options=EngineOptions(
        model="m", thinking="low", image_side_px=512, timeout_s=2.5, batch=BatchOptions(most_rows=7)
    ),
    max_usd=0.1,
    shard=(2, 3),
    seed=7,
    plan_options=PlanOptions(1 / 3, conversation_share=0.1, where=("diagnosis=nevus",), is_metadata_shown=False),
    split_shares=(1 / 3, 1 / 3, 1 / 3),
    max_side_px=640,
    is_permissive_only=True,
)


def paths_of(record: type, *before: str) -> Iterator[tuple[str, ...]]:
    """Every field of a record and of the records in it."""
    for field in fields(record):
        kind: Any = get_type_hints(record)[field.name]
        if is_dataclass(kind):
            yield from paths_of(kind, *before, field.name)  # type: ignore[arg-type]
        else:
            yield (*before, field.name)


def read(folder: Path, text: str) -> Settings:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return read_recipe(path)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(UsageError) as caught:
        read(folder, text)
    return [line.removeprefix(f"{folder / 'recipe.toml'}: ") for line in str(caught.value).splitlines()]


def test_recipe_keys_and_fields_of_the_option_records_are_the_same() -> None:
    assert [key.path for key in keys_of(Settings)] == list(paths_of(Settings))
    assert all(key.option.help and key.option.topic in TOPICS for key in keys_of(Settings))
    names = [key.option.name for key in keys_of(Settings) if key.option.name]
    assert len(names) == len(set(names))


def test_what_a_run_records_is_what_it_used(tmp_path: Path) -> None:
    record_recipe(replace(FULL, work=tmp_path, pilot=5, is_failed_wanted=True))
    assert read_recipe(tmp_path / "recipe.toml") == replace(FULL, work=tmp_path)  # less what is for one run alone


@pytest.mark.parametrize("base_url", ["https://me:word@host/v1", "https://host/v1?key=word"])
def test_an_address_with_a_secret_is_refused_without_telling_it(tmp_path: Path, base_url: str) -> None:
    (told,) = faults(tmp_path, f'[engine_options]\nbase_url = "{base_url}"')
    assert told.startswith("engine_options: base_url: ")
    assert "word" not in told.removeprefix("engine_options: base_url: it holds a user or a password")


def test_a_first_recipe_is_the_defaults_and_names_every_option(tmp_path: Path) -> None:
    raw = {"pad_ufes": Path("data/pad_ufes")}
    assert read(tmp_path, first_recipe(raw)) == Settings(raw=raw)
    text = first_recipe({})
    assert all(line.startswith(("#", "[")) for line in text.splitlines() if line)  # what is a default is a comment
    assert read(tmp_path, text) == Settings(raw={})
    assert all(f"{key.path[-1]}" in text for key in keys_of(Settings) if key.option.name)


def test_a_recipe_of_a_release_has_what_decides_its_rows_and_nothing_of_the_machine(tmp_path: Path) -> None:
    here = replace(FULL, work=tmp_path / "w", out=tmp_path / "o", raw={"hiba": tmp_path}, is_specimen=True)
    text = release_recipe(here)
    assert str(tmp_path) not in text
    assert not {"max_usd", "shard", "base_url", "concurrency", "work =", "out ="} & {
        word for word in ("max_usd", "shard", "base_url", "concurrency", "work =", "out =") if word in text
    }
    again = read(tmp_path, text)
    same = ("engine", "seed", "plan_options", "split_shares", "max_side_px", "is_permissive_only", "is_specimen")
    assert [getattr(again, name) for name in same] == [getattr(here, name) for name in same]
    assert list(again.raw) == ["hiba"]


def test_every_mistake_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    text = """
    seed = "x"
    engine = "gemni"
    raw.pad_ufs = "a"
    [engine_options]
    max_output_tokens = 0
    [plan_options]
    round = 3
    self_instruct_share = 1.5
    """
    told = faults(tmp_path, text)
    assert len(told) == 6
    assert told[:2] == [
        "seed: 'x' should be a valid integer",
        "engine_options.max_output_tokens: 0 should be greater than 0",
    ]
    assert "plan_options.round is not one of" in told[3]
    assert told[3].endswith("did you mean 'rounds'?")
    assert told[4].startswith("raw.pad_ufs is not one of pad_ufes")
    assert told[4].endswith("did you mean 'pad_ufes'?")
    assert told[5].startswith("engine: 'gemni' is not one of template, gemini")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[plan_options]\nself_instruct_share = 0.4\nconversation_share = 0.3", "not be more than 100 percent"),
        ("shard = [3, 2]", "say which part of how many"),
        ("split_shares = [0.5, 0.4, 0.2]", "must make 1 together"),
        ("split_shares = [1.2, -0.1, -0.1]", "must make 1 together"),
        ("raw = 3", "raw: 3 should be"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, text: str, said: str) -> None:
    [line] = faults(tmp_path, text)
    assert said in line
