"""The config `sample`: a pair an image, over sources, diagnoses and types in turn, whatever order they come in."""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder.release import sample
from dermasynth_builder.release.folder import read_card
from dermasynth_builder.release.parquet import read_rows, read_values
from dermasynth_builder.release.sample import Candidate, choose
from tests.support.releases import Built

TYPES = ("overview", "size", "malignancy")


def pairs_of(source: str, diagnosis: str, images: int) -> list[Candidate]:
    """Two pairs of each image."""
    made = []
    for number in range(images):
        image_id = f"{diagnosis}-{number}"
        for slot in range(2):
            kind = TYPES[(number + slot) % len(TYPES)]
            made.append(Candidate(f"{source}/{image_id}/{slot}", source, image_id, f"p{number // 2}", diagnosis, kind))
    return made


MANY = [*pairs_of("hiba", "nevus", 90), *pairs_of("hiba", "melanoma", 10), *pairs_of("scin", "eczema", 12)]


def test_sources_and_diagnoses_come_in_turn_and_types_are_even() -> None:
    first = list(choose(MANY))[:24]
    assert Counter(pair.source for pair in first) == {"hiba": 12, "scin": 12}
    assert Counter(pair.diagnosis for pair in first) == {"nevus": 6, "melanoma": 6, "eczema": 12}
    types = Counter(pair.question_type for pair in first)
    assert max(types.values()) - min(types.values()) <= 2


@given(st.randoms(use_true_random=False))
def test_the_choice_depends_on_the_pairs_and_not_on_their_order(draw: Random) -> None:
    shuffled = draw.sample(MANY, len(MANY))
    assert list(choose(shuffled)) == list(choose(MANY))


def test_every_image_has_one_pair() -> None:
    images = [(pair.source, pair.image_id) for pair in choose(MANY)]
    assert Counter(images) == Counter({(pair.source, pair.image_id): 1 for pair in MANY})


def test_another_image_moves_no_chosen_pair_out_of_its_place() -> None:
    first = list(choose(MANY))
    assert sorted(first, key=lambda pair: pair.place) != first
    more = replace(MANY[0], pair_id="hiba/new/0", image_id="new", group_id="new")
    assert [pair.place for pair in choose([*MANY, more]) if pair in first] == [
        pair.place for pair in choose([*MANY, more]) if pair in first
    ]


def test_a_sample_is_of_rows_of_the_train_split_with_their_images_shuffled(built: Built) -> None:
    configs = read_card(built.release)
    rows = {row["pair_id"]: row for row in read_rows(configs["pad_ufes"].files["train"])}
    shown = list(read_rows(configs["sample"].paths))
    assert list(configs["sample"].files) == ["train"]
    assert all(row == rows[row["pair_id"]] for row in shown)
    values = list(read_values(configs["sample"].paths))
    assert (
        len(values) == len({row["image_id"] for row in values}) == len({r["origin"]["image_id"] for r in rows.values()})
    )
    assert [row["pair_id"] for row in shown] != [
        pair_id for pair_id in rows if pair_id in {r["pair_id"] for r in shown}
    ]
    for row in values:
        assert hashlib.sha256(row["image"]["bytes"]).hexdigest() == row["image_sha256"]


def test_a_sample_ends_at_its_pairs_and_at_its_bytes(
    specimens: Path, build_release: Callable[..., Built], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (sample.PAIRS, sample.BYTES) == (1000, 500_000_000)
    monkeypatch.setattr(sample, "PAIRS", 5)
    few = build_release(specimens, tmp_path / "few")
    assert read_card(few.release)["sample"].rows == {"train": 5}
    monkeypatch.setattr(sample, "BYTES", 1)
    one = build_release(specimens, tmp_path / "few")
    assert read_card(one.release)["sample"].rows == {"train": 1}


def test_without_a_train_split_there_is_no_sample_and_the_source_is_the_default(
    specimens: Path, build_release: Callable[..., Built], tmp_path: Path
) -> None:
    built = build_release(specimens, tmp_path, split_shares=(0.0, 0.0, 1.0))
    assert list(read_card(built.release)) == ["pad_ufes", "all"]
