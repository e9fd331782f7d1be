"""Plays seeds: each is a world with faults and kills, online, and for every fifth seed in batches too."""

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.simulation import batch, online
from tests.simulation.world import Broken

BATCH_EVERY = 5
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own there; ledgers and states sync to disk all the time


def played(seeds: range) -> list[str]:
    """What broke, one line a seed; nothing where all holds."""
    return [told for seed in seeds if (told := _broken(seed))]


def _broken(seed: int) -> str | None:
    with TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as name:
        try:
            online.simulate(str(seed), Path(name, "online"))
            if seed % BATCH_EVERY == 0:
                batch.simulate(str(seed), Path(name, "batch"))
        except Broken as broken:
            return f"{broken}; replay it: python -m tests.simulation {seed}"
    return None
