"""The columns at which the Hub's viewer would fail: told by name and reason, for the smallest inputs that do it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dermasynth_builder.core.options import PlanOptions
from dermasynth_builder.release import viewer
from dermasynth_builder.release.folder import read_card
from dermasynth_builder.release.viewer import Unfit, unfit_columns, viewer_faults
from tests.support.releases import Built

ELEVEN = [chr(97 + number) * 4 for number in range(11)]  # one value more than a class always has


def split_of(folder: Path, values: list[Any], *, widths: tuple[int, ...] = (64,), name: str = "x") -> Path:
    """A file with one column, and the widths of its images."""
    origin = [{"width_px": widths[number % len(widths)]} for number in range(len(values))]
    path = folder / "train-00000-of-00001.parquet"
    pq.write_table(pa.table({name: values, "origin": origin}), path)
    return path


FAILS: dict[str, tuple[list[Any], str]] = {
    "lists of one and two": ([["a"], ["a", "b"]], "the lengths of its lists span exactly 1 and 2"),
    "empty lists and lists of one": ([[], ["a"], None], "the lengths of its lists span exactly 0 and 1"),
    "two neighbouring integers": ([2, 3, None, 3], "the values span exactly 2 and 3"),
    "texts of two lengths, one letter apart": ([*ELEVEN, "aaaaa"], "the lengths of its texts span exactly 4 and 5"),
    "a number too large for a date": (["5520969433413629950"], "5520969433413629950 looks like a number that is too"),
    "a negative one": ([None, "-3205742176803893704"], "-3205742176803893704 looks like a number"),
    "one after years": (["2020", "2147483648"], "2147483648 looks like a number"),
}
PASSES: dict[str, list[Any]] = {
    "lists of one length": [["a"], ["b"]],
    "lists of one to three": [["a"], ["a", "b", "c"]],
    "lists that are all missing": [None, None],
    "integers two apart": [2, 4],
    "neighbouring floats": [2.0, 3.0],
    "a class of ten texts, one letter apart": [*ELEVEN[:9], "aaaaa"],
    "a fifth of the rows": [*ELEVEN, "aaaaa"] * 5,
    "texts of one length": [*ELEVEN, "zzzz"],
    "texts two letters apart": [*ELEVEN, "aaaaaa"],
    "a number after a word": ["scin", "5520969433413629950"],
    "a number with a word before it": ["scin_-3205742176803893704"],
    "a year": ["2147483647"],
    "a date and a time": ["20240101123000", "123456789012"],
    "structs of neighbouring integers": [{"a": 1}, {"a": 2}],
    "bools": [True, False],
}


@pytest.mark.parametrize("case", FAILS)
def test_the_smallest_columns_at_which_the_viewer_fails_are_told(case: str, tmp_path: Path) -> None:
    values, reason = FAILS[case]
    [unfit] = unfit_columns([split_of(tmp_path, values)])
    assert unfit.column == "x"
    assert unfit.reason.startswith(reason)


@pytest.mark.parametrize("case", PASSES)
def test_what_the_viewer_can_count_is_not_told(case: str, tmp_path: Path) -> None:
    assert unfit_columns([split_of(tmp_path, PASSES[case])]) == []


def test_images_of_two_neighbouring_widths_are_told(tmp_path: Path) -> None:
    found = unfit_columns([split_of(tmp_path, [True, False], widths=(600, 601))])
    assert found == [Unfit("image", "the widths span exactly 600 and 601")]
    assert unfit_columns([split_of(tmp_path, [True, False, True], widths=(600, 601, 640))]) == []


def test_a_split_is_judged_over_its_files_together_as_far_as_the_viewer_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []
    for number, values in enumerate(([2], [3], [9])):
        (tmp_path / str(number)).mkdir()
        files.append(split_of(tmp_path / str(number), list(values)))
    found = [[unfit.column for unfit in unfit_columns(files[:count])] for count in (1, 2, 3)]
    assert found == [[], ["x"], []]
    first_two = sum(pq.read_metadata(path).row_group(0).total_byte_size for path in files[:2])
    monkeypatch.setattr(viewer, "_READ_BYTES", first_two - 1)
    assert [unfit.column for unfit in unfit_columns(files)] == ["x"]


def test_a_fault_names_config_split_column_and_reason(tmp_path: Path) -> None:
    path = split_of(tmp_path, [2, 3], name="age")
    assert list(viewer_faults({"hiba": {"test": [path]}})) == [
        "config hiba, split test, column age: the values span exactly 2 and 3"
    ]


@pytest.mark.parametrize("images", [3, pytest.param(24, marks=pytest.mark.slow)])
def test_a_release_has_no_column_that_fails_however_few_its_rows(
    images: int, specimens: Path, build_release: Callable[..., Built], tmp_path: Path
) -> None:
    built = build_release(specimens, tmp_path, plan_options=PlanOptions(limit=images), split_shares=(0.4, 0.3, 0.3))
    configs = read_card(built.release)
    assert list(viewer_faults({name: config.files for name, config in configs.items()})) == []
