"""A thousand worlds, each decided by its seed: nothing is lost, nothing paid twice, no limit passed."""

from pathlib import Path

import pytest

from dermasynth_builder.generate.ledger import Ledger
from tests.simulation import batch, online
from tests.simulation.play import played
from tests.simulation.world import Broken

SEEDS, TOGETHER = 1000, 8
Simulate = {"online": online.simulate, "batch": batch.simulate}


@pytest.mark.parametrize("first", range(1, SEEDS + 1, TOGETHER))
def test_whatever_a_seed_decides_all_is_answered_and_nothing_paid_twice(first: int) -> None:
    assert played(range(first, first + TOGETHER)) == []


@pytest.mark.parametrize("kind", Simulate)
def test_a_seed_replays_the_same_world(kind: str, tmp_path: Path) -> None:
    ledgers = []
    for name in ("one", "other"):
        world = Simulate[kind]("7", tmp_path / name)
        [path] = (tmp_path / name).glob("*.jsonl")
        ledgers.append((world.runs, world.now, path.read_bytes()))
    assert ledgers[0] == ledgers[1]


def test_seeds_meet_kills_faults_and_lost_answers(tmp_path: Path) -> None:
    """Worlds without trouble would show nothing."""
    worlds = [online.simulate(str(seed), tmp_path / str(seed)) for seed in range(20)]
    assert sum(world.runs > 1 for world in worlds) > 10
    assert sum(world.lost.total() for world in worlds) > 5
    lines = [line for path in tmp_path.rglob("*.jsonl") for line in path.read_bytes().splitlines()]
    assert sum(not line.endswith(b"}") for line in lines) > 1  # torn


def test_an_answer_that_is_thrown_away_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append = Ledger.append
    monkeypatch.setattr(Ledger, "append", lambda self, reply: None if reply.key[0] in "0123" else append(self, reply))
    with pytest.raises(Broken, match="are not kept"):
        online.simulate("1", tmp_path)


def test_a_request_that_is_paid_again_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "is_settled", lambda self, key: False)
    with pytest.raises(Broken, match="although its answer is kept"):
        online.simulate("2", tmp_path)
