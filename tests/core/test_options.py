"""Options are plain values: they can be compared, written down and sent to another process."""

import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

import dermasynth_builder
from dermasynth_builder.core.options import BatchOptions, EngineOptions, PlanOptions, Settings

PLAIN = {str, int, float, bool, NoneType, Path}
OF_PLAIN = {Union, UnionType, tuple, Mapping, Sequence}


def option_records() -> Iterator[type]:
    """`Settings` and every dataclass of the package that is named as options are."""
    for module in walk_packages(dermasynth_builder.__path__, "dermasynth_builder."):
        for name, found in vars(import_module(module.name)).items():
            is_here = isinstance(found, type) and is_dataclass(found) and found.__module__ == module.name
            if is_here and (name == "Settings" or name.endswith("Options")):
                yield found


RECORDS = {record.__name__: record for record in option_records()}


def strangers(hint: Any) -> list[Any]:
    """What in a type is no plain value."""
    if get_origin(hint) is Literal or hint is Ellipsis or hint in PLAIN or hint in RECORDS.values():
        return []
    if get_origin(hint) in OF_PLAIN:
        return [stranger for part in get_args(hint) for stranger in strangers(part)]
    return [hint]


def test_all_option_records_are_found() -> None:
    assert {"Settings", "EngineOptions", "BatchOptions", "PlanOptions", "PushOptions", "CostOptions"} <= set(RECORDS)


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_options_hold_plain_values_and_no_functions(record: type) -> None:
    hints = get_type_hints(record)
    assert not {each.name: found for each in fields(record) if (found := strangers(hints[each.name]))}


def test_settings_are_compared_by_value_and_can_be_sent_to_another_process() -> None:
    def settings() -> Settings:
        options = EngineOptions(model="m", batch=BatchOptions(most_rows=7))
        return Settings(raw={"pad_ufes": Path("raw")}, engine_options=options, plan_options=PlanOptions(rounds=1))

    assert settings() == settings() == pickle.loads(pickle.dumps(settings()))  # noqa: S301 - our own
    assert settings() != replace(settings(), engine_options=EngineOptions(model="m"))
    assert hash(settings().engine_options) == hash(settings().engine_options)
