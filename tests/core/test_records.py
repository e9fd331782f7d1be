"""Requests' keys: what they cover, what not, and that they never move."""

import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from dermasynth_builder.core.records import (
    KEY_LEAVES_OUT,
    Facts,
    Look,
    Measured,
    Observation,
    Request,
    Step,
    canonical_json,
    digest,
    share_of,
)
from tests.support.paths import ROOT

REQUEST = Request(
    source="pad_ufes",
    image_id="PAT_9001_7001_1",
    slot="general",
    style="asked",
    question_type="overview",
    question="What does this picture of the skin show?",
    prompt="Läsion on the forearm\n",
    prompt_id="asked",
    reply_schema='{"type":"object"}',
    modality="clinical",
    facts=Facts(diagnosis="nevus"),
    is_metadata_shown=True,
    image_sha256="ab" * 32,
    image_path=Path("somewhere/x.png"),
)
OTHER = {
    "source": "hiba",
    "image_id": "another",
    "slot": "source",
    "style": "self_instruct",
    "question_type": "diagnosis",
    "question": "Another question?",
    "prompt": "another prompt",
    "prompt_id": "self_instruct",
    "reply_schema": "{}",
    "modality": "dermoscopic",
    "facts": Facts(),
    "is_metadata_shown": False,
    "image_sha256": "cd" * 32,
    "image_path": Path("elsewhere.png"),
    "measured": (Measured("share", 7.0, "mask 1", 0.9),),
    "steps": (Step("general", "overview", "What does this picture of the skin show?"),),
    "look_mode": "first",
    "look": Look((Observation("o1", "scale", "white flakes"),), (), "good", "none"),
    "variant": 1,
}


def test_the_key_of_a_known_request_never_moves() -> None:
    assert REQUEST.key == "6904a3ec0ecf674f4ac56253d8c3c561d95cba827986fcd46dd9680c48b505ff"


def test_keys_are_the_same_in_another_process_with_another_hash_seed() -> None:
    script = "from tests.core.test_records import REQUEST; print(REQUEST.key)"
    keys = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1")
    }
    assert keys == {REQUEST.key}


@pytest.mark.parametrize("name", sorted(OTHER))
def test_a_field_changes_the_key_unless_the_table_says_why_not(name: str) -> None:
    changed = replace(REQUEST, **{name: OTHER[name]})  # type: ignore[arg-type]  # each value fits its field
    assert (changed.key == REQUEST.key) == (name in KEY_LEAVES_OUT)


def test_the_table_and_this_test_name_every_field() -> None:
    names = {field.name for field in fields(Request)} - {"key"}
    assert set(OTHER) == names
    assert set(KEY_LEAVES_OUT) <= names
    assert all(len(reason) > 20 for reason in KEY_LEAVES_OUT.values())


def test_canonical_json_is_the_same_for_equal_values() -> None:
    assert canonical_json({"b": 1, "a": "ä"}) == canonical_json({"a": "ä", "b": 1}) == '{"a":"ä","b":1}'
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_shares_spread_evenly_and_depend_on_the_identity_alone() -> None:
    shares = [share_of("x", number) for number in range(2000)]
    assert shares[7] == share_of("x", 7)
    assert 0.45 < sum(shares) / len(shares) < 0.55
    assert all(0 <= share < 1 for share in shares)


def test_pair_ids_tell_image_slot_and_variant() -> None:
    assert REQUEST.pair_id == "pad_ufes/PAT_9001_7001_1/general"
    assert replace(REQUEST, variant=2).pair_id == "pad_ufes/PAT_9001_7001_1/general/2"
